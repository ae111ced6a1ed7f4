"""What is marked around a real call: inner layers pass it straight through, and the guard lets its host be."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar

from promptecho import _forks
from promptecho._backends import probe as _probe

_lock = _forks.new_lock()
allowed_hosts: Counter[str] = Counter()  # by how many calls
_let_out: ContextVar[bool] = ContextVar("promptecho_let_out", default=False)
_suppressed: ContextVar[bool] = ContextVar("promptecho_suppressed", default=False)


@contextlib.contextmanager
def suppressed(host: str | None = None) -> Iterator[None]:
    """Around what goes on below: an inner patched layer passes it straight through, so a call counts once.

    ``host``: where a real call is let out to, which the guard would stop otherwise.

    >>> with promptecho.use_cassette("cassettes/answer.yaml"):
    ...     with backend.suppressed("api.example"):
    ...         print(backend.session_for("httpx"))
    None
    """
    token, probe = _suppressed.set(True), _probe.current.set(None)
    try:
        with contextlib.nullcontext() if host is None else allowed(host):
            yield
    finally:
        _probe.current.reset(probe)
        _suppressed.reset(token)


def is_suppressed() -> bool:
    return _suppressed.get()


@contextlib.contextmanager
def allowed(host: str) -> Iterator[None]:
    """Around a call that a cassette lets out. By host too, since name lookups run in worker threads."""
    token = _let_out.set(True)
    with _lock:
        allowed_hosts[host] += 1
    try:
        yield
    finally:
        _let_out.reset(token)
        with _lock:
            allowed_hosts[host] -= 1
            if not allowed_hosts[host]:
                del allowed_hosts[host]


def is_let_out() -> bool:
    return _let_out.get()
