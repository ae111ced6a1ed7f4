"""Backends: the adapters of HTTP libraries, and how one is found by its name.

An adapter is patch points plus two translations; ``patching`` puts them in place.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Callable, Protocol

from promptecho import _forks
from promptecho._defaults import DEFAULT_BACKENDS
from promptecho.errors import BackendError
from promptecho.providers import _plugins

Wrap = Callable[[Any], Any]
ENTRY_POINTS = "promptecho.backends"


@dataclass(frozen=True)
class PatchPoint:
    """One function to take over: ``wrap(original)`` gives what runs in its place while a cassette is open.

    ``owner`` is the class or module that has the function itself, not by inheritance. One that is missing is a
    :exc:`~promptecho.errors.BackendError`, since calls would go out unrecorded. The library's own function is taken
    over, below whatever others put around it (tracers, spies, test doubles): a call that a double answers isn't seen.

    >>> import http.client
    >>> point = backend.PatchPoint(http.client.HTTPConnection, "request", lambda original: original)
    """

    owner: Any
    name: str
    wrap: Wrap


class Backend(Protocol):
    """The adapter of one HTTP library. ``name`` is the import name of the library.

    One that needs the patch points of others names them in an attribute ``rides_on``, a tuple of names. It is made
    once for a process, without arguments.

    >>> class HttpClientBackend:
    ...     name = "http.client"
    ...
    ...     def patch_points(self, module):
    ...         return [backend.PatchPoint(module.HTTPConnection, "request", wrap)]
    """

    name: str

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        """What to patch in the imported library. The wrappers ask ``session_for(name)`` at each call."""
        ...


_BUILT_IN = {
    "httpx": "promptecho_backends._httpx:HttpxBackend",
    "httpx2": "promptecho_backends._httpx:HttpxBackend",
    "aiohttp": "promptecho_backends._aiohttp:AiohttpBackend",
    "requests": "promptecho_backends._requests:RequestsBackend",
    "urllib3": "promptecho_backends._urllib3:Urllib3Backend",
}
# Not to be chosen by name: they are put in place with the backends that ride on them, or for the guard. The part behind
# "#" tells one from a backend of the same module.
_LAYERS = {
    "botocore.credentials": "promptecho_backends._botocore:BotocoreLayer",
    "subprocess": "promptecho._processes.children:StartingLayer",
    "os": "promptecho._processes.children:StartingLayer",
    "multiprocessing.spawn": "promptecho._processes.children:StartingLayer",
    "joblib.externals.loky.backend.spawn": "promptecho._processes.children:StartingLayer",
    "loky.backend.spawn": "promptecho._processes.children:StartingLayer",
    "httpcore": "promptecho_backends._httpcore:HttpcoreLayer",
    "httpcore2": "promptecho_backends._httpcore:HttpcoreLayer",
    "http.client#guard": "promptecho_backends._http_client:HttpClientGuard",
    "socket#guard": "promptecho._guard.lookups:LookupLayer",
}
# What is put in place beside the chosen backends, so that the guard sees the calls of libraries that aren't chosen.
GUARDED = ("httpcore", "httpcore2", "aiohttp", "urllib3", "http.client#guard", "socket#guard")

_lock = _forks.new_rlock()
_loaded: dict[str, Backend] = {}


def known_backends() -> tuple[str, ...]:
    """The names of all backends, ours first."""
    return (*_BUILT_IN, *(name for name in _plugins.entry_points(ENTRY_POINTS) if name not in _BUILT_IN))


def load_backend(name: str) -> Backend:
    """The adapter of a name.

    Raises:
        BackendError: it can't be loaded.
    """
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(name)
        return _loaded[name]


def _load(name: str) -> Backend:
    try:
        own = _BUILT_IN.get(name) or _LAYERS.get(name)
        if own is not None:
            module, _, attribute = own.partition(":")
            backend: Backend = getattr(importlib.import_module(module), attribute)(name)
        else:
            backend = _plugins.entry_points(ENTRY_POINTS)[name].load()()
    except Exception as problem:
        raise BackendError(
            f"the backend {name!r} can't be loaded: {type(problem).__name__}: {problem}; upgrade or uninstall the "
            "package that provides it, or leave it out of backends="
        ) from problem
    if not hasattr(backend, "patch_points"):
        raise BackendError(f"the backend {name!r} can't be loaded: {backend!r} has no patch_points()")
    return backend


def is_importable(name: str) -> bool:
    """Whether a library is there, without importing it."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def choose(names: Sequence[str] | None) -> tuple[str, ...]:
    """The backends to use. Named ones must have their library; the default ones and those of ``"all"`` may lack it.

    Raises:
        BackendError: the library of a named backend isn't installed.
    """
    if names is None:
        return DEFAULT_BACKENDS
    if "all" in names:
        return tuple(name for name in known_backends() if is_importable(name))
    for name in names:
        if name not in sys.modules and not is_importable(name):
            raise BackendError(
                f"the backend {name!r} needs the library {name}, which is not installed: pip install {name}"
            )
    return tuple(dict.fromkeys(names))


def with_layers(names: Sequence[str]) -> tuple[str, ...]:
    """The backends to put in place for chosen ones: themselves and those that they ride on."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += getattr(load_backend(name), "rides_on", ())
    return tuple(found)
