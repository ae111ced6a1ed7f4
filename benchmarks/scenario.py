"""What a scenario is: who is measured, with what, and which figures come out. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OURS, VCRPY, CASSETTER, EARLIER = "promptecho", "vcrpy", "cassetter", "promptecho 0.1.3"
FLOOR = "floor"
PEERS = (VCRPY, CASSETTER, EARLIER)
CONTENDERS = (OURS, *PEERS)


@dataclass(frozen=True)
class Metric:
    """One figure of a scenario; ``at_most`` is what is to be reached, by the ratio to the floor or by the value."""

    key: str
    title: str
    unit: str
    at_most: float | None = None
    of: str = "ratio"


@dataclass(frozen=True)
class Recordings:
    """A cassette to make before a scenario: as many calls through a library, with prompts of some characters."""

    calls: int
    size: int = 1000
    library: str = "httpx"
    stream: bool = False

    @property
    def name(self) -> str:
        return f"{self.library}-{self.calls}-{self.size}{'-stream' if self.stream else ''}"


@dataclass(frozen=True)
class Entrant:
    """One column of a scenario: a contender with its options, and the cassettes that are made for it."""

    column: str
    options: Mapping[str, Any] = field(default_factory=dict)
    recordings: Mapping[str, Recordings] = field(default_factory=dict)
    contender: str = ""  # where it isn't the column's
    note: str = ""

    @property
    def who(self) -> str:
        return self.contender or self.column


@dataclass(frozen=True)
class Scenario:
    """What is measured in rounds: each entrant once in each. Where there is a floor it is the first entrant.

    ``fresh``: a new process for each sample; else a process lives over the rounds. ``prepared``: a measure that is run
    once for each entrant before the rounds while a server listens; ``server``: one listens in the rounds.
    """

    name: str
    title: str
    measure: str
    metrics: tuple[Metric, ...]
    entrants: tuple[Entrant, ...]
    fresh: bool = False
    server: bool = False
    prepared: str = ""
    rounds: int = 15
