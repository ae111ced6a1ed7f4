"""What a run says of calls that no cassette answered; they are counted in ``promptecho._telling.run.calls``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator


def lines(calls: Counter[tuple[str, ...]]) -> Iterator[str]:
    """What the summary says of calls, a line for each host, library and kind."""
    places: dict[tuple[str, str, str, str], dict[str, None]] = {}
    for kind, host, library, test, fixture, cassette in sorted(calls):
        where = f"fixture {fixture}" if fixture else test
        places.setdefault((kind, host, library, cassette), {})[where] = None
    for (kind, host, library, cassette), found in places.items():
        if kind == "uncovered":
            yield f"{host}: a live call by {library} with no cassette open{_shown(found)}"
        elif kind == "late":
            yield f"{host}: a live call by {library} after its cassette was closed ({cassette})"
        elif kind == "around":
            yield f"{host}: {library} connected around the cassette{_shown(found)}"


def _shown(places: Iterable[str]) -> str:
    named = [place for place in places if place]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return f", in {', '.join(named[:3])}{more}" if named else ""


def record(calls: Counter[tuple[str, ...]]) -> list[dict[str, str]]:
    """Live calls with no cassette open, for the record of the run."""
    names = ("kind", "host", "library", "test", "fixture", "cassette")
    return [dict(zip(names, call)) for call in sorted(calls) if call[0] in ("uncovered", "late")]
