"""The bytes of a recorded body as JSON: one tree, or the events of a stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from promptecho._bodies import streams
from promptecho.providers._trees import load, mapping

Json = Any

_SSE = re.compile(rb"(?:\xef\xbb\xbf)?(?:data|event|id|retry)?:")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Body:
    """``tree`` of a plain JSON body, or ``events`` of a stream (``None`` where there is none)."""

    tree: Json = None
    events: tuple[Json, ...] | None = None


def read_body(data: bytes, content_type: str) -> Body:
    """A body read by its content type, or by how it begins where that says nothing. It never raises."""
    stream = streams.format_of(content_type)
    if stream is not None and stream.name == "eventstream":
        return Body(events=tuple(_frame(stream.encode(piece)) for piece in stream.split(data)))
    if stream is not None and stream.name == "sse":
        return Body(events=tuple(_server_sent(data)))
    if stream is not None and stream.name == "ndjson":
        return Body(events=tuple(_lines(data)))
    found, tree = load(data)
    if found:
        if isinstance(tree, list) and tree and all("candidates" in mapping(each) for each in tree):
            return Body(events=tuple(tree))  # Gemini streams a JSON array unless it is asked for events
        return Body(tree=tree)
    if _SSE.match(data):
        return Body(events=tuple(_server_sent(data)))
    events = tuple(_lines(data))
    return Body(events=events) if events else Body()


def _server_sent(data: bytes) -> list[Json]:
    """The JSON in the ``data`` of each event; ``[DONE]`` and comments carry none."""
    events: list[Json] = []
    lines: list[str] = []
    for line in [*_LINE_END.split(data.decode("utf-8", "replace").lstrip("\ufeff")), ""]:
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            found, tree = load("\n".join(lines).encode("utf-8", "surrogatepass"))
            if found:
                events.append(tree)
            lines = []
    return events


def _lines(data: bytes) -> list[Json]:
    return [tree for found, tree in map(load, data.split(b"\n")) if found]


def _frame(stored: Json) -> Json:
    """An event of an AWS stream: Converse's under its name, InvokeModel's own JSON, an exception as an error."""
    event = mapping(stored)
    body = event.get("body")
    if isinstance(event.get("exception"), str):
        message = mapping(body).get("message")
        return {"error": {"type": event["exception"], "message": message or event["exception"]}}
    if event.get("event") == "chunk":
        return mapping(body).get("bytes")
    if isinstance(event.get("event"), str):
        return {event["event"]: body}
    return None
