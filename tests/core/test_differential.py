"""A search for wrong answers: change one leaf of a realistic request, and the key changes, unless the table of neutral
fields names it or this module does.

``PROMPTECHO_SOAK=10`` looks at 20,000 requests instead of a few hundred.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Union

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptecho._matching.bodies import without_coding
from promptecho._matching.fields import all_neutral, snake_case
from promptecho._matching.headers import all_selecting
from promptecho._matching.identity import MatchOptions, identify
from promptecho._models import Headers, Request
from promptecho.providers._fields import KNOWN_APIS, SETTINGS

EXAMPLES = 20_000 if int(os.environ.get("PROMPTECHO_SOAK", "1")) > 1 else 400
Place = tuple[Union[str, int], ...]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "where", "enum": ["Rome", "Oslo"]},
        "days": {"type": "integer"},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


@dataclass(frozen=True)
class Shape:
    """A provider's request: where it goes, fields that it has always, and some of those that it may have."""

    url: str
    always: dict[str, Any]
    maybe: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def turns(call_id: str = "call_1") -> list[Any]:
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}", "detail": "low"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": call_id, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
        {"role": "tool", "tool_call_id": call_id, "content": "21 degrees"},
        {"role": "user", "content": "And tomorrow?", "name": "Ada"},
    ]  # fmt: skip


FUNCTION = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
}
OPENAI_MAYBE: dict[str, Any] = {
    "tools": [FUNCTION, {"type": "custom", "custom": {"name": "sql", "description": "any"}}], "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": True, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    "reasoning_effort": "low", "n": 1, "stop": ["END"], "logprobs": True, "top_logprobs": 2, "logit_bias": {"50256": -100},
    "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}, "prediction": {"type": "content", "content": "x"},
    "web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Rome"}}}, "verbosity": "low",
    "temperature": 0.2, "top_p": 1, "max_tokens": 9, "seed": 4, "user": "u", "metadata": {"run": "1"}, "store": False,
    "service_tier": "auto", "stream_options": {"include_usage": True}, "prompt_cache_key": "k", "safety_identifier": "s",
    "chat_template_kwargs": {"enable_thinking": False}, "guided_json": SCHEMA, "lora_path": "l", "data_sources": [{"type": "azure_search", "parameters": {"index_name": "i"}}],
    "plugins": [{"id": "web"}], "provider": {"order": ["a", "b"]}, "models": ["a", "b"], "search_parameters": {"mode": "on"},
    "translation_options": {"target_lang": "German"}, "documents": [{"text": "d"}], "agent_id": "a", "safe_prompt": True,
    "functions": [{"name": "f", "parameters": SCHEMA}], "request_id": "r", "extra_body": {"top_k": 4, "preset": "p"},
}  # fmt: skip
SHAPES = {
    "openai": Shape("https://api.openai.com/v1/chat/completions", {"model": "gpt", "messages": turns()}, OPENAI_MAYBE, {"openai-beta": "x=1"}),
    "azure": Shape("https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21", {"messages": turns()}, OPENAI_MAYBE),
    "mistral": Shape("https://api.mistral.ai/v1/chat/completions", {"model": "m", "messages": turns()}, {**OPENAI_MAYBE, "prompt_mode": "reasoning", "random_seed": 1}),
    "own": Shape("https://shop.example/assist", {"messages": turns(), "tenant": "t"}, {"user": "u", "metadata": {"a": 1}, "temperature": 1, "locale": "de"}),
    "responses": Shape(
        "https://api.openai.com/v1/responses",
        {"model": "gpt", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": IMAGE}]},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "21"}]},
        {"instructions": "brief", "previous_response_id": "resp_1", "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "file_search", "vector_store_ids": ["v"]}, {"type": "custom", "name": "c"}],
         "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"}, "reasoning": {"effort": "low", "summary": "auto"},
         "include": ["a", "b"], "prompt": {"id": "p", "version": "1", "variables": {"a": "b"}}, "truncation": "auto", "max_tool_calls": 3, "conversation": "c",
         "temperature": 1, "max_output_tokens": 9, "metadata": {"a": "b"}, "store": True, "background": False, "top_logprobs": 1},
    ),
    "anthropic": Shape(
        "https://api.anthropic.com/v1/messages",
        {"model": "claude", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "document", "source": {"type": "text", "data": "d"}, "title": "t", "citations": {"enabled": True}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21", "is_error": False}]}]},
        {"system": [{"type": "text", "text": "brief"}, {"type": "text", "text": "kind"}], "tools": [{"name": "weather", "input_schema": SCHEMA, "description": "d"}, {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
         "tool_choice": {"type": "any", "disable_parallel_tool_use": True}, "thinking": {"type": "enabled", "budget_tokens": 1024}, "mcp_servers": [{"url": "https://m", "name": "n"}],
         "container": "c", "context_management": {"edits": [{"type": "x"}]}, "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}, "stop_sequences": ["x"],
         "temperature": 1, "top_k": 4, "metadata": {"user_id": "u"}, "service_tier": "auto", "anthropic_beta": ["context-1m", "skills"]},
        {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07"},
    ),
    "gemini": Shape(
        "https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent",
        {"contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": IMAGE}}]},
            {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "s"}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "weather", "response": {"t": 1}}}]}]},
        {"systemInstruction": {"parts": [{"text": "s"}]}, "tools": [{"functionDeclarations": [{"name": "weather", "parameters": SCHEMA}]}, {"googleSearch": {"timeRangeFilter": {"startTime": "x"}}}],
         "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}, "safetySettings": [{"category": "c", "threshold": "t"}], "cachedContent": "c",
         "generationConfig": {"temperature": 1, "topK": 4, "maxOutputTokens": 5, "candidateCount": 1, "responseModalities": ["TEXT"], "responseMimeType": "application/json", "responseSchema": SCHEMA,
                              "thinkingConfig": {"thinkingBudget": 5}, "speechConfig": {"voiceConfig": {"v": "Kore"}}, "mediaResolution": "LOW", "seed": 5}, "labels": {"a": "b"}},
    ),
    "converse": Shape(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude%3A0/converse",
        {"messages": [
            {"role": "user", "content": [{"text": "hi"}, {"image": {"format": "png", "source": {"bytes": IMAGE}}}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"a": 1}}], "status": "success"}}]}]},
        {"system": [{"text": "a"}, {"text": "b"}], "inferenceConfig": {"maxTokens": 5, "temperature": 1, "topP": 1, "stopSequences": ["x"]}, "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}], "toolChoice": {"tool": {"name": "weather"}}},
         "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}, "additionalModelRequestFields": {"thinking": {"type": "enabled"}, "top_k": 4}, "promptVariables": {"a": {"text": "b"}},
         "outputConfig": {"textFormat": {"type": "json_schema"}}, "additionalModelResponseFieldPaths": ["/a"], "performanceConfig": {"latency": "standard"}, "requestMetadata": {"a": "b"}},
        {"x-amzn-bedrock-guardrailidentifier": "g"},
    ),
    "titan": Shape(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-text-express-v1/invoke", {"inputText": "hi"},
        {"textGenerationConfig": {"maxTokenCount": 5, "temperature": 1, "topP": 1, "stopSequences": ["x"], "other": 1}},
    ),
    "picture": Shape(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-image-generator-v2:0/invoke",
        {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a cat"}}, {"imageGenerationConfig": {"seed": 1, "width": 512}},
    ),
    "cohere": Shape(
        "https://api.cohere.com/v2/chat", {"model": "command", "messages": turns()},
        {"documents": [{"id": "d", "data": {"text": "x"}}], "citation_options": {"mode": "fast"}, "safety_mode": "STRICT", "tools": [FUNCTION], "strict_tools": True, "temperature": 1, "k": 4, "connectors": [{"id": "web"}]},
    ),
    "cohere-v1": Shape(
        "https://api.cohere.com/v1/chat", {"model": "command", "message": "hi", "chat_history": [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}]},
        {"preamble": "p", "connectors": [{"id": "web"}], "documents": [{"text": "x"}], "p": 1, "conversation_id": "c", "prompt_truncation": "AUTO"},
    ),
    "ollama": Shape(
        "http://localhost:11434/api/chat", {"model": "llama", "messages": [{"role": "user", "content": "hi", "images": [IMAGE]}], "stream": False},
        {"format": SCHEMA, "think": True, "options": {"num_ctx": 1, "temperature": 1, "num_gpu": 1, "stop": ["x"], "num_predict": 3}, "keep_alive": "5m", "tools": [FUNCTION]},
    ),
    "ollama-generate": Shape(
        "http://localhost:11434/api/generate", {"model": "llama", "prompt": "hi", "stream": False},
        {"suffix": "s", "system": "y", "template": "t", "raw": True, "context": [1, 2], "images": [IMAGE], "options": {"seed": 1, "num_keep": 2}},
    ),
    "embeddings": Shape("https://api.openai.com/v1/embeddings", {"model": "e", "input": ["a", "b"]}, {"dimensions": 5, "user": "u", "encoding_format": "float"}, {"accept": "application/json"}),
    "tgi": Shape("http://localhost:8080/generate", {"inputs": "a"}, {"parameters": {"max_new_tokens": 4, "temperature": 1, "stop": ["x"]}}),
    "watsonx": Shape("https://us-south.ml.cloud.ibm.com/ml/v1/text/chat?version=2024-05-31", {"model_id": "ibm/a", "messages": turns(), "project_id": "p"}, {"temperature": 1, "time_limit": 5, "context": "c"}),
}  # fmt: skip

# Neutral beside the table, and why: DESIGN.md and the README say so.
CALL_IDS = ("id", "tool_call_id", "tool_use_id", "toolUseId", "call_id")  # renamed by order of appearance


def leaves(tree: Any, place: Place = ()) -> Iterator[Place]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = False
    for name, child in children:
        found = True
        yield from leaves(child, (*place, name))
    if not found and place:
        yield place


def value_at(tree: Any, place: Place) -> Any:
    for step in place:
        tree = tree[step]
    return tree


def changed(tree: Any, place: Place, how: str) -> Any:
    """A copy of a tree with one leaf changed, taken out, or with something beside it."""
    tree = copy.deepcopy(tree)
    parent = value_at(tree, place[:-1])
    last: Any = place[-1]
    value = parent[last]
    if how == "beside":
        if isinstance(parent, dict):
            parent["of_a_vendor"] = 1
        else:
            parent.append("one more")
    elif how == "without":
        del parent[last]
    elif isinstance(value, bool):
        parent[last] = not value
    elif isinstance(value, (int, float)):
        parent[last] = value + 1
    elif isinstance(value, str):
        parent[last] = json.dumps({**json.loads(value), "days": 2}) if value[:1] == "{" else value + "x"
    else:
        parent[last] = {"a": 1}
    return tree


def is_neutral(shape: Shape, body: Any, place: Place, how: str) -> bool:
    """Whether the table of neutral fields, or this module, says that a change says nothing about the answer."""
    names = [snake_case(str(step)) for step in place]
    is_whole = not any(
        name in shape.always for name in ("messages", "contents", "prompt", "inputText", "input", "message")
    ) or shape.url.endswith(("/embeddings", "/generate"))
    is_whole = is_whole and not shape.url.endswith("/api/generate")
    is_own = "shop.example" in shape.url
    listed = [entry for entry in all_neutral() if names[0] in entry.names]
    if listed and not is_whole and not (is_own and "trace_id" not in listed[0].names):
        return True
    if not is_whole and str(place[0]) in SETTINGS and len(place) > 1:
        if how == "beside":
            return False
        if any(names[1] in entry.names and entry.is_setting for entry in all_neutral()):
            return True
    if place[0] == "contents" and place[-1] == "role" and how == "without":
        return True  # Gemini: who says nothing is the user
    if place[0] == "tools" and place[2:] == ("type",) and how == "without" and value_at(body, place) == "function":
        return True  # what has a name and parameters is a function; OpenAI refuses one that doesn't say so
    if place[-1] == "content" and how == "without" and value_at(body, place) is None:
        return True  # of an answer that is a call of tools
    return str(place[-1]) in CALL_IDS and how == "changed"


def request_of(shape: Shape, body: Any, url: str | None = None, headers: Any = None) -> Request:
    given = {"content-type": "application/json", **shape.headers, **(headers or {})}
    return Request("POST", url or shape.url, Headers(given), json.dumps(body).encode())


def key(request: Request) -> str:
    return identify(request, MatchOptions(), lambda tree: tree).key


@st.composite
def requests(draw: st.DrawFn) -> tuple[Shape, dict[str, Any]]:
    shape = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    more = draw(st.lists(st.sampled_from(sorted(shape.maybe)), unique=True, max_size=5)) if shape.maybe else []
    return shape, {**copy.deepcopy(shape.always), **{name: copy.deepcopy(shape.maybe[name]) for name in more}}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), st.data())
def test_one_changed_leaf_of_a_body_changes_the_key_unless_it_is_known_to_be_neutral(
    drawn: tuple[Shape, dict[str, Any]], data: st.DataObject
) -> None:
    shape, body = drawn
    place = data.draw(st.sampled_from(sorted(leaves(body), key=repr)))
    how = data.draw(st.sampled_from(["changed", "changed", "without", "beside"]))
    other = changed(body, place, how)
    same = key(request_of(shape, body)) == key(request_of(shape, other))
    if how == "beside" and isinstance(value_at(body, place[:-1]), dict) and place[:-1] == ():
        assert not same  # a field that nobody knows
    elif is_neutral(shape, body, place, how):
        return
    else:
        assert not same, (place, how)


CHATS = sorted(set(SHAPES) - {"own", "embeddings", "tgi", "picture"})
# Those that another spelling in the same body can stand beside are left to the examples of test_keys.py.
NEUTRAL_NAMES = sorted(
    name
    for entry in all_neutral()
    if not entry.shapes
    for name in entry.names
    if not name.startswith(("max_", "stream")) and name not in ("user", "metadata")
)


@settings(max_examples=max(EXAMPLES // 4, 100), deadline=None)
@given(st.sampled_from(CHATS), st.sampled_from(NEUTRAL_NAMES), st.integers() | st.text(max_size=3))
def test_a_neutral_field_never_changes_the_key(name: str, neutral: str, value: Any) -> None:
    shape = SHAPES[name]
    is_by_who = any(neutral in entry.names and entry.where == KNOWN_APIS for entry in all_neutral())
    same = key(request_of(shape, shape.always)) == key(request_of(shape, {**shape.always, neutral: value}))
    assert same or (is_by_who and name.startswith(("ollama", "cohere")))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="?#&=+% \t\r\n"), min_size=1, max_size=6)
CREDENTIAL = re.compile(
    r"key|token|secret|pass|auth|sig|jwt|code|expires?|policy|googleaccessid|^s[et]$|^sk[et]$", re.IGNORECASE
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.tuples(
            NAMES.filter(lambda name: not CREDENTIAL.search(name)), st.text(st.characters(codec="utf-8"), max_size=30)
        ),
        max_size=4,
    ),
    st.data(),
)
def test_one_changed_value_of_a_query_changes_the_key(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    from urllib.parse import urlencode

    shape = SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))]
    join = "&" if "?" in shape.url else "?"
    first = key(request_of(shape, shape.always, f"{shape.url}{join}{urlencode(pairs)}"))
    more = [*pairs, ("one_more", "1")]
    assert key(request_of(shape, shape.always, f"{shape.url}{join}{urlencode(more)}")) != first
    for number, (name, value) in enumerate(pairs):
        other = [*pairs[:number], (name, value + "x"), *pairs[number + 1 :]]
        assert key(request_of(shape, shape.always, f"{shape.url}{join}{urlencode(other)}")) != first


SEGMENTS = st.lists(st.text("ab,;=@+!$&'()*~:-._ %/é", min_size=1, max_size=5), min_size=1, max_size=3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SEGMENTS, SEGMENTS)
def test_paths_that_differ_in_more_than_needless_escapes_never_share_a_key(one: list[str], other: list[str]) -> None:
    from urllib.parse import quote

    def url(parts: list[str], safe: str) -> str:
        return "https://h.example/" + "/".join(quote(part, safe=safe) for part in parts)

    def sent(parts: list[str], safe: str) -> str:
        return key(Request("GET", url(parts, safe)))

    reserved = ",;=@+!$&'()*:"
    assert (sent(one, "") == sent(other, "")) == (one == other)
    assert (sent(one, reserved) == sent(other, reserved)) == (one == other)
    has_reserved = any(sign in reserved for part in one for sign in part)
    assert (sent(one, "") == sent(one, reserved)) == (not has_reserved)
    escaped = re.sub("[ab~._-]", lambda found: f"%{ord(found.group()):02x}", url(one, "").partition("example/")[2])
    assert key(Request("GET", "https://h.example/" + escaped)) == sent(one, "")


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_told_by_the_order_of_its_messages(name: str) -> None:
    shape = SHAPES[name]
    for where in ("messages", "contents", "input", "chat_history"):
        turns_sent = shape.always.get(where)
        if isinstance(turns_sent, list) and len(turns_sent) > 1:
            backwards = {**shape.always, where: turns_sent[::-1]}
            assert key(request_of(shape, backwards)) != key(request_of(shape, shape.always))


# --- what is beside a JSON body, or packs it ---------------------------------------------------------------------------

HEADER_NAMES = sorted(name for entry in all_selecting() for name in entry.names)
HEADER_VALUES = st.text("abcXYZ019._-/:{}", min_size=1, max_size=12)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.sampled_from(HEADER_NAMES), HEADER_VALUES, min_size=1, max_size=4), st.data())
def test_one_changed_header_that_selects_changes_the_key(headers: dict[str, str], data: st.DataObject) -> None:
    shape = SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))]
    name = data.draw(st.sampled_from(sorted(headers)))
    first = key(request_of(shape, shape.always, headers=headers))
    assert key(request_of(shape, shape.always, headers={**headers, name: headers[name] + "x"})) != first
    spelled = {
        each if each in shape.headers else each.title(): f" {value} " for each, value in reversed(headers.items())
    }
    assert key(request_of(shape, shape.always, headers={**spelled, "user-agent": "x", "x-request-id": "y"})) == first
    if name not in shape.headers:
        rest = {each: value for each, value in headers.items() if each != name}
        assert key(request_of(shape, shape.always, headers=rest)) != first


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(requests(), st.sampled_from(["gzip", "deflate"]), st.data())
def test_a_compressed_body_has_the_key_of_its_content(
    drawn: tuple[Shape, dict[str, Any]], coding: str, data: st.DataObject
) -> None:
    shape, body = drawn
    other = changed(body, data.draw(st.sampled_from(sorted(leaves(body), key=repr))), "changed")

    def packed(tree: Any) -> str:
        text = json.dumps(tree).encode()
        content = gzip.compress(text) if coding == "gzip" else zlib.compress(text)
        headers = Headers({"content-type": "application/json", **shape.headers, "content-encoding": coding})
        return key(without_coding(Request("POST", shape.url, headers, content)))

    assert packed(body) == key(request_of(shape, body))
    assert packed(other) == key(request_of(shape, other))


FIELDS = st.text(
    st.characters(codec="ascii", exclude_characters='\r\n"\\\x00', min_codepoint=32), min_size=1, max_size=8
)
CONTENTS = st.binary(max_size=12) | st.text(max_size=12).map(str.encode)
PARTS = st.lists(st.tuples(FIELDS, FIELDS | st.none(), CONTENTS), min_size=1, max_size=3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PARTS, PARTS, st.sampled_from(["form-data", "mixed", "related"]), st.sampled_from(["b1", "----x.y", "a=b;c"]))
def test_multipart_bodies_share_a_key_only_if_their_parts_are_equal(
    one: list[Any], other: list[Any], kind: str, boundary: str
) -> None:
    def sent(parts: list[Any], mark: str) -> str:
        body = b""
        for name, filename, content in parts:
            names = f'name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
            body += f"--{mark}\r\nContent-Disposition: form-data; {names}\r\n\r\n".encode() + content + b"\r\n"
        headers = Headers({"content-type": f'multipart/{kind}; boundary="{mark}"'})
        return key(Request("POST", "https://h.example/files", headers, body + f"--{mark}--\r\n".encode()))

    assert (sent(one, boundary) == sent(other, boundary)) == (one == other)
    assert sent(one, boundary) == sent(one, "another-boundary")


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@settings(max_examples=EXAMPLES, deadline=None)
@given(NUMBERS, NUMBERS)
def test_numbers_share_a_key_only_if_they_are_equal(one: str, other: str) -> None:
    def sent(number: str) -> str:
        return key(Request("POST", "https://h.example/x", Headers({}), f'{{"a": {number}}}'.encode()))

    if Decimal(one) != Decimal(other):
        # A float printed with all its digits is the float, which may have a shorter spelling.
        assert sent(one) != sent(other) or float(one) == float(other) != 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "=", "=1", "=%3D", "=,", "=%2C"])), max_size=4),
    st.data(),
)
def test_queries_share_a_key_only_if_they_have_the_same_parameters(pairs: list[Any], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "=", "=1"])), max_size=4))

    def sent(given: list[Any]) -> str:
        return key(Request("GET", "https://h.example/x?" + "&".join(name + value for name, value in given)))

    def by_name(given: list[Any]) -> list[Any]:
        return sorted(given, key=lambda pair: str(pair[0]))

    assert (sent(pairs) == sent(other)) == (by_name(pairs) == by_name(other))
