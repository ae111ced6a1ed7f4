"""``use_cassette``, and which cassette is active in a context.

A cassette is active in the context that entered it and in what that context starts (asyncio tasks copy contexts). A
thread or task with none of its own uses the only active one; with several to choose from it gets an error, not a guess.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from promptecho import _backend, _background, _children, _forks, _guard, _opening, _run, _settings
from promptecho._cassette import Cassette
from promptecho._matching import MatchOn
from promptecho._session import Session
from promptecho._settings import Hooks, Mode, PathLike, Redactions, Settings, Volatile
from promptecho.errors import (
    AmbiguousCassetteError,
    CassetteNestingError,
    CassetteWarning,
    SettingsError,
    arrived,
)

F = TypeVar("F")
_current: ContextVar[_Entry | None] = ContextVar("promptecho_cassette", default=None)
_open: tuple[_Entry, ...] = ()
_lock = _forks.new_lock()


def session_for(backend: str, method: str = "", url: str = "") -> Session | None:
    """The session that decides on a call that a backend sees, if there is one; for the wrappers of backends.

    ``None``: no cassette is open in this context, its settings don't choose the backend, or the call belongs to a layer
    above. With ``method`` and ``url`` of the call, the guard looks at it where the backend isn't chosen, before
    anything is sent.

    >>> backend.session_for("httpx") is None
    True

    Raises:
        AmbiguousCassetteError: several cassettes are open and none of them is this context's own.
        UninterceptedCallError: the backend isn't chosen, and the call must not go out.
    """
    if not (_open or _outside) or _backend.is_suppressed():
        return None
    if url and _has_no_entry() and _background.find(method, url):  # an exporter's thread belongs to no cassette
        return next((each.session for each in _open if each.session.is_pure_replay), None)
    entry = active_entry()
    if entry is None:
        guard_call(backend, method, url)
        return None
    if backend in entry.backends:
        return entry.session
    return entry.session if url and _guard.look_at(entry.watch, backend, method, url) else None


def _has_no_entry() -> bool:
    """Whether several cassettes are open, and none of them is this context's own."""
    entry = _current.get()
    return len(_open) > 1 and (entry is None or not entry.session.open)


def active_entry() -> _Entry | None:
    """The cassette of this context, or the only open one."""
    entry = _current.get()
    if entry is None or not entry.session.open:
        # What a child process opens itself stands before what it was started in.
        opened = tuple(each for each in _open if not each.is_inherited) or _open
        if len(opened) > 1:
            paths = ", ".join(sorted(str(each.session.cassette.path) for each in opened))
            raise AmbiguousCassetteError(
                f"a call came from a thread or task that has no cassette of its own while {len(opened)} are open "
                f"({paths}); enter the cassette in that thread or task, or start it inside the cassette's context "
                "(contextvars.copy_context().run, asyncio.to_thread)"
            )
        if not opened:
            return None
        entry = opened[0]
    return entry


def guard_call(library: str, method: str, url: str) -> None:
    """Let the guard look at a call that is neither recorded nor replayed, before anything is sent.

    >>> backend.guard_call("http.client", "GET", "https://api.example/")

    Raises:
        UninterceptedCallError: it must not go out.
        ConnectionRefusedError: it is background traffic, and no call goes out here.
    """
    watch = None if _backend.is_suppressed() else _watched()
    if watch is not None and url and _guard.look_at(watch, library, method, url):
        host = urlsplit(url).hostname or ""
        _run.note_call("background", host, library)
        raise _guard.refuse(host)


def is_guarded() -> bool:
    """Whether the guard would look at a call made here, so that an adapter has to see it.

    >>> backend.is_guarded()
    False
    """
    return bool(_open or _outside) and not _backend.is_suppressed()


def _watched() -> _guard.Watch | None:
    """For the guard: what this context's cassette asks for, or the strictest of the open ones."""
    entry = _current.get()
    if entry is not None and entry.session.open:
        return entry.watch
    if _open:
        return next((each.watch for each in _open if each.watch.provider == "raise"), _open[0].watch)
    late = entry.watch if entry is not None else _guard.left_over()
    if late is None:
        return _outside
    if _outside is not None and "raise" in (_outside.provider, _outside.other):
        other = _outside.other or "note"
        return replace(late, is_open=False, provider="raise", other=other, note=_outside.note)
    return replace(late, is_open=False, other="note", note=_guard.note_nothing)


_outside: _guard.Watch | None = None


def watch_outside(watch: _guard.Watch | None) -> None:
    """Let the guard look at calls in this process where no cassette is open, too."""
    global _outside
    _outside = watch
    if watch is not None:
        _guard.listen(_watched)


class _Entry:
    """One entered cassette, until it is left."""

    session: Session
    is_inherited = False  # this is a child process of the one that opened it, and closes it

    def __init__(self, owner: use_cassette, path: Path, settings: Settings) -> None:
        self.owner = owner
        self.settings = settings
        outer = _current.get()
        if outer is not None and outer.session.open and not outer.is_inherited:
            raise CassetteNestingError(
                f"{path} was entered inside {outer.session.cassette.path}, in one context; a call could belong to "
                "either. Leave the first cassette before, or enter the second in a thread or task of its own"
            )
        self.backends = _backend.choose(settings.backends)
        self.session, self.target = _opening.open_session(path, settings, owner.is_growing(path))
        self.watch = self._make_watch(path)
        self._installed = (*_backend.with_layers(self.backends), *_children.LAYERS)
        _backend.install(self._installed)
        _guard.listen(_watched)
        _children.watch_starts()
        self._threads = threading.enumerate()
        self._token = _current.set(self)
        self._depth = 1
        global _open
        with _lock:
            _open = (*_open, self)
        if _run.watching:
            _run.opened.append(self.session.cassette)

    def _make_watch(self, path: Path) -> _guard.Watch:
        """What this cassette asks of the guard, while it is open and of threads that outlive it."""
        is_none, blocks = self.settings.mode is Mode.NONE, self.settings.block_network
        return _guard.Watch(
            "raise" if is_none or blocks else "warn",
            "raise" if blocks else "warn" if is_none else "",
            holds_background=self.session.is_pure_replay,
            cassette=str(path),
            is_open=True,
            libraries=self.backends,
            note=self.session.cassette.note_miss,
            lets_out=self.session.lets_out,
        )

    def enter_again(self) -> None:
        self._depth += 1

    def leave(self, error: BaseException | None) -> None:
        self._depth -= 1
        if self._depth or self.is_inherited:
            return
        global _open
        try:
            self.session.close()
        finally:
            with _lock:
                _open = tuple(entry for entry in _open if entry is not self)
            _guard.note_left_over(self.watch, self._threads)
            _backend.uninstall(self._installed)
            if not _open:
                _children.take_variables_back()
            try:
                _current.reset(self._token)
            except ValueError:  # left in another context than entered (async fixtures, generators)
                if _current.get() is self:
                    _current.set(None)
        refused: list[int] = []
        try:
            if error is not None:
                refused = _opening.abandon(self.session)
            elif _opening.finish(self.session, self.target):
                self.owner.note_grown(self.session.cassette.file)
        finally:
            _opening.release(self.session)
            if _run.watching:
                _note_closed(self, error, refused)
        if self.session.cassette.untold_misses():
            _raise_swallowed(self.session.cassette, error)


def _raise_swallowed(cassette: Cassette, error: BaseException | None) -> None:
    """Where the code under test swallowed a miss, the test would go on with a call that never happened."""
    from promptecho import _swallowed, _workers

    for miss in cassette.untold_misses():
        _workers.settle(miss)
        if getattr(arrived(miss), "is_of_child", False) and not _run.watching:
            # A program that is no test may have dealt with it; what its processes catch can't be seen here.
            warnings.warn(f"in a child process: {miss}", CassetteWarning, stacklevel=5)
    if error is None or isinstance(error, Exception):
        swallowed = _swallowed.first_swallowed([cassette], error)
        if swallowed is not None:
            raise swallowed


class _Inherited(_Entry):
    """The cassette of the process that started this one; it is opened here by the first call, and never closed."""

    is_inherited = True

    def __init__(self, settings: Settings, backends: Sequence[str], open_session: Callable[[], Session]) -> None:
        self.settings = settings
        self.backends = tuple(backends)
        self.target = None
        self._open_session = open_session
        self._opened: Session | None = None
        self._opening = _forks.new_rlock()

    @property
    def session(self) -> Session:  # type: ignore[override]  # for others an attribute
        with self._opening:
            if self._opened is None:
                self._opened = self._open_session()
        return self._opened


def inherit(settings: Settings, backends: Sequence[str], open_session: Callable[[], Session]) -> None:
    """In a child process: be in a cassette that another process has opened, from now on and to the end."""
    global _open
    entry = _Inherited(settings, backends, open_session)
    _backend.install((*_backend.with_layers(entry.backends), *_children.LAYERS))
    _guard.listen(_watched)
    _children.watch_starts()
    with _lock:
        _open = (*(each for each in _open if not isinstance(each, _Inherited)), entry)


def _note_closed(entry: _Entry, error: BaseException | None, refused: list[int]) -> None:
    """For the summary of a test run."""
    from promptecho._tally import tally

    session = entry.session
    unfinished = error is not None and bool(session.cassette.recorded_count)
    told = tally(
        session.cassette, refused, again=entry.target is not None, failed=error is not None, unfinished=unfinished
    )
    told["names"] = [[*pair, pair not in session.unseen.waiting] for pair in session.unseen.given]
    total = getattr(session.recorder and session.recorder.journal, "total", 0)
    if total:  # what others recorded into it stays behind what was recorded now
        told.update(recordings=total, played=list(range(total)))
    _run.closed.append(told)


class use_cassette:  # noqa: N801 - used like a function: decorator and context manager
    """Record the LLM calls of a block or function into a cassette once, and replay them from then on.

    As a context manager (``with`` and ``async with``) it gives the :class:`Cassette`:

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     reply = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])
    >>> len(cassette.recorded) + len(cassette.played)
    1

    As a decorator it takes functions, ``async def``, generators, async generators, methods and classes. Each call of
    the function opens the cassette anew; the tests of a class (its other methods, if it has none) share one file.

    >>> @promptecho.use_cassette("cassettes/answer.yaml", mode="none")
    ... def answer():
    ...     return ask("hi")
    >>> answer() == reply.choices[0].message.content
    True

    A thread or task without a cassette of its own uses the only open one; with several open it gets an
    :exc:`~promptecho.errors.AmbiguousCassetteError`. ``None`` for an argument means that the project's settings decide
    (variables, pytest ini file, :func:`configure`, ``[tool.promptecho]``), and after them the default that is named
    here.

    Args:
        path: The cassette, a YAML file; its folder is made with it. A relative path is resolved when the cassette
            opens.
        mode: ``"once"`` (default): record if there is no file yet, else replay, and an unknown call is a miss.
            ``"none"``: replay only. ``"new_episodes"``: replay, and record what is new. ``"all"``: record everything
            again. See :class:`Mode`. The variable ``PROMPTECHO_MODE`` wins over this argument.
        match_on: The body fields that tell calls apart: exactly those of a list of names or dotted paths
            (``"metadata.user"``, ``"messages[0].content"``, ``*`` for any key or index), or ``"all"`` for the whole
            canonical body. Default: ``model, messages, system, tools, tool_choice, reasoning_effort, reasoning,
            thinking, response_format`` and every other field that is not known to be neutral, as sampling, limits and
            ids of clients are; a body that carries no chat prompt is matched whole. Method, path, query, headers that
            select, and whether a stream is asked for always count.
        on_record_error: What to do about a status of 400 or more while recording: ``"warn"`` (default), ``"raise"``
            (:exc:`~promptecho.errors.RecordedErrorResponse`, nothing is
            written) or ``"record"`` (silently).
        backends: The HTTP libraries to intercept, as a list of names (``httpx``, ``httpx2``, ``requests``,
            ``urllib3``, ``aiohttp``, and those that other packages register), or ``"all"`` for each that is
            installed. Default: httpx and httpx2.
        repeats: What identical calls get. ``"sequence"`` (default): the k-th call the k-th recording, and past the
            last the last one again. ``"reuse"``: one recording for each distinct call, while recording too.
            ``"strict"``: each recording plays once, one call more is a miss.
        ignore: What to leave out of matching: paths of the canonical body, written as in ``match_on``, parameters of
            the query (``"?start_time"``) and headers (``"anthropic-beta:"``). Default: none.
        volatile: What to mask when comparing: the names ``"uuid"``, ``"datetime"``, ``"date"`` (with the time of day
            beside it), ``"time"``, ``"tempfile"`` (names that ``tempfile`` makes up), ``"id"`` (``call_...``,
            ``file-...`` and their like), ``"hex"``, and regular expressions, in any order. The file keeps the text as
            it was sent. Default: nothing.
        ignore_hosts: Hosts whose calls pass through, neither recorded nor replayed; a name stands for the hosts below
            it too. Default: none. Traces and usage counters of SDKs are never recorded, listed or not.
        ignore_localhost: ``True`` lets calls to this machine pass through. Default: ``False``.
        only_hosts: If given, calls to all other hosts pass through. Default: every host is recorded.
        block_network: ``True``: any connection that goes around the cassette raises
            :exc:`~promptecho.errors.UninterceptedCallError`, loopback aside. Default: ``False``; then that holds for
            known providers in mode ``none``, and a warning in the other modes.
        redact: What to mask beside credentials before anything is written, one or a list of: names of fields (their
            whole value), regular expressions (what they find), functions from text to text. Default: nothing.
        on_secret: When a body holds what looks like a key: ``"warn"`` (default: masked, and said at the end),
            ``"fail"`` (nothing is written, :exc:`~promptecho.errors.CassetteWriteError`) or ``"ignore"`` (masked
            silently).
        before_record: A function or a list of them. Each gets the tree of an interaction as it is about to be written,
            masked already, and returns it, changed or not, or ``None`` to leave it out.
        timing: ``True`` keeps the seconds between the chunks of a response. Default: ``False``.
        replay_speed: Wait those seconds on replay: ``1.0`` as recorded, ``2.0`` twice as fast. Default: no waiting.
        max_age: How old a recording may be: days as a number, a text (``"30d"``, ``"12h"``, ``"2 weeks"``) or a
            ``timedelta``. An older one is a warning, and where ``CI`` is set a
            :exc:`~promptecho.errors.CassetteExpiredError`. Default: any age.
        max_live_calls: How many calls may go out in the whole run, over all cassettes; one more raises
            :exc:`~promptecho.errors.LiveBudgetError` and is not sent. Default: any number.
        max_live_usd: The same by what the calls cost, in US dollars; needs ``promptecho[prices]``.

    Raises:
        SettingsError: a wrong argument, at once; the text lists the right ones.
        BackendError: on entering, if a named library is not installed.
        CassetteFormatError: on entering, if the file is damaged, foreign or of another version.
        CassetteFileError: on entering, if it can't be read; on leaving, if a re-recording can't take its place.
        CassetteExpiredError: on entering, in CI, if it is older than ``max_age``.
        CassetteNestingError: on entering, if another cassette is open in this context.
        CassetteMiss: on leaving, if there was a miss that the code under test has swallowed.
    """

    def __init__(
        self,
        path: PathLike,
        mode: str | Mode | None = None,
        match_on: MatchOn = None,
        on_record_error: str | None = None,
        *,
        backends: str | Sequence[str] | None = None,
        repeats: str | None = None,
        ignore: Sequence[str] | None = None,
        volatile: Volatile | None = None,
        ignore_hosts: Sequence[str] | None = None,
        ignore_localhost: bool | None = None,
        only_hosts: Sequence[str] | None = None,
        block_network: bool | None = None,
        redact: Redactions | None = None,
        on_secret: str | None = None,
        before_record: Hooks | None = None,
        timing: bool | None = None,
        replay_speed: float | None = None,
        max_age: float | str | timedelta | None = None,
        max_live_calls: int | None = None,
        max_live_usd: float | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "path", "__class__")}
        self._set_up(path, given, "use_cassette")

    def _set_up(
        self,
        path: PathLike,
        given: Mapping[str, Any],
        place: str,
        project: Mapping[str, Any] | None = None,
        lower: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            self.path: Path = Path(os.fspath(path))
        except TypeError:
            raise SettingsError(f"{place}: path={path!r} is no path; name the cassette file") from None
        if self.path.name == "":
            raise SettingsError(f"{place}: path is empty; name the cassette file")
        self._given = {name: value for name, value in given.items() if value is not None}
        self._place = place
        self._project = project
        self._lower = lower
        self._shares = False
        self._grown: set[Path] = set()
        self._entries: list[_Entry] = []
        _settings.check(self._given, place)

    @classmethod
    def from_plugin(
        cls, path: Path, given: Mapping[str, Any], place: str, *, project: Mapping[str, Any], lower: Mapping[str, Any]
    ) -> use_cassette:
        """A cassette whose arguments come from a marker; ``project`` and ``lower`` as for ``_settings.resolve``."""
        made = cls.__new__(cls)
        made._set_up(path, given, place, project, lower)
        return made

    def is_growing(self, path: Path) -> bool:
        """Whether this decorator of a class began the file in this process, so that its next method goes on with it."""
        return path in self._grown

    def note_grown(self, path: Path) -> None:
        if self._shares:
            self._grown.add(path)

    # --- context manager ---

    def _enter(self) -> _Entry:
        current = _current.get()
        if current is not None and current.session.open and current.owner is self:
            current.enter_again()  # a decorated method that calls another one, or itself
            return current
        settings = _settings.resolve(self._given, place=self._place, lower=self._lower, project=self._project)
        return _Entry(self, self.path if self.path.is_absolute() else _settings.current_folder() / self.path, settings)

    def __enter__(self) -> Cassette:
        entry = self._enter()
        self._entries.append(entry)
        return entry.session.cassette

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(error)

    def leave(self, error: BaseException | None) -> None:
        """Close what ``__enter__`` opened; an error keeps the recording marked unfinished."""
        current = _current.get()
        entry = current if current in self._entries else self._entries[-1]
        assert entry is not None
        self._entries.remove(entry)
        entry.leave(error)

    async def __aenter__(self) -> Cassette:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # --- decorator ---

    def __call__(self, function: F) -> F:
        decorated: Any = self._decorate(function)
        return decorated  # type: ignore[no-any-return]  # the wrapper has the signature of what it wraps

    def _decorate(self, function: Any) -> Any:
        if inspect.isclass(function):
            return self._decorate_class(function)
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(self._decorate(function.__func__))
        if not callable(function):
            raise TypeError(f"use_cassette decorates functions and classes, not {function!r}")
        inner = function
        while isinstance(inner, functools.partial):
            inner = inner.func
        if not inspect.isroutine(inner):
            inner = type(inner).__call__
        if inspect.isasyncgenfunction(inner):
            return self._async_generator(function)
        if inspect.iscoroutinefunction(inner):
            return self._coroutine(function)
        if inspect.isgeneratorfunction(inner):
            return self._generator(function)
        return self._plain(function)

    def _decorate_class(self, decorated: Any) -> Any:
        own = {
            name: value
            for name, value in vars(decorated).items()
            if not name.startswith("__")
            and (inspect.isfunction(value) or isinstance(value, (staticmethod, classmethod)))
        }
        tests = {name: value for name, value in own.items() if name.startswith("test")}
        if not own:
            raise TypeError(f"use_cassette: the class {decorated.__name__} has no methods of its own to decorate")
        self._shares = True
        for name, value in (tests or own).items():
            setattr(decorated, name, self._decorate(value))
        return decorated

    def _plain(self, function: Any) -> Any:
        @functools.wraps(function, updated=())
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with _Use(self):
                result = function(*args, **kwargs)
            if inspect.iscoroutine(result):
                return self._awaited(result)
            if inspect.isasyncgen(result):
                return self._async_generator(lambda: result)()
            if inspect.isgenerator(result):
                return self._generator(lambda: result)()
            return result

        return wrapper

    async def _awaited(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            with _Use(self):
                return await coroutine
        finally:
            coroutine.close()  # without this, a cassette that can't be opened leaves it never awaited

    def _coroutine(self, function: Any) -> Any:
        @functools.wraps(function, updated=())
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with _Use(self):
                return await function(*args, **kwargs)

        return wrapper

    def _generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Any:
        @functools.wraps(function, updated=())
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with _Use(self):
                return (yield from function(*args, **kwargs))

        return wrapper

    def _async_generator(self, function: Callable[..., AsyncGenerator[Any, Any]]) -> Any:
        @functools.wraps(function, updated=())
        async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with _Use(self):
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


class _Use:
    """One use of a decorator: an entry of its own for each call, so that calls in several threads don't mix."""

    def __init__(self, owner: use_cassette) -> None:
        self._owner = owner
        self._entry: _Entry | None = None

    def __enter__(self) -> None:
        self._entry = self._owner._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._entry is not None:
            # A generator that is closed early ended as it was meant to.
            self._entry.leave(None if isinstance(error, GeneratorExit) else error)
