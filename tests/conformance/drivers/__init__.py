"""A driver for each library and colour: the conformance tests know nothing else of a library."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Call:
    """One HTTP call to make. ``read``: how many chunks to read of a stream before leaving it (``None``: all)."""

    method: str
    url: str
    json: Any = None
    content: Any = None
    headers: Sequence[tuple[str, str]] = ()
    stream: bool = False
    read: int | None = None
    follow_redirects: bool = False
    timeout: float = 60


@dataclass(frozen=True)
class Observed:
    """What a program sees of the answer. ``chunks`` are decoded; ``history`` the statuses of redirects."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    reason: str = ""
    history: tuple[int, ...] = ()

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Driver(Protocol):
    name: str
    backend: str

    def send(self, call: Call) -> Observed: ...


def all_drivers() -> list[Driver]:
    """Every driver whose library is installed."""
    from . import httpx_driver

    found: list[Driver] = []
    for name in ("httpx", "httpx2"):
        if importlib.util.find_spec(name) is not None:
            found += [httpx_driver.HttpxDriver(name), httpx_driver.HttpxAsyncDriver(name)]
    if importlib.util.find_spec("urllib3") is not None:
        from .urllib3_driver import Urllib3Driver

        found.append(Urllib3Driver())
    if importlib.util.find_spec("requests") is not None:
        from .requests_driver import RequestsDriver

        found.append(RequestsDriver())
    if importlib.util.find_spec("aiohttp") is not None:
        from .aiohttp_driver import AiohttpDriver

        found.append(AiohttpDriver())
    from .http_client_driver import HttpClientDriver

    found.append(HttpClientDriver())
    return found
