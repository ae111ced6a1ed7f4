"""A file that promptecho 0.1.3 wrote (by running that release) replays here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import CassetteMiss, use_cassette

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
