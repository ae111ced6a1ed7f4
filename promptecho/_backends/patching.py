"""How adapters are put in place and taken away again.

An adapter names its patch points; this module does the patching, so that every library is patched loudly, once, and
restored exactly. Libraries that are imported later are patched when they are.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Union

from promptecho import _forks
from promptecho._backends.adapters import GUARDED, PatchPoint, load_backend
from promptecho._backends.redirect import Redirected, own_function
from promptecho.errors import BackendError

_Place = tuple[int, str]  # an owner's id, and the name of its attribute


_lock = _forks.new_rlock()


class _Exchanged:
    """The attribute of a patch point, exchanged where it holds no function of Python's whose code could be."""

    def __init__(self, point: PatchPoint, found: Any) -> None:
        self._point = point
        self._found = found
        self._replacement = point.wrap(found)

    def place(self) -> None:
        setattr(self._point.owner, self._point.name, self._replacement)

    def restore(self) -> None:
        # Someone may have patched over us and not gone yet: taking theirs away would break them, and ours passes calls
        # through once no cassette is open.
        if vars(self._point.owner).get(self._point.name) is self._replacement:
            setattr(self._point.owner, self._point.name, self._found)


_Patch = Union[Redirected, _Exchanged]

_users: dict[str, int] = {}
_guards: dict[str, int] = {}  # of these users, those that can do without it
_patches: dict[str, dict[_Place, _Patch]] = {}
# Those made before, by backend, with their owner: for the next cassette.
_redirected: dict[tuple[str, _Place], tuple[Any, Redirected]] = {}
_finder: _PatchOnImport | None = None


def install(names: Sequence[str]) -> None:
    """Put backends in place, and beside them what the guard needs; each ``install`` is undone by one ``uninstall``."""
    with _lock:
        done: list[str] = []
        try:
            for name in _with_guards(names):
                is_guard = name not in names
                _users[name] = _users.get(name, 0) + 1
                _guards[name] = _guards.get(name, 0) + is_guard
                done.append(name)
                module = sys.modules.get(_library(name))
                if module is not None and name not in _patches:
                    _patch(name, module, lenient=is_guard)
        except BaseException:
            _release(done, names)
            raise
        _watch_imports()


def uninstall(names: Sequence[str]) -> None:
    """Take backends away; the last user restores every original."""
    with _lock:
        _release(_with_guards(names), names)
        _watch_imports()


def _library(name: str) -> str:
    """The name of the module that a backend or layer patches."""
    return name.partition("#")[0]


def _with_guards(names: Sequence[str]) -> list[str]:
    return [*names, *(name for name in GUARDED if name not in names)]


def _release(done: Sequence[str], names: Sequence[str]) -> None:
    for name in done:
        _users[name] -= 1
        _guards[name] -= name not in names
        if not _users[name]:
            del _users[name], _guards[name]
            _restore(name)


def _restore(name: str) -> None:
    for patch in reversed(list(_patches.pop(name, {}).values())):
        patch.restore()


def _patch(name: str, module: ModuleType, *, lenient: bool = False) -> None:
    """``lenient``: it is for the guard alone, which listens to the interpreter where a library can't be patched."""
    try:
        _patch_all(name, module)
    except BackendError:
        _restore(name)
        if not lenient:
            raise


def _patch_all(name: str, module: ModuleType) -> None:
    backend = load_backend(name)
    _patches[name] = {}
    for point in backend.patch_points(module):
        _place(name, point, getattr(module, "__version__", "of unknown version"))


def place(name: str, point: PatchPoint) -> None:
    """Add a patch point to those of a backend that is in use: one that is only found as calls are made.

    >>> class Transport:
    ...     def send(self, request): ...
    >>> backend.place("httpx", backend.PatchPoint(Transport, "send", lambda original: original))
    """
    with _lock:
        if name in _patches:
            _place(name, point, "", is_lasting=False)


def _place(name: str, point: PatchPoint, version: str, *, is_lasting: bool = True) -> None:
    where: _Place = (id(point.owner), point.name)
    if any(where in patches for patches in _patches.values()):
        return  # httpx2.alias_httpx() makes two names of one module
    found = vars(point.owner).get(point.name)
    if found is None:
        owner = getattr(point.owner, "__qualname__", getattr(point.owner, "__name__", point.owner))
        raise BackendError(
            f"{name} {version} has no {owner}.{point.name} any more, so its calls would go out unrecorded; "
            f"install a version of {name} that this promptecho supports, or upgrade promptecho"
        )
    patch: _Patch
    known = _redirected.get((name, where))
    if known is not None and known[0] is point.owner:
        patch = known[1]
    else:
        function = own_function(point.owner, point.name)
        if function is None:
            patch = _Exchanged(point, found)
        else:
            patch = Redirected(function, point.wrap)
            if is_lasting:  # and no class that is made for one test
                _redirected[name, where] = (point.owner, patch)
    patch.place()
    _patches[name][where] = patch


class _PatchOnImport:
    """Patches a chosen library that is imported while a cassette is open; a finder for ``sys.meta_path``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(_library(name) == fullname and name not in _patches for name in _users):
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _PatchingLoader(spec.loader)  # type: ignore[assignment]  # importlib.abc is slow to import
                return spec
        return None


class _PatchingLoader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        module.__loader__ = self._loader
        if spec is not None:
            spec.loader = self._loader  # what the library sees of itself is as without us
        self._loader.exec_module(module)
        with _lock:
            for name in list(_users):
                if _library(name) == module.__name__ and name not in _patches:
                    _patch(name, module, lenient=_users[name] == _guards[name])


def _watch_imports() -> None:
    global _finder
    if sys.meta_path is None:  # the interpreter is shutting down
        return
    missing = any(name not in _patches for name in _users)
    if missing and _finder is None:
        _finder = _PatchOnImport()
        sys.meta_path.insert(0, _finder)
    elif not missing and _finder is not None:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(_finder)
        _finder = None
