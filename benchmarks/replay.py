"""Scenarios about one replayed call: its cost by library, by number of recordings and by size; streams."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from contextlib import ExitStack
from typing import Any

from benchmarks import clients, corpus
from benchmarks.contenders import Samples, Task
from benchmarks.scenario import CONTENDERS, EARLIER, FLOOR, OURS, VCRPY, Entrant, Metric, Recordings, Scenario

_ASKED = 200  # different recordings, if there are as many
_BATCH, _BATCH_SECONDS = 400, 0.12
_FIRST = 3  # first calls in each round


def replayed_call(task: Task) -> Samples:
    """Microseconds of a call that was asked before (``again``), and of the first call for a recording (``first``)."""
    every = max(1, task.calls // _ASKED)
    numbers = list(range(0, task.calls, every)[:_ASKED])
    random.Random(0).shuffle(numbers)  # a contender that searches from the top is not to be asked for the first ones
    asked = [corpus.payload(number, task.size) for number in numbers]
    unasked = iter([corpus.payload(number, task.size) for number in range(1, task.calls, every)] if every > 1 else [])
    with ExitStack() as stack:
        stack.enter_context(task.opened(task.path() if not task.is_floor else task.folder))
        call = task.caller()
        task.check(numbers[-1], call(asked[-1]))
        asked = asked[: len(call.timed(asked, 2.0))]
        yield {}
        while True:
            first: list[float] = []
            if every == 1:  # all have been asked, so the cassette is entered again to have a first call
                for _ in range(_FIRST):
                    stack.close()
                    stack.enter_context(task.opened(task.path() if not task.is_floor else task.folder))
                    first += call.timed(asked[:1], 1.0)
                call.timed(asked, 1.0)
            else:
                first += call.timed(itertools.islice(unasked, _FIRST), 1.0)
            again = call.timed(itertools.islice(itertools.cycle(asked), _BATCH), _BATCH_SECONDS)
            yield {"again": statistics.median(again) * 1e6, **_median("first", first)}


def _median(name: str, times: list[float]) -> dict[str, float]:
    return {name: statistics.median(times) * 1e6} if times else {}


def stream(task: Task) -> Samples:
    """Microseconds to the first chunk and to the last of a replayed stream."""
    body = corpus.payload(0, stream=True)
    with task.opened(task.path() if not task.is_floor else task.folder):
        client = clients.httpx_client(task.library, task.is_floor, corpus.stream_events(0))
        url = task.url + clients.PATH

        def once() -> tuple[float, float, bytes]:
            seen: list[bytes] = []
            start = time.perf_counter()
            with client.stream("POST", url, json=body) as response:
                for chunk in response.iter_bytes():
                    if not seen:
                        first = time.perf_counter() - start
                    seen.append(chunk)
            return first, time.perf_counter() - start, b"".join(seen)

        if not once()[2].endswith(b"[DONE]\n\n"):
            raise ValueError("the stream did not come whole")
        yield {}
        while True:
            times = [once()[:2] for _ in range(40)]
            yield {name: statistics.median(column) * 1e6 for name, column in zip(("first", "total"), zip(*times))}


def sdk_stream(task: Task) -> Samples:
    """Microseconds until the openai SDK gives the first event of a replayed stream."""
    import openai

    body: dict[str, Any] = corpus.payload(0, stream=True)
    with task.opened(task.path() if not task.is_floor else task.folder):
        client: Any = openai.OpenAI(
            api_key=clients.KEY,
            base_url=task.url + "/v1",
            max_retries=0,
            http_client=clients.httpx_client("httpx2", task.is_floor, corpus.stream_events(0)),
        )

        def once() -> float:
            start = time.perf_counter()
            with client.chat.completions.create(**body) as events:
                next(events)
                return time.perf_counter() - start

        once()
        yield {}
        while True:
            yield {"first": statistics.median(once() for _ in range(30)) * 1e6}


MEASURES = {"replayed_call": replayed_call, "stream": stream, "sdk_stream": sdk_stream}


def scenarios(quick: bool) -> list[Scenario]:
    found = [_calls("httpx", calls, 1000, 1.25) for calls in ((1, 100) if quick else (1, 10, 1000, 10_000))]
    if not quick:
        found += [_calls("httpx", calls, 20_000, 1.9) for calls in (1, 1000)]
    for library in clients.LIBRARIES[1:]:
        found += [_calls(library, calls, 1000, 1.4) for calls in ((1,) if quick else (1, 1000))]
    return [*found, *_streams(), _growth(quick)]


def _entrant(column: str, library: str, calls: int, size: int) -> Entrant:
    # What a contender can hold so that its set-up takes seconds, not minutes.
    most = {VCRPY: 1000, EARLIER: 1000 if size <= 1000 else 50}.get(column, calls)
    held = min(calls, most)
    return Entrant(
        column,
        {"library": library, "calls": held, "size": size},
        {} if column == FLOOR else {"cassette": Recordings(held, size, library)},
        note="" if held == calls else f"with {held:,} recordings",
    )


def _calls(library: str, calls: int, size: int, at_most: float) -> Scenario:
    big = f", {size // 1000} KB prompts" if size > 1000 else ""
    return Scenario(
        f"replay-{library}-{calls}" + (f"-{size // 1000}kb" if size > 1000 else ""),
        f"one replayed call, {library}, {calls:,} recording{'s' if calls > 1 else ''}{big}",
        "replayed_call",
        (Metric("again", "", "us", at_most), Metric("first", "the first call for a recording", "us")),
        tuple(_entrant(column, library, calls, size) for column in (FLOOR, *CONTENDERS)),
    )


def _streams() -> list[Scenario]:
    raw, sdk = Recordings(1, library="httpx", stream=True), Recordings(1, library="httpx2", stream=True)
    return [
        Scenario(
            "stream-httpx",
            f"a replayed stream of {corpus.EVENTS} events, httpx",
            "stream",
            (Metric("total", "total", "us", 1.2), Metric("first", "first event", "us", 1.3)),
            tuple(
                Entrant(column, {"library": "httpx"}, {} if column == FLOOR else {"cassette": raw})
                for column in (FLOOR, *CONTENDERS)
            ),
        ),
        Scenario(
            "stream-openai",
            f"a replayed stream of {corpus.EVENTS} events, openai SDK (httpx2)",
            "sdk_stream",
            (Metric("first", "first event", "us", 1.3),),
            tuple(
                Entrant(column, {"library": "httpx2"}, {} if column == FLOOR else {"cassette": sdk})
                for column in (FLOOR, *CONTENDERS)
            ),
        ),
    ]


def _growth(quick: bool) -> Scenario:
    few, many = 10, 200 if quick else 10_000
    return Scenario(
        "growth-replay",
        f"one replayed call with {many:,} recordings against {few}",
        "replayed_call",
        (Metric("again", "", "us", 1.2),),
        tuple(
            Entrant(column, {"calls": calls}, {"cassette": Recordings(calls)}, OURS)
            for column, calls in ((FLOOR, few), (OURS, many))
        ),
        rounds=25,
    )
