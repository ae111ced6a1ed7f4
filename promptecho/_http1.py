"""HTTP/1.1 as bytes (RFC 9112), for adapters that stand so low that they see it: to write a recorded response as a
server would send it, and to see one pass by.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Union

from promptecho._models import Headers, ResponseHead

LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


def usual_reason(status: int) -> str:
    """The reason phrase that goes with a status code unless a server says another."""
    return _REASONS.get(status, "")


def is_chunked(head: ResponseHead) -> bool:
    return "chunked" in head.headers.get("transfer-encoding").lower()


def head_bytes(head: ResponseHead) -> bytes:
    """Status line and header fields, with the blank line that ends them."""
    reason = head.reason if head.reason is not None else usual_reason(head.status_code)
    version = "HTTP/1.0" if head.http_version == "HTTP/1.0" else "HTTP/1.1"
    lines = [f"{version} {head.status_code} {reason}".encode("latin-1", "replace")]
    lines += [name + b": " + value for name, value in head.headers.raw()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk_bytes(chunk: bytes, chunked: bool) -> bytes:
    """A piece of a body, in the chunked transfer coding if the response has it."""
    return b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk


class Dechunker:
    """Undoes the chunked transfer coding (RFC 9112 section 7.1) of what has been read so far."""

    def __init__(self) -> None:
        self._data = b""
        self.ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The chunks that are whole now."""
        self._data += data
        while not self.ended:
            self._data = self._data.lstrip(b"\r\n")  # the line end that follows a chunk
            line, separator, after = self._data.partition(b"\n")
            if not separator:
                return
            size = _size(line)
            if size is None:
                return
            if size == 0:
                self.ended = True
                return
            if len(after) < size:
                return
            yield after[:size]
            self._data = after[size:]

    def rest(self) -> bytes:
        """What has been read of a chunk that is not whole."""
        line, separator, after = self._data.lstrip(b"\r\n").partition(b"\n")
        self._data = b""
        return after if separator and _size(line) else b""


def _size(line: bytes) -> int | None:
    try:
        return int(line.partition(b";")[0].strip() or b"x", 16)
    except ValueError:
        return None


class Ended:
    """The body has come to its end."""


Part = Union[ResponseHead, bytes, Ended]


class ResponseWatcher:
    """Sees the bytes of one response pass: ``feed`` gives its head, the pieces of its body, and ``Ended``."""

    def __init__(self, method: str) -> None:
        self._method = method.upper()
        self._data = b""
        self._chunks: Dechunker | None = None
        self._left: int | None = None  # bytes to come; ``None``: until the connection closes
        self._head: ResponseHead | None = None

    def feed(self, data: bytes) -> Iterator[Part]:
        if self._head is None:
            self._data += data
            while self._head is None:
                raw, separator, after = self._data.partition(b"\r\n\r\n")
                if not separator:
                    return
                self._data = after
                head = _parse_head(raw)
                if head.status_code >= 200:
                    self._head = head
                    yield head
            data, self._data = self._data, b""
            if self._has_no_body():
                yield Ended()
                return
        yield from self._body(data)

    def _has_no_body(self) -> bool:
        head = self._head
        assert head is not None
        if self._method == "HEAD" or head.status_code in (204, 304):
            return True
        if is_chunked(head):
            self._chunks = Dechunker()
            return False
        length = head.headers.get("content-length").strip()
        self._left = int(length) if length.isdigit() else None
        return self._left == 0

    def _body(self, data: bytes) -> Iterator[Part]:
        if self._chunks is not None:
            yield from self._chunks.feed(data)
            if self._chunks.ended:
                yield Ended()
            return
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if data:
            yield data
        if self._left == 0:
            yield Ended()

    def close(self) -> Iterator[Part]:
        """The connection closed: what is left of a chunk, and whether that is the end of the body."""
        if self._chunks is not None:
            rest = self._chunks.rest()
            if rest:
                yield rest
        elif self._head is not None and self._left is None:
            yield Ended()


def _parse_head(raw: bytes) -> ResponseHead:
    first, *lines = raw.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    status = int(code) if code.isdigit() else 0
    return ResponseHead(
        status,
        Headers(pairs),
        None if reason == usual_reason(status) else reason,
        None if version == "HTTP/1.1" else version,
    )
