"""Background traffic: what SDKs send and look up on their own, and no test asked for.

Traces, usage counters and look-ups go out when a timer says so, once a day or at import, so a recording would have them
or not by chance. While recording they pass through; where no call may go out they are answered on the spot, with what
their sender takes calmly. What a test needs of the same hosts (a prompt, a dataset, a flag) is an ordinary call.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from promptecho import providers
from promptecho.providers._background import Background


def find(method: str, url: str) -> Background | None:
    """The kind of background traffic that a call is; ``None`` for an ordinary call."""
    return _find(method.upper(), url.partition("?")[0].partition("#")[0])


@lru_cache(maxsize=1024)
def _find(method: str, url: str) -> Background | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    return next((kind for kind in providers.background() if kind.fits(method, host, parts.path)), None)


def is_sender(module: str) -> bool:
    """Whether a module of this name sends background traffic and nothing else."""
    return module.startswith(_senders())


@lru_cache(maxsize=1)
def _senders() -> tuple[str, ...]:
    return tuple(sender for kind in providers.background() for sender in kind.senders)
