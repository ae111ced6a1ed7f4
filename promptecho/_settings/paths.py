"""Which file a path means that a test gives.

A relative path means the current folder. In a pytest run whose current folder is still the one it was started in, the
root of the run stands for it, so that a path means the same wherever pytest is started.
"""

from __future__ import annotations

import os
from pathlib import Path

_run: tuple[Path, Path] | None = None  # the folder in which the pytest run was started, and its root


def set_run(run: tuple[Path, Path] | None) -> tuple[Path, Path] | None:
    """Say where a pytest run was started and what its root is; gives what held before."""
    global _run
    before, _run = _run, run
    return before


def resolve(path: Path) -> tuple[Path, Path | None]:
    """The file, and where it was looked for first if it is an existing one of another folder than the path means."""
    if path.is_absolute():
        return path, None
    from promptecho._settings.settings import current_folder  # heavy for a pytest run that has no cassettes

    here = current_folder()
    if _run is None or here != _run[0] or here == _run[1]:
        return here / path, None
    meant, other = _run[1] / path, here / path
    return (other, meant) if _exists(other) and not _exists(meant) else (meant, None)


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - says no where pathlib raises, as for a name that is too long
