"""What happens to a recording under kills, faults, cancellation and load.

``PROMPTECHO_SOAK=10`` makes it ten times as long; ``python dev.py soak`` does.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import Cassette, use_cassette
from promptecho._backends import adapters
from tests.conformance.drivers import Call, Driver, all_drivers
from tests.conformance.server import ScriptedServer

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL"),
]
ROOT = Path(__file__).resolve().parents[2]
TIMES = int(os.environ.get("PROMPTECHO_SOAK", "1"))
KILLS = 20 * TIMES
KILLS_FOR_EACH_FILE = 5


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


class Children:
    """The process that forks the programs of ``recorders.py``."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.recorders"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, name: str, *, beside: bool = False, **arguments: Any) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"name": name, "arguments": arguments, "beside": beside}) + "\n")
        self.process.stdin.flush()
        return int(self.read("pid")[0])

    def read(self, word: str) -> list[str]:
        """The rest of the next line, which begins with a word."""
        assert self.process.stdout is not None
        first, *rest = self.process.stdout.readline().split()
        assert first == word, (first, rest)
        return rest

    def lines(self) -> Iterator[list[str]]:
        """The lines of a child until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield line.split()
            if line.startswith("end"):
                return

    def run(self, name: str, **arguments: Any) -> list[list[str]]:
        """What a child says until it ends well."""
        self.start(name, **arguments)
        said = list(self.lines())
        assert said[-1] == ["end", "0"], said
        return said[:-1]


@pytest.fixture
def children() -> Iterator[Children]:
    started = Children()
    try:
        yield started
    finally:
        started.process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        started.process.wait(timeout=30)
        started.process.stdout.close()  # type: ignore[union-attr]


def prompts(path: Path) -> list[str]:
    return [each.body["prompt"] for each in Cassette.load(path).interactions]


def test_every_call_whose_answer_was_seen_survives_a_kill(
    server: ScriptedServer, children: Children, tmp_path: Path
) -> None:
    chosen = random.Random(20261125)
    seen: set[str] = set()
    for run in range(KILLS):
        path = tmp_path / f"{run // KILLS_FOR_EACH_FILE}.yaml"
        if run % KILLS_FOR_EACH_FILE == 0:
            seen.clear()
        pid = children.start("record_for_ever", url=server.url, path=str(path), run=run)
        for _ in range(chosen.randrange(1, 40)):
            seen.add(children.read("seen")[0])
        os.kill(pid, signal.SIGKILL)
        *rest, end = children.lines()
        assert end == ["end", str(-signal.SIGKILL)]
        seen.update(line[1] for line in rest)
        found = prompts(path)
        assert seen <= set(found)
        assert len(found) == len(set(found))


def test_eight_processes_record_into_one_file_at_once(
    server: ScriptedServer, children: Children, tmp_path: Path
) -> None:
    calls = 12 * TIMES
    path = tmp_path / "shared.yaml"
    for process in range(8):
        children.start("record_a_few", beside=process < 7, url=server.url, path=str(path), process=process, calls=calls)
    assert [children.read("end") for _ in range(8)] == [["0"]] * 8
    assert sorted(prompts(path)) == sorted(f"{process}-{number}" for process in range(8) for number in range(calls))
    assert "unfinished" not in path.read_text(encoding="utf-8")


def test_a_disk_that_is_full_somewhere_in_an_entry_leaves_the_file_as_it_was(
    server: ScriptedServer, children: Children, tmp_path: Path
) -> None:
    [[_, refused]] = children.run(
        "meet_full_disks", url=server.url, path=str(tmp_path / "c.yaml"), seed=1, rounds=40 * TIMES
    )
    assert int(refused) > 5
    assert len(set(prompts(tmp_path / "c.yaml"))) == len(Cassette.load(tmp_path / "c.yaml"))


def test_a_folder_without_write_access_is_an_error_before_the_call(server: ScriptedServer, children: Children) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        try:
            [said] = children.run("meet_a_closed_folder", url=server.url, path=str(folder / "c.yaml"))
        finally:
            folder.chmod(0o755)
        assert prompts(folder / "c.yaml") == ["one", "two"]
    assert "c.yaml: the recording can't be written: no permission to write in the folder" in " ".join(said)
    assert server.hits == 2


def test_a_folder_that_goes_away_is_an_error(server: ScriptedServer, children: Children, tmp_path: Path) -> None:
    [said] = children.run("lose_the_folder", url=server.url, path=str(tmp_path / "below" / "c.yaml"))
    assert "c.yaml was removed while it was being recorded" in " ".join(said)
    assert server.hits == 2
    assert not (tmp_path / "below").exists()


DRIVERS = all_drivers()


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def patched() -> dict[str, Any]:
    """What stands at every patch point of every backend."""
    found = {}
    for name in sorted({driver.backend for driver in DRIVERS}):
        if name in sys.modules:
            for point in adapters.load_backend(name).patch_points(sys.modules[name]):
                found[f"{name} {point.owner!r} {point.name}"] = vars(point.owner)[point.name]
    return found


def test_many_cassettes_leave_nothing_behind(server: ScriptedServer, tmp_path: Path) -> None:
    def use(number: int, driver: Driver) -> None:
        call = Call("POST", f"{server.url}/echo", json={"prompt": "the same"})
        path = tmp_path / f"{number}.yaml"
        for mode in ("once", "none"):
            with use_cassette(path, mode, backends=[driver.backend]):
                driver.send(call)
        path.unlink()

    def count() -> tuple[int, int, int]:
        gc.collect()
        return descriptors(), threading.active_count(), len(gc.get_objects())

    for number in range(5 * len(DRIVERS)):  # what is made once is made by then
        use(number, DRIVERS[number % len(DRIVERS)])
    originals = patched()
    before = count()
    for number in range(100 * TIMES):
        use(number, DRIVERS[number % len(DRIVERS)])
    after = count()
    assert patched() == originals
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 2  # threads of the server that have not ended yet
    assert after[2] < before[2] + 5_000


async def _cancelled_at_random(send: Any, chosen: random.Random, count: int) -> dict[int, bytes]:
    """What the tasks got that were not cancelled; the others are, after a random number of turns of the loop."""

    async def one(number: int) -> bytes:
        return await send(number)

    tasks = {number: asyncio.ensure_future(one(number)) for number in range(count)}
    while any(not task.done() for task in tasks.values()):
        await asyncio.wait([task for task in tasks.values() if not task.done()], timeout=0.001)
        running = [task for task in tasks.values() if not task.done()]
        if running and chosen.random() < 0.5:
            chosen.choice(running).cancel()
    results = await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {number: result for number, result in zip(tasks, results) if isinstance(result, bytes)}


@pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"])
def test_cancelled_tasks_leave_what_they_received_and_the_others_whole_recordings(
    server: ScriptedServer, tmp_path: Path, library: str
) -> None:
    module = pytest.importorskip(library, reason="needs it")
    path = tmp_path / "c.yaml"

    async def run(count: int, chosen: random.Random) -> dict[int, bytes]:
        if library == "aiohttp":
            async with module.ClientSession() as session:

                async def send(number: int) -> bytes:
                    async with session.post(f"{server.url}/sse", json={"prompt": number}) as response:
                        return bytes(await response.read())

                return await _cancelled_at_random(send, chosen, count)
        async with module.AsyncClient(trust_env=False, timeout=60) as client:

            async def send(number: int) -> bytes:
                return bytes((await client.post(f"{server.url}/sse", json={"prompt": number})).content)

            return await _cancelled_at_random(send, chosen, count)

    with use_cassette(path, backends=[library]):
        got = asyncio.run(run(60 * TIMES, random.Random(library)))
    recorded = {each.body["prompt"]: each for each in Cassette.load(path).interactions}
    assert got
    for number, data in got.items():
        assert recorded[number].incomplete is None
        assert recorded[number].response.body == data
