"""``promptecho demo`` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptecho import Cassette
from tests.command_line import promptecho


def test_the_demo_records_stops_the_server_and_replays(tmp_path: Path) -> None:
    done = promptecho(tmp_path, "demo", "--keep", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    recorded = len(Cassette.load(tmp_path / "demo.yaml").interactions)
    assert recorded in (3, 6)
    assert f"Requests that reached the server: {recorded} while recording, 0 while replaying." in done.stdout
    assert "Answers equal: yes. API key in the cassette: no." in done.stdout
    assert str(tmp_path / "demo.yaml") in done.stdout


def test_without_an_sdk_the_demo_uses_httpx_and_says_so(tmp_path: Path) -> None:
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util as u\n_find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('openai', 'anthropic') else _find(name, *a)\n",
        encoding="utf-8",
    )
    done = promptecho(tmp_path, "demo", "--keep", tmp_path, PYTHONPATH=str(hide))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No SDK is installed: the same calls are made with httpx" in done.stdout
    assert "Answers equal: yes" in done.stdout


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--version"], 0), (["nothing"], 2)])
def test_the_command_line_says_what_there_is(tmp_path: Path, arguments: list[str], code: int) -> None:
    assert promptecho(tmp_path, *arguments).returncode == code
