"""Warnings at the line of the program that called us, however many of our own functions are between."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_BETWEEN = ("promptecho", "promptecho_backends", "contextlib", "functools")


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """As ``warnings.warn``; the place is the nearest that is neither ours nor of what carries our calls."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_between(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN
