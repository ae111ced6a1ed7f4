"""Cohere: v2 chat and its stream of typed events, v1 chat (also behind Bedrock's InvokeModel), embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces
from promptecho._answers._pieces import Piece, read_message
from promptecho._answers._trees import append_text, count, entries, index, mapping, mappings, ordered, text

Json = Any


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


SHAPE = Reader("cohere", read, assemble)
