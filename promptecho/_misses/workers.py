"""How an error of ours leaves a worker: a thread, task or child process that works for the test.

A miss is a ``BaseException``, so that no library on its way retries or rewraps it. A worker that catches ``Exception``
would die of it, and whoever waits for its result would wait for ever. So it passes the frames of libraries as it is,
and becomes an ``Exception`` (the same object, of a class that derives from ``Exception`` too) when it arrives in the
program's own code, or in what runs the program's functions.

Rule: in the test's own thread and task it stays as it is all the way.

The moment of arrival is known to the interpreter alone: the event "exception" of ``sys.settrace`` comes before a frame
looks for a handler. The trace function is there only from a miss to its arrival.
"""

from __future__ import annotations

import ast
import linecache
import os
import re
import site
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

import promptecho
from promptecho import errors
from promptecho._telling import run

# What calls the program's functions, goes on after an Exception and breaks at anything else: module and function.
_RUNNERS = {
    ("multiprocessing.pool", "worker"),
    ("multiprocess.pool", "worker"),
    ("billiard.pool", "workloop"),
    ("anyio.from_thread", "_call_func"),
    ("anyio._backends._asyncio", "_run_tests_and_fixtures"),
    ("anyio._backends._trio", "_run_tests_and_fixtures"),
}
_TEST_RUNNER = "_run_tests_and_fixtures"  # its task is the test's own
# Beyond these a stack belongs to somebody else: to whoever runs the loop, or the tests.
_LIMITS = re.compile(r"(asyncio\.(events|base_events|runners)|trio\._core\._run|_pytest(\..+)?|unittest(\..+)?)")
_FUTURES = "concurrent.futures._base"
_PROGRAM, _LIBRARY, _STANDARD = "program", "library", "standard library"
_PATIENCE = 1_000_000  # calls in a thread after which an error that did not arrive was swallowed
_KEEPS_TYPE = sys.version_info < (3, 11)  # handlers compare with the type of the moment when the error was raised


def follow(error: BaseException) -> None:
    """Follow an error that is about to be raised to where it must become an ``Exception``, if there is such a place."""
    frame = sys._getframe(1)
    stack = tuple(_up_to_limit(frame))
    runner = any(_is_runner(each) for each in stack)
    if _is_own(stack, frame) and not runner:
        return
    _follow_here(error, stack)
    _follow_to_loops(error, stack)


def _follow_here(error: BaseException, stack: tuple[FrameType, ...] = ()) -> None:
    tracer = getattr(sys.gettrace(), "__self__", None)
    if not isinstance(tracer, _Tracer):
        tracer = _Tracer()
        sys.settrace(tracer.on_call)
    tracer.errors.append(error)
    last = _last_chance(stack)
    for each in stack:
        if each is last or _kind(each.f_code) is _PROGRAM or _is_runner(each):
            tracer.watch(each, converts=each is last)


class _Tracer:
    """The trace function of one thread while errors of ours are on their way in it."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._before = sys.gettrace()
        self._patience = _PATIENCE
        self._watched: list[tuple[FrameType, Any, bool]] = []

    def on_call(self, frame: FrameType, event: str, argument: object) -> Any:
        """A frame begins, or a coroutine goes on."""
        if not _RUNNERS:  # the interpreter is ending
            return None
        before = self._before
        # Others (coverage in C) put themselves back in our place when they are called; they have a short rest.
        inner = before(frame, event, argument) if isinstance(before, (FunctionType, MethodType)) else None
        if not self._is_needed():
            self._stop()
            return inner
        if _kind(frame.f_code) is not _PROGRAM and not _is_runner(frame):
            return inner
        return self._local(inner, converts=False)

    def watch(self, frame: FrameType, *, converts: bool) -> None:
        """Look at a frame that runs already."""
        self._watched.append((frame, frame.f_trace, frame.f_trace_lines))
        frame.f_trace = self._local(frame.f_trace, converts=converts)
        if self._before is None:
            frame.f_trace_lines = False

    def _local(self, inner: Any, *, converts: bool) -> Callable[[FrameType, str, Any], Any]:
        def local(frame: FrameType, event: str, argument: Any) -> Any:
            __tracebackhide__ = True
            nonlocal inner
            if event == "exception" and any(argument[1] is error for error in self.errors):
                if self._arrive(frame, argument[1], converts):
                    errors.as_exception(argument[1])
                    if _KEEPS_TYPE:
                        _set_trace_soon(sys.gettrace())  # an error in a trace function takes it away
                        raise argument[1]
            elif inner is not None:
                inner = inner(frame, event, argument)
            return local

        return local

    def _arrive(self, frame: FrameType, error: BaseException, converts: bool) -> bool:
        """Whether an error becomes an ``Exception`` in a frame."""
        stack = tuple(_up_to_limit(frame))
        if not converts and not _is_runner(frame):
            if _is_own(stack, frame):
                if not any(_is_runner(each) for each in stack):
                    self._forget(error)
                return False
            if _is_inside_library(stack):
                return False
        self._forget(error)
        return True

    def _forget(self, error: BaseException) -> None:
        self.errors = [each for each in self.errors if each is not error]
        if not self._is_needed():
            self._stop()

    def _is_needed(self) -> bool:
        self._patience -= 1
        self.errors = [each for each in self.errors if not (isinstance(each, Exception) or _is_settled(each))]
        return bool(self.errors) and self._patience > 0

    def _stop(self) -> None:
        for frame, trace, lines in self._watched:
            frame.f_trace, frame.f_trace_lines = trace, lines
        self._watched.clear()
        if getattr(sys.gettrace(), "__self__", None) is self:
            sys.settrace(self._before)


def _set_trace_soon(trace: Any) -> None:
    profile = sys.getprofile()

    def once(frame: FrameType, event: str, argument: object) -> None:
        sys.setprofile(profile)
        sys.settrace(trace)

    sys.setprofile(once)


def settle(error: BaseException) -> None:
    """Say that an error has come to its end, wherever that was: it is followed no longer."""
    error.__dict__["_is_settled"] = True


def _is_settled(error: BaseException) -> bool:
    return "_is_settled" in error.__dict__


def _is_own(stack: tuple[FrameType, ...], frame: FrameType | None) -> bool:
    """Whether the test itself runs here, and no worker of it."""
    if run.tears_down or (os.getpid(), threading.get_ident()) != run.home or _is_child():
        return False
    if any(each.f_code.co_name == _TEST_RUNNER for each in stack):
        return True
    task = _asyncio_task()
    if task is not None:
        return _waits_for(frame, task)
    return not _is_in_callback() and _is_main_in_trio()


def _is_child() -> bool:
    multiprocessing = sys.modules.get("multiprocessing")
    parent = getattr(multiprocessing, "parent_process", None)  # it may be being imported
    return parent is not None and parent() is not None


def _asyncio_task() -> object:
    asyncio = sys.modules.get("asyncio")
    try:
        loop = asyncio._get_running_loop() if asyncio is not None else None
        return asyncio.current_task(loop) if asyncio is not None and loop is not None else None
    except AttributeError:  # it is being imported
        return None


def _is_in_callback() -> bool:
    """Whether an event loop of asyncio runs here, and no task: what a callback raises, the loop swallows."""
    asyncio = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)
    return running is not None and running() is not None


def _waits_for(frame: FrameType | None, task: object) -> bool:
    """Whether somebody further out in the stack runs the loop until a task is done."""
    while frame is not None:
        if frame.f_code.co_name in ("run_until_complete", "run") and task in frame.f_locals.values():
            return True
        frame = frame.f_back
    return False


def _is_main_in_trio() -> bool:
    """Whether this is no task of trio, or its first one."""
    trio = sys.modules.get("trio")
    try:
        if trio is None:
            return True
        task, root = trio.lowlevel.current_task(), trio.lowlevel.current_root_task()
    except (RuntimeError, AttributeError):  # not in trio, or trio is being imported
        return True
    return task.parent_nursery is None or task.parent_nursery.parent_task is root


def _follow_to_loops(error: BaseException, stack: tuple[FrameType, ...]) -> None:
    """Follow an error that goes from a thread of an executor to a task which waits for it, in the thread of that."""
    for frame in stack:
        name, function = frame.f_globals.get("__name__"), frame.f_code.co_name
        itself = frame.f_locals.get("self")
        if (name, function) == ("concurrent.futures.thread", "run"):
            for callback in list(getattr(getattr(itself, "future", None), "_done_callbacks", ())):
                code = getattr(callback, "__code__", None)
                names = code.co_freevars if code is not None else ()
                cells = dict(zip(names, getattr(callback, "__closure__", None) or ()))
                if "dest_loop" in cells:  # of asyncio.futures._chain_future
                    _follow_in(cells["dest_loop"].cell_contents, error)
        elif (name, function) == ("anyio._backends._asyncio", "run"):
            _follow_in(getattr(itself, "loop", None), error)
    trio_threads = sys.modules.get("trio._threads")
    token = getattr(getattr(trio_threads, "PARENT_TASK_DATA", None), "token", None)
    if token is not None:
        token.run_sync_soon(_follow_here, error)


def _follow_in(loop: Any, error: BaseException) -> None:
    if loop is not None:
        try:
            loop.call_soon_threadsafe(_follow_here, error)  # before the callback that brings the error
        except RuntimeError:  # closed meanwhile
            return


# --- stacks -----------------------------------------------------------------------------------------------------------


def _up_to_limit(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of this thread or task, the innermost first, up to what runs it."""
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if _LIMITS.fullmatch(name):
            return
        yield frame
        if _is_runner(frame):
            return
        frame = frame.f_back


def _is_runner(frame: FrameType) -> bool:
    return (frame.f_globals.get("__name__"), frame.f_code.co_name) in _RUNNERS


def _is_inside_library(stack: tuple[FrameType, ...]) -> bool:
    """Whether a library called the first frame, and the program called that library: it may try again."""
    kinds = [_kind(frame.f_code) for frame in stack]
    return _LIBRARY in kinds and _PROGRAM in kinds[kinds.index(_LIBRARY) :]


def _last_chance(stack: tuple[FrameType, ...]) -> FrameType | None:
    """Where an error has to become an ``Exception`` if no code of the program is on its way.

    That is a loop of a library, which this thread or task runs; or what leads to a thread of the program that waits.
    """
    kinds = [_kind(frame.f_code) for frame in stack]
    if _PROGRAM in kinds or _LIBRARY not in kinds:
        return None
    outermost = stack[len(kinds) - 1 - kinds[::-1].index(_LIBRARY)]
    return outermost if _is_in_loop(outermost) or _is_awaited_by_worker() else None


def _is_in_loop(frame: FrameType) -> bool:
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return False
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == frame.f_code.co_name
    ]
    return any(
        isinstance(node, ast.While) and node.lineno <= frame.f_lineno <= (node.end_lineno or node.lineno)
        for function in functions
        for node in ast.walk(function)
    )


def _is_awaited_by_worker() -> bool:
    """Whether a thread of the program, other than the test's own, waits for the result of a future."""
    for identifier, frame in sys._current_frames().items():
        if identifier == run.home[1]:
            continue
        stack = tuple(_up_to_limit(frame))
        kinds = [_kind(each.f_code) for each in stack]
        if _PROGRAM in kinds and any(each.f_globals.get("__name__") == _FUTURES for each in stack):
            return True
    return False


@lru_cache(maxsize=4096)
def _kind(code: CodeType) -> str:
    """Whose code this is: told by its file."""
    file = code.co_filename
    if file.startswith("<"):
        return _STANDARD if file.startswith("<frozen ") else _PROGRAM
    file = os.path.abspath(file)  # noqa: PTH100 - text only
    if file.startswith(_OWN) or any(f"{os.sep}{name}{os.sep}" in file for name in ("site-packages", "dist-packages")):
        return _LIBRARY
    if file.startswith(_INSTALLED):
        return _LIBRARY
    return _STANDARD if file.startswith(_STANDARD_FOLDERS) else _PROGRAM


def _folders(*paths: str | None) -> tuple[str, ...]:
    found = {os.path.join(each, "") for path in paths if path for each in (path, os.path.realpath(path))}  # noqa: PTH118
    return tuple(sorted(found))


errors.be_followed(follow)

_HERE = os.path.dirname(os.path.abspath(promptecho.__file__))  # noqa: PTH100, PTH120
_OWN = _folders(_HERE, os.path.join(os.path.dirname(_HERE), "backends", "promptecho_backends"))  # noqa: PTH118, PTH120
_INSTALLED = _folders(site.getusersitepackages())
_STANDARD_FOLDERS = _folders(sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
