"""Kinds of code that calls a model in tests, for suites in which one call of each has no recording.

Each is the source of a module with five tests. Test ``i`` asks for ``text(i)``, which is recorded, or in a run with
misses is not for one ``i``. ``ask`` and ``aask`` call a model by an SDK that tries again, as SDKs do, and wraps what it
gets; it lies in a folder of installed packages. ``program`` opens the cassette.
"""

from __future__ import annotations

import sys

SDK = """
import os
import httpx

URL = os.environ["SUITE_URL"] + "/v1/chat/completions"

def body(text):
    return {"model": "m", "messages": [{"role": "user", "content": text}]}

def create(text):
    for attempt in range(3):
        try:
            return httpx.post(URL, json=body(text), trust_env=False, verify=False).json()
        except Exception as problem:
            last = problem
    raise ConnectionError("Connection error.") from last

async def acreate(text):
    for attempt in range(3):
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.post(URL, json=body(text))).json()
        except Exception as problem:
            last = problem
    raise ConnectionError("Connection error.") from last
"""

SUITE = """
import os, asyncio, contextlib, functools, queue, threading, unittest
import fake_sdk, pytest
import promptecho

ALL = range(5)
program = functools.partial(promptecho.use_cassette, os.environ["SUITE_CASSETTE"], mode="none")

def text(i):
    return "unknown" if i == 3 and os.environ.get("SUITE_MISSES") else "known"

def ask(i):
    fake_sdk.create(text(i))
    return "answer"

async def aask(i):
    await fake_sdk.acreate(text(i))
    return "answer"

@pytest.fixture
def cassette():
    with program() as opened:
        yield opened

@pytest.fixture
def anyio_backend():
    return "asyncio"

each = pytest.mark.parametrize("i", ALL)
"""

KINDS = {
    "with_block": """
@each
def test_it(i):
    with program():
        assert ask(i) == "answer"
""",
    "decorator": """
@each
@program()
def test_it(i):
    assert ask(i) == "answer"
""",
    "fixture_of_the_users": """
@each
def test_it(cassette, i, tmp_path):
    assert tmp_path.name.startswith("test_it")
    assert ask(i) == "answer"
""",
    "swallowed_in_a_fixture_cassette": """
@each
def test_it(cassette, i):
    try:
        ask(i)
    except BaseException:
        pass
""",
    "swallowed_and_then_wrong": """
@each
def test_it(cassette, i):
    answer = None
    with contextlib.suppress(BaseException):
        answer = ask(i)
    assert answer == "answer"
""",
    "swallowed_and_skipped": """
@each
@program()
def test_it(i):
    try:
        ask(i)
    except BaseException:
        pytest.skip("no model here")
""",
    "fixture_set_up": """
@pytest.fixture
def answer(cassette, i):
    return ask(i)

@each
def test_it(answer, i):
    assert answer == "answer"
""",
    "fixture_tear_down": """
@pytest.fixture
def answer(cassette, i):
    yield
    ask(i)

@each
def test_it(answer, i, tmp_path):
    pass
""",
    "finalizers": """
@pytest.fixture
def answer(cassette, request, i):
    request.addfinalizer(lambda: ask(i))
    request.addfinalizer(lambda: ask(i))

@each
def test_it(answer, i, tmp_path):
    pass
""",
    "task_group_in_tear_down": """
@pytest.fixture
def answer(cassette, i):
    yield
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(aask(i))
            group.create_task(aask(0))
    asyncio.run(main())

@each
def test_it(answer, i, tmp_path):
    pass
""",
    "module_fixture": """
@pytest.fixture(scope="module", params=ALL)
def answer(request):
    with program():
        yield ask(request.param)

def test_it(answer):
    assert answer == "answer"
""",
    "class_fixture": """
@pytest.fixture(scope="class", params=ALL)
def answer(request):
    with program():
        ask(request.param)
        yield "answer"

class TestIt:
    def test_it(self, answer):
        assert answer == "answer"
""",
    "session_fixture": """
@pytest.fixture(scope="session", params=ALL)
def answer(request):
    with program():
        return ask(request.param)

def test_it(answer):
    assert answer == "answer"
""",
    "setup_method": """
class TestIt:
    def setup_method(self, method):
        self.opened = program()
        self.opened.__enter__()

    def teardown_method(self, method):
        self.opened.__exit__(None, None, None)

    @each
    def test_it(self, i):
        assert ask(i) == "answer"
""",
    "unittest_set_up": """
class TestIt(unittest.TestCase):
    def setUp(self):
        self.opened = program()
        self.opened.__enter__()
        self.i = int(self._testMethodName[-1])

    def tearDown(self):
        self.opened.__exit__(None, None, None)

for i in ALL:
    setattr(TestIt, f"test_{i}", lambda self: self.assertEqual(ask(self.i), "answer"))
""",
    "unittest_clean_up": """
class TestIt(unittest.TestCase):
    def setUp(self):
        opened = program()
        opened.__enter__()
        self.addCleanup(opened.__exit__, None, None, None)

def make(i):
    def run(self):
        with contextlib.suppress(BaseException):
            ask(i)
    return run

for i in ALL:
    setattr(TestIt, f"test_{i}", make(i))
""",
    "unittest_async": """
class TestIt(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.opened = program()
        self.opened.__enter__()

    async def asyncTearDown(self):
        self.opened.__exit__(None, None, None)

def make(i):
    async def run(self):
        self.assertEqual(await asyncio.wait_for(aask(i), 30), "answer")
    return run

for i in ALL:
    setattr(TestIt, f"test_{i}", make(i))
""",
    "thread_with_a_queue": """
@each
def test_it(cassette, i):
    jobs, answers = queue.Queue(), []

    def worker():
        while True:
            job = jobs.get()
            try:
                answers.append(ask(job))
            except Exception as problem:
                answers.append(problem)
            jobs.task_done()

    threading.Thread(target=worker, daemon=True).start()
    jobs.put(i), jobs.put(0)
    jobs.join()
    assert len(answers) == 2
""",
    "thread_with_an_event": """
@each
def test_it(cassette, i):
    done, answers = threading.Event(), []

    def run():
        try:
            answers.append(ask(i))
        except Exception as problem:
            answers.append(problem)
        done.set()

    threading.Timer(0, run).start()
    done.wait()
    assert len(answers) == 1
""",
    "thread_waiting_for_a_future": """
from concurrent.futures import ThreadPoolExecutor

@each
def test_it(cassette, i):
    jobs, answers = queue.Queue(), []

    def worker(executor):
        while True:
            job = jobs.get()
            try:
                answers.append(executor.submit(fake_sdk.create, text(job)).result())
            except Exception as problem:
                answers.append(problem)
            jobs.task_done()

    with ThreadPoolExecutor(1) as executor:
        threading.Thread(target=worker, args=(executor,), daemon=True).start()
        jobs.put(i), jobs.put(0)
        jobs.join()
""",
    "thread_with_a_loop_elsewhere": """
@each
def test_it(cassette, i):
    jobs, answers = queue.Queue(), []
    loop = asyncio.new_event_loop()

    def worker():
        while True:
            job = jobs.get()
            try:
                answers.append(asyncio.run_coroutine_threadsafe(fake_sdk.acreate(text(job)), loop).result())
            except Exception as problem:
                answers.append(problem)
            jobs.task_done()

    threading.Thread(target=loop.run_forever, daemon=True).start()
    threading.Thread(target=worker, daemon=True).start()
    jobs.put(i), jobs.put(0)
    jobs.join()
    loop.call_soon_threadsafe(loop.stop)
""",
    "executor": """
from concurrent.futures import ThreadPoolExecutor

@each
def test_it(cassette, i):
    with ThreadPoolExecutor(2) as executor:
        assert list(executor.map(ask, [0, i])) == ["answer", "answer"]
""",
    "thread_pool_map": """
from multiprocessing.pool import ThreadPool

@each
def test_it(cassette, i):
    with ThreadPool(2) as pool:
        assert pool.map(ask, [0, i]) == ["answer", "answer"]
""",
    "thread_pool_of_a_library": """
from multiprocessing.pool import ThreadPool

@each
def test_it(cassette, i):
    with ThreadPool(2) as pool:
        pool.apply_async(fake_sdk.create, [text(i)]).get()
""",
    "thread_pool_imap": """
from multiprocessing.pool import ThreadPool

@each
def test_it(cassette, i):
    with ThreadPool(2) as pool:
        assert list(pool.imap_unordered(ask, [0, i])) == ["answer", "answer"]
""",
    "process_pool_fork": """
import multiprocessing

@each
def test_it(cassette, i):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(ask, [0, i]) == ["answer", "answer"]
""",
    "process_executor_fork": """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

@each
def test_it(cassette, i):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert list(pool.map(ask, [0, i])) == ["answer", "answer"]
""",
    "joblib_threads": """
import joblib

@each
def test_it(cassette, i):
    assert joblib.Parallel(2, "threading")(joblib.delayed(ask)(each) for each in (0, i)) == ["answer", "answer"]
""",
    "gather": """
@each
def test_it(cassette, i):
    async def main():
        return await asyncio.gather(aask(0), aask(i))
    assert asyncio.run(main()) == ["answer", "answer"]
""",
    "gather_that_returns_errors": """
@each
def test_it(cassette, i):
    async def main():
        return await asyncio.gather(aask(0), aask(i), return_exceptions=True)
    assert len(asyncio.run(main())) == 2
""",
    "task_group": """
@each
def test_it(cassette, i):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(aask(0)), group.create_task(aask(i))
    asyncio.run(main())
""",
    "asyncio_queue": """
@pytest.mark.asyncio
@each
async def test_it(cassette, i):
    jobs, answers = asyncio.Queue(), []

    async def worker():
        while True:
            job = await jobs.get()
            try:
                answers.append(await aask(job))
            except Exception as problem:
                answers.append(problem)
            jobs.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(2)]
    for job in (i, i, 0, i, 0):
        jobs.put_nowait(job)
    await jobs.join()
    for each in workers:
        each.cancel()
    assert len(answers) == 5
""",
    "asyncio_queue_of_awaited_tasks": """
WAYS = {
    "wait_for": lambda i: asyncio.wait_for(fake_sdk.acreate(text(i)), 30),
    "gather": lambda i: asyncio.gather(fake_sdk.acreate(text(i)), asyncio.sleep(0)),
    "to_thread": lambda i: asyncio.to_thread(fake_sdk.create, text(i)),
    "executor": lambda i: asyncio.get_running_loop().run_in_executor(
        None, functools.partial(fake_sdk.create, text(i))
    ),
    "shield": lambda i: asyncio.shield(fake_sdk.acreate(text(i))),
}

@pytest.mark.asyncio
@each
async def test_it(cassette, i):
    jobs, answers = asyncio.Queue(), []

    async def worker():
        while True:
            way, job = await jobs.get()
            try:
                answers.append(await WAYS[way](job))
            except Exception as problem:
                answers.append(problem)
            jobs.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(2)]
    for way in WAYS:
        jobs.put_nowait((way, i)), jobs.put_nowait((way, 0))
    await jobs.join()
    for each in workers:
        each.cancel()
    assert len(answers) == 2 * len(WAYS)
""",
    "asyncio_future": """
@each
def test_it(cassette, i):
    async def main():
        future = asyncio.get_running_loop().create_future()

        async def run():
            try:
                future.set_result(await aask(i))
            except Exception as problem:
                future.set_exception(problem)

        task = asyncio.create_task(run())
        return await future

    assert asyncio.run(main()) == "answer"
""",
    "to_thread": """
@each
@pytest.mark.asyncio
async def test_it(cassette, i):
    assert await asyncio.to_thread(ask, i) == "answer"
""",
    "anyio_plugin": """
import anyio

@pytest.mark.anyio
@each
async def test_it(cassette, i):
    async with anyio.create_task_group() as group:
        group.start_soon(aask, 0)
        group.start_soon(aask, i)
""",
    "anyio_plugin_plain": """
import anyio

@pytest.fixture
async def kept(anyio_backend):
    send, receive = anyio.create_memory_object_stream(1)
    yield send
    send.close(), receive.close()

@pytest.mark.anyio
@each
async def test_it(cassette, kept, i):
    assert await aask(i) == "answer"
""",
    "anyio_threads": """
import anyio.from_thread, anyio.to_thread

@each
def test_it(cassette, i):
    async def work(i):
        return await anyio.to_thread.run_sync(ask, i)
    with anyio.from_thread.start_blocking_portal() as portal:
        assert portal.call(work, i) == "answer"
""",
    "trio_nursery": """
import trio

@each
def test_it(cassette, i):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(aask, 0)
            nursery.start_soon(aask, i)
    trio.run(main)
""",
    "trio_channel": """
import trio

@each
def test_it(cassette, i):
    answers = []

    async def worker(jobs):
        async for job in jobs:
            try:
                answers.append(await aask(job))
                answers.append(await trio.to_thread.run_sync(functools.partial(fake_sdk.create, text(job))))
            except Exception as problem:
                answers.append(problem)

    async def main():
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel(5)
            nursery.start_soon(worker, receive)
            async with send:
                for job in (i, 0):
                    await send.send(job)
    trio.run(main)
    assert len(answers) in (3, 4)
""",
    "trio_by_anyio_plugin": """
import anyio

@pytest.fixture
def anyio_backend():
    return "trio"

@pytest.mark.anyio
@each
async def test_it(cassette, i):
    async with anyio.create_task_group() as group:
        group.start_soon(aask, 0)
        await aask(i)
""",
}
if sys.version_info < (3, 11):
    for name in [name for name, source in KINDS.items() if "TaskGroup" in source]:
        del KINDS[name]
