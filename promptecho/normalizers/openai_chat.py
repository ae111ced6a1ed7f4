"""OpenAI chat completions (https://platform.openai.com/docs/api-reference/chat) and everything shaped like them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from promptecho._neutral_fields import ANYWHERE, CHATS, KNOWN_APIS, is_neutral
from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import content, hoist_system, message, rename_call_ids
from promptecho.normalizers._tools import response_format, tools, with_schemas_in_order

Json = Any

# Where this shape is taken by an API for chats: that of OpenAI and its likes, watsonx, and what hosts models of one's
# own (SageMaker, Databricks).
_PATHS = re.compile(
    r"(?:/chat/completions|/agents/completions|/ml/v1/text/chat(?:_stream)?|endpoints/[^/]+/invocations)\Z"
)
# Elsewhere a body that has nothing else is a chat, too; any other field makes it one of an API that is not known.
_FIELDS = frozenset(
    ("model", "messages", "system", "tools", "tool_choice", "reasoning_effort", "reasoning", "thinking",
     "response_format", "functions", "function_call", "parallel_tool_calls", "modalities", "audio", "prediction",
     "web_search_options", "verbosity", "n", "stop", "stop_sequences", "logprobs", "top_logprobs", "logit_bias",
     "metadata", "user", "format", "options", "extra_body")
)  # fmt: skip


def detect(call: Call) -> bool:
    return isinstance(call.body.get("messages"), list)


def _where(call: Call) -> int:
    if _PATHS.search(call.path):
        return KNOWN_APIS
    has_only_known = all(name in _FIELDS or is_neutral(name, "openai-chat", KNOWN_APIS) for name in call.body)
    return CHATS if has_only_known else ANYWHERE


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
    if isinstance(changed.get("functions"), list):
        changed["functions"] = [with_schemas_in_order(each) for each in changed["functions"]]
    if "response_format" in changed:
        changed["response_format"] = response_format(changed["response_format"])
    if "max_completion_tokens" in changed and "max_tokens" not in changed:
        changed["max_tokens"] = changed.pop("max_completion_tokens")
    return changed


SHAPE = Shape("openai-chat", detect, normalize, where=_where)
