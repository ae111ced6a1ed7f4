"""cohere"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptecho.providers._answer import Answer, Usage, from_pieces
from promptecho.providers._fields import CHATS, Neutral
from promptecho.providers._pieces import Piece, read_message
from promptecho.providers._provider import Call, Provider, Reader, Sdk, Shape
from promptecho.providers._trees import append_text, count, entries, index, mapping, mappings, ordered, text
from promptecho.providers.openai import chat

Json = Any

_ROLES = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system"}


def detect(call: Call) -> bool:
    return call.path.endswith("/v2/chat") or (
        call.path.endswith("/v1/chat") and ("message" in call.body or "cohere" in call.host)
    )


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body: of v1, ``message`` ends the ``chat_history``, and the ``preamble`` is the system prompt."""
    changed = dict(body)
    message, history = changed.get("message"), changed.get("chat_history", [])
    if isinstance(message, str) and "messages" not in changed and isinstance(history, list):
        turns = [_turn(each) for each in history]
        changed = {key: value for key, value in changed.items() if key not in ("message", "chat_history", "preamble")}
        changed["messages"] = [*turns, {"role": "user", "content": message}]
        if "preamble" in body:
            changed["preamble" if "system" in body else "system"] = body["preamble"]
    return chat.normalize_body(changed)


def _turn(value: Json) -> Json:
    if isinstance(value, dict) and set(value) == {"role", "message"}:
        role = value["role"]
        if isinstance(role, str) and role in _ROLES:
            return {"role": _ROLES[role], "content": value["message"]}
    return value


REQUESTS = Shape("cohere", detect, normalize, where=lambda call: CHATS)


def read(tree: Json) -> Answer | None:
    """The answer in a v2 or a v1 body."""
    body = mapping(tree)
    reason = text(body.get("finish_reason"))
    if isinstance(body.get("message"), dict) and ("finish_reason" in body or "usage" in body):
        message = {"role": "assistant", **body["message"]}
        return from_pieces("cohere", read_message(message), finish_reason=reason, usage=usage(body))
    if isinstance(body.get("text"), str) and ("finish_reason" in body or "generation_id" in body):
        message = {"role": "assistant", "content": body["text"], "tool_calls": entries(body.get("tool_calls"))}
        return from_pieces("cohere", read_message(message), finish_reason=reason, usage=usage(body))
    generations = entries(body.get("generations"))
    if generations and all("text" in mapping(each) for each in generations):
        pieces = [Piece("text", text(generations[0]["text"]))]
        reason = text(generations[0].get("finish_reason"))
        return from_pieces("cohere", pieces, finish_reason=reason, usage=usage(body))
    if "embeddings" in body and ("response_type" in body or "billed_units" in mapping(body.get("meta"))):
        return Answer("cohere", usage=usage(body))
    return None


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens as the model saw them; ``billed_units`` leave out Cohere's own prompt templates."""
    tree = mapping(body.get("usage") or body.get("meta"))
    metrics = mapping(body.get("amazon-bedrock-invocationMetrics"))
    tokens = mapping(tree.get("tokens")) or mapping(tree.get("billed_units")) or {
        "input_tokens": metrics.get("inputTokenCount"), "output_tokens": metrics.get("outputTokenCount")}  # fmt: skip
    prompt = count(tokens, "input_tokens")
    if prompt is None:
        return None
    return Usage(prompt, count(tokens, "output_tokens") or 0, count(tree, "cached_tokens") or 0)


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the events of a v2 or a v1 stream make up."""
    steps = mappings(events)
    if any(step.get("type") in ("message-start", "content-delta", "message-end") for step in steps):
        return _version_2(steps)
    if any("event_type" in step or "is_finished" in step for step in steps):
        return _version_1(steps)
    return None


def _version_2(steps: list[dict[str, Json]]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    message: dict[str, Json] = {}
    blocks: dict[int, dict[str, Json]] = {}
    calls: dict[int, dict[str, Json]] = {}
    for step in steps:
        kind, place = step.get("type"), index(step.get("index"))
        delta = mapping(step.get("delta"))
        inner = mapping(delta.get("message"))
        if kind == "content-start":
            blocks[place] = dict(mapping(inner.get("content")))
        elif kind == "content-delta":
            block = blocks.setdefault(place, {"type": "text"})
            for name in ("text", "thinking"):
                append_text(block, name, mapping(inner.get("content")).get(name))
        elif kind == "tool-plan-delta":
            append_text(message, "tool_plan", inner.get("tool_plan"))
        elif kind in ("tool-call-start", "tool-call-delta"):
            new = mapping(inner.get("tool_calls"))
            call = calls.setdefault(place, {"function": {}})
            if text(new.get("id")):
                call["id"] = new["id"]
            for name in ("name", "arguments"):
                append_text(call["function"], name, mapping(new.get("function")).get(name))
        elif kind == "message-end":
            body = {name: value for name, value in delta.items() if name != "message"}
    return {"finish_reason": None, **body,
            "message": {**message, "content": ordered(blocks), "tool_calls": ordered(calls)}}  # fmt: skip


def _version_1(steps: list[dict[str, Json]]) -> dict[str, Json]:
    body: dict[str, Json] = {"finish_reason": None}
    said = ""
    for step in steps:
        said += text(step.get("text"))
        body.update(mapping(step.get("response")))
        for name in ("finish_reason", "amazon-bedrock-invocationMetrics"):
            if step.get(name) is not None:
                body[name] = step[name]
    return {**body, "text": text(body.get("text")) or said}


ANSWERS = Reader("cohere", read, assemble)


PROVIDER = Provider(
    "cohere",
    "Cohere",
    hosts=("api.cohere.com", "api.cohere.ai"),
    shapes=(REQUESTS,),
    readers=(ANSWERS,),
    neutral=(Neutral(("p", "k"), "sampling of Cohere", ("cohere", "bedrock")),),
    sdks=(
        Sdk("cohere", clients=("Client*", "AsyncClient*")),
        Sdk("langchain-cohere", clients=("*Chat*", "*Embeddings", "*LLM"), below="cohere"),
    ),
    price_id="cohere",
)
