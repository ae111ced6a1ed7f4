"""Locks of cassette files: nobody takes them hostage, nobody waits for ever, a fork keeps none."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from promptecho import Cassette, use_cassette
from promptecho._cassette import lock as _file_lock
from promptecho._cassette.lock import FileLock
from promptecho._cassette.store import Journal
from promptecho.errors import CassetteFileError, CassetteWarning, CassetteWriteError
from tests.conformance.server import ScriptedServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs, owners, signals and forks")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder and a home of their own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    return folder


def ask(server: ScriptedServer, text: str = "hi") -> bytes:
    return httpx.post(f"{server.url}/echo", json={"prompt": text}, trust_env=False).content


def file(folder: Path) -> None:
    folder.write_text("")


def fifo(folder: Path) -> None:
    os.mkfifo(folder)


def link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def read_only(folder: Path) -> None:
    folder.mkdir(mode=0o500)


def of_another(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if os.getuid():
        pytest.skip("only root can give a folder away")
    os.chown(folder, 12345, 12345)


HOSTILE = [file, fifo, link, open_to_all, read_only, of_another]


@pytest.mark.parametrize("take", HOSTILE)
def test_whatever_is_in_the_place_of_the_lock_folder_another_one_is_used(
    server: ScriptedServer, tmp_path: Path, temporary: Path, take: object
) -> None:
    take(temporary / f"promptecho-locks-{os.getuid()}")  # type: ignore[operator]  # one of the functions above
    with use_cassette(tmp_path / "c.yaml") as cassette:
        ask(server)
    assert len(cassette.recorded) == 1
    assert len(list((tmp_path / "home" / "cache" / "promptecho" / "locks").glob("*.lock"))) >= 1
    assert not (temporary / "elsewhere").exists() or not list((temporary / "elsewhere").iterdir())


@pytest.mark.parametrize("take", HOSTILE)
def test_without_any_place_for_locks_the_call_is_not_sent_and_the_error_names_both(
    server: ScriptedServer, tmp_path: Path, temporary: Path, take: object
) -> None:
    folder = temporary / f"promptecho-locks-{os.getuid()}"
    take(folder)  # type: ignore[operator]  # one of the functions above
    (tmp_path / "home" / "cache").write_text("no folder")
    with pytest.raises(CassetteWriteError) as caught, use_cassette(tmp_path / "c.yaml"):
        ask(server)
    text = str(caught.value)
    assert str(folder) in text
    assert str(tmp_path / "home" / "cache" / "promptecho" / "locks") in text
    assert text.endswith("or set TMPDIR to a folder of your own; the call was not sent")
    assert server.hits == 0
    assert not (tmp_path / "c.yaml").exists()


def test_a_fifo_in_the_place_of_a_lock_file_is_an_error_at_once(
    server: ScriptedServer, tmp_path: Path, temporary: Path
) -> None:
    with FileLock(tmp_path / "c.yaml"):
        [lock] = temporary.rglob("*.lock")
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(CassetteWriteError, match=f"{lock.name} is no regular file"), use_cassette(tmp_path / "c.yaml"):
        ask(server)
    assert server.hits == 0


def test_a_temporary_folder_that_is_tidied_up_does_no_harm(
    server: ScriptedServer, tmp_path: Path, temporary: Path
) -> None:
    with use_cassette(tmp_path / "c.yaml") as cassette:
        ask(server, "one")
        for lock in temporary.rglob("*.lock"):
            lock.unlink()
        for folder in temporary.iterdir():
            folder.rmdir()
        ask(server, "two")
    assert len(cassette.recorded) == 2
    assert [stat.S_IMODE(each.stat().st_mode) for each in temporary.iterdir()] == [0o700]


HOLDER = """
import os, signal, sys
from pathlib import Path
from promptecho._cassette.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_lock_that_a_stopped_process_holds_is_an_error_that_names_it_before_the_call(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    monkeypatch.setattr(_file_lock, "TIMEOUT", 0.2)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CassetteWriteError, match=f"process {holder.pid} has kept it locked .* call was not sent"):
            with use_cassette(path):
                ask(server)
        assert server.hits == 0
        with pytest.raises(CassetteFileError, match=f"process {holder.pid} has kept it locked"), FileLock(path):
            pass
        with pytest.warns(CassetteWarning, match=f"process {holder.pid} has kept it locked"):
            with pytest.raises(ZeroDivisionError), use_cassette(path):
                path.write_text("promptecho: 2\n", encoding="utf-8")  # by another process, meanwhile
                1 / 0  # noqa: B018 - it fails
        path.unlink()
    finally:
        os.kill(holder.pid, signal.SIGCONT)
        holder.wait(timeout=30)
        holder.stdout.close()  # type: ignore[union-attr]  # it is a pipe
    with use_cassette(path) as cassette:
        ask(server)
    assert len(cassette.recorded) == 1


def test_a_lock_is_free_again_though_a_forked_process_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    lock = FileLock(path)
    begin, done = os.pipe(), os.pipe()
    with lock:
        child = os.fork()
        if child == 0:
            os.write(done[1], b"1" if lock._descriptor is None else b"0")
            os.read(begin[0], 1)
            os._exit(0)
    try:
        assert os.read(done[0], 1) == b"1"
        assert lock.try_to_take()
        lock.release()
    finally:
        os.write(begin[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*begin, *done):
            os.close(descriptor)


def test_threads_and_journals_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    counts = [0]

    def work() -> None:
        for _ in range(50):
            with FileLock(path):
                count = counts[0]
                counts[0] = count + 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [300]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_files_beside_a_cassette_have_its_mode_from_the_beginning(
    server: ScriptedServer, tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server)
    path.chmod(mode)
    modes: dict[str, int] = {}
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        modes[self.suffix] = stat.S_IMODE(self.stat().st_mode)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look)
    with use_cassette(path, "all"):
        ask(server)
        assert stat.S_IMODE((tmp_path / "c.rerecording.yaml").stat().st_mode) == mode
    assert modes == {".tmp": mode, ".yaml": mode}
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_leftover_temporary_file_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    journal = Journal(path, {})
    victim = tmp_path / "victim"
    victim.write_text("mine")
    item = {"request": {"method": "GET", "url": "http://h/"}, "response": {"status": 200}, "duration": 0.1}
    name = hashlib.sha256(b"c.yaml").hexdigest()[:12]
    (tmp_path / f".promptecho-{name}-{os.getpid()}-{threading.get_ident()}.tmp").symlink_to(victim)
    journal.append(item)
    assert victim.read_text() == "mine"
    assert Cassette.load(path)


@pytest.mark.parametrize("command", ["ls", "stats", "lint", "prune", "redact", "review"])
def test_commands_skip_what_is_no_regular_file(server: ScriptedServer, tmp_path: Path, command: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    with use_cassette(tmp_path / "cassettes" / "c.yaml"):
        ask(server)
    os.mkfifo(tmp_path / "cassettes" / "fifo.yaml")
    os.mkfifo(tmp_path / "test_fifo.py")
    with socket.socket(socket.AF_UNIX) as bound:
        before = Path.cwd()
        os.chdir(tmp_path / "cassettes")  # the path of a socket is short
        try:
            bound.bind("socket.yaml")
        finally:
            os.chdir(before)
        done = subprocess.run(
            [sys.executable, "-m", "promptecho", command], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert "fifo" not in done.stdout + done.stderr
    assert "socket.yaml" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
