"""Gemini (https://ai.google.dev/api/generate-content), also under Vertex AI's paths.

The model stands in the path, whether a stream is asked for in the method's name. Embeddings are matched whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import rename_ids
from promptecho.normalizers._tools import tools, with_schemas_in_order

Json = Any

_PATH = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)$")
_OTHER_PATH = re.compile(
    r"/models/[^/:]+:(?:embedContent|batchEmbedContents|asyncBatchEmbedContent|countTokens|batchGenerateContent)$"
)
_SPELLINGS = {
    "system_instruction": "systemInstruction",
    "generation_config": "generationConfig",
    "safety_settings": "safetySettings",
    "tool_config": "toolConfig",
    "cached_content": "cachedContent",
}
# Fields of generationConfig that other providers have at the top.
_SAMPLING = {
    "temperature": "temperature", "topP": "top_p", "topK": "top_k", "maxOutputTokens": "max_tokens",
    "stopSequences": "stop", "seed": "seed", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty", "candidateCount": "n", "thinkingConfig": "thinking",
}  # fmt: skip
_OUTPUT = ("responseMimeType", "responseSchema", "responseJsonSchema")
_CAMEL = re.compile(r"(?<=[a-z0-9])_([a-z])")
_ROLES = {"model": "assistant"}
# Types of the API's own schemas are in upper case; some SDKs send JSON Schema's, and both are taken.
_TYPES = {name: name.lower() for name in ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")}


def detect(call: Call) -> bool:
    return _PATH.search(call.path) is not None


def _streams(call: Call) -> bool:
    return call.path.endswith(":streamGenerateContent")


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body of a generateContent call."""
    found = _PATH.search(call.path)
    changed: dict[str, Json] = {"model": unquote(found["model"])} if found and "model" not in call.body else {}
    if any(spelling in call.body and known in call.body for spelling, known in _SPELLINGS.items()):
        return {**changed, **call.body}  # which of the two counts is not known, so it is matched whole
    body = {_SPELLINGS.get(key, key): _in_camel_case(key, value) for key, value in call.body.items()}
    for key, value in body.items():
        if key == "contents" and isinstance(value, list) and "messages" not in body:
            changed["messages"] = [_message(each) for each in value]
        elif key == "systemInstruction" and "system" not in body:
            changed["system"] = _content(value.get("parts")) if _has_only_parts(value) else value
        elif key == "toolConfig" and "tool_choice" not in body:
            changed["tool_choice"] = value
        elif key == "generationConfig" and isinstance(value, dict):
            changed.update(_generation(value, body))
        elif key == "tools" and isinstance(value, list):
            changed["tools"] = tools(_declarations(value), _TYPES)
        else:
            changed[key] = value
    changed["messages"] = rename_ids(changed.get("messages"), ("functionCall", "functionResponse"), ("id",))
    if changed["messages"] is None:
        del changed["messages"]
    if "response_format" in changed:
        changed["response_format"] = with_schemas_in_order(changed["response_format"], _TYPES)
    return changed


# Google's APIs take each name in snake_case too (https://protobuf.dev/programming-guides/json). Names below these
# are the program's own.
_OWN_NAMES = (
    "args", "response", "parametersJsonSchema", "responseJsonSchema", "schema", "labels", "metadata", "default",
    "example", "text")  # fmt: skip
_NAMED_SCHEMAS = ("properties", "defs")
_HAVE_SUCH_NAMES = (
    "contents", "messages", "system", "systemInstruction", "system_instruction", "tools", "tool_choice", "toolConfig",
    "tool_config", "generationConfig", "generation_config", "safetySettings", "safety_settings", "response_format",
    "thinking")  # fmt: skip


def _in_camel_case(field: str, value: Json) -> Json:
    return _respelled(value, 0) if field in _HAVE_SUCH_NAMES else value


def _respelled(tree: Json, depth: int) -> Json:
    if isinstance(tree, list):
        return [_respelled(each, depth + 1) for each in tree]
    if not isinstance(tree, dict) or depth > 60:
        return tree
    names = {key: _CAMEL.sub(lambda found: found[1].upper(), key) for key in tree}
    if len(set(names.values())) < len(names):
        return tree  # which of two spellings counts is not known
    changed: dict[str, Json] = {}
    for key, value in tree.items():
        name = names[key]
        if name in _NAMED_SCHEMAS and isinstance(value, dict):
            changed[name] = {own: _respelled(each, depth + 1) for own, each in value.items()}
        elif value is not None:  # null is what isn't there
            changed[name] = value if name in _OWN_NAMES else _respelled(value, depth + 1)
    return changed


def _has_only_parts(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("parts"), list) and set(value) <= {"parts", "role"}


def _message(value: Json) -> Json:
    if not isinstance(value, dict) or set(value) - {"role", "parts"} or not isinstance(value.get("parts"), list):
        return value
    role = value.get("role", "user")
    return {"role": _ROLES.get(role, role) if isinstance(role, str) else role, "content": _content(value["parts"])}


def _content(parts: list[Json]) -> Json:
    blocks = [{"type": "text", **part} if isinstance(part, dict) and set(part) == {"text"} else part for part in parts]
    if len(blocks) == 1 and isinstance(parts[0], dict) and set(parts[0]) == {"text"}:
        return parts[0]["text"]
    return blocks


def _generation(config: Mapping[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
    """Sampling under the names of the other providers, the output's format, and the rest as it was."""
    changed: dict[str, Json] = {}
    output = {name: config[name] for name in _OUTPUT if name in config}
    rest = {key: value for key, value in config.items() if key not in output}
    for name, known in _SAMPLING.items():
        if name in rest and known not in body:
            changed[known] = rest.pop(name)
    if output and "response_format" not in body:
        changed["response_format"] = _format(output)
    else:
        rest.update(output)
    if rest:
        changed["generationConfig"] = rest
    return changed


def _format(output: dict[str, Json]) -> Json:
    """JSON by a JSON schema, or JSON of any kind, as other providers say it; Gemini's own schemas as they are."""
    if output == {"responseMimeType": "application/json"}:
        return {"type": "json_object"}
    if set(output) == {"responseMimeType", "responseJsonSchema"} and output["responseMimeType"] == "application/json":
        return {"type": "json_schema", "schema": output["responseJsonSchema"]}
    return output


def _declarations(value: list[Json]) -> list[Json]:
    """The functions of all tool entries; other tools (search, code execution) as they are."""
    found: list[Json] = []
    for each in value:
        declared = each.get("functionDeclarations") if isinstance(each, dict) else None
        if not isinstance(declared, list):
            found.append(each)
            continue
        found += declared
        rest = {key: other for key, other in each.items() if key != "functionDeclarations"}
        if rest:
            found.append(rest)
    return found


def _is_other(call: Call) -> bool:
    return _OTHER_PATH.search(call.path) is not None


def _respelled_body(call: Call) -> dict[str, Json]:
    changed: dict[str, Json] = _respelled(dict(call.body), 0)
    return changed


SHAPE = Shape("gemini", detect, normalize, _streams)
OTHER_SHAPE = Shape("gemini", _is_other, _respelled_body, is_chat=lambda call: False)
