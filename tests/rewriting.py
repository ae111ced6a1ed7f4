"""Sources that a test writes anew between two runs of pytest."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

_written = itertools.count(1)


def newer(path: Path) -> Path:
    """Give a file a time of its own: bytecode is known to be old by size and whole seconds alone."""
    moment = time.time() + next(_written)
    os.utime(path, (moment, moment))
    return path
