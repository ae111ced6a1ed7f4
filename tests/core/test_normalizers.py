"""The same prompt in each provider's shape, and its canonical body; what differs never shares a key, for any of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._matching.identity import Identity, identify
from promptecho._models import Headers, Request
from promptecho._settings import settings as _settings

SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
IMAGE = "iVBORw0KGgo="


@dataclass(frozen=True)
class Turn:
    """A prompt: ``system`` and the turns ``(role, text)``; an image of base64 data beside the last text."""

    turns: tuple[tuple[str, str], ...] = (("user", "Weather in Rome?"),)
    system: str | None = "Be brief."
    schema: Any = None
    image: str | None = None
    stream: bool = False


@dataclass(frozen=True)
class Example:
    """A provider: where it is asked, how it spells a prompt, and the canonical body of the plain one."""

    url: str
    spell: Callable[[Turn], dict[str, Any]]
    provider: str
    canonical: dict[str, Any]
    stream_url: str | None = None
    images: bool = True
    tools: bool = True


def _openai(turn: Turn) -> dict[str, Any]:
    messages: list[Any] = [{"role": role, "content": text} for role, text in turn.turns]
    if turn.image:
        last = messages[-1]
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{turn.image}"}}
        last["content"] = [{"type": "text", "text": last["content"]}, picture]
    if turn.system is not None:
        messages.insert(0, {"role": "system", "content": turn.system})
    body: dict[str, Any] = {"model": "m", "messages": messages, "max_tokens": 9}
    if turn.schema is not None:
        body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": turn.schema}}]
    return {**body, "stream": True} if turn.stream else body


def _anthropic(turn: Turn) -> dict[str, Any]:
    messages: list[Any] = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turn.turns]
    if turn.image:
        source = {"type": "base64", "media_type": "image/png", "data": turn.image}
        messages[-1]["content"].append({"type": "image", "source": source})
    body: dict[str, Any] = {"model": "m", "messages": messages, "max_tokens": 9}
    if turn.system is not None:
        body["system"] = [{"type": "text", "text": turn.system, "cache_control": {"type": "ephemeral"}}]
    if turn.schema is not None:
        body["tools"] = [{"name": "weather", "input_schema": turn.schema}]
    return {**body, "stream": True} if turn.stream else body


def _responses(turn: Turn) -> dict[str, Any]:
    items: list[Any] = [{"role": role, "content": text} for role, text in turn.turns]
    if turn.image:
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{turn.image}"}
        items[-1]["content"] = [{"type": "input_text", "text": items[-1]["content"]}, picture]
    body: dict[str, Any] = {"model": "m", "input": items, "max_output_tokens": 9}
    if turn.system is not None:
        body["instructions"] = turn.system
    if turn.schema is not None:
        body["tools"] = [{"type": "function", "name": "weather", "parameters": turn.schema}]
    return {**body, "stream": True} if turn.stream else body


def _gemini(turn: Turn) -> dict[str, Any]:
    roles = {"assistant": "model"}
    contents: list[Any] = [{"role": roles.get(role, role), "parts": [{"text": text}]} for role, text in turn.turns]
    if turn.image:
        contents[-1]["parts"].append({"inlineData": {"mimeType": "image/png", "data": turn.image}})
    body: dict[str, Any] = {"contents": contents, "generationConfig": {"maxOutputTokens": 9}}
    if turn.system is not None:
        body["systemInstruction"] = {"parts": [{"text": turn.system}]}
    if turn.schema is not None:
        body["tools"] = [{"functionDeclarations": [{"name": "weather", "parameters": turn.schema}]}]
    return body


def _converse(turn: Turn) -> dict[str, Any]:
    messages: list[Any] = [{"role": role, "content": [{"text": text}]} for role, text in turn.turns]
    if turn.image:
        messages[-1]["content"].append({"image": {"format": "png", "source": {"bytes": turn.image}}})
    body: dict[str, Any] = {"messages": messages, "inferenceConfig": {"maxTokens": 9}}
    if turn.system is not None:
        body["system"] = [{"text": turn.system}, {"cachePoint": {"type": "default"}}]
    if turn.schema is not None:
        spec = {"name": "weather", "inputSchema": {"json": turn.schema}}
        body["toolConfig"] = {"tools": [{"toolSpec": spec}]}
    return body


def _claude_on_bedrock(turn: Turn) -> dict[str, Any]:
    body = {**_anthropic(turn), "anthropic_version": "bedrock-2023-05-31"}
    return {key: value for key, value in body.items() if key not in ("model", "stream")}


def _titan(turn: Turn) -> dict[str, Any]:
    text = "\n".join([turn.system or "", *(f"{role}: {text}" for role, text in turn.turns)])
    return {"inputText": text, "textGenerationConfig": {"maxTokenCount": 9}}


def _llama(turn: Turn) -> dict[str, Any]:
    return {"prompt": _titan(turn)["inputText"], "max_gen_len": 9}


def _cohere_v1(turn: Turn) -> dict[str, Any]:
    roles = {"user": "USER", "assistant": "CHATBOT"}
    *before, (_, last) = turn.turns
    body: dict[str, Any] = {"model": "m", "message": last, "max_tokens": 9}
    if before:
        body["chat_history"] = [{"role": roles[role], "message": text} for role, text in before]
    if turn.system is not None:
        body["preamble"] = turn.system
    return {**body, "stream": True} if turn.stream else body


def _ollama(turn: Turn) -> dict[str, Any]:
    body = {**_openai(Turn(turn.turns, turn.system, turn.schema)), "stream": turn.stream}
    if turn.image:
        body["messages"][-1]["images"] = [turn.image]
    return body


def _ollama_generate(turn: Turn) -> dict[str, Any]:
    body: dict[str, Any] = {"model": "m", "prompt": _titan(Turn(turn.turns, ""))["inputText"], "stream": turn.stream}
    body.update({"system": turn.system} if turn.system is not None else {})
    return {**body, "images": [turn.image]} if turn.image else body


PLAIN: dict[str, Any] = {
    "model": "m",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Weather in Rome?"}],
    "max_tokens": 9,
}
FLAT = [{"role": "user", "content": "Be brief.\nuser: Weather in Rome?"}]
MODEL = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/m"
EXAMPLES = {
    "openai-chat": Example("https://api.openai.com/v1/chat/completions", _openai, "openai-chat", PLAIN),
    "openai-responses": Example("https://api.openai.com/v1/responses", _responses, "openai-responses", PLAIN),
    "a-gateway": Example("http://localhost:8000/v1/chat/completions", _openai, "openai-chat", PLAIN),
    "anthropic": Example("https://api.anthropic.com/v1/messages", _anthropic, "anthropic", PLAIN),
    "gemini": Example(f"{GEMINI}:generateContent", _gemini, "gemini", PLAIN, f"{GEMINI}:streamGenerateContent?alt=sse"),
    "vertex": Example(
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
        _gemini,
        "gemini",
        PLAIN,
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
    ),
    "bedrock-converse": Example(
        f"{MODEL}/anthropic.claude-v2%3A1/converse",
        _converse,
        "bedrock",
        {**PLAIN, "model": "anthropic.claude-v2:1"},
        f"{MODEL}/anthropic.claude-v2%3A1/converse-stream",
    ),
    "bedrock-nova": Example(
        f"{MODEL}/amazon.nova-lite-v1:0/invoke",
        lambda turn: {**_converse(turn), "schemaVersion": "messages-v1"},
        "bedrock",
        {**PLAIN, "model": "amazon.nova-lite-v1:0", "schemaVersion": "messages-v1"},
        f"{MODEL}/amazon.nova-lite-v1:0/invoke-with-response-stream",
    ),
    "bedrock-claude": Example(
        f"{MODEL}/anthropic.claude-v2%3A1/invoke",
        _claude_on_bedrock,
        "bedrock",
        {**PLAIN, "model": "anthropic.claude-v2:1", "anthropic_version": "bedrock-2023-05-31"},
        f"{MODEL}/anthropic.claude-v2%3A1/invoke-with-response-stream",
    ),
    "bedrock-titan": Example(
        f"{MODEL}/amazon.titan-text-express-v1/invoke",
        _titan,
        "bedrock",
        {"model": "amazon.titan-text-express-v1", "messages": FLAT, "textGenerationConfig": {"maxTokenCount": 9}},
        f"{MODEL}/amazon.titan-text-express-v1/invoke-with-response-stream",
        images=False,
        tools=False,
    ),
    "bedrock-llama": Example(
        f"{MODEL}/meta.llama3-8b-instruct-v1:0/invoke",
        _llama,
        "bedrock",
        {"model": "meta.llama3-8b-instruct-v1:0", "messages": FLAT, "max_gen_len": 9},
        f"{MODEL}/meta.llama3-8b-instruct-v1:0/invoke-with-response-stream",
        images=False,
        tools=False,
    ),
    "bedrock-cohere": Example(
        f"{MODEL}/cohere.command-r-v1:0/invoke",
        lambda turn: {key: value for key, value in _cohere_v1(turn).items() if key not in ("model", "stream")},
        "bedrock",
        {**PLAIN, "model": "cohere.command-r-v1:0"},
        f"{MODEL}/cohere.command-r-v1:0/invoke-with-response-stream",
        images=False,
        tools=False,
    ),
    "cohere": Example("https://api.cohere.com/v2/chat", _openai, "cohere", PLAIN),
    "cohere-v1": Example("https://api.cohere.com/v1/chat", _cohere_v1, "cohere", PLAIN, images=False, tools=False),
    "mistral": Example("https://api.mistral.ai/v1/chat/completions", _openai, "mistral", PLAIN),
    "ollama": Example("http://localhost:11434/api/chat", _ollama, "ollama", {**PLAIN, "stream": False}),
    "ollama-generate": Example(
        "http://localhost:11434/api/generate",
        _ollama_generate,
        "ollama",
        {
            "model": "m",
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "\nuser: Weather in Rome?"}],
            "stream": False,
        },
        tools=False,
    ),
}


def identity(example: Example, turn: Turn, **changes: Any) -> Identity:
    url = example.stream_url if turn.stream and example.stream_url else example.url
    body = {**example.spell(turn), **changes}
    request = Request("POST", url, Headers([("content-type", "application/json")]), json.dumps(body).encode())
    return identify(request, _settings.Settings().match, lambda tree: tree)


every = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


@every
def test_the_same_prompt_has_the_same_canonical_body_in_every_shape(example: Example) -> None:
    found = identity(example, Turn())
    assert found.provider == example.provider
    assert found.body == example.canonical
    assert not found.whole


@every
def test_a_tool_has_the_same_form_in_every_shape(example: Example) -> None:
    if example.tools:
        assert identity(example, Turn(schema=SCHEMA)).body["tools"] == [{"name": "weather", "parameters": SCHEMA}]


def test_a_tool_whose_function_says_a_type_of_its_own_keeps_both() -> None:
    tools = [
        {"type": "function", "function": {"type": "other", "name": "weather"}},
        {"type": "other", "name": "weather"},
    ]
    bodies = [identity(EXAMPLES["openai-chat"], Turn(), tools=[tool]).body for tool in tools]
    assert [body["tools"] for body in bodies] == [[tool] for tool in tools]


STRUCTURED: dict[str, Any] = {
    "openai-chat": {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
    "openai-responses": {"text": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
    "mistral": {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
    "ollama": {"format": SCHEMA},
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_structured_output_has_the_same_form_in_every_shape(name: str) -> None:
    found = identity(EXAMPLES[name], Turn(), **STRUCTURED[name])
    assert found.body["response_format"] == {"type": "json_schema", "schema": SCHEMA}
    assert "response_format" in found.matched
    assert found.body.keys() <= {*PLAIN, "response_format", "stream"}


VARIANTS: list[Turn] = [
    Turn(),
    Turn(turns=(("user", "Weather in Rom?"),)),
    Turn(system="Be long."),
    Turn(system=None),
    Turn(turns=(("user", "a"), ("assistant", "b"), ("user", "c"))),
    Turn(turns=(("user", "c"), ("assistant", "b"), ("user", "a"))),
    Turn(turns=(("assistant", "a"), ("assistant", "b"), ("user", "c"))),
    Turn(stream=True),
]
WITH_IMAGES = [Turn(image=IMAGE), Turn(image=IMAGE.replace("i", "j"))]
WITH_TOOLS = [Turn(schema=SCHEMA), Turn(schema={**SCHEMA, "required": ["city"]})]


@every
def test_prompts_that_differ_never_share_a_key(example: Example) -> None:
    turns = VARIANTS + (WITH_IMAGES if example.images else []) + (WITH_TOOLS if example.tools else [])
    keys = [identity(example, turn).key for turn in turns]
    assert len(set(keys)) == len(keys)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(sorted(EXAMPLES)))
def test_any_two_texts_share_a_key_only_if_they_are_one(one: str, other: str, name: str) -> None:
    example = EXAMPLES[name]
    keys = [identity(example, Turn(turns=(("user", text),))).key for text in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


@every
def test_sampling_does_not_change_the_key_and_what_is_sent_is_never_changed(example: Example) -> None:
    plain = identity(example, Turn())
    body = example.spell(Turn())
    before = copy.deepcopy(body)
    if example.provider == "gemini":
        changed = identity(example, Turn(), generationConfig={"maxOutputTokens": 9, "temperature": 0.1})
    elif "inferenceConfig" in body:
        changed = identity(example, Turn(), inferenceConfig={"maxTokens": 7, "temperature": 0.1})
    else:
        changed = identity(example, Turn(), temperature=0.1)
    assert changed.key == plain.key
    assert body == before


@pytest.mark.parametrize(
    ("name", "field", "one", "other"),
    [
        ("gemini", "safetySettings", [{"threshold": "A"}], [{"threshold": "B"}]),
        ("gemini", "generationConfig", {"responseSchema": {"type": "STRING"}}, {"responseSchema": {"type": "NUMBER"}}),
        ("gemini", "generationConfig", {"thinkingConfig": {"thinkingBudget": 1}}, {"thinkingConfig": {}}),
        ("gemini", "tools", [{"googleSearch": {}}], [{"codeExecution": {}}]),
        ("gemini", "cachedContent", "a", "b"),
        ("bedrock-converse", "additionalModelRequestFields", {"thinking": 1}, {"thinking": 2}),
        ("bedrock-converse", "toolConfig", {"tools": [], "toolChoice": {"any": {}}}, {"tools": [], "toolChoice": {"auto": {}}}),
        ("cohere", "documents", ["a"], ["b"]),
        ("mistral", "prompt_mode", "reasoning", None),
        ("ollama", "format", "json", {"type": "object"}),
        ("ollama", "think", True, False),
        ("ollama-generate", "suffix", "a", "b"),
    ],
)  # fmt: skip
def test_what_else_makes_the_answer_is_in_the_key(name: str, field: str, one: Any, other: Any) -> None:
    assert (
        identity(EXAMPLES[name], Turn(), **{field: one}).key != identity(EXAMPLES[name], Turn(), **{field: other}).key
    )


def _calls(name: str, identifier: str) -> dict[str, Any]:
    if name == "gemini":
        called = {"functionCall": {"id": identifier, "name": "weather", "args": {}}}
        answered = {"functionResponse": {"id": identifier, "name": "weather", "response": {"t": 1}}}
        return {"contents": [{"role": "model", "parts": [called]}, {"role": "user", "parts": [answered]}]}
    called = {"toolUse": {"toolUseId": identifier, "name": "weather", "input": {}}}
    answered = {"toolResult": {"toolUseId": identifier, "content": [{"text": "1"}]}}
    return {"messages": [{"role": "assistant", "content": [called]}, {"role": "user", "content": [answered]}]}


@pytest.mark.parametrize("name", ["gemini", "bedrock-converse"])
def test_ids_of_tool_calls_are_renamed_by_order(name: str) -> None:
    one, other = (identity(EXAMPLES[name], Turn(), **_calls(name, identifier)) for identifier in ("a1", "z9"))
    assert one.key == other.key
    assert "call_1" in json.dumps(one.body)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (f"{GEMINI}:embedContent", {"content": {"parts": [{"text": "a"}]}}),
        (f"{MODEL}/amazon.titan-embed-text-v2:0/invoke", {"inputText": "a", "dimensions": 256}),
        ("http://localhost:11434/api/embed", {"model": "m", "input": "a"}),
        ("http://localhost:8080/generate", {"inputs": "a", "parameters": {"max_new_tokens": 5}}),
        ("https://api.cohere.com/v2/rerank", {"model": "m", "query": "a", "documents": ["b"]}),
    ],
)
def test_what_carries_no_chat_prompt_is_matched_whole(url: str, body: Any) -> None:
    request = Request("POST", url, Headers([("content-type", "application/json")]), json.dumps(body).encode())
    found = identify(request, _settings.Settings().match, lambda tree: tree)
    assert found.whole
    assert found.matched.keys() >= body.keys()
