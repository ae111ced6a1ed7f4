"""chat"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from promptecho.providers._answer import Answer, Usage, from_pieces, with_alternatives
from promptecho.providers._fields import BY_FIELDS, KNOWN_APIS
from promptecho.providers._messages import content, hoist_system, message, rename_call_ids
from promptecho.providers._pieces import Piece, attachment, read_message
from promptecho.providers._provider import BY_MESSAGES, Call, Reader, Shape
from promptecho.providers._tools import response_format, tools, with_schemas_in_order
from promptecho.providers._trees import append_text, count, entries, first_text, index, mapping, mappings, ordered, text

Json = Any

# Where this shape is taken by an API for chats: that of OpenAI and its likes, watsonx, and what hosts models of one's
# own (SageMaker, Databricks).
_PATHS = re.compile(
    r"(?:/chat/completions|/agents/completions|/ml/v1/text/chat(?:_stream)?|endpoints/[^/]+/invocations)\Z"
)
# Elsewhere a body that has nothing else is a chat, too; any other field makes it one of an API that is not known.
_FIELDS = frozenset(
    ("model", "messages", "system", "tools", "tool_choice", "reasoning_effort", "reasoning", "thinking",
     "response_format", "functions", "function_call", "parallel_tool_calls", "modalities", "audio", "prediction",
     "web_search_options", "verbosity", "n", "stop", "stop_sequences", "logprobs", "top_logprobs", "logit_bias",
     "metadata", "user", "format", "options", "extra_body")
)  # fmt: skip


NULLABLE = frozenset(
    ("tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning", "reasoning_effort", "verbosity",
     "modalities", "audio", "prediction", "web_search_options", "n", "stop", "logprobs", "top_logprobs", "logit_bias",
     "instructions", "previous_response_id", "conversation", "include", "truncation", "background",
     "max_tool_calls", "text")
)  # fmt: skip
# "nullable" in OpenAI's and Mistral's schemas, what others that answer in this shape declare as optional (vLLM), and
# what clients send as null. ``functions`` is not among them: OpenAI refuses it.


def detect(call: Call) -> bool:
    return isinstance(call.body.get("messages"), list)


def _where(call: Call) -> int:
    return KNOWN_APIS if _PATHS.search(call.path) else BY_FIELDS


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body of a chat call."""
    changed = dict(body)
    if "system" in changed:
        changed["system"] = content(changed["system"])
    if isinstance(changed.get("messages"), list):
        changed["messages"] = [message(each) for each in changed["messages"]]
        changed = hoist_system(changed)
        changed["messages"] = rename_call_ids(changed["messages"])
    if "tools" in changed:
        changed["tools"] = tools(changed["tools"])
    if isinstance(changed.get("functions"), list):
        changed["functions"] = [with_schemas_in_order(each) for each in changed["functions"]]
    if "response_format" in changed:
        changed["response_format"] = response_format(changed["response_format"])
    if "max_completion_tokens" in changed and "max_tokens" not in changed:
        changed["max_tokens"] = changed.pop("max_completion_tokens")
    return changed


REQUESTS = Shape(
    "openai-chat",
    detect,
    normalize,
    where=_where,
    told_by=BY_MESSAGES,
    fields=_FIELDS,
    nullable=NULLABLE.__contains__,
)


_TRANSCRIPTION = {"text", "task", "language", "duration", "segments", "words", "usage", "logprobs"}
_TEXTS = ("reasoning_content", "reasoning", "refusal")


def read(tree: Json) -> Answer | None:
    """The answer in a body with ``choices``, an embedding, an image or a transcription."""
    body = mapping(tree)
    model = text(body.get("model"))
    if isinstance(body.get("choices"), list):
        answers = [_choice(mapping(choice), model) for choice in body["choices"]]
        return with_alternatives(answers or [Answer("openai-chat", model)], usage(body))
    items = entries(body.get("data"))
    if items and all(isinstance(item, dict) for item in items):
        if all("embedding" in item for item in items):
            return Answer("openai-chat", model, usage=usage(body))
        if all("b64_json" in item or "url" in item for item in items):
            kind = f"image/{text(body.get('output_format')) or 'png'}"
            notes = tuple(attachment(kind, first_text(item, "b64_json", "url")).text for item in items)
            return Answer("openai-chat", model, attachments=notes, usage=usage(body))
    if isinstance(body.get("text"), str) and set(body) <= _TRANSCRIPTION:
        return Answer("openai-chat", text=body["text"], usage=usage(body))
    return None


def _choice(choice: dict[str, Json], model: str) -> Answer:
    if isinstance(choice.get("message"), dict):
        pieces = read_message({"role": "assistant", **choice["message"]})
    else:
        pieces = (Piece("text", text(choice.get("text"))),)
    return from_pieces("openai-chat", pieces, model=model, finish_reason=text(choice.get("finish_reason")))


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; the prompt's include cached ones. xAI leaves reasoning out of the completion's, which its total tells."""
    tree = mapping(body.get("usage")) or mapping(body, "x_groq", "usage")
    prompt = count(tree, "prompt_tokens", "input_tokens")
    if prompt is None:
        return None
    completion = count(tree, "completion_tokens", "output_tokens") or 0
    details = mapping(tree.get("prompt_tokens_details") or tree.get("input_tokens_details"))
    about = mapping(tree.get("completion_tokens_details") or tree.get("output_tokens_details"))
    reasoning = count(about, "reasoning_tokens") or 0
    if reasoning and count(tree, "total_tokens") == prompt + completion + reasoning:
        completion += reasoning
    return Usage(
        prompt,
        completion,
        count(details, "cached_tokens") or count(tree, "prompt_cache_hit_tokens", "cached_tokens") or 0,
        count(details, "cache_write_tokens") or 0,
        reasoning,
    )


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the chunks of a stream make up."""
    chunks = [event for event in mappings(events) if isinstance(event.get("choices"), list)]
    if not chunks:
        return None
    body: dict[str, Json] = {}
    choices: dict[int, dict[str, Json]] = {}
    for chunk in chunks:
        body.update((name, value) for name, value in chunk.items() if name != "choices" and value is not None)
        for each in map(mapping, chunk["choices"]):
            choice = choices.setdefault(index(each.get("index")), {})
            _add_choice(choice, each)
    return {**body, "choices": ordered(choices)}


def _add_choice(choice: dict[str, Json], chunk: dict[str, Json]) -> None:
    if isinstance(chunk.get("finish_reason"), str):
        choice["finish_reason"] = chunk["finish_reason"]
    append_text(choice, "text", chunk.get("text"))
    delta = chunk.get("delta", chunk.get("message"))
    if isinstance(delta, dict):
        _add_delta(choice.setdefault("message", {}), delta)


def _add_delta(message: dict[str, Json], delta: dict[str, Json]) -> None:
    for name in _TEXTS:
        append_text(message, name, delta.get(name))
    _add_content(message, delta.get("content"))
    calls = message.setdefault("tool_calls", [])
    for each in map(mapping, entries(delta.get("tool_calls"))):
        _add_call(calls, each)
    function = delta.get("function_call")
    if isinstance(function, dict):
        known = message.setdefault("function_call", {})
        append_text(known, "name", function.get("name"))
        append_text(known, "arguments", function.get("arguments"))
    message.setdefault("images", []).extend(entries(delta.get("images")))
    audio = mapping(delta.get("audio"))
    for name in ("data", "transcript"):
        if isinstance(audio.get(name), str):
            append_text(message.setdefault("audio", {}), name, audio[name])


def _add_content(message: dict[str, Json], content: Json) -> None:
    """Mistral's reasoning models send blocks, in which thinking and text alternate."""
    known = message.get("content")
    if isinstance(content, str) and not isinstance(known, list):
        append_text(message, "content", content)
    elif content is not None:
        blocks = known if isinstance(known, list) else ([{"type": "text", "text": known}] if known else [])
        new = content if isinstance(content, list) else [{"type": "text", "text": content}]
        for block in map(mapping, new):
            last = blocks[-1] if blocks else {}
            if block.get("type") == "thinking" == last.get("type"):
                last["thinking"] = [*entries(last.get("thinking")), *entries(block.get("thinking"))]
            elif block.get("type") == "text" == last.get("type"):
                append_text(last, "text", block.get("text"))
            else:
                blocks.append(dict(block))
        message["content"] = blocks


def _add_call(calls: list[Json], delta: dict[str, Json]) -> None:
    """A piece of a tool call goes where its index says; without one, a new id begins a new call."""
    place = delta.get("index")
    call: dict[str, Json] | None = None
    if isinstance(place, int):
        call = next((known for known in calls if known.get("index") == place), None)
    elif calls and not text(delta.get("id")):
        call = calls[-1]
    if call is None:
        call = {"index": place, "function": {}}
        calls.append(call)
    if text(delta.get("id")):
        call["id"] = delta["id"]
    function = mapping(delta.get("function") or delta.get("custom"))
    known = call["function"]
    if text(function.get("name")):
        known["name"] = function["name"]
    for name in ("arguments", "input"):
        value = function.get(name)
        if isinstance(value, str):
            append_text(known, name, value)
        elif value is not None:  # whole, as Mistral's older servers send them
            known[name] = value


ANSWERS = Reader("openai-chat", read, assemble)
