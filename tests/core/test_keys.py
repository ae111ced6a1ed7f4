"""What is in the key beside the prompt, and what isn't: fields, headers, queries, bodies of every kind."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import CassetteMiss, backend, use_cassette
from promptecho._matching.bodies import readable_body, without_coding
from promptecho._matching.fields import all_neutral
from promptecho._matching.headers import all_selecting
from promptecho._matching.identity import Identity, MatchOptions, identify, identify_recorded
from promptecho._models import Headers, Request
from promptecho._secrets.query import credentials_of_query, parameters
from promptecho._settings.settings import resolve

CHAT = "https://api.openai.com/v1/chat/completions"
CLAUDE = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
OLLAMA = "http://localhost:11434/api/chat"
MISTRAL = "https://api.mistral.ai/v1/chat/completions"
COHERE = "https://api.cohere.com/v2/chat"
RESPONSES = "https://api.openai.com/v1/responses"
OWN = "https://shop.example/ask"
JSON = {"content-type": "application/json"}
HI: Any = [{"role": "user", "content": "hi"}]


def identity(url: str, body: Any, headers: Any = JSON, method: str = "POST", **options: Any) -> Identity:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = without_coding(Request(method, url, Headers(headers), data))
    found = identify(request, resolve(options, environ={}, project={}).match, lambda tree: tree)
    # What stands in the file gives the same key.
    stored = identify_recorded(
        method,
        url,
        found.query,
        json.loads(json.dumps(found.body)),
        resolve(options, environ={}, project={}).match,
        headers=found.headers,
    )
    assert stored.key == found.key
    return found


def key(*arguments: Any, **more: Any) -> str:
    return identity(*arguments, **more).key


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": HI, **fields}


# --- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, {"n": 1}, {"n": 2}),
        (CHAT, {"stop": ["a"]}, {"stop": ["b"]}),
        (CHAT, {"logprobs": True}, {}),
        (CHAT, {"parallel_tool_calls": False}, {}),
        (CHAT, {"options": {"num_ctx": 1, "temperature": 0}}, {"options": {"num_ctx": 2, "temperature": 0}}),
        (CHAT, {"labels": {"a": 1}}, {"labels": {"a": 2}}),
        (OLLAMA, {"options": {"num_ctx": 1}}, {"options": {"num_ctx": 2}}),
        (OLLAMA, {"user": "a"}, {"user": "b"}),
        (GEMINI, {"generationConfig": {"mediaResolution": "a"}}, {"generationConfig": {"mediaResolution": "b"}}),
        (GEMINI, {"store": True}, {"store": False}),
        (BEDROCK + "m/converse", {"outputConfig": {"a": 1}}, {"outputConfig": {"a": 2}}),
        (BEDROCK + "m/converse", {"additionalModelRequestFields": {"thinking": 1, "top_k": 1}},
         {"additionalModelRequestFields": {"thinking": 2, "top_k": 1}}),
        (OWN, {"tenant": "a"}, {"tenant": "b"}),
        (OWN, {"tenant": "a", "temperature": 0}, {"tenant": "a", "temperature": 1}),
        (OWN, {"user": "a"}, {"user": "b"}),
        (OWN, {"metadata": {"a": 1}}, {"metadata": {"a": 2}}),
        (OWN, {"session_id": "a"}, {"session_id": "b"}),
    ],
)  # fmt: skip
def test_a_field_that_is_not_known_to_be_neutral_counts(url: str, one: Any, other: Any) -> None:
    assert key(url, chat(**one)) != key(url, chat(**other))


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, {"user": "a", "metadata": {"a": 1}, "store": True}, {}),
        (CHAT, {"prompt_cache_key": "a", "safety_identifier": "b", "service_tier": "flex"}, {}),
        (CHAT, {"request_id": "a", "x_request_id": "b", "prompt_timestamp": 1, "traceId": "t"}, {"request_id": "z"}),
        (CHAT, {"stream_options": {"include_usage": True}}, {}),
        (CHAT, {"maxTokens": 5, "topP": 1}, {}),
        (CLAUDE, {"metadata": {"user_id": "a"}, "service_tier": "auto", "top_k": 1}, {}),
        (CLAUDE, {"anthropic_beta": ["b", " a"]}, {"anthropic_beta": ["a", "b", "prompt-caching-2024-07-31"]}),
        (OLLAMA, {"options": {"num_ctx": 1, "temperature": 0, "num_gpu": 1}, "keep_alive": "5m"}, {"options": {"num_ctx": 1}}),
        (OLLAMA, {"options": {"temperature": 0}}, {}),
        (GEMINI, {"generationConfig": {"topP": 1}, "labels": {"a": "b"}}, {"generationConfig": {"maxOutputTokens": 5}}),
        (BEDROCK + "m/converse", {"requestMetadata": {"a": "b"}, "performanceConfig": {"latency": "optimized"}}, {}),
        (BEDROCK + "m/converse", {"additionalModelRequestFields": {"top_k": 1}}, {"additionalModelRequestFields": {"top_k": 2}}),
        (OWN, {"temperature": 1}, {"temperature": 0}),
        (OWN, {"request_id": "a", "tenant": "t"}, {"request_id": "b", "tenant": "t"}),
    ],
)  # fmt: skip
def test_a_neutral_field_does_not_count(url: str, one: Any, other: Any) -> None:
    assert key(url, chat(**one)) == key(url, chat(**other))


def test_every_neutral_field_says_why_and_none_is_listed_twice() -> None:
    names = [(name, provider) for entry in all_neutral() for name in entry.names for provider in entry.shapes or ("",)]
    assert len(set(names)) == len(names)
    assert all(len(entry.reason) > 10 for entry in all_neutral())
    assert all(name == name.lower() for name, _ in names)


def test_an_entry_says_what_counted_of_an_object_of_settings() -> None:
    body = chat(options={"num_ctx": 1, "temperature": 0}, agent_id="a", user="u")
    assert identity(CHAT, body).matched_on == ["model", "messages", "options.num_ctx", "agent_id"]
    assert identity(CHAT, chat(options={"num_ctx": 1})).matched_on == ["model", "messages", "options"]


def test_a_setting_that_is_not_matched_and_differs_is_counted_by_its_name(tmp_path: Path) -> None:
    def ask(**changes: Any) -> Any:
        request = Request("POST", OLLAMA, Headers(JSON), json.dumps(chat(stream=False, **changes)).encode())
        return backend.session_for("httpx").decide(request)

    with use_cassette(tmp_path / "c.yaml"):
        forward = ask(options={"num_ctx": 1, "temperature": 0})
        forward.start(backend.ResponseHead(200, backend.Headers(JSON)))
        forward.finish()
    with use_cassette(tmp_path / "c.yaml", mode="none") as cassette:
        ask(options={"num_ctx": 1, "temperature": 0.5}, keep_alive=1)
        assert cassette.unmatched == {"options.temperature": 1, "keep_alive": 1}


# --- what the vendor's own schema says nothing by ---------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "city", "required", "enum", "type", "snake_case", "default"])
SCHEMAS = st.recursive(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", ["string", "null"]])}, optional={
        "enum": st.lists(st.text(max_size=3) | st.integers(), max_size=4, unique_by=repr),
        "description": st.text(max_size=5)}),
    lambda inner: st.fixed_dictionaries({"type": st.just("object")}, optional={
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=4, unique=True), "anyOf": st.lists(inner, max_size=2)}),
    max_leaves=6,
)  # fmt: skip


def sets_shuffled(tree: Any, chance: random.Random) -> Any:
    if isinstance(tree, list):
        return [sets_shuffled(each, chance) for each in tree]
    if not isinstance(tree, dict):
        return tree
    changed = {}
    for name, value in tree.items():
        if name in ("required", "enum", "type") and isinstance(value, list):
            changed[name] = chance.sample(value, len(value))
        else:
            changed[name] = sets_shuffled(value, chance)
    return changed


TOOLS = {
    CHAT: lambda schema: {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]},
    RESPONSES: lambda schema: {"tools": [{"type": "function", "name": "f", "parameters": schema}]},
    CLAUDE: lambda schema: {"tools": [{"name": "f", "input_schema": schema}]},
    BEDROCK + "m/converse": lambda schema: {
        "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": schema}}}]}
    },
    GEMINI: lambda schema: {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}]},
    CHAT + "?f": lambda schema: {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
    OLLAMA: lambda schema: {"format": schema},
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TOOLS)), SCHEMAS, SCHEMAS, st.randoms(use_true_random=False))
def test_the_sets_of_a_schema_have_no_order(url: str, schema: Any, other: Any, chance: random.Random) -> None:
    assert key(url, chat(**TOOLS[url](schema))) == key(url, chat(**TOOLS[url](sets_shuffled(schema, chance))))
    same = json.dumps(schema, sort_keys=True) == json.dumps(other, sort_keys=True)
    if not same and sorted(json.dumps(schema)) != sorted(json.dumps(other)):
        assert key(url, chat(**TOOLS[url](schema))) != key(url, chat(**TOOLS[url](other)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def calling(url: str, arguments: str) -> dict[str, Any]:
    if url == RESPONSES:
        item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}
        return {"model": "m", "input": [*HI, item]}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return chat(messages=[*HI, {"role": "assistant", "content": None, "tool_calls": [call]}])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([CHAT, RESPONSES, MISTRAL, COHERE]),
    st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
    VALUES,
)
def test_the_json_of_a_call_has_no_spacing_and_no_order(url: str, arguments: Any, other: Any) -> None:
    one = json.dumps(arguments, separators=(",", ":"))
    backwards = json.dumps(dict(reversed(arguments.items())), indent=1, ensure_ascii=False)
    assert key(url, calling(url, one)) == key(url, calling(url, backwards))
    changed = json.dumps({**arguments, "another": other})
    if "another" not in arguments:
        assert key(url, calling(url, one)) != key(url, calling(url, changed))


def test_arguments_that_are_no_json_or_could_be_read_in_two_ways_stay_texts() -> None:
    texts = [
        '{"a": 1',
        '{"a": 1, "a": 2}',
        '{"a": 2, "a": 1}',
        '{"a": 1.0}',
        '{"a": 1.00}',
        '{"a": 1}',
        "a",
        '"a"',
        '{"a":1e999}',
        '{"a":1e998}',
    ]
    assert len({key(CHAT, calling(CHAT, text)) for text in texts}) == len(texts)


ASSISTANT: Any = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
RESULT: Any = {"role": "tool", "tool_call_id": "c", "content": "1"}


def without(tree: Any, *names: str) -> Any:
    return {name: value for name, value in tree.items() if name not in names}


def items(*more: Any) -> dict[str, Any]:
    return {"model": "m", "input": [*HI, *more]}


def embedding(**more: Any) -> dict[str, Any]:
    return {"content": {"parts": [{"text": "a"}]}, **more}


def schema(*required: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"enum": [*required]}}, "required": [*required]}


ANSWER: Any = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
CALLED: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
THOUGHT: Any = {"type": "reasoning", "summary": [], "encrypted_content": "e"}
EMBED = GEMINI.replace("generateContent", "embedContent")
# What says the same by the vendor's own schema, and beside each what doesn't.
SAME: list[tuple[str, Any, Any, list[Any]]] = [
    *((url, chat(**{name: None}), chat(), [chat(**{name: []})])
      for url in (CHAT, MISTRAL, OLLAMA) for name in ("tools", "tool_choice", "stop", "response_format", "logprobs")),
    (OLLAMA, chat(format=None, options=None, think=None), chat(), [chat(think=False)]),
    (RESPONSES, items() | {"instructions": None, "previous_response_id": None, "tools": None}, items(), [items() | {"instructions": ""}]),
    (BEDROCK + "m/converse", chat(toolConfig=None, guardrailConfig=None), chat(), []),
    (CHAT, chat(messages=[*HI, ASSISTANT, RESULT]), chat(messages=[*HI, without(ASSISTANT, "content"), RESULT]),
     [chat(messages=[*HI, {**ASSISTANT, "content": ""}, RESULT]), chat(messages=[*HI, {**ASSISTANT, "content": "a"}, RESULT])]),
    (CHAT, chat(messages=[*HI, {"role": "assistant", "content": "a", "refusal": None, "audio": None, "function_call": None}]),
     chat(messages=[*HI, {"role": "assistant", "content": "a"}]), [chat(messages=[*HI, {"role": "assistant", "content": "a", "refusal": "no"}])]),
    *((url, calling(url, text), calling(url, "{}"), [calling(url, "[]"), calling(url, "null")])
      for url in (CHAT, RESPONSES, MISTRAL) for text in ("", " ", "{ }")),
    (RESPONSES, items({**ANSWER, "id": "msg_1", "status": "completed"}, *HI), items({**ANSWER, "id": "msg_2"}, *HI),
     [items({**ANSWER, "id": "msg_1", "status": "incomplete"}, *HI)]),
    (RESPONSES, items({**ANSWER, "status": "completed"}, *HI), items(ANSWER, *HI), []),
    (RESPONSES, items({**CALLED, "id": "fc_1", "status": "completed"}), items({**CALLED, "id": "fc_2", "status": None}), [items({**CALLED, "name": "g", "id": "fc_1"})]),
    (RESPONSES, items({**THOUGHT, "id": "rs_1"}, CALLED), items({**THOUGHT, "id": "rs_2"}, CALLED), [items({**THOUGHT, "id": "rs_1", "encrypted_content": "f"}, CALLED)]),
    (GEMINI, {"contents": [{"parts": [{"text": "a", "thought": None}]}], "tools": None, "generationConfig": {"responseSchema": None}},
     {"contents": [{"parts": [{"text": "a"}]}], "generationConfig": {}}, []),
    *((GEMINI, {"contents": [], **made("OBJECT", "STRING")}, {"contents": [], **made("object", "string")}, [{"contents": [], **made("OBJECT", "NUMBER")}])
      for made in (
          lambda one, two: {"generationConfig": {"responseMimeType": "application/json", "responseSchema": {
              "type": one, "properties": {"type": {"type": two, "description": "OBJECT"}}}}},
          lambda one, two: {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {
              "type": one, "properties": {"type": {"type": "ARRAY", "items": {"type": two}}}}}]}]})),
    (EMBED, embedding(task_type="RETRIEVAL_QUERY", output_dimensionality=5), embedding(taskType="RETRIEVAL_QUERY", outputDimensionality=5),
     [embedding(taskType="RETRIEVAL_DOCUMENT", outputDimensionality=5), embedding(taskType="RETRIEVAL_QUERY")]),
    *((CHAT, chat(**made(schema("a", "b"))), chat(**made(schema("b", "a"))), [chat(**made(schema("a")))])
      for made in (
          lambda each: {"guided_json": each}, lambda each: {"structured_outputs": {"json": each}},
          lambda each: {"json_schema": each}, lambda each: {"json_schema": {"schema": each}}, lambda each: {"extra_body": {"guided_json": each}},
          lambda each: {"nvext": {"guided_json": each}}, lambda each: {"grammar": {"type": "json", "value": each}})),
    ("http://localhost:8080/generate", {"inputs": "a", "parameters": {"grammar": {"type": "json", "value": schema("a", "b")}}},
     {"inputs": "a", "parameters": {"grammar": {"type": "json", "value": schema("b", "a")}}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("url", "one", "other", "different"), SAME)
def test_what_says_nothing_by_the_schema_of_the_vendor_does_not_count(
    url: str, one: Any, other: Any, different: list[Any]
) -> None:
    assert identity(url, one).key == identity(url, other).key
    assert key(url, one) not in {key(url, each) for each in different}


DIFFERENT: list[tuple[str, Any, Any]] = [
    (CHAT, chat(functions=None), chat()),  # which OpenAI refuses
    (CLAUDE, chat(system=None), chat()),
    (OWN, chat(tenant="a", tools=None), chat(tenant="a")),
    (CHAT, chat(messages=[{"role": "user", "content": None}]), chat(messages=[{"role": "user"}])),
    (CHAT, chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "OBJECT"}}}]),
     chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])),
    # what the server knows by its id
    (RESPONSES, items({"type": "item_reference", "id": "msg_1"}), items({"type": "item_reference", "id": "msg_2"})),
    (RESPONSES, items({"type": "reasoning", "summary": [], "id": "rs_1"}), items({"type": "reasoning", "summary": [], "id": "rs_2"})),
    (RESPONSES, items({"type": "image_generation_call", "id": "ig_1"}), items({"type": "image_generation_call", "id": "ig_2"})),
    (RESPONSES, items({"type": "web_search_call", "id": "ws_1", "status": "completed"}), items({"type": "web_search_call", "id": "ws_2", "status": "completed"})),
    (GEMINI, {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"a": None}}}]}]},
     {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {}}}]}]}),
    (GEMINI, {"contents": [], "generationConfig": {"responseSchema": {"type": "STRING", "enum": ["OBJECT"]}}},
     {"contents": [], "generationConfig": {"responseSchema": {"type": "STRING", "enum": ["object"]}}}),
]  # fmt: skip


@pytest.mark.parametrize(("url", "one", "other"), DIFFERENT)
def test_what_could_say_something_counts(url: str, one: Any, other: Any) -> None:
    assert key(url, one) != key(url, other)


SNAKE = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inline_data": {"mime_type": "image/png", "data": "AA"}}]},
        {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"snake_case": 1}, "id": "x9"}}]},
        {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"my_key": 1}, "id": "x9"}}]},
    ],
    "system_instruction": {"parts": [{"text": "s"}]},
    "generation_config": {"max_output_tokens": 5, "response_mime_type": "application/json", "response_schema": {
        "type": "OBJECT", "properties": {"my_key": {"type": "STRING", "max_length": 5}}, "property_ordering": ["my_key"]},
        "thinking_config": {"thinking_budget": 1}},
    "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "any_of": []}}]}, {"google_search": {}}],
    "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f_g"]}},
    "safety_settings": [{"category": "A_B", "threshold": "C_D"}],
}  # fmt: skip
CAMEL = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"snake_case": 1}, "id": "y1"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"my_key": 1}, "id": "y1"}}]},
    ],
    "systemInstruction": {"parts": [{"text": "s"}]},
    "generationConfig": {"maxOutputTokens": 5, "responseMimeType": "application/json", "responseSchema": {
        "type": "OBJECT", "properties": {"my_key": {"type": "STRING", "maxLength": 5}}, "propertyOrdering": ["my_key"]},
        "thinkingConfig": {"thinkingBudget": 1}},
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "anyOf": []}}]}, {"googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f_g"]}},
    "safetySettings": [{"category": "A_B", "threshold": "C_D"}],
}  # fmt: skip


def test_gemini_in_snake_case_is_gemini() -> None:
    assert identity(GEMINI, SNAKE).body == identity(GEMINI, CAMEL).body
    for name in SNAKE:
        mixed = {**{each: value for each, value in CAMEL.items() if snake(each) != name}, name: SNAKE[name]}
        assert key(GEMINI, mixed) == key(GEMINI, CAMEL)
    own = json.loads(json.dumps(CAMEL).replace("snake_case", "snakeCase"))
    assert key(GEMINI, own) != key(GEMINI, CAMEL)  # a name of the program's own
    assert key(GEMINI, json.loads(json.dumps(CAMEL).replace("my_key", "myKey"))) != key(GEMINI, CAMEL)


def snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


# --- Bedrock and custom tools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "one", "other"),
    [
        ("stability.sd3-large-v1:0", {"prompt": "a", "seed": 1}, {"prompt": "a", "seed": 2}),
        ("amazon.titan-image-generator-v2:0", {"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"seed": 1}},
         {"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"seed": 2}}),
        ("cohere.embed-english-v3", {"texts": ["a"], "input_type": "x"}, {"texts": ["a"], "input_type": "y"}),
        ("arn:aws:bedrock:us-east-1:1:imported-model/x", {"prompt": "a", "aspect_ratio": "1:1", "seed": 1},
         {"prompt": "a", "aspect_ratio": "1:1", "seed": 2}),
        ("amazon.rerank-v1:0", {"query": "a", "documents": ["x"]}, {"query": "a", "documents": ["y"]}),
    ],
)  # fmt: skip
def test_what_is_no_chat_of_invoke_model_is_matched_whole(model: str, one: Any, other: Any) -> None:
    url = f"{BEDROCK}{model}/invoke"
    assert identity(url, one).whole
    assert key(url, one) != key(url, other)


def test_a_custom_tool_is_no_function() -> None:
    function, custom = ({"type": kind, "name": "f", "description": "d"} for kind in ("function", "custom"))
    for url in (CHAT, RESPONSES):
        assert key(url, chat(tools=[function])) != key(url, chat(tools=[custom]))
    schema = {"name": "f", "input_schema": {"type": "object"}}
    assert key(CLAUDE, chat(tools=[schema])) == key(CLAUDE, chat(tools=[{**schema, "type": "custom"}]))


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for entry in all_selecting() for name in entry.names])
def test_a_header_that_selects_counts(name: str) -> None:
    keys = {key(OWN, {"q": 1}, {**JSON, **more}) for more in ({}, {name: "a"}, {name.title(): "b"})}
    assert len(keys) == 3
    assert key(OWN, {"q": 1}, {**JSON, name: "b"}, ignore=[f"{name}:"]) == key(OWN, {"q": 1}, ignore=[f"{name}:"])


@pytest.mark.parametrize(
    "name",
    ["user-agent", "openai-project", "openai-organization", "authorization", "x-api-key", "traceparent", "baggage",
     "x-stainless-retry-count", "x-stainless-lang", "idempotency-key", "amz-sdk-invocation-id", "x-amz-date",
     "x-amzn-bedrock-trace", "x-goog-user-project", "x-goog-api-client", "x-request-id", "accept-encoding", "connection",
     "x-portkey-trace-id", "helicone-user-id", "cf-aig-skip-cache", "x-amz-security-token", "content-length", "host"],
)  # fmt: skip
def test_any_other_header_does_not(name: str) -> None:
    assert identity(OWN, {"q": 1}, {**JSON, name: "a"}).headers == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"anthropic-beta": "a,b"}, {"anthropic-beta": " b , a "}),
        ({"anthropic-beta": "a"}, {"anthropic-beta": "prompt-caching-2024-07-31,a,extended-cache-ttl-2025-04-11"}),
        ({"anthropic-beta": "prompt-caching-2024-07-31"}, {}),
        ([("anthropic-beta", "a"), ("Anthropic-Beta", "b")], {"anthropic-beta": "a,b"}),
        ({"accept": "*/*"}, {}),
        ({"accept": "text/html;q=0.9, */*;q=0.8"}, {"accept": "text/html, */*;q=0.1"}),
        ({"accept": "*/*, text/html"}, {"accept": "text/html , */*"}),
        ({"accept": "application/json, */*;q=0.5"}, {"accept": "application/json"}),
        ({"accept": "application/json, text/plain, */*"}, {"accept": "*/*,text/plain;q=1.0,application/json"}),
        ({"accept": "image/png, text/html;q=0"}, {"accept": "image/png"}),
    ],
)
def test_lists_have_no_order_and_what_is_neutral_in_them_is_left_out(one: Any, other: Any) -> None:
    assert key(OWN, b"", one, "GET") == key(OWN, b"", other, "GET")


def test_accept_counts_by_what_is_preferred() -> None:
    accepted = ["audio/wav, audio/mpeg;q=0.5", "audio/wav;q=0.5, audio/mpeg", "audio/wav, audio/mpeg", "audio/wav",
                "audio/mpeg", "application/json, audio/wav;q=0.1", "text/html, */*;q=0.5", "text/html", "*/*, text/html",
                "text/html;level=1", "application/json, text/plain, */*"]  # fmt: skip
    assert len({key(OWN, b"", {"accept": each}, "GET") for each in accepted}) == len(accepted)


def test_accept_counts_where_it_chooses_the_format() -> None:
    formats = ["audio/mpeg", "audio/wav", "text/event-stream", "application/json", "*/*", "image/png", "text/html"]
    assert len({key(OWN, {"q": 1}, {**JSON, "accept": each}) for each in formats}) == len(formats)
    plain = key(CHAT, chat())
    for neutral in ("*/*", "application/json", "application/json, */*;q=0.5"):
        assert key(CHAT, chat(), {**JSON, "accept": neutral}) == plain
    assert key(CHAT, chat(), {**JSON, "accept": "text/event-stream"}) != plain
    stream = chat(stream=True)  # asked for by the body: clients differ in what they accept then
    assert key(CHAT, stream, {**JSON, "accept": "text/event-stream"}) == key(CHAT, stream)


@pytest.mark.parametrize(
    ("body", "types"),
    [
        (b"\xff\x00", ["audio/wav", "audio/mpeg", "audio/L16; rate=8000", "audio/L16; rate=16000", ""]),
        (b"text", ["text/plain", "text/html", "application/json", "text/plain; charset=latin-1"]),
        (b'{"a": 1}', ["application/json", "application/x-ndjson", "text/plain"]),
        (b"[1]", ["application/json", "application/x-ndjson"]),
        (
            b"--b\r\n\r\nx\r\n--b--",
            ["multipart/related; boundary=b", "multipart/mixed; boundary=b", "multipart/form-data; boundary=b"],
        ),
    ],
)
def test_the_same_bytes_under_another_type_are_another_request(body: bytes, types: list[str]) -> None:
    assert len({key(OWN, body, {"content-type": each}) for each in types}) == len(types)


def test_a_type_that_says_what_the_body_says_does_not_count() -> None:
    for kind in (
        "",
        "application/octet-stream",
        "application/json; charset=utf-8",
        "application/x-amz-json-1.1",
        "application/json;charset=UTF8",
        'application/json; charset="utf-8"; odata=verbose',
        "application/vnd.x+json",
    ):
        assert key(OWN, {"a": 1}, {"content-type": kind}) == key(OWN, {"a": 1})


def test_json_that_is_another_change_or_another_text_by_its_type_is_another_request() -> None:
    kinds = ["application/json", "application/merge-patch+json", "application/strategic-merge-patch+json",
             "application/json-patch+json", "application/json; charset=latin-1", "application/json; charset=utf-16"]  # fmt: skip
    assert len({key(OWN, {"a": 1}, {"content-type": kind}, "PATCH") for kind in kinds}) == len(kinds)


def test_a_header_that_may_be_a_credential_is_known_by_its_digest() -> None:
    found = identity(CHAT, chat(), {**JSON, "x-portkey-virtual-key": "openai-prod-a1b2c3"})
    assert found.headers is not None
    assert found.headers["x-portkey-virtual-key"].startswith("sha256:")


# --- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("a=1&key=x&page_token=p&X-Amz-Date=d&b=", [("a", "1"), ("key", "x"), ("page_token", "p"), ("b", "")]),
        (
            "start=2026-01-02T03:04:05Z&model=claude-opus-4-20250514",
            [("start", "2026-01-02T03:04:05Z"), ("model", "claude-opus-4-20250514")],
        ),
        ("run=7f0c1f4e-8f4e-4b4e-9d5e-00000000000a", [("run", "7f0c1f4e-8f4e-4b4e-9d5e-00000000000a")]),
        ("q=caf%C3%A9+au%20lait&q=%FF&q=5%25", [("q", "caf\u00e9 au lait"), ("q", "%FF"), ("q", "5%25")]),
        ("token=tok-7f3Kd92LmQx04&access-token=a&clientSecret=b&password=hunter2", []),
        ("token=abc&password=c", [("token", "abc"), ("password", "c")]),
        ("x=AKIAIOSFODNN7EXAMPLE", []),
    ],
)
def test_a_query_is_matched_without_its_credentials(query: str, shown: list[tuple[str, str]]) -> None:
    assert list(parameters(f"https://h.example/list?{query}")) == shown


@pytest.mark.parametrize("name", ["page_token", "nextPageToken", "session", "key", "anything"])
def test_a_random_text_in_a_query_is_matched_and_never_written(name: str, tmp_path: Path) -> None:
    def send(value: str) -> Any:
        return backend.session_for("httpx").decide(Request("GET", f"https://h.example/list?{name}={value}"))

    with use_cassette(tmp_path / "c.yaml"):
        forward = send("zX81mQp0aLw93Kdk2")
        forward.start(backend.ResponseHead(200))
        forward.finish()
    assert "zX81mQp0aLw93Kdk2" not in (tmp_path / "c.yaml").read_text(encoding="utf-8")
    with use_cassette(tmp_path / "c.yaml", mode="none") as cassette:
        send("zX81mQp0aLw93Kdk2")
        with pytest.raises(CassetteMiss, match=rf"\?{name}:\n +recorded 'sha256:"):
            send("zX81mQp0aLw93Kdk3")
        cassette.acknowledge_misses()


def test_what_is_a_credential_by_its_host_is_none_elsewhere() -> None:
    assert parameters("https://x.googleapis.com/v1/list?key=ab12") == ()
    assert credentials_of_query("https://x.googleapis.com/v1/list?key=ab12-cd34") == ("ab12-cd34",)
    assert parameters("https://f.azurewebsites.net/api/f?code=ab12") == ()
    assert parameters("https://h/list?code=ab12") == (("code", "ab12"),)


@pytest.mark.parametrize("queries", [["q", "q=", ""], ["q&q=", "q=&q", "q&q", "q=&q="], ["a&q=1", "a=&q=1"]])
def test_a_parameter_without_a_value_is_none_with_an_empty_one(queries: list[str]) -> None:
    assert len({key(f"{OWN}?{query}", b"", {}, "GET") for query in queries}) == len(queries)
    assert key(f"{OWN}?b&a=1", b"", {}, "GET") == key(f"{OWN}?a=1&b", b"", {}, "GET")


def test_what_a_file_holds_tells_a_parameter_without_a_value(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml"):
        forward = backend.session_for("httpx").decide(get("https://h.example/b?acl&x=1"))
        forward.start(backend.ResponseHead(200))
        forward.finish()
    with use_cassette(tmp_path / "c.yaml", mode="none") as cassette:
        backend.session_for("httpx").decide(get("https://h.example/b?acl&x=1"))
        with pytest.raises(CassetteMiss, match=r"\?acl:"):
            backend.session_for("httpx").decide(get("https://h.example/b?acl=&x=1"))
        cassette.acknowledge_misses()


# --- bodies -----------------------------------------------------------------------------------------------------------


def related(boundary: str, *parts: tuple[str, bytes], end: bytes = b"\r\n") -> bytes:
    mark = b"--" + boundary.encode()
    lines = b"".join(
        mark + end + head.replace("\n", end.decode()).encode() + end + end + content + end for head, content in parts
    )
    return lines + mark + b"--" + end


PART = ("Content-Type: application/json\nContent-ID: <{boundary}>", b'{"a": 1}')
PICTURE = ("Content-Type: image/png\nContent-Transfer-Encoding: binary", b"\x89\r\n\x00--x")


@pytest.mark.parametrize("kind", ["related", "mixed", "form-data"])
def test_multipart_bodies_are_matched_by_their_parts(kind: str) -> None:
    def sent(boundary: str, *parts: tuple[str, bytes], quote: str = "", end: bytes = b"\r\n") -> str:
        given = [(head.replace("{boundary}", boundary), content) for head, content in parts]
        return key(
            OWN,
            related(boundary, *given, end=end),
            {"content-type": f"multipart/{kind}; boundary={quote}{boundary}{quote}"},
        )

    first = sent("one", PART, PICTURE)
    assert sent("a=b;c", PART, PICTURE, quote='"') == first
    assert sent("two", PART, PICTURE, end=b"\n") == first
    others = [
        sent("one", PICTURE, PART), sent("one", PART), sent("one", PART, (PICTURE[0], PICTURE[1] + b"x")),
        sent("one", (PART[0].replace("json", "xml"), PART[1]), PICTURE),
    ]  # fmt: skip
    assert len({first, *others}) == 5


def test_a_multipart_body_in_one_is_matched_by_its_parts_too() -> None:
    def sent(inner: str, text: bytes) -> str:
        nested = related(inner, ("Content-Type: text/plain", text))
        return key(
            OWN,
            related("o", (f"Content-Type: multipart/mixed; boundary={inner}", nested)),
            {"content-type": "multipart/mixed; boundary=o"},
        )

    assert sent("aaa", b"x") == sent("bbb", b"x") != sent("aaa", b"y")


def test_names_of_parts_are_read_with_their_quotes() -> None:
    def sent(parameters: str) -> str:
        body = related("b", (f"Content-Disposition: form-data; {parameters}", b"x"))
        return key(OWN, body, {"content-type": "multipart/form-data; boundary=b"})

    spelled = ['name="a;b"', 'name="a"', 'name="a\\"b"', 'name="a\\"c"', 'name="a"; filename="b"', 'name="a"; filename="c;d"',
               'name="a"; filename="c;e"', "name=\"a\"; filename*=utf-8''c", "name=\"a\"; filename=\"c\"; filename*=utf-8''d"]  # fmt: skip
    assert len({sent(each) for each in spelled}) == len(spelled)
    assert sent('name="a"') == sent("name=a")


@pytest.mark.parametrize(
    "bodies",
    [
        [b'{"p": "1+1"}', b'{"p": "1 1"}', b'{"p": "100%25"}', b'{"p": "100%"}'],
        [b"q=%FF", b"q=%FE", b"q=\xff"],
        [b"a=100%", b"a=100%25", b"a=100%2"],
        [b"hello 1+1", b"hello 1 1", b"hello+1+1"],
        [b"a=1&b=2", b"b=2&a=1", b"a=1", b"a=1&b=2&b=2"],
    ],
)
def test_forms_that_differ_never_share_a_key(bodies: list[bytes]) -> None:
    assert len({key(OWN, body, {"content-type": "application/x-www-form-urlencoded"}) for body in bodies}) == len(
        bodies
    )


@pytest.mark.parametrize(
    "bodies",
    [
        [b'{"a": 1, "a": 2}', b'{"a": 2, "a": 2}', b'{"a": 2}'],
        [b'[{"a": 1, "a": 2}]', b'[{"a": 2}]'],
        [
            b'{"messages": [{"role": "user", "content": "A", "content": "B"}]}',
            b'{"messages": [{"role": "user", "content": "C", "content": "B"}]}',
        ],
    ],
)
def test_json_with_a_key_twice_is_matched_by_its_bytes(bodies: list[bytes]) -> None:
    assert len({key(CHAT, body) for body in bodies}) == len(bodies)


@pytest.mark.parametrize(
    "numbers",
    [
        ["1e400", "1e500", "-1e400", "Infinity", "-Infinity", "NaN", "null", "1.0e400"],
        ["1e-400", "1e-500", "0.0", "0", "-0", "-1e-400"],
        ["0.1234567890123456789", "0.1234567890123456788", "0.12345678901234568"],
        ["1" + "0" * 400, "1" + "0" * 399 + "1", "9" * 5000, "9" * 5001, "1e400"],
        ["9007199254740993", "9007199254740992", "9007199254740993.0", "9007199254740992.0"],
        ["1e99999999999999999999", "1e99999999999999999998"],
    ],
)
def test_numbers_that_differ_never_share_a_key(numbers: list[str]) -> None:
    for url, body in ((OWN, '{"a": %s}'), (OWN, "[%s]"), (CHAT, '{"messages": [{"role": "user", "content": %s}]}')):
        assert len({key(url, (body % number).encode()) for number in numbers}) == len(numbers)


@given(st.floats(-1e9, 1e9), st.integers(1, 30))
def test_a_number_is_the_same_however_it_is_printed(value: float, places: int) -> None:
    spelled = [repr(value), f"{value:.60f}" if abs(value) > 1e-9 else repr(value), f"{value:.{places}e}"]
    first, second, rounded = (readable_body(f'{{"a": {text}}}'.encode(), "")[0] for text in spelled)
    assert first == second == {"a": value}
    assert rounded == {"a": float(spelled[2])}  # rounded, it is another number, but as readable


@given(st.decimals(-100_000, 100_000, places=20))
def test_numbers_that_differ_by_little_are_read_as_two(value: Decimal) -> None:
    texts = [f"{each:f}" for each in (value, value + Decimal("1e-20"))]
    one, other = (readable_body(f'{{"a": {text}}}'.encode(), "")[0] for text in texts)
    assert one != other


def test_a_byte_order_mark_before_json_says_nothing() -> None:
    for body in (chat(), [1, "a"]):
        data = json.dumps(body).encode()
        assert key(CHAT, b"\xef\xbb\xbf" + data) == key(CHAT, data)
    assert key(OWN, b"\xef\xbb\xbftext") != key(OWN, b"text")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["gzip", "x-gzip", "deflate", "GZIP", "gzip, deflate", "identity", "zstd", "br"]),
    st.text(max_size=20),
    st.integers(0, 2**31),
)
def test_a_compressed_body_is_matched_by_what_it_holds(coding: str, text: str, moment: int) -> None:
    data = json.dumps(chat(messages=[{"role": "user", "content": text}])).encode()
    packed = data
    for name in coding.lower().split(", "):
        packed = pack(name, packed, moment)
    headers = {**JSON, "content-encoding": coding}
    assert identity(CHAT, packed, headers).body == json.loads(data)
    assert key(CHAT, packed, headers) == key(CHAT, data)
    damaged = packed[:-3]
    if coding != "identity":
        assert identity(CHAT, damaged, headers).body.keys() == {"__raw_body_sha256__"}
        assert key(CHAT, damaged, headers) != key(CHAT, damaged)


def pack(coding: str, data: bytes, moment: int) -> bytes:
    if coding.endswith("gzip"):
        return gzip.compress(data, mtime=moment)
    if coding == "deflate":
        return zlib.compress(data, moment % 9 + 1)
    if coding == "br":
        return bytes(pytest.importorskip("brotli").compress(data))
    if coding == "zstd":
        return bytes(pytest.importorskip("zstandard").ZstdCompressor(level=moment % 9 + 1).compress(data))
    return data


def test_a_credential_in_a_compressed_body_is_masked(tmp_path: Path) -> None:
    secret = "sk-ant-" + "a1" * 30
    body = gzip.compress(json.dumps(chat(messages=[{"role": "user", "content": f"my key is {secret}"}])).encode())
    request = Request("POST", CHAT, Headers({**JSON, "content-encoding": "gzip"}), body)
    with pytest.warns(UserWarning, match="masked what looks like credentials"), use_cassette(tmp_path / "c.yaml"):
        forward = backend.session_for("httpx").decide(request)
        forward.start(backend.ResponseHead(200))
        forward.finish()
    text = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    assert secret not in text
    assert "my key is REDACTED_ANTHROPIC_KEY" in text


# --- options and misses -----------------------------------------------------------------------------------------------


def test_volatile_values_are_masked_in_path_query_and_headers() -> None:
    one, other = "7f0c1f4e-8f4e-4b4e-9d5e-00000000000a", "90aa1f4e-8f4e-4b4e-9d5e-00000000000b"
    for url in ("https://h/runs/{}/steps", "https://h/list?run={}"):
        assert key(url.format(one), b"", {}, "GET", volatile=["uuid"]) == key(
            url.format(other), b"", {}, "GET", volatile=["uuid"]
        )
        assert key(url.format(one), b"", {}, "GET") != key(url.format(other), b"", {}, "GET")
    assert key(OWN, b"", {"x-model": one}, "GET", volatile=["uuid"]) == key(
        OWN, b"", {"x-model": other}, "GET", volatile=["uuid"]
    )


def missed(tmp_path: Path, recorded: Request, asked: Request, **options: Any) -> str:
    path = tmp_path / "c.yaml"
    with use_cassette(path, **options):
        forward = backend.session_for("httpx").decide(recorded)
        forward.start(backend.ResponseHead(200))
        forward.finish()
    with use_cassette(path, mode="none", **options) as cassette:
        try:
            backend.session_for("httpx").decide(asked)
        except CassetteMiss as miss:
            cassette.acknowledge_misses()
            return str(miss)
    return ""


def get(url: str, **headers: str) -> Request:
    return Request("GET", url, Headers(headers))


def post(**fields: Any) -> Request:
    return Request("POST", CHAT, Headers(JSON), json.dumps(chat(**fields)).encode())


def test_a_miss_by_the_query_shows_both_values_and_ignore_leaves_it_out(tmp_path: Path) -> None:
    one, other = (get(f"https://h/v1/usage?start_time={time}&limit=2") for time in ("monday", "friday"))
    text = missed(tmp_path, one, other)
    assert "    ?start_time:\n      recorded 'monday'\n      incoming 'friday'\n" in text
    assert 'pass ignore=["?start_time"]' in text
    assert missed(tmp_path / "2", one, other, ignore=["?start_time"]) == ""
    assert "    ?start_time:" not in missed(
        tmp_path / "3", one, get("https://h/v1/usage?start_time=1&limit=3"), ignore=["?start_time"]
    )
    assert missed(tmp_path / "4", one, get("https://h/v1/usage?limit=2"), ignore=["?start_time"]) == ""


def test_a_miss_by_a_header_shows_both_values_and_ignore_leaves_it_out(tmp_path: Path) -> None:
    one, other = get("https://h/f", range="bytes=0-9"), get("https://h/f", range="bytes=10-19")
    text = missed(tmp_path, one, other)
    assert "    range:\n      recorded 'bytes=0-9'\n      incoming 'bytes=10-19'\n" in text
    assert 'pass ignore=["range:"]' in text
    assert missed(tmp_path / "2", one, other, ignore=["range:"]) == ""


def test_a_miss_by_a_field_that_is_not_known_says_so(tmp_path: Path) -> None:
    text = missed(tmp_path, post(agent_id="a"), post(agent_id="b"))
    assert "agent_id isn't known to leave the answer alone" in text
    assert 'pass ignore=["agent_id"]' in text
    assert missed(tmp_path / "2", post(agent_id="a"), post(agent_id="b"), ignore=["agent_id"]) == ""
    both = missed(tmp_path / "3", post(agent_id="a", x={"y": 1}), post(agent_id="b", x={"y": 2}))
    assert 'pass ignore=["agent_id", "x"]' in both
    assert "ignore=" not in missed(tmp_path / "4", post(agent_id="a"), post(agent_id="b", model="n"))


def test_the_file_holds_what_counts_beside_the_body(tmp_path: Path) -> None:
    request = get("https://h/list?b=2&a=1&a=3&token=secret-0f-m1ne-7Kd92", **{"x-model": "m", "user-agent": "me"})
    missed(tmp_path, request, request)
    text = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    assert "secret-0f-m1ne-7Kd92" not in text
    assert "user-agent" not in text
    assert MatchOptions().digest in text
    with use_cassette(tmp_path / "c.yaml", mode="none") as cassette:
        (entry,) = cassette.interactions
    assert entry.document["request"]["query"] == {"a": ["1", "3"], "b": "2"}
    assert entry.document["request"]["headers"] == {"x-model": "m"}
