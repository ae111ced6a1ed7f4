"""What the snapshots of a pytest run came to: gathered in each process, put together, written, told.

Everything gathered is plain data, since the workers of pytest-xdist send it to the process that started them, which
alone writes. A snapshot is unused only if all tests of its module ran in this run, and the one it belongs to passed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho.errors import SnapshotError
from promptecho.snapshot import _file
from promptecho.snapshot._expected import differences, has_matcher, same

Json = Any

PENDING = "pending-snapshots.json"  # in the folder of promptecho in the pytest cache
PENDING_VERSION = 1


@dataclass
class Result:
    """One comparison.

    ``stored`` and ``wanted`` are entries of the file: what stands there, and what would stand there once the answer
    is accepted (``None``: nothing). ``stuck``: accepting it would break a rule, so only an author can.
    """

    file: str
    name: str
    test: str
    value: Json
    stored: Json = None
    wanted: Json = None
    is_new: bool = False
    failed: bool = False
    stuck: bool = False
    open_to_rename: bool = False  # nothing in the test says how to compare
    lines: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether the file would change."""
        return self.is_new or not same(self.wanted, self.stored)


@dataclass
class Module:
    """Which tests of a module were there and what became of them; the names are those of the snapshots."""

    found: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)  # not deselected
    ran: set[str] = field(default_factory=set)
    not_passed: set[str] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return bool(self.found) and self.found == self.kept and self.found <= self.ran

    def add(self, other: Module) -> None:
        self.found |= other.found
        self.kept |= other.kept
        self.ran |= other.ran
        self.not_passed |= other.not_passed


@dataclass
class Gathered:
    """What one process knows, or all of them together."""

    results: list[Result] = field(default_factory=list)
    modules: dict[str, Module] = field(default_factory=dict)
    partial: bool = False  # something was not collected, so nothing can be called unused

    def add(self, other: Gathered) -> None:
        self.results += other.results
        self.partial = self.partial or other.partial
        for path, module in other.modules.items():
            self.modules.setdefault(path, Module()).add(module)

    def to_json(self) -> str:
        """For the process that started this one."""
        modules = {
            path: {name: sorted(value) for name, value in asdict(each).items()} for path, each in self.modules.items()
        }
        return json.dumps(
            {"results": [asdict(each) for each in self.results], "modules": modules, "partial": self.partial}
        )

    @classmethod
    def from_json(cls, text: str) -> Gathered:
        """What ``to_json`` gave."""
        tree = json.loads(text)
        modules = {
            path: Module(**{name: set(value) for name, value in each.items()}) for path, each in tree["modules"].items()
        }
        return cls([Result(**each) for each in tree["results"]], modules, tree["partial"])


def belongs_to(name: str, test: str) -> bool:
    """Whether a snapshot is of a test: the plain one, a numbered or a named one."""
    return name == test or name.startswith(f"{test} ")


class Outcome:
    """A run as a whole; ``root`` is the folder to which paths are shown relative."""

    def __init__(self, gathered: Gathered, root: Path, *, update: bool) -> None:
        self._root = root
        self._gathered = gathered
        self._update = update
        self.results = {(each.file, each.name): each for each in gathered.results}  # of a repeated test the last
        self.problems: list[str] = []
        self.unused: dict[tuple[str, str], Json] = {}
        for path in self._complete():
            self._find_unused(path)
        self.orphans = [] if gathered.partial else list(self._find_orphans())
        self.renamed: dict[tuple[str, str], str] = {}

    def _complete(self) -> Iterator[Path]:
        if not self._gathered.partial:
            yield from (Path(path) for path, module in self._gathered.modules.items() if module.is_complete)

    def _find_unused(self, module: Path) -> None:
        file = _file.path_for(module)
        if not file.exists():
            return
        try:
            snapshots = _file.load(file)
        except SnapshotError as problem:
            self.problems.append(str(problem))
            return
        not_passed = self._gathered.modules[str(module)].not_passed
        for name, entry in snapshots.items():
            used = (str(file), name) in self.results
            if not used and not any(belongs_to(name, test) for test in not_passed):
                self.unused[str(file), name] = entry

    def _find_orphans(self) -> Iterator[Path]:
        """Snapshot files of test modules that are gone, in the folders whose modules ran."""
        for folder in sorted({module.parent for module in self._complete()}):
            for file in sorted((folder / _file.FOLDER).glob("*.yaml")):
                if not (folder / f"{file.stem}.py").exists():
                    yield file

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Under ``--llm-snapshot-update``: write what is new or changed, take out what is unused."""
        self._carry_matchers_over()
        files = dict.fromkeys([*(file for file, _ in self.results), *(file for file, _ in self.unused)])
        for file in files:
            written = {
                each.name: each.wanted
                for each in self.results.values()
                if each.file == file and not each.failed and each.is_changed
            }
            removed = {name: entry for (path, name), entry in self.unused.items() if path == file}
            try:
                _file.change(Path(file), written, removed)
            except SnapshotError as problem:
                self.problems.append(str(problem))
        for orphan in self.orphans:
            try:
                _file.change(orphan, {}, _file.load(orphan))
            except SnapshotError as problem:
                self.problems.append(str(problem))

    def _carry_matchers_over(self) -> None:
        """A renamed test keeps the matchers of its snapshots: a new one takes on an unused one that accepts it."""
        for (file, old), entry in self.unused.items():
            try:
                expected = _file.read(entry, Path(file), old)
            except SnapshotError:
                continue  # it goes, so what is wrong in it doesn't matter
            for (new_file, new), result in self.results.items():
                if new_file != file or not result.is_new or not result.open_to_rename:
                    continue
                if (file, new) not in self.renamed and not any(True for _ in differences(expected, result.value)):
                    self.renamed[file, new] = old
                    if has_matcher(expected):
                        result.wanted = entry
                    break

    # --- telling ------------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """What deserves to be said, a line each."""
        if self._update:
            yield from self._update_lines()
        else:
            failed = [each for each in self.results.values() if each.failed]
            if failed:
                yield self._counted(len(failed), "snapshot") + " to look at: promptecho review"
            if self.unused or self.orphans:
                names = [*(self._shown(*key) for key in self.unused), *map(self._path, self.orphans)]
                yield f"{self._counted(len(names), 'unused snapshot')}: {', '.join(names)}"
        tolerated = [each for each in self.results.values() if each.tolerated and not each.failed]
        if tolerated and not self._update:
            said = "; ".join(f"{self._shown(each.file, each.name)} ({', '.join(each.tolerated)})" for each in tolerated)
            yield f"{self._counted(len(tolerated), 'answer')} changed within tolerance: {said}"
        yield from self.problems

    def _update_lines(self) -> Iterator[str]:
        said: dict[str, list[str]] = {"written": [], "changed": [], "blessed again": [], "removed": [], "refused": []}
        for key, each in self.results.items():
            shown = self._shown(*key)
            if each.failed:
                said["refused"].append(f"{shown} (a rule doesn't accept it; change the rule)" if each.stuck else shown)
            elif each.is_new:
                renamed = f" (was {self.renamed[key]})" if key in self.renamed else ""
                said["written"].append(shown + renamed)
            elif each.is_changed:
                said["blessed again" if each.tolerated else "changed"].append(shown)
        said["removed"] = [*(self._shown(*key) for key in self.unused), *map(self._path, self.orphans)]
        for what, names in said.items():
            if names:
                yield f"{self._counted(len(names), 'snapshot')} {what}: {', '.join(names)}"
        if not any(said.values()):
            yield "nothing to update"

    @staticmethod
    def _counted(count: int, word: str) -> str:
        return f"{count} {word}" + ("" if count == 1 else "s")

    def _path(self, path: Path) -> str:
        try:
            return path.relative_to(self._root).as_posix()
        except ValueError:
            return path.as_posix()

    def _shown(self, file: str, name: str) -> str:
        path = Path(file)
        return f"{self._path(path.parent.parent / path.stem)}.py::{name}"

    # --- pending changes ----------------------------------------------------------------------------------------------

    def pending(self, old: str) -> str:
        """The changes that wait for a decision, as JSON for ``promptecho review``; ``old`` is that of earlier runs."""
        known = {*self.results, *self.unused}
        entries = [each for each in read_pending(old) if (each["file"], each["name"]) not in known]
        for (file, name), entry in self.unused.items():
            if not self._update:
                entries.append(_pending(file, name, "", "unused", entry, None, ["no test uses it any more"]))
        for result in self.results.values():
            if result.failed:
                change = "stuck" if result.stuck else "new" if result.is_new else "changed"
                entries.append(
                    _pending(result.file, result.name, result.test, change, result.stored, result.wanted, result.lines)
                )
        entries.sort(key=lambda each: (each["file"], _file.order_of(each["name"])))
        return pending_text(entries)


def _pending(
    file: str, name: str, test: str, change: str, stored: Json, wanted: Json, lines: Iterable[str]
) -> dict[str, Json]:
    return {
        "file": file,
        "name": name,
        "test": test,
        "change": change,
        "stored": stored,
        "wanted": wanted,
        "lines": list(lines),
    }


def pending_text(entries: Iterable[dict[str, Json]]) -> str:
    """The file of pending changes."""
    return json.dumps({"version": PENDING_VERSION, "pending": list(entries)}, indent=1) + "\n"


def read_pending(text: str) -> list[dict[str, Json]]:
    """The pending changes in a file of ``pending``; none where it is none of this version."""
    try:
        tree = json.loads(text)
    except ValueError:
        return []
    if not isinstance(tree, dict) or tree.get("version") != PENDING_VERSION:
        return []
    fields = {"file", "name", "test", "change", "stored", "wanted", "lines"}
    return [each for each in tree.get("pending", []) if isinstance(each, dict) and set(each) == fields]


def write_pending(path: Path, text: str) -> None:
    """Put the pending changes where ``promptecho review`` finds them."""
    if read_pending(text):
        store.write_atomically(path, text)
    else:
        path.unlink(missing_ok=True)
