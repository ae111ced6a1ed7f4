"""The cassettes that this run began to record, or took up unfinished: every use of one may go on with it.

A run is a pytest run, or else the life of the process. A use is known by its test and what opened the cassette in it,
so that a test that fails and passes when it is run again leaves a finished recording.

Each step is atomic, without a lock that a fork could copy while it is held. Light, since a pytest run begins one before
any test asks for a cassette.
"""

from __future__ import annotations

import os
from pathlib import Path

from promptecho._session import run_folder

_NOTE, _FAILED = "begun", "failed"  # for the other workers of the run
_Use = tuple[str, str]
_failed: dict[str, set[_Use]] = {}  # by the real path of the file: the uses that ended in a failure
_Run = tuple[dict[str, set[_Use]], "Path | None"]


def start_run() -> _Run:
    """Forget what was begun, here and by other workers; gives it, for ``resume_run``."""
    global _failed
    before = _failed, run_folder.folder
    _failed, run_folder.folder = {}, None
    return before


def resume_run(before: _Run) -> None:
    """Go on with a run in which another one was started."""
    global _failed
    _failed, run_folder.folder = before


def note(path: Path) -> None:
    """A cassette is new, or was left unfinished, and is recorded from now on."""
    run_folder.note(_NOTE, path)
    _failed.setdefault(os.path.realpath(path), set())


def has(path: Path) -> bool:
    """Whether this run may go on with a recording."""
    if run_folder.is_noted(_NOTE, path):
        note(path)
    return os.path.realpath(path) in _failed


def settle(path: Path, opener: str, *, failed: bool) -> tuple[bool, bool]:
    """Note how a use ended.

    Gives whether the recording is complete, which it is once no use of it has failed last, and whether it was this use
    that had kept it from being so.
    """
    use = (os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0], opener)
    uses = _failed.get(os.path.realpath(path))
    if uses is None:
        return not failed, False
    had_failed = use in uses
    (uses.add if failed else uses.discard)(use)
    run_folder.note_use(_FAILED, path, use, holds=failed)
    return is_complete(path), had_failed and not failed


def is_complete(path: Path) -> bool:
    """Whether no use of a recording of this run has failed last, here or in another worker."""
    return not _failed.get(os.path.realpath(path)) and not run_folder.has_uses(_FAILED, path)
