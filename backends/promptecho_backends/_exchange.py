"""One call through a session, for what takes a request and gives a response whose body is a stream of byte strings.

httpx's transports and httpcore's connections are both such. A subclass translates; the order of steps, sync and async,
and the streams are here.
"""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Callable

from promptecho.backend import Forward, Replay, Request, ResponseHead, Session, suppressed, usual_reason

_DRAIN_SECONDS = 0.25
_DRAIN_CHUNKS = 64


class Exchange(ABC):
    """The translations of one library, and what happens to one of its calls."""

    @abstractmethod
    def read(self, request: Any) -> bytes:
        """The body of a request, which can be sent all the same."""

    @abstractmethod
    async def read_async(self, request: Any) -> bytes: ...

    @abstractmethod
    def to_request(self, request: Any, body: bytes) -> Request: ...

    @abstractmethod
    def to_head(self, response: Any) -> ResponseHead:
        """What is known of a response before its body."""

    @abstractmethod
    def to_native(self, replay: Replay) -> Any:
        """The library's own response for a recording."""

    @abstractmethod
    def tee(self, response: Any, forward: Forward) -> None:
        """Let a recording see the body pass."""

    @abstractmethod
    def tee_async(self, response: Any, forward: Forward) -> None: ...

    def resume(self, request: Any) -> Forward | None:
        """The recording that the library goes on with, having tried to send the same request before."""
        return None

    def keep(self, request: Any, error: BaseException, forward: Forward) -> bool:
        """Whether an error only means that the library will try again, with the same recording."""
        return False

    def send(self, session: Session, request: Any, original: Callable[[Any], Any]) -> Any:
        neutral = self.to_request(request, self.read(request))
        decision = self.resume(request) or session.decide(neutral)
        if isinstance(decision, Replay):
            return self.to_native(decision)
        try:
            with suppressed(neutral.host):
                response = original(request)
        except BaseException as error:
            if decision is not None and not self.keep(request, error, decision):
                decision.abort(error)
            raise
        if decision is None:
            return response
        try:
            decision.start(self.to_head(response))
        except BaseException:
            response.close()
            raise
        self.tee(response, decision)
        return response

    async def send_async(self, session: Session, request: Any, original: Callable[[Any], Awaitable[Any]]) -> Any:
        neutral = self.to_request(request, await self.read_async(request))
        decision = self.resume(request) or session.decide(neutral)
        if isinstance(decision, Replay):
            return self.to_native(decision)
        try:
            with suppressed(neutral.host):
                response = await original(request)
        except BaseException as error:
            if decision is not None and not self.keep(request, error, decision):
                decision.abort(error)
            raise
        if decision is None:
            return response
        try:
            decision.start(self.to_head(response))
        except BaseException:
            await response.aclose()
            raise
        self.tee_async(response, decision)
        return response


def reason_and_version(extensions: dict[str, Any], status: int) -> tuple[str | None, str | None]:
    """Both where a reader of the cassette couldn't guess them."""
    return (
        _unusual(extensions.get("reason_phrase"), usual_reason(status)),
        _unusual(extensions.get("http_version"), "HTTP/1.1"),
    )


def _unusual(value: bytes | None, usual: str) -> str | None:
    text = None if value is None else value.decode("latin-1")
    return None if text == usual else text


def extensions_of(head: ResponseHead) -> dict[str, Any]:
    """The other way: what a response says beside status, headers and body."""
    extensions: dict[str, Any] = {"http_version": (head.http_version or "HTTP/1.1").encode("ascii", "ignore")}
    if head.reason is not None:
        extensions["reason_phrase"] = head.reason.encode("latin-1", "replace")
    return extensions


# --- streams ----------------------------------------------------------------------------------------------------------


class Tee:
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


class AsyncTee:
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


class ReplayStream:
    """The recorded chunks, one by one, for sync and async readers."""

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
