"""Tool definitions and structured outputs: one form for the spellings of the providers."""

from __future__ import annotations

import json
from typing import Any

Json = Any


def tool(value: Json) -> Json:
    """``{name, description, parameters, ...}``; every field that is not known is kept."""
    if not isinstance(value, dict):
        return value
    changed = {key: each for key, each in value.items() if key != "cache_control"}
    function = changed.get("function")
    if (
        changed.get("type") == "function"
        and isinstance(function, dict)
        and not set(function) & (set(changed) - {"type"})
        and function.get("type", "function") == "function"
    ):
        del changed["function"]
        changed.update(function)
    if "name" in changed and changed.get("type") in ("function", "custom") and "format" not in changed:
        del changed["type"]
    if "input_schema" in changed and "parameters" not in changed:
        changed = {("parameters" if key == "input_schema" else key): each for key, each in changed.items()}
    return changed


def tools(value: Json) -> Json:
    """The tools, sorted: their order is no part of the prompt."""
    if not isinstance(value, list):
        return value
    return sorted((tool(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))


def response_format(value: Json) -> Json:
    """``{type, schema, ...}``: OpenAI's chat API has what belongs to a schema one level down."""
    if not isinstance(value, dict):
        return value
    inner = value.get("json_schema")
    is_nested = value.get("type") == "json_schema" and set(value) == {"type", "json_schema"}
    return {"type": "json_schema", **inner} if is_nested and isinstance(inner, dict) and "type" not in inner else value
