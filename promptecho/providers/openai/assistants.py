"""assistants"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho.providers._answer import Answer, from_pieces
from promptecho.providers._pieces import Piece, read_message
from promptecho.providers._provider import Reader
from promptecho.providers._trees import append_text, entries, index, mapping, mappings, text
from promptecho.providers.openai.chat import usage

Json = Any

_RUN, _MESSAGE = "thread.run", "thread.message"


def read(tree: Json) -> Answer | None:
    """The answer in a run or a message."""
    body = mapping(tree)
    if body.get("object") not in (_RUN, _MESSAGE) or body.keys().isdisjoint({"status", "content"}):
        return None
    said = [
        Piece("text", text=text(mapping(part, "text").get("value")))
        for part in mappings(entries(body.get("content")))
        if part.get("type") == "text"
    ]
    calls = read_message({"tool_calls": mapping(body, "required_action", "submit_tool_outputs").get("tool_calls")})
    return from_pieces(
        "openai-assistants",
        [*said, *(piece for piece in calls if piece.kind == "tool_call")],
        model=text(body.get("model")),
        finish_reason=text(body.get("status")),
        usage=usage(body),
    )


def assemble(events: Sequence[Json]) -> Json:
    """The run of the last event that has one, with the texts of its messages."""
    steps = [event for event in mappings(events) if text(event.get("object")).startswith("thread.")]
    run: dict[str, Json] = {"object": _RUN}
    messages: dict[str, list[dict[str, Json]]] = {}
    for step in steps:
        if step["object"] == _RUN:
            run = {**run, **step}
        elif step["object"] == "thread.message.delta":
            parts = messages.setdefault(text(step.get("id")), [])
            for delta in mappings(entries(mapping(step, "delta").get("content"))):
                _add(parts, delta)
        elif step["object"] == _MESSAGE and entries(step.get("content")):
            messages[text(step.get("id"))] = mappings(entries(step["content"]))
    if not steps:
        return None
    return {**run, "content": [part for parts in messages.values() for part in parts]}


def _add(parts: list[dict[str, Json]], delta: dict[str, Json]) -> None:
    place = min(max(index(delta.get("index")), 0), 999)
    while len(parts) <= place:
        parts.append({"type": "text", "text": {"value": ""}})
    append_text(parts[place].setdefault("text", {"value": ""}), "value", mapping(delta, "text").get("value"))


ANSWERS = Reader("openai-assistants", read, assemble)
