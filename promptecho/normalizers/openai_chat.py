"""OpenAI chat completions (https://platform.openai.com/docs/api-reference/chat) and everything shaped like them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import content, hoist_system, message, rename_call_ids
from promptecho.normalizers._tools import response_format, tools

Json = Any

ALWAYS_MATCHED = (
    "functions",
    "function_call",
    "modalities",
    "audio",
    "web_search_options",
    "documents",
    "citation_options",
    "prediction",
    "mcp_servers",
    "format",
    "images",
    "extra_body",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "chat_template_kwargs",
)


def detect(call: Call) -> bool:
    return isinstance(call.body.get("messages"), list)


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body of a chat call."""
    changed = dict(body)
    if "system" in changed:
        changed["system"] = content(changed["system"])
    if isinstance(changed.get("messages"), list):
        changed["messages"] = [message(each) for each in changed["messages"]]
        changed = hoist_system(changed)
        changed["messages"] = rename_call_ids(changed["messages"])
    if "tools" in changed:
        changed["tools"] = tools(changed["tools"])
    if "response_format" in changed:
        changed["response_format"] = response_format(changed["response_format"])
    if "max_completion_tokens" in changed and "max_tokens" not in changed:
        changed["max_tokens"] = changed.pop("max_completion_tokens")
    return changed


SHAPE = Shape("openai-chat", detect, normalize, ALWAYS_MATCHED)
