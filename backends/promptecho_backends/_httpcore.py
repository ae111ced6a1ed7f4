"""httpcore and httpcore2, on which httpx and httpx2 send.

Where calls are caught: at a connection, below httpx's transports and httpcore's pools, before it connects. So whatever
transport or pool a program uses, wraps, replaces or has traced, the calls that really go out are seen, and no others:
what a test double or an application in process answers never gets here. On replay the library's own pool and transport
make the response out of ours.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import (
    Forward,
    Headers,
    PatchPoint,
    Probe,
    Replay,
    Request,
    ResponseHead,
    Session,
    is_guarded,
    session_for,
)
from promptecho_backends._exchange import AsyncTee, Exchange, ReplayStream, Tee, extensions_of, reason_and_version

# Private names of the library, all here. The classes of connections, by module:
_CONNECTIONS = {
    "connection": ("HTTPConnection",),
    "http_proxy": ("ForwardHTTPConnection", "TunnelHTTPConnection"),
    "socks_proxy": ("Socks5Connection",),
}
_NEVER_CONNECTED = "_connect_failed"  # of a connection: makes its pool drop it
_INNER = "_connection"  # of a connection: the one that it is about, or its protocol once it is connected
_STREAM = "_network_stream"  # of a protocol
_NETWORK = "_network_backend"  # of a connection: what opens its sockets
_KEPT = "_promptecho_forward"  # set by us on a request that its pool will send on another connection

_NETWORKS = ("SyncBackend", "AutoBackend", "AnyIOBackend", "TrioBackend")
_PORTS = {"http": 80, "https": 443}


class HttpcoreLayer:
    """Stands over httpcore wherever the backend httpx is chosen; ``name`` is ``"httpcore"`` or ``"httpcore2"``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._over = name.replace("httpcore", "httpx")
        self._module: ModuleType | None = None
        self._points: list[PatchPoint] = []

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        if module is not self._module:
            self._module, self._points = module, self._find_points(module)
        return self._points

    def _find_points(self, module: ModuleType) -> list[PatchPoint]:
        exchange = _CoreExchange(module)

        def wrap_sync(original: Any) -> Any:
            def handle_request(connection: Any, request: Any) -> Any:
                session = self._session(request)
                if session is None:
                    return original(connection, request)
                if self._is_in_doubt(connection):
                    with Probe() as probe:
                        response = original(connection, request)
                    if not probe.stopped:
                        return response
                try:
                    return exchange.send(session, request, lambda each: original(connection, each))
                finally:
                    _drop(connection)

            return handle_request

        def wrap_async(original: Any) -> Any:
            async def handle_async_request(connection: Any, request: Any) -> Any:
                session = self._session(request)
                if session is None:
                    return await original(connection, request)
                if self._is_in_doubt(connection):
                    with Probe() as probe:
                        response = await original(connection, request)
                    if not probe.stopped:
                        return response
                try:
                    return await exchange.send_async(session, request, lambda each: original(connection, each))
                finally:
                    _drop(connection)

            return handle_async_request

        points = []
        for part, names in _CONNECTIONS.items():
            for colour, prefix, method, wrap in (
                ("_sync", "", "handle_request", wrap_sync),
                ("_async", "Async", "handle_async_request", wrap_async),
            ):
                try:
                    where = importlib.import_module(f"{module.__name__}.{colour}.{part}")
                except ImportError:  # SOCKS needs socksio
                    continue
                for name in names:
                    points.append(PatchPoint(getattr(where, prefix + name), method, wrap))
        return points

    def _session(self, request: Any) -> Session | None:
        session = session_for(self._over)
        if session is None and sys.modules.get("httpx") is sys.modules.get(self._over):  # httpx2.alias_httpx()
            session = session_for("httpx")
        if session is None and is_guarded():
            return session_for(self._over, request.method.decode("ascii"), _address(request))
        return session

    def _is_in_doubt(self, connection: Any) -> bool:
        """Whether a connection is still to be opened by other means than the library's own, maybe in memory."""
        network = type(getattr(connection, _NETWORK, None))
        if network.__name__ in _NETWORKS and network.__module__.partition(".")[0] == self.name:
            return False
        stream = getattr(getattr(connection, _INNER, None), _STREAM, None)
        return hasattr(connection, _NETWORK) and (stream is None or stream.get_extra_info("socket") is None)


def _drop(connection: Any) -> None:
    """Let a connection that was never made leave its pool, where it would take a place for ever."""
    inner = connection
    while inner is not None and not hasattr(inner, _NEVER_CONNECTED):
        inner = getattr(inner, _INNER, None)
    if inner is not None and getattr(inner, _INNER, None) is None:
        setattr(inner, _NEVER_CONNECTED, True)


def _address(request: Any) -> str:
    url = request.url
    scheme, host, target = (part.decode("ascii", "replace") for part in (url.scheme, url.host, url.target))
    port = "" if url.port in (None, _PORTS.get(scheme)) else f":{url.port}"
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{host}{port}{target}"


class _Body:
    """A request body that can be read again."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Any:
        yield self._data

    async def __aiter__(self) -> Any:
        yield self._data


class _CoreExchange(Exchange):
    def __init__(self, module: Any) -> None:
        self._module = module

    def read(self, request: Any) -> bytes:
        data = b"".join(request.stream)
        request.stream = _Body(data)
        return data

    async def read_async(self, request: Any) -> bytes:
        data = b"".join([part async for part in request.stream])
        request.stream = _Body(data)
        return data

    def to_request(self, request: Any, body: bytes) -> Request:
        return Request(request.method.decode("ascii"), _address(request), Headers(request.headers), body)

    def to_head(self, response: Any) -> ResponseHead:
        return ResponseHead(
            response.status, Headers(response.headers), *reason_and_version(response.extensions, response.status)
        )

    def to_native(self, replay: Replay) -> Any:
        head = replay.response.head
        return self._module.Response(
            head.status_code, headers=head.headers.raw(), content=ReplayStream(replay), extensions=extensions_of(head)
        )

    def tee(self, response: Any, forward: Forward) -> None:
        response.stream = Tee(response, forward)

    def tee_async(self, response: Any, forward: Forward) -> None:
        response.stream = AsyncTee(response, forward)

    def resume(self, request: Any) -> Forward | None:
        forward: Forward | None = request.__dict__.pop(_KEPT, None)
        return forward

    def keep(self, request: Any, error: BaseException, forward: Forward) -> bool:
        if not isinstance(error, self._module.ConnectionNotAvailable):
            return False
        setattr(request, _KEPT, forward)
        return True
