"""Where keys of vendors' formats are in a text, or in base64 inside it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from urllib.parse import quote

from promptecho import providers
from promptecho._secrets.jwt import tokens
from promptecho._secrets.key_rules import all_rules, is_slug, looks_random
from promptecho._secrets.named_fields import REDACTED
from promptecho._secrets.private_keys import private_keys
from promptecho.errors import ProviderError
from promptecho.providers import KeyRule

Mask = Callable[[str, str], str]  # of the name of a format and a key

# A key may begin after a letter where that ends an escape: of JSON, of other languages, of a URL (once or twice), of
# quoted-printable, and a colour of a terminal (ECMA-48, section 8.3.117).
_ESCAPED_BEFORE = re.compile(
    r"(?:\\[nrtbf]|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|%(?:25)*[0-9a-fA-F]{2}|=[0-9A-F]{2}|[\[;0-9]m)\Z"
)
_DATA = re.compile(r"[A-Za-z0-9+/_-]*\Z")
_LONGEST_ESCAPE, _FAR_ENOUGH, _IS_DATA = 12, 64, 24

HIDING_LENGTH = 40  # of a base64 text that is looked into
# Base64 may be cut in lines (RFC 2045, section 6.8), whose ends are escapes in JSON, as three of its signs may be.
_CUT = re.compile(r"(?:\\r)?\\n|\r?\n")
BASE64 = re.compile(
    rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{HIDING_LENGTH},}}(?:(?:{_CUT.pattern})[A-Za-z0-9+/_-]+)*={{0,2}}"
)
_ESCAPE = re.compile(r"(?:\\\\)|\\/|\\u00(?:2b|2f|3d)", re.IGNORECASE)
_ESCAPED = {"\\/": "/", "\\u002b": "+", "\\u002f": "/", "\\u003d": "="}

# A key, a base64 text that could hide one, and a signature are each such a run; most texts have none.
RUN = 15
_RUN_TABLE = bytes(97 if re.match(r"[A-Za-z0-9_.+/-]", chr(code)) else 32 for code in range(256))


@dataclass(frozen=True)
class _Prefixes:
    """How keys begin, with their rules in the order in which these are meant where two fit at one place."""

    rules: tuple[tuple[str, KeyRule], ...]
    in_runs: tuple[bytes, ...]
    anywhere: tuple[bytes, ...]


@lru_cache(maxsize=1)
def _prefixes() -> _Prefixes:
    """The quick tests, made from the rules. What begins with more of a key says more of it, so that comes first."""
    rules = [(written, rule) for rule in all_rules() for prefix in rule.prefixes for written in spellings(prefix)]
    rules.sort(key=lambda each: -len(each[0]))
    names = list(dict.fromkeys(prefix for prefix, _ in rules))
    in_runs = [name for name in names if re.fullmatch(r"[A-Za-z0-9_.+/-]+", name)]
    return _Prefixes(
        tuple(rules),
        tuple(name.encode() for name in in_runs),
        tuple(name.encode() for name in names if name not in in_runs),
    )


@lru_cache(maxsize=1)
def check_others() -> None:
    """Refuse a rule of another package that its own example doesn't trigger.

    Raises:
        ProviderError: there is one.
    """
    for rule in providers.keys_of_others():
        missed = undetected(rule)
        if missed:
            raise ProviderError(
                f"the key format {rule.name!r} does not find its own example {rule.example!r} in {missed}; the example "
                "begins with one of its prefixes, and what follows fits its pattern"
            )


def undetected(rule: KeyRule) -> str:
    """In which dress a rule does not find its own example; empty if it does in all."""
    key = rule.example
    encoded = base64.b64encode(f"the key is {key}, keep it".encode()).decode("ascii")
    written = json.dumps({"key": f"\n{key}\n"})
    for dress, text in (("text", f"the key {key}, keep it"), ("JSON", written), ("JSON in JSON", json.dumps(written))):
        if not may_hold_key(text.encode()):
            return "bytes"
        if rule.name not in (found.name for found in find_keys(text)):
            return dress
    return "" if mask_in_base64(encoded, lambda name, key: "", None) != encoded else "base64"


@cache
def pattern(prefix: str, rest: str) -> re.Pattern[str]:
    """The pattern of keys with a prefix: it begins with the prefix itself, which the search finds quickly."""
    return re.compile(re.escape(prefix) + rest)


def spellings(prefix: str) -> tuple[str, ...]:
    """A prefix as it is, and as JSON and URLs (in URLs, too) escape its signs."""
    found = [
        prefix,
        prefix.replace("/", r"\/"),
        prefix.replace("=", r"\u003d"),
        prefix.replace("=", r"\u003D"),
        quote(prefix, safe=""),
        quote(quote(prefix, safe=""), safe=""),
    ]
    return tuple(dict.fromkeys(found))


def runs(data: bytes) -> list[bytes]:
    """The runs of at least 15 characters that could be part of a key, or of base64."""
    found = []
    table = data.translate(_RUN_TABLE)
    start = table.find(b"a" * RUN)
    while start >= 0:
        end = table.find(b" ", start)
        end = len(data) if end < 0 else end
        found.append(data[start:end])
        start = table.find(b"a" * RUN, end)
    return found


def may_hold_key(data: bytes, among: list[bytes] | None = None) -> bool:
    """Whether a key may be in a text: quick, and never wrongly no. ``among``: its runs, where they are known."""
    known = _prefixes()
    found = runs(data) if among is None else among
    if not found:
        return b"PRIVATE" in data or b"Q~" in data
    text = b" ".join(found)
    return (
        b"PRIVATE" in data
        or b"PuTTY-User-Key" in data
        or b"eyJ" in text
        or b".e" in text
        or any(prefix in text for prefix in known.in_runs)
        or any(prefix in data for prefix in known.anywhere)
    )


@dataclass(frozen=True)
class Found:
    """A key in a text: where it is, and the name of its format."""

    start: int
    end: int
    name: str


def find_keys(text: str) -> list[Found]:
    """The keys in a text, in order; none overlaps another."""
    if len(text) < RUN:
        return []
    # By place, then by the order of the rules, then by length.
    candidates = [(start, -2, -end, "PRIVATE_KEY", True) for start, end in private_keys(text)]
    candidates += [(start, -1, -end, "JWT", True) for start, end in tokens(text)]
    for number, (prefix, rule) in enumerate(_prefixes().rules):
        if prefix not in text:
            continue
        for found in pattern(prefix, rule.rest).finditer(text):
            start = found.start() - rule.lead
            if rule.lead and (start < 0 or not re.fullmatch(f"{rule.lead_pattern}*", text[start : found.start()])):
                continue
            rest = text[found.start() + len(prefix) : found.end()]
            if not rule.random or (looks_random(rest) and not is_slug(rest)):
                candidates.append((start, number, -found.end(), rule.name, rule.is_long))
    if not candidates:
        return []
    keys: list[Found] = []
    done = 0
    for start, _, end, name, anywhere in sorted(candidates):
        if start >= done and (anywhere or _may_begin(text, start, done)):
            keys.append(Found(start, -end, name))
            done = -end
    return keys


def is_key(text: str) -> bool:
    """Whether a text is a key, and nothing else."""
    found = find_keys(text)
    return len(found) == 1 and (found[0].start, found[0].end) == (0, len(text))


def _may_begin(text: str, start: int, done: int) -> bool:
    """Whether a key may begin at a place: not in the middle of a word, nor of random data."""
    if not start or start == done:
        return True
    before = text[max(done, start - _FAR_ENOUGH) : start]
    if before[-1].isascii() and before[-1].isalpha() and not _ESCAPED_BEFORE.search(before[-_LONGEST_ESCAPE:]):
        return False
    data = _DATA.search(before)
    return data is None or len(data.group()) < _IS_DATA or not looks_random(data.group())


def mask_keys(text: str, mask: Mask) -> str:
    """A text with its keys replaced by what ``mask`` makes of them."""
    found = find_keys(text)
    if not found:
        return text
    pieces, done = [], 0
    for key in found:
        pieces += [text[done : key.start], mask(key.name, text[key.start : key.end])]
        done = key.end
    return "".join([*pieces, text[done:]])


def mask_in_base64(text: str, mask: Mask, known: re.Pattern[str] | None) -> str:
    """A text with the keys masked that stand in the content of base64, and known credentials in base64 that is cut."""

    def look(text: str) -> str:
        return BASE64.sub(lambda found: masked_base64(found.group(), mask, known), text)

    text = look(text)
    plain = _ESCAPE.sub(lambda found: _ESCAPED.get(found[0].lower(), found[0]), text) if "\\" in text else text
    if plain == text:
        return text
    masked = look(plain)
    return text if masked == plain else masked


def masked_base64(text: str, mask: Mask, known: re.Pattern[str] | None) -> str:
    """A base64 text with the keys in its content masked; images and the like pass quickly."""
    cuts = _CUT.findall(text) if "\\" in text or "\n" in text else []
    pieces = _CUT.split(text) if cuts else [text]
    whole = "".join(pieces)
    masked = known.sub(REDACTED, whole) if known and cuts else whole
    for skipped in range(4):  # right before it may stand what looks like a part of it: the n of an escape
        masked = masked[:skipped] + _masked_content(masked[skipped:], mask)
    if masked == whole:
        return text
    lines, at = [], 0
    for end, cut in zip(accumulate(map(len, pieces)), cuts):
        lines += [masked[at:end], cut]
        at = end
    return "".join([*lines, masked[at:]])


def _masked_content(text: str, mask: Mask) -> str:
    def mask_in_place(name: str, key: str) -> str:
        masked = mask(name, key)
        return masked + "_" * ((len(key) - len(masked)) % 3)  # so that what follows stays sign by sign

    digits = text.rstrip("=")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    data = base64.b64decode(digits.replace("-", "+").replace("_", "/") + "=" * (-len(digits) % 4))
    if not may_hold_key(data):
        return text
    plain = data.decode("latin-1")
    masked = mask_keys(plain, mask_in_place)
    if masked == plain:
        return text
    encode = base64.urlsafe_b64encode if re.search("[-_]", digits) else base64.b64encode
    fresh = encode(masked.encode("latin-1")).decode("ascii").rstrip("=")
    if len(digits) % 4 and masked[-1] == plain[-1]:  # the last sign may say more than the last byte
        fresh = fresh[:-1] + digits[-1]
    return fresh + text[len(digits) :]
