"""Anthropic messages, also behind Bedrock and Vertex: blocks of content; a stream opens, fills and closes each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces
from promptecho._answers._pieces import Piece, read_blocks
from promptecho._answers._trees import append_text, count, entries, index, mapping, mappings, ordered, parsed, text

Json = Any

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def read(tree: Json) -> Answer | None:
    """The answer in a message."""
    body = mapping(tree)
    if isinstance(body.get("completion"), str) and "stop_reason" in body:  # text completions, before messages
        said = [Piece("text", body["completion"])]
        reason = text(body["stop_reason"])
        return from_pieces("anthropic", said, model=text(body.get("model")), finish_reason=reason, usage=usage(body))
    if not isinstance(body.get("content"), list) or not (body.get("type") == "message" or "stop_reason" in body):
        return None
    pieces: list[Piece] = []
    for block in body["content"]:
        if not text(mapping(block).get("type")).endswith("_tool_result"):  # of a tool that ran at the provider
            pieces.extend(read_blocks([block]))
    reason = text(body.get("stop_reason"))
    details = mapping(body.get("stop_details"))
    refusal = text(details.get("explanation")) or text(details.get("category")) or "refused"
    return from_pieces(
        "anthropic",
        pieces,
        model=text(body.get("model")),
        finish_reason=reason,
        refusal=refusal if reason == "refusal" else None,
        usage=usage(body),
    )


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; Anthropic's ``input_tokens`` leave out what was read from a cache or written to one."""
    tree = mapping(body.get("usage"))
    metrics = mapping(body.get("amazon-bedrock-invocationMetrics"))
    plain = count(tree, "input_tokens")
    if plain is None:
        plain = count(metrics, "inputTokenCount")
    if plain is None:
        return None
    read_from = count(tree, "cache_read_input_tokens") or 0
    written = count(tree, "cache_creation_input_tokens") or 0
    output = count(tree, "output_tokens")
    if output is None:
        output = count(metrics, "outputTokenCount") or 0
    thinking = count(tree.get("output_tokens_details"), "thinking_tokens") or 0
    return Usage(plain + read_from + written, output, read_from, written, thinking)


def assemble(events: Sequence[Json]) -> Json:
    """The plain message that the events of a stream make up."""
    steps = mappings(events)
    completions = [step for step in steps if isinstance(step.get("completion"), str)]
    if completions:
        return _completion(completions)
    if not any(step.get("type") in ("message_start", "content_block_delta", "message_delta") for step in steps):
        return None
    body: dict[str, Json] = {"type": "message"}
    blocks: dict[int, dict[str, Json]] = {}
    for step in steps:
        kind, place = step.get("type"), index(step.get("index"))
        if kind == "message_start":
            body.update({**mapping(step.get("message")), "type": "message"})
        elif kind == "content_block_start":
            blocks[place] = dict(mapping(step.get("content_block")))
        elif kind == "content_block_delta":
            _add_delta(blocks.setdefault(place, {"type": "text"}), mapping(step.get("delta")))
        elif kind == "message_delta":
            delta = mapping(step.get("delta"))
            body.update((name, value) for name, value in delta.items() if value is not None)
            new = {name: value for name, value in mapping(step.get("usage")).items() if value is not None}
            body["usage"] = {**mapping(body.get("usage")), **new}
        if "amazon-bedrock-invocationMetrics" in step:
            body["amazon-bedrock-invocationMetrics"] = step["amazon-bedrock-invocationMetrics"]
    for block in blocks.values():
        if isinstance(block.get("partial_json"), str):
            block["input"] = parsed(block.pop("partial_json"))
    body["content"] = ordered(blocks) or entries(body.get("content"))
    return body


def _completion(steps: Sequence[dict[str, Json]]) -> Json:
    """The answer of the text completions that came before messages."""
    whole: dict[str, Json] = {"stop_reason": None}
    for step in steps:
        whole.update((name, value) for name, value in step.items() if value is not None)
    return {**whole, "completion": "".join(step["completion"] for step in steps)}


def _add_delta(block: dict[str, Json], delta: dict[str, Json]) -> None:
    kind = text(delta.get("type"))
    if kind in _DELTAS:
        append_text(block, _DELTAS[kind], delta.get(_DELTAS[kind]))
    elif kind == "input_json_delta":
        append_text(block, "partial_json", delta.get("partial_json"))


SHAPE = Reader("anthropic", read, assemble)
