"""``# promptecho: ignore`` comments, in Python files and in cassettes."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promptecho._cassette import store
from promptecho._cassette.places import Places
from promptecho._lint._fixes import CutComment
from promptecho._lint._project import read_source
from promptecho._lint._rules import RULES, Finding

_COMMENT = re.compile(r"#\s*promptecho:\s*ignore(?:\[(?P<rules>[^\]]*)\])?(?=[\s#]|$)")


@dataclass
class Ignore:
    """One comment. Without rules it stands for all; in the head of a cassette it holds for the whole file."""

    path: Path
    line: int
    start: int
    end: int
    rules: tuple[str, ...] = ()
    whole_file: bool = False
    used: set[str] = field(default_factory=set)

    def suppresses(self, rule: str, line: int, end_line: int) -> bool:
        if self.rules and rule not in self.rules:
            return False
        return self.whole_file or line <= self.line <= max(line, end_line)


class Ignores:
    """The comments of files, each read once; a comment notes what it was used for."""

    def __init__(self) -> None:
        self._of: dict[Path, list[Ignore]] = {}

    def of(self, path: Path) -> list[Ignore]:
        if path not in self._of:
            self._of[path] = read(path)
        return self._of[path]

    def suppress(self, rule: str, path: Path, line: int, end_line: int = 0) -> bool:
        """Whether a comment suppresses a rule at some lines of a file."""
        matching = [ignore for ignore in self.of(path) if ignore.suppresses(rule, line, end_line)]
        for ignore in matching:
            ignore.used.add(rule)
        return bool(matching)


def read(path: Path) -> list[Ignore]:
    """The ignore comments of a file; none where it can't be read."""
    try:
        data = path.read_bytes()
        if b"promptecho:" not in data:
            return []
        if path.suffix == ".py":
            return list(_in_python(path, read_source(data)[0]))
        return list(_in_cassette(path, data.decode("utf-8")))
    except (OSError, SyntaxError, ValueError, tokenize.TokenError):
        return []


def _in_python(path: Path, text: str) -> Iterator[Ignore]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from _in_comment(path, token.start[0], token.string, token.start[1])


def _in_comment(path: Path, line: int, text: str, offset: int, *, whole_file: bool = False) -> Iterator[Ignore]:
    for found in _COMMENT.finditer(text):
        named = found["rules"]
        rules = tuple(name.strip() for name in named.split(",") if name.strip()) if named is not None else ()
        yield Ignore(path, line, offset + found.start(), offset + found.end(), rules, whole_file)


def _in_cassette(path: Path, text: str) -> Iterator[Ignore]:
    places: Places | None = None
    lines = text.split("\n")
    head = next((number for number, line in enumerate(lines, 1) if line.startswith("interactions:")), 0)
    for number, line in enumerate(lines, 1):
        found = _COMMENT.search(line)
        if found is None or (found.start() and not line[found.start() - 1].isspace()):
            continue
        if places is None:
            try:
                places = Places(store.without_torn_tail(text))
            except Exception:  # no YAML: it is reported as such, and what looks like a comment is one
                places = Places("")
        if not places.is_inside_text(number, found.start() + 1):
            yield from _in_comment(path, number, line, 0, whole_file=number < head)


def stale(ignores: Sequence[Ignore], looked_for: frozenset[str]) -> Iterator[Finding]:
    """The comments that suppress nothing, as far as the rules that were looked for can tell."""
    for ignore in ignores:
        if not ignore.rules:
            if not ignore.used and looked_for >= RULES.keys() - {"stale-ignore"}:
                yield _stale(ignore, "suppresses nothing", ())
            continue
        useless = [
            name for name in ignore.rules if name not in ignore.used and (name in looked_for or name not in RULES)
        ]
        unknown = [name for name in useless if name not in RULES]
        if useless:
            kept = tuple(name for name in ignore.rules if name not in useless)
            what = f"names no rule: {', '.join(unknown)}" if unknown else f"suppresses no {', '.join(useless)}"
            yield _stale(ignore, what, kept)


def _stale(ignore: Ignore, what: str, kept: tuple[str, ...]) -> Finding:
    instead = f"# promptecho: ignore[{', '.join(kept)}]" if kept else ""
    return Finding(
        "stale-ignore",
        ignore.path,
        ignore.line,
        ignore.start + 1,
        f"this comment {what}",
        "take it away ('promptecho lint --fix' does)",
        fix=CutComment(ignore.path, ignore.line, ignore.start, ignore.end, instead),
    )
