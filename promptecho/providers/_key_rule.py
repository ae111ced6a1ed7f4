"""A key format of a vendor, as a value, and what such values are written with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

ALNUM, WORD, HEX, UPPER = "[A-Za-z0-9]", "[A-Za-z0-9_-]", "[a-f0-9]", "[A-Z0-9]"
# Standard base64, whose signs are escaped in JSON and in URLs.
BASE64 = r"(?:[A-Za-z0-9+]|\\*/|%(?:25)*2[BbFf]|\\+u002[BbFf])"
SLASH, COLON = r"(?:\\*/|%(?:25)*2[Ff])", r"(?::|%(?:25)*3[Aa])"
PADDING = r"(?:=|%(?:25)*3[Dd]|\\+u003[Dd]){0,2}"
# What examples are drawn from.
SIGNS, HEX_SIGNS = "aAbBcCdDeEfF0123456789gGhHjJkKmMnNpPqQrRsStT", "0123456789abcdef"
UPPER_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class KeyRule:
    """A key format: what a key begins with, what follows, and a key of that form.

    ``lead`` is the length of what stands before a mark that is in the middle of a key, ``lead_pattern`` its signs.
    """

    name: str
    prefixes: tuple[str, ...]
    rest: str
    example: str
    random: bool = False
    lead: int = 0
    lead_pattern: str = ALNUM

    @property
    def is_long(self) -> bool:
        """Whether its prefixes say enough, so that letters may stand before them."""
        return min(map(len, self.prefixes)) >= 6


def sample(length: int, signs: str = SIGNS) -> str:
    """A text that looks drawn at random, always the same: no scanner takes this file for one with keys in it."""
    digests = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(1 + length // 32))
    return "".join(signs[octet % len(signs)] for octet in digests[:length])


def key_rule(
    name: str, prefixes: str, rest: str, example: str | int, *, hex: bool = False, random: bool = False
) -> KeyRule:
    """A rule; ``prefixes`` are separated by spaces, ``example`` is a length or what follows the first prefix."""
    begins = tuple(prefixes.split())
    drawn = sample(example, HEX_SIGNS if hex else SIGNS) if isinstance(example, int) else example
    return KeyRule(name, begins, rest, begins[0] + drawn, random)
