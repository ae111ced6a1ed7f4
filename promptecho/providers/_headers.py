"""Request headers that select what is answered, as values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Features of Anthropic that change the price, the time or who may ask, and not the answer.
_NEUTRAL_FEATURES = re.compile(r"(?:prompt-caching|extended-cache-ttl|cache-diagnosis|oauth|message-batches)-[\d-]+\Z")


@dataclass(frozen=True)
class Selecting:
    """Headers that count (in lower case), and what they select."""

    names: tuple[str, ...]
    selects: str
    is_list: bool = False  # its order, its spacing and how it is cut into lines don't matter
    as_digest: bool = False  # it may be a credential as well, so a file holds its digest


def features(values: Iterable[str]) -> list[str]:
    """A list of features without those that leave the answer alone, in a fixed order."""
    named = {name.strip() for value in values for name in value.split(",")}
    return sorted(name for name in named if name and not _NEUTRAL_FEATURES.match(name))
