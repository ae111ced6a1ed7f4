"""A provider of another package, registered by entry point: every part of promptecho that knows providers knows it."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from promptecho import providers
from promptecho._cli._loopback import LoopbackServer, send
from promptecho._secrets import key_formats
from promptecho.provider import KeyRule
from tests.command_line import environment, promptecho
from tests.providers import acme

pytest.importorskip("httpx", reason="the made-up SDK rides on it")

KEY = acme.PROVIDER.keys[0].example
PIN = "q7Zr2Wx9Lm4T"

SDK = """
    import httpx


    class Acme:
        def __init__(self, url="https://api.acme.example"):
            self.url = url

        def talk(self, said, floor="1", stream=False, **more):
            body = {"engine": "gpt-4o", "turns": [{"who": "human", "says": said}], "stream": stream, **more}
            answer = httpx.post(self.url + "/acme/talk", json=body, headers={"x-acme-floor": floor})
            answer.raise_for_status()
            return answer
"""
SUITE = """
    import acme_sdk


    def test_talk():
        assert acme_sdk.Acme().talk("hi")
"""
TALK = """
    import sys

    from acme_sdk import Acme
    from promptecho import use_cassette

    client = Acme(sys.argv[1])
    with use_cassette("talk.yaml", sys.argv[2]) as cassette:
        print(client.talk("hello", mood=sys.argv[3]).text)
        print(client.talk("hello", floor="2").text)
        print(client.talk("hello", stream=True).text)
"""


class AcmeServer(LoopbackServer):
    hits = 0

    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        self.hits += 1
        floor = handler.headers["x-acme-floor"]
        spent = {"engine": body["engine"], "spent": {"in": 1000, "out": 10}, "why": "end"}
        if body["stream"]:
            pieces = [{"piece": "on floor "}, {"piece": floor, **spent}]
            text = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces)
            send(handler, 200, "text/event-stream", text.encode())
        else:
            says = f"on floor {floor}, with {KEY} and {PIN}"
            tree = {"acme": {"says": says, "does": [{"name": "lift", "with": {"to": 3}}]}, **spent}
            send(handler, 200, "application/json", json.dumps(tree).encode())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like ``site-packages``, with the provider and the SDK of another package."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(Path(acme.__file__), folder / "acme.py")
    (folder / "acme_sdk.py").write_text(textwrap.dedent(SDK))
    metadata = folder / "acme_sdk-4.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sdk\nVersion: 4.2\n")
    (metadata / "entry_points.txt").write_text("[promptecho.providers]\nacme = acme:PROVIDER\n")
    return folder


def variables(installed: Path) -> dict[str, str]:
    paths = environment()["PYTHONPATH"]
    return {"PYTHONPATH": f"{installed}:{paths}" if sys.platform != "win32" else f"{installed};{paths}"}


def python(installed: Path, folder: Path, script: str, *arguments: str, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        cwd=folder, env=environment(**variables(installed), **more), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recorded(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a cassette that was recorded, and what the program saw; the server is gone."""
    folder = tmp_path_factory.mktemp("project")
    with AcmeServer() as server:
        url = server.url
        seen = python(installed, folder, TALK, url, "once", "calm", ACME_PIN=PIN)
        assert server.hits == 3
    return folder, seen


def test_it_is_one_file_of_under_a_hundred_lines() -> None:
    assert len(Path(acme.__file__).read_text().splitlines()) < 100


def test_its_requests_are_matched_by_what_selects_an_answer(installed: Path, recorded: tuple[Path, str]) -> None:
    folder, seen = recorded
    replayed = python(installed, folder, TALK, "http://127.0.0.1:9", "none", "wild")
    answers = [json.loads(line)["acme"]["says"] for line in replayed.splitlines() if line.startswith("{")]
    assert [answer[:10] for answer in answers] == ["on floor 1", "on floor 2"]
    assert len(replayed.splitlines()) == len(seen.splitlines())
    written = (folder / "talk.yaml").read_text()
    assert "role: user\n        content: hello\n      model: gpt-4o\n" in written
    assert "matched_on: [model, messages]" in written


def test_its_keys_and_variables_are_masked(recorded: tuple[Path, str]) -> None:
    written = (recorded[0] / "talk.yaml").read_text()
    assert KEY not in written
    assert "REDACTED_ACME_KEY_" in written
    assert PIN not in written


def test_its_sdk_stands_among_the_versions_of_a_file(recorded: tuple[Path, str]) -> None:
    assert 'acme-sdk: "4.2"' in (recorded[0] / "talk.yaml").read_text()


def test_its_answers_are_read_and_priced(installed: Path, recorded: tuple[Path, str]) -> None:
    shown = promptecho(recorded[0], "show", "talk.yaml", **variables(installed)).stdout
    assert "on floor 2" in shown
    assert "lift(to=3)" in shown
    pytest.importorskip("genai_prices", reason="prices are an extra")
    totals = json.loads(promptecho(recorded[0], "stats", "--json", ".", **variables(installed)).stdout)
    assert totals["total"]["input_tokens"] == 3000
    assert totals["total"]["cost_usd"]


def test_the_guard_knows_its_hosts_and_background(installed: Path, tmp_path: Path) -> None:
    script = """
        from promptecho._guard.background import find
        from promptecho._guard.hosts import is_llm_host, is_login_host

        print(is_llm_host("eu.api.acme.example"), is_login_host("login.acme.example"))
        print(find("POST", "https://telemetry.acme.example/v1/pings").why)
    """
    assert python(installed, tmp_path, script).split("\n")[:2] == ["True True", "usage counters"]


def test_doctor_and_lint_know_its_sdk(installed: Path, tmp_path: Path) -> None:
    report = json.loads(promptecho(tmp_path, "doctor", "--json", **variables(installed)).stdout)
    (found,) = [each for each in report["sdks"] if each["sdk"] == "acme-sdk"]
    assert (found["version"], found["sync"], found["intercepted"]) == ("4.2", "http.client", False)
    (tmp_path / "test_it.py").write_text(textwrap.dedent(SUITE))
    findings = promptecho(tmp_path, "lint", "--json", ".", **variables(installed)).stdout
    assert [each["rule"] for each in json.loads(findings)["findings"]] == ["unrecorded-call"]


BROKEN = {
    "raise OSError('no disk')": "'acme' can't be loaded: OSError: no disk",
    "PROVIDER = 7": "'acme' is 7, not a promptecho.provider.Provider",
    "from promptecho.provider import *\nPROVIDER = Provider('a', 'A', keys=(KeyRule('A_KEY', ('a-',), 'x{9,}', 'b-xxxxxxxxxxxx'),))":
        "'A_KEY' does not find its own example 'b-xxxxxxxxxxxx' in bytes",
}  # fmt: skip


@pytest.mark.parametrize("source", BROKEN)
def test_one_that_is_broken_is_named_before_anything_is_sent(source: str, installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed, tmp_path / "site")
    (tmp_path / "site" / "acme.py").write_text(source)
    done = promptecho(tmp_path, "doctor", **variables(tmp_path / "site"))
    script = "from promptecho import use_cassette\nwith use_cassette('a.yaml'):\n    print('opened')"
    opened = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path, env=environment(**variables(tmp_path / "site")), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert BROKEN[source] in opened.stderr
    assert "opened" not in opened.stdout
    assert done.returncode == 2 or "KEY" in BROKEN[source]


@pytest.mark.parametrize("rule", providers.keys(), ids=lambda rule: f"{rule.name}-{rule.prefixes[0]}")
def test_each_rule_of_ours_finds_its_own_example(rule: KeyRule) -> None:
    assert key_formats.undetected(rule) == ""
