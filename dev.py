"""The project's commands, for a machine that has Python and git and nothing else.

    python dev.py demo                 record, stop the server, replay: the main job
    python dev.py test [pytest args]   the whole suite, then what needs other releases or plugins beside it
    python dev.py test tests/core/...  some tests, with no more installed than these need
    python dev.py test --all-pythons   the same on every Python from 3.9 to 3.13 that is found
    python dev.py coverage             the suite, and which lines and branches of the packages it reaches
    python dev.py mutation PATTERN...  mutants of functions (promptecho._matching.identity*) that no test notices
    python dev.py soak                 kills, faults and load, ten times as many as in the suite
    python dev.py oldest               what rides on libraries, with the oldest release of each that is supported
    python dev.py lint                 ruff
    python dev.py types                mypy; then mypy and pyright on a user's project, against the installed wheel
    python dev.py build                wheel and sdist, and the wheel used on its own as a new user would
    python dev.py build --all-pythons  the same on every Python that is found
    python dev.py docs                 the HTML pages, in build/docs; a warning is an error

Each makes the environment it needs under ``.envs`` and keeps it while ``pyproject.toml`` stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".envs"
SUPPORTED = [(3, minor) for minor in range(9, 14)]
# The last releases of the SDKs that are built on httpx, or on requests and aiohttp (huggingface_hub).
PREVIOUS_MAJORS = [
    "openai<3", "anthropic<1", "mistralai<3", "google-genai<3", "cohere", "groq", "ollama", "huggingface_hub<1",
    "numpy", "pillow",
]  # fmt: skip

# The tests of the core that go through HTTP libraries, YAML, locks and the command line.
RIDING = [f"tests/core/test_{name}.py" for name in ("activation", "formats", "store", "redaction", "cli_show")]

# The tests that need no SDK and no tracer; the few in them that do are skipped where these are chosen.
LIGHT = ("tests/core", "tests/conformance", "tests/providers")


def run(command: Sequence[str | Path], folder: Path = ROOT, **environment: str) -> None:
    """Run a command, in the checkout or elsewhere; its failure ends this program with the same code."""
    print("$", " ".join(str(part) for part in command), flush=True)
    # The tests start hundreds of processes: without bytecode each of them would compile promptecho anew.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = subprocess.call([str(part) for part in command], cwd=folder, env={**inherited, **environment})
    if code:
        raise SystemExit(code)


def version_of(python: str) -> tuple[int, int]:
    text = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2])"], text=True)
    major, minor = text.split()
    return int(major), int(minor)


def pythons() -> list[str]:
    """An interpreter for each supported version that is on the PATH or under pyenv."""
    found: dict[tuple[int, int], str] = {}
    for folder in sorted((Path.home() / ".pyenv" / "versions").glob("3.*")):
        match = re.match(r"3\.(\d+)\.\d+$", folder.name)
        if match and (folder / "bin" / "python").exists():
            found[3, int(match.group(1))] = str(folder / "bin" / "python")
    for version in SUPPORTED:
        path = shutil.which(f"python3.{version[1]}")
        if version not in found and path and version_of(path) == version:
            found[version] = path
    found[sys.version_info[:2]] = sys.executable
    return [found[version] for version in SUPPORTED if version in found]


def python_in(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip_install(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def environment(name: str, install: Sequence[str], python: str = sys.executable) -> Path:
    """The Python of a virtual environment with the project and what a command needs."""
    major, minor = version_of(python)
    folder = ENVIRONMENTS / f"{name}-{major}.{minor}"
    executable = python_in(folder)
    wanted = hashlib.sha256(((ROOT / "pyproject.toml").read_text("utf-8") + repr(list(install))).encode()).hexdigest()
    stamp = folder / "installed"
    if not (stamp.exists() and stamp.read_text() == wanted):
        began = time.monotonic()
        print(f"Making {folder.relative_to(ROOT)}: once, until pyproject.toml changes ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder])
        run([*pip_install(executable), "--upgrade", "pip"])
        run([*pip_install(executable), *install])
        stamp.write_text(wanted)
        print(f"... done after {time.monotonic() - began:.0f} s", flush=True)
    return executable


def demo() -> None:
    python = environment("demo", ["-e", ".[demo]"])
    run([python, "-m", "promptecho", "demo"])


def needed_by(arguments: list[str]) -> tuple[str, list[str]]:
    """The environment in which chosen tests run, and the groups of ``pyproject.toml`` in it."""
    chosen = [argument for argument in arguments if Path(argument.partition("::")[0]).exists()]
    if chosen and all(argument.startswith(LIGHT) for argument in chosen):
        return "core", ["--group", "core"]
    return "test", ["--group", "test", "--group", "sdk"]


def test(arguments: list[str]) -> None:
    everywhere = "--all-pythons" in arguments
    arguments = [argument for argument in arguments if argument != "--all-pythons"]
    for interpreter in pythons() if everywhere else [sys.executable]:
        name, groups = needed_by(arguments)
        python = environment(name, ["-e", ".", *groups], interpreter)
        run([python, "-m", "pytest", "-n", "auto", *arguments])
    if not arguments:
        python = environment("previous", ["-e", ".", "--group", "test", *PREVIOUS_MAJORS])
        run([python, "-m", "pytest", "-n", "auto", "tests/sdk"])
        # Apart from the others: pytest-randomly shuffles each run that it is installed beside, those of the tests too.
        python = environment("plugins", ["-e", ".", "pytest", "httpx", "pytest-randomly", "pytest-rerunfailures"])
        beside = ["-p", "no:randomly", "-k", "order_of_tests or run_again", "tests/core/test_pytest_summary.py"]
        run([python, "-m", "pytest", *beside])


def coverage() -> None:
    """Run the suite, with the processes that its tests start, and tell what it reaches."""
    python = environment("coverage", ["-e", ".", "--group", "test", "--group", "sdk", "--group", "coverage"])
    run([python, "-m", "coverage", "erase"])
    try:
        run([python, "-m", "coverage", "run", "-m", "pytest", "-n", "auto"])
    finally:
        run([python, "-m", "coverage", "combine", "--quiet"])
        run([python, "-m", "coverage", "report"])


def mutation(patterns: list[str]) -> None:
    """Change functions in one place at a time and run the tests that matter; see ``tests/mutation/README.md``."""
    declared = re.search(r"^dependencies = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert declared is not None
    # Without promptecho: the changed copy is to be found.
    needs = re.findall(r'"(.+?)"', declared[1])
    python = environment("mutation", ["--group", "test", "--group", "mutation", *needs])
    run([python, "-m", "mutmut", "run", *patterns], PYTHONPATH="backends")
    results = subprocess.check_output([python, "-m", "mutmut", "results"], cwd=ROOT, text=True)
    print(*(line for line in results.splitlines() if not line.endswith(": not checked")), sep="\n")


def oldest() -> None:
    """What rides on other libraries, with the oldest releases of them that pyproject.toml allows."""
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    needs = declared.partition("\n[project]\n")[2].partition("\n[project.scripts]\n")[0]
    floors = dict(re.findall(r'"([\w-]+)>=([\d.]+)["; ]', needs))
    pytest = re.search(r'"(pytest)>=([\d.]+)"', declared)
    assert pytest is not None
    # httpx 0.24 wants an older h11 than httpx2 takes, and genai-prices a newer httpx.
    apart = {"httpx2", "genai-prices"}
    runner = ["-e", ".", f"pytest=={pytest[2]}", "pytest-asyncio", "pytest-xdist", "hypothesis"]
    for name, chosen, tests in (
        ("oldest", floors.keys() - apart, ["tests/conformance", "tests/backends/test_requests.py", *RIDING]),
        ("oldest-apart", apart, ["tests/conformance", "tests/core/test_prices.py"]),
    ):
        python = environment(name, [*runner, *(f"{each}=={floors[each]}" for each in sorted(chosen))])
        run([python, "-m", "pytest", "-n", "auto", *tests])


def soak() -> None:
    python = environment("test", ["-e", ".", "--group", "test", "--group", "sdk"])
    run([python, "-m", "pytest", "tests/soak"], PROMPTECHO_SOAK="10")


def lint() -> None:
    python = environment("lint", ["-e", ".", "--group", "lint", "pytest"])
    run([python, "-m", "ruff", "check", "."])
    run([python, "-m", "ruff", "format", "--check", "."])


def types() -> None:
    """Check the sources, then a user's project and the completeness of what is public against the installed wheel."""
    python = environment("lint", ["-e", ".", "--group", "lint", "pytest"])
    run([python, "-m", "mypy"])
    python = environment("types", ["--group", "types"])
    with tempfile.TemporaryDirectory() as folder:
        run([environment("build", ["--group", "build"]), "-m", "build", "--wheel", "--outdir", folder, "."])
        (wheel,) = Path(folder).glob("*.whl")
        run([*pip_install(python), wheel])  # with what it needs; what is installed already is of an earlier wheel
        run([*pip_install(python), "--force-reinstall", "--no-deps", wheel])
        project = shutil.copytree(ROOT / "tests" / "typing", Path(folder) / "project")
        run([python, "-m", "mypy", "."], project)
        path = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])  # pyright asks the first Python of it
        run([python, "-m", "pyright"], project, PATH=path)
        run([python, "-m", "pyright", "--verifytypes", "promptecho", "--ignoreexternal"], project, PATH=path)


def docs() -> None:
    """The HTML pages of the Markdown files and docstrings; nothing is looked up on the network."""
    python = environment("docs", ["-e", ".", "--group", "docs"])
    strict = ["-W", "--keep-going", "--nitpicky", "--fresh-env", "--quiet"]
    run([python, "-m", "sphinx", *strict, "-c", "docs", "-d", "build/doctrees", ".", "build/docs"])


def build(arguments: list[str]) -> None:
    """Build wheel and sdist, check what they say of themselves, and use the wheel as a new user does."""
    python = environment("build", ["--group", "build"])
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "dist"
        run([python, "-m", "build", "--outdir", made, "."])
        run([python, "-m", "twine", "check", "--strict", *made.iterdir()])
        (wheel,), (sdist,) = made.glob("*.whl"), made.glob("*.tar.gz")
        for number, interpreter in enumerate(pythons() if "--all-pythons" in arguments else [sys.executable]):
            use(wheel, without_sources(sdist, Path(folder) / f"project-{number}"), interpreter)


def without_sources(sdist: Path, folder: Path) -> Path:
    """Tests, pages and examples of an sdist, unpacked without the packages: only an installed one is found there."""
    shutil.unpack_archive(sdist, folder)
    (project,) = folder.iterdir()
    for package in ("promptecho", "backends"):
        shutil.rmtree(project / package)
    return project


def use(wheel: Path, project: Path, interpreter: str) -> None:
    """Install the wheel in a fresh environment, first with two SDKs alone, then with every extra, and use it."""
    folder = project.with_name("environment")
    run([interpreter, "-m", "venv", folder])
    python = python_in(folder)
    metadata = zipfile.ZipFile(wheel).read(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/METADATA").decode()
    extras = ",".join(re.findall(r"^Provides-Extra: (.+)$", metadata, re.MULTILINE))
    for install, tests in (
        ([f"{wheel}[demo]", "pytest", "pytest-asyncio"], ["tests/test_first_use.py"]),
        ([f"{wheel}[{extras}]"], ["tests/core/test_tutorial.py", "tests/core/test_docs.py", "examples"]),
    ):
        run([*pip_install(python), *install], project)
        run([python, "-m", "promptecho", "demo"], project, PYTHONPATH="")
        run([python, "-m", "pytest", "-p", "no:cacheprovider", *tests], project, PYTHONPATH="")


def main(arguments: list[str]) -> None:
    commands = {
        "demo": demo,
        "coverage": coverage,
        "oldest": oldest,
        "soak": soak,
        "lint": lint,
        "types": types,
        "docs": docs,
    }
    name = arguments[0] if arguments else ""
    if name == "test":
        test(arguments[1:])
    elif name == "mutation" and len(arguments) > 1:
        mutation(arguments[1:])
    elif name == "build" and arguments[1:] in ([], ["--all-pythons"]):
        build(arguments[1:])
    elif name in commands and len(arguments) == 1:
        commands[name]()
    else:
        print(__doc__)
        raise SystemExit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
