"""The rules and what a finding is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from promptecho.errors import SettingsError

if TYPE_CHECKING:
    from promptecho._lint._fixes import Fix


@dataclass(frozen=True)
class Rule:
    """``name`` is stable: it stands in comments, configurations and CI. ``severity``: error, warning or note."""

    name: str
    severity: str
    summary: str
    fix: str = ""


RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "unrecorded-call",
            "error",
            "a test calls an LLM SDK with no cassette open",
            "--fix adds @pytest.mark.promptecho to the test",
        ),
        Rule("live-call", "warning", "the last run called a provider in this test with no cassette open"),
        Rule("unused-cassette", "warning", "no test opens this cassette file", "--fix --unsafe-fixes deletes the file"),
        Rule("never-played", "warning", "the last run opened the cassette and did not play this recording"),
        Rule("unfinished", "warning", "the recording was interrupted, or a re-recording was left half-way"),
        Rule("recorded-error", "warning", "the recorded answer has a status of 400 or more, and replays as such"),
        Rule("secret", "error", "what looks like a credential stands in the cassette", "--fix masks it"),
        Rule("unreadable", "error", "a cassette, or a Python file of the tests, can't be read"),
        Rule("old-version", "note", "an earlier version of promptecho wrote the cassette"),
        Rule("shared-cassette", "warning", "two tests name one cassette file, each at a place of its own"),
        Rule("stale-ignore", "note", "a 'promptecho: ignore' comment that suppresses nothing", "--fix takes it away"),
    )
}


@dataclass(frozen=True)
class Finding:
    """One place at which a rule is broken. ``line`` and ``column`` count from 1; ``hint`` says what to do.

    ``call``: the file and line of the call that the finding is about, where that is elsewhere.
    """

    rule: str
    path: Path
    line: int
    column: int
    message: str
    hint: str = ""
    end_line: int = 0
    fix: Fix | None = None
    call: tuple[Path, int] | None = None

    @property
    def severity(self) -> str:
        return RULES[self.rule].severity


def check_names(names: Iterable[str], option: str) -> frozenset[str]:
    """Rule names as they are given, with commas between if there are several.

    Raises:
        SettingsError: there is no such rule; the text lists the rules.
    """
    given = frozenset(name.strip() for each in names for name in each.split(",") if name.strip())
    for name in sorted(given):
        if name not in RULES:
            close = difflib.get_close_matches(name, RULES, n=1)
            near = f" (did you mean {close[0]!r}?)" if close else ""
            raise SettingsError(f"{option}: there is no rule {name!r}{near}; there are {', '.join(RULES)}")
    return given
