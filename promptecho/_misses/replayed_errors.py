"""Recorded errors that were replayed into a test that fails: mostly the reason why it does, so they are named first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from promptecho._cassette.cassette import Cassette


def replayed_errors(cassette: Cassette) -> Iterator[str]:
    """A line for each call that was answered with a recorded status of 400 or more: from which file, recorded when."""
    counts = Counter((each.method, each.url, each.status) for each in cassette.played if each.status >= 400)
    when = f"recorded at {cassette.recorded_at}" if cassette.recorded_at else "recorded earlier"
    for (method, url, status), count in counts.items():
        times = f", {count} times" if count > 1 else ""
        yield f"{cassette.path} answered {method} {url} with status {status} ({when}){times}"
