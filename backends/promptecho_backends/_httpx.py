"""httpx and httpx2: one adapter over two modules that are alike apart from their names.

Calls are caught below, at httpcore's connections. What is here is for transports that don't send by httpcore. One that
sends by an HTTP client of another library (the aiohttp transports that SDKs carry along) is caught itself, wherever it
is met. Of any other nobody can know whether it answers in process (an application under test) or sends by itself, so it
is tried: it runs, and if it moves to reach the network it is stopped there and the call is decided.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import weakref
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from promptecho.backend import (
    Forward,
    Headers,
    PatchPoint,
    Probe,
    Replay,
    Request,
    ResponseHead,
    place,
    session_for,
)
from promptecho_backends._exchange import AsyncTee, Exchange, ReplayStream, Tee, extensions_of, reason_and_version

# Private names of the library, all here: how a client picks the transport of a call.
_PICK = "_transport_for_url"

# Where the clients of other libraries are, some of which send below Python's sockets, where nothing can be seen.
_CLIENTS = (
    "aiohttp.client", "aiohttp.connector", "curl_cffi", "http.client", "httplib2", "niquests", "primp", "pycurl",
    "pyreqwest", "requests.adapters", "requests.sessions", "rnet", "tornado.curl_httpclient", "tornado.httpclient",
    "tornado.simple_httpclient", "urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "wreq",
)  # fmt: skip
_PORTS = {"http": 80, "https": 443}
_DEPTH = 3  # how far transports within transports are looked for


class HttpxBackend:
    """The adapter; ``name`` is ``"httpx"`` or ``"httpx2"``."""

    rides_on = ("httpcore", "httpcore2")  # both: httpx2.alias_httpx() makes the one the other

    def __init__(self, name: str) -> None:
        self.name = name
        self._transports: _Transports | None = None

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        if self._transports is None or self._transports.module is not module:
            self._transports = _Transports(self.name, module)
        wrap = self._transports.wrap_pick
        return [PatchPoint(module.Client, _PICK, wrap), PatchPoint(module.AsyncClient, _PICK, wrap)]


class _Transports:
    """Transports of one of the two modules that don't send by httpcore."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.module: Any = module
        self.exchange = _HttpxExchange(module)
        self._senders: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._trying, self._async_trying = _transport_classes(module, self)

    def wrap_pick(self, original: Any) -> Any:
        def pick(client: Any, url: Any) -> Any:
            transport = original(client, url)
            is_async = isinstance(client, self.module.AsyncClient)
            if self._is_own(transport, is_async) or session_for(self.name) is None:
                return transport
            for each in self._within(transport):
                if _sends_by_client(each):
                    self._catch(each)
            return (self._async_trying if is_async else self._trying)(transport)

        return pick

    def _is_own(self, transport: Any, is_async: bool) -> bool:
        """Whether its method is the library's: it sends by httpcore, or answers in process."""
        method = getattr(transport, "handle_async_request" if is_async else "handle_request", None)
        function = getattr(method, "__func__", None)
        return type(function) is FunctionType and _package(function.__globals__) == self.module.__name__

    def sends(self, transport: Any) -> bool:
        """Whether it was seen to reach the network. It may keep its connection, on which nothing can be seen."""
        return self._senders.get(id(transport)) is transport

    def note_sender(self, transport: Any) -> None:
        with contextlib.suppress(TypeError):  # no weak reference: it is tried each time
            self._senders[id(transport)] = transport

    def _within(self, transport: Any, depth: int = _DEPTH) -> Iterator[Any]:
        """A transport and those that it holds: a retrying one, a router."""
        yield transport
        if depth:
            for value in list(getattr(transport, "__dict__", {}).values()):
                held = value.values() if isinstance(value, dict) else value
                for each in held if isinstance(held, (list, tuple, type({}.values()))) else (held,):
                    if isinstance(each, (self.module.BaseTransport, self.module.AsyncBaseTransport)):
                        yield from self._within(each, depth - 1)

    def _catch(self, transport: Any) -> None:
        """Take over the method by which transports of this class send."""
        bases = (self.module.BaseTransport, self.module.AsyncBaseTransport)
        for method, wrap in (("handle_request", self.wrap_sync), ("handle_async_request", self.wrap_async)):
            owner = next((each for each in type(transport).__mro__ if method in vars(each)), None)
            if owner is not None and owner not in bases:
                place(self.name, PatchPoint(owner, method, wrap))

    def wrap_sync(self, original: Any) -> Any:
        def handle_request(transport: Any, request: Any) -> Any:
            session = session_for(self.name)
            if session is None:
                return original(transport, request)
            return self.exchange.send(session, request, functools.partial(original, transport))

        return handle_request

    def wrap_async(self, original: Any) -> Any:
        async def handle_async_request(transport: Any, request: Any) -> Any:
            session = session_for(self.name)
            if session is None:
                return await original(transport, request)
            return await self.exchange.send_async(session, request, functools.partial(original, transport))

        return handle_async_request


def _package(module: dict[str, Any]) -> str:
    return str(module.get("__name__")).partition(".")[0]


def _sends_by_client(transport: Any) -> bool:
    """Whether it holds a client or a connection of another library, or its code names one to make it later."""
    kind: Any = type(transport)
    held = getattr(transport, "__dict__", {}).values()
    return _names_client(kind) or any(isinstance(each, socket.socket) or _is_client(type(each)) for each in held)


@functools.lru_cache(maxsize=256)
def _names_client(kind: type) -> bool:
    for owner in kind.__mro__:
        for function in vars(owner).values():
            if isinstance(function, FunctionType):
                named = (function.__globals__.get(name) for name in function.__code__.co_names)
                if any(isinstance(each, type) and _is_client(each) for each in named):
                    return True
    return False


def _is_client(kind: type) -> bool:
    module = kind.__module__ + "."
    return module.startswith(tuple(f"{each}." for each in _CLIENTS)) and not issubclass(kind, BaseException)


class _HttpxExchange(Exchange):
    def __init__(self, module: Any) -> None:
        self._module = module
        both = (module.SyncByteStream, module.AsyncByteStream)
        self._tee: Any = type("Tee", (Tee, module.SyncByteStream), {})
        self._async_tee: Any = type("AsyncTee", (AsyncTee, module.AsyncByteStream), {})
        self._replay: Any = type("ReplayStream", (ReplayStream, *both), {})

    def read(self, request: Any) -> bytes:
        return bytes(request.read())

    async def read_async(self, request: Any) -> bytes:
        return bytes(await request.aread())

    def to_request(self, request: Any, body: bytes) -> Request:
        return Request(request.method, str(request.url), Headers(request.headers.raw), body)

    def to_head(self, response: Any) -> ResponseHead:
        headers = Headers(response.headers.raw)
        return ResponseHead(
            response.status_code,
            headers.without("content-encoding") if response.is_stream_consumed else headers,
            *reason_and_version(response.extensions, response.status_code),
        )

    def to_native(self, replay: Replay) -> Any:
        head = replay.response.head
        return self._module.Response(
            head.status_code, headers=head.headers.raw(), stream=self._replay(replay), extensions=extensions_of(head)
        )

    def tee(self, response: Any, forward: Forward) -> None:
        if not _was_read(response, forward):
            response.stream = self._tee(response, forward)

    def tee_async(self, response: Any, forward: Forward) -> None:
        if not _was_read(response, forward):
            response.stream = self._async_tee(response, forward)


def _was_read(response: Any, forward: Forward) -> bool:
    """Whether a transport gave a response with its body in it, whose stream nobody will read; then it is recorded."""
    if not response.is_stream_consumed:
        return False
    forward.feed(response.content)
    forward.finish()
    return True


def _transport_classes(module: Any, transports: _Transports) -> tuple[Any, Any]:
    """Transports around one of which it is not known whether it reaches the network."""

    class Trying(module.BaseTransport):  # type: ignore[misc]  # the module is known at run time only
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def handle_request(self, request: Any) -> Any:
            session = session_for(transports.name)
            if session is None:
                return self._inner.handle_request(request)
            if not transports.sends(self._inner):
                with Probe(*_address(request)) as probe:
                    response = self._inner.handle_request(request)
                if not probe.stopped:
                    return response
                transports.note_sender(self._inner)
            return transports.exchange.send(session, request, self._inner.handle_request)

    class AsyncTrying(module.AsyncBaseTransport):  # type: ignore[misc]  # as above
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def handle_async_request(self, request: Any) -> Any:
            session = session_for(transports.name)
            if session is None:
                return await self._inner.handle_async_request(request)
            if not transports.sends(self._inner):
                with Probe(*_address(request)) as probe:
                    response = await self._inner.handle_async_request(request)
                if not probe.stopped:
                    return response
                transports.note_sender(self._inner)
            return await transports.exchange.send_async(session, request, self._inner.handle_async_request)

    return Trying, AsyncTrying


def _address(request: Any) -> tuple[str, int]:
    return request.url.raw_host.decode("ascii"), request.url.port or _PORTS.get(request.url.scheme, 0)
