"""The benchmarks run: one worker, for promptecho as it is in this environment, with tiny numbers. No time is asserted."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import clients, contenders, corpus, opening, recording, replay, starting, table
from benchmarks.rounds import Bench
from benchmarks.scenario import FLOOR, OURS, Entrant, Metric, Recordings, Scenario

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'backends'}")
    monkeypatch.delenv("PROMPTECHO_MODE", raising=False)
    return Bench({OURS: Path(sys.executable)}, tmp_path, budget=60)


def replaying(*columns: str) -> Scenario:
    pytest.importorskip("httpx", reason="needs httpx")
    entrants = tuple(Entrant(column, {"calls": 3}, {"cassette": Recordings(3)}) for column in columns)
    return Scenario("small", "a call", "replayed_call", (Metric("again", "", "us", 1000.0),), entrants)


def test_a_worker_replays_what_it_recorded_and_gives_a_sample_in_each_round(bench: Bench) -> None:
    floor, ours = bench.run(replaying(FLOOR, OURS), rounds=2)
    assert (floor.reason, ours.reason) == ("", "")
    assert set(ours.samples) == set(floor.samples) == {0, 1}
    assert all(sample.keys() == {"again", "first"} for sample in ours.samples.values())


@pytest.mark.parametrize("library", ["httpx", "requests", "urllib3", "aiohttp"])
def test_a_call_that_really_went_out_is_told_as_not_intercepted(library: str) -> None:
    pytest.importorskip(library, reason=f"needs {library}")
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        call = clients.caller(library, f"http://127.0.0.1:{nobody_listens.getsockname()[1]}", floor=False)
        with pytest.raises(Exception, match=r".") as refused:
            call(corpus.payload(1))
    assert contenders.why(refused.value, "") == "not intercepted"


@pytest.mark.parametrize("library", clients.LIBRARIES)
def test_a_floor_answers_every_call_in_process(library: str) -> None:
    pytest.importorskip(library, reason=f"needs {library}")
    call = clients.caller(library, "http://127.0.0.1:9", floor=True)
    assert len(call.timed([corpus.payload(number) for number in range(3)], 10.0)) == 3
    assert b"Answer 0: " in call(corpus.payload(1))


def test_ratios_are_to_the_floor_of_the_same_round(bench: Bench) -> None:
    scenario = replaying(FLOOR, OURS)
    outcomes = bench.run(scenario, rounds=1)
    (row,) = table.rows(scenario, outcomes)
    sample = {column: outcome.samples[0]["again"] for column, outcome in zip((FLOOR, OURS), outcomes)}
    assert f"{table.number(sample[OURS] / sample[FLOOR])}x" in row[2]
    assert row[-1].startswith("<= 1000x")


def test_every_scenario_names_a_measure_and_has_its_own_name() -> None:
    from benchmarks.worker import MEASURES

    for quick in (True, False):
        found = [each for module in (replay, opening, recording, starting) for each in module.scenarios(quick)]
        assert len({each.name for each in found}) == len(found)
        assert {each.measure for each in found} | {each.prepared for each in found} <= {*MEASURES, ""}
