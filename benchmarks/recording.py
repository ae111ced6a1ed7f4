"""Scenarios about recording: its cost beside no library at all, what a kill leaves, how a conversation grows."""

from __future__ import annotations

import gc
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import corpus
from benchmarks.contenders import Samples, Task
from benchmarks.launch import command
from benchmarks.opening import MB, peak_memory
from benchmarks.scenario import CONTENDERS, FLOOR, OURS, Entrant, Metric, Scenario

_KILLED_AT = 50
_attempts = itertools.count()


def recorded(task: Task) -> Samples:
    """Seconds of some calls to a server on loopback, recorded into a new cassette, and the growth of peak memory."""
    payloads = [corpus.payload(number, task.size) for number in range(task.calls)]
    call = task.caller()
    for body in payloads[:20]:
        call(body)  # connect, and warm the client up
    with task.opened(_new_path(task), "once"):
        call(corpus.payload(task.calls))  # and the contender
    gc.collect()
    yield {}
    path = _new_path(task)
    before, start = peak_memory(), time.perf_counter()
    with task.opened(path, "once"):
        for body in payloads:
            call(body)
    seconds = time.perf_counter() - start
    if not task.is_floor and _entries(path) != task.calls:
        raise ValueError(f"{_entries(path)} of {task.calls} calls are in the file")
    yield {"time": seconds, "each": seconds / task.calls * 1e3, "memory": (peak_memory() - before) / MB}


def _new_path(task: Task) -> Path:
    return task.folder / f"new-{os.getpid()}-{next(_attempts)}.yaml"


def _entries(path: Path) -> int:
    """How many recordings are in a file of any contender; none if there is no file."""
    try:
        return len(re.findall(r"^\s*(?:- )?request:", path.read_text("utf-8"), re.MULTILINE))
    except FileNotFoundError:
        return 0


def killed(task: Task) -> Samples:
    """How many recordings are on disk after SIGKILL, at the moment when the program had seen its last answer."""
    yield {}
    while True:
        path = task.folder / f"killed-{os.getpid()}-{next(_attempts)}.yaml"
        options = {**task.options, "cassette": str(path)}
        run = command(sys.executable, "record_and_die", task.contender, options)
        done = subprocess.run(run, stdout=subprocess.PIPE, text=True)
        seen = sum(1 for line in done.stdout.splitlines() if line == "seen")
        if seen != _KILLED_AT or done.returncode != -signal.SIGKILL:
            raise ValueError(f"{seen} answers were seen before the kill: {done.stdout[-80:]}")
        yield {"kept": _entries(path)}


def record_and_die(task: Task) -> Samples:
    """The program that ``killed`` watches: it says of each answer that it saw it, and kills itself after the last."""
    with task.opened(task.path(), "once"):
        call = task.caller()
        for number in range(_KILLED_AT):
            task.check(number, call(corpus.payload(number)))
            print("seen", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    yield {}


def conversation(task: Task) -> Samples:
    """Kilobytes of the cassette of a conversation whose every request repeats what was said before."""
    yield {}
    while True:
        sizes = {}
        call = task.caller()
        for turns in task.options["turns"]:
            path = _new_path(task)
            said: list[str] = []
            with task.opened(path, "once"):
                for turn in range(turns):
                    said.append(corpus.prompt(turn))
                    answer = call({"model": corpus.MODEL, "messages": corpus.turns(*said)})
                    said.append(json.loads(answer)["choices"][0]["message"]["content"])
            sizes[f"{turns}"] = path.stat().st_size / 1e3
        *_, half, whole = sizes.values()
        yield {**sizes, "growth": whole / half}


MEASURES = {
    "recorded": recorded,
    "killed": killed,
    "record_and_die": record_and_die,
    "conversation": conversation,
}


def scenarios(quick: bool) -> list[Scenario]:
    few, many = (50, 200) if quick else (1000, 10_000)
    found = [_recording(few, CONTENDERS)]
    if not quick:
        found += [_recording(3000, (OURS,)), _recording(many, (OURS,))]
    found.append(
        Scenario(
            "growth-record",
            f"recording {many:,} calls against {few:,}",
            "recorded",
            (Metric("time", "", "s", 12.0),),
            tuple(Entrant(column, {"calls": calls}, {}, OURS) for column, calls in ((FLOOR, few), (OURS, many))),
            fresh=True,
            server=True,
            rounds=3,
        )
    )
    if os.name != "nt":
        kept = (Metric("kept", "", f"of {_KILLED_AT}"),)
        title = f"recordings on disk after SIGKILL at the {_KILLED_AT}th call"
        entrants = tuple(Entrant(column) for column in CONTENDERS)
        found.append(Scenario("kill", title, "killed", kept, entrants, server=True, rounds=3))
    lengths = (5, 10, 20) if quick else (25, 50, 100)
    sizes = tuple(Metric(f"{turns}", f"{turns} turns", "KB") for turns in lengths)
    growth = Metric("growth", f"{lengths[-1]} turns against {lengths[-2]}", "x", 2.2, "value")
    entrants = tuple(Entrant(column, {"turns": lengths}) for column in CONTENDERS)
    title = "file size of a conversation"
    found.append(Scenario("conversation", title, "conversation", (*sizes, growth), entrants, server=True, rounds=1))
    return found


def _recording(calls: int, contenders: tuple[str, ...]) -> Scenario:
    return Scenario(
        f"record-{calls}",
        f"recording {calls:,} calls on loopback",
        "recorded",
        (Metric("time", "total", "s", 1.4), Metric("memory", "peak memory growth", "MB", 20, "value")),
        tuple(Entrant(column, {"calls": calls}) for column in (FLOOR, *contenders)),
        fresh=True,
        server=True,
        rounds=9 if calls <= 1000 else 3,
    )
