"""What a cassette, a call or a path holds reaches no terminal as a control sequence, wherever it is said."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from promptecho import CassetteMiss, use_cassette
from promptecho._harmless import harmless, json_escaped
from promptecho.errors import CassetteFileError, CassetteFormatError, CassetteWarning, PromptechoError
from tests.command_line import environment, promptecho

EVIL = "\x1b[2J\x1b]8;;x\x07\x9b31m\x7f\u202e\u2066"
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def is_harmless(text: str) -> bool:
    return not set(text) & set("\x1b\x07\x9b\x7f\u202e\u2066")


def cassette(path: Path, **request: object) -> Path:
    item = {
        "request": {"method": "POST", "url": "http://h/v1/chat/completions", "body": BODY, **request},
        "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"a": 1}},
        "duration": 0.1,
    }
    path.write_text(yaml.safe_dump({"version": 2, "interactions": [item]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("colour", ["0", "1"])
@pytest.mark.parametrize(
    "request_", [{"method": "POST" + EVIL}, {"url": "http://h/" + EVIL}, {"body": {**BODY, "n" + EVIL: EVIL}}]
)
def test_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: dict[str, object], colour: str) -> None:
    monkeypatch.setenv("FORCE_COLOR", colour)
    path = cassette(tmp_path / f"a{EVIL}.yaml", **request_)
    with pytest.raises(CassetteMiss) as caught, use_cassette(path, "none"), httpx.Client(trust_env=False) as client:
        client.post("http://h/v1/chat/completions", json={**BODY, "system" + EVIL: "x", "messages": []})
    said = str(caught.value)
    for ours in ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"):
        said = said.replace(ours, "") if colour == "1" else said
    assert is_harmless(said)
    assert "\\x1b[2J" in said


def test_an_error_and_a_warning(tmp_path: Path) -> None:
    path = tmp_path / f"a{EVIL}.yaml"
    path.write_text(f"version: 2\ninteractions: {EVIL!r}\n", encoding="utf-8")
    with pytest.raises(CassetteFormatError) as caught, use_cassette(path):
        pass
    assert is_harmless(str(caught.value))
    assert is_harmless(str(CassetteFileError(f"{path} can't be read")))
    cassette(path)
    path.write_text("unfinished: true\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with use_cassette(path, "none"):
            pass
    assert [is_harmless(str(each.message)) for each in shown if each.category is CassetteWarning] == [True]


@pytest.mark.parametrize(
    "command",
    ["ls", "show", "stats", "lint", "diff", "prune", "redact", "repair", "merge", "export", "import", "rerecord"],
)
def test_a_command(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "cassettes"
    folder.mkdir()
    for name, content in (("a", "version: 2\ninteractions: 7"), ("b", f"a: {EVIL!r}")):
        (folder / f"{name}{EVIL}.yaml").write_text(content, encoding="utf-8")
    good = cassette(folder / f"c{EVIL}.yaml", method="POST" + EVIL, body={**BODY, EVIL: EVIL})
    other = cassette(folder / f"d{EVIL}.yaml", url="http://h/" + EVIL)
    for paths in ([good], [*folder.iterdir()], [folder / f"nowhere{EVIL}.yaml"], [good, other]):
        done = promptecho(tmp_path, command, *paths)
        assert is_harmless(done.stdout + done.stderr)


def test_the_summary_of_a_test_run(tmp_path: Path) -> None:
    good = cassette(tmp_path / f"c{EVIL}.yaml")
    (tmp_path / "test_it.py").write_text(
        f"import promptecho\ndef test_it():\n    with promptecho.use_cassette({str(good)!r}, 'none'): pass\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    ours = done.stdout.partition("--- promptecho")[2]
    assert "not used" in ours
    assert is_harmless(ours)


@given(st.text())
def test_text_stays_as_it_is_but_for_what_is_harmful(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)
    assert is_harmless(harmless(text))
    assert is_harmless(json_escaped(text))
    if text.isprintable():
        assert all(harmless(letter) == letter for letter in text if letter != "\xad")


@pytest.mark.skipif(os.name == "nt", reason="a folder in use can't be removed there")
def test_a_current_folder_that_was_removed_is_one_error(tmp_path: Path) -> None:
    good = cassette(tmp_path / "c.yaml")
    program = f"""
import os, promptecho
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
with promptecho.use_cassette({str(good)!r}, "none"): pass
try:
    with promptecho.use_cassette("c.yaml"): pass
except promptecho.PromptechoError as problem:
    assert isinstance(problem, OSError)
    print(problem)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8",
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the current folder doesn't exist any more; change into one that does")
    command = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m promptecho ls"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8", check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "Error: the current folder doesn't exist any more; change into one that does, or give an absolute path\n"
    )


def test_every_error_passes_through_one_place() -> None:
    assert str(PromptechoError(EVIL)) == harmless(EVIL)
