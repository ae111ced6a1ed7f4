"""The project's commands, for a machine that has Python and git and nothing else.

    python dev.py demo                 record, stop the server, replay: the main job
    python dev.py test [pytest args]   the whole suite, then the SDK suite with the SDKs' previous majors
    python dev.py test --all-pythons   the same on every Python from 3.9 to 3.13 that is found
    python dev.py soak                 kills, faults and load, ten times as many as in the suite
    python dev.py lint | types | build
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


def run(command: Sequence[str | Path], **environment: str) -> None:
    """Run a command in the checkout; its failure ends this program with the same code."""
    print("$", " ".join(str(part) for part in command), flush=True)
    # The tests start hundreds of processes: without bytecode each of them would compile promptecho anew.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = subprocess.call([str(part) for part in command], cwd=ROOT, env={**inherited, **environment})
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


def environment(name: str, install: Sequence[str], python: str = sys.executable) -> Path:
    """The Python of a virtual environment with the project and what a command needs."""
    major, minor = version_of(python)
    folder = ENVIRONMENTS / f"{name}-{major}.{minor}"
    executable = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = hashlib.sha256(((ROOT / "pyproject.toml").read_text("utf-8") + repr(list(install))).encode()).hexdigest()
    stamp = folder / "installed"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder])
        pip = [executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--upgrade", "pip"])
        run([*pip, *install])
        stamp.write_text(wanted)
    return executable


def demo() -> None:
    python = environment("demo", ["-e", ".[demo]"])
    run([python, "-m", "promptecho", "demo"])


def test(arguments: list[str]) -> None:
    everywhere = "--all-pythons" in arguments
    arguments = [argument for argument in arguments if argument != "--all-pythons"]
    for interpreter in pythons() if everywhere else [sys.executable]:
        python = environment("test", ["-e", ".", "--group", "test", "--group", "sdk"], interpreter)
        run([python, "-m", "pytest", "-n", "auto", *arguments])
    if not arguments:
        python = environment("previous", ["-e", ".", "--group", "test", *PREVIOUS_MAJORS])
        run([python, "-m", "pytest", "-n", "auto", "tests/sdk"])


def soak() -> None:
    python = environment("test", ["-e", ".", "--group", "test", "--group", "sdk"])
    run([python, "-m", "pytest", "tests/soak"], PROMPTECHO_SOAK="10")


def lint() -> None:
    python = environment("lint", ["-e", ".", "--group", "lint", "pytest"])
    run([python, "-m", "ruff", "check", "."])
    run([python, "-m", "ruff", "format", "--check", "."])


def types() -> None:
    python = environment("lint", ["-e", ".", "--group", "lint", "pytest"])
    run([python, "-m", "mypy"])


def docs() -> None:
    """The HTML pages of the Markdown files and docstrings; nothing is looked up on the network."""
    python = environment("docs", ["-e", ".", "--group", "docs"])
    strict = ["-W", "--keep-going", "--nitpicky", "--fresh-env", "--quiet"]
    run([python, "-m", "sphinx", *strict, "-c", "docs", "-d", "build/doctrees", ".", "build/docs"])


def build() -> None:
    """Build wheel and sdist, install the wheel where the sources are not, and use it there."""
    python = environment("lint", ["-e", ".", "--group", "lint", "pytest"])
    with tempfile.TemporaryDirectory() as folder:
        run([python, "-m", "build", "--outdir", folder, "."])
        wheel = next(Path(folder).glob("*.whl"))
        clean = Path(folder) / "clean"
        run([sys.executable, "-m", "venv", clean])
        executable = clean / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        run([executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[httpx]"])
        command = [str(executable), "-m", "promptecho", "demo"]
        print("$", *command, flush=True)
        code = subprocess.call(command, cwd=folder)
        if code:
            raise SystemExit(code)


def main(arguments: list[str]) -> None:
    commands = {"demo": demo, "soak": soak, "lint": lint, "types": types, "docs": docs, "build": build}
    name = arguments[0] if arguments else ""
    if name == "test":
        test(arguments[1:])
    elif name in commands and len(arguments) == 1:
        commands[name]()
    else:
        print(__doc__)
        raise SystemExit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
