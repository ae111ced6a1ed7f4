"""Scenarios about opening a cassette: time and memory, entering and leaving, and what a miss costs."""

from __future__ import annotations

import gc
import statistics
import sys
import time

from benchmarks import corpus
from benchmarks.contenders import NotReplayed, Samples, Task
from benchmarks.scenario import (
    CASSETTER,
    CONTENDERS,
    EARLIER,
    FLOOR,
    OURS,
    VCRPY,
    Entrant,
    Metric,
    Recordings,
    Scenario,
)

MB = 1e6
_ENTERED, _ENTERED_SECONDS = 60, 0.2
_MISSES, _MISSES_SECONDS = 5, 3.0
_SHOWN = Metric("shown", "its text has the line that differs (1) or not (0)", "")


def peak_memory() -> int:
    """The most bytes this process had in memory so far; 0 where the system doesn't say."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def opened(task: Task) -> Samples:
    """Milliseconds of entering a cassette in a fresh process (imports aside), and the growth of its peak memory."""
    path, size = task.path(), task.path().stat().st_size
    if not task.is_floor:
        import httpx  # noqa: F401 - the program under test has it

        with task.opened(task.path("small")):
            pass
    gc.collect()
    yield {}
    before, start = peak_memory(), time.perf_counter()
    if task.is_floor:
        data = path.read_bytes()
        seconds = time.perf_counter() - start
        assert len(data) == size
    else:
        with task.opened(path):
            seconds = time.perf_counter() - start
    growth = peak_memory() - before
    yield {"time": seconds * 1e3, "memory": growth / MB, "of file": growth / size, "file": size / MB}


def entered(task: Task) -> Samples:
    """Milliseconds of entering and leaving a cassette; for the floor, of reading the file."""

    def once() -> float:
        start = time.perf_counter()
        if task.is_floor:
            task.path().read_bytes()
        else:
            with task.opened(task.path()):
                pass
        return time.perf_counter() - start

    if not task.is_floor:
        import httpx  # noqa: F401 - the program under test has it
    once()
    yield {}
    while True:
        times: list[float] = []
        end = time.perf_counter() + _ENTERED_SECONDS
        while len(times) < _ENTERED and time.perf_counter() < end:
            times.append(once())
        yield {"time": statistics.median(times) * 1e3}


def missed(task: Task) -> Samples:
    """Milliseconds from a call that nothing answers to the error's text: the first in a process, and later ones."""
    with task.opened(task.path()):
        call = task.caller()
        call(corpus.payload(0, task.size))
        yield {}

        def once(variant: int) -> tuple[float, bool]:
            body = corpus.unknown(task.calls // 2 + variant, task.size, variant)
            start = time.perf_counter()
            try:
                call(body)
            except BaseException as miss:
                text = str(miss)
                seconds = time.perf_counter() - start
                return seconds, "was changed for the" in text
            raise NotReplayed("no miss: another recording was replayed")

        end = time.perf_counter() + _MISSES_SECONDS
        first, shown = once(0)
        times: list[float] = []
        while len(times) < _MISSES and time.perf_counter() < end:
            times.append(once(len(times) + 1)[0])
        yield {
            "first": first * 1e3,
            "shown": int(shown),
            **({"again": statistics.median(times) * 1e3} if times else {}),
        }


MEASURES = {"opened": opened, "entered": entered, "missed": missed}


def scenarios(quick: bool) -> list[Scenario]:
    found = [_opening(calls) for calls in ((100,) if quick else (1000, 10_000))]
    found.append(
        Scenario(
            "enter-leave",
            "entering and leaving a cassette of one recording",
            "entered",
            (Metric("time", "", "ms", 0.1, "value"),),
            tuple(Entrant(column, {}, {"cassette": Recordings(1)}) for column in (FLOOR, *CONTENDERS)),
        )
    )
    calls = 20 if quick else 1000
    held = {EARLIER: 1 if quick else 10}  # each takes it about a second
    found.append(
        Scenario(
            "miss",
            f"a miss among {calls:,} recordings with 20 KB prompts, diff included",
            "missed",
            (Metric("first", "first of a process", "ms", 100, "value"), Metric("again", "later ones", "ms"), _SHOWN),
            tuple(
                Entrant(
                    column,
                    {"calls": held.get(column, calls), "size": 20_000},
                    {"cassette": Recordings(held.get(column, calls), 20_000)},
                    note=f"with {held[column]} recording{'s' if held[column] > 1 else ''}"
                    if held.get(column, calls) < calls
                    else "",
                )
                for column in CONTENDERS
            ),
            fresh=True,
            rounds=7,
        )
    )
    return found


def _opening(calls: int) -> Scenario:
    # 0.1.3 takes minutes to write and read 10,000.
    columns = [FLOOR, OURS, VCRPY, CASSETTER, *([EARLIER] if calls <= 1000 else [])]
    sources = {"cassette": Recordings(calls), "small": Recordings(1)}
    large = calls >= 10_000
    return Scenario(
        f"open-{calls}",
        f"opening {calls:,} recordings in a fresh process (floor: reading the file)",
        "opened",
        (
            Metric("time", "time", "ms", 50 if large else 8, "value"),
            Metric("memory", "peak memory growth", "MB"),
            Metric("of file", "the same in sizes of the file", "x", 1.5 if large else None, "value"),
        ),
        tuple(Entrant(column, {}, sources) for column in columns),
        fresh=True,
        rounds=11,
    )
