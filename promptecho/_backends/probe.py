"""Tells by trying whether a call reaches the network: its first move towards its host is stopped before a byte leaves.

For what an adapter can't know: a transport of the user's own may answer in process (an application under test) or send
by itself. The interpreter's audit events (PEP 578) show name lookups and connections; those of the probed call's own
host and port count, those of what an application does meanwhile (a database, a call of its own) don't.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Container
from contextvars import ContextVar, Token
from types import TracebackType

_lock = threading.Lock()
_running: tuple[Probe, ...] = ()
current: ContextVar[Probe | None] = ContextVar("promptecho_probe", default=None)

# What ends a program or a task is never taken for the way in which a stopped call ended.
_STRONGER = ("CancelledError", "Cancelled", "GeneratorExit", "KeyboardInterrupt", "SystemExit")


class Reached(BaseException):
    """Raised where a probed call is about to reach the network; :class:`Probe` takes it back."""


class Probe:
    """``with Probe(host, port) as probe:`` around a call; ``probe.stopped`` says whether it tried to reach that host.

    Without a host, every connection counts. A call that was stopped has sent nothing, and how it ended doesn't matter:
    make it again, or answer it otherwise.

    >>> import socket
    >>> with promptecho.use_cassette("cassettes/answer.yaml"), backend.Probe("api.example", 80) as probe:
    ...     connection = socket.create_connection(("api.example", 80))
    >>> probe.stopped
    True

    Connections are seen while a cassette is open, in the context of the call: not in threads started without it.
    """

    def __init__(self, host: str | None = None, port: int = 0) -> None:
        self.stopped: bool = False
        self._host = None if host is None else host.lower().rstrip(".")
        self._port = port
        self._is_looked_up = self._host == "localhost"
        self._token: Token[Probe | None] | None = None

    def __enter__(self) -> Probe:
        global _running
        with _lock:
            _running = (*_running, self)
        self._token = current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        global _running
        if self._token is not None:
            current.reset(self._token)
        with _lock:
            _running = tuple(each for each in _running if each is not self)
        return self.stopped and (kind is None or kind.__name__ not in _STRONGER)

    def _is_aim(self, event: str, host: str, port: object) -> bool:
        if self._host is None:
            return True
        if isinstance(port, int) and port != self._port:
            return False
        # A name may have been looked up elsewhere; then the address that is connected to is another text than the host.
        return host == self._host or (event == "socket.connect" and self._is_looked_up)


def notice(event: str, arguments: tuple[object, ...], allowed: Container[str]) -> None:
    """An audit event of a lookup or a connection. Calls that a cassette lets out are going to the ``allowed`` hosts.

    Raises:
        Reached: the probed call of this context, or one that has its host looked up in a worker thread (as asyncio
            does, without its context), is about to reach its host.
    """
    if not _running:
        return
    host, port = _target(event, arguments)
    if host is None:
        return
    probe = current.get()
    aiming = [probe] if probe is not None and probe._is_aim(event, host, port) else []
    if probe is None and event == "socket.getaddrinfo" and threading.current_thread() is not threading.main_thread():
        looking_up = [each for each in _running if each._host == host and each._is_aim(event, host, port)]
        if host in allowed:  # maybe that of a call that may go out: what comes after it tells
            for each in looking_up:
                each._is_looked_up = True
        else:
            aiming = looking_up
    for each in aiming:
        each.stopped = True
    if aiming:
        raise Reached


def _target(event: str, arguments: tuple[object, ...]) -> tuple[str | None, object]:
    """Host (or path of a socket file) and port."""
    host: object
    port: object = None
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host, port = (*arguments, None)[:2]
    elif event == "http.client.connect":
        host, port = arguments[1:3]
    elif getattr(arguments[0], "type", None) != socket.SOCK_STREAM:
        return None, None
    else:
        host = arguments[1]
        if isinstance(host, tuple):
            host, port = host[:2]
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    return (host.lower().rstrip("."), port) if isinstance(host, str) else (None, None)
