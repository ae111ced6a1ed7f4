"""Opens the file of a cassette for a session, by mode, and closes the recording in it at a clean end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from promptecho import _clock, providers
from promptecho._backends.adapters import known_backends
from promptecho._cassette import index as _index
from promptecho._cassette import store
from promptecho._cassette.cassette import Cassette
from promptecho._defaults import is_ci
from promptecho._matching.canonical import has_registered
from promptecho._matching.identity import Json
from promptecho._secrets.passes import Redactor
from promptecho._session import begun
from promptecho._session.refusals import refusals, without_refusals
from promptecho._session.rerecording import Rerecording
from promptecho._session.session import Session
from promptecho._settings.settings import Mode, Settings
from promptecho._warning import warn
from promptecho.errors import CassetteExpiredError, CassetteFileError, CassetteWarning, SettingsError

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def open_session(path: Path, settings: Settings) -> tuple[Session, Path | None]:
    """The session of a cassette, and the file that a re-recording replaces at its end."""
    cassette = Cassette(path, settings.match)
    journal, resuming = (
        _open_beside(cassette, settings) if settings.mode is Mode.ALL else _open_in_place(cassette, settings)
    )
    if journal is not None and settings.max_live_usd is not None:
        from promptecho._telling.prices import is_available

        if not is_available():
            raise SettingsError("max_live_usd needs prices: pip install 'promptecho[prices]', or set max_live_calls")
    redactor = Redactor(os.environ, redact=settings.redact)
    session = Session(cassette, settings, redactor, _clock.monotonic(), journal=journal, resuming=resuming)
    return session, path if settings.mode is Mode.ALL else None


def join_session(
    path: Path, settings: Settings, *, journal: Path | None, known: int, resuming: bool, left_out: bool
) -> Session:
    """The session of a child process, in the cassette that another process has opened.

    ``journal``: the file that grows, if calls may be recorded; ``known``: how many recordings it held when it was
    opened there, since those that are made meanwhile answer nothing here either; ``left_out``: not all of them counted.
    """
    cassette = Cassette(path, settings.match)
    grows: store.Journal | None = None
    if journal is None:
        data = store.read_bytes(path)
        index = None if data is None or has_registered() else _index.index(data, path, settings.match.digest)
        if index is not None:
            cassette.add_index(index)
        elif data is not None:
            cassette.add_document(store.parse(store.decode(data, path), path))
    else:
        text = store.read_text(journal)
        if text is not None:
            document = store.parse(text, journal)
            if settings.repeats != "reuse":
                document.items = document.items[:known]
            if left_out:
                document, _ = without_refusals(document)
            cassette.add_document(document)
        grows = store.Journal(journal, _Header(settings), like=path)
    redactor = Redactor(os.environ, redact=settings.redact)
    return Session(cassette, settings, redactor, _clock.monotonic(), journal=grows, resuming=resuming)


def _open_beside(cassette: Cassette, settings: Settings) -> tuple[store.Journal | None, bool]:
    """For mode ``"all"``: the journal of the file beside the cassette, and whether it takes up an earlier one."""
    journal = Rerecording(cassette.file, _Header(settings))
    try:
        return journal, journal.take_up(cassette)
    except BaseException:
        journal.release()
        raise


def _open_in_place(cassette: Cassette, settings: Settings) -> tuple[store.Journal | None, bool]:
    """The journal of the cassette's own file, if calls may be recorded, and whether it goes on with a recording."""
    path, mode = cassette.file, settings.mode
    data = store.read_bytes(path)
    if data is None:
        if mode is Mode.NONE:
            return None, False
        begun.note(path)
        return store.Journal(path, _Header(settings)), False
    growing = mode is Mode.ONCE and begun.has(path)
    if mode in (Mode.NONE, Mode.ONCE) and not growing and not has_registered():
        index = _index.index(data, path, settings.match.digest)
        if index is not None:
            cassette.add_index(index)
            _report(store.Document(index.header), path, settings)
            return None, False
    document = store.parse(store.decode(data, path), path)
    resuming = document.unfinished or growing
    left_out: list[Json] = []
    if document.unfinished and not growing:  # what this run records itself may still be followed by a retry
        document, left_out = without_refusals(document)
    cassette.add_document(document, b"" if left_out else data)
    _report(document, path, settings)
    if cassette.unmatchable:
        names = ", ".join(f"interactions[{each.number}]" for each in cassette.unmatchable)
        warn(
            f"{path}: {names} can't be matched: a part of the request was written once, in a recording that isn't in "
            f"the file any more. Run `promptecho repair {path}` to see what is lost, or restore the file",
            CassetteWarning,
        )
    if not (mode is Mode.NEW_EPISODES or (mode is Mode.ONCE and resuming)):
        return None, resuming
    if document.unfinished:
        begun.note(path)
    journal = store.Journal(path, document.header)
    journal.left_out = left_out
    return journal, resuming


def _report(document: store.Document, path: Path, settings: Settings) -> None:
    if document.torn:
        warn(
            f"{path}: the last recording was cut off while it was written, and "
            "is left out; what stands before it is kept",
            CassetteWarning,
        )
    if document.unfinished and settings.mode is Mode.NONE:
        warn(
            f"{path} is marked unfinished: its recording was interrupted. "
            "Run it once in mode 'once' to record the rest",
            CassetteWarning,
        )
    if settings.max_age is not None:
        _check_age(document.header.get("recorded_at"), path, settings.max_age)
    recorded = document.header.get("match_on")
    if settings.match.explicit and recorded is not None and recorded != settings.match.names:
        warn(
            f"{path} was recorded with match_on={recorded}, and this test asks for {settings.match.names}: "
            "the test's list is used",
            CassetteWarning,
        )


def _check_age(recorded_at: Json, path: Path, days: float) -> None:
    try:
        age = _clock.now() - datetime.strptime(str(recorded_at), _TIME).replace(tzinfo=timezone.utc)
        if age <= timedelta(days=days):
            return
        what = f"was recorded {age.days} days ago"
    except ValueError:
        what = "doesn't say when it was recorded"
    text = f"{path} {what}, and max_age is {days:g} days: record it again with PROMPTECHO_MODE=all"
    if is_ci():
        raise CassetteExpiredError(text)
    warn(text, CassetteWarning)


class _Header(Mapping[str, Json]):
    """The keys above the interactions of a new file.

    They are made when the first recording is written: by then the SDK in use is imported, and its version known.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, Json] | None = None

    def _make(self) -> dict[str, Json]:
        if self._made is None:
            import platform
            import sys
            from importlib import metadata

            from promptecho._cassette.layout import Flow
            from promptecho._version import __version__

            versions: dict[str, Json] = {"promptecho": __version__, "python": platform.python_version()}
            libraries = [(name, name) for name in known_backends()]
            for name, module in (*libraries, *((sdk.package, sdk.imported) for sdk in providers.sdks())):
                if module in sys.modules:
                    try:
                        versions[name] = metadata.version(name)
                    except metadata.PackageNotFoundError:
                        continue
            names = self._settings.match.names
            self._made = {
                "match_on": Flow(names) if isinstance(names, list) else names,
                "recorded_at": _clock.now().strftime(_TIME),
                "recorded_with": versions,
            }
        return self._made

    def __getitem__(self, key: str) -> Json:
        return self._make()[key]

    def __iter__(self) -> Any:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


def drop_refusals(session: Session, since: int = 0) -> list[int]:
    """Take what would be replayed to a user who tries again out of a recording that did not end well.

    ``since`` is the number of recordings made before what went wrong began. Gives the status of each that is taken out.
    """
    recorder = session.recorder
    if recorder is None or session.cassette.recorded_count <= since:
        return []
    recorded = [interaction.document for interaction in session.cassette.recorded]
    places = {since + place for place in refusals(recorded[since:])} - recorder.dropped
    unwanted = [recorded[place] for place in sorted(places)]
    recorder.journal.remove(unwanted)
    recorder.dropped |= places
    return [item["response"]["status"] for item in unwanted]


def drop_refusals_late(session: Session, opener: str) -> list[int]:
    """The same when the recording is complete already, and what used it went wrong afterwards."""
    recorder = session.recorder
    recorded = [interaction.document for interaction in session.cassette.recorded]
    unwanted = [recorded[place] for place in refusals(recorded)]
    if recorder is None or not unwanted:
        return []
    path = session.cassette.file
    journal = store.Journal(path, {})
    begun.settle(path, opener, failed=True)
    journal.mark_unfinished()
    journal.remove(unwanted)
    return [item["response"]["status"] for item in unwanted]


def finish(session: Session, target: Path | None, opener: str, *, failed: bool) -> None:
    """The end of one use of a cassette: a clean one completes the recording, and a re-recording replaces ``target``.

    ``opener`` is what opened it, as in ``_begun``.
    """
    cassette = session.cassette
    if session.recorder is None:
        return
    journal = session.recorder.journal
    touched = bool(cassette.recorded_count or (cassette.played and session.resuming))
    if target is None:
        if touched or failed:
            journal.remove(journal.left_out)  # the next use in this run goes on with all that is there
        complete, was_the_last = begun.settle(cassette.file, opener, failed=failed)
        if complete and (touched or was_the_last):
            journal.complete()
            if not begun.is_complete(cassette.file):  # in another worker, meanwhile
                journal.mark_unfinished()
        elif failed and begun.has(cassette.file):
            try:
                journal.mark_unfinished()
            except CassetteFileError as problem:  # the failure itself is what the user is to see
                warn(str(problem), CassetteWarning)
        return
    if failed or not touched:
        return
    journal.remove(journal.left_out)
    assert isinstance(journal, Rerecording)
    journal.replace(cassette)


def recordings_in(session: Session) -> int:
    """How many recordings the file of a session has by now, whoever has made them."""
    text = store.read_text(session.cassette.file)
    return 0 if text is None else len(store.parse(text, session.cassette.file).items)


def release(session: Session) -> None:
    """The session is over, however it ended."""
    if session.recorder is not None and isinstance(session.recorder.journal, Rerecording):
        session.recorder.journal.release()
