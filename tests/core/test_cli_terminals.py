"""The commands where output goes wrong: a reader that leaves, a full disk, no output at all, odd encodings, little room."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import environment

ENTRY = """\
- request:
    method: POST
    url: https://api.openai.com/v1/chat/completions
    match_key: "0123456789abcdef"
    matched_on: [model, messages]
    body:
      model: gpt-4o
      messages:
      - {role: user, content: "Gr\u00fc\u00dfe {NUMBER} \u2192 \u65e5\u672c"}
  response:
    status: 200
    headers: {content-type: application/json}
    streaming: false
    body: {model: gpt-4o, choices: [{message: {role: assistant, content: "\u2714 {NUMBER}"}, finish_reason: stop}]}
    json: compact
"""
COMMANDS = {
    "ls": ["ls"],
    "show": ["show", "cassettes/a.yaml"],
    "show --raw": ["show", "--raw", "cassettes/a.yaml"],
    "show --json": ["show", "--json", "cassettes/a.yaml"],
    "stats": ["stats"],
    "diff": ["diff", "cassettes/a.yaml", "cassettes/b.yaml"],
    "lint": ["lint"],
    "lint --rules": ["lint", "--rules"],
    "redact": ["redact", "--check"],
    "prune": ["prune", "--dry-run"],
    "import": ["import", "cassettes", "--into", "imported"],
    "doctor": ["doctor"],
}
every_command = pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "cassettes").mkdir()
    for name, count in (("a", 40), ("b", 45)):
        entries = "".join(ENTRY.replace("{NUMBER}", str(number)) for number in range(5, count))
        text = "version: 2\ninteractions:\n" + entries
        (tmp_path / "cassettes" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def start(folder: Path, arguments: list[str], stdout: int | None, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "promptecho", *arguments],
        env=environment(**more),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@every_command
def test_a_reader_that_leaves_early_is_no_error(project: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `| true` does, whatever comes
    process = start(project, arguments, writing)
    os.close(writing)
    _, said = process.communicate(timeout=120)
    assert said.decode() == ""
    assert process.returncode in (0, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no disk that is always full")
@every_command
def test_a_full_disk_is_one_error(project: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(project, arguments, full.fileno())
        _, said = process.communicate(timeout=120)
    assert said.decode() == "Error: the output can't be written: No space left on device\n"
    assert process.returncode == 2


@every_command
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii", "COLUMNS": "40", "NO_COLOR": "1"},
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "COLUMNS": "1"},
    ],
    ids=["ascii", "C locale"],
)
def test_every_terminal_gets_the_output(project: Path, arguments: list[str], environment: dict[str, str]) -> None:
    process = start(project, arguments, subprocess.PIPE, **environment)
    written, said = process.communicate(timeout=120)
    assert b"Traceback" not in said
    assert written or said
    assert process.returncode in (0, 1, 2)
    assert b"\x1b" not in written


@pytest.mark.parametrize("columns", ["1", "20", "40"])
def test_no_column_of_a_table_vanishes_where_it_is_narrow(project: Path, columns: str) -> None:
    process = start(project, ["ls"], subprocess.PIPE, COLUMNS=columns, PYTHONIOENCODING="utf-8")
    written, _ = process.communicate(timeout=120)
    assert "cassettes/a." in written.decode("utf-8")
    assert "gpt-4o" in written.decode("utf-8")


@pytest.mark.parametrize("arguments", [["ls"], ["stats"], ["prune", "--dry-run"]], ids=" ".join)
def test_no_path_is_broken_in_what_another_program_reads(project: Path, arguments: list[str]) -> None:
    longer = project / "tests" / "a_folder_with_a_name_that_is_long" / "cassettes" / ("x" * 60 + " y.yaml")
    longer.parent.mkdir(parents=True)
    (project / "cassettes" / "b.yaml").rename(longer)
    longer.with_name(f"{longer.stem}2.yaml").write_text("version: 1\n", encoding="utf-8")
    process = start(project, arguments, subprocess.PIPE, COLUMNS="")
    written, _ = process.communicate(timeout=120)
    name = longer.relative_to(project).with_suffix("").as_posix()
    assert {f"{name}.yaml", f"{name}2.yaml"} <= set(re.findall(rf"{re.escape(name)}\d?\.yaml", written.decode("utf-8")))


@pytest.mark.skipif(sys.platform == "win32", reason="closes a descriptor in a shell")
@pytest.mark.parametrize("arguments", [*COMMANDS.values(), ["export", "cassettes/a.yaml"]], ids=[*COMMANDS, "export"])
def test_without_an_output_a_command_does_its_work(project: Path, arguments: list[str]) -> None:
    code = "import os, sys, runpy; os.close(1); sys.stdout = None; runpy.run_module('promptecho', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(), cwd=project, stderr=subprocess.PIPE, timeout=120, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode in ((2,) if arguments[0] == "import" else (0, 1))  # there is nothing to import


def test_what_stands_in_a_cassette_does_not_drive_the_terminal_through_lint(project: Path) -> None:
    entry = ENTRY.replace("{NUMBER}", "1").replace("status: 200", "status: 500").replace("POST", '"P\\e[31mOST"')
    (project / "cassettes" / "a.yaml").write_text("version: 2\ninteractions:\n" + entry, encoding="utf-8")
    process = start(project, ["lint", "--select", "recorded-error"], subprocess.PIPE)
    written, _ = process.communicate(timeout=120)
    assert b"status 500 is recorded for P\\x1b[31MOST" in written
    assert b"\x1b" not in written
