"""responses"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptecho.providers._answer import Answer, from_pieces
from promptecho.providers._messages import content, message, rename_call_ids
from promptecho.providers._pieces import Piece, read_message
from promptecho.providers._provider import Call, Reader, Shape
from promptecho.providers._tools import tools, with_schemas_in_order
from promptecho.providers._trees import append_text, entries, index, mapping, mappings, ordered, text
from promptecho.providers.openai.chat import NULLABLE, usage

Json = Any


def detect(call: Call) -> bool:
    return call.path.endswith("/responses") and any(name in call.body for name in ("input", "messages", "prompt"))


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body of a responses call: ``input`` as messages, ``instructions`` as the system prompt."""
    body = call.body
    changed: dict[str, Json] = {}
    for key, value in body.items():
        if key == "input" and "messages" not in body:
            if isinstance(value, str):
                changed["messages"] = [{"role": "user", "content": value}]
            elif isinstance(value, list):
                changed["messages"] = [_item(each) for each in value]
            else:
                changed[key] = value
        elif key == "messages" and isinstance(value, list):
            changed[key] = [_item(each) for each in value]
        elif key == "instructions" and "system" not in body and isinstance(value, str):
            changed["system"] = value
        elif key == "max_output_tokens" and "max_tokens" not in body:
            changed["max_tokens"] = value
        elif key == "text" and isinstance(value, dict) and "format" in value and "response_format" not in body:
            changed["response_format"] = value["format"]
            rest = {name: each for name, each in value.items() if name != "format"}
            if rest:
                changed["text"] = rest
        else:
            changed[key] = value
    if "messages" in changed:
        changed["messages"] = rename_call_ids(changed["messages"], _says_all)
    if "system" in changed:
        changed["system"] = content(changed["system"])
    if "tools" in changed:
        changed["tools"] = tools(changed["tools"])
    if "response_format" in changed:
        changed["response_format"] = with_schemas_in_order(changed["response_format"])
    return changed


# Items that say by themselves all that the model sees of them, so that neither the id that the server gave them nor
# that they are complete says anything. Others are known to the server by their id.
_SAY_ALL = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")


def _says_all(item: Mapping[str, Json]) -> bool:
    kind = item.get("type", "message")
    if kind == "message":
        return "role" in item and "content" in item
    return kind in _SAY_ALL or (kind == "reasoning" and isinstance(item.get("encrypted_content"), str))


def _item(value: Json) -> Json:
    if isinstance(value, dict):
        if value.get("type") == "message" and "role" in value and "id" not in value:
            value = {key: each for key, each in value.items() if key != "type"}
        if value.get("status", "") in (None, "completed") and _says_all(value):
            value = {key: each for key, each in value.items() if key != "status"}
    return message(value)


REQUESTS = Shape("openai-responses", detect, normalize, has_prompt=True, nullable=NULLABLE.__contains__)


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
    pieces = [piece for item in body["output"] for piece in _output(item)]
    status = text(body.get("status"))
    reason = text(mapping(body.get("incomplete_details")).get("reason"))
    return from_pieces(
        "openai-responses", pieces, model=text(body.get("model")), finish_reason=reason or status, usage=usage(body)
    )


def _output(item: Json) -> Sequence[Piece]:
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


ANSWERS = Reader("openai-responses", read, assemble)
