"""What normalizers take and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from promptecho._neutral_fields import ANYWHERE, KNOWN_APIS
from promptecho.normalizers._nulls import without_nulls
from promptecho.normalizers._tools import carriers_in_order

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
    ``where``: how sure it is that a provider answers it, which says what is known of its fields
    (``promptecho/_neutral_fields.py``). ``registered``: a normalizer of the user's own made it.
    """

    body: dict[str, Json]
    provider: str
    has_prompt: bool
    stream: bool
    where: int = KNOWN_APIS
    registered: bool = False


@dataclass(frozen=True)
class Shape:
    """One provider's request shape: ``detect`` says whether a call is of it, ``normalize`` gives its canonical body."""

    provider: str
    detect: Callable[[Call], bool]
    normalize: Callable[[Call], dict[str, Json]]
    streams: Callable[[Call], bool] = lambda call: call.body.get("stream") is True
    where: Callable[[Call], int] = lambda call: KNOWN_APIS
    is_chat: Callable[[Call], bool] = lambda call: True

    def canonical(self, call: Call) -> Canonical:
        body, where = self.normalize(call), self.where(call)
        messages = body.get("messages")
        has_prompt = (isinstance(messages, list) and bool(messages)) or self.provider == "openai-responses"
        if where < ANYWHERE:
            body = carriers_in_order(without_nulls(body, self.provider))
        return Canonical(body, self.provider, has_prompt and self.is_chat(call), self.streams(call), where)
