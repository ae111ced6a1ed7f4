"""Ollama's own API (https://github.com/ollama/ollama/blob/main/docs/api.md): chat and generate.

It streams unless it is told not to. Embeddings are matched whole.
"""

from __future__ import annotations

from typing import Any

from promptecho._neutral_fields import CHATS
from promptecho.normalizers import openai_chat
from promptecho.normalizers._canonical import Call, Shape

Json = Any


def detect(call: Call) -> bool:
    return call.path.endswith(("/api/chat", "/api/generate")) and not call.path.endswith("/v1/api/chat")


def _streams(call: Call) -> bool:
    return call.body.get("stream") is not False


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body: of generate, the ``prompt`` with its ``images`` is one user message."""
    body = dict(call.body)
    prompt = body.get("prompt")
    if isinstance(prompt, str) and "messages" not in body and call.path.endswith("/api/generate"):
        del body["prompt"]
        message: dict[str, Json] = {"role": "user", "content": prompt}
        if "images" in body:
            message["images"] = body.pop("images")
        body["messages"] = [message]
    wanted = body.get("format")
    if "response_format" not in body and (wanted == "json" or isinstance(wanted, dict)):
        del body["format"]
        body["response_format"] = (
            {"type": "json_object"} if wanted == "json" else {"type": "json_schema", "schema": wanted}
        )
    return openai_chat.normalize_body(body)


SHAPE = Shape("ollama", detect, normalize, _streams, where=lambda call: CHATS)
