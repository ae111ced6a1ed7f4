"""Mistral chat (https://docs.mistral.ai/api/#tag/chat): OpenAI's shape with some fields of its own."""

from __future__ import annotations

from typing import Any

from promptecho.normalizers import openai_chat
from promptecho.normalizers._canonical import Call, Shape

Json = Any


def detect(call: Call) -> bool:
    return "mistral" in call.host and isinstance(call.body.get("messages"), list)


def normalize(call: Call) -> dict[str, Json]:
    return openai_chat.normalize_body(call.body)


SHAPE = Shape("mistral", detect, normalize)
