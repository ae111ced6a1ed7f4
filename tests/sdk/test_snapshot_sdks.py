"""Each SDK's replies in snapshots: recorded, replayed equal without the server, and whatever changes is named.

The recording is changed by hand in its file, as a new answer of the model would change it.
"""

from __future__ import annotations

import http.server
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho import CassetteMiss
from promptecho._cli._loopback import send
from promptecho.errors import SnapshotError
from promptecho.snapshot import _file, judge
from promptecho.snapshot._fixture import LLMSnapshot, Test
from promptecho.snapshot._run import Gathered, Outcome
from tests.backends import bedrock

from .calls import ENTRIES, KEY, PROMPT, call, is_installed, sdk
from .provider_server import ProviderServer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
SAID = "It is sunny."
TOOLS: list[tuple[str, dict[str, str]]] = [("weather", {"city": "Paris"}), ("clock", {"zone": "CET"})]


def _openai_chat(said: str) -> Any:
    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for name, arguments in TOOLS
    ]
    message = {"role": "assistant", "content": said, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage,
    }  # fmt: skip


def _openai_responses(said: str) -> Any:
    content = [{"type": "output_text", "text": said, "annotations": []}]
    items: list[Any] = [{"id": "msg_1", "type": "message", "role": "assistant", "content": content}]
    items += [
        {"id": f"fc_{name}", "type": "function_call", "call_id": name, "name": name, "arguments": json.dumps(arguments)}
        for name, arguments in TOOLS
    ]
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": items}


def _anthropic(said: str) -> Any:
    blocks: list[Any] = [{"type": "text", "text": said}]
    blocks += [{"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": each} for name, each in TOOLS]
    usage = {"input_tokens": 1, "output_tokens": 2}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks,
        "stop_reason": "tool_use", "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def _gemini(said: str) -> Any:
    parts: list[Any] = [{"text": said}, *({"functionCall": {"name": name, "args": each}} for name, each in TOOLS)]
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0, "finishReason": "STOP"}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r1"}


def _cohere(said: str) -> Any:
    calls = _openai_chat(said)["choices"][0]["message"]["tool_calls"]
    message = {"role": "assistant", "content": [{"type": "text", "text": said}], "tool_calls": calls}
    return {"id": "c1", "finish_reason": "TOOL_CALL", "message": message}


def _ollama(said: str) -> Any:
    calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in TOOLS]
    message = {"role": "assistant", "content": said, "tool_calls": calls}
    return {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop", "message": message,
        "eval_count": 4,
    }  # fmt: skip


def _converse(said: str) -> Any:
    content: list[Any] = [{"text": said}]
    content += [{"toolUse": {"toolUseId": f"t_{name}", "name": name, "input": arguments}} for name, arguments in TOOLS]
    return {
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use",
        "usage": bedrock.USAGE, "metrics": {"latencyMs": 1},
    }  # fmt: skip


def _converse_stream(said: str) -> bytes:
    events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    events.append(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": said}}))
    for at, (name, arguments) in enumerate(TOOLS, start=1):
        start = {"toolUse": {"toolUseId": f"t_{name}", "name": name}}
        events.append(("contentBlockStart", {"contentBlockIndex": at, "start": start}))
        delta = {"toolUse": {"input": json.dumps(arguments)}}
        events.append(("contentBlockDelta", {"contentBlockIndex": at, "delta": delta}))
        events.append(("contentBlockStop", {"contentBlockIndex": at}))
    events.append(("messageStop", {"stopReason": "tool_use"}))
    return b"".join(bedrock.frame(kind, payload) for kind, payload in events)


def _chat_stream(said: str) -> list[str]:
    deltas: list[Any] = [{"role": "assistant", "content": said}]
    for at, (name, arguments) in enumerate(TOOLS):
        function = {"name": name, "arguments": json.dumps(arguments)}
        deltas.append({"tool_calls": [{"index": at, "id": f"c{at}", "type": "function", "function": function}]})
    chunks = [
        {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, **each}]}
        for each in [*({"delta": each, "finish_reason": None} for each in deltas),
                     {"delta": {}, "finish_reason": "tool_calls"}]
    ]  # fmt: skip
    return [*(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks), "data: [DONE]\n\n"]


class AgentServer(ProviderServer):
    """Answers each provider's call with a text and two tool calls, and a judge's question with a verdict."""

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        asked = json.dumps(body)
        said = SAID
        if "promptecho judge" in asked:
            said = "PASS\nIt names the weather." if "sunny" in asked.split("<reply>")[1] else "FAIL\nIt doesn't."
        if path.endswith("/converse-stream"):
            send(handler, 200, "application/vnd.amazon.eventstream", _converse_stream(said))
        elif path.endswith("/chat/completions") and body.get("stream"):
            self.send_events(handler, _chat_stream(said))
        else:
            ends: dict[str, Callable[[str], Any]] = {
                "/chat/completions": _openai_chat, "/responses": _openai_responses, "/messages": _anthropic,
                ":generateContent": _gemini, "/v2/chat": _cohere, "/api/chat": _ollama, "/converse": _converse,
            }  # fmt: skip
            make = next(make for end, make in ends.items() if path.endswith(end))
            self.send_json(handler, make(said))


@dataclass(frozen=True)
class Reply:
    """How an SDK gives a reply, and how its finish reason reads and is changed in the cassette."""

    module: str
    ask: Callable[[str], Any]
    finish: tuple[str, str]
    finish_change: str
    backends: Any = None


def _openai(url: str) -> Any:
    return sdk("openai").OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def _claude(url: str) -> Any:
    return sdk("anthropic").Anthropic(base_url=url, api_key=KEY, max_retries=0)


def _aws(url: str) -> Any:
    return bedrock.client(url, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key=KEY)


def _converse_call(url: str, operation: str) -> Any:
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    return getattr(_aws(url), operation)(modelId="anthropic.claude-v2:1", messages=messages)


def _gemini_call(url: str) -> Any:
    client = ENTRIES["google-genai"].client(url)  # held, since it closes when it is collected
    return client.models.generate_content(model="m", contents="hi")


_STREAMED = ('"finish_reason": "tool_calls"', '"finish_reason": "length"')
REPLIES = {
    "openai-chat": Reply(
        "openai",
        lambda url: _openai(url).chat.completions.create(model="m", messages=PROMPT),
        ("finish_reason: tool_calls", "finish_reason: length"),
        "finish_reason: 'tool_calls' -> 'length'",
    ),
    "openai-chat-stream": Reply(
        "openai",
        lambda url: list(_openai(url).chat.completions.create(model="m", messages=PROMPT, stream=True)),
        _STREAMED,
        "finish_reason: 'tool_calls' -> 'length'",
    ),
    "openai-responses": Reply(
        "openai",
        lambda url: _openai(url).responses.create(model="m", input="hi"),
        ("status: completed", "status: failed"),
        "finish_reason: 'completed' -> 'failed'",
    ),
    "anthropic": Reply(
        "anthropic",
        lambda url: _claude(url).messages.create(model="m", messages=PROMPT, max_tokens=9),
        ("stop_reason: tool_use", "stop_reason: max_tokens"),
        "finish_reason: 'tool_use' -> 'max_tokens'",
    ),
    "google-genai": Reply(
        "google.genai",
        _gemini_call,
        ("finishReason: STOP", "finishReason: MAX_TOKENS"),
        "finish_reason: 'STOP' -> 'MAX_TOKENS'",
        "all",
    ),
    "mistral": Reply(
        "mistralai",
        lambda url: ENTRIES["mistral"].client(url).chat.complete(model="m", messages=PROMPT),
        ("finish_reason: tool_calls", "finish_reason: length"),
        "finish_reason: 'tool_calls' -> 'length'",
    ),
    "mistral-stream": Reply(
        "mistralai",
        lambda url: list(ENTRIES["mistral"].client(url).chat.stream(model="m", messages=PROMPT)),
        _STREAMED,
        "finish_reason: 'tool_calls' -> 'length'",
    ),
    "cohere": Reply(
        "cohere",
        lambda url: ENTRIES["cohere"].client(url).chat(model="m", messages=PROMPT),
        ("finish_reason: TOOL_CALL", "finish_reason: MAX_TOKENS"),
        "finish_reason: 'TOOL_CALL' -> 'MAX_TOKENS'",
    ),
    "boto3-converse": Reply(
        "boto3",
        lambda url: _converse_call(url, "converse"),
        ("stopReason: tool_use", "stopReason: max_tokens"),
        "finish_reason: 'tool_use' -> 'max_tokens'",
        ["urllib3"],
    ),
    "boto3-converse-stream": Reply(
        "boto3",
        lambda url: list(_converse_call(url, "converse_stream")["stream"]),
        ("stopReason: tool_use", "stopReason: max_tokens"),
        "finish_reason: 'tool_use' -> 'max_tokens'",
        ["urllib3"],
    ),
    "ollama": Reply(
        "ollama",
        lambda url: ENTRIES["ollama"].client(url).chat(model="m", messages=PROMPT),
        ("done_reason: stop", "done_reason: length"),
        "finish_reason: 'stop' -> 'length'",
    ),
}


def _skip_unless_installed(module: str) -> None:
    pytest.importorskip(module, reason=f"the SDK {module} is not installed here")


def snapshot_in(file: Path, *, update: bool = False) -> tuple[LLMSnapshot, Callable[[], None]]:
    """The fixture's object for a test, and what the plugin does with it at the end of a run."""
    gathered = Gathered()
    test = Test("test_reply", "test_x.py::test_reply", file, file.parent, update, False, gathered.results)
    return LLMSnapshot(test), lambda: Outcome(gathered, file.parent, update=update).write()


def _swapped(text: str) -> str:
    """The two tool calls in the other order."""
    for one, other in (("weather", "clock"), ("city", "zone"), ("Paris", "CET")):
        text = text.replace(one, "\0").replace(other, one).replace("\0", other)
    return text


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_replays_equal_and_each_change_is_named(tmp_path: Path, name: str) -> None:
    reply = REPLIES[name]
    _skip_unless_installed(reply.module)
    path, file = tmp_path / "reply.yaml", tmp_path / "__llm_snapshots__" / "test_x.yaml"
    with AgentServer() as server:
        with promptecho.use_cassette(path, "once", backends=reply.backends, on_record_error="raise"):
            recorded = reply.ask(server.url)
        hits = len(server.hits)

        snapshot, finish = snapshot_in(file, update=True)
        assert recorded == snapshot
        finish()
    assert _file.load(file)["test_reply"] == {
        "text": SAID,
        "tool_calls": [{"name": each, "arguments": arguments} for each, arguments in TOOLS],
        "finish_reason": reply.finish_change.split("'")[1],
    }

    def replayed() -> list[str]:
        with promptecho.use_cassette(path, "none", backends=reply.backends):
            answer = reply.ask(server.url)
        snapshot, _ = snapshot_in(file)
        if answer == snapshot:
            return []
        assert snapshot.failure is not None
        return snapshot.failure.lines[1:-1]

    assert replayed() == []
    whole = path.read_text(encoding="utf-8")
    for change, said in (
        (lambda text: text.replace("sunny", "rainy"), ["text: It is [-sunny-]{+rainy+}."]),
        (lambda text: text.replace("Paris", "London"), ["tool_calls[0].arguments.city: 'Paris' -> 'London'"]),
        (lambda text: text.replace(*reply.finish), [reply.finish_change]),
        (
            _swapped,
            ["tool_calls:", "  the order changed:", '  - weather(city="Paris"), clock(zone="CET")',
             '  + clock(zone="CET"), weather(city="Paris")'],
        ),
    ):  # fmt: skip
        path.write_text(change(whole), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != whole
        assert replayed() == said
    path.write_text(whole, encoding="utf-8")
    assert replayed() == []
    assert len(server.hits) == hits


@pytest.mark.parametrize(
    "name",
    ["openai-chat", "openai-responses", "anthropic-messages", "mistral", "cohere", "ollama", "groq"],
)
def test_a_stream_read_into_a_list_comes_down_to_its_answer(tmp_path: Path, name: str) -> None:
    if not is_installed(ENTRIES[name]):
        pytest.skip(f"the SDK {ENTRIES[name].module} is not installed here")
    path, file = tmp_path / "stream.yaml", tmp_path / "__llm_snapshots__" / "test_x.yaml"
    with ProviderServer() as server, promptecho.use_cassette(path, "once", backends=ENTRIES[name].backends):
        chunks = call(name, "stream", server.url)
    snapshot, finish = snapshot_in(file, update=True)
    assert chunks == snapshot
    finish()
    stored = _file.load(file)["test_reply"]
    assert stored["text"].startswith("Answer 1 to: ")
    assert stored["finish_reason"].lower() in ("stop", "end_turn", "complete", "completed")
    path.write_text(path.read_text(encoding="utf-8").replace("Answer ", "Reply "), encoding="utf-8")
    with promptecho.use_cassette(path, "none", backends=ENTRIES[name].backends):
        chunks = call(name, "stream", server.url)
    snapshot, _ = snapshot_in(file)
    with pytest.raises(AssertionError):
        assert chunks == snapshot
    assert snapshot.failure is not None
    assert "[-Answer-]{+Reply+} 1 to:" in "\n".join(snapshot.failure.lines)


def test_a_gemini_stream_comes_down_to_its_answer(tmp_path: Path) -> None:
    _skip_unless_installed("google.genai")
    with ProviderServer() as server, promptecho.use_cassette(tmp_path / "x.yaml", "once", backends="all"):
        client = ENTRIES["google-genai"].client(server.url)
        chunks = list(client.models.generate_content_stream(model="m", contents="six times seven?"))
    snapshot, finish = snapshot_in(tmp_path / "__llm_snapshots__" / "test_x.yaml", update=True)
    assert chunks == snapshot
    finish()
    stored = _file.load(tmp_path / "__llm_snapshots__" / "test_x.yaml")["test_reply"]
    assert stored == {"text": "Answer 1 to: six times seven? ", "finish_reason": "STOP"}


def test_what_nobody_has_read_yet_is_an_error(tmp_path: Path) -> None:
    _skip_unless_installed("openai")
    snapshot, _ = snapshot_in(tmp_path / "__llm_snapshots__" / "test_x.yaml")
    with AgentServer() as server:
        unread = _openai(server.url).chat.completions.create(model="m", messages=PROMPT, stream=True)
        with pytest.raises(SnapshotError, match="a stream that nobody has read yet"):
            assert unread == snapshot
        assert list(unread)


def test_a_pydantic_object_of_a_structured_output_is_its_data(tmp_path: Path) -> None:
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    file = tmp_path / "__llm_snapshots__" / "test_x.yaml"
    kind = pydantic.create_model("Forecast", city=(str, ...), days=(list[int], ...))
    snapshot, finish = snapshot_in(file, update=True)
    assert kind(city="Paris", days=[1, 2]) == snapshot
    finish()
    assert _file.load(file) == {"test_reply": {"city": "Paris", "days": [1, 2]}}


# --- judge ------------------------------------------------------------------------------------------------------------

CLIENTS: dict[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
    "openai": (_openai, lambda client: client.chat.completions.create(model="m", messages=PROMPT)),
    "anthropic": (_claude, lambda client: client.messages.create(model="m", messages=PROMPT, max_tokens=9)),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_verdict_is_recorded_and_replayed_and_an_unseen_one_is_a_miss(tmp_path: Path, name: str) -> None:
    _skip_unless_installed(name)
    make, ask = CLIENTS[name]
    path = tmp_path / "judged.yaml"

    def judged(mode: str, rubric: str = "says how it is outside") -> None:
        with promptecho.use_cassette(path, mode) as cassette:
            client = make(server.url)
            try:
                assert ask(client) == judge(rubric, client=client, model="judge-model")
            except CassetteMiss:
                cassette.acknowledge_misses()
                raise

    with AgentServer() as server:
        judged("once")
        assert len(server.hits) == 2
    recorded = promptecho.Cassette.load(path).interactions
    assert [each.body["model"] for each in recorded] == ["m", "judge-model"]
    assert recorded[1].body["messages"][0]["content"].startswith("promptecho judge, version 1\n")
    judged("none")
    whole = path.read_text(encoding="utf-8")

    path.write_text("FAIL".join(whole.rsplit("PASS", 1)), encoding="utf-8")
    with pytest.raises(AssertionError):
        judged("none")
    path.write_text(whole.replace(SAID, "It is raining.", 1), encoding="utf-8")
    with AgentServer() as server:
        with pytest.raises(CassetteMiss, match="no recording answers POST"):
            judged("none")
        assert server.hits == []
    path.write_text(whole, encoding="utf-8")
    with pytest.raises(CassetteMiss):
        judged("none", "names the temperature")
    judged("none")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_judge_outside_a_cassette_is_an_error_and_no_call(name: str) -> None:
    _skip_unless_installed(name)
    with AgentServer() as server:
        client = CLIENTS[name][0](server.url)
        with pytest.raises(SnapshotError, match="no cassette is active"):
            assert judge("names the weather", client=client, model="m") == SAID
        assert server.hits == []
        with pytest.raises(SnapshotError, match="which model judges"):
            judge("names the weather", client=client)


def test_an_async_client_cannot_judge_and_makes_no_call(tmp_path: Path) -> None:
    _skip_unless_installed("openai")
    with AgentServer() as server:
        client = sdk("openai").AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0)
        with promptecho.use_cassette(tmp_path / "x.yaml"), pytest.raises(SnapshotError, match="async client"):
            assert judge("names the weather", client=client, model="m") == SAID
        assert server.hits == []


def test_a_suite_with_snapshots_and_a_judge_runs_in_ci_without_the_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    _skip_unless_installed("openai")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends")]))

    def run(*arguments: str) -> pytest.RunResult:
        plugins = ("-p", "promptecho.pytest_plugin", "-p", "promptecho.snapshot._plugin")
        return pytester.runpytest_subprocess(*plugins, *arguments)

    with AgentServer() as server:
        pytester.makepyfile(
            f"""
from openai import OpenAI

def test_agent(promptecho_cassette, llm_snapshot):
    client = OpenAI(base_url="{server.url}/v1", api_key="{KEY}", max_retries=0)
    reply = client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "How is it?"}}])
    assert reply == llm_snapshot(
        text=llm_snapshot.judge("says how it is outside", client=client, model="judge-model"),
        tools=llm_snapshot.tools(order="unordered"))
"""
        )
        run("--llm-snapshot-update").assert_outcomes(passed=1)
        assert len(server.hits) == 2
    monkeypatch.setenv("CI", "true")
    run().assert_outcomes(passed=1)
    (path,) = (pytester.path / "cassettes").iterdir()
    whole = path.read_text(encoding="utf-8")
    path.write_text(_swapped(whole), encoding="utf-8")
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 answer changed within tolerance: *test_agent (tool_calls: tools)"])
    path.write_text(whole.replace(SAID, "It is raining.", 1), encoding="utf-8")
    result = run()
    result.assert_outcomes(failed=1, errors=0)
    result.stdout.fnmatch_lines(["*CassetteMiss: no recording answers POST*"])
