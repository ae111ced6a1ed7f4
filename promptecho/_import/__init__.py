"""Recordings of other tools, brought into cassettes.

A reader per format translates entries to exchanges and knows nothing of cassettes. What is done with an exchange is
what is done with a call that is recorded: the session decides, keys, redacts and writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho._cassette.cassette import Cassette
from promptecho._cassette.layout import Flow
from promptecho._import.exchange import Entry, Exchange, Kept, Skipped, Source, time_of
from promptecho._import.formats import read_source
from promptecho._matching.headers import may_count
from promptecho._matching.identity import Identity, address, identify_recorded
from promptecho._models import Headers, Request
from promptecho._secrets.passes import Redactor, request_fields
from promptecho._session.recorder import Forward
from promptecho._session.session import Session
from promptecho._settings import settings as _settings
from promptecho._settings.settings import Settings
from promptecho._version import __version__
from promptecho.errors import CassetteFileError, CassetteFormatError

Json = Any
SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".har", ".gz")
# Who sent a request, as its User-Agent says, and the backend that such a call needs on replay.
_BACKENDS = (("python-requests/", "requests"), ("aiohttp/", "aiohttp"), ("Boto3/", "urllib3"), ("urllib3/", "urllib3"))


@dataclass(frozen=True)
class Imported:
    """What became of one file. ``errors`` counts statuses of 400 and more, ``skipped`` entries by reason.

    ``backends`` names the backends beyond the default that the recorded calls need, ``kept`` where the source is now,
    if the cassette took its place.
    """

    source: Path
    target: Path
    format: str
    recordings: int
    streams: int
    errors: int
    skipped: dict[str, int]
    warnings: tuple[str, ...]
    backends: tuple[str, ...]
    kept: Path | None = None


def import_file(
    source: Path, target: Path, *, format: str | None = None, force: bool = False, only_hosts: Sequence[str] = ()
) -> Imported:
    """Write the recordings of another tool's file as a cassette, as if the calls were recorded now.

    The settings of the project hold (what is matched, what is masked, which hosts are left out); ``only_hosts`` wins
    over them. The cassette is written beside its place and moved there when it is complete.

    Raises:
        CassetteFileError: the target is there and ``force`` isn't given, or a file can't be read or written.
        CassetteFormatError: the source can't be understood, or holds nothing that could be replayed.
        CassetteWriteError: a body holds credentials and the project says ``on_secret = "fail"``, or the disk is full.
        SettingsError: a setting of the project is wrong.
    """
    found = read_source(source, format)
    _check_target(source, target, force)
    entries = list(found.entries)
    arguments = {
        "on_record_error": "record",  # the calls were made long ago: there is nobody to warn
        "repeats": "sequence",
        "match_on": found.header.get("match_on"),
        "only_hosts": list(only_hosts) or None,
    }
    settings = _settings.resolve(arguments, place=f"import of {source}")
    settings = replace(settings, max_live_calls=None, max_live_usd=None)  # the calls were paid for long ago
    side = target.with_name(f".{target.stem[:100]}.importing-{os.getpid()}.yaml")
    try:
        writer = _Writer(target, settings, store.Journal(side, _header(found, entries, settings)))
        report = writer.write(source, found.format, entries)
        writer.journal.complete()
        if not force and os.path.lexists(target):  # the source itself
            _keep(source)
            report = replace(report, kept=_original(source))
        writer.journal.move_to(target)
    finally:
        with contextlib.suppress(OSError):
            side.unlink()
    return report


def _check_target(source: Path, target: Path, force: bool) -> None:
    if target.is_dir():
        raise CassetteFileError(f"{target} is a folder; a cassette is a YAML file: name a file in it, or use --into")
    if not force and os.path.lexists(target):
        if target.exists() and source.exists() and target.samefile(source):
            if not os.path.lexists(_original(source)):
                return
            raise CassetteFileError(
                f"{_original(source)} is there already, and would keep what {source} is now; pass --force to replace "
                f"{source} all the same, or another place with -o or --into"
            )
        raise CassetteFileError(
            f"{target} is there already; pass --force to replace it, or another place with -o or --into"
        )


def _original(source: Path) -> Path:
    """Where a file is kept whose cassette takes its place."""
    return source.with_name(source.name + ".orig")


def _keep(source: Path) -> None:
    import shutil

    try:
        shutil.copy2(source, _original(source))
    except OSError as problem:
        raise CassetteFileError(
            f"{source} can't be kept as {_original(source)}: {problem.strerror or problem}; it is as it was"
        ) from None


def _header(source: Source, entries: Sequence[Entry], settings: Settings) -> dict[str, Json]:
    names = settings.match.names
    header: dict[str, Json] = {"match_on": Flow(names) if isinstance(names, list) else names}
    times = [entry.recorded_at for entry in entries if isinstance(entry, Exchange) and entry.recorded_at is not None]
    recorded_at = time_of(source.header.get("recorded_at")) or min(map(_aware, times), default=None)
    if recorded_at is not None:
        header["recorded_at"] = recorded_at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    written_by = re.sub(r"[^\x20-\x7e]+", " ", source.written_by)[:80]
    header["recorded_with"] = {"promptecho": __version__, "imported_from": written_by}
    return header


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class _Clock:
    """Tells the time at which the recorded call ended, so that the session measures the recorded duration."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class _Writer:
    """Records exchanges into one file by way of a session."""

    def __init__(self, target: Path, settings: Settings, journal: store.Journal) -> None:
        self.journal = journal
        self._settings = settings
        self._clock = _Clock()
        self._redactor = Redactor(os.environ, redact=settings.redact)
        self._cassette = Cassette(target, settings.match)
        session = Session(self._cassette, settings, self._redactor, self._clock, journal=journal, resuming=False)
        assert session.recorder is not None  # a journal was given
        self._session, self._recorder = session, session.recorder
        self._skipped: Counter[str] = Counter()
        self._warned: dict[str, list[str]] = {}
        self._keys: Counter[str] = Counter()
        self._backends: dict[str, None] = {}

    def write(self, source: Path, format: str, entries: Sequence[Entry]) -> Imported:
        # What a request carries as credentials is masked everywhere, so all of it is to be known before the first.
        entries = [_without_placeholders(entry) for entry in entries]
        for entry in entries:
            if isinstance(entry, Exchange):
                self._redactor.learn(entry.request, only_headers=True)
        for number, entry in enumerate(entries):
            if isinstance(entry, Skipped):
                self._skipped[entry.reason] += 1
                if entry.warning:
                    self._warned.setdefault(entry.warning, [])
            else:
                self._record(entry, number)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._session.close()
        recorded = self._cassette.recorded
        if not recorded:
            why = ", ".join(f"{count} {reason}" for reason, count in self._skipped.items()) or "it is empty"
            raise CassetteFormatError(f"{source} holds no recording that could be taken over ({why})")
        return Imported(
            source,
            self._cassette.file,
            format,
            recordings=len(recorded),
            streams=sum(interaction.streaming for interaction in recorded),
            errors=sum(interaction.status >= 400 for interaction in recorded),
            skipped=dict(self._skipped),
            warnings=(
                *self._grouped(),
                *(str(warning.message).replace(f"{self._cassette.path}: ", "") for warning in caught),
            ),
            backends=tuple(self._backends),
        )

    def _record(self, exchange: Exchange, number: int) -> None:
        self._clock.now = 0.0
        forward = self._forward(exchange, exchange.kept)
        if forward is None:
            reason = "another host" if self._settings.only_hosts else "passes through by its host"
            self._skipped[reason] += 1
            return
        self._clock.now = exchange.duration
        if exchange.kept is None:
            forward.start(exchange.head)
            for chunk in exchange.chunks:
                forward.feed(chunk)
            forward.finish()
        else:
            kept = exchange.kept
            self._recorder.write(forward, exchange.head, list(exchange.chunks), list(kept.delays), kept.incomplete)
        url = self._redactor.url(exchange.request.url).partition("?")[0]
        for warning in exchange.warnings:
            self._warned.setdefault(warning, []).append(f"entry {number} ({exchange.request.method} {url})")
        sender = exchange.request.headers.get("user-agent")
        backend = next((name for mark, name in _BACKENDS if mark in sender), None)
        if backend is not None:
            self._backends[backend] = None

    def _forward(self, exchange: Exchange, kept: Kept | None) -> Forward | None:
        if kept is None:
            decision = self._session.decide(exchange.request)
            assert decision is None or isinstance(decision, Forward)  # there is nothing to replay yet
            if decision is not None and not exchange.has_headers:
                decision.identity = self._without_headers(decision.identity)
            return decision
        request = exchange.request
        if self._session.passes(request):
            return None
        body = kept.body
        if not self._redactor.is_clean(_text_of(kept)):
            fields = request_fields(request.method, address(request.url)[1], body)
            body = self._redactor.mask_tree(body, fields=fields)
        identity = identify_recorded(
            request.method, request.url, kept.query, body, self._settings.match, headers=kept.headers
        )
        repeat = self._keys[identity.key] if kept.repeat is None else kept.repeat
        self._keys[identity.key] += 1
        self.journal.prepare()
        return Forward(self._recorder, Request(request.method, request.url), identity, repeat)

    def _without_headers(self, identity: Identity) -> Identity:
        """The identity of a request of which no headers were kept: any will do."""
        normalizer = identity.provider if identity.registered else None
        return identify_recorded(
            identity.method, identity.url, identity.query, identity.body, self._settings.match, normalizer=normalizer
        )

    def _grouped(self) -> list[str]:
        lines = []
        for text, places in self._warned.items():
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            lines.append(f"{places[0]}{more}: {text}" if places else text)
        return lines


# What suites put in the place of a key (DUMMY, <FILTERED>, my-api-key): no key, and an ordinary word in a prompt.
_PLACEHOLDER = re.compile(r"(?:\w+ )?[^\d\s]{0,24}")


def _without_placeholders(entry: Entry) -> Entry:
    """An exchange less the header values that are surely no credentials, so that they are not masked elsewhere.

    Suites filter headers; every client says who it is, so where that is missing others may be, too.
    """
    if isinstance(entry, Skipped):
        return entry
    request = entry.request
    kept = [
        (name, value)
        for name, value in request.headers
        if name.lower() == "user-agent" or may_count(name.lower()) or not _PLACEHOLDER.fullmatch(value)
    ]
    return replace(entry, request=replace(request, headers=Headers(kept)), has_headers="user-agent" in request.headers)


def _text_of(kept: Kept) -> bytes:
    return json.dumps(kept.body, ensure_ascii=False).encode("utf-8", "surrogatepass")


# --- folders ----------------------------------------------------------------------------------------------------------


def sources_below(folder: Path) -> list[Path]:
    """The files below a folder that could be cassettes, by their names; hidden folders are left out."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _plain(path: Path) -> Path:
    """A path without the ending of compressed files."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def target_for(source: Path, *, root: Path | None = None, into: Path | None = None) -> Path:
    """Where the cassette of a file goes: beside it, or at the same place below ``into``, as ``.yaml``."""
    if into is None:
        return _plain(source).with_suffix(".yaml")
    relative = _plain(source.relative_to(root) if root is not None else Path(source.name))
    return into / relative.with_suffix(".yaml")
