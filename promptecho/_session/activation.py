"""``use_cassette``, and which cassette is active in a context.

A cassette is active in the context that entered it and in what that context starts (asyncio tasks copy contexts); of
several, one opened inside the other, the innermost is. A thread or task with none of its own uses the only active one,
or the innermost; with several to choose from it gets an error, not a guess.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload
from urllib.parse import urlsplit

from promptecho import _forks
from promptecho._backends import adapters, patching, suppression
from promptecho._cassette.cassette import Cassette
from promptecho._guard import background, guard
from promptecho._harmless import plain
from promptecho._matching.identity import MatchOn
from promptecho._misses import workers
from promptecho._processes import children
from promptecho._session import opening, run_folder
from promptecho._session.decorating import Opener, decorate, is_failure, opener_of_block
from promptecho._session.session import Session, lets_out
from promptecho._settings import cassette_names
from promptecho._settings import paths as _paths
from promptecho._settings import settings as _settings
from promptecho._settings.settings import Hooks, Mode, PathLike, Redactions, Settings, Volatile
from promptecho._telling import run
from promptecho._warning import warn
from promptecho.errors import (
    AmbiguousCassetteError,
    CassetteNestingError,
    CassetteWarning,
    SettingsError,
    arrived,
)

F = TypeVar("F")
Decorated = TypeVar("Decorated", bound="Callable[..., Any] | classmethod[Any, Any, Any]")
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
    if not (_open or _outside) or suppression.is_suppressed():
        return None
    if url and _has_no_entry() and background.find(method, url):  # an exporter's thread belongs to no cassette
        return next((each.session for each in _open if each.session.is_pure_replay), None)
    entry = active_entry()
    if entry is None:
        guard_call(backend, method, url)
        return None
    if backend in entry.backends:
        return entry.session
    return entry.session if url and guard.look_at(entry.watch, backend, method, url) else None


def _has_no_entry() -> bool:
    """Whether several cassettes are open, and none of them is this context's own."""
    return len(_open) > 1 and _own() is None


def _own() -> _Entry | None:
    """The innermost open cassette that this context entered, or was started in."""
    entry = _current.get()
    while entry is not None and not entry.is_active:
        entry = entry.outer
    if entry is not None and entry.is_of_run:
        # Fixtures open cassettes one after the other, and the context of an event loop may be older than the last.
        return [each for each in _open if each.is_active and each.is_of_run][-1]
    return entry


def active_entry() -> _Entry | None:
    """The cassette that a call belongs to which is made here, if there is one."""
    entry = _own()
    if entry is not None:
        return entry
    opened = [each for each in _open if each.is_active]
    # What a child process opens itself stands before what it was started in.
    opened = [each for each in opened if not each.is_inherited] or opened
    around = {id(outer) for each in opened for outer in each.all_outer()}
    innermost = [each for each in opened if id(each) not in around]
    if len(innermost) > 1:
        paths = ", ".join(sorted(str(each.session.cassette.path) for each in innermost))
        raise AmbiguousCassetteError(
            f"a call came from a thread or task that has no cassette of its own while {len(innermost)} are open "
            f"({paths}); enter the cassette in that thread or task, or start it inside the cassette's context "
            "(contextvars.copy_context().run, asyncio.to_thread)"
        )
    return innermost[0] if innermost else None


def guard_call(library: str, method: str, url: str) -> None:
    """Let the guard look at a call that is neither recorded nor replayed, before anything is sent.

    >>> backend.guard_call("http.client", "GET", "https://api.example/")

    Raises:
        UninterceptedCallError: it must not go out.
        ConnectionRefusedError: it is background traffic, and no call goes out here.
    """
    watch = None if suppression.is_suppressed() else _watched()
    if watch is not None and url and guard.look_at(watch, library, method, url):
        host = urlsplit(url).hostname or ""
        run.note_call("background", host, library)
        raise guard.refuse(host)


def is_guarded() -> bool:
    """Whether the guard would look at a call made here, so that an adapter has to see it.

    >>> with promptecho.use_cassette("cassettes/answer.yaml"):
    ...     backend.is_guarded()
    True
    """
    return bool(_open or _outside) and not suppression.is_suppressed()


def _watched() -> guard.Watch | None:
    """For the guard: what this context's cassette asks for, or the strictest of the open ones."""
    entry = _own()
    if entry is not None:
        return entry.watch
    active = [each for each in _open if each.is_active]
    if active:
        return next((each.watch for each in active if each.watch.provider == "raise"), active[0].watch)
    current = _current.get()
    if current is None:
        late = guard.left_over()
    else:
        late = None if current.is_inherited or current.session.open else current.watch
    if late is None:
        return _outside
    if _outside is not None and "raise" in (_outside.provider, _outside.other):
        other = _outside.other or "note"
        return replace(late, is_open=False, provider="raise", other=other, note=_outside.note)
    return replace(late, is_open=False, other="note", note=guard.note_nothing)


_outside: guard.Watch | None = None


def watch_outside(watch: guard.Watch | None) -> None:
    """Let the guard look at calls in this process where no cassette is open, too."""
    global _outside
    _outside = watch
    if watch is not None:
        guard.listen(_watched)


class _Entry:
    """One entered cassette, until it is left."""

    session: Session
    ticket: Path | None = None  # by which this process has joined it
    is_inherited = False  # this is a child process of the one that opened it, and closes it

    def __init__(
        self, owner: Activation, opener: Opener, path: Path, instead_of: Path | None, settings: Settings
    ) -> None:
        self.owner = owner
        self.opener = opener
        self.settings = settings
        self.is_of_run: bool = owner.is_of_run
        self.outer = _own()
        if self.outer is not None and not (
            self.outer.is_inherited or owner.nests or self.outer.owner.is_made_for_nesting
        ):
            raise CassetteNestingError(_nesting(self.outer, path, self.opener))
        self.instead_of = instead_of
        self.backends = adapters.choose(settings.backends)
        self.session, self.target = opening.open_session(path, settings)
        self.watch = self._make_watch(path)
        self._installed = (*adapters.with_layers(self.backends), *children.LAYERS)
        patching.install(self._installed)
        guard.listen(_watched)
        children.watch_starts()
        self._threads = threading.enumerate()
        self._token = _current.set(self)
        self._depth = 1
        self._failure: BaseException | None = None  # of a use inside one that stays open
        self.refused: list[int] = []  # the statuses of the recordings that were taken out again
        global _open
        with _lock:
            _open = (*_open, self)
        if run.watching:
            run.opened.append(self.session.cassette)

    @property
    def is_active(self) -> bool:
        return self.session.open and not self.owner.is_set_aside

    def all_outer(self) -> Iterator[_Entry]:
        """The cassettes inside which this one was opened."""
        entry = self.outer
        while entry is not None:
            yield entry
            entry = entry.outer

    def _make_watch(self, path: Path) -> guard.Watch:
        """What this cassette asks of the guard, while it is open and of threads that outlive it."""
        is_none, blocks = self.settings.mode is Mode.NONE, self.settings.block_network
        return guard.Watch(
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
        if self.is_inherited:
            return
        if self._depth:
            if self.opener.stays_open and is_failure(error, self.opener):
                self._failure = error
            return
        global _open
        try:
            self.session.close()
        finally:
            with _lock:
                _open = tuple(entry for entry in _open if entry is not self)
            guard.note_left_over(self.watch, self._threads)
            patching.uninstall(self._installed)
            if not _open:
                children.take_variables_back()
            try:
                _current.reset(self._token)
            except ValueError:  # left in another context than entered (async fixtures, generators)
                if _current.get() is self:
                    _current.set(self.outer)
        failure = (error if is_failure(error, self.opener) else None) or self._failure
        try:
            if failure is not None or not (error is None or isinstance(error, GeneratorExit)):  # a skip, too
                self.drop_refusals()
            failed = failure is not None or bool(self.refused)
            opening.finish(self.session, self.target, self.opener.key, failed=failed)
        finally:
            opening.release(self.session)
            if run.watching:
                _note_closed(self, failure)
                _forget_uneventful(self.session.cassette)
            else:
                _warn_of_names(self.session)
        if self.session.cassette.untold_misses():
            _raise_swallowed(self.session.cassette, error)

    def drop_refusals(self, since: int = 0) -> None:
        """Don't keep what a wrong key or a limit answered: what used the cassette did not end well.

        ``since``: how many recordings it had when that began.
        """
        self.refused += opening.drop_refusals(self.session, since)

    def fail(self, error: BaseException) -> None:
        """A test has failed while this cassette is open around it."""
        self._failure = error

    def complete(self) -> None:
        """Finish the recording after all: the exception that ended it was expected."""
        opening.finish(self.session, self.target, self.opener.key, failed=False)


def _raise_swallowed(cassette: Cassette, error: BaseException | None) -> None:
    """Where the code under test swallowed a miss, the test would go on with a call that never happened."""
    from promptecho._misses import swallowed as _swallowed

    for miss in cassette.untold_misses():
        workers.settle(miss)
        if getattr(arrived(miss), "is_of_child", False) and not run.watching:
            # A program that is no test may have dealt with it; what its processes catch can't be seen here.
            warn(f"in a child process: {plain(str(miss))}", CassetteWarning)
    if error is None or isinstance(error, Exception):
        swallowed = _swallowed.first_swallowed([cassette], error)
        if swallowed is not None:
            raise swallowed


class _Inherited(_Entry):
    """The cassette of the process that started this one; it is opened here by the first call, and never closed."""

    is_inherited = True
    is_active = True
    is_of_run = False
    outer = None

    def __init__(
        self, settings: Settings, backends: Sequence[str], open_session: Callable[[], Session], ticket: Path
    ) -> None:
        self.settings = settings
        self.backends = tuple(backends)
        self.target = None
        self.ticket = ticket  # programs that are started here get it too, whatever becomes of the session
        self._open_session = open_session
        self._opened: Session | None = None
        self._opening = _forks.new_rlock()

    @property
    def session(self) -> Session:  # type: ignore[override]  # for others an attribute
        with self._opening:
            if self._opened is None:
                self._opened = self._open_session()
        return self._opened

    @functools.cached_property
    def watch(self) -> guard.Watch:  # type: ignore[override]  # for others an attribute
        """By the settings alone: a connection that is no LLM call doesn't open the cassette."""
        is_none, blocks = self.settings.mode is Mode.NONE, self.settings.block_network
        return guard.Watch(
            "raise" if is_none or blocks else "warn",
            "raise" if blocks else "warn" if is_none else "",
            holds_background=is_none,
            cassette=str(self.ticket),
            is_open=True,
            libraries=self.backends,
            note=lambda miss: self.session.cassette.note_miss(miss),
            lets_out=functools.partial(lets_out, self.settings),
        )


def inherit(settings: Settings, backends: Sequence[str], open_session: Callable[[], Session], ticket: Path) -> None:
    """In a child process: be in a cassette that another process has opened, from now on and to the end."""
    global _open
    entry = _Inherited(settings, backends, open_session, ticket)
    patching.install((*adapters.with_layers(entry.backends), *children.LAYERS))
    guard.listen(_watched)
    children.watch_starts()
    with _lock:
        _open = (*(each for each in _open if not isinstance(each, _Inherited)), entry)


def _warn_of_names(session: Session) -> None:
    """Outside of a test run, which tells it at its end: names in settings that no request has had."""
    if session.cassette.played or session.cassette.recorded_count:
        for setting, name in sorted(session.unseen.waiting):
            warn(f"{session.cassette.path}: {setting} has {name!r}, a field that no request here had", CassetteWarning)


def _forget_uneventful(cassette: Cassette) -> None:
    """Keep of the cassettes of a test those of which its report may have something to say."""
    if not cassette.misses and all(each.status < 400 for each in cassette.played):
        run.opened[:] = [each for each in run.opened if each is not cassette]


def _note_closed(entry: _Entry, error: BaseException | None) -> None:
    """For the summary of a test run."""
    from promptecho._telling.tally import tally

    session, refused = entry.session, entry.refused
    failed = error is not None or bool(refused)
    unfinished = failed and bool(session.cassette.recorded_count)
    told = tally(session.cassette, refused, again=entry.target is not None, failed=failed, unfinished=unfinished)
    told["names"] = [[*pair, pair not in session.unseen.waiting] for pair in session.unseen.given]
    total = getattr(session.recorder and session.recorder.journal, "total", 0)
    if total:  # what others recorded into it stays behind what was recorded now
        told.update(recordings=total, played=list(range(total)))
    elif run_folder.folder is not None and session.recorder is not None:
        # What the file has more by now, workers of this run have recorded.
        known, there = session.cassette.loaded_count, opening.recordings_in(session)
        told.update(recordings=there, played=sorted({*told["played"], *range(known, there)} & {*range(there)}))
    if entry.instead_of is not None:
        told["instead_of"] = str(entry.instead_of)
    run.closed.append(told)
    if error is not None and not refused:
        run.cut_off.append((error, told, entry.complete))
    if not failed and told["errors"]:
        run.ended_well.append(functools.partial(_drop_refusals_late, entry, told))


def _drop_refusals_late(entry: _Entry, told: dict[str, Any]) -> None:
    refused = opening.drop_refusals_late(entry.session, entry.opener.key)
    if refused:
        errors = [*told["errors"]]
        for status in refused:
            errors.remove(status)
        told.update(refused=refused, errors=errors, failed=True, unfinished=True)


def _nesting(outer: _Entry, path: Path, opener: Opener) -> str:
    """What is said of a cassette that is opened inside another."""
    still = ", which has not ended (a fixture that yields inside its cassette?)" if outer.opener.stays_open else ""
    return (
        f"{path} can't be opened: {outer.session.cassette.path} is open here.\n"
        f"  open: {outer.opener.text}{still}\n"
        f"  second: {opener.text}\n"
        "A call could belong to either. Use one of the two, leave the first before, enter the second in a thread or "
        "task of its own, or give the second nest=True: then it takes the calls while it is open"
    )


class Activation:
    """A cassette to open: a context manager, and a decorator. What ``use_cassette`` gives."""

    def __init__(
        self,
        path: object,
        given: Mapping[str, Any],
        place: str = "use_cassette",
        *,
        nest: object = None,
        project: Mapping[str, Any] | None = None,
        lower: Mapping[str, Any] | None = None,
        opener: Opener | None = None,
        is_made_for_nesting: bool = False,
    ) -> None:
        """``project`` and ``lower`` as for ``_settings.resolve``; ``opener``, if it is opened by a fixture."""
        self._paths: tuple[Path, ...] = (_path(path, place),) if path is not None else ()
        self._claim: tuple[str, str] | None = None  # what the cassette is named after, where nobody gave a path
        self._given = {name: value for name, value in given.items() if value is not None}
        self._place = place
        self._project = project
        self._lower = lower
        self._opener = opener
        self.is_of_run: bool = opener is not None
        self.is_set_aside: bool = (
            False  # it takes no calls: a fixture of wider scope than the cassette's is being set up
        )
        self.is_made_for_nesting: bool = is_made_for_nesting
        self.nests: bool = _settings._flag(nest, "nest", place) if nest is not None else False
        self._entries: list[_Entry] = []
        _settings.check(self._given, place)

    # --- context manager ---

    def _enter(self, opener: Opener) -> _Entry:
        current = _own()
        if current is not None and current.owner is self:
            current.enter_again()  # a decorated method that calls another one, or itself
            return current
        settings = _settings.resolve(self._given, place=self._place, lower=self._lower, project=self._project)
        return _Entry(self, self._opener or opener, *self._find(), settings)

    def _find(self) -> tuple[Path, Path | None]:
        if not self._paths:
            raise SettingsError(
                f"{self._place}: without a path it is a decorator, which takes the cassette's name from the function; "
                "in a with statement, name the file: with use_cassette('cassettes/name.yaml')"
            )
        path, *older = self._paths
        if self._claim is not None:
            others = _others(path, self._claim)
            if others:
                file, name = others[0]
                raise SettingsError(
                    f"shares {path.parent.name}/{path.name} with {name} in {Path(file).name}; "
                    "give @use_cassette a path of its own"
                )
            older = [each for each in older if not _others(each, self._claim)]
        return _paths.resolve(cassette_names.first_existing((path, *older)))

    def __enter__(self) -> Cassette:
        return self._begin(opener_of_block(1))

    def _begin(self, opener: Opener) -> Cassette:
        entry = self._enter(opener)
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
        return self._begin(opener_of_block(1))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # --- decorator ---

    def __call__(self, function: F) -> F:
        if not self._paths:
            self._name_after(function)
        decorated: Any = decorate(function, lambda opener: _Use(self, opener))
        return decorated  # type: ignore[no-any-return]  # the wrapper has the signature of what it wraps

    def _name_after(self, function: Any) -> None:
        inner = inspect.unwrap(getattr(function, "__func__", getattr(function, "_fixture_function", function)))
        while isinstance(inner, functools.partial):
            inner = inner.func
        name = getattr(inner, "__qualname__", type(inner).__qualname__).rpartition("<locals>.")[2]
        module = sys.modules.get(getattr(inner, "__module__", None) or "")
        methods = vars(inner).values() if inspect.isclass(inner) else ()
        code = next((each.__code__ for each in (inner, *methods) if inspect.isfunction(each)), None)
        file = Path(code.co_filename if code is not None else getattr(module, "__file__", None) or "")
        if not file.is_file():  # a notebook, an interpreter's prompt
            file = Path.cwd() / "promptecho"
        self._paths = cassette_names.paths_for_test(name, file.absolute())
        self._claim = (str(file), name)
        for path in self._paths:
            _claims.setdefault(str(path).casefold(), {})[self._claim] = None


_claims: dict[str, dict[tuple[str, str], None]] = {}  # which functions a cassette is named after


def _others(path: Path, claim: tuple[str, str]) -> list[tuple[str, str]]:
    return [each for each in _claims[str(path).casefold()] if each != claim]


def _path(given: object, place: str) -> Path:
    try:
        path = Path(os.fspath(given))  # type: ignore[call-overload]  # what is no path is told below
    except TypeError:
        raise SettingsError(f"{place}: path={given!r} is no path; name the cassette file") from None
    if path.name == "":
        raise SettingsError(f"{place}: path is empty; name the cassette file")
    return path


class _Use:
    """One use of a decorator: an entry of its own for each call, so that calls in several threads don't mix."""

    def __init__(self, owner: Activation, opener: Opener) -> None:
        self._owner = owner
        self._opener = opener
        self._entry: _Entry | None = None

    def __enter__(self) -> None:
        outer = _own()
        if self._opener.is_set_up and outer is not None and outer.opener.is_set_up and outer.owner is not self._owner:
            return  # the set-up of a decorated base class, called by that of a decorated class
        self._entry = self._owner._enter(self._opener)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._entry is not None:
            # A generator that is closed early ended as it was meant to.
            self._entry.leave(None if isinstance(error, GeneratorExit) else error)


@overload
def use_cassette(path: Decorated, /) -> Decorated: ...


@overload
def use_cassette(
    path: PathLike | None = None,
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
    nest: bool | None = None,
) -> Activation: ...


def use_cassette(
    path: Any = None,
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
    nest: bool | None = None,
) -> Any:
    """Record the LLM calls of a block or function into a cassette once, and replay them from then on.

    As a context manager (``with`` and ``async with``) it gives the :class:`Cassette`:

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     reply = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])
    >>> len(cassette.recorded) + len(cassette.played)
    1

    As a decorator it takes functions, ``async def``, generators, async generators, methods and classes. Each call of
    the function opens the cassette anew; the tests of a class (its other methods, if it has none) share one file, and
    so do its set-up, tear-down and clean-ups, inherited ones included.

    >>> @promptecho.use_cassette("cassettes/answer.yaml", mode="none")
    ... def answer():
    ...     return ask("hi")
    >>> answer() == reply.choices[0].message.content
    True

    Without a path, a decorator takes the name from what it decorates, as the pytest fixture does from a test:
    ``cassettes/<name>.yaml`` beside its source file.

    >>> @promptecho.use_cassette
    ... def answer():
    ...     return ask("hi")

    A thread or task without a cassette of its own uses the only open one, or the innermost of those that are open one
    inside the other; with several to choose from it gets an :exc:`~promptecho.errors.AmbiguousCassetteError`. ``None``
    for an argument means that the project's settings decide (variables, pytest ini file, :func:`configure`,
    ``[tool.promptecho]``), and after them the default that is named here.

    Args:
        path: The cassette, a YAML file; its folder is made with it. A relative path means the current folder when the
            cassette opens; in a pytest run that is still in the folder in which it was started, the root of the run. An
            existing file at the other of the two is used. Default: named after the decorated function or class.
        mode: ``"once"`` (default): record if there is no file yet, else replay, and an unknown call is a miss; what
            this process, or this pytest run, began to record it goes on with.
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
        nest: ``True`` lets the cassette open inside another one of the same context, and take the calls while it is
            open. Default: ``False``, an error.

    Raises:
        SettingsError: a wrong argument, at once; the text lists the right ones.
        BackendError: on entering, if a named library is not installed.
        CassetteFormatError: on entering, if the file is damaged, foreign or of another version.
        CassetteFileError: on entering, if it can't be read; on leaving, if a re-recording can't take its place.
        CassetteExpiredError: on entering, in CI, if it is older than ``max_age``.
        CassetteNestingError: on entering, if another cassette is open in this context, without ``nest=True``.
        CassetteMiss: on leaving, if there was a miss that the code under test has swallowed.
    """
    given = {name: value for name, value in locals().items() if name not in ("path", "nest")}
    if isinstance(path, (staticmethod, classmethod)) or (callable(path) and not isinstance(path, os.PathLike)):
        decorated: Any = path
        return Activation(None, given, nest=nest)(decorated)  # @use_cassette, without parentheses
    return Activation(path, given, nest=nest)
