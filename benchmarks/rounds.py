"""Runs a scenario: makes what it replays, then measures every entrant once in each round, in rotating order."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.launch import command
from benchmarks.scenario import FLOOR, OURS, Entrant, Recordings, Scenario
from benchmarks.server import Server

_LIMIT = 240  # seconds that a worker may take for its set-up or for a sample
Sample = Mapping[str, float]


class Refused(Exception):
    """A contender can't do what a scenario asks; the text is its reason."""


@dataclass
class Outcome:
    """What came of one entrant: a sample for each round it took part in, or why there is none."""

    samples: dict[int, Sample] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


class Worker:
    """A process that measures one thing for one contender, from its set-up to the end of the ``with`` block."""

    def __init__(self, python: Path, measure: str, contender: str, options: Mapping[str, Any]) -> None:
        self._command = command(str(python), measure, contender, dict(options))
        self._folder = options["folder"]

    def __enter__(self) -> Worker:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answer()
        return self

    def sample(self) -> Sample:
        """One sample.

        Raises:
            Refused: the contender can't do it.
        """
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Sample:
        assert self._process.stdout is not None
        limit = threading.Timer(_LIMIT, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        answer: dict[str, Any] = json.loads(line) if line else {"reason": self._last_words()}
        if "reason" in answer:
            self.__exit__(None, None, None)
            raise Refused(answer["reason"])
        return answer

    def _last_words(self) -> str:
        if self._process.wait() < 0:
            return f"took more than {_LIMIT} s"
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return f"ended with code {self._process.returncode}: {lines[-1] if lines else ''}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.communicate()
        self._log.close()


class Bench:
    """The environments, a folder for what is recorded, and the time that one entrant may take in a scenario."""

    def __init__(self, pythons: Mapping[str, Path], folder: Path, budget: float) -> None:
        self._pythons = {**pythons, FLOOR: pythons[OURS]}
        self._folder = folder
        self._budget = budget
        self._made: dict[tuple[str, Recordings], tuple[dict[str, str], str]] = {}

    def run(self, scenario: Scenario, rounds: int) -> list[Outcome]:
        """The outcomes of a scenario's entrants, in their order."""
        outcomes = [Outcome() for _ in scenario.entrants]
        with ExitStack() as stack:
            server = Server() if scenario.prepared or any(entrant.recordings for entrant in scenario.entrants) else None
            options = []
            with server or ExitStack():
                for entrant, outcome in zip(scenario.entrants, outcomes):
                    options.append(self._prepared(scenario, entrant, outcome, server))
            if scenario.server:
                live = stack.enter_context(Server())
                options = [{**each, "url": live.url} for each in options]
            workers: dict[int, Worker] = {}
            for number in range(rounds):
                places = list(range(len(outcomes)))
                turn = number % len(places)
                for place in places[turn:] + places[:turn]:
                    outcome = outcomes[place]
                    # The floor takes part as long as anyone does.
                    over = outcome.seconds > self._budget and scenario.entrants[place].column != FLOOR
                    if outcome.reason or over:
                        continue
                    with _timed(outcome):
                        if scenario.fresh:
                            with self._worker(scenario.measure, scenario.entrants[place], options[place]) as worker:
                                outcome.samples[number] = worker.sample()
                        else:
                            if place not in workers:
                                workers[place] = stack.enter_context(
                                    self._worker(scenario.measure, scenario.entrants[place], options[place])
                                )
                            outcome.samples[number] = workers[place].sample()
        return outcomes

    def _worker(self, measure: str, entrant: Entrant, options: Mapping[str, Any]) -> Worker:
        return Worker(self._pythons[entrant.who], measure, entrant.who, options)

    def _prepared(
        self, scenario: Scenario, entrant: Entrant, outcome: Outcome, server: Server | None
    ) -> dict[str, Any]:
        """The options of an entrant, with the cassettes it needs; those of the floor are ours."""
        options: dict[str, Any] = {**entrant.options, "folder": str(self._folder)}
        maker = OURS if entrant.who == FLOOR else entrant.who
        for name, recordings in entrant.recordings.items():
            assert server is not None
            if (maker, recordings) not in self._made:
                self._made[maker, recordings] = self._record(maker, recordings, server.url)
            made, reason = self._made[maker, recordings]
            outcome.reason = outcome.reason or reason
            if name == "cassette":
                options["url"] = made["url"]
            options[name] = made["cassette"]
        if scenario.prepared and not outcome.reason:
            assert server is not None
            with _timed(Outcome()) as hidden:
                with self._worker(scenario.prepared, entrant, {**options, "url": server.url}):
                    pass
            outcome.reason = hidden.reason
        return options

    def _record(self, maker: str, recordings: Recordings, url: str) -> tuple[dict[str, str], str]:
        path = self._folder / f"{maker.replace(' ', '-')}-{recordings.name}.yaml"
        made = {"url": url, "cassette": str(path)}
        options = {**vars(recordings), **made, "folder": str(self._folder)}
        with _timed(Outcome()) as outcome, Worker(self._pythons[maker], "record", maker, options):
            pass
        return made, outcome.reason


@contextmanager
def _timed(outcome: Outcome) -> Iterator[Outcome]:
    """Note the seconds a block took for an entrant, and its refusal."""
    start = time.perf_counter()
    try:
        yield outcome
    except Refused as refusal:
        outcome.reason = str(refusal)
    outcome.seconds += time.perf_counter() - start
