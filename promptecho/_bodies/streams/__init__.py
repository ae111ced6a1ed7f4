"""Stream formats: bytes to events and back, without losing one."""

from __future__ import annotations

from promptecho._bodies.streams._format import EventProblem, Json, StreamFormat

__all__ = ["EventProblem", "Json", "StreamFormat", "format_of"]


def format_of(content_type: str) -> StreamFormat | None:
    """The stream format of a content type, if it is one that promptecho knows."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        from promptecho._bodies.streams.sse import ServerSentEvents

        return ServerSentEvents()
    if kind in ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
                "application/stream+json"):  # fmt: skip
        from promptecho._bodies.streams.ndjson import NewlineDelimitedJson

        return NewlineDelimitedJson()
    if kind == "application/vnd.amazon.eventstream":
        from promptecho._bodies.streams.eventstream import AmazonEventStream

        return AmazonEventStream()
    return None
