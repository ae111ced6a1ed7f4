"""Files that earlier versions wrote (by running them) replay here."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import CassetteMiss, backend, use_cassette
from tests.command_line import promptecho

FILE = Path(__file__).parents[1] / "data" / "promptecho-0.1.3.yaml"
URL = "http://127.0.0.1:8000"
TURNS: Any = [
    {"role": "user", "content": "hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "x"},
            {"type": "tool_use", "id": "toolu_9", "name": "f", "input": {"a": 1}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": "ok"}]},
]


def test_each_recording_of_an_older_file_answers_its_request() -> None:
    with use_cassette(FILE, mode="none") as cassette, httpx.Client(trust_env=False) as client:
        tool = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
        body = {"model": "claude", "max_tokens": 5, "system": "S", "messages": TURNS, "tools": [tool]}
        answer = client.post(f"{URL}/v1/messages?key=other&b=2", json=body)
        assert answer.json() == {"a": 1.5, "content": [{"type": "text", "text": "héllo"}]}
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        content = [{"type": "text", "text": "hi"}, image]
        chat = {
            "model": "gpt",
            "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": content}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "stream": True,
        }
        assert client.post(f"{URL}/v1/chat/completions", json=chat).json()["a"] == 1.5
        stream = {"model": "gpt", "messages": [{"role": "user", "content": "long\nmulti"}], "stream": True}
        events = client.post(f"{URL}/v1/sse", json=stream)
        assert events.text == 'event: a\ndata: {"x": 1}\n\n: c\n\ndata: l1\ndata: l2\n\ndata: [DONE]\n\n'
        assert client.post(f"{URL}/bin", json={"a": 1}).content == bytes(range(256))
        assert client.post(f"{URL}/txt", content=b"raw \xff bytes").text == "hé\nllo"
        assert client.post(f"{URL}/nd", data={"f": "1"}).text == '{"a":1}\n{"a":2}\n'
        assert client.post(f"{URL}/err", json=[1, 2]).status_code == 429
        assert client.post(f"{URL}/v1/responses", json={"model": "gpt", "input": "hi", "instructions": "be"}).is_success
    assert len(cassette.played) == 8
    assert not any(name.startswith("__") for name in cassette.unmatched)  # forms and lists are matched whole
    assert [each.url for each in cassette.unused] == [f"{URL}/str"]  # multipart with a boundary of its own


def test_an_older_file_never_answers_another_prompt() -> None:
    with pytest.raises(CassetteMiss), use_cassette(FILE, mode="none"), httpx.Client(trust_env=False) as client:
        client.post(f"{URL}/v1/responses", json={"model": "gpt", "input": "other", "instructions": "be"})


# --- a file of 0.2.0 from before headers and the values of a query were kept ------------------------------------------

BEFORE = Path(__file__).parents[1] / "data" / "promptecho-0.2.0-before-headers.yaml"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
HI: Any = [{"role": "user", "content": "hi"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "string", "enum": ["y", "x"]}},
    "required": ["b", "a"],
}
CHAT = "https://api.openai.com/v1/chat/completions"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent?key=of-google"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
GUARD = "x-amzn-bedrock-guardrailidentifier"


def call(name: str, arguments: str) -> Any:
    return {"id": name, "type": "function", "function": {"name": "f", "arguments": arguments}}


# In the order of the file: each was made by the code of before, which read most of them otherwise.
CALLS: list[tuple[str, str, dict[str, str], Any]] = [
    ("POST", CHAT, {**JSON, "openai-beta": "x=1", "accept": "application/json"},
     {"model": "m", "messages": HI, "temperature": 0.5, "agent_id": "a"}),
    ("POST", CHAT, JSON, {"model": "m", "messages": HI, "n": 2, "tools": [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}, {"type": "custom", "name": "free"}]}),
    ("POST", CHAT, JSON, {"model": "m", "messages": [
        *HI,
        {"role": "assistant", "content": None, "tool_calls": [
            call("call_9", '{"b":1,  "a": [1.50]}'), call("call_8", '{"b":1,  "a": 2}')]},
        {"role": "tool", "tool_call_id": "call_9", "content": "x"}]}),
    ("POST", "https://api.anthropic.com/v1/messages",
     {**JSON, "anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07"},
     {"model": "c", "max_tokens": 5, "messages": HI}),
    ("POST", GEMINI, JSON, {
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, {"text": "hi"}]}],
        "generation_config": {"top_p": 0.5, "response_mime_type": "application/json"},
        "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "required": ["b", "a"]}}]}]}),
    ("POST", BEDROCK + "anthropic.claude-v2%3A1/converse", {**JSON, GUARD: "g"},
     {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"maxTokens": 5}}),
    ("POST", BEDROCK + "stability.sd3-large-v1:0/invoke", JSON, {"prompt": "a cat", "seed": 3}),
    ("POST", BEDROCK + "amazon.titan-embed-text-v2:0/invoke", JSON, {"inputText": "a cat"}),
    ("POST", "http://localhost:11434/api/chat", JSON,
     {"model": "m", "messages": HI, "options": {"num_ctx": 10}, "stream": False}),
    ("POST", "https://h.example/ask", JSON, {"messages": HI, "tenant": "t"}),
    ("GET", "https://h.example/list?code=US&next_page_token=p&limit=5&q=%FF", {}, b""),
    ("GET", "https://h.example/file", {"range": "bytes=0-9"}, b""),
    ("POST", "https://h.example/form", FORM, b'{"p": "1+1"}'),
    ("POST", "https://h.example/form", FORM, b"a=1&b=%FF"),
    ("POST", "https://h.example/listen", {"content-type": "audio/wav"}, b"\xff\x00x"),
    ("POST", "https://h.example/dup", JSON, b'{"a": 1, "a": 2}'),
    ("POST", "https://h.example/gz", {**JSON, "content-encoding": "gzip"}, gzip.compress(b'{"a": 1}', mtime=0)),
    ("POST", "https://h.example/related", {"content-type": "multipart/related; boundary=b"},
     b'--b\r\nContent-Type: application/json\r\n\r\n{"a": 1}\r\n--b--\r\n'),
    ("POST", "https://h.example/upload", {"content-type": "multipart/form-data; boundary=b"},
     b'--b\r\nContent-Disposition: form-data; name="a;b"; filename="x.txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b--\r\n'),
    ("POST", "https://h.example/models/a%2Cb/run", JSON, {"input": "x"}),
]  # fmt: skip


def answer(number: int, **changes: Any) -> int:
    method, url, headers, body = CALLS[number]
    headers = {**headers, **changes.pop("headers", {})}
    data = body if isinstance(body, bytes) else json.dumps({**body, **changes}).encode()
    decision = backend.session_for("httpx").decide(backend.Request(method, url, backend.Headers(headers), data))
    return int(json.loads(decision.response.body)["answer"])


def test_each_recording_of_before_headers_were_kept_answers_its_request() -> None:
    with use_cassette(BEFORE, mode="none") as cassette:
        assert [answer(number) for number in range(len(CALLS))] == list(range(len(CALLS)))
        assert [answer(number) for number in range(len(CALLS))] == list(range(len(CALLS)))
    assert cassette.unused == ()
    assert cassette.unmatched == {}


@pytest.mark.parametrize("how", ["repair", "export and import", "merge"])
def test_recordings_of_before_answer_their_requests_when_today_has_written_them_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "c.yaml"
    shutil.copy(BEFORE, path)
    if how == "repair":
        assert promptecho(tmp_path, "repair", path).returncode == 0
    elif how == "merge":
        head = BEFORE.read_text(encoding="utf-8").partition("interactions:")[0]
        (tmp_path / "base.yaml").write_text(f"{head}interactions: []\n")
        shutil.copy(BEFORE, tmp_path / "theirs.yaml")
        assert promptecho(tmp_path, "merge", "base.yaml", path, "theirs.yaml").returncode == 0
    else:
        assert promptecho(tmp_path, "export", path, "-o", "c.har").returncode == 0
        assert promptecho(tmp_path, "import", "c.har", "-o", path, "--force").returncode == 0
    with use_cassette(path, mode="none") as cassette:
        assert [answer(number) for number in range(len(CALLS))] == list(range(len(CALLS)))
        with pytest.raises(CassetteMiss):
            answer(0, agent_id="b")
        cassette.acknowledge_misses()


def test_a_recording_of_before_answers_whatever_the_headers_are_and_no_other_body() -> None:
    with use_cassette(BEFORE, mode="none") as cassette:
        assert answer(0, headers={"openai-beta": "y=2"}, temperature=0.7, seed=1, user="u") == 0
        assert answer(5, headers={GUARD: "another"}) == 5
        for number, changes in (
            (0, {"agent_id": "b"}),
            (1, {"n": 3}),
            (8, {"options": {"num_ctx": 11}}),
            (9, {"tenant": "u"}),
        ):
            with pytest.raises(CassetteMiss):
                answer(number, **changes)
        cassette.acknowledge_misses()


def test_recordings_of_before_and_of_today_are_one_cassette(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    shutil.copy(BEFORE, path)
    request = backend.Request("POST", CHAT, backend.Headers(JSON), json.dumps({"model": "m", "messages": HI}).encode())
    other = backend.Request(
        "POST",
        CHAT,
        backend.Headers({**JSON, "openai-beta": "x=1"}),
        json.dumps({"model": "m", "messages": HI}).encode(),
    )
    with use_cassette(path, mode="new_episodes") as cassette:
        assert answer(0) == 0
        forward = backend.session_for("httpx").decide(request)
        forward.start(backend.ResponseHead(200, backend.Headers(JSON)))
        forward.feed(b'{"answer": 99}')
        forward.finish()
        assert cassette.recorded_count == 1
    with use_cassette(path, mode="none") as cassette:
        assert answer(0) == 0
        assert backend.session_for("httpx").decide(request).response.body == b'{"answer": 99}'
        with pytest.raises(CassetteMiss):  # what is recorded today knows that it had no such header
            backend.session_for("httpx").decide(other)
        cassette.acknowledge_misses()
