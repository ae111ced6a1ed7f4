"""Redirects a library's own function in place: calls of it run a replacement, and its object stays what it is.

The function's code is exchanged, not the attribute that holds it. So whoever wraps, replaces or restores that
attribute (tracers, spies, test doubles), before, inside or across a cassette, neither meets us nor takes us away: what
they call at last is the library's function, and that is where a call becomes real.
"""

from __future__ import annotations

import gc
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable, cast

_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect is slow to import
_TARGET = "<target>"  # in the constants of the two below: what they call
_SIGNATURE = "__signature__"


def _call(*args: Any, **kwargs: Any) -> Any:
    target: Any = "<target>"
    return target(*args, **kwargs)


async def _call_async(*args: Any, **kwargs: Any) -> Any:
    target: Any = "<target>"
    return await target(*args, **kwargs)


class Redirected:
    """One function that runs ``wrap(original)``, until ``restore``; ``original`` does what it did before."""

    def __init__(self, function: FunctionType, wrap: Callable[[Any], Any]) -> None:
        import inspect

        self.function = function
        self._before = function.__code__
        self._signature = inspect.signature(function)  # for those who ask meanwhile: test doubles do
        original = FunctionType(
            self._before, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        original.__qualname__ = function.__qualname__
        original.__module__ = function.__module__
        original.__doc__ = function.__doc__
        self._code = _calling(self._before, wrap(original))

    def place(self) -> None:
        setattr(self.function, _SIGNATURE, self._signature)
        self.function.__code__ = self._code

    def restore(self) -> None:
        if self.function.__code__ is self._code:
            self.function.__code__ = self._before
            self.function.__dict__.pop(_SIGNATURE, None)


def own_function(owner: Any, name: str) -> FunctionType | None:
    """The function that a library defined as ``owner.name``, whoever stands in its place; ``None`` if there is none.

    Wrappers mostly say what they wrap. One that doesn't (a closure, a test double that keeps the original to restore
    it) is looked behind by asking the garbage collector, which takes milliseconds, and only then.
    """
    is_module = isinstance(owner, ModuleType)
    package = str(owner.__name__ if is_module else owner.__module__).partition(".")[0]
    qualname = name if is_module else f"{owner.__qualname__}.{name}"

    def is_own(found: Any) -> bool:
        return (
            type(found) is FunctionType
            and found.__code__.co_name == name
            and found.__qualname__ == qualname
            and str(found.__globals__.get("__name__")).partition(".")[0] == package
        )

    standing = vars(owner).get(name)
    seen = standing
    while seen is not None and not is_own(seen):
        seen = getattr(seen, "__wrapped__", None)
    if seen is None and (callable(standing) or hasattr(standing, "__get__")) and not _is_builtin(standing):
        seen = next((found for found in gc.get_objects() if is_own(found)), None)
    return cast("FunctionType | None", seen)


def _is_builtin(standing: Any) -> bool:
    """Written in C, or a class: there is no code to exchange, and nobody stands before it."""
    kind = type(standing)
    return isinstance(standing, type) or (kind.__module__ == "builtins" and kind is not FunctionType)


def _calling(code: CodeType, target: Any) -> CodeType:
    """Code that takes the place of another and hands all arguments to ``target``."""
    template = (_call_async if code.co_flags & _COROUTINE else _call).__code__
    more = {"co_qualname": code.co_qualname} if hasattr(code, "co_qualname") else {}  # Python >= 3.11
    return template.replace(
        co_consts=tuple(target if each == _TARGET else each for each in template.co_consts),
        co_name=code.co_name,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_freevars=code.co_freevars,
        **more,
    )
