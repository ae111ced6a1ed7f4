"""What normalizers take and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    ``registered``: a normalizer of the user's own made it.
    """

    body: dict[str, Json]
    provider: str
    has_prompt: bool
    always_matched: tuple[str, ...]
    stream: bool
    registered: bool = False


@dataclass(frozen=True)
class Shape:
    """One provider's request shape: ``detect`` says whether a call is of it, ``normalize`` gives its canonical body."""

    provider: str
    detect: Callable[[Call], bool]
    normalize: Callable[[Call], dict[str, Json]]
    always_matched: Sequence[str] = ()
    streams: Callable[[Call], bool] = lambda call: call.body.get("stream") is True

    def canonical(self, call: Call) -> Canonical:
        body = self.normalize(call)
        messages = body.get("messages")
        has_prompt = (isinstance(messages, list) and bool(messages)) or self.provider == "openai-responses"
        present = tuple(name for name in self.always_matched if name in body)
        return Canonical(body, self.provider, has_prompt, present, self.streams(call))
