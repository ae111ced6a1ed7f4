"""Processes that are started inside a cassette are in it: forked ones, pools of each start method, other programs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shlex
import shutil
import site
import subprocess
import sys
import threading
import venv
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette
from promptecho._processes import children
from promptecho._session import begun
from promptecho._telling import run as _run
from promptecho.errors import ChildProcessCassetteError, LiveBudgetError, UninterceptedCallWarning
from tests import calling
from tests.conformance.server import ScriptedServer

httpx = pytest.importorskip("httpx", reason="the children use it")

ROOT = Path(__file__).parents[2]
METHODS = multiprocessing.get_all_start_methods()
needs_fork = pytest.mark.skipif("fork" not in METHODS, reason="needs fork")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends")]))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("PROMPTECHO_MODE", raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def is_finished(path: Path) -> bool:
    return "unfinished" not in path.read_text(encoding="utf-8")


# --- pools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_what_a_pool_of_processes_records_it_replays_and_all_of_it_counts(
    server: ScriptedServer, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "c.yaml"
    prompts = ["one", "two", "three", "four"]

    def run(mode: str) -> tuple[list[str], Any]:
        with use_cassette(path, mode) as cassette:
            calling.ask(server.url, "before")
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
                got = list(pool.map(calling.ask, [server.url] * 4, prompts))
            within = len(cassette.recorded), len(cassette.played)
            got.append(calling.ask(server.url, "after"))
        assert within == ((5, 0) if mode == "once" else (0, 5))
        return got, cassette

    recorded, cassette = run("once")
    assert {each.body["prompt"] for each in cassette.recorded} == {"before", "after", *prompts}
    assert server.hits == 6
    assert is_finished(path)
    server.stop()
    replayed, cassette = run("none")
    assert replayed == recorded
    assert (len(cassette.recorded), len(cassette.played), len(cassette.unused)) == (0, 6, 0)
    assert cassette.played_numbers() == list(range(6))
    assert not list(Path(path.parent).glob(".*"))


@needs_fork
@pytest.mark.parametrize(
    ("library", "method"),
    [("requests", "fork"), ("urllib3", "spawn"), ("aiohttp", "fork"), ("aiohttp", "spawn"), ("httpx2", "spawn")],
)
def test_children_call_through_each_backend(server: ScriptedServer, tmp_path: Path, library: str, method: str) -> None:
    pytest.importorskip(library, reason="the children use it")
    path = tmp_path / "c.yaml"
    got = []
    for mode in ("once", "none"):
        with use_cassette(path, mode, backends=[library]) as cassette:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
                got.append(pool.submit(calling.ask, server.url, "hi", library).result(60))
        assert len(cassette.recorded) + len(cassette.played) == 1
    assert got[0] == got[1]
    assert server.hits == 1


@pytest.mark.parametrize("method", METHODS)
def test_identical_calls_of_several_processes_get_one_recording_each(
    server: ScriptedServer, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, repeats="strict"):
        for _ in range(5):
            calling.ask(server.url, "the same")
    with use_cassette(path, "none", repeats="strict") as cassette:
        calling.ask(server.url, "the same")
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            list(pool.map(calling.ask, [server.url] * 3, ["the same"] * 3))
        calling.ask(server.url, "the same")
    assert sorted(each.number for each in cassette.played) == [0, 1, 2, 3, 4]
    assert server.hits == 5


@needs_fork
def test_a_forkserver_that_was_started_before_gives_its_children_the_cassette_of_their_time(
    server: ScriptedServer, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    for name in ("a", "b"):
        with use_cassette(tmp_path / f"{name}.yaml") as cassette:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                pool.submit(calling.ask, server.url, name).result(60)
        assert [each.body["prompt"] for each in cassette.recorded] == [name]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(calling.ask, server.url, "outside").result(60)
    assert server.hits == 3
    assert {each.name for each in tmp_path.iterdir()} == {"a.yaml", "b.yaml"}


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_each_mode_means_in_a_child_what_it_means_here(server: ScriptedServer, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        calling.ask(server.url, "old")
    begun.start_run()  # a later one: this one may go on recording
    with pytest.raises(CassetteMiss) if mode == "once" else warnings.catch_warnings():
        with use_cassette(path, mode) as cassette:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                pool.submit(calling.ask, server.url, "old").result(60)
                pool.submit(calling.ask, server.url, "new").result(60)
    counts = {"once": (1, 0), "new_episodes": (1, 1), "all": (0, 2)}
    assert (len(cassette.played), len(cassette.recorded)) == counts[mode]
    assert server.hits == 1 + counts[mode][1]
    assert is_finished(path)


# --- forks ------------------------------------------------------------------------------------------------------------


def in_fork(work: Callable[[], object]) -> int:
    """The status with which a forked process ends that does this and nothing more."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


@needs_fork
def test_a_forked_process_that_leaves_the_cassette_does_not_close_it(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    use = use_cassette(path)
    cassette = use.__enter__()

    def leave() -> None:
        calling.ask(server.url, "child")
        use.__exit__(None, None, None)
        assert not is_finished(path)

    assert in_fork(leave) == 0
    calling.ask(server.url, "parent")
    use.__exit__(None, None, None)
    assert is_finished(path)
    assert [each.body["prompt"] for each in cassette.recorded] == ["parent", "child"]


@needs_fork
@pytest.mark.parametrize("start", ["fork", "program"])
def test_a_cassette_that_a_child_opens_itself_takes_its_calls(
    server: ScriptedServer, tmp_path: Path, start: str
) -> None:
    outer, inner = tmp_path / "outer.yaml", tmp_path / "inner.yaml"

    def own() -> None:
        with use_cassette(inner):
            calling.ask(server.url, "own")
            thread = threading.Thread(target=calling.ask, args=(server.url, "thread"))
            thread.start()
            thread.join()
        calling.ask(server.url, "inherited")

    code = (
        "import sys, threading; from promptecho import use_cassette; from tests.calling import ask\n"
        f"with use_cassette({str(inner)!r}):\n"
        f"    ask({server.url!r}, 'own')\n"
        f"    thread = threading.Thread(target=ask, args=({server.url!r}, 'thread')); thread.start(); thread.join()\n"
        f"ask({server.url!r}, 'inherited')\n"
    )
    with use_cassette(outer) as cassette:
        if start == "fork":
            assert in_fork(own) == 0
        else:
            subprocess.run([sys.executable, "-c", code], check=True)
    assert [each.body["prompt"] for each in cassette.recorded] == ["inherited"]
    assert is_finished(inner)
    with use_cassette(inner, "none") as cassette:
        calling.ask(server.url, "own"), calling.ask(server.url, "thread")
    assert len(cassette.played) == 2


@needs_fork
def test_a_child_that_outlives_its_cassette_makes_no_call(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "a.yaml"):
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
        pool.submit(calling.ask, server.url, "in time").result(60)
    with pool, use_cassette(tmp_path / "b.yaml"):
        assert pool.submit(calling.swallow, server.url, "late").result(60) == "ChildProcessCassetteError"
    assert server.hits == 1


@needs_fork
def test_a_fork_while_threads_record_waits_for_no_lock(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    stop = threading.Event()
    counts = [0] * 4

    def record(worker: int) -> None:
        while not stop.is_set():
            calling.ask(server.url, f"{worker}-{counts[worker]}")
            counts[worker] += 1

    with use_cassette(path) as cassette:
        threads = [threading.Thread(target=record, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        try:
            for number in range(8):
                assert in_fork(lambda number=number: calling.ask(server.url, f"child {number}")) == 0  # type: ignore[misc]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    recorded = [each.body["prompt"] for each in cassette.recorded]
    assert len(recorded) == len(set(recorded)) == sum(counts) + 8
    assert is_finished(path)


# --- programs ---------------------------------------------------------------------------------------------------------


def program(*words: str) -> list[str]:
    return [sys.executable, calling.__file__, *words]


def by_module(url: str, prompt: str) -> str:
    return subprocess.check_output([sys.executable, "-m", "tests.calling", url, prompt], cwd=ROOT, text=True)


def by_code(url: str, prompt: str) -> str:
    code = "import sys; from tests.calling import ask; print(ask(*sys.argv[1:]), end='')"
    return subprocess.check_output([sys.executable, "-c", code, url, prompt], text=True)


def without_variables(url: str, prompt: str) -> str:
    return subprocess.check_output(program(url, prompt), env={"NO_PROXY": "127.0.0.1"}, text=True)


def with_bytes(url: str, prompt: str) -> str:
    env = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
    return subprocess.check_output(program(url, prompt), env=env, text=True)


def by_shell(url: str, prompt: str) -> str:
    return subprocess.check_output(shlex.join(program(url, prompt)), shell=True, text=True)


def by_asyncio(url: str, prompt: str) -> str:
    async def run() -> str:
        process = await asyncio.create_subprocess_exec(*program(url, prompt), stdout=subprocess.PIPE)
        return (await process.communicate())[0].decode()

    return asyncio.run(run())


def by_system(url: str, prompt: str) -> str:
    assert os.system(f"{shlex.join(program(url, prompt))} > /dev/null") == 0
    return ""


def by_posix_spawn(url: str, prompt: str) -> str:
    output = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    child = os.posix_spawn(sys.executable, program(url, prompt), {**os.environ}, file_actions=output)
    assert os.waitpid(child, 0)[1] == 0
    return ""


def by_exec(url: str, prompt: str) -> str:
    def become() -> None:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.execv(sys.executable, program(url, prompt))

    assert in_fork(become) == 0
    return ""


def by_exec_with_variables(url: str, prompt: str) -> str:
    def become() -> None:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.execvpe(sys.executable, program(url, prompt), {"NO_PROXY": "127.0.0.1"})

    assert in_fork(become) == 0
    return ""


def nested(url: str, prompt: str) -> str:
    code = "import sys; from tests.calling import ask_below; print(ask_below(*sys.argv[1:]), end='')"
    return subprocess.check_output([sys.executable, "-c", code, url, prompt], text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="shells and calls of POSIX")
@pytest.mark.parametrize(
    "start",
    [
        by_module, by_code, without_variables, with_bytes, by_shell, by_asyncio, by_system, by_posix_spawn, by_exec,
        by_exec_with_variables, nested,
    ],
    ids=lambda each: each.__name__,
)  # fmt: skip
def test_a_python_program_is_in_the_cassette_however_it_is_started(
    server: ScriptedServer, tmp_path: Path, start: Callable[[str, str], str]
) -> None:
    before = dict(os.environ)
    got = []
    for mode in ("once", "none"):
        with use_cassette(tmp_path / "c.yaml", mode) as cassette:
            got.append(start(server.url, "hi"))
        assert (len(cassette.recorded), len(cassette.played)) == ((1, 0) if mode == "once" else (0, 1))
        assert dict(os.environ) == before
    assert got[0] == got[1]
    assert server.hits == 1
    assert is_finished(tmp_path / "c.yaml")


def test_settings_go_along_functions_included(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    settings: dict[str, Any] = {"redact": calling.masked, "volatile": [r"\d+"], "ignore": ["extra"]}
    for mode, prompt in (("once", "7 a-word-that-is-secret"), ("none", "8 a-word-that-is-secret")):
        with use_cassette(path, mode, **settings) as cassette:
            by_code(server.url, prompt)
        assert len(cassette.recorded) + len(cassette.played) == 1
    assert "a-word-that-is-secret" not in path.read_text(encoding="utf-8")
    assert server.hits == 1


def test_a_function_that_cannot_be_sent_stops_the_call_and_not_the_program(
    server: ScriptedServer, tmp_path: Path
) -> None:
    def run() -> None:
        with use_cassette(tmp_path / "c.yaml", redact=lambda text: text):
            assert subprocess.call([sys.executable, "-c", "print()"], stdout=subprocess.DEVNULL) == 0
            code = "import sys; from tests.calling import swallow; print(swallow(*sys.argv[1:]), end='')"
            said = subprocess.check_output([sys.executable, "-c", code, server.url, "hi"], text=True)
            assert said == "ChildProcessCassetteError"

    with pytest.raises(ChildProcessCassetteError, match="function of redact can't be sent"):
        run()
    assert server.hits == 0


def test_threads_with_cassettes_of_their_own_start_programs_in_them(server: ScriptedServer, tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    together = threading.Barrier(2)

    def work(name: str) -> None:
        with use_cassette(tmp_path / f"{name}.yaml") as cassette:
            together.wait(60)
            by_code(server.url, name)
            together.wait(60)
        found[name] = [each.body["prompt"] for each in cassette.recorded]

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": ["a"], "b": ["b"]}


def test_a_program_started_where_nobody_can_tell_the_cassette_makes_no_call(
    server: ScriptedServer, tmp_path: Path
) -> None:
    said = []
    code = "import sys; from tests.calling import swallow; print(swallow(*sys.argv[1:]), end='')"

    def start() -> None:
        said.append(subprocess.check_output([sys.executable, "-c", code, server.url, "hi"], text=True))

    together, told = threading.Barrier(3), []

    def hold(name: str) -> None:
        try:
            with use_cassette(tmp_path / name):
                together.wait(60)
                together.wait(60)
        except ChildProcessCassetteError as error:
            told.append(str(error))

    holders = [threading.Thread(target=hold, args=(name,)) for name in ("a.yaml", "b.yaml")]
    for holder in holders:
        holder.start()
    together.wait(60)
    start()
    together.wait(60)
    for holder in holders:
        holder.join()
    assert said == ["ChildProcessCassetteError"]
    [text] = told
    assert "while 2 are open" in text
    assert server.hits == 0


@pytest.mark.parametrize("option", ["-S", "-sE"])
def test_a_python_that_cannot_join_is_told_of(
    server: ScriptedServer, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_has_pth", lambda python: False)
    with use_cassette(tmp_path / "c.yaml", "none"):
        with pytest.warns(UninterceptedCallWarning, match=f"started with {option} inside .*c.yaml"):
            subprocess.run([sys.executable, option, "-c", ""], check=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            subprocess.run([sys.executable, "-B", "-c", "pass", option], check=True)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python in which promptecho is installed, as the editable wheel does it; this process passes for one of it."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=os.name != "nt")
    python = str(tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    code = "import site; print(*site.getsitepackages(), sep='\\n')"
    folders = subprocess.check_output([python, "-I", "-c", code], text=True).splitlines()
    libraries = {str(Path(str(module.__file__)).parents[1]) for module in (pytest, httpx)}
    paths = [str(ROOT), str(ROOT / "backends"), *sorted(libraries)]
    Path(folders[-1], "_editable.pth").write_text("\n".join(paths), encoding="utf-8")
    shutil.copy(ROOT / "backends" / children._PTH, folders[-1])
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(site, "getsitepackages", lambda: folders)
    children._has_pth.cache_clear()
    return python


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
def test_an_installed_promptecho_is_in_the_cassette_whatever_becomes_of_the_search_path(
    server: ScriptedServer, tmp_path: Path, installed: str
) -> None:
    starts = ["PYTHONPATH=. {}", "env -u PYTHONPATH {}", "{} -sEI"]
    lines = [
        f"{start.format(installed)} {shlex.quote(calling.__file__)} {server.url} {n}" for n, start in enumerate(starts)
    ]
    got = []
    for mode in ("once", "none"):
        with use_cassette(tmp_path / "c.yaml", mode) as cassette:
            got.append([subprocess.check_output(line, shell=True, cwd=tmp_path, text=True) for line in lines])
        assert (len(cassette.recorded), len(cassette.played)) == ((3, 0) if mode == "once" else (0, 3))
    assert got[0] == got[1]
    assert server.hits == 3


@pytest.mark.parametrize(
    ("command", "why", "of_installed"),
    [
        ("PYTHONPATH=. python x.py", "PYTHONPATH=.", None),
        ("cd . && PYTHONPATH='.' python x.py", "PYTHONPATH='.", None),
        ("env -u PYTHONPATH python x.py", "PYTHONPATH", None),
        (["env", "--unset=PYTHONPATH", "python", "x.py"], "--unset=PYTHONPATH", None),
        ("unset PYTHONPATH; python x.py", "PYTHONPATH", None),
        (b"cd . && python -I x.py", "-I", None),
        (["/bin/bash", "-c", "/usr/bin/python3.12 -E x.py"], "-E", None),
        ("python -S x.py", "-S", "-S"),
        ("/usr/bin/env -i A=b python x.py", "env -i", "env -i"),
        (["env", "-", "python", "x.py"], "env -", "env -"),
        ("python x.py -I -S PYTHONPATH=. env -i", None, None),
        ("env A=b python -X dev -W error x.py", None, None),
        ("make -i PYTHONPATH=.", None, None),
        (Path("python"), None, None),
        ([], None, None),
    ],
)
def test_a_command_that_keeps_a_python_outside_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any, why: str | None, of_installed: str | None
) -> None:
    ticket = tmp_path / "ticket.json"
    ticket.write_text('{"cassette": "c.yaml"}', encoding="ascii")
    for installed, expected in ((False, why), (True, of_installed)):
        monkeypatch.setattr(children, "_has_pth", lambda python, found=installed: found)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            children._warn_if_outside(command, ticket)
        assert [str(each.message).partition(" inside c.yaml")[0] for each in told] == (
            [] if expected is None else [f"a Python program was started with {expected}"]
        )


def test_a_start_without_a_cassette_runs_nothing_of_promptecho(installed: str) -> None:
    code = "import sys; print([name for name in sys.modules if 'promptecho' in name], 'json' in sys.modules)"
    assert subprocess.check_output([installed, "-I", "-c", code], text=True) == "[] False\n"


def test_a_sitecustomize_of_the_user_s_own_runs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.own = __file__\n", encoding="utf-8")
    code = "import sys, sitecustomize; print(sys.own == sitecustomize.__file__, [p for p in sys.path if '_child' in p])"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with use_cassette(tmp_path / "c.yaml"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True []\n", "")


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_holds_for_all_processes_together(
    server: ScriptedServer, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_calls", 0), ("_ledger", None)):
        monkeypatch.setattr(_run, name, value)
    monkeypatch.delenv(_run.LEDGER_VARIABLE, raising=False)
    with use_cassette(tmp_path / "c.yaml", max_live_calls=3):
        calling.ask(server.url, "one")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            pool.submit(calling.ask, server.url, "two").result(60)
            calling.ask(server.url, "three")
            assert pool.submit(calling.swallow, server.url, "four").result(60) == "LiveBudgetError"
        with pytest.raises(LiveBudgetError):
            calling.ask(server.url, "five")
    assert server.hits == 3


# --- misses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_miss_that_a_child_swallows_fails_the_test_and_is_a_warning_elsewhere(
    server: ScriptedServer, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> str:
        with use_cassette(tmp_path / "c.yaml", "none") as cassette:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
                said = pool.submit(calling.swallow, server.url, "hi").result(60)
            assert len(cassette.misses) == 0 or said == "CassetteMiss"
        return str(said)

    with pytest.raises(CassetteMiss, match="no recording answers POST"):
        run()
    monkeypatch.setattr(_run, "watching", False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.warns(match="in a child process: no recording answers POST") as told:
        assert run() == "CassetteMiss"
    assert "\x1b" not in str(told[0].message)
    assert server.hits == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_miss_of_a_child_that_the_test_expects_is_no_failure(
    server: ScriptedServer, tmp_path: Path, method: str
) -> None:
    with use_cassette(tmp_path / "c.yaml", "none") as cassette:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            with pytest.raises(CassetteMiss):
                pool.submit(calling.ask, server.url, "hi").result(60)
    assert len(cassette.misses) == 1


def test_a_miss_that_a_test_expects_says_nothing_of_another_with_the_same_text(
    server: ScriptedServer, tmp_path: Path
) -> None:
    def expect(pool: ProcessPoolExecutor) -> None:
        with pytest.raises(CassetteMiss):
            pool.submit(calling.ask, server.url, "hi").result(60)

    def run(*, swallows: bool) -> None:
        with use_cassette(tmp_path / "c.yaml", "none"):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                expect(pool)
                if swallows:
                    pool.submit(calling.swallow, server.url, "hi").result(60)

    run(swallows=False)
    with pytest.raises(CassetteMiss):
        run(swallows=True)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the line where a with statement ends is another")
def test_a_miss_of_a_child_expected_around_the_cassette_is_raised_as_it_closes(
    server: ScriptedServer, tmp_path: Path
) -> None:
    with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            pool.submit(calling.swallow, server.url, "hi").result(60)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the line where a with statement ends is another")
def test_a_miss_of_a_child_expected_further_out_is_raised_as_the_cassette_closes(
    server: ScriptedServer, tmp_path: Path
) -> None:
    with pytest.raises(CassetteMiss):
        with use_cassette(tmp_path / "c.yaml", "none"):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                pool.submit(calling.swallow, server.url, "hi").result(60)


def test_no_child_and_no_fork_leave_nothing_in_the_temporary_folder(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with use_cassette(tmp_path / "c.yaml"):
        calling.ask(server.url, "hi")
        assert not list((tmp_path / "temporary").glob("promptecho-run-*"))
        by_code(server.url, "there")
        assert len(list((tmp_path / "temporary").glob("promptecho-run-*"))) == 1
    assert not list((tmp_path / "temporary").glob("promptecho-run-*"))


GRANDCHILD = """
from promptecho.errors import ChildProcessCassetteError
from tests import calling
try:
    print(calling.ask({url!r}, "late"))
except ChildProcessCassetteError as refused:
    print("refused:", refused)
"""
CHILD = """
import socket, subprocess, sys
sys.stdin.readline()  # until the cassette is closed
socket.create_connection(("127.0.0.1", {port})).close()  # no call to a model
print(subprocess.run([sys.executable, "-c", {program!r}], capture_output=True, text=True, check=True).stdout)
"""


def test_a_program_that_a_child_starts_after_the_cassette_closed_makes_no_call(
    server: ScriptedServer, tmp_path: Path
) -> None:
    child = CHILD.format(port=server.url.rpartition(":")[2], program=GRANDCHILD.format(url=server.url))
    with use_cassette(tmp_path / "c.yaml", "none"):
        process = subprocess.Popen(
            [sys.executable, "-c", child],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    out, problems = process.communicate("go\n", timeout=60)
    assert "refused: " in out, problems
    assert server.hits == 0


@pytest.mark.parametrize("mode", ["once", "none"])
def test_the_workers_of_joblib_are_in_the_cassette(server: ScriptedServer, tmp_path: Path, mode: str) -> None:
    joblib = pytest.importorskip("joblib", reason="starts processes by itself")
    path = tmp_path / "c.yaml"
    program = (
        "import sys, joblib, promptecho\nfrom tests import calling\n"
        "with promptecho.use_cassette(sys.argv[1], sys.argv[2]):\n"
        "    print(joblib.Parallel(2)(joblib.delayed(calling.ask)(sys.argv[3], each) for each in 'ab'))\n"
    )
    assert joblib.__version__

    def run(mode: str) -> Any:
        command = [sys.executable, "-c", program, str(path), mode, server.url]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)

    recorded = run("once")
    assert recorded.returncode == 0, recorded.stderr
    assert server.hits == 2
    assert is_finished(path)
    if mode == "none":
        server.stop()
        assert run("none").stdout == recorded.stdout
