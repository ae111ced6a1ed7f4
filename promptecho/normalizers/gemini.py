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
from promptecho.normalizers._tools import tools

Json = Any

_PATH = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)$")
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
_ROLES = {"model": "assistant"}


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
    body = {_SPELLINGS.get(key, key): value for key, value in call.body.items()}
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
            changed["tools"] = tools(_declarations(value))
        else:
            changed[key] = value
    changed["messages"] = rename_ids(changed.get("messages"), ("functionCall", "functionResponse"), ("id",))
    if changed["messages"] is None:
        del changed["messages"]
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


SHAPE = Shape(
    "gemini", detect, normalize, ("generationConfig", "safetySettings", "cachedContent", "systemInstruction"), _streams
)
