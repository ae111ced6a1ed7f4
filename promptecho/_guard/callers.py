"""Who is calling: the HTTP library of a connection, read from the call stack at the moment it is made.

Names are looked up in worker threads, which have none of the caller's frames; then the tasks that wait for the name are
asked.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from promptecho import providers
from promptecho._guard import background

_LIBRARIES = ("botocore", "requests", "aiohttp", "httpx2", "httpx", "urllib3", "tornado", "pycurl", "urllib", "http")
_SHOWN = {"http": "http.client", "urllib": "urllib.request"}
_OURS = ("promptecho", "promptecho_backends", "threading", "concurrent")
_BELOW = (*_OURS, "socket", "http", "ssl", "asyncio", "selectors")


def library(known: str = "") -> str:
    """The outermost HTTP library in the stack; else ``known``, else the module next to the socket."""
    packages = _packages()
    for name in _LIBRARIES:
        if name in packages:
            return _SHOWN.get(name, name)
    return known or next((name for name in packages if name not in _BELOW), "an unknown library")


def _packages() -> list[str]:
    """The top-level packages of those who call, the nearest first."""
    found = [module.partition(".")[0] for module in _modules()]
    if all(name in _BELOW for name in found):
        found += [module.partition(".")[0] for module in _waiting_modules()]
    return found


def sends_background() -> bool:
    """Whether a module that only sends background traffic is in the stack."""
    return any(background.is_sender(module) for module in _modules())


def way_out() -> str:
    """What else helps, for an SDK in the stack that has an own way to ride on another library."""
    found = _packages()
    return next((sdk.way_out for sdk in providers.sdks() if sdk.way_out and sdk.imported in found), "")


def _modules() -> Iterator[str]:
    """The names of modules in the stack, the nearest first, without promptecho's own and those of threads."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in _OURS:
            yield name
        frame = frame.f_back


def _waiting_modules() -> Iterator[str]:
    """The modules of the coroutines that wait for what a worker thread of their loop does."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    for top in list(sys._current_frames().values()):
        frame: FrameType | None = top
        running = []
        while frame is not None and frame.f_code.co_name != "run_forever":
            running.append((frame.f_code.co_name, str(frame.f_globals.get("__name__", ""))))
            frame = frame.f_back
        loop: Any = frame.f_locals.get("self") if frame is not None else None
        if not isinstance(loop, asyncio.AbstractEventLoop):
            continue
        # The task may not have come to wait yet: then it is on the stack of the loop's thread.
        waiting = ([*_awaiting(task.get_coro())][::-1] for task in asyncio.all_tasks(loop))
        for chain in (running, *waiting):
            if any(name == "getaddrinfo" for name, _ in chain):
                yield from (module for _, module in chain)


def _awaiting(waiting: Any) -> Iterator[tuple[str, str]]:
    """Function and module of each coroutine (or what awaits like one) in a chain, the outermost first."""
    while waiting is not None:
        if type(waiting).__name__ == "coroutine_wrapper":  # what awaits a coroutine by its __await__()
            waiting = next(iter(gc.get_referents(waiting)), None)
            continue
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(waiting, f"{kind}_frame")), None)
        if kind is None:
            return
        frame = getattr(waiting, f"{kind}_frame")
        if frame is not None:
            yield frame.f_code.co_name, str(frame.f_globals.get("__name__", ""))
        waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
