"""What tells two requests apart, and what doesn't."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import _settings, register_normalizer
from promptecho._matching import Identity, identify, identify_recorded
from promptecho._models import Headers, Request

from .test_normalizers import EXAMPLES

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
CLAUDE = "https://api.anthropic.com/v1/messages"
EMBEDDINGS = "https://api.openai.com/v1/embeddings"


def identity(url: str, body: Any, **options: Any) -> Identity:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", url, Headers([("content-type", "application/json")]), data)
    match = _settings.resolve(options, environ={}, project={}).match
    return identify(request, match, lambda tree: tree)


def same(url: str, one: Any, other: Any, **options: Any) -> bool:
    return identity(url, one, **options).key == identity(url, other, **options).key


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


BASE: dict[str, Any] = {"model": "m", "messages": [user("hi")]}
TOOL_A = {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}
TOOL_B = {"type": "function", "function": {"name": "b", "parameters": {"type": "object"}}}
CALL = {"id": "call_x", "type": "function", "function": {"name": "a", "arguments": "{}"}}


def turns(identifier: str) -> list[Any]:
    call = {**CALL, "id": identifier}
    return [
        user("go"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": identifier, "content": "1"},
    ]


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, BASE, {**BASE, "temperature": 0.7}),
        (CHAT, BASE, {**BASE, "stream": False}),
        (CHAT, BASE, {**BASE, "messages": [user([{"type": "text", "text": "hi"}])]}),
        (CHAT, {**BASE, "max_tokens": 5}, {**BASE, "max_completion_tokens": 5}),
        (CHAT, {**BASE, "tools": [TOOL_A, TOOL_B]}, {**BASE, "tools": [TOOL_B, TOOL_A]}),
        (CHAT, {**BASE, "messages": turns("call_1a")}, {**BASE, "messages": turns("call_9z")}),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "s"}, user("hi")]},
            {**BASE, "messages": [{"role": "developer", "content": "s"}, user("hi")]},
        ),
        (CLAUDE, {**BASE, "system": "s"}, {**BASE, "system": [{"type": "text", "text": "s"}]}),
        (
            CLAUDE,
            {**BASE, "system": "s"},
            {**BASE, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        ),
        (CHAT.replace("openai.com", "gateway.test"), BASE, BASE),
        (RESPONSES, {"model": "m", "input": "hi"}, {"model": "m", "input": [user("hi")]}),
        (
            RESPONSES,
            {"model": "m", "input": "hi"},
            {"model": "m", "input": [user([{"type": "input_text", "text": "hi"}])]},
        ),
    ],
)
def test_what_does_not_change_the_prompt_does_not_change_the_key(url: str, one: Any, other: Any) -> None:
    assert same(url, one, other)


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, BASE, {**BASE, "model": "n"}),
        (CHAT, BASE, {**BASE, "stream": True}),
        (CHAT, BASE, {**BASE, "messages": [user("ho")]}),
        (CHAT, BASE, {**BASE, "messages": [{"role": "assistant", "content": "hi"}]}),
        (CHAT, {**BASE, "messages": [user("a"), user("b")]}, {**BASE, "messages": [user("b"), user("a")]}),
        (CHAT, BASE, {**BASE, "response_format": {"type": "json_object"}}),
        (CHAT, {**BASE, "tools": [TOOL_A]}, {**BASE, "tools": [TOOL_B]}),
        (CHAT, {**BASE, "tools": [{"type": "web_search"}]}, {**BASE, "tools": [{"type": "code_interpreter"}]}),
        (
            CHAT,
            {**BASE, "tools": [{**TOOL_A, "function": {**TOOL_A["function"], "strict": True}}]},  # type: ignore[dict-item]
            {**BASE, "tools": [TOOL_A]},
        ),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}, user("x")]},
            {**BASE, "messages": [{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, user("x")]},
        ),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "s"}, user("x")]},
            {**BASE, "messages": [user("x"), {"role": "system", "content": "s"}]},
        ),
        (CHAT, {**BASE, "functions": [{"name": "a"}]}, {**BASE, "functions": [{"name": "b"}]}),
        (CLAUDE, {**BASE, "mcp_servers": ["a"]}, {**BASE, "mcp_servers": ["b"]}),
        (CLAUDE, {**BASE, "system": "a"}, {**BASE, "system": "b"}),
        (RESPONSES, {"model": "m", "input": "a"}, {"model": "m", "input": "b"}),
        (RESPONSES, {"model": "m", "input": "a", "instructions": "x"}, {"model": "m", "input": "a", "instructions": "y"}),
        (RESPONSES, {"input": "a", "previous_response_id": "1"}, {"input": "a", "previous_response_id": "2"}),
        (RESPONSES, {"input": "a", "text": {"format": {"type": "text"}}}, {"input": "a", "text": {"format": {"type": "json_object"}}}),
        (EMBEDDINGS, {"model": "m", "input": "a"}, {"model": "m", "input": "b"}),
        ("http://h/generate", {"prompt": "a", "n": 1}, {"prompt": "a", "n": 2}),
        ("http://h/rpc", [1, 2], [2, 1]),
    ],
)  # fmt: skip
def test_what_changes_the_answer_changes_the_key(url: str, one: Any, other: Any) -> None:
    assert not same(url, one, other)


def test_method_path_and_query_are_part_of_the_key() -> None:
    keys = {identity(url, BASE).key for url in (CHAT, CHAT + "/x", CHAT + "?a=1", CHAT + "?a=2", CHAT + "?b=1")}
    assert len(keys) == 5
    assert identity(CHAT + "?a=1&b=2", BASE).key == identity(CHAT + "?b=2&a=1&api_key=x", BASE).key
    assert identity("http://h/a%2Fb", BASE).key != identity("http://h/a/b", BASE).key
    assert identity("http://h/m%3a0", BASE).key == identity("http://h/m:0", BASE).key


def test_match_on_can_name_more_fields_dotted_paths_and_everything() -> None:
    warm = {**BASE, "temperature": 0.7, "metadata": {"user": "a", "run": 1}}
    cold = {**BASE, "temperature": 0.0, "metadata": {"user": "a", "run": 2}}
    assert same(CHAT, warm, cold)
    assert not same(CHAT, warm, cold, match_on=["model", "messages", "temperature"])
    assert same(CHAT, warm, cold, match_on=["messages", "metadata.user"])
    assert not same(CHAT, warm, cold, match_on=["messages", "metadata.run"])
    assert not same(CHAT, warm, cold, match_on="all")
    assert same(CHAT, warm, cold, match_on="all", ignore=["temperature", "metadata.run"])
    assert not same(CHAT, warm, cold, match_on="all", ignore=["temperature"])


def test_a_list_made_for_chat_does_not_merge_embeddings() -> None:
    one, other = {"model": "m", "input": "a"}, {"model": "m", "input": "b"}
    assert not same(EMBEDDINGS, one, other, match_on=["model", "messages", "temperature"])
    assert same(EMBEDDINGS, {**one, "user": "x"}, {**one, "user": "y"}, match_on=["model", "input"])


def test_volatile_masks_values_in_comparison_only() -> None:
    one = {**BASE, "messages": [user("today is 2026-01-01, run 7f0c1f4e-8f4e-4b4e-9d5e-000000000001")]}
    other = {**BASE, "messages": [user("today is 2026-02-02, run 7f0c1f4e-8f4e-4b4e-9d5e-000000000002")]}
    assert not same(CHAT, one, other)
    assert same(CHAT, one, other, volatile=["date", "uuid"])
    assert not same(CHAT, one, other, volatile=["date"])
    assert same(CHAT, one, other, volatile=[r"today.*"])
    assert "2026-01-01" in json.dumps(identity(CHAT, one, volatile=["date"]).body)


def test_multipart_bodies_match_whatever_their_boundary() -> None:
    def upload(boundary: str, content: bytes) -> str:
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
        headers = Headers([("content-type", f"multipart/form-data; boundary={boundary}")])
        request = Request("POST", "http://h/v1/audio/transcriptions", headers, body)
        return identify(request, _settings.Settings().match, lambda tree: tree).key

    assert upload("one", b"\x00\xff") == upload("two", b"\x00\xff")
    assert upload("one", b"\x00\xff") != upload("one", b"\x00\xfe")


def test_a_registered_normalizer_is_asked_first_and_can_be_taken_out() -> None:
    unregister = register_normalizer(
        lambda call: call.path == "/ask",
        lambda body: {**body, "messages": [user(body.get("question", ""))]},
        name="mine",
    )
    try:
        assert same("http://h/ask", {"question": "a", "trace": 1}, {"question": "a", "trace": 2})
        assert identity("http://h/ask", {"question": "a"}).provider == "mine"
    finally:
        unregister()
    assert not same("http://h/ask", {"question": "a", "trace": 1}, {"question": "a", "trace": 2})


# --- properties -------------------------------------------------------------------------------------------------------

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["model", "messages", "system", "tools", "tool_choice", "input", "instructions", "text", "stream", "role", "content",
     "type", "name", "function", "id", "tool_calls", "parameters", "input_schema", "response_format", "cache_control",
     "contents", "parts", "systemInstruction", "generationConfig", "toolConfig", "functionDeclarations", "functionCall",
     "toolUse", "toolUseId", "inferenceConfig", "maxTokens", "maxOutputTokens", "prompt", "message", "chat_history",
     "preamble", "images", "json_schema", "format", "output_config", "responseMimeType", "responseJsonSchema", "schema",
     "inputs", "inputText", "anthropic_version", "schemaVersion", "toolSpec", "inputSchema", "system_instruction",
     "generation_config", "tool_config", "output_format", "max_tokens", "max_completion_tokens", "max_output_tokens",
     "toolChoice", "json", "tool_call_id", "toolResult", "functionResponse", "cachePoint", "temperature"]
)  # fmt: skip
SHAPED = st.recursive(
    TREES
    | st.sampled_from(["user", "system", "developer", "text", "function", "tool_use", "tool_result", "json", "custom"])
    | st.sampled_from(["USER", "CHATBOT", "application/json", "json_schema", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
BODIES = st.dictionaries(NAMES | st.text(max_size=6), SHAPED, max_size=6)
URLS = st.sampled_from(
    [CHAT, RESPONSES, CLAUDE, EMBEDDINGS, "http://localhost:1/x", *(example.url for example in EXAMPLES.values())]
)


def shuffled(tree: Any, chance: random.Random) -> Any:
    if isinstance(tree, dict):
        items = [(key, shuffled(value, chance)) for key, value in tree.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(value, chance) for value in tree] if isinstance(tree, list) else tree


@settings(max_examples=400, deadline=None)
@given(URLS, BODIES, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_the_spacing_never_change_the_key(url: str, body: Any, chance: random.Random) -> None:
    other = json.dumps(shuffled(body, chance), indent=3).encode()
    assert identity(url, body).key == identity(url, other).key


@settings(max_examples=400, deadline=None)
@given(URLS, BODIES)
def test_a_stored_body_gives_the_key_that_the_request_had(url: str, body: Any) -> None:
    sent = identity(url, body)
    options = _settings.Settings().match
    stored = identify_recorded("POST", url, sent.query, copy.deepcopy(sent.body), options)
    assert stored.key == sent.key
    assert stored.body == sent.body


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([CHAT, CLAUDE]), st.text(max_size=30), st.text(max_size=30))
def test_prompts_that_differ_never_share_a_key(url: str, one: str, other: str) -> None:
    assert same(url, {**BASE, "messages": [user(one)]}, {**BASE, "messages": [user(other)]}) == (one == other)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60), st.sampled_from(["application/json", "", "text/plain", "multipart/form-data; boundary=x"])
)
def test_any_bytes_have_an_identity(data: bytes, content_type: str) -> None:
    request = Request("POST", "http://h/x", Headers([("content-type", content_type)]), data)
    found = identify(request, _settings.Settings().match, lambda tree: tree)
    stored = identify_recorded("POST", "http://h/x", found.query, found.body, _settings.Settings().match)
    assert stored.key == found.key
