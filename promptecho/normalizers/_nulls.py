"""Fields whose null says as much as their absence, by provider.

Rule: only where the vendor's own schema says so. Where it doesn't, null may be refused, and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Any

_OPENAI = frozenset(
    ("tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning", "reasoning_effort", "verbosity",
     "modalities", "audio", "prediction", "web_search_options", "n", "stop", "logprobs", "top_logprobs", "logit_bias",
     "instructions", "previous_response_id", "conversation", "include", "truncation", "background",
     "max_tool_calls", "text")
)  # fmt: skip
# "nullable" in OpenAI's and Mistral's schemas, what others that answer in this shape declare as optional (vLLM), and
# what clients send as null. ``functions`` is not among them: OpenAI refuses it.
_BY_NAME = {"openai-chat": _OPENAI, "openai-responses": _OPENAI, "mistral": _OPENAI}
# JSON of Go and of protocol buffers has null for what isn't there (https://protobuf.dev/programming-guides/json).
_ALL = frozenset(("ollama", "gemini"))


def without_nulls(body: dict[str, Json], provider: str) -> dict[str, Json]:
    """A body without the fields that are null, where that is how a client of the provider says nothing."""
    names: Mapping[str, Json] | frozenset[str] = body if provider in _ALL else _BY_NAME.get(provider, frozenset())
    if not any(value is None for value in body.values()):
        return body
    # A file tells an empty object from no body as little.
    return {name: value for name, value in body.items() if value is not None or name not in names} or body
