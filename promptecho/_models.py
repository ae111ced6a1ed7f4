"""The neutral model: what every backend translates to and from.

A *chunk* is what arrived in one read; an *event* is what a stream format delimits. Bodies are bytes without content
coding. Nothing here knows an HTTP library, a file or a mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

# The one field of the canonical body of a form, and of a multipart body.
FORM, MULTIPART = "__form__", "__multipart__"

RawHeaders = Union["Headers", Mapping[str, str], Iterable[tuple[Union[str, bytes], Union[str, bytes]]]]


class Headers:
    """Header fields in order, with their case and their repeats; looked up without regard to case.

    Made of a mapping, of pairs of texts or of bytes, or of other headers. ``pairs`` has them all, as texts.

    >>> headers = backend.Headers([(b"Set-Cookie", b"a=1"), ("set-cookie", "b=2")])
    >>> headers.get("SET-COOKIE"), len(headers)
    ('a=1', 2)
    """

    __slots__ = ("pairs",)

    def __init__(self, items: RawHeaders = ()) -> None:
        if isinstance(items, Headers):
            self.pairs: tuple[tuple[str, str], ...] = items.pairs
            return
        pairs = items.items() if isinstance(items, Mapping) else items
        # RFC 9110 section 5.5: a field value is bytes; latin-1 maps each byte to one character and back.
        self.pairs = tuple(
            [
                (name if isinstance(name, str) else name.decode("latin-1"),
                 value if isinstance(value, str) else value.decode("latin-1"))
                for name, value in pairs
            ]
        )  # fmt: skip

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field, or the default."""
        wanted = name.lower()
        for key, value in self.pairs:
            if key.lower() == wanted:
                return value
        return default

    def without(self, *names: str) -> Headers:
        """The same fields less the named ones."""
        wanted = {name.lower() for name in names}
        return Headers(pair for pair in self.pairs if pair[0].lower() not in wanted)

    def replaced(self, name: str, value: str) -> Headers:
        """The same fields, every value of the named one exchanged for another."""
        wanted = name.lower()
        return Headers((key, value if key.lower() == wanted else old) for key, old in self.pairs)

    def raw(self) -> list[tuple[bytes, bytes]]:
        """Names and values as bytes, the form in which HTTP libraries build a response."""
        return [(_header_bytes(name), _header_bytes(value)) for name, value in self.pairs]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({[name for name, _ in self.pairs]!r})"  # values may be credentials


def _header_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # a hand-written cassette may hold any character
        return text.encode("utf-8")


@dataclass(frozen=True)
class Request:
    """A request as the wire would get it, its body read: without content coding, ``b""`` if there is none.

    >>> backend.Request("POST", "https://API.example:8443/v1/chat", body=b"{}").host
    'api.example'
    """

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def host(self) -> str:
        """The host without its port, in lower case; an IPv6 address with its brackets."""
        rest = self.url.partition("://")[2] or self.url
        address = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
        return address.partition("]")[0] + "]" if address.startswith("[") else address.partition(":")[0]


@dataclass(frozen=True)
class ResponseHead:
    """What is known of a response before its body: status and headers as sent.

    ``reason`` and ``http_version`` are ``None`` where they are the usual ones.

    >>> backend.ResponseHead(200, backend.Headers({"content-type": "application/json"})).reason is None
    True
    """

    status_code: int
    headers: Headers = field(default_factory=Headers)
    reason: str | None = None
    http_version: str | None = None


@dataclass(frozen=True)
class Response:
    """A response to replay.

    ``chunks`` are the body without content coding, in the pieces in which it arrived; ``delays`` the seconds waited
    before each of them (empty: none). ``incomplete`` says how a body that did not arrive whole ended.

    >>> backend.Response(backend.ResponseHead(200), (b"Hel", b"lo")).body
    b'Hello'
    """

    head: ResponseHead
    chunks: tuple[bytes, ...] = ()
    delays: tuple[float, ...] = ()
    incomplete: str | None = None

    @property
    def body(self) -> bytes:
        """The chunks in one."""
        return b"".join(self.chunks)
