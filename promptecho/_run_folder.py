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


def is_noted(kind: str, path: Path) -> bool:
    """Whether a worker has noted it."""
    return folder is not None and (folder / _name(kind, path)).exists()


def _name(kind: str, path: Path) -> str:
    digest = hashlib.sha256(os.path.realpath(path).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{kind}-{digest[:32]}"
