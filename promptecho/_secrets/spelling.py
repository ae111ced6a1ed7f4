"""How a known credential may be spelled: plain, in a URL, in JSON, in HTML, in base64."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache

from promptecho._secrets.key_formats import RUN


@lru_cache(maxsize=256)
def probes_of(value: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What each spelling of a credential has in it: what to look for in runs, and what to look for everywhere."""
    found = max(re.findall("[A-Za-z0-9]+", value), key=len, default="")
    hidden = [max(re.findall("[A-Za-z0-9]+", form), key=len, default="") for form in _base64_forms(value)]
    probes = tuple({probe.encode() for probe in (found, *hidden)})
    return (probes, ()) if len(found) >= RUN else ((), probes)


@lru_cache(maxsize=64)
def pattern_of(values: tuple[str, ...]) -> re.Pattern[str]:
    plain = ["".join(map(_spellings, value)) for value in sorted(values, key=len, reverse=True)]
    hidden = sorted({form for value in values for form in _base64_forms(value)}, key=len, reverse=True)
    return re.compile("|".join([*plain, *map(re.escape, hidden)]))


@lru_cache(maxsize=256)
def _spellings(sign: str) -> str:
    """A pattern for how a character may be written: as it is, in a URL, in JSON (also inside JSON), in HTML."""
    if sign.isascii() and (sign.isalnum() or sign in "-._~"):  # nobody escapes these (RFC 3986, section 2.3)
        return re.escape(sign)
    octets = "".join(f"%(?:25)*{octet:02x}" for octet in _octets(sign))
    printable = "".join(f"={octet:02x}" for octet in _octets(sign))  # quoted-printable (RFC 2045, section 6.7)
    units = memoryview(sign.encode("utf-16-le", "surrogatepass")).cast("H")
    codes = "".join(rf"\\+u{unit:04x}" for unit in units)
    found = [
        re.escape(sign),
        f"(?i:{octets}|{printable}|{codes}|&(?:amp;)*#0*{ord(sign)};|&(?:amp;)*#x0*{ord(sign):x};)",
        re.escape(html.escape(sign)),
    ]
    in_json = json.dumps(sign)[1:-1]
    if in_json[0] == "\\" or sign == "/":
        found.append(r"\\+" + re.escape(in_json[-1]))
    if sign == " ":
        found.append(r"\+")
    return "(?:" + "|".join(found) + ")"


def _octets(value: str) -> bytes:
    """The bytes of a value; those of a variable of the environment need not be UTF-8."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _base64_forms(value: str) -> Iterator[str]:
    data = _octets(value)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):  # inside a longer base64 text, a value may begin at any of three places
            text = encode(b"\0" * shift + data).decode("ascii").rstrip("=")
            skip = 0 if shift == 0 else shift + 1
            end = len(text) if (shift + len(data)) % 3 == 0 else len(text) - 1
            if end - skip >= 8:
                yield text[skip:end]
