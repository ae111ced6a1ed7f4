"""OpenAI Responses (https://platform.openai.com/docs/api-reference/responses)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import content, message, rename_call_ids
from promptecho.normalizers._tools import tools, with_schemas_in_order

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


SHAPE = Shape("openai-responses", detect, normalize)
