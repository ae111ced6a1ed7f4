"""Cohere chat: v2 (https://docs.cohere.com/reference/chat), v1, and Command models behind Bedrock's InvokeModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptecho._neutral_fields import CHATS
from promptecho.normalizers import openai_chat
from promptecho.normalizers._canonical import Call, Shape

Json = Any

_ROLES = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system"}


def detect(call: Call) -> bool:
    return call.path.endswith("/v2/chat") or (
        call.path.endswith("/v1/chat") and ("message" in call.body or "cohere" in call.host)
    )


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body: of v1, ``message`` ends the ``chat_history``, and the ``preamble`` is the system prompt."""
    changed = dict(body)
    message, history = changed.get("message"), changed.get("chat_history", [])
    if isinstance(message, str) and "messages" not in changed and isinstance(history, list):
        turns = [_turn(each) for each in history]
        changed = {key: value for key, value in changed.items() if key not in ("message", "chat_history", "preamble")}
        changed["messages"] = [*turns, {"role": "user", "content": message}]
        if "preamble" in body:
            changed["preamble" if "system" in body else "system"] = body["preamble"]
    return openai_chat.normalize_body(changed)


def _turn(value: Json) -> Json:
    if isinstance(value, dict) and set(value) == {"role", "message"}:
        role = value["role"]
        if isinstance(role, str) and role in _ROLES:
            return {"role": _ROLES[role], "content": value["message"]}
    return value


SHAPE = Shape("cohere", detect, normalize, where=lambda call: CHATS)
