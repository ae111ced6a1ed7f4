"""Programs that record until they are killed, and others that meet faults: children of one process that has all imports.

Run as a program it reads a JSON line for each child to fork: ``{"name": ..., "arguments": {...}}``. It answers with
``pid N``, with what the child prints, and with ``end STATUS`` once the child is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from promptecho import use_cassette
from promptecho.errors import CassetteWriteError, PromptechoWarning
from tests.conformance.drivers import Call, all_drivers

_WORDS = "words of a prompt that is neither short nor long, "


def say(*words: object) -> None:
    """One line, in one write: lines of several threads don't mix."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def ask(url: str, prompt: str, length: int = 5) -> bytes:
    body = {"prompt": prompt, "more": _WORDS * length}
    return httpx.post(f"{url}/echo", json=body, trust_env=False).content


def record_for_ever(url: str, path: str, run: int) -> None:
    """Threads through every library and asyncio tasks record into one cassette; each says what it has seen."""
    drivers = all_drivers()

    def work(worker: int) -> None:
        driver = drivers[worker % len(drivers)]
        chosen = random.Random(f"{run} {worker}")
        for number in itertools.count():
            name = f"{run}-{worker}-{number}"
            body = {"prompt": name, "more": _WORDS * chosen.choice((0, 5, 400))}
            driver.send(Call("POST", f"{url}/{chosen.choice(('echo', 'sse', 'gzip'))}", json=body, stream=True))
            say("seen", name)

    async def tasks() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:

            async def one(worker: int) -> None:
                for number in itertools.count():
                    name = f"{run}-task{worker}-{number}"
                    await client.post(f"{url}/echo", json={"prompt": name})
                    say("seen", name)

            await asyncio.gather(*(one(worker) for worker in range(4)))

    with use_cassette(path, "new_episodes", backends=["all"]):
        for worker in range(len(drivers)):
            threading.Thread(target=work, args=(worker,), daemon=True).start()
        asyncio.run(tasks())


def record_a_few(url: str, path: str, process: int, calls: int) -> None:
    with use_cassette(path, "new_episodes"):
        for number in range(calls):
            ask(url, f"{process}-{number}")


def meet_full_disks(url: str, path: str, seed: int, rounds: int) -> None:
    """Record with a limit for the size of files that is reached somewhere in an entry; the file stays as it was."""
    sys.dont_write_bytecode = True  # the limit would cut it too, and trip the processes that read it later
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    chosen = random.Random(seed)
    file = Path(path)
    refused = 0
    for number in range(rounds):
        before = file.read_bytes() if file.exists() else b""
        limit = len(before) + chosen.randrange(4000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        problem: BaseException | None = None
        try:
            with use_cassette(path, "new_episodes"):
                ask(url, f"{seed}-{number}", chosen.randrange(60))
        except (CassetteWriteError, OSError) as error:
            problem = error
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if isinstance(problem, CassetteWriteError):
            refused += 1
            assert _recordings(file.read_bytes() if file.exists() else b"") == _recordings(before)
        # An OSError: the call is in the file, and only the mark could not be taken away.
        assert problem is None or path in str(problem), problem
        assert {each.name for each in file.parent.iterdir()} <= {file.name}
    say("refused", refused)


def _recordings(data: bytes) -> bytes:
    """A file without what says that its last use failed."""
    return data.replace(b"unfinished: true\n", b"", 1)


def _refused(url: str, path: str, mode: str, *, before: Callable[[], None]) -> None:
    """Record a call, let something happen, and try to record another one; the error is said."""
    with use_cassette(path, "new_episodes") as cassette:
        ask(url, "one")
    assert cassette.recorded
    try:
        with use_cassette(path, mode):
            ask(url, "two")
            before()
            ask(url, "three")
    except CassetteWriteError as error:
        say("refused", error)


def meet_a_closed_folder(url: str, path: str) -> None:
    """A folder without write access, for a user whom permissions stop."""

    def close() -> None:
        Path(path).parent.chmod(0o555)
        if os.getuid() == 0:
            os.setuid(65534)

    _refused(url, path, "new_episodes", before=close)


def lose_the_folder(url: str, path: str) -> None:
    """The folder goes away between two calls."""
    _refused(url, path, "new_episodes", before=lambda: shutil.rmtree(Path(path).parent))


CHILDREN: dict[str, Callable[..., None]] = {
    child.__name__: child
    for child in (record_for_ever, record_a_few, meet_full_disks, meet_a_closed_folder, lose_the_folder)
}


def main() -> None:
    warnings.simplefilter("ignore", PromptechoWarning)
    waiting: dict[int, str] = {}
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                CHILDREN[order["name"]](**order["arguments"])
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        waiting[pid] = order["name"]
        say("pid", pid)
        if not order.get("beside"):
            for child in list(waiting):
                _, status = os.waitpid(child, 0)
                del waiting[child]
                say("end", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
