"""The documentation does what it shows: its code runs, its commands print what stands below them, its links lead on.

``docs/cli.md``: each console block runs in a copy of ``examples/`` of its own, in one shell, 100 columns wide.
``README.md``: one project from top to bottom. A Python block whose first line is ``# name.py`` is that file, any other
is a module of tests in which ``ask`` calls a model; ``<!-- offline -->`` and ``<!-- online -->`` take the model server
away and bring it back. Compared is what doesn't differ from run to run.
``python -m tests.core.test_docs`` writes the outputs that have changed, with ``--anew`` times and dates too.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptecho._settings import settings, toml

from .pages import ROOT, Block, Project, as_shown, blocks, masked, steps

COMMANDS = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
_END = "--- end of a command ---"
_ASK = """\
from openai import OpenAI


def ask(text):
    messages = [{"role": "user", "content": text}]
    return OpenAI().chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content


"""

needs_shell = pytest.mark.skipif(
    shutil.which("sh") is None or os.name == "nt", reason="the blocks are for a POSIX shell"
)


# --- the command line -------------------------------------------------------------------------------------------------


def command_blocks() -> list[Block]:
    return [block for block in blocks(COMMANDS.read_text(encoding="utf-8")) if block.kind == "console"]


def run(commands: list[str], folder: Path) -> list[str]:
    """What the commands of one block print in a copy of the examples."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    programs = folder / "bin"
    programs.mkdir()
    (programs / "promptecho").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m promptecho "$@"\n')
    (programs / "promptecho").chmod(0o755)
    # The status of a command is there for the next one, so that a block may show it with `echo $?`.
    script = "".join(f"{command}\ncode=$?; echo '{_END}'; (exit $code)\n" for command in commands)
    unwanted = ("CI", "FORCE_COLOR", "PROMPTECHO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder / "examples",
        env={
            **environment,
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
            "PYTHONIOENCODING": "utf-8",
            "GIT_CEILING_DIRECTORIES": str(folder),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.stdout.split(f"{_END}\n")[: len(commands)]


@needs_shell
@pytest.mark.parametrize(
    "block", [pytest.param(block, id=f"{block.line}: {block.text.splitlines()[0]}") for block in command_blocks()]
)
def test_a_console_block_shows_what_its_commands_print(block: Block, tmp_path: Path) -> None:
    pytest.importorskip("genai_prices", reason="the page shows prices")
    shown = steps(block.text)
    printed = run([command for command, _ in shown], tmp_path)
    assert [f"$ {command}\n{output}" for (command, _), output in zip(shown, printed)] == [
        f"$ {command}\n{output}" for command, output in shown
    ]


_THREE_CALLS = f"""\
{_ASK}def test_answer(promptecho_cassette):
    ask("What is six times seven?")
    ask("Are you sure?")
    ask("Thank you.")
"""


def text_block(heading: str) -> list[str]:
    """The lines of the first text block below a heading of the page."""
    page = COMMANDS.read_text(encoding="utf-8")
    return next(block.text for block in blocks(page[page.index(heading) :]) if block.kind == "text").splitlines()


@needs_shell
def test_prune_drops_what_the_page_says(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the example calls it")
    with Project(tmp_path, columns=100, keeps_cache=True) as project:
        project.write("test_answer.py", _THREE_CALLS)
        project.run("pytest")
        project.write("test_answer.py", _THREE_CALLS.replace('    ask("Are you sure?")\n', ""))
        project.run("pytest")
        assert project.run("promptecho prune").splitlines() == text_block("## prune")


@needs_shell
def test_rerecord_shows_what_the_page_says(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the example calls it")
    with Project(tmp_path, columns=100, keeps_cache=True) as project:
        project.answers["What is six times seven?"] = "42."
        project.write("tests/test_answer.py", _THREE_CALLS.partition('    ask("Are')[0])
        project.run("pytest")
        project.answers["What is six times seven?"] = "It is 42."
        printed = project.run("promptecho rerecord tests/cassettes/test_answer.yaml -- -x").splitlines()
        shown = text_block("## rerecord")
        assert [line for line in printed if line in shown and line] == [line for line in shown if line], printed


# --- the README -------------------------------------------------------------------------------------------------------


def readme_outputs(page: str, folder: Path) -> Iterator[tuple[Block, list[tuple[str, str, str]]]]:
    """Follow the README; for each console block, its commands with what it shows and what they print."""
    snippets: list[str] = []
    with Project(folder) as project:
        for block in blocks(page):
            if block.kind == "offline":
                project.go_offline()
            elif block.kind == "online":
                project.go_online()
            elif block.kind == "python":
                name = re.match(r"# (\S+\.py)\n", block.text)
                if name is None:
                    snippets.append(f"test_block_{block.line}.py")
                    project.write(snippets[-1], _ASK + block.text)
                else:
                    known = "" if "OpenAI()" in block.text or "ask(" not in block.text else _ASK
                    project.write(name[1], known + block.text)
            elif block.kind == "console":
                done = [(command, shown, project.run(command)) for command, shown in steps(block.text)]
                yield block, [(command, shown, as_shown(printed, shown)) for command, shown, printed in done]
        for mode in ("once", "none"):
            printed = project.run(f"PROMPTECHO_MODE={mode} pytest -q {' '.join(snippets)}")
            assert project.run("echo $?") == "0\n", printed
            project.go_offline()


@needs_shell
def test_the_readme_does_what_it_shows(tmp_path: Path) -> None:
    openai = pytest.importorskip("openai", reason="the README calls it")
    if int(openai.__version__.partition(".")[0]) < 3:
        pytest.skip("the README shows what openai 3 does")
    pytest.importorskip("genai_prices", reason="the page shows prices")
    count = 0
    for block, outputs in readme_outputs(README.read_text(encoding="utf-8"), tmp_path):
        for command, shown, printed in outputs:
            count += 1
            assert masked(printed) == masked(shown), f"README.md:{block.line}: $ {command}\n{printed}"
    assert count >= 5


@needs_shell
def test_lines_that_are_said_to_be_of_an_output_are(tmp_path: Path) -> None:
    for name in ("openai", "boto3"):
        pytest.importorskip(name, reason="the page shows its line")

    def cells(text: str) -> list[str]:
        return [re.sub(r"[\s┃│]+", " ", masked(line)).strip() for line in text.splitlines()]

    page = README.read_text(encoding="utf-8")
    found = [
        (above.kind.partition(": ")[2], block.text)
        for above, block in zip(blocks(page), blocks(page)[1:])
        if above.kind.startswith("some lines of: ")
    ]
    assert found
    with Project(tmp_path) as project:
        for command, text in found:
            printed = cells(project.run(command))
            assert [line for line in cells(text) if line not in printed] == [], command


def test_commands_to_set_up_exist() -> None:
    known = (ROOT / "dev.py").read_text(encoding="utf-8")
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    checked = 0
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            for line in block.text.splitlines() if block.kind == "bash" else ():
                words = shlex.split(line, comments=True)
                if words[:2] == ["python3", "dev.py"]:
                    checked += 1
                    assert re.search(rf'"{words[2]}"', known), f"{page.name}:{block.line}: {line}"
                for word in words if words[:2] == ["pip", "install"] else ():
                    extra = re.fullmatch(r"promptecho\[(\w+)\]", word)
                    assert extra is None or re.search(rf"^{extra[1]} = ", extras, re.MULTILINE), line
    assert checked


# --- every page -------------------------------------------------------------------------------------------------------


def test_files_and_tests_that_a_page_names_exist() -> None:
    named = 0
    for page in PAGES:
        for file, function in re.findall(
            r"`((?:tests|promptecho|backends)/[\w/.-]+?)(?:::(\w+))?`", page.read_text("utf-8")
        ):
            if not (ROOT / file.partition("/")[0]).exists():
                continue  # the wheel is tried without the sources
            assert (ROOT / file).exists(), f"{page.name}: {file}"
            if function:
                assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), (
                    f"{page.name}: {file}::{function}"
                )
            named += 1
    assert named > 50


def test_settings_that_a_page_shows_are_accepted() -> None:
    shown = 0
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.kind == "toml":
                table = toml.loads(block.text).get("tool", {}).get("promptecho", {})
                settings.check(table, f"{page.name}:{block.line}")
                shown += bool(table)
    assert shown >= 3


def anchors(page: str) -> set[str]:
    """The names by which GitHub finds the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        place, _, heading = target.partition("#")
        if "://" in place:
            continue
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (heading and heading not in anchors(file.read_text(encoding="utf-8"))):
            wrong.append(target)
    assert wrong == []


def test_code_of_a_page_is_of_a_kind_that_is_checked() -> None:
    """So that no block is shown that nothing looks at."""
    checked = {"README.md": {"python", "console", "toml", "bash", "text"}, "cli.md": {"console", "text"}}
    checked["snapshots.md"] = {"python", "yaml", "text"}  # by test_snapshot_docs
    checked["TUTORIAL.md"] = {"python", "console", "toml", "yaml"}  # by test_tutorial
    for page in PAGES:
        kinds = {block.kind for block in blocks(page.read_text(encoding="utf-8")) if block.text}
        allowed = {"bash", "toml"} | checked.get(page.name, set())
        if "reference" in page.parts or page.name == "CONTRIBUTING.md":
            allowed.add("python")  # by test_reference
        assert kinds <= allowed, page


# --- writing anew -----------------------------------------------------------------------------------------------------


def with_outputs(page: str, outputs: list[tuple[Block, list[tuple[str, str]]]]) -> str:
    """A page with other outputs in its console blocks."""
    for block, done in reversed(outputs):
        text = "".join(f"$ {command}\n{printed}" for command, printed in done)
        page = f"{page[: block.start]}```console\n{text}```{page[block.end :]}"
    return page


def rewritten_commands() -> str:
    outputs = []
    for block in command_blocks():
        commands = [command for command, _ in steps(block.text)]
        with tempfile.TemporaryDirectory() as folder:
            outputs.append((block, list(zip(commands, run(commands, Path(folder))))))
    return with_outputs(COMMANDS.read_text(encoding="utf-8"), outputs)


def rewritten_readme(*, anew: bool) -> str:
    """The README with its outputs as they are now; what only varies from run to run stays, unless ``anew``."""
    page = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        outputs = [
            (block, [(command, old if masked(new) == masked(old) and not anew else new) for command, old, new in done])
            for block, done in readme_outputs(page, Path(folder))
        ]
    return with_outputs(page, outputs)


if __name__ == "__main__":
    COMMANDS.write_text(rewritten_commands(), encoding="utf-8")
    README.write_text(rewritten_readme(anew="--anew" in sys.argv), encoding="utf-8")
