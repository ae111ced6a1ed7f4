"""Amazon Bedrock: Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html) and
InvokeModel, whose bodies are each model's own. The model stands in the path, and whether a stream is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from promptecho.normalizers import anthropic, cohere
from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import rename_ids
from promptecho.normalizers._tools import tools

Json = Any

_PATH = re.compile(r"/model/(?P<model>.+)/(?P<verb>converse|converse-stream|invoke|invoke-with-response-stream)$")
_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
# Models that answer with something else than text, and fields that only those take.
_NO_CHAT = re.compile(
    r"embed|image|canvas|reel|stability\.|stable-|luma\.|ray-|twelvelabs|rerank|sonic|video", re.IGNORECASE
)
_NO_CHAT_FIELDS = (
    "taskType",
    "text_prompts",
    "aspect_ratio",
    "negative_prompt",
    "output_format",
    "mode",
    "image",
    "input_type",
)


def detect(call: Call) -> bool:
    return _PATH.search(call.path) is not None


def _streams(call: Call) -> bool:
    return call.path.endswith("-stream")


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body of a converse or invoke call."""
    found = _PATH.search(call.path)
    model, verb = (unquote(found["model"]), found["verb"]) if found else ("", "")
    body = dict(call.body)
    if verb.startswith("converse"):
        body = _converse(body)
    elif "anthropic_version" in body:
        body = anthropic.normalize_body(body)
    elif _is_chat(call):
        body = _invoke(body)
        if "schemaVersion" in body or "inferenceConfig" in body:  # Nova: as for Converse
            body = _converse(body)
    return body if "model" in body else {"model": model, **body}


def _is_chat(call: Call) -> bool:
    found = _PATH.search(call.path)
    if found is None or found["verb"].startswith("converse"):
        return True
    return "messages" in call.body or not (
        _NO_CHAT.search(unquote(found["model"])) or any(name in call.body for name in _NO_CHAT_FIELDS)
    )


def _converse(body: Mapping[str, Json]) -> dict[str, Json]:
    changed: dict[str, Json] = {}
    for key, value in body.items():
        if value is None:  # AWS's services take null for what isn't there
            continue
        if key == "messages" and isinstance(value, list):
            messages = [_message(each) for each in value]
            changed[key] = rename_ids(messages, ("toolUse", "toolResult"), ("toolUseId",))
        elif key == "system" and isinstance(value, list):
            changed[key] = _content(value)
        elif key == "inferenceConfig" and isinstance(value, dict):
            rest = dict(value)
            for name, known in _INFERENCE.items():
                if name in rest and known not in body:
                    changed[known] = rest.pop(name)
            if rest:
                changed[key] = rest
        elif key == "toolConfig" and isinstance(value, dict) and isinstance(value.get("tools"), list):
            changed.update(_tool_config(value, body))
        else:
            changed[key] = value
    return changed


def _tool_config(config: Mapping[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
    if "tools" in body or "tool_choice" in body:
        return {"toolConfig": config}
    changed: dict[str, Json] = {"tools": tools([_tool(each) for each in config["tools"] if not _is_cache_point(each)])}
    if "toolChoice" in config:
        changed["tool_choice"] = config["toolChoice"]
    rest = {key: value for key, value in config.items() if key not in ("tools", "toolChoice")}
    return {**changed, "toolConfig": rest} if rest else changed


def _tool(value: Json) -> Json:
    spec = value.get("toolSpec") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(spec, dict):
        return value
    schema = spec.get("inputSchema")
    if isinstance(schema, dict) and set(schema) == {"json"} and "parameters" not in spec:
        return {("parameters" if key == "inputSchema" else key): (schema["json"] if key == "inputSchema" else each)
                for key, each in spec.items()}  # fmt: skip
    return spec


def _is_cache_point(value: Json) -> bool:
    return isinstance(value, dict) and set(value) == {"cachePoint"}


def _message(value: Json) -> Json:
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        return {**value, "content": _content(value["content"])}
    return value


def _content(blocks: list[Json]) -> Json:
    kept = [block for block in blocks if not _is_cache_point(block)]
    if len(kept) == 1 and isinstance(kept[0], dict) and set(kept[0]) == {"text"} and isinstance(kept[0]["text"], str):
        return kept[0]["text"]
    return kept


def _invoke(body: Mapping[str, Json]) -> dict[str, Json]:
    """Titan's ``inputText``, Cohere's ``message``, and the ``prompt`` of Llama, Mistral and the like, as messages."""
    if "messages" in body:
        return dict(body)
    if isinstance(body.get("message"), str):
        return cohere.normalize_body(body)
    for name in ("inputText", "prompt"):
        if isinstance(body.get(name), str):
            messages = [{"role": "user", "content": body[name]}]
            return {"messages": messages, **{key: value for key, value in body.items() if key != name}}
    return dict(body)


SHAPE = Shape("bedrock", detect, normalize, _streams, is_chat=_is_chat)
