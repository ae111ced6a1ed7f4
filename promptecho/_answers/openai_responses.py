"""OpenAI Responses: a list of output items; a stream ends with the whole response in its last event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, from_pieces
from promptecho._answers._pieces import Piece, read_message
from promptecho._answers._trees import append_text, entries, index, mapping, mappings, ordered, text
from promptecho._answers.openai_chat import usage

Json = Any

_OWN_TOOLS = ("web_search_call", "file_search_call", "code_interpreter_call", "computer_call", "shell_call",
              "local_shell_call", "apply_patch_call", "tool_search_call")  # fmt: skip
# What a delta event lengthens in its item.
_FIELDS = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
_PARTS = {
    "response.output_text.delta": ("content", "output_text", "text"),
    "response.refusal.delta": ("content", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "text"),
}


def read(tree: Json) -> Answer | None:
    """The answer in a response object."""
    body = mapping(tree)
    if not isinstance(body.get("output"), list) or not (body.get("object") == "response" or "status" in body):
        return None
    pieces = [piece for item in body["output"] for piece in _item(item)]
    status = text(body.get("status"))
    reason = text(mapping(body.get("incomplete_details")).get("reason"))
    return from_pieces(
        "openai-responses", pieces, model=text(body.get("model")), finish_reason=reason or status, usage=usage(body)
    )


def _item(item: Json) -> Sequence[Piece]:
    kind = text(mapping(item).get("type"))
    if kind in _OWN_TOOLS:  # ran at the provider; its action is what was asked for
        rest = {name: value for name, value in item.items() if name not in ("id", "type", "status", "call_id")}
        return (Piece("tool_call", name=kind.removesuffix("_call"), arguments=rest, id=text(item.get("id"))),)
    return read_message(item)


def assemble(events: Sequence[Json]) -> Json:
    """The response of the last event that has one; its items from the events before it where it lacks them."""
    steps = [event for event in mappings(events) if text(event.get("type")).startswith("response.")]
    if not steps:
        return None
    body: dict[str, Json] = {}
    items: dict[int, dict[str, Json]] = {}
    for step in steps:
        kind = step["type"]
        if isinstance(step.get("response"), dict):
            body = step["response"]
        elif kind in ("response.output_item.added", "response.output_item.done"):
            items[index(step.get("output_index"))] = dict(mapping(step.get("item")))
        elif kind in _FIELDS:
            append_text(items.setdefault(index(step.get("output_index")), {}), _FIELDS[kind], step.get("delta"))
        elif kind in _PARTS:
            _add_part(items.setdefault(index(step.get("output_index")), {"type": "message"}), kind, step)
    if not entries(body.get("output")):
        body = {"object": "response", **body, "output": ordered(items)}
    return body


def _add_part(item: dict[str, Json], kind: str, step: dict[str, Json]) -> None:
    holder, part_type, field = _PARTS[kind]
    parts = [dict(mapping(part)) for part in entries(item.get(holder))]
    place = index(step.get("summary_index" if holder == "summary" else "content_index"))
    while len(parts) <= min(max(place, 0), 999):
        parts.append({"type": part_type, field: ""})
    append_text(parts[min(max(place, 0), 999)], field, step.get("delta"))
    item[holder] = parts


SHAPE = Reader("openai-responses", read, assemble)
