"""Tool definitions and structured outputs: one form for the spellings of the providers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from promptecho.providers._fields import SETTINGS

Json = Any

_NO_TYPES: Mapping[str, str] = {}


def tool(value: Json, types: Mapping[str, str] = _NO_TYPES) -> Json:
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
    # Anthropic's custom tools have a schema and are functions; OpenAI's are called with any text, and are not.
    if "name" in changed and "format" not in changed:
        is_function = changed.get("type") == "function" or (
            changed.get("type") == "custom" and ("input_schema" in changed or "parameters" in changed)
        )
        if is_function:
            del changed["type"]
    if "input_schema" in changed and "parameters" not in changed:
        changed = {("parameters" if key == "input_schema" else key): each for key, each in changed.items()}
    return with_schemas_in_order(changed, types)


def tools(value: Json, types: Mapping[str, str] = _NO_TYPES) -> Json:
    """The tools, sorted: their order is no part of the prompt. ``types``: other names of types in their schemas."""
    if not isinstance(value, list):
        return value
    return sorted((tool(each, types) for each in value), key=_as_json)


def response_format(value: Json) -> Json:
    """``{type, schema, ...}``: OpenAI's chat API has what belongs to a schema one level down."""
    if not isinstance(value, dict):
        return value
    inner = value.get("json_schema")
    is_nested = value.get("type") == "json_schema" and set(value) == {"type", "json_schema"}
    if is_nested and isinstance(inner, dict) and "type" not in inner:
        value = {"type": "json_schema", **inner}
    return with_schemas_in_order(value)


_SCHEMAS = (
    "parameters", "input_schema", "schema", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "response",
    "output_schema", "json_schema")  # fmt: skip
_SETS = ("required", "enum", "type")
_DATA = ("default", "const", "example", "examples", "description", "title")  # what is no schema below a schema
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def with_schemas_in_order(value: Json, types: Mapping[str, str] = _NO_TYPES) -> Json:
    """A tool or a format with the sets in its schemas sorted: JSON Schema gives their order no meaning."""
    if not isinstance(value, dict):
        return value
    return {key: _in_order(each, 0, types) if key in _SCHEMAS else each for key, each in value.items()}


# Where servers take a schema beside the format of the answer: vLLM and NVIDIA, llama.cpp, text-generation-inference.
_CARRIERS = ("guided_json", "json_schema", "response_schema")
_HOLDERS = {
    "structured_outputs": ("json",), "grammar": ("value",), "nvext": _CARRIERS, "json_schema": ("schema",),
    **dict.fromkeys(SETTINGS, (*_CARRIERS, "grammar", "structured_outputs", "response_format")),
}  # fmt: skip


def carriers_in_order(body: dict[str, Json], names: Iterable[str] = (*_CARRIERS, *_HOLDERS)) -> dict[str, Json]:
    """A body with the sets sorted in the schemas that are in fields of a server's own."""
    changed = body
    for name in names:
        value = body.get(name)
        if not isinstance(value, dict):
            continue
        if name == "response_format":
            ordered = response_format(value)
        elif name in _HOLDERS and not (name in _CARRIERS and "schema" not in value):
            ordered = carriers_in_order(value, _HOLDERS[name])
        else:
            ordered = _in_order(value, 0, _NO_TYPES)
        if ordered != value or changed is not body:
            changed = {**changed, name: ordered}
    return changed


def _as_json(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _in_order(schema: Json, depth: int, types: Mapping[str, str]) -> Json:
    if isinstance(schema, list):
        return [_in_order(each, depth + 1, types) for each in schema]
    if not isinstance(schema, dict) or depth > 50:
        return schema
    changed: dict[str, Json] = {}
    for key, value in schema.items():
        if not isinstance(value, (dict, list)):
            changed[key] = types.get(value, value) if key == "type" and isinstance(value, str) else value
        elif key in _SETS and isinstance(value, list):
            has_texts = all(isinstance(each, str) for each in value)
            changed[key] = sorted(value, key=None if has_texts else _as_json)
        elif key in _NAMED and isinstance(value, dict):
            changed[key] = {name: _in_order(each, depth + 1, types) for name, each in value.items()}
        else:
            changed[key] = value if key in _DATA else _in_order(value, depth + 1, types)
    return changed
