"""Which names addresses belong to, as far as they were looked up while a cassette was open.

A connection is made to an address; whether it belongs to a provider, or to a call that was let out, only its name says.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho._backends.adapters import PatchPoint
from promptecho._guard.hosts import is_loopback

_REMEMBERED = 10_000
_names: dict[str, str] = {}
_last = ""


def name_of(address: str, *, guess: bool = False) -> str:
    """The name under which an address was looked up last, else the address itself; ``guess``: else the last name."""
    return _names.get(address) or (_last if guess and _last else address)


def note_last(name: str) -> None:
    """Keep a name that was looked up while no cassette was open, whose addresses aren't known."""
    global _last
    _last = name


def wrap_getaddrinfo(original: Any) -> Any:
    @functools.wraps(original)
    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        found = original(host, *arguments, **named)
        name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
        if isinstance(name, str) and not is_loopback(name):
            _note(name.lower(), found)
        return found

    return getaddrinfo


def _note(name: str, found: Iterable[Any]) -> None:
    if len(_names) > _REMEMBERED:
        _names.clear()
    for entry in found:
        address = str(entry[4][0])
        if address != name and not is_loopback(address):
            _names[address] = name


class LookupLayer:
    """Stands over ``socket.getaddrinfo`` while a cassette is open, and changes nothing of what it gives."""

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[Any]:
        return [PatchPoint(module, "getaddrinfo", wrap_getaddrinfo)]
