"""How each contender is imported and opens a cassette, said once; runs in the contender's own environment."""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import clients
from benchmarks.scenario import CASSETTER, EARLIER, FLOOR, OURS, VCRPY

REQUIREMENTS = {
    OURS: ("-e", "."),
    VCRPY: ("vcrpy", "pytest-recording"),
    CASSETTER: ("cassetter",),
    EARLIER: ("promptecho==0.1.3",),
}
DISTRIBUTION = {OURS: "promptecho", VCRPY: "vcrpy", CASSETTER: "cassetter", EARLIER: "promptecho"}
MODULE = {OURS: "promptecho", VCRPY: "vcr", CASSETTER: "cassetter", EARLIER: "promptecho"}
# As its documentation has it, for requests that differ in their body only.
MATCH_ON = {
    VCRPY: ["method", "scheme", "host", "port", "path", "query", "body"],
    CASSETTER: ["method", "uri", "json_body"],
}


Samples = Generator[dict[str, float], None, None]  # the first says that all is set up


class NotReplayed(Exception):
    """The contender gave something else than what had been recorded."""


@dataclass(frozen=True)
class Task:
    """What a worker is to measure."""

    contender: str
    options: dict[str, Any]

    @property
    def is_floor(self) -> bool:
        return self.contender == FLOOR

    @property
    def url(self) -> str:
        return str(self.options.get("url", "http://127.0.0.1:9"))

    @property
    def library(self) -> str:
        return str(self.options.get("library", "httpx"))

    @property
    def calls(self) -> int:
        return int(self.options["calls"])

    @property
    def size(self) -> int:
        return int(self.options.get("size", 1000))

    @property
    def folder(self) -> Path:
        return Path(self.options["folder"])

    def path(self, name: str = "cassette") -> Path:
        return Path(self.options[name])

    def opened(self, path: Path, mode: str = "none") -> AbstractContextManager[Any]:
        """The contender's cassette, to be entered; nothing for the floor."""
        if self.is_floor:
            return contextlib.nullcontext()
        module: Any = importlib.import_module(MODULE[self.contender])
        if self.contender == VCRPY:
            named = {"record_mode": mode, "match_on": MATCH_ON[VCRPY], "allow_playback_repeats": True}
            return module.use_cassette(str(path), **named)  # type: ignore[no-any-return]
        if self.contender == CASSETTER:
            return module.use_cassette(str(path), record_mode=mode, match_on=MATCH_ON[CASSETTER])  # type: ignore[no-any-return]
        backend = {"boto3": "urllib3"}.get(self.library, self.library)
        chosen = {} if self.contender == EARLIER or backend.startswith("httpx") else {"backends": [backend]}
        return module.use_cassette(path, mode, **chosen)  # type: ignore[no-any-return]

    def caller(self) -> clients.Caller:
        return clients.caller(self.library, self.url, floor=self.is_floor)

    def check(self, number: int, answer: bytes) -> None:
        """The answer that was recorded for a question is the one that came.

        Raises:
            NotReplayed: it isn't.
        """
        if not self.is_floor and f"Answer {number}: ".encode() not in answer:
            raise NotReplayed("a wrong answer was replayed")


def why(error: BaseException, folder: str) -> str:
    """One line about what a contender could not do."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError) or "refused" in str(seen) or "Could not connect" in str(seen):
            return "not intercepted"
        seen = seen.__cause__ or seen.__context__
    text = next(iter(str(error).splitlines()), "").replace(f"{folder}{os.sep}", "")
    return str(error) if isinstance(error, NotReplayed) else f"{type(error).__name__}: {text}"[:160]


def be_quiet() -> None:
    """Warnings of contenders (masked secrets, old formats) are no part of a measurement."""
    warnings.simplefilter("ignore")
