"""How a miss leaves a worker: past every library as it is, and into the program's own code as an Exception."""

from __future__ import annotations

import asyncio
import functools
import pickle
import queue
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho import CassetteMiss, errors, use_cassette

httpx = pytest.importorskip("httpx", reason="the calls are made by httpx")

pytest_plugins = ["pytester"]

Ask = Callable[[], Any]


def ask() -> Any:
    return httpx.post("http://127.0.0.1:9/v1/chat/completions", json={"model": "m"}, trust_env=False, verify=False)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[promptecho.Cassette]:
    with use_cassette(tmp_path / "none.yaml", mode="none") as opened:
        yield opened


def misses_are_meant(test: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(empty: promptecho.Cassette, **arguments: Any) -> None:
        test(empty=empty, **arguments)
        empty.acknowledge_misses()

    return run


class Library:
    """What an installed library does with a function of the program's: it tries again, and wraps what it gets."""

    def __init__(self) -> None:
        self.attempts = 0
        source = """
def attempt(library, function):
    for number in range(3):
        try:
            library.attempts += 1
            return function()
        except Exception as problem:
            last = problem
    raise ConnectionError("Connection error.") from last
"""
        names: dict[str, Any] = {}
        exec(compile(source, str(Path(sysconfig.get_path("purelib")) / "a_library.py"), "exec"), names)
        self.attempt: Callable[[Any], Any] = functools.partial(names["attempt"], self)


def in_the_main_thread(function: Ask) -> BaseException | None:
    return caught(function)


def in_a_thread(function: Ask) -> BaseException | None:
    done: queue.Queue[BaseException | None] = queue.Queue()
    threading.Thread(target=lambda: done.put(caught(function))).start()
    return done.get()


def in_a_pool(function: Ask) -> BaseException | None:
    with ThreadPool(1) as pool:
        return pool.apply(caught, (function,))


def in_a_task(function: Ask) -> BaseException | None:
    async def task() -> BaseException | None:
        return caught(function)

    async def main() -> BaseException | None:
        return (await asyncio.gather(task()))[0]

    return asyncio.run(main())


def in_the_main_task(function: Ask) -> BaseException | None:
    async def main() -> BaseException | None:
        return caught(function)

    return asyncio.run(main())


def caught(function: Ask) -> BaseException | None:
    """What a function raises, if it is an Exception when it arrives here."""
    try:
        try:
            function()
        except Exception as problem:
            return problem
    except BaseException:
        return None
    raise AssertionError("nothing was raised")


HOME = [in_the_main_thread, in_the_main_task]
WORKERS = [in_a_thread, in_a_pool, in_a_task]


@pytest.mark.parametrize("place", HOME)
@misses_are_meant
def test_in_the_tests_own_thread_and_task_a_miss_passes_every_except_exception(
    empty: promptecho.Cassette, place: Callable[[Ask], BaseException | None]
) -> None:
    assert place(ask) is None


@pytest.mark.parametrize("place", WORKERS)
@misses_are_meant
def test_in_a_worker_a_miss_is_an_exception_to_the_program(
    empty: promptecho.Cassette, place: Callable[[Ask], BaseException | None]
) -> None:
    arrived = place(ask)
    assert isinstance(arrived, CassetteMiss)
    assert isinstance(arrived, Exception)
    assert arrived is empty.misses[0]
    assert type(arrived).__name__ == "CassetteMiss"
    assert type(arrived).__module__ == "promptecho.errors"


@pytest.mark.parametrize("place", [*HOME, *WORKERS])
@misses_are_meant
def test_no_library_on_its_way_tries_again_or_wraps_it(
    empty: promptecho.Cassette, place: Callable[[Ask], BaseException | None]
) -> None:
    library = Library()
    arrived = place(lambda: library.attempt(ask))
    assert library.attempts == 1
    assert isinstance(arrived, CassetteMiss) is (place in WORKERS)


@pytest.mark.parametrize("place", WORKERS)
@misses_are_meant
def test_nor_does_one_that_calls_the_programs_own_function(
    empty: promptecho.Cassette, place: Callable[[Ask], BaseException | None]
) -> None:
    library = Library()

    def one_step() -> Any:
        return ask()

    assert isinstance(place(lambda: library.attempt(one_step)), CassetteMiss)
    assert library.attempts == 1


@misses_are_meant
def test_a_library_between_a_task_and_its_thread_does_not_try_again(empty: promptecho.Cassette) -> None:
    library = Library()

    async def worker() -> BaseException | None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, library.attempt, functools.partial(httpx.get, "http://127.0.0.1:9/"))
        except Exception as problem:
            return problem
        return None

    async def main() -> BaseException | None:
        return (await asyncio.gather(worker()))[0]

    assert isinstance(asyncio.run(main()), CassetteMiss)
    assert library.attempts == 1


@pytest.mark.parametrize("place", WORKERS)
def test_every_error_of_ours_inside_a_call_arrives_so(
    tmp_path: Path, place: Callable[[Ask], BaseException | None]
) -> None:
    import urllib.request

    with use_cassette(tmp_path / "none.yaml", mode="none") as opened:
        arrived = place(lambda: urllib.request.urlopen("https://api.openai.com/v1/models"))
        opened.acknowledge_misses()
    assert isinstance(arrived, errors.UninterceptedCallError)


@pytest.mark.parametrize("place", WORKERS)
@misses_are_meant
def test_a_tracer_of_others_is_there_before_and_after(
    empty: promptecho.Cassette, place: Callable[[Ask], BaseException | None]
) -> None:
    seen: list[str] = []

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        seen.append(event)
        return tracer

    def look() -> Any:
        sys.settrace(tracer)
        ask()

    def look_after() -> tuple[BaseException | None, bool]:
        arrived = caught(look)
        len(seen)
        kept = sys.gettrace() is tracer
        sys.settrace(None)
        return arrived, kept

    before = sys.gettrace()
    try:
        results: list[tuple[BaseException | None, bool]] = []
        place(lambda: results.append(look_after()) or 1 / 0)  # type: ignore[func-returns-value]  # any error will do
    finally:
        sys.settrace(before)
    arrived, kept = results[0]
    assert isinstance(arrived, CassetteMiss)
    assert kept
    assert "exception" in seen


@misses_are_meant
def test_nothing_is_left_of_the_tracer_once_a_miss_has_arrived(empty: promptecho.Cassette) -> None:
    left: list[Any] = []

    def work() -> None:
        caught(ask)
        left.append(sys.gettrace())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert left == [None]


@misses_are_meant
def test_several_misses_in_one_loop_all_arrive(empty: promptecho.Cassette) -> None:
    async def worker(number: int) -> BaseException:
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                for _ in range(number):
                    await asyncio.sleep(0)
                await client.post("http://127.0.0.1:9/v1/chat/completions", json={"number": number})
        except Exception as problem:
            return problem
        raise AssertionError

    async def main() -> list[BaseException]:
        return await asyncio.gather(*map(worker, range(20)))

    arrived = asyncio.run(main())
    assert {type(each).__name__ for each in arrived} == {"CassetteMiss"}
    assert len(set(map(id, arrived))) == 20


def test_what_a_worker_swallows_is_raised_when_the_cassette_closes(tmp_path: Path) -> None:
    with pytest.raises(CassetteMiss, match="and 1 more call that no recording answers") as raised:
        with use_cassette(tmp_path / "none.yaml", mode="none"):
            in_a_thread(ask)
            in_a_thread(ask)
    assert isinstance(raised.value, Exception)  # the user's own code: any runner understands it


@pytest.mark.parametrize("as_exception", [False, True])
def test_a_miss_goes_through_pickle_with_its_facts(as_exception: bool) -> None:
    miss: BaseException = CassetteMiss("not recorded", path=Path("c.yaml"), mode="none", summary="model differs")
    if as_exception:
        miss = errors.as_exception(miss)
    again = pickle.loads(pickle.dumps(miss))
    assert isinstance(again, CassetteMiss)
    assert isinstance(again, Exception) is as_exception
    assert (str(again), again.path, again.mode, again.summary) == (
        "not recorded",
        Path("c.yaml"),
        "none",
        "model differs",
    )
    assert isinstance(again, pytest.fail.Exception)  # a failure to pytest, in all of its phases


def test_a_miss_under_pytest_is_nothing_else_to_the_eye() -> None:
    miss = CassetteMiss("not recorded")
    assert not isinstance(miss, Exception)
    assert repr(miss) == "CassetteMiss('not recorded')"
    assert (type(miss).__name__, type(miss).__module__) == ("CassetteMiss", "promptecho.errors")


EXPECTED = """
import asyncio
import httpx, pytest, promptecho
from promptecho import CassetteMiss as Missed

MEANT = (KeyError, promptecho.CassetteMiss)

@pytest.fixture
def cassette(tmp_path):
    with promptecho.use_cassette(tmp_path / "none.yaml", mode="none") as opened:
        yield opened

def ask():
    httpx.get("http://127.0.0.1:9/", trust_env=False, verify=False)

async def aask():
    ask()

def test_by_another_name(cassette):
    with pytest.raises(Missed):
        ask()

def test_by_a_variable(cassette):
    try:
        ask()
    except MEANT:
        pass

async def together():
    async with asyncio.TaskGroup() as group:
        group.create_task(aask())
        group.create_task(aask())

def test_by_a_group(cassette):
    try:
        asyncio.run(together())
    except* promptecho.CassetteMiss:
        pass

def test_by_pytests_group(cassette):
    with pytest.RaisesGroup(Missed, Missed):
        asyncio.run(together())

def test_of_a_future(cassette):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor() as pool, pytest.raises(promptecho.CassetteMiss):
        pool.submit(ask).result()
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of errors are of Python 3.11")
def test_a_miss_that_is_caught_by_name_stays_caught(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EXPECTED)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=5)


UNITTEST = """
import asyncio, contextlib, tempfile, unittest
import httpx, promptecho

def ask():
    httpx.get("http://127.0.0.1:9/", trust_env=False, verify=False)

class TestIt(unittest.TestCase):
    def setUp(self):
        opened = promptecho.use_cassette(tempfile.mkdtemp() + "/none.yaml", mode="none")
        opened.__enter__()
        self.addCleanup(opened.__exit__, None, None, None)

    def test_plain(self):
        ask()

    def test_swallowed(self):
        with contextlib.suppress(BaseException):
            ask()

    def test_meant(self):
        with self.assertRaises(promptecho.CassetteMiss):
            ask()

class TestAsync(unittest.IsolatedAsyncioTestCase):
    setUp = TestIt.setUp

    async def test_plain(self):
        ask()

    async def test_swallowed(self):
        await asyncio.gather(self.call(), return_exceptions=True)

    async def call(self):
        ask()

unittest.main()
"""


def test_in_a_run_of_unittest_each_miss_is_one_error(tmp_path: Path) -> None:
    script = tmp_path / "suite.py"
    script.write_text(UNITTEST)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    wrong = [line.split()[1] for line in done.stderr.splitlines() if line.startswith(("ERROR:", "FAIL:"))]
    assert sorted(wrong) == ["test_plain", "test_plain", "test_swallowed", "test_swallowed"]


@misses_are_meant
def test_an_executor_hands_a_miss_to_whoever_asks_for_the_result(empty: promptecho.Cassette) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(CassetteMiss):
        pool.submit(ask).result()
