"""Steps that the chat shapes share: content, the system prompt, tool-call ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Json = Any

_TEXT_TYPES = ("text", "input_text", "output_text")
_ID_FIELDS = ("id", "tool_call_id", "tool_use_id", "call_id")
_CALL_TYPES = ("tool_use", "server_tool_use", "function", "function_call", "custom", "custom_tool_call", "tool_call")
# Fields of an answer that a client sends back as they came: null says as much as nothing.
_NULLABLE = ("refusal", "audio", "function_call", "reasoning", "reasoning_content")
_JSON_CALLS = ("function_call", "mcp_call", "mcp_approval_request")


def content(value: Json) -> Json:
    """Content blocks without cache markers; one plain text block alone is its text."""
    if not isinstance(value, list):
        return value
    blocks = [_block(block) for block in value]
    if len(blocks) == 1 and isinstance(blocks[0], dict) and _is_plain_text(blocks[0]):
        return blocks[0]["text"]
    return blocks


def _is_plain_text(block: Mapping[str, Json]) -> bool:
    return block.get("type") == "text" and set(block) == {"type", "text"} and isinstance(block["text"], str)


def _block(block: Json) -> Json:
    if not isinstance(block, dict):
        return block
    changed = {key: value for key, value in block.items() if key != "cache_control"}
    if changed.get("type") in _TEXT_TYPES and isinstance(changed.get("text"), str):
        changed["type"] = "text"
    if changed.get("type") == "tool_result" and isinstance(changed.get("content"), list):
        changed["content"] = content(changed["content"])
    return changed


def message(value: Json) -> Json:
    """One message with canonical content; the developer role is the system role."""
    if not isinstance(value, dict):
        return value
    changed = {key: each for key, each in value.items() if key != "cache_control"}
    if changed.get("role") == "developer":
        changed["role"] = "system"
    if "content" in changed:
        changed["content"] = content(changed["content"])
    if isinstance(changed.get("tool_calls"), list):
        changed["tool_calls"] = [_call(each) for each in changed["tool_calls"]]
    if isinstance(changed.get("function_call"), dict):
        changed["function_call"] = _with_arguments(changed["function_call"])
    if changed.get("role") == "assistant":
        has_calls = bool(changed.get("tool_calls")) or isinstance(changed.get("function_call"), dict)
        for name in (*_NULLABLE, *(("content",) if has_calls else ())):
            if name in changed and changed[name] is None:
                del changed[name]
    return _with_arguments(changed) if changed.get("type") in _JSON_CALLS else changed


def _call(value: Json) -> Json:
    function = value.get("function") if isinstance(value, dict) else None
    return {**value, "function": _with_arguments(function)} if isinstance(function, dict) else value


def _with_arguments(value: dict[str, Json]) -> dict[str, Json]:
    """A call of a function; its arguments are JSON in a text, whose spacing and order say nothing."""
    text = value.get("arguments")
    if not isinstance(text, str):
        return value
    if not text.strip():  # what some models give for a function without parameters
        return {**value, "arguments": "{}"}
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_int=_exact(int),
            parse_float=_exact(float),
            parse_constant=_exact(float),
        )
        plain = json.dumps(tree, sort_keys=True, ensure_ascii=False)
        plain.encode("utf-8")
    except (ValueError, RecursionError):
        return value  # a call that was cut off, say
    return {**value, "arguments": plain}


def _exact(kind: Callable[[str], Json]) -> Callable[[str], Json]:
    """A reader of numbers that refuses those which it would spell in another way (1.50, 1e400)."""

    def read(text: str) -> Json:
        value = kind(text)
        if repr(value) != text:
            raise ValueError(text)
        return value

    return read


def _without_repeats(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key that is there twice")
    return made


def hoist_system(body: dict[str, Json]) -> dict[str, Json]:
    """The first message, if it is a plain system message and no top-level ``system`` is there, becomes that.

    A later one stays in its place: two system messages are another prompt than one of two blocks.
    """
    messages = body.get("messages")
    if "system" in body or not isinstance(messages, list) or not messages:
        return body
    first = messages[0]
    if not isinstance(first, dict) or first.get("role") != "system" or set(first) != {"role", "content"}:
        return body
    hoisted: dict[str, Json] = {}
    for key, value in body.items():
        if key == "messages":
            hoisted["system"] = first["content"]
            value = messages[1:]
        hoisted[key] = value
    # What is hoisted must not be hoisted twice when the stored body is read again: "system" is there then.
    return hoisted


def rename_call_ids(messages: Json, is_named: Callable[[Mapping[str, Json]], bool] = lambda node: False) -> Json:
    """Tool-call ids by order of appearance: a client may make them up afresh in each run.

    ``is_named``: whether anything else has an ``id`` that says nothing.
    """
    names: dict[str, str] = {}

    def walk(node: Json, depth: int) -> Json:
        if isinstance(node, list):
            return [walk(child, depth) for child in node]
        if not isinstance(node, dict) or depth > 6:
            return node
        is_call = node.get("type") in _CALL_TYPES or (depth == 0 and is_named(node))
        changed: dict[str, Json] = {}
        for key, value in node.items():
            if key in _ID_FIELDS and isinstance(value, str) and (key != "id" or is_call):
                changed[key] = names.setdefault(value, f"call_{len(names) + 1}")
            elif key in ("content", "tool_calls"):
                changed[key] = walk(value, depth + 1)
            else:
                changed[key] = value
        return changed

    return walk(messages, 0)


def rename_ids(messages: Json, holders: tuple[str, ...], fields: tuple[str, ...]) -> Json:
    """The same for shapes in which a call is an object under a name: ``{"toolUse": {"toolUseId": ...}}``."""
    names: dict[str, str] = {}

    def walk(node: Json, depth: int) -> Json:
        if isinstance(node, list):
            return [walk(child, depth) for child in node]
        if not isinstance(node, dict) or depth > 4:
            return node
        changed: dict[str, Json] = {}
        for key, value in node.items():
            if key in holders and isinstance(value, dict):
                changed[key] = {
                    name: names.setdefault(each, f"call_{len(names) + 1}")
                    if name in fields and isinstance(each, str)
                    else each
                    for name, each in value.items()
                }
            else:
                changed[key] = walk(value, depth + 1) if key == "content" else value
        return changed

    return walk(messages, 0)
