"""One writer at a time for a file, over all processes of this user on this machine.

Rules: a lock is never waited for without end, nobody else can take it hostage, and a fork neither keeps it nor lets
it go.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from time import sleep  # by name: a test may exchange time.sleep

from promptecho import _forks
from promptecho.errors import CassetteFileError

TIMEOUT = 60.0  # seconds; whoever holds a lock for longer has been stopped
_OPEN = os.O_RDWR | os.O_CREAT
for _name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _OPEN |= getattr(os, _name, 0)

_chosen: dict[str, Path] = {}  # the folder of the locks, by the temporary folder
_held: set[FileLock] = set()


class FileLock:
    """Held from ``with`` to its end; not reentrant.

    It lives in the temporary folder, so that no lock file turns up beside the cassettes in version control. It is of
    the open file (flock), so two journals of one process exclude each other as well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = hashlib.sha256(os.path.realpath(path).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self._descriptor: int | None = None

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            CassetteFileError: there is no place for it, or another process has held it for too long.
        """
        if not self._take(TIMEOUT):
            raise CassetteFileError(
                f"{self.path}: {self._holder()} has kept it locked for more than {TIMEOUT:g} s "
                f"(lock file {self._file(_folder())}); let that process go on or end it, and run again"
            )

    def try_to_take(self) -> bool:
        """Take the lock if nobody holds it; :meth:`release` lets it go."""
        return self._take(0.0)

    def _take(self, timeout: float) -> bool:
        import portalocker

        descriptor = self._open()
        waited, pause = 0.0, 0.001
        try:
            while True:
                try:
                    portalocker.lock(descriptor, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
                    break
                except portalocker.exceptions.AlreadyLocked:
                    if waited >= timeout:
                        os.close(descriptor)
                        return False
                # Counted and not measured: a test may have stopped the clock.
                rest = pause * random.uniform(0.5, 1)
                sleep(rest)
                waited += rest
                pause = min(pause * 1.5, 0.05)
        except portalocker.exceptions.LockException as problem:
            os.close(descriptor)
            raise self._unusable(str(problem)) from problem
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        self._descriptor = descriptor
        _held.add(self)
        with contextlib.suppress(OSError):  # only for the error of one that waits in vain
            os.write(descriptor, b"%-10d\n" % os.getpid())
        return True

    def __exit__(self, *error: object) -> None:
        self.release()

    def release(self) -> None:
        """Let the lock go."""
        import portalocker

        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is None:  # of the process from which this one was forked
            return
        try:
            portalocker.unlock(descriptor)  # closing is not enough while a forked process has the file open too
        finally:
            os.close(descriptor)

    def forget(self) -> None:
        """In a forked process: it is the other one's, so it is closed and not unlocked."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _file(self, folder: Path) -> Path:
        return folder / f"{self._name}.lock"

    def _open(self) -> int:
        try:
            try:
                descriptor = os.open(self._file(_folder()), _OPEN, 0o600)
            except FileNotFoundError:  # somebody has tidied the temporary folder up
                _chosen.clear()
                descriptor = os.open(self._file(_folder()), _OPEN, 0o600)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            problem = f"{self._file(_folder())} is no regular file"
        except OSError as error:
            if isinstance(error, CassetteFileError):
                raise self._unusable(str(error)) from None
            problem = f"{error.filename or self._file(_folder())}: {error.strerror or error}"
        raise self._unusable(problem)

    def _unusable(self, problem: str) -> CassetteFileError:
        return CassetteFileError(
            f"{self.path}: it can't be locked for writing: {problem}. Remove that, or set TMPDIR to a folder "
            "of your own"
        )

    def _holder(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return f"process {int(self._file(_folder()).read_text(encoding='ascii', errors='replace'))}"
        return "another process"


def _folder() -> Path:
    """Where the locks of this user are: a folder that nobody else can write to.

    Raises:
        CassetteFileError: there is no such place.
    """
    import tempfile

    temporary = tempfile.gettempdir()
    if temporary not in _chosen:
        problems = []
        for folder in _places(temporary):
            problem = _what_is_wrong_with(folder)
            if not problem:
                _chosen[temporary] = folder
                break
            problems.append(problem)
        else:
            raise CassetteFileError("; ".join(problems))
    return _chosen[temporary]


def _places(temporary: str) -> Iterator[Path]:
    """Every process of a user comes to the same one: the second only counts where the first is taken by something."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    yield Path(temporary) / f"promptecho-locks-{user}"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    if os.path.isabs(cache):  # noqa: PTH117 - "~" where there is no home
        yield Path(cache) / "promptecho" / "locks"


def _what_is_wrong_with(folder: Path) -> str:
    try:
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as problem:
        return f"{folder}: {problem.strerror or problem}"
    try:
        now = os.lstat(folder)
    except OSError as problem:
        return f"{folder}: {problem.strerror or problem}"
    if not stat.S_ISDIR(now.st_mode):
        return f"{folder} is no folder"
    if hasattr(os, "getuid") and now.st_uid != os.getuid():
        return f"{folder} is another user's"
    if os.name == "posix" and now.st_mode & 0o022:
        return f"{folder} can be written to by other users"
    if os.name == "posix" and now.st_mode & 0o300 != 0o300:
        return f"{folder} is read-only"
    return ""


def _leave_to_parent() -> None:
    for lock in tuple(_held):
        lock.forget()
    _held.clear()


_forks.in_child(_leave_to_parent)
