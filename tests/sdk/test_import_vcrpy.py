"""A suite recorded with vcrpy or cassetter through the openai SDK, imported, replays unchanged and without a live call."""

from __future__ import annotations

import gzip
import http.server
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from promptecho import Cassette
from promptecho._cli._loopback import send
from promptecho._cli._model_server import ModelServer
from tests.command_line import promptecho

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None or sys.version_info < (3, 10), reason="needs openai on Python >= 3.10"
)

# The suite of a user. Only its first lines know who records.
SUITE = """
import asyncio
import json
import os
from pathlib import Path

import openai
import pytest

if os.environ["RECORDER"] == "vcrpy":
    from vcr import use_cassette
elif os.environ["RECORDER"] == "cassetter":
    from cassetter import use_cassette
else:
    from promptecho import use_cassette

FOLDER = os.environ["CASSETTES"]
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "What is six times seven?"}]}


def make(kind):
    return kind(base_url=os.environ["SERVER"] + "/v1", api_key=os.environ["KEY"], max_retries=2)


@pytest.fixture
def client():
    return make(openai.OpenAI)


def note(name, value):
    Path(os.environ["RESULTS"], name).write_text(json.dumps(value), encoding="utf-8")


def test_chat(client):
    with use_cassette(f"{FOLDER}/chat.yaml"):
        first = client.chat.completions.create(**CHAT)
        second = client.chat.completions.create(**CHAT)
        other = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Grüße"}])
    assert "six times seven" in first.choices[0].message.content
    note("chat", [each.model_dump(mode="json") for each in (first, second, other)])


def test_tools(client):
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
    with use_cassette(f"{FOLDER}/tools.yaml"):
        answer = client.chat.completions.create(**CHAT, tools=[tool])
    assert answer.choices[0].message.tool_calls[0].function.name == "look_up"
    note("tools", answer.model_dump(mode="json"))


def test_stream(client):
    with use_cassette(f"{FOLDER}/stream.yaml"):
        chunks = [chunk.model_dump(mode="json") for chunk in client.chat.completions.create(**CHAT, stream=True)]
        events = [event.type for event in client.responses.create(model="gpt-5", input="hi", stream=True)]
    assert len(chunks) > 3
    note("stream", [chunks, events])


def test_async(client):
    async def ask():
        async with make(openai.AsyncOpenAI) as asynchronous:
            return await asynchronous.chat.completions.create(**CHAT)

    with use_cassette(f"{FOLDER}/async.yaml"):
        answer = asyncio.run(ask())
    note("async", answer.model_dump(mode="json"))


def test_embeddings(client):
    with use_cassette(f"{FOLDER}/embeddings.yaml"):
        vectors = [client.embeddings.create(model="e", input=text).data[0].embedding for text in ("a", "b")]
    assert vectors[0] != vectors[1]
    note("embeddings", vectors)


def test_error_then_retry(client):
    with use_cassette(f"{FOLDER}/retry.yaml"):
        answer = client.chat.completions.with_raw_response.create(model="busy", messages=[])
    assert answer.retries_taken == 1
    note("retry", answer.parse().model_dump(mode="json"))


def test_upload(client):
    with use_cassette(f"{FOLDER}/upload.yaml"), pytest.raises(openai.NotFoundError) as caught:
        client.files.create(file=("a.jsonl", b'{"a": 1}'), purpose="batch")
    note("upload", caught.value.body)
"""


class BusyServer(ModelServer):
    """Compresses its JSON where the client takes it, and turns down the first call for the model ``busy``."""

    turned_down = False

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        if body.get("model") == "busy" and not self.turned_down:
            self.turned_down = True
            self.send_json(handler, {"error": {"message": "slow down"}}, 429)
        else:
            super().answer(handler, path, body, number)

    def send_json(self, handler: http.server.BaseHTTPRequestHandler, tree: Any, status: int = 200) -> None:
        data, headers = json.dumps(tree).encode(), [("retry-after-ms", "1")]
        if "gzip" in handler.headers.get("accept-encoding", ""):
            data = gzip.compress(data)
            headers.append(("content-encoding", "gzip"))
        send(handler, status, "application/json", data, *headers)


def run_suite(folder: Path, recorder: str, cassettes: str, server: str, key: str) -> dict[str, Any]:
    """The suite in a process of its own: what its tests got."""
    results = folder / f"results-{cassettes}"
    results.mkdir()
    environment = {
        **os.environ,
        "RECORDER": recorder,
        "CASSETTES": str(folder / cassettes),
        "SERVER": server,
        "KEY": key,
        "RESULTS": str(results),
        "PROMPTECHO_MODE": "none",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in results.iterdir()}


@pytest.mark.parametrize("recorder", ["vcrpy", "cassetter"])
def test_a_suite_of_another_recorder_replays_with_the_same_test_code_and_no_live_call(
    tmp_path: Path, recorder: str
) -> None:
    pytest.importorskip({"vcrpy": "vcr"}.get(recorder, recorder), reason=f"needs {recorder}")
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    key = "sk-local-" + "0a1b2c3d" * 3
    with BusyServer() as server:
        recorded = run_suite(tmp_path, recorder, "old", server.url, key)
        asked = len(server.hits)
        done = promptecho(tmp_path, "import", "old", "--into", "new", "--json")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)["imported"]
        assert sum(each["recordings"] for each in said) == asked == 12
        assert sum(each["errors"] for each in said) == 2
        assert not any(each["warnings"] for each in said)
        replayed = run_suite(tmp_path, "promptecho", "new", server.url, "another-key")
        assert len(server.hits) == asked  # the server was there, and nobody called it
    assert replayed == recorded
    for path in (tmp_path / "new").iterdir():
        assert key not in path.read_text(encoding="utf-8")
        assert all(interaction.incomplete is None for interaction in Cassette.load(path).interactions)
