"""What the workers of one pytest-xdist run have to know of each other's files: notes in a private folder.

The controller makes the folder and names it to the workers. Light, since it is loaded with the plugin.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

folder: Path | None = None  # in a worker


def note(kind: str, path: Path) -> None:
    """Let the other workers know of something about a file."""
    if folder is not None:
        (folder / _name(kind, path)).touch()


def write(kind: str, path: Path, data: bytes) -> None:
    """The same with what is to be known."""
    if folder is not None:
        (folder / _name(kind, path)).write_bytes(data)


def is_noted(kind: str, path: Path) -> bool:
    """Whether a worker has noted it."""
    return folder is not None and (folder / _name(kind, path)).exists()


def note_use(kind: str, path: Path, use: tuple[str, str], *, holds: bool) -> None:
    """Let the other workers know of one use of a file, or that it holds no longer."""
    if folder is not None:
        noted = folder / f"{_name(kind, path)}-{_digest(repr(use))}"
        if holds:
            noted.touch()
        else:
            noted.unlink(missing_ok=True)


def has_uses(kind: str, path: Path) -> bool:
    """Whether something is noted of any use of a file."""
    return folder is not None and any(folder.glob(f"{_name(kind, path)}-*"))


def _name(kind: str, path: Path) -> str:
    return f"{kind}-{_digest(os.path.realpath(path))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
