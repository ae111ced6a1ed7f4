"""Whether a recorded request with placeholders is the one that is asked, whose values nothing says to mask today.

What was masked because of the environment, or of a header, replays where that is missing. Rule: all else is the same,
sign by sign, and what is in the place of a placeholder could have been masked: it looks like a credential, or is what
the placeholder was made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from promptecho._matching.identity import Identity
from promptecho._secrets.named_fields import REDACTED

Json = Any
MayBe = Callable[[str, str], bool]  # of a value and a placeholder

_PLACEHOLDER = re.compile(rf"({REDACTED}(?:_[A-Z0-9]+(?:_[A-Z0-9]+)*_[0-9a-f]{{6}})?)")


def fits(recorded: Identity, asked: Identity, may_be: MayBe) -> bool:
    """Whether a recording answers a request: they differ in nothing but placeholders."""
    return (
        (recorded.method, recorded.stream, recorded.whole) == (asked.method, asked.stream, asked.whole)
        and _selected_fits(recorded, asked)
        and _text_fits(recorded.path, asked.path, may_be)
        and _tree_fits(recorded.matched, asked.matched, may_be)
    )


def _selected_fits(recorded: Identity, asked: Identity) -> bool:
    """Whether query and headers are the same; of headers that were not kept any will do."""
    if isinstance(recorded.query, str) and recorded.query:  # a digest of it, or its names
        return False
    named = asked.selected.items()
    return recorded.selected == {
        name: value for name, value in named if name[:1] == "?" or recorded.headers is not None
    }


def _tree_fits(recorded: Json, asked: Json, may_be: MayBe) -> bool:
    if isinstance(recorded, str) and isinstance(asked, str):
        return _text_fits(recorded, asked, may_be)
    if isinstance(recorded, dict) and isinstance(asked, dict):
        return recorded.keys() == asked.keys() and all(
            _tree_fits(value, asked[name], may_be) for name, value in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(asked, list):
        return len(recorded) == len(asked) and all(_tree_fits(a, b, may_be) for a, b in zip(recorded, asked))
    return type(recorded) is type(asked) and bool(recorded == asked)


def _text_fits(recorded: str, asked: str, may_be: MayBe) -> bool:
    if recorded == asked:
        return True
    if REDACTED not in recorded:
        return False
    first, *rest = _PLACEHOLDER.split(recorded)
    if not asked.startswith(first):
        return False
    at = len(first)
    for placeholder, text in zip(rest[::2], rest[1::2]):
        is_last = text is rest[-1]
        end = len(asked) - len(text) if is_last else asked.find(text, at + 1) if text else -1
        if end <= at or not asked.startswith(text, end):
            return False
        value = asked[at:end]
        if value != placeholder and (re.search(r"\s", value) or not may_be(value, placeholder)):
            return False
        at = end + len(text)
    return True
