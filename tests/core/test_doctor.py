"""``promptecho doctor`` says beforehand which calls would go around the cassette."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import promptecho


def doctor(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return promptecho(folder, "doctor", *arguments, **more)


def installed(folder: Path, name: str, version: str, *requirements: str) -> Path:
    """A distribution as pip leaves it; what is on PYTHONPATH comes before what is installed."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requirements)]) + "\n")
    return folder


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {sdk["sdk"]: sdk for sdk in json.loads(done.stdout)["sdks"]}


def test_boto3_without_its_flag_is_a_finding_and_with_it_is_none(tmp_path: Path) -> None:
    pytest.importorskip("boto3", reason="needs boto3")
    without = doctor(tmp_path, "--json")
    assert without.returncode == 1
    assert rows(without)["boto3"]["intercepted"] is False
    assert '"urllib3"' in rows(without)["boto3"]["advice"]
    with_it = doctor(tmp_path, "--json", PROMPTECHO_BACKENDS="all")
    assert with_it.returncode == 0
    assert rows(with_it)["boto3"]["intercepted"] is True


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.promptecho]\nbackends = "all"\n'),
        ("pytest.ini", "[pytest]\npromptecho_backends = all\n"),
        ("setup.cfg", "[tool:pytest]\npromptecho_backends = httpx httpx2 requests urllib3 aiohttp\n"),
    ],
)
def test_it_reads_the_settings_of_the_project(tmp_path: Path, file: str, text: str) -> None:
    if "httpx2" in text:
        pytest.importorskip("httpx2", reason="names it")
    (tmp_path / file).write_text(text)
    (tmp_path / "tests").mkdir()
    done = doctor(tmp_path / "tests")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_sdk_that_moved_to_a_library_that_is_not_known_is_a_finding(tmp_path: Path) -> None:
    moved = installed(tmp_path, "openai", "9.0.0", "pyreqwest>=1", 'httpx; extra == "old"')
    done = doctor(tmp_path, "--json", PYTHONPATH=str(moved))
    found = rows(done)["openai"]
    assert done.returncode == 1
    assert (found["version"], found["sync"], found["intercepted"]) == ("9.0.0", "pyreqwest", False)
    assert "no backend for pyreqwest" in found["advice"]


def test_the_table_is_for_people_and_wrong_settings_are_wrong_use(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert "backends: httpx, httpx2" in done.stdout
    assert "intercepted" in done.stdout
    wrong = doctor(tmp_path, PROMPTECHO_BACKENDS="urlib3")
    assert wrong.returncode == 2
    assert "did you mean 'urllib3'?" in wrong.stderr
    assert "Traceback" not in wrong.stderr
