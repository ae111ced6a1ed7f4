"""HTTP/1.1 as bytes (RFC 9112), for adapters that stand so low that they see it: to write a recorded response as a
server would send it, and to see one pass by.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Union

from promptecho._models import Headers, ResponseHead
from promptecho._session.recorder import Forward
from promptecho._session.session import Replay

LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


def usual_reason(status: int) -> str:
    """The reason phrase that goes with a status code unless a server says another.

    >>> backend.usual_reason(404)
    'Not Found'
    """
    return _REASONS.get(status, "")


def is_chunked(head: ResponseHead) -> bool:
    """Whether a response is in the chunked transfer coding.

    >>> backend.is_chunked(backend.ResponseHead(200, backend.Headers({"Transfer-Encoding": "chunked"})))
    True
    """
    return "chunked" in head.headers.get("transfer-encoding").lower()


def head_bytes(head: ResponseHead) -> bytes:
    """Status line and header fields, with the blank line that ends them.

    >>> backend.head_bytes(backend.ResponseHead(204))
    b'HTTP/1.1 204 No Content\\r\\n\\r\\n'
    """
    reason = head.reason if head.reason is not None else usual_reason(head.status_code)
    version = "HTTP/1.0" if head.http_version == "HTTP/1.0" else "HTTP/1.1"
    lines = [f"{version} {head.status_code} {reason}".encode("latin-1", "replace")]
    lines += [name + b": " + value for name, value in head.headers.raw()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk_bytes(chunk: bytes, chunked: bool) -> bytes:
    """A piece of a body, in the chunked transfer coding if the response has it; ``LAST_CHUNK`` ends such a body.

    >>> backend.chunk_bytes(b"Hello", True) + backend.LAST_CHUNK
    b'5\\r\\nHello\\r\\n0\\r\\n\\r\\n'
    """
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
    """The body has come to its end; what a :class:`ResponseWatcher` gives last."""


Part = Union[ResponseHead, bytes, Ended]


class ResponseWatcher:
    """Sees the bytes of one response pass: ``feed`` gives its head, the pieces of its body, and ``Ended``.

    >>> watcher = backend.ResponseWatcher("GET")
    >>> parts = list(watcher.feed(b"HTTP/1.1 200 OK\\r\\ncontent-length: 5\\r\\n\\r\\nHello"))
    >>> parts[0].status_code, parts[1], type(parts[2]).__name__
    (200, b'Hello', 'Ended')
    """

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


class TeeFile:
    """The file that an ``http.client.HTTPResponse`` reads from: hands on what is read and tells the recording.

    ``length`` is the size of the body in bytes, ``None`` if it isn't known. It feeds, finishes, abandons or aborts the
    :class:`Forward` by what the program reads.

    >>> import io
    >>> with promptecho.use_cassette("cassettes/tee.yaml") as cassette:
    ...     forward = backend.session_for("httpx").decide(backend.Request("GET", "https://api.example/models"))
    ...     forward.start(backend.ResponseHead(200))
    ...     backend.TeeFile(io.BytesIO(b"[1, 2]"), forward, chunked=False, length=6).read()
    b'[1, 2]'
    >>> len(cassette.recorded)
    1
    """

    def __init__(self, file: Any, forward: Forward, chunked: bool, length: int | None) -> None:
        self._file = file
        self._forward = forward
        self._left = None if chunked else length
        self._framing = Dechunker() if chunked else None

    def _read(self, read: Callable[..., bytes], *arguments: Any) -> bytes:
        try:
            data = read(*arguments)
        except BaseException as error:
            self._flush()
            self._forward.abort(error)
            raise
        if data:
            self._note(data)
        elif arguments != (0,):
            self._end()
        return data

    def _note(self, data: bytes) -> None:
        if self._framing is not None:
            for chunk in self._framing.feed(data):
                self._forward.feed(chunk)
            if self._framing.ended:
                self._forward.finish()
            return
        self._forward.feed(data)
        if self._left is not None:
            self._left -= len(data)
            if self._left <= 0:
                self._forward.finish()

    def _end(self) -> None:
        """The connection was closed: the end of a body that says nothing of its length, else too early."""
        if self._framing is None and self._left is None:
            self._forward.finish()
        else:
            self._flush()
            self._forward.abort(EOFError())

    def _flush(self) -> None:
        if self._framing is not None and not self._forward.done:
            rest = self._framing.rest()
            if rest:
                self._forward.feed(rest)

    def read(self, *arguments: Any) -> bytes:
        return self._read(self._file.read, *arguments)

    def read1(self, *arguments: Any) -> bytes:
        return self._read(self._file.read1, *arguments)

    def readline(self, *arguments: Any) -> bytes:
        return self._read(self._file.readline, *arguments)

    def readinto(self, buffer: Any) -> int:
        data = self._read(self._file.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def peek(self, *arguments: Any) -> bytes:
        peeked: bytes = self._file.peek(*arguments)
        return peeked

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        try:
            if not self._forward.done:
                self._flush()
                self._forward.abandon()
        finally:
            self._file.close()


class ReplayFile(io.RawIOBase):
    """The bytes of a recorded answer, one segment for each recorded chunk, as a socket would give them.

    >>> import io
    >>> asked = backend.Request("GET", "https://api.example/models")
    >>> with promptecho.use_cassette("cassettes/models.yaml"):
    ...     forward = backend.session_for("httpx").decide(asked)
    ...     forward.start(backend.ResponseHead(200, backend.Headers({"content-length": "2"})))
    ...     forward.feed(b"[]")
    ...     forward.finish()
    >>> with promptecho.use_cassette("cassettes/models.yaml", mode="none"):
    ...     io.BufferedReader(backend.ReplayFile(backend.session_for("httpx").decide(asked))).read()
    b'HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n[]'
    """

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._segments = self._make()
        self._current = b""

    def _make(self) -> Iterator[bytes]:
        head = self._replay.response.head
        chunked = is_chunked(head)
        yield head_bytes(head)
        for index, chunk in enumerate(self._replay.response.chunks):
            seconds = self._replay.seconds(index)
            if seconds:
                time.sleep(seconds)
            yield chunk_bytes(chunk, chunked)
        self._replay.check_end()
        if chunked:
            yield LAST_CHUNK

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._current:
            self._current = next(self._segments, b"")
        size = min(len(buffer), len(self._current))
        buffer[:size] = self._current[:size]
        self._current = self._current[size:]
        return size
