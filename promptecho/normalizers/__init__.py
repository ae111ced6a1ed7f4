"""Provider shapes, brought to one canonical body. A provider is told by path, then by the shape of the body.

Rules: canonicalising never merges two prompts that differ, is idempotent (a stored canonical body is read again with
the same URL), and never raises on odd input: what is not understood is left as it is, and matched whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from promptecho.normalizers import anthropic, openai_chat, openai_responses

Json = Any


@dataclass(frozen=True)
class Call:
    """What a normalizer sees of a request: ``path`` without its query, ``body`` a JSON object never to be changed."""

    method: str
    host: str
    path: str
    body: Mapping[str, Json]


@dataclass(frozen=True)
class Canonical:
    """A canonical body.

    ``has_prompt``: it carries a prompt in a known chat shape, so ``match_on`` applies; otherwise it is matched whole.
    ``always_matched``: fields that are part of the prompt under names that the default ``match_on`` doesn't have.
    """

    body: dict[str, Json]
    provider: str
    has_prompt: bool
    always_matched: tuple[str, ...]
    stream: bool


Detect = Callable[[Call], bool]
Normalize = Callable[[dict[str, Json]], dict[str, Json]]
_registered: list[tuple[str, Detect, Normalize]] = []


def register_normalizer(detect: Detect, normalize: Normalize, *, name: str = "custom") -> Callable[[], None]:
    """Add a normalizer of one's own, asked before the built-in ones; gives a function that takes it out again.

    ``detect`` says whether a call is of its kind; ``normalize`` gets a copy of the body and returns the canonical one,
    with ``messages`` for the prompt. It must be idempotent.

    >>> promptecho.register_normalizer(
    ...     lambda call: call.path == "/ask",
    ...     lambda body: {**body, "messages": [{"role": "user", "content": body.pop("question", "")}]},
    ... )
    """
    for function in (detect, normalize):
        if not callable(function):
            raise TypeError(f"register_normalizer takes detect(call) and normalize(body), not {function!r}")
    entry = (name, detect, normalize)
    _registered.insert(0, entry)

    def unregister() -> None:
        if entry in _registered:
            _registered.remove(entry)

    return unregister


def canonicalize(call: Call) -> Canonical:
    """The canonical form of a call."""
    for name, detect, normalize in _registered:
        if detect(call):
            body = normalize(dict(call.body))
            return Canonical(body, name, isinstance(body.get("messages"), list), (), _streams(body))
    body = dict(call.body)
    provider, normalize_body, always = _provider(call.path.rstrip("/"), body)
    if normalize_body is not None:
        body = normalize_body(body)
    messages = body.get("messages")
    has_prompt = normalize_body is not None and (
        (isinstance(messages, list) and bool(messages)) or provider == "openai-responses"
    )
    present = tuple(name for name in always if name in body)
    return Canonical(body, provider, has_prompt, present, _streams(body))


def _streams(body: Mapping[str, Json]) -> bool:
    return body.get("stream") is True


def _provider(
    path: str, body: Mapping[str, Json]
) -> tuple[str, Callable[[Mapping[str, Json]], dict[str, Json]] | None, tuple[str, ...]]:
    if path.endswith("/responses") and ("input" in body or "messages" in body or "prompt" in body):
        return "openai-responses", openai_responses.normalize, openai_responses.ALWAYS_MATCHED
    if not isinstance(body.get("messages"), list):
        return "unknown", None, ()
    if path.endswith("/messages") or _looks_like_anthropic(body):
        return "anthropic", anthropic.normalize, anthropic.ALWAYS_MATCHED
    return "openai-chat", openai_chat.normalize, openai_chat.ALWAYS_MATCHED


def _looks_like_anthropic(body: Mapping[str, Json]) -> bool:
    return "anthropic_version" in body
