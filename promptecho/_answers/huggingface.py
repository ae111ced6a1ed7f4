"""Hugging Face's text-generation-inference: ``generated_text``, or a token for each event of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces
from promptecho._answers._pieces import Piece
from promptecho._answers._trees import count, entries, mapping, mappings, text

Json = Any


def read(tree: Json) -> Answer | None:
    """The answer in a body with ``generated_text``, alone or in a list."""
    first = entries(tree)[:1]
    body = mapping(first[0] if first else tree)
    if not isinstance(body.get("generated_text"), str):
        return None
    details = mapping(body.get("details"))
    output = count(details, "generated_tokens")
    prompt = count(details, "input_length")
    if prompt is None and isinstance(details.get("prefill"), list):
        prompt = len(details["prefill"])
    return from_pieces(
        "huggingface",
        [Piece("text", body["generated_text"])],
        finish_reason=text(details.get("finish_reason")),
        usage=None if output is None else Usage(prompt or 0, output),
    )


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the tokens of a stream make up."""
    tokens = [event for event in mappings(events) if isinstance(event.get("token"), dict)]
    if not tokens:
        return None
    said = "".join(text(event["token"].get("text")) for event in tokens if event["token"].get("special") is not True)
    last = tokens[-1]
    return {"generated_text": text(last.get("generated_text")) or said, "details": last.get("details")}


SHAPE = Reader("huggingface", read, assemble)
