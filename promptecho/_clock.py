"""The real time, under tests that freeze or move the clock (freezegun, time-machine) too.

Such tools exchange what ``time`` and ``datetime`` say, references kept elsewhere included. They leave the file system's
clock and ``clock_gettime(CLOCK_MONOTONIC)`` alone.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Callable

_EPOCH = (1970, 1, 1)


def now() -> datetime:
    """The time of day in UTC, as the file system has it."""
    import tempfile

    try:
        with tempfile.TemporaryFile() as file:
            seconds = os.fstat(file.fileno()).st_mtime
    except OSError:  # no temporary folder can be written
        seconds = time.time()
    # Not fromtimestamp(): it is among what is exchanged.
    return datetime(*_EPOCH, tzinfo=timezone.utc) + timedelta(seconds=seconds)


def monotonic() -> Callable[[], float]:
    """A clock for durations, in seconds."""
    if hasattr(time, "clock_gettime"):
        read, clock = time.clock_gettime, time.CLOCK_MONOTONIC
        return lambda: read(clock)
    frozen = sys.modules.get("freezegun.api")  # Windows
    real: Callable[[], float] = getattr(frozen, "real_monotonic", time.monotonic)
    return real
