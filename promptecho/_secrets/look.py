"""Whether a value looks like a credential, or like a word, a name, a number, a host or a path.

Names say little: ``POSTGRES_PASSWORD=postgres`` and ``SORT_KEY=created_at`` are no secrets, and masking such a word
would change ordinary text wherever it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from promptecho._secrets.jwt import is_token
from promptecho._secrets.key_rules import looks_random
from promptecho._secrets.named_fields import REDACTED

_MIN_LENGTH = 8
_PIECE = re.compile(r"[A-Za-z0-9]+|[^\x00-\x7f]+")
# A word, a number, a word with a number, a number with a unit, a version.
_WORD = re.compile(r"[a-z]{1,24}|[A-Z]{1,24}|[A-Z][a-z]{1,23}|(?:[a-z]+[A-Z]?|[A-Z])(?:[a-z]+[A-Z]?)*[a-z]*")
_WITH_NUMBER = re.compile(r"\d{1,13}|[A-Za-z]{1,20}\d{1,3}|\d{1,4}[A-Za-z]{1,3}|[A-Za-z]{1,2}\d{1,4}[A-Za-z]{0,2}")
_PARTS = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?::\d{1,5})?(?:/.*)?"
    r"|(?:[a-z][a-z0-9+.-]*://)?\[?[0-9a-fA-F.:]{3,39}\]?(?::\d{1,5})?(?:/.*)?|(?:[a-z][a-z0-9+.-]*://)\S*"
)
_PATH = re.compile(r"(?:[/~]|\.{1,2}/|[A-Za-z]:[\\/]).*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[\d.,_eE+-]+")
_TIME = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]?[\d:.,]*(?:Z|[+-]\d{2}:?\d{2})?)?")
_SYMBOL = re.compile(r"[^\w\s.,:;/\\@'\"()\[\]{}<>|-]")
_TEMPLATE = re.compile(r"\$?\{+.*\}+|<.*>|%.*%|\[[A-Z_ ]+\]|\*+|x{4,}", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def looks_like_credential(value: str) -> bool:
    """Whether a value is more likely a credential than anything that people write or count."""
    text = value.strip()
    if len(text) < _MIN_LENGTH or REDACTED in text or len(text) > 20_000:
        return False
    if is_token(text):
        return True
    if _NUMBER.fullmatch(text):
        return sum(map(str.isdigit, text)) >= 14 and text.isdigit()
    if _TEMPLATE.fullmatch(text) or _TIME.fullmatch(text):
        return False
    pieces = _PIECE.findall(text)
    words = sum(len(piece) for piece in pieces if _is_word(piece))
    total = sum(map(len, pieces)) or 1
    if _PATH.fullmatch(text) or _HOST.fullmatch(text) or "://" in text or text.startswith(("arn:", "projects/")):
        # A path or a host is made of words; base64 may begin like one.
        return words * 2 < total and "://" not in text and text.count("/") <= 4 and " " not in text
    if " " in text or "\n" in text:
        return words * 2 < total and len(pieces) < 12 and _SYMBOL.search(text) is not None
    if words < total:
        return looks_random(text) or _mixed(text)
    # Made of words and numbers alone: signs that no name has make it a password, if there are digits.
    return _SYMBOL.search(text) is not None and any(map(str.isdigit, text)) and _mixed(text)


_PASSWORD = re.compile("pass|pwd|secret", re.IGNORECASE)
_EVERYDAY = re.compile(r"[A-Za-z]*(?:[-_. ][A-Za-z]*)*|\d{0,10}|.{0,5}", re.DOTALL)


def is_everyday(value: str) -> bool:
    """Whether a value is words, or a number, or too short to be looked for in other texts."""
    text = value.strip()
    return (_EVERYDAY.fullmatch(text) or _TEMPLATE.fullmatch(text)) is not None and not looks_like_credential(text)


def could_be_credential(name: str, value: str) -> bool:
    """Whether a value is a credential where its name says it of other things too (``token``, ``password``).

    What a server draws looks like it. A password is chosen by a person: whatever is no word and no number may be one.
    """
    if looks_like_credential(value):
        return True
    return _PASSWORD.search(name) is not None and REDACTED not in value and not is_everyday(value)


def _is_word(piece: str) -> bool:
    if not piece.isascii():
        return True
    if (_WORD.fullmatch(piece) is not None and not looks_random(piece)) or _WITH_NUMBER.fullmatch(piece) is not None:
        return True
    # A name with numbers in it, such as iPhone15Pro: few parts, one of them a number.
    parts = _PARTS.findall(piece)
    letters = sum(map(str.isalpha, piece))
    named = sum(part.isalpha() for part in parts)
    if len(parts) > 4 or len(parts) - named != 1:
        return False
    return 0.6 * len(piece) <= letters and len(piece) <= 24 and letters >= 3 * named


def _mixed(text: str) -> bool:
    """Whether a text has signs of at least three kinds."""
    kinds = (str.islower, str.isupper, str.isdigit)
    found = sum(any(map(kind, text)) for kind in kinds) + (_SYMBOL.search(text) is not None)
    return found >= 3 or (found >= 2 and len(text) >= 12 and any(map(str.isdigit, text)))
