"""The output that the documentation shows is what the commands print.

A ```console block holds commands after ``$ `` and what they print. Each block runs in a copy of ``examples/`` of its
own, in one shell, 100 columns wide, without colour. ``python -m tests.core.test_docs`` writes the output anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "cli.md"]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "--- end of a command ---"


@dataclass(frozen=True)
class Block:
    """A block of a page; ``steps`` are its commands and what the page says that they print."""

    page: Path
    line: int
    steps: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}: {self.steps[0][0] if self.steps else 'no command'}"


def blocks(page: Path) -> list[Block]:
    """The console blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, steps(found.group(1))) for found in _BLOCK.finditer(text)
    ]


def steps(text: str) -> tuple[tuple[str, str], ...]:
    """The commands of a block, each with the lines below it."""
    made: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            made.append([line[2:]])
        else:
            made[-1].append(line)  # a block that begins with anything but a command is a mistake
    return tuple((command, "".join(f"{line}\n" for line in lines)) for command, *lines in made)


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


needs_shell = pytest.mark.skipif(
    shutil.which("sh") is None or os.name == "nt", reason="the blocks are for a POSIX shell"
)


@needs_shell
@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for page in PAGES for block in blocks(page)])
def test_a_console_block_shows_what_its_commands_print(block: Block, tmp_path: Path) -> None:
    pytest.importorskip("genai_prices", reason="the pages show prices")
    printed = run([command for command, _ in block.steps], tmp_path)
    assert [f"$ {command}\n{output}" for (command, _), output in zip(block.steps, printed)] == [
        f"$ {command}\n{output}" for command, output in block.steps
    ]


def test_the_pages_have_blocks_and_each_begins_with_a_command() -> None:
    for page in PAGES:
        assert blocks(page)
        assert all(block.steps for block in blocks(page))


def rewritten(page: Path) -> str:
    """A page with the output of its blocks as it is now."""

    def with_output(found: re.Match[str]) -> str:
        commands = [command for command, _ in steps(found.group(1))]
        with tempfile.TemporaryDirectory() as folder:
            printed = run(commands, Path(folder))
        lines = "".join(f"$ {command}\n{output}" for command, output in zip(commands, printed))
        return f"```console\n{lines}```"

    return _BLOCK.sub(with_output, page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(rewritten(each), encoding="utf-8")
