"""JSON Web Tokens: where they are, and what is left of one that may be written.

A masked token is still one (RFC 7519): three parts that can be read, so that a program that looks at its claims runs on
a replay. Who it is about and its signature are gone, and it doesn't expire.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from promptecho._secrets.named_fields import REDACTED, masked_value

Json = Any

_PART = "[A-Za-z0-9_-]"
_HEAD = re.compile(r"ey[JAI]|ew[o0]")  # {" or { and a blank
# A run is entered at its beginning only, so that each is gone through once.
_TOKEN = re.compile(
    rf"(?<!{_PART}){_PART}{{13,}}\.(?:(?:ey[JAI]|ew[o0]){_PART}{{10,}}\.{_PART}{{10,}}"
    rf"|{_PART}*\.{_PART}{{10,}}\.{_PART}{{20,}}\.{_PART}{{10,}})"  # signed, or encrypted (RFC 7516)
)
_FAR = 4_102_444_800  # 2100-01-01, within what every clock can hold
_TIMES = ("iat", "nbf", "auth_time", "updated_at")
_KEPT = ("iss", "aud", "typ", "ver", "token_type", "token_use", "scope", "scp", "acr", "amr", "exp")


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where tokens are that are not masked yet."""
    if ".e" not in text and "eyJ" not in text:
        return
    for found in _TOKEN.finditer(text):
        head, _, rest = found.group().partition(".")
        begin = _HEAD.search(head)
        if begin is not None and f".{REDACTED}" not in rest and _object(head[begin.start() :]) is not None:
            yield found.start() + begin.start(), found.end()


def is_token(text: str) -> bool:
    """Whether a text is a token that is not masked yet, and nothing else."""
    return next(tokens(text), None) == (0, len(text))


def is_masked_token(text: str) -> bool:
    """Whether a text is a masked token."""
    return text.startswith("e") and f".{REDACTED}" in text and _TOKEN.fullmatch(text) is not None


def masked_token(token: str, placeholder: str) -> str:
    """A token whose signature is the placeholder, with the claims that say nothing of anybody."""
    head, _, rest = token.partition(".")
    claims = _object(rest.partition(".")[0])
    if token.count(".") != 2 or claims is None:
        return placeholder
    kept = {name: _claim(name, value) for name, value in claims.items()}
    data = json.dumps(kept, separators=(",", ":")).encode("ascii")
    signature = placeholder + "_" * (-len(placeholder) % 4)  # whole bytes: some clients check it
    return f"{head}.{base64.urlsafe_b64encode(data).rstrip(b'=').decode('ascii')}.{signature}"


def _claim(name: str, value: Json) -> Json:
    if name == "exp":
        return _FAR
    return value if name in _KEPT or name in _TIMES else masked_value(value)


def _object(part: str) -> dict[str, Json] | None:
    if len(part) > 20_000:
        return None
    try:
        tree = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None
