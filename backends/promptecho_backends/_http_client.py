"""http.client, and urllib.request on it: nothing is intercepted here, the guard only looks at each request.

Before the first byte is written, and whatever connection carries it: one that is new, kept alive or goes to a proxy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import PatchPoint, guard_call

# Private names of the library, all here.
_TUNNEL_HOST = "_tunnel_host"  # HTTPConnection: where a proxy is asked to connect to
_TUNNEL_PORT = "_tunnel_port"
_TUNNEL = "_tunnel"


class HttpClientGuard:
    """Stands over ``http.client`` while a cassette is open."""

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        connection: Any = module.HTTPConnection
        return [
            PatchPoint(connection, "putrequest", _wrap_putrequest),
            PatchPoint(connection, _TUNNEL, _wrap_tunnel),
        ]


def _wrap_putrequest(original: Any) -> Any:
    @functools.wraps(original)
    def putrequest(connection: Any, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        guard_call("http.client", str(method), _address(connection, str(url)))
        return original(connection, method, url, *arguments, **named)

    return putrequest


def _wrap_tunnel(original: Any) -> Any:
    @functools.wraps(original)
    def tunnel(connection: Any, *arguments: Any, **named: Any) -> Any:
        guard_call("http.client", "CONNECT", _address(connection, "/"))
        return original(connection, *arguments, **named)

    return tunnel


def _address(connection: Any, url: str) -> str:
    """The whole address of a request; ``url`` is one where a proxy is spoken to without a tunnel."""
    if "://" in url:
        return url
    host, port = getattr(connection, _TUNNEL_HOST, None), getattr(connection, _TUNNEL_PORT, None)
    if not host:
        host, port = connection.host, connection.port
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{port}{url}"
