"""httpx and httpx2: one adapter over two modules that are alike apart from their names.

Where calls are caught: at the transports that reach the network (``HTTPTransport``, ``AsyncHTTPTransport``), below
everything a client does (redirects, cookies, auth, event hooks), so that all of it runs on replay as it runs live. A
transport of another kind that sends by itself (the aiohttp transports that SDKs carry along) is caught where the client
picks it. Transports that answer in process (mock, ASGI, WSGI) are left alone.
"""

from __future__ import annotations

import functools
import select
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from types import ModuleType
from typing import Any, Callable

from promptecho.backend import (
    Forward,
    Headers,
    PatchPoint,
    Replay,
    Request,
    ResponseHead,
    session_for,
    suppressed,
    usual_reason,
)

# Private names of the library, all here: how a client picks the transport of a call.
_PICK = "_transport_for_url"
_POOL = "_pool"  # a network transport's connection pool, of httpcore or httpcore2

_DRAIN_SECONDS = 0.25
_DRAIN_CHUNKS = 64


class HttpxBackend:
    """The adapter; ``name`` is ``"httpx"`` or ``"httpx2"``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls: _Calls | None = None

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        if self._calls is None or self._calls.module is not module:
            self._calls = _Calls(self.name, module)
        calls = self._calls
        return [
            PatchPoint(module.HTTPTransport, "handle_request", calls.wrap_sync),
            PatchPoint(module.AsyncHTTPTransport, "handle_async_request", calls.wrap_async),
            PatchPoint(module.Client, _PICK, calls.wrap_pick),
            PatchPoint(module.AsyncClient, _PICK, calls.wrap_pick),
        ]


class _Calls:
    """The wrappers for one of the two modules, and its classes."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.module: Any = module
        self.tee, self.async_tee, self.replay = _stream_classes(module)
        self.in_process = (module.MockTransport, module.ASGITransport, module.WSGITransport)
        self.network = (module.HTTPTransport, module.AsyncHTTPTransport)
        self.through, self.async_through = _transport_classes(module, self)

    # --- patch points ---

    def wrap_sync(self, original: Any) -> Any:
        if self._is_double(original):
            return original

        @functools.wraps(original)
        def handle_request(transport: Any, request: Any) -> Any:
            return self.send(request, functools.partial(original, transport), transport)

        return handle_request

    def wrap_async(self, original: Any) -> Any:
        if self._is_double(original):
            return original

        @functools.wraps(original)
        async def handle_async_request(transport: Any, request: Any) -> Any:
            return await self.send_async(request, functools.partial(original, transport), transport)

        return handle_async_request

    def wrap_pick(self, original: Any) -> Any:
        @functools.wraps(original)
        def pick(client: Any, url: Any) -> Any:
            transport = original(client, url)
            if isinstance(transport, self.network) or not self._sends_by_itself(transport):
                return transport
            if session_for(self.name) is None:
                return transport
            if isinstance(transport, self.module.BaseTransport):
                return self.through(transport)
            return self.async_through(transport)

        return pick

    def _is_double(self, original: Any) -> bool:
        """A test double stands there already (pytest-httpx): the call never reaches the network."""
        return not str(getattr(original, "__module__", "")).startswith(self.module.__name__)

    def _sends_by_itself(self, transport: Any, depth: int = 0) -> bool:
        """Whether no transport below it is caught or in process: then the call has to be caught here."""
        if isinstance(transport, (*self.in_process, *self.network)):
            return False
        if depth < 3:
            below = list(getattr(transport, "__dict__", {}).values())
            for value in below:
                inner = (
                    value.values()
                    if isinstance(value, dict)
                    else value
                    if isinstance(value, (list, tuple))
                    else [value]
                )
                for each in inner:
                    if isinstance(each, (self.module.BaseTransport, self.module.AsyncBaseTransport)):
                        return self._sends_by_itself(each, depth + 1)
        return True

    # --- one call ---

    def send(self, request: Any, original: Callable[[Any], Any], transport: Any = None) -> Any:
        session = session_for(self.name)
        if session is None or _has_mocked_pool(transport):
            return original(request)
        request.read()
        neutral = to_request(request)
        decision = session.decide(neutral)
        if decision is None:
            with suppressed(neutral.host):
                return original(request)
        if isinstance(decision, Replay):
            return self.to_native(decision)
        try:
            with suppressed(neutral.host):
                native = original(request)
        except BaseException as error:
            decision.abort(error)
            raise
        try:
            decision.start(to_head(native))
        except BaseException:
            native.close()
            raise
        if not _was_read(native, decision):
            native.stream = self.tee(native, decision)
        return native

    async def send_async(self, request: Any, original: Callable[[Any], Any], transport: Any = None) -> Any:
        session = session_for(self.name)
        if session is None or _has_mocked_pool(transport):
            return await original(request)
        await request.aread()
        neutral = to_request(request)
        decision = session.decide(neutral)
        if decision is None:
            with suppressed(neutral.host):
                return await original(request)
        if isinstance(decision, Replay):
            return self.to_native(decision)
        try:
            with suppressed(neutral.host):
                native = await original(request)
        except BaseException as error:
            decision.abort(error)
            raise
        try:
            decision.start(to_head(native))
        except BaseException:
            await native.aclose()
            raise
        if not _was_read(native, decision):
            native.stream = self.async_tee(native, decision)
        return native

    def to_native(self, replay: Replay) -> Any:
        """The library's own response for a recording."""
        head = replay.response.head
        extensions: dict[str, Any] = {"http_version": (head.http_version or "HTTP/1.1").encode("ascii", "ignore")}
        if head.reason is not None:
            extensions["reason_phrase"] = head.reason.encode("latin-1", "replace")
        return self.module.Response(
            head.status_code, headers=head.headers.raw(), stream=self.replay(replay), extensions=extensions
        )


def to_request(request: Any) -> Request:
    """The neutral request; the body has been read."""
    return Request(request.method, str(request.url), Headers(request.headers.raw), request.content)


def to_head(response: Any) -> ResponseHead:
    """What is known of a response before its body."""
    reason = response.extensions.get("reason_phrase")
    version = response.extensions.get("http_version")
    headers = Headers(response.headers.raw)
    return ResponseHead(
        response.status_code,
        headers.without("content-encoding") if response.is_stream_consumed else headers,
        _unusual(reason, usual_reason(response.status_code)),
        _unusual(version, "HTTP/1.1"),
    )


def _has_mocked_pool(transport: Any) -> bool:
    """A test double stands in the connection pool (respx): the call never reaches the network."""
    pool = type(getattr(transport, _POOL, None))
    send = getattr(pool, "handle_request", None) or getattr(pool, "handle_async_request", None)
    return send is not None and not str(getattr(send, "__module__", "")).startswith(pool.__module__.partition(".")[0])


def _was_read(native: Any, forward: Forward) -> bool:
    """Whether a transport gave a response with its body in it, whose stream nobody will read; then it is recorded."""
    if not native.is_stream_consumed:
        return False
    forward.feed(native.content)
    forward.finish()
    return True


def _unusual(value: bytes | None, usual: str) -> str | None:
    """Only what a reader couldn't guess is worth a line in the cassette."""
    text = None if value is None else value.decode("latin-1")
    return None if text == usual else text


def _is_readable(native: Any, seconds: float) -> bool:
    """Whether the connection has bytes to read within some time, so that reading on would not block."""
    stream = native.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is None:
        return False
    if getattr(sock, "pending", lambda: 0)():
        return True
    try:
        return bool(select.select([sock], [], [], seconds)[0])
    except (OSError, ValueError):
        return False


def _stream_classes(module: Any) -> tuple[Any, Any, Any]:
    """Streams of the module's own types: a tee for each colour, and one that replays in both."""

    class Tee(module.SyncByteStream):  # type: ignore[misc]  # the module is known at run time only
        """Hands each chunk to the program as it arrives and tells the recording."""

        def __init__(self, native: Any, forward: Forward) -> None:
            self._native = native
            self._stream = native.stream
            self._forward = forward
            self._chunks: Iterator[bytes] | None = None

        def __iter__(self) -> Iterator[bytes]:
            chunks = self._chunks = iter(self._stream)
            try:
                for chunk in chunks:
                    self._forward.feed(chunk)
                    yield chunk
            except GeneratorExit:  # the program stopped reading; what that means is settled in close()
                raise
            except BaseException as error:
                self._forward.abort(error)
                raise
            self._forward.finish()

        def close(self) -> None:
            try:
                if not self._forward.done:
                    if not self._forward.has_ended() and self._drain():
                        self._forward.finish()
                    else:
                        self._forward.abandon()
            finally:
                self._stream.close()

        def _drain(self) -> bool:
            """Read what is on its way already: the program may have what it needed and leave only the end unread."""
            mark = self._forward.fed()
            deadline = time.monotonic() + _DRAIN_SECONDS
            chunks = self._chunks
            try:
                for _ in range(_DRAIN_CHUNKS if chunks is not None else 0):
                    if not _is_readable(self._native, max(0.0, deadline - time.monotonic())):
                        break
                    chunk = next(chunks, None)  # type: ignore[arg-type]  # not None: the loop would be empty
                    if chunk is None:
                        return True
                    self._forward.feed(chunk)
            except Exception:
                pass
            self._forward.rewind(mark)
            return False

    class AsyncTee(module.AsyncByteStream):  # type: ignore[misc]  # the module is known at run time only
        """The same for async streams."""

        def __init__(self, native: Any, forward: Forward) -> None:
            self._stream = native.stream
            self._forward = forward
            self._chunks: AsyncIterator[bytes] | None = None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            chunks = self._chunks = self._stream.__aiter__()
            try:
                async for chunk in chunks:
                    self._forward.feed(chunk)
                    yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                self._forward.abort(error)
                raise
            self._forward.finish()

        async def aclose(self) -> None:
            try:
                if not self._forward.done:
                    if not self._forward.has_ended() and await self._drain():
                        self._forward.finish()
                    else:
                        self._forward.abandon()
            finally:
                await self._stream.aclose()

        async def _drain(self) -> bool:
            import anyio  # of httpx's own needs, so it is there

            mark = self._forward.fed()
            chunks = self._chunks
            if chunks is not None:
                try:
                    with anyio.move_on_after(_DRAIN_SECONDS):
                        for _ in range(_DRAIN_CHUNKS):
                            try:
                                self._forward.feed(await chunks.__anext__())
                            except StopAsyncIteration:
                                return True
                except Exception:
                    pass
                except BaseException:  # cancelled while closing: what arrived before is still to be written
                    self._forward.rewind(mark)
                    self._forward.abandon()
                    raise
            self._forward.rewind(mark)
            return False

    class ReplayStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]  # as above
        """The recorded chunks, one by one."""

        def __init__(self, replay: Replay) -> None:
            self._replay = replay

        def __iter__(self) -> Iterator[bytes]:
            chunks = self._replay.response.chunks
            if not self._replay.speed:
                yield from chunks
            for index, chunk in enumerate(chunks if self._replay.speed else ()):
                time.sleep(self._replay.seconds(index))
                yield chunk
            self._replay.check_end()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for index, chunk in enumerate(self._replay.response.chunks):
                seconds = self._replay.seconds(index)
                if seconds:
                    import anyio

                    await anyio.sleep(seconds)
                yield chunk
            self._replay.check_end()

    return Tee, AsyncTee, ReplayStream


def _transport_classes(module: Any, calls: _Calls) -> tuple[Any, Any]:
    """Transports around one that sends by itself."""

    class Through(module.BaseTransport):  # type: ignore[misc]  # the module is known at run time only
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def handle_request(self, request: Any) -> Any:
            return calls.send(request, self._inner.handle_request)

    class AsyncThrough(module.AsyncBaseTransport):  # type: ignore[misc]  # as above
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def handle_async_request(self, request: Any) -> Any:
            return await calls.send_async(request, self._inner.handle_async_request)

    return Through, AsyncThrough
