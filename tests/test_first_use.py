"""What a new user does on the first day, in a project of their own: nothing here looks at the sources.

``python dev.py build`` runs this against the installed wheel, with the sources taken away.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from promptecho._cli._model_server import ModelServer

ROOT = Path(__file__).parents[1]
SECRET = "sk-of-a-new-user-0123456789abcdef"


class Calculator(ModelServer):
    """Answers what the README's first test expects."""

    def answer(self, handler: Any, path: str, body: Any, number: int) -> None:
        assert path == "/v1/chat/completions"
        message = {"role": "assistant", "content": "Six times seven is 42."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        completion = {"id": f"c-{number}", "object": "chat.completion", "created": 1, "model": body["model"]}
        self.send_json(handler, {**completion, "choices": [choice]})


@pytest.fixture
def server() -> Iterator[Calculator]:
    pytest.importorskip("openai", reason="the README's first test calls it")
    with Calculator() as running:
        yield running


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python in a project folder, with none of this run's own settings."""
    unwanted = ("CI", "FORCE_COLOR", "PROMPTECHO_", "PYTEST_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]), "NO_PROXY": "*",
             **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )  # fmt: skip


PLUGINS = ("promptecho", "promptecho_snapshot")  # the names of their entry points


def pytest_alone(
    *, cwd: Path, plugins: tuple[str, ...] = PLUGINS, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugins of promptecho; those of others may take seconds to start."""
    arguments = ["-p", "no:cacheprovider", *(argument for plugin in plugins for argument in ("-p", plugin))]
    return run("pytest", *arguments, cwd=cwd, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **variables)


def first_test() -> str:
    """The first test of the README, as it stands there."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## A first test\n.*?^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


WITH_A_DECORATOR = """
import promptecho
from openai import OpenAI

@promptecho.use_cassette("cassettes/answer.yaml")
def test_answer():
    messages = [{"role": "user", "content": "What is six times seven?"}]
    assert "42" in OpenAI().chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content
"""


@pytest.mark.parametrize(
    ("source", "cassette"),
    [(first_test(), "test_answer.yaml"), (WITH_A_DECORATOR, "answer.yaml")],
    ids=["the README's", "with a decorator"],
)
def test_a_first_test_records_and_then_replays_without_a_server_or_a_key(
    source: str, cassette: str, server: Calculator, tmp_path: Path
) -> None:
    (tmp_path / "test_first.py").write_text(source, encoding="utf-8")
    address = {"OPENAI_BASE_URL": f"{server.url}/v1"}

    recorded = pytest_alone(cwd=tmp_path, OPENAI_API_KEY=SECRET, **address)
    assert recorded.returncode == 0, recorded.stdout
    assert "0 replayed, 1 recorded, 0 missed" in recorded.stdout
    assert len(server.hits) == 1
    text = (tmp_path / "cassettes" / cassette).read_text(encoding="utf-8")
    assert "What is six times seven?" in text
    assert SECRET not in text

    server.stop()
    replayed = pytest_alone(cwd=tmp_path, OPENAI_API_KEY="none", PROMPTECHO_MODE="none", **address)
    assert replayed.returncode == 0, replayed.stdout
    assert "1 replayed, 0 recorded, 0 missed" in replayed.stdout
    assert (tmp_path / "cassettes" / cassette).read_text(encoding="utf-8") == text


def test_the_command_line_tells_of_a_first_cassette(server: Calculator, tmp_path: Path) -> None:
    (tmp_path / "test_first.py").write_text(first_test(), encoding="utf-8")
    pytest_alone(cwd=tmp_path, OPENAI_API_KEY=SECRET, OPENAI_BASE_URL=f"{server.url}/v1")
    for command, codes, said in (
        (("ls",), {0}, "test_answer.yaml"),
        (("show", "cassettes/test_answer.yaml"), {0}, "Six times seven is 42."),
        (("stats",), {0}, "gpt-5"),
        (("lint",), {0}, ""),
        (("doctor",), {0, 1}, "openai"),  # 1: an SDK is installed that rides on a library to opt into
    ):
        done = run("promptecho", *command, cwd=tmp_path, COLUMNS="120")
        assert done.returncode in codes, done.stdout
        assert said in done.stdout


def test_the_program_is_installed_beside_python() -> None:
    program = Path(sys.executable).with_name("promptecho.exe" if os.name == "nt" else "promptecho")
    done = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert metadata.version("promptecho") in done.stdout


def test_every_entry_point_can_be_loaded() -> None:
    points = metadata.distribution("promptecho").entry_points
    assert {point.group for point in points} == {"console_scripts", "pytest11"}
    for point in points:
        assert point.load() is not None


# --- what is loaded ---------------------------------------------------------------------------------------------------

LOADED = """
import json, sys
def loaded():
    # stdlib aside: what of it is loaded differs by version and by what starts Python
    return sorted(
        name for name, module in sys.modules.items()
        if name.partition(".")[0] in ("promptecho", "promptecho_backends")
        or "site-packages" in str(getattr(module, "__file__", ""))
    )
"""


def test_importing_promptecho_loads_two_modules(tmp_path: Path) -> None:
    (tmp_path / "start.py").write_text(
        f"{LOADED}\nbefore = loaded()\nimport promptecho\nprint(json.dumps([before, loaded()]))", encoding="utf-8"
    )
    before, after = json.loads(run("start", cwd=tmp_path).stdout)
    assert set(after) - set(before) == {"promptecho", "promptecho._version"}


def test_a_cassette_loads_the_reader_of_files_and_the_adapters_in_use_alone(tmp_path: Path) -> None:
    program = "import promptecho\nwith promptecho.use_cassette('c.yaml'): pass\nprint(json.dumps(loaded()))"
    (tmp_path / "start.py").write_text(f"{LOADED}\n{program}", encoding="utf-8")
    found = json.loads(run("start", cwd=tmp_path).stdout)
    unwanted = {"rich", "click", "genai_prices", "httpx", "httpx2", "requests", "urllib3", "aiohttp", "pytest"}
    assert not unwanted & {name.partition(".")[0] for name in found}
    assert not [name for name in found if name.startswith(("promptecho._cli", "promptecho.snapshot"))]


def test_the_plugins_add_their_own_few_modules_to_the_start_of_pytest(tmp_path: Path) -> None:
    source = f"{LOADED}\ndef test_nothing():\n    open('loaded.json', 'w').write(json.dumps(loaded()))\n"
    (tmp_path / "test_nothing.py").write_text(source, encoding="utf-8")

    def started(*plugins: str) -> set[str]:
        done = pytest_alone(cwd=tmp_path, plugins=plugins)
        assert done.returncode == 0, done.stdout
        return set(json.loads((tmp_path / "loaded.json").read_text(encoding="utf-8")))

    assert started(*PLUGINS) - started() == {
        "promptecho",
        *(f"promptecho._{room}" for room in ("pytest", "secrets", "session", "settings", "telling")),
        "promptecho._session.begun",
        "promptecho._defaults",
        "promptecho._forks",
        "promptecho._harmless",
        "promptecho._secrets.masked_names",
        "promptecho._settings.paths",
        "promptecho._pytest.report",
        "promptecho._pytest.strict",
        "promptecho._telling.run",
        "promptecho._session.run_folder",
        "promptecho._telling.scope",
        "promptecho._version",
        "promptecho.errors",
        "promptecho.pytest_plugin",
        "promptecho.snapshot",
        "promptecho.snapshot._plugin",
    }
