"""Ollama's own API: chat and generate, plain or a line of JSON for each piece; embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces
from promptecho._answers._pieces import Piece, attachment, read_message
from promptecho._answers._trees import append_text, count, entries, mapping, mappings, text

Json = Any


def read(tree: Json) -> Answer | None:
    """The answer in a body of chat, generate or embed."""
    body = mapping(tree)
    model = text(body.get("model"))
    if "done" in body and isinstance(body.get("message"), dict):
        pieces = read_message(body["message"])
    elif "done" in body and isinstance(body.get("response"), str):
        pieces = (Piece("thinking", text(body.get("thinking"))), Piece("text", body["response"]))
        if text(body.get("image")):
            pieces = (*pieces, attachment("image", body["image"]))
    elif isinstance(body.get("embeddings"), list) and "prompt_eval_count" in body:
        return Answer("ollama", model, usage=usage(body))
    else:
        return None
    return from_pieces("ollama", pieces, model=model, finish_reason=text(body.get("done_reason")), usage=usage(body))


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens evaluated; a prompt that was cached in the server's memory is left out of its count by the server."""
    prompt, output = count(body, "prompt_eval_count"), count(body, "eval_count")
    return None if prompt is None and output is None else Usage(prompt or 0, output or 0)


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the lines of a stream make up."""
    lines = [event for event in mappings(events) if "done" in event and ("message" in event or "response" in event)]
    if not lines:
        return None
    body: dict[str, Json] = {}
    message: dict[str, Json] = {"role": "assistant", "tool_calls": [], "images": []}
    whole: dict[str, Json] = {}
    for line in lines:
        body.update(line)
        piece = mapping(line.get("message"))
        for name in ("content", "thinking"):
            append_text(message, name, piece.get(name))
        for name in ("tool_calls", "images"):
            message[name].extend(entries(piece.get(name)))
        for name in ("response", "thinking"):
            append_text(whole, name, line.get(name))
    return {**body, **whole, "message": message} if "message" in body else {**body, **whole}


SHAPE = Reader("ollama", read, assemble)
