"""How alike two texts are, measured on this machine by rapidfuzz: the same on every run, machine and Python.

A score is only comparable with one of the same metric and version of the library, so both stand beside the threshold.
"""

from __future__ import annotations

from typing import Any

from promptecho.errors import SnapshotError

LIBRARY = "rapidfuzz"
DEFAULT = "rapidfuzz.token_sort_ratio"
_FUNCTIONS = ("ratio", "partial_ratio", "token_sort_ratio", "token_set_ratio")
METRICS = tuple(f"{LIBRARY}.{name}" for name in _FUNCTIONS)


def score(metric: str, one: str, other: str) -> float:
    """From 0.0, nothing in common, to 1.0, rounded to four places."""
    compare = getattr(_fuzz(), metric.partition(".")[2])
    return round(float(compare(one, other)) / 100, 4)


def installed_version() -> str:
    """The version of rapidfuzz that is installed here."""
    _fuzz()
    from importlib.metadata import version

    return version(LIBRARY)


def _fuzz() -> Any:
    try:
        from rapidfuzz import fuzz
    except ImportError:
        raise SnapshotError(
            "llm_snapshot: similar() measures with rapidfuzz, which isn't installed; pip install 'promptecho[snapshot]'"
        ) from None
    return fuzz
