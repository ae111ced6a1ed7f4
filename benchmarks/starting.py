"""Scenarios about starting: importing, the first use in a process, and pytest with the plugin."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import clients
from benchmarks.contenders import MODULE, NotReplayed, Samples, Task
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

_CASSETTE_TEST = {
    OURS: "def test_{n:04}(promptecho_cassette): ask({n})\n",
    EARLIER: "def test_{n:04}(promptecho_cassette): ask({n})\n",
    VCRPY: "@pytest.mark.vcr\ndef test_{n:04}(): ask({n})\n",
    CASSETTER: "@pytest.mark.vcr\ndef test_{n:04}(): ask({n})\n",
}
_PLAIN_TEST = "def test_{n:04}(): ask({n})\n"
_MODES = {
    OURS: "--promptecho-mode={}",
    EARLIER: "",  # by the environment
    VCRPY: "--record-mode={}",
    CASSETTER: "--record-mode={}",
}


def started(task: Task) -> Samples:
    """Milliseconds above an empty interpreter: of the import alone, and with entering a first cassette."""
    module, path = MODULE[task.contender], str(task.path())
    mode = "record_mode='none'" if module in ("vcr", "cassetter") else "mode='none'"
    programs = {
        "import": f"import {module}",
        "first use": f"from {module} import use_cassette\nwith use_cassette({path!r}, {mode}): pass",
    }
    for program in ("pass", *programs.values()):
        _run_seconds(program)  # compiled from now on
    yield {}
    while True:
        above: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(int(task.options["starts"])):
            empty = _run_seconds("pass")
            for name, program in programs.items():
                above[name].append(_run_seconds(program) - empty)
        yield {name: statistics.median(times) * 1e3 for name, times in above.items()}


def _run_seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def _suite(task: Task) -> Path:
    return task.folder / f"suite-{task.contender.replace(' ', '-')}-{task.options['tests']}"


def write_suite(task: Task) -> Samples:
    """Write a suite of tests, and run it once so that its cassettes are recorded."""
    suite = _suite(task)
    suite.mkdir(exist_ok=True)
    count = int(task.options["tests"])
    floor = task.is_floor
    lines = [
        "import pytest\nfrom benchmarks import clients, corpus\n\n",
        f"client = clients.httpx_client('httpx', {floor})\n\n",
        f"def ask(n):\n    answer = client.post({task.url + clients.PATH!r}, json=corpus.payload(n)).content\n",
        "    assert b'Answer' in answer\n\n",
    ]
    test = _PLAIN_TEST if floor else _CASSETTE_TEST[task.contender]
    (suite / "test_calls.py").write_text("".join(lines) + "".join(test.format(n=n) for n in range(count)), "utf-8")
    (suite / "test_empty.py").write_text("".join(f"def test_{n:04}(): pass\n" for n in range(count)), "utf-8")
    (suite / "pytest.ini").write_text("[pytest]\n", "utf-8")
    if not floor:
        _run_suite(task, "test_calls.py", "once")
    yield {}


def suite(task: Task) -> Samples:
    """Seconds of a whole run of pytest: over tests that do nothing, and over tests that replay one call each."""
    test_file = f"test_{task.options['file']}.py"
    _run_suite(task, test_file, "none")
    yield {}
    while True:
        yield {"time": _run_suite(task, test_file, "none")}


def _run_suite(task: Task, name: str, mode: str) -> float:
    options = ["-q", "-p", "no:cacheprovider", *(["-p", "no:promptecho"] if task.is_floor else [])]
    flag = "" if task.is_floor else _MODES[task.contender].format(mode)
    root = Path(__file__).resolve().parent.parent
    program = f"import sys; sys.path.append({str(root)!r}); import pytest; sys.exit(pytest.main())"
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    if task.contender == EARLIER:
        environment["PROMPTECHO_MODE"] = mode
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *options, *([flag] if flag else []), name],
        cwd=_suite(task),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise NotReplayed("the tests failed: " + (done.stdout.strip().splitlines() or [""])[-1])
    return seconds


MEASURES = {"started": started, "write_suite": write_suite, "suite": suite}


def scenarios(quick: bool) -> list[Scenario]:
    tests, starts = (20, 2) if quick else (1000, 6)  # starts: processes of each kind in a sample
    columns = (FLOOR, *CONTENDERS)
    return [
        Scenario(
            "import",
            "starting, above an empty interpreter",
            "started",
            (Metric("import", "import", "ms", 12, "value"), Metric("first use", "import and enter a cassette", "ms")),
            tuple(Entrant(column, {"starts": starts}, {"cassette": Recordings(1)}) for column in CONTENDERS),
            rounds=9,
        ),
        Scenario(
            "pytest-empty",
            f"pytest, {tests:,} empty tests, with the plugin against without",
            "suite",
            (Metric("time", "", "s", 1.05),),
            tuple(Entrant(column, {"tests": tests, "file": "empty"}) for column in (FLOOR, OURS, EARLIER)),
            prepared="write_suite",
            rounds=7,
        ),
        Scenario(
            "pytest-cassettes",
            f"pytest, {tests:,} tests that replay one call from a cassette each",
            "suite",
            (Metric("time", "", "s", 1.5),),
            tuple(Entrant(column, {"tests": tests, "file": "calls"}) for column in columns),
            prepared="write_suite",
            rounds=7,
        ),
    ]
