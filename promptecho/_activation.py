"""``use_cassette``, and which cassette is active in a context.

A cassette is active in the context that entered it and in what that context starts (asyncio tasks copy contexts). A
thread or task with none of its own uses the only active one; with several to choose from it gets an error, not a guess.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, Union

from promptecho import _backend, _guard, _index, _run, _settings, _store
from promptecho._cassette import Cassette
from promptecho._defaults import is_ci
from promptecho._matching import Json, MatchOn
from promptecho._redaction import Redactor
from promptecho._session import Session
from promptecho._settings import Mode, Settings
from promptecho._swallowed import was_caught_on_purpose
from promptecho.errors import (
    AmbiguousCassetteError,
    CassetteExpiredError,
    CassetteFileError,
    CassetteNestingError,
    CassetteWarning,
    SettingsError,
)
from promptecho.normalizers import has_registered

F = TypeVar("F")
_current: ContextVar[_Entry | None] = ContextVar("promptecho_cassette", default=None)
_open: tuple[_Entry, ...] = ()
_lock = threading.Lock()
_rerecorded: set[Path] = set()  # what mode="all" has replaced in this process


def session_for(backend: str) -> Session | None:
    """The session that decides on a call that a backend sees, if there is one; for the wrappers of backends.

    Raises:
        AmbiguousCassetteError: several cassettes are open and none of them is this context's own.
    """
    if not _open or _backend.is_suppressed():
        return None
    entry = _current.get()
    if entry is None or not entry.session.open:
        opened = _open
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
    return entry.session if backend in entry.backends else None


def _watched() -> _guard.Watch | None:
    """For the guard: what this context's cassette asks for, or the strictest of the open ones."""
    entry = _current.get()
    entries = (entry,) if entry is not None and entry.session.open else _open
    if not entries:
        return _OUTSIDE if _blocks_outside else None
    strictest = next((each for each in entries if each.settings.mode is Mode.NONE), entries[0])
    return _guard.Watch(
        str(strictest.settings.mode),
        any(each.settings.block_network for each in entries),
        strictest.session.cassette.misses.append,
    )


_OUTSIDE = _guard.Watch(str(Mode.NONE), True, lambda error: None)
_blocks_outside = False


def block_network_outside() -> None:
    """Let the guard refuse connections in this process where no cassette is open, too; loopback aside."""
    global _blocks_outside
    _blocks_outside = True
    _guard.listen(_watched)


class _Entry:
    """One entered cassette, until it is left."""

    session: Session

    def __init__(self, owner: use_cassette, path: Path, settings: Settings) -> None:
        self.owner = owner
        self.settings = settings
        outer = _current.get()
        if outer is not None and outer.session.open:
            raise CassetteNestingError(
                f"{path} was entered inside {outer.session.cassette.path}, in one context; a call could belong to "
                "either. Leave the first cassette before, or enter the second in a thread or task of its own"
            )
        self.backends = _backend.choose(settings.backends)
        self.session, self.target = _open_session(path, settings, owner.is_growing(path))
        self.rerecorded_before = frozenset(_rerecorded) if self.target is not None else frozenset()
        self._installed = _backend.with_layers(self.backends)
        _backend.install(self._installed)
        _guard.listen(_watched)
        self._token = _current.set(self)
        self._depth = 1
        global _open
        with _lock:
            _open = (*_open, self)

    def enter_again(self) -> None:
        self._depth += 1

    def leave(self, error: BaseException | None) -> None:
        self._depth -= 1
        if self._depth:
            return
        global _open
        try:
            self.session.close()
        finally:
            with _lock:
                _open = tuple(entry for entry in _open if entry is not self)
            _backend.uninstall(self._installed)
            try:
                _current.reset(self._token)
            except ValueError:  # left in another context than entered (async fixtures, generators)
                if _current.get() is self:
                    _current.set(None)
        try:
            if error is None:
                _finish(self)
        finally:
            if _run.watching:
                _note_closed(self, error)
        if error is None or isinstance(error, Exception):
            # The code under test swallowed it; the test would go on with a call that never happened.
            for miss in self.session.cassette.misses:
                if not was_caught_on_purpose(miss):
                    raise miss


def _open_session(path: Path, settings: Settings, growing: bool) -> tuple[Session, Path | None]:
    """The session of a cassette, and the file that a re-recording replaces at its end."""
    cassette = Cassette(path, settings.match)
    journal: _store.Journal | None = None
    target: Path | None = None
    resuming = False
    if settings.mode is Mode.ALL:
        if path.is_dir():
            raise CassetteFileError(f"{path} is a folder; a cassette is a YAML file: name a file in it")
        target = path
        side = _store.side_path(Path(os.path.realpath(path)))
        text = _store.read_text(side)
        if text is not None:
            document = _store.parse(text, side)
            cassette.add_document(document)
            resuming = True
            warnings.warn(
                f"{side}: an earlier re-recording of {path.name} stopped half-way; its {len(document.items)} "
                "recording(s) are taken up and the rest is recorded. Delete that file first to record everything again",
                CassetteWarning,
                stacklevel=5,
            )
        journal = _store.Journal(side, _header(settings))
    else:
        data = _store.read_bytes(path)
        may_replay = settings.mode in (Mode.NONE, Mode.ONCE) and not growing and not has_registered()
        index = _index.index(data, path, settings.match.digest) if data is not None and may_replay else None
        if data is None:
            if settings.mode is not Mode.NONE:
                journal = _store.Journal(path, _header(settings))
        elif index is not None:
            cassette.add_index(index)
            _report(_store.Document(index.header), path, settings)
        else:
            document = _store.parse(_store.decode(data, path), path)
            cassette.add_document(document)
            _report(document, path, settings)
            resuming = document.unfinished or growing
            if settings.mode is Mode.NEW_EPISODES or (settings.mode is Mode.ONCE and resuming):
                journal = _store.Journal(path, document.header)
    if journal is not None and settings.max_live_usd is not None:
        from promptecho._prices import is_available

        if not is_available():
            raise SettingsError("max_live_usd needs prices: pip install 'promptecho[prices]', or set max_live_calls")
    redactor = Redactor(os.environ, redact=settings.redact)
    session = Session(cassette, settings, redactor, time.monotonic, journal=journal, resuming=resuming)
    return session, target


def _report(document: _store.Document, path: Path, settings: Settings) -> None:
    if document.torn:
        warnings.warn(
            f"{path}: the last recording was cut off while it was written, and "
            "is left out; what stands before it is kept",
            CassetteWarning,
            stacklevel=6,
        )
    if document.unfinished and settings.mode is Mode.NONE:
        warnings.warn(
            f"{path} is marked unfinished: its recording was interrupted. "
            "Run it once in mode 'once' to record the rest",
            CassetteWarning,
            stacklevel=6,
        )
    if settings.max_age is not None:
        _check_age(document.header.get("recorded_at"), path, settings.max_age)
    recorded = document.header.get("match_on")
    if settings.match.explicit and recorded is not None and recorded != settings.match.names:
        warnings.warn(
            f"{path} was recorded with match_on={recorded}, and this test asks for {settings.match.names}: "
            "the test's list is used",
            CassetteWarning,
            stacklevel=6,
        )


def _check_age(recorded_at: Json, path: Path, days: float) -> None:
    try:
        age = datetime.now(timezone.utc) - datetime.strptime(str(recorded_at), _TIME).replace(tzinfo=timezone.utc)
        if age <= timedelta(days=days):
            return
        what = f"was recorded {age.days} days ago"
    except ValueError:
        what = "doesn't say when it was recorded"
    text = f"{path} {what}, and max_age is {days:g} days: record it again with PROMPTECHO_MODE=all"
    if is_ci():
        raise CassetteExpiredError(text)
    warnings.warn(text, CassetteWarning, stacklevel=7)


_TIME = "%Y-%m-%dT%H:%M:%SZ"
_VERSIONS = (
    "httpx", "httpx2", "requests", "urllib3", "aiohttp",
    "openai", "anthropic", "mistralai", "google-genai", "cohere", "groq", "ollama", "huggingface_hub",
    "litellm", "boto3",
)  # fmt: skip


def _header(settings: Settings) -> Mapping[str, Json]:
    """The keys above the interactions of a new file; versions of what is loaded, known once the first call is made."""
    return _Header(settings)


class _Header(Mapping[str, Json]):
    """The header of a new file, made when the first recording is written: by then the SDK in use is imported."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, Json] | None = None

    def _make(self) -> dict[str, Json]:
        if self._made is None:
            import platform
            import sys
            from importlib import metadata

            from promptecho._version import __version__
            from promptecho._yaml import Flow

            versions: dict[str, Json] = {"promptecho": __version__, "python": platform.python_version()}
            for name in _VERSIONS:
                if {"google-genai": "google.genai"}.get(name, name) in sys.modules:
                    try:
                        versions[name] = metadata.version(name)
                    except metadata.PackageNotFoundError:
                        continue
            names = self._settings.match.names
            self._made = {
                "match_on": Flow(names) if isinstance(names, list) else names,
                "recorded_at": time.strftime(_TIME, time.gmtime()),
                "recorded_with": versions,
            }
        return self._made

    def __getitem__(self, key: str) -> Json:
        return self._make()[key]

    def __iter__(self) -> Any:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


def _note_closed(entry: _Entry, error: BaseException | None) -> None:
    """For the summary of a test run."""
    from promptecho._tally import tally

    session, place = entry.session, "file"
    if entry.target is not None:
        place = "beside" if entry.target in entry.rerecorded_before else "new"
    unfinished = session.journal is not None and error is not None and bool(session.cassette.recorded_count)
    _run.closed.append(tally(session.cassette, place=place, failed=error is not None, unfinished=unfinished))


def _finish(entry: _Entry) -> None:
    """A clean end: the recording is complete, and a re-recording takes its place."""
    session, target = entry.session, entry.target
    journal, cassette = session.journal, session.cassette
    if journal is None or not (cassette.recorded_count or (cassette.played and session.resuming)):
        return
    if target is None:
        journal.complete()
        entry.owner.note_grown(cassette.path)
        return
    if target in _rerecorded:  # another test of this run re-recorded into the same file: what it asked is kept
        text = _store.read_text(target)
        document = _store.parse(text, target) if text is not None else _store.Document()
        earlier = Cassette(target, cassette.options)
        earlier.add_document(document)
        now = {interaction.identity.key for interaction in cassette.recorded}
        for interaction in earlier.interactions:
            if interaction.identity.key not in now:
                journal.append(interaction.document)
    journal.complete()
    journal.move_to(target)
    _rerecorded.add(target)


PathLike = Union[str, "os.PathLike[str]"]


class use_cassette:  # noqa: N801 - used like a function: decorator and context manager
    """Record the LLM calls of a block or function into a cassette once, and replay them from then on.

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])

    >>> @promptecho.use_cassette("cassettes/answer.yaml")
    ... async def test_answer(): ...

    Args:
        path: the cassette, a YAML file. A relative path is resolved when the cassette opens.
        mode: ``"once"`` (default), ``"none"``, ``"new_episodes"`` or ``"all"``; ``PROMPTECHO_MODE`` wins over it.
        match_on: the body fields that tell requests apart (dotted paths too), or ``"all"``.
        on_record_error: what to do about a status of 400 or more: ``"warn"`` (default), ``"raise"`` or ``"record"``.
        backends: names of HTTP libraries to intercept, or ``"all"``; default: httpx and httpx2.
        repeats: ``"sequence"`` (default): the k-th identical call gets the k-th recording, then the last one again;
            ``"reuse"``: one recording per distinct call; ``"strict"``: each recording plays once.
        ignore: paths of the body to leave out of matching.
        volatile: what to mask in prompts when comparing: ``"uuid"``, ``"datetime"``, ``"date"``, ``"time"``, regexes.
        ignore_hosts, ignore_localhost, only_hosts: which traffic passes through untouched.
        block_network: any connection that goes around the cassette raises, loopback aside.
        redact: patterns and functions that mask more than credentials before anything is written.
        on_secret: ``"warn"`` (default), ``"fail"`` or ``"ignore"`` when a body holds what looks like a credential.
        before_record: functions that see an interaction's tree and return it, changed or not, or ``None`` to drop it.
        timing: keep the seconds between chunks. replay_speed: wait them on replay (1.0: as recorded).
        max_age: how old a recording may be, in days or as ``"30d"``: older is a warning, and in CI an error.
        max_live_calls, max_live_usd: how much a run may spend; a call more raises. USD need ``promptecho[prices]``.

    Raises:
        SettingsError: a wrong argument; the text lists the right ones.
        CassetteFormatError, CassetteFileError: on entering, if the file can't be used.
        CassetteNestingError: on entering, if a cassette is open in this context.
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
        volatile: Sequence[Any] | None = None,
        ignore_hosts: Sequence[str] | None = None,
        ignore_localhost: bool | None = None,
        only_hosts: Sequence[str] | None = None,
        block_network: bool | None = None,
        redact: Any = None,
        on_secret: str | None = None,
        before_record: Any = None,
        timing: bool | None = None,
        replay_speed: float | None = None,
        max_age: float | str | timedelta | None = None,
        max_live_calls: int | None = None,
        max_live_usd: float | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "path", "__class__")}
        self._set_up(path, given, "use_cassette", {})

    def _set_up(self, path: PathLike, given: Mapping[str, Any], place: str, lower: Mapping[str, Any]) -> None:
        try:
            self.path = Path(os.fspath(path))
        except TypeError:
            raise SettingsError(f"{place}: path={path!r} is no path; name the cassette file") from None
        if self.path.name == "":
            raise SettingsError(f"{place}: path is empty; name the cassette file")
        self._given = {name: value for name, value in given.items() if value is not None}
        self._place = place
        self._lower = lower
        self._shares = False
        self._grown: set[Path] = set()
        self._entries: list[_Entry] = []
        _settings.check(self._given, place)

    @classmethod
    def from_plugin(cls, path: Path, given: Mapping[str, Any], place: str, lower: Mapping[str, Any]) -> use_cassette:
        """A cassette whose arguments come from a marker; ``lower`` are checked values that they win over."""
        made = cls.__new__(cls)
        made._set_up(path, given, place, lower)
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
        settings = _settings.resolve(self._given, place=self._place, lower=self._lower)
        return _Entry(self, self.path if self.path.is_absolute() else Path.cwd() / self.path, settings)

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
