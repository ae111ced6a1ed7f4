"""What is to be said about cassette files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho._cassette.interaction import Interaction, read_interaction
from promptecho._cassette.mending.secrets import find_secrets
from promptecho._cassette.places import Places
from promptecho._lint._fixes import DeleteFile, MaskSecrets
from promptecho._lint._project import Module, Project
from promptecho._lint._rules import Finding
from promptecho._lint._uses import NamedUse, Use
from promptecho._matching.identity import MatchOptions
from promptecho.errors import CassetteFileError, CassetteFormatError

Json = Any
FOLDER = "cassettes"
LAST_RUN = Path(".pytest_cache", "d", "promptecho", "last-run.json")  # where the pytest plugin keeps it
_REFRESH = "record it again with PROMPTECHO_MODE=all"
_LEFTOVER = re.compile(r"\.rerecording(?:-\d+)?\.ya?ml$")
_VCRPY = re.compile(r"\A(?:version: 1\s*\n)?interactions:\s*\n(?:.*\n)*?\s+uri: ")


@dataclass(frozen=True)
class Played:
    """What the last run played of one cassette; ``tests`` are those that opened it, where the record says so."""

    recordings: int
    played: frozenset[int]
    tests: frozenset[str] | None = None

    def is_whole(self, path: Path, uses: Sequence[Use]) -> bool:
        """Whether every test that names the file was in that run."""
        if self.tests is None:
            return True
        return all(any(use.test.endswith("/" + test) for test in self.tests) for use in uses if use.exact == str(path))


def cassette_files(project: Project, uses: Sequence[Use]) -> list[Path]:
    """The files in folders named ``cassettes``, and those that tests name."""
    found = {path for path in project.files if path.suffix in (".yaml", ".yml") and is_in_folder(project, path)}
    for use in uses:
        if use.exact is not None:
            path = Path(use.exact)
            if path.is_file():
                found.add(path)
            side = store.side_path(path)
            if side.is_file():
                found.add(side)
    return sorted(found)


def is_in_folder(project: Project, path: Path) -> bool:
    """Whether a file stands in a folder for cassettes of the project."""
    return project.root in path.parents and FOLDER in path.relative_to(project.root).parts[:-1]


def last_run(root: Path) -> dict[Path, Played] | None:
    """The record that the pytest plugin leaves of a run; ``None`` if there is none that can be read."""
    try:
        tree = json.loads((root / LAST_RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(tree, dict) or tree.get("version") != 1 or not isinstance(tree.get("cassettes"), dict):
        return None
    found = {}
    for name, entry in tree["cassettes"].items():
        if not isinstance(entry, dict) or entry.get("complete") is not True:
            continue  # a run that was cut short says nothing about what is never played
        played, count = entry.get("played"), entry.get("recordings")
        if isinstance(played, list) and isinstance(count, int):
            numbers = frozenset(number for number in played if isinstance(number, int))
            tests = entry.get("tests")
            names = frozenset(str(test).partition("[")[0] for test in tests) if isinstance(tests, list) else None
            found[root / name] = Played(count, numbers, names)
    return found


def check_file(path: Path, uses: Sequence[Use], played: Played | None) -> list[Finding]:
    """Everything that can be said about one cassette file by itself."""
    try:
        text = store.read_text(path)
        if text is None:
            return []
        if _is_of_vcrpy(text):
            return _foreign(path, uses)
        document = store.parse(text, path)
        interactions = [
            read_interaction(item, path, number, MatchOptions()) for number, item in enumerate(document.items)
        ]
    except (CassetteFormatError, CassetteFileError) as problem:
        return [_unreadable(path, str(problem))]
    checks = _File(path, text, document, interactions)
    found = [*checks.unfinished(), *checks.errors(uses), *checks.secrets(), *checks.old()]
    if played is not None and played.is_whole(path, uses):
        found += checks.never_played(played)
    return found


def _is_of_vcrpy(text: str) -> bool:
    """Its version stands at the end, behind all that was recorded; the address tells them apart."""
    return _VCRPY.search(text) is not None and not text.startswith("version: 2")


def _foreign(path: Path, uses: Sequence[Use]) -> list[Finding]:
    if not any(use.matches(path) and not (isinstance(use, NamedUse) and use.is_open) for use in uses):
        return []
    return [
        Finding(
            "unreadable", path, 1, 1, "a test opens this file, and it is a cassette of vcrpy",
            "bring it over with 'promptecho import'",
        )
    ]  # fmt: skip


def _unreadable(path: Path, problem: str) -> Finding:
    """The library's own error as a finding; an old version is one of those that only need a refresh."""
    place = re.search(r", line (\d+)", problem)
    line = int(place[1]) if place else 1
    message = problem.replace(str(path), "", 1)
    message = re.sub(r"^, line \d+: |^: ", "", message).strip()
    entry = re.match(r"interactions\[(\d+)\]", message)
    if entry:
        line = _line_of_entry(path, int(entry[1]))
    elif line > 1:  # what is missing at the end of a file is looked for behind it
        line = max(1, min(line, len(path.read_bytes().splitlines())))
    if message.startswith("is a version 1 cassette"):
        return Finding("old-version", path, _line_of_version(path), 1, message.partition(";")[0], _REFRESH)
    what, _, hint = message.partition("; ")
    return Finding("unreadable", path, line, 1, what, hint)


def _line_of_entry(path: Path, number: int) -> int:
    return Places(path.read_text(encoding="utf-8")).line(("interactions", number))[0]


def _line_of_version(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, 1) if line.startswith("version:")), 1)


class _File:
    """One readable cassette."""

    def __init__(self, path: Path, text: str, document: store.Document, interactions: Sequence[Interaction]) -> None:
        self.path = path
        self.text = text
        self.document = document
        self.interactions = interactions
        self._places: Places | None = None

    @property
    def places(self) -> Places:
        if self._places is None:
            whole = store.without_torn_tail(self.text) if self.document.torn else self.text
            self._places = Places(whole)
        return self._places

    def _finding(self, rule: str, place: tuple[Any, ...], message: str, hint: str = "") -> Finding:
        line, column = self.places.line(place)
        return Finding(rule, self.path, line, column, message, hint)

    def unfinished(self) -> Iterator[Finding]:
        if _LEFTOVER.search(self.path.name):
            yield Finding(
                "unfinished", self.path, 1, 1,
                f"a re-recording stopped half-way, with {len(self.interactions)} recording(s)",
                "run its tests with PROMPTECHO_MODE=all to take it up, or delete it",
            )  # fmt: skip
        elif self.document.unfinished:
            yield self._finding(
                "unfinished", ("unfinished",), "the recording was interrupted",
                "run its test once in mode 'once' to record the rest",
            )  # fmt: skip

    def errors(self, uses: Sequence[Use]) -> Iterator[Finding]:
        if any(use.recorded_errors_meant and use.matches(self.path) for use in uses):
            return
        for number, interaction in enumerate(self.interactions):
            if interaction.status >= 400:
                yield self._finding(
                    "recorded-error", ("interactions", number, "response", "status"),
                    f"status {interaction.status} is recorded for {interaction.method} {interaction.url}",
                    "record it again, or say on_record_error='record' in the test if it is meant",
                )  # fmt: skip

    def old(self) -> Iterator[Finding]:
        header = self.document.header
        if "recorded_with" in header or all("duration" in item for item in self.document.items):
            return
        yield self._finding(
            "old-version", ("version",), "written by promptecho 0.1, which kept less of each call",
            f"it replays; {_REFRESH} when it suits",
        )  # fmt: skip

    def never_played(self, played: Played) -> Iterator[Finding]:
        if played.recordings != len(self.interactions):
            return  # the file is another one by now
        for number, interaction in enumerate(self.interactions):
            if number not in played.played:
                yield self._finding(
                    "never-played", ("interactions", number),
                    f"the last run did not play this recording of {interaction.method} {interaction.url}",
                    "'promptecho prune' takes it out, if the test no longer makes this call",
                )  # fmt: skip

    def secrets(self) -> Iterator[Finding]:
        for secret in find_secrets(self.text, self.document.items, self.interactions):
            line = self.places.line_of_text(secret.place, secret.is_in)
            yield Finding(
                "secret", self.path, line, 1, f"holds what looks like a credential: {secret.name}",
                "mask it ('promptecho lint --fix' does) and revoke it if it is real",
                fix=MaskSecrets(self.path),
            )  # fmt: skip


# --- files and tests together -----------------------------------------------------------------------------------------


def unused(
    project: Project, files: Sequence[Path], uses: Sequence[Use], broken: Sequence[Module]
) -> tuple[list[Finding], str]:
    """The cassettes that no test opens, and a note where that can't be told."""
    if any(isinstance(use, NamedUse) and use.is_open for use in uses):
        return [], "a test names its cassette by a path that can't be told, so unused cassettes are not looked for"
    exact = {use.exact.casefold() for use in uses if use.exact is not None}
    rest = [use for use in uses if use.exact is None]
    candidates = [
        path
        for path in files
        if is_in_folder(project, path)
        and str(path).casefold() not in exact
        and not _LEFTOVER.search(path.name)
        and not any(use.matches(path) for use in rest)
        and not any(module.path.parent in path.parents for module in broken)
    ]
    candidates = [path for path in candidates if not _is_of_vcrpy(_head(path))]
    mentioned = _mentioned(project, {path.name for path in candidates})
    return [
        Finding(
            "unused-cassette", path, 1, 1, "no test opens this cassette",
            "delete it, if the test that recorded it is gone ('promptecho lint --fix --unsafe-fixes' does)",
            fix=DeleteFile(path),
        )
        for path in candidates
        if path.name not in mentioned
    ], ""  # fmt: skip


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(20_000)
    except OSError:
        return ""


def _mentioned(project: Project, names: set[str]) -> set[str]:
    """Those of some file names that a source or notebook of the project mentions."""
    left, found = set(names), set()
    for path in project.files if names else ():
        if path.suffix not in (".py", ".ipynb"):
            continue
        module = project.module(path) if path.suffix == ".py" else None
        text = module.text if module is not None else _head(path)
        here = {name for name in left if name in text}
        found |= here
        left -= here
    return found


def shared(uses: Sequence[Use]) -> list[Finding]:
    """The places at which a second test names a file that another test has."""
    by_file: dict[str, dict[tuple[str, int, int], tuple[set[str], str]]] = {}
    for use in uses:
        if use.exact is not None and use.is_sure and use.test:
            places = by_file.setdefault(use.exact.casefold(), {})
            places.setdefault(use.site, (set(), use.exact))[0].add(use.test)
    found = []
    for places in by_file.values():
        ordered = sorted(places.items())
        for number, (site, (tests, exact)) in enumerate(ordered):
            for _, (earlier, other) in ordered[:number]:
                if tests - earlier or earlier - tests:
                    first = min(earlier)
                    same = "" if exact == other else f" (as {Path(other).name!r}, one file on macOS and Windows)"
                    found.append(
                        Finding(
                            "shared-cassette", Path(site[0]), site[1], site[2],
                            f"{Path(exact).name} is also the cassette of {_short(first)}{same}",
                            "give each test a file of its own, or decorate a class that holds both",
                        )
                    )  # fmt: skip
                    break
    return found


def _short(test: str) -> str:
    path, _, title = test.partition("::")
    return f"{Path(path).name}::{title}"
