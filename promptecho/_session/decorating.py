"""Wraps functions of each kind, and the tests and the set-up of classes, so that their calls run inside a cassette.

``Enter`` makes the context manager of one call; each call has its own, so that calls in several threads don't mix.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

_MARK = "__promptecho_cassette__"  # on what use_cassette has wrapped


@dataclass(frozen=True)
class Opener:
    """What opens a cassette: ``key`` tells its uses from others, ``text`` says it to a person."""

    key: str
    text: str
    stays_open: bool = False  # a generator, such as a fixture that yields: the cassette is open until it ends
    is_set_up: bool = False  # set-up and tear-down that belong to the tests of a class
    function: Any = None  # the wrapper

    @property
    def expects_failure(self) -> bool:
        """Whether ``unittest.expectedFailure`` says that its failure is how it is meant to end."""
        return bool(getattr(self.function, "__unittest_expecting_failure__", False))


Enter = Callable[[Opener], AbstractContextManager[None]]

# What runs before and after the tests of a class, in unittest and in pytest.
_SET_UP = (
    "setUp", "asyncSetUp", "setUpClass", "setup_method", "setup_class",
    "tearDown", "asyncTearDown", "tearDownClass", "teardown_method", "teardown_class",
    "doCleanups", "doClassCleanups",
)  # fmt: skip
_XUNIT = ("setup_method", "setup_class", "teardown_method", "teardown_class")


def decorate(function: Any, enter: Enter) -> Any:
    """A wrapper of the same kind as the function, or the class or fixture itself with what is in it wrapped."""
    if inspect.isclass(function):
        return _decorate_class(function, enter)
    if inspect.isfunction(getattr(function, "_fixture_function", None)):  # where pytest keeps it, from 8.4 on
        function._fixture_function = _wrap(function._fixture_function, enter)
        return function
    return _wrap(function, enter)


def _decorate_class(decorated: Any, enter: Enter) -> Any:
    """Wrap the tests of a class, inherited ones included, and what sets them up; without tests, its own methods."""
    methods = _methods(decorated)
    tests = {name: value for name, value in methods.items() if name.startswith("test") or name == "runTest"}
    if not tests:
        own = {name: value for name, value in methods.items() if name in vars(decorated)}
        if not own:
            raise TypeError(f"use_cassette: the class {decorated.__name__} has no methods of its own to decorate")
        tests = {name: value for name, value in own.items() if name not in _SET_UP}
    for name, value in tests.items():
        if not hasattr(value, _MARK) and not hasattr(getattr(value, "__func__", None), _MARK):
            setattr(decorated, name, _wrap(value, enter))
    for name in _SET_UP:
        value = methods.get(name)
        if value is not None:
            setattr(decorated, name, _wrap(value, enter, is_set_up=True, xunit=name in _XUNIT))
    for name, value in list(vars(decorated).items()):
        fixture = getattr(value, "_fixture_function", None)
        if inspect.isfunction(fixture) and not hasattr(fixture, _MARK):
            value._fixture_function = _wrap(fixture, enter, is_set_up=True)
        elif inspect.isclass(value) and name.startswith("Test"):
            _decorate_class(value, enter)
    return decorated


def _methods(decorated: Any) -> dict[str, Any]:
    """The functions, static methods and class methods of a class; of unittest's own only what runs clean-ups."""
    found: dict[str, Any] = {}
    for each in reversed(decorated.__mro__):
        foreign = each is object or each.__module__.partition(".")[0] == "unittest"
        for name, value in vars(each).items():
            if foreign and name not in ("doCleanups", "doClassCleanups"):
                continue
            if name.startswith("__") or hasattr(value, "_pytestfixturefunction"):
                found.pop(name, None)
            elif inspect.isfunction(value) or isinstance(value, (staticmethod, classmethod)):
                found[name] = value
            else:
                found.pop(name, None)  # ``test_inherited = None`` takes it out
    return found


def _wrap(function: Any, enter: Enter, *, is_set_up: bool = False, xunit: bool = False) -> Any:
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(_wrap(function.__func__, enter, is_set_up=is_set_up, xunit=xunit))
    if not callable(function):
        raise TypeError(f"use_cassette decorates functions and classes, not {function!r}")
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not inspect.isroutine(inner):
        inner = type(inner).__call__
    name = str(getattr(function, "__qualname__", inner.__qualname__)).rpartition("<locals>.")[2]
    opener = Opener(f"{inner.__module__}.{name}", f"@use_cassette on {name}", is_set_up=is_set_up)
    if inspect.isasyncgenfunction(inner):
        wrapper = _async_generator(function, enter, replace(opener, stays_open=True))
    elif inspect.iscoroutinefunction(inner):
        wrapper = _coroutine(function, enter, opener)
    elif inspect.isgeneratorfunction(inner):
        wrapper = _generator(function, enter, replace(opener, stays_open=True))
    else:
        wrapper = _plain(function, enter, opener)
    if xunit:
        wrapper = _with_as_many_arguments(wrapper, inner)
    setattr(wrapper, _MARK, True)
    return wrapper


_MISSING = object()


def _with_as_many_arguments(wrapper: Any, function: Any) -> Any:
    """The wrapper of a set-up method, whose code pytest asks for how many arguments it takes."""

    @_like(function)
    def takes_one(subject: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapper(subject, *args, **kwargs)

    @_like(function)
    def takes_two(subject: Any, second: Any = _MISSING, *args: Any, **kwargs: Any) -> Any:
        given = () if second is _MISSING else (second,)
        return wrapper(subject, *given, *args, **kwargs)

    return takes_one if function.__code__.co_argcount < 2 else takes_two


def _like(function: Any) -> Callable[[Any], Any]:
    """Gives a wrapper the name and signature of a function, and what was hung onto it: the marks of pytest, say."""
    return functools.wraps(function, updated=("__dict__",) if inspect.isfunction(function) else ())


def _plain(function: Any, enter: Enter, opener: Opener) -> Any:
    @_like(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with enter(replace(opener, function=wrapper)):
            result = function(*args, **kwargs)
        if inspect.iscoroutine(result):
            return _awaited(result, enter, opener)
        if inspect.isasyncgen(result):
            return _async_generator(lambda: result, enter, opener)()
        if inspect.isgenerator(result):
            return _generator(lambda: result, enter, opener)()
        return result

    return wrapper


async def _awaited(coroutine: Coroutine[Any, Any, Any], enter: Enter, opener: Opener) -> Any:
    try:
        with enter(opener):
            return await coroutine
    finally:
        coroutine.close()  # without this, a cassette that can't be opened leaves it never awaited


def _coroutine(function: Any, enter: Enter, opener: Opener) -> Any:
    @_like(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with enter(replace(opener, function=wrapper)):
            return await function(*args, **kwargs)

    return wrapper


def _generator(function: Callable[..., Generator[Any, Any, Any]], enter: Enter, opener: Opener) -> Any:
    @_like(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with enter(opener):
            return (yield from function(*args, **kwargs))

    return wrapper


def _async_generator(function: Callable[..., AsyncGenerator[Any, Any]], enter: Enter, opener: Opener) -> Any:
    @_like(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with enter(opener):
            inner = function(*args, **kwargs)
            try:
                step: Any = inner.__anext__()
                while True:
                    try:
                        value = await step
                    except StopAsyncIteration:
                        return
                    try:
                        sent = yield value
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = inner.athrow(error)
                    else:
                        step = inner.asend(sent)
            finally:
                await inner.aclose()

    return wrapper


# Exceptions with which a test ends as it was meant to, by module and name: none of these packages is loaded for it.
_NO_FAILURES = {
    ("unittest.case", "SkipTest"),
    ("builtins", "Skipped"),  # where those of pytest say that they are from
    ("_pytest.outcomes", "XFailed"),
    ("hypothesis.errors", "UnsatisfiedAssumption"),
    ("hypothesis.errors", "StopTest"),
}


def is_failure(error: BaseException | None, opener: Opener) -> bool:
    """Whether a use that ended with this exception leaves its recording unfinished."""
    if error is None or isinstance(error, GeneratorExit):  # a generator that is closed early ended as it was meant to
        return False
    if opener.expects_failure and isinstance(error, Exception):
        return False
    return not any((kind.__module__, kind.__name__) in _NO_FAILURES for kind in type(error).__mro__)


def opener_of_block(depth: int) -> Opener:
    """The opener of a ``with``, whose frame is so many above the caller's."""
    frame = sys._getframe(depth + 1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "contextlib":  # an ExitStack
        frame = frame.f_back
    code = frame.f_code
    return Opener(
        "with",
        f"use_cassette in {code.co_name}, {code.co_filename}:{frame.f_lineno}",
        stays_open=bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)),
    )
