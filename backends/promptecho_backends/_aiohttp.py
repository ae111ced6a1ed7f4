"""aiohttp's client.

Where calls are caught: where a connector gives a connection for a request (``BaseConnector.connect``), below redirects,
cookies, middlewares and retries. A connector of the program's own may give one past that; then the call is caught where
the request is written. On replay the connection has no socket; what it "receives" is the recorded response,
which the library's own parser reads, so every response is the library's own. While recording, a protocol stands between
the connection's transport and the library's: it sees the bytes pass, and hands them on at once.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import (
    LAST_CHUNK,
    Ended,
    Forward,
    Headers,
    PatchPoint,
    Replay,
    Request,
    ResponseHead,
    ResponseWatcher,
    chunk_bytes,
    guard_call,
    head_bytes,
    is_chunked,
    session_for,
    suppressed,
)

# Private names of the library, all here.
_BODY = "_body"  # ClientRequest: the payload to send, behind the property ``body``
_PAYLOAD = "_payload"  # ResponseHandler: the reader of the body that is on its way
_WRITE = ("_send", "send")  # ClientRequest: writes itself to a connection; the name depends on the version
_DECIDED = "_promptecho_decided"  # set by us on a connection whose call was decided as it was given


class AiohttpBackend:
    """The adapter for aiohttp 3."""

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        connector: Any = importlib.import_module("aiohttp.connector")
        requests: Any = importlib.import_module("aiohttp.client_reqrep").ClientRequest
        write = next((name for name in _WRITE if name in vars(requests)), _WRITE[0])
        return [
            PatchPoint(connector.BaseConnector, "connect", functools.partial(_wrap_connect, self.name, connector)),
            PatchPoint(requests, write, functools.partial(_wrap_write, self.name)),
        ]


def _wrap_connect(name: str, library: Any, original: Any) -> Any:
    async def connect(connector: Any, req: Any, *arguments: Any, **named: Any) -> Any:
        session = session_for(name, req.method, str(req.url))
        if session is not None and _is_handshake(req):
            guard_call(name, req.method, str(req.url))  # a conversation, which isn't recorded
            session = None
        if session is None:
            return await original(connector, req, *arguments, **named)
        request = await to_request(req)
        decision = session.decide(request)
        if isinstance(decision, Replay):
            protocol = _replay_to(_new_protocol(), decision)
            connection = library.Connection(connector, req.connection_key, protocol, asyncio.get_running_loop())
        else:
            try:
                with suppressed(request.host):
                    connection = await original(connector, req, *arguments, **named)
            except BaseException as error:
                if decision is not None:
                    decision.abort(error)
                raise
            if decision is not None:
                _Tap(connection.protocol, decision).watch(connection)
        setattr(connection, _DECIDED, True)
        return connection

    return connect


def _wrap_write(name: str, original: Any) -> Any:
    async def write(req: Any, connection: Any) -> Any:
        session = session_for(name)
        if session is not None and not hasattr(connection, _DECIDED) and not _is_handshake(req):
            request = await to_request(req)
            decision = session.decide(request)
            if isinstance(decision, Replay):
                _replay_to(connection.protocol, decision)
            elif decision is not None:
                _Tap(connection.protocol, decision).watch(connection)
        return await original(req, connection)

    return write


def _is_handshake(req: Any) -> bool:
    """Whether a WebSocket is opened (RFC 6455, 4.1), which is no exchange of a request and a response."""
    headers = req.headers
    return (
        req.method.upper() == "GET"
        and headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in headers.get("connection", "").lower()
        and "sec-websocket-key" in headers
        and "sec-websocket-version" in headers
    )


async def to_request(req: Any) -> Request:
    """The neutral request."""
    return Request(req.method.upper(), str(req.url), Headers(list(req.headers.items())), await _read_body(req))


# --- request bodies ---------------------------------------------------------------------------------------------------


class _Collector:
    """A writer that a payload writes itself to."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    async def write(self, chunk: Any, *arguments: Any, **named: Any) -> None:
        self.parts.append(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        if chunk:
            self.parts.append(bytes(chunk))

    async def drain(self) -> None:
        pass


async def _read_body(req: Any) -> bytes:
    """The bytes of a body; one that can be read once only is replaced by them."""
    from aiohttp import payload

    body = req.body
    if not body:
        return b""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    collector = _Collector()
    await body.write(collector)
    data = b"".join(collector.parts)
    if not isinstance(body, payload.BytesPayload):
        setattr(req, _BODY if hasattr(req, _BODY) else "body", payload.BytesPayload(data))
    return data


# --- recording --------------------------------------------------------------------------------------------------------


class _Tap(asyncio.Protocol):
    """Stands before the library's protocol for one response and sees it pass."""

    def __init__(self, inner: Any, forward: Forward) -> None:
        self._inner = inner
        self._forward = forward
        self._watcher = ResponseWatcher(forward.request.method)
        self._transport = inner.transport

    def watch(self, connection: Any) -> None:
        self._transport.set_protocol(self)
        connection.add_callback(self._left)

    def _step_aside(self) -> None:
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._inner)

    def _left(self) -> None:
        """The program gave the connection back: with the body unread, it stopped reading."""
        self._step_aside()
        self._forward.abandon()

    def data_received(self, data: bytes) -> None:
        try:
            for part in self._watcher.feed(data):
                if isinstance(part, Ended):
                    self._step_aside()
                    self._forward.finish()
                elif isinstance(part, ResponseHead):
                    self._forward.start(part)
                else:
                    self._forward.feed(part)
        except BaseException as problem:  # the recording failed: the program is to hear of it where it waits
            self._step_aside()
            self._forward.abort(problem)
            _fail(self._inner, problem)
            self._transport.close()
            return
        self._inner.data_received(data)

    def eof_received(self) -> Any:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        for part in self._watcher.close():
            if isinstance(part, bytes):
                self._forward.feed(part)
            elif exc is None:
                self._forward.finish()
        self._forward.abort(exc or EOFError())
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def _fail(protocol: Any, problem: BaseException) -> None:
    """Let the program have an error: where it waits for the head, and where it reads the body."""
    payload = getattr(protocol, _PAYLOAD, None)
    if payload is not None:
        payload.set_exception(problem)
    protocol.set_exception(problem)


# --- replaying --------------------------------------------------------------------------------------------------------


def _new_protocol() -> Any:
    from aiohttp.client_proto import ResponseHandler

    return ResponseHandler(loop=asyncio.get_running_loop())


def _replay_to(protocol: Any, replay: Replay) -> Any:
    """Let the recorded response come in to a protocol once the request has been written."""
    if protocol.transport is not None:
        protocol.transport.set_protocol(asyncio.Protocol())
        protocol.transport.abort()
    protocol.connection_made(_ReplayTransport(asyncio.get_running_loop(), protocol, replay))
    protocol.force_close()  # never pooled
    return protocol


class _ReplayTransport(asyncio.Transport):
    """Swallows what is written, and gives the recording to the protocol, a chunk in each turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any, replay: Replay) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._replay = replay
        self._chunked = is_chunked(replay.response.head)
        self._next = -1  # the chunk to give; before the first comes the head
        self._begun = self._paused = self._closing = False
        self._waiting: asyncio.Handle | None = None

    # --- writing ---

    def write(self, data: Any) -> None:
        if not self._begun:
            self._begun = True
            self._schedule(0.0)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"")

    def can_write_eof(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    # --- reading ---

    def _schedule(self, seconds: float) -> None:
        later = self._loop.call_later(seconds, self._give) if seconds else self._loop.call_soon(self._give)
        self._waiting = later

    def _give(self) -> None:
        self._waiting = None
        if self._paused or self._closing:
            return
        chunks = self._replay.response.chunks
        index, self._next = self._next, self._next + 1
        if index < 0:
            self._protocol.data_received(head_bytes(self._replay.response.head))
        elif index < len(chunks):
            self._protocol.data_received(chunk_bytes(chunks[index], self._chunked))
        else:
            self._end()
            return
        if not self._closing:
            self._schedule(self._replay.seconds(self._next) if self._next < len(chunks) else 0.0)

    def _end(self) -> None:
        try:
            self._replay.check_end()
        except BaseException as problem:
            _fail(self._protocol, problem)
            self.close()
            return
        if self._chunked:
            self._protocol.data_received(LAST_CHUNK)
        else:
            self.close()  # the end of a body that says nothing of its length

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        if self._begun and self._waiting is None and not self._closing:
            self._schedule(0.0)

    def is_reading(self) -> bool:
        return not self._paused

    # --- the connection ---

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._waiting is not None:
            self._waiting.cancel()
        if not self._loop.is_closed():
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()
