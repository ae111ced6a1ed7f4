"""Which setting would have let a recording answer a request: each is tried, and named only if it would.

Sampling aside, what differs may be an id or a date that the program makes up in each run (``volatile``), or a field, a
parameter of the query or a header that says nothing about the answer (``ignore``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from promptecho._matching import DEFAULT_MATCH_ON, Identity, MatchOptions, identify_recorded
from promptecho._volatile import VOLATILE, volatile_patterns

# From the names that take the most to those that say best what a value is: these are tried last.
_BROAD_FIRST = ("hex", "id", "tempfile", "time", "datetime", "date", "uuid")


def hints(recorded: Identity, incoming: Identity, options: MatchOptions, places: Iterable[str]) -> Iterator[str]:
    """The settings that would have made two requests equal, beside those that are set; nothing if none would.

    ``places``: where the two differ, as a miss shows it.
    """
    places = list(places)
    if {"method", "stream", "query"} & set(
        places
    ):  # no setting makes those equal; of an old query only a digest is known
        return
    known = [name for name, pattern in VOLATILE.items() if pattern in {each.pattern for each in options.volatile}]
    own = [each for each in options.volatile if each.pattern not in VOLATILE.values()]

    def would_be_equal(names: Sequence[str], ignored: Sequence[str]) -> bool:
        tried = replace(options, volatile=volatile_patterns([*own, *known, *names]), ignore=(*options.ignore, *ignored))
        return _key(recorded, incoming, tried) == _key(incoming, incoming, tried)

    names = [name for name in VOLATILE if name not in known]
    ignored = _to_ignore(places)
    if would_be_equal(names, ()):
        ignored = []
    elif ignored and would_be_equal((), ignored):
        names = []
    elif not (ignored and would_be_equal(names, ignored)):
        return
    for name in _BROAD_FIRST:
        fewer = [each for each in names if each != name]
        if name in names and would_be_equal(fewer, ignored):
            names = fewer
    if names:
        yield (
            f"dates, times or ids of the run differ; to mask them when comparing, pass volatile="
            f"{json.dumps([*known, *names])}" + (", beside your own patterns" if own else "")
        )
    if ignored:
        fields = [name for name in ignored if not _is_beside_the_body(name)]
        shown = json.dumps([*options.ignore, *ignored])
        if fields and not (recorded.whole or incoming.whole):
            verb = "isn't" if len(fields) == 1 else "aren't"
            yield (
                f"{', '.join(fields)} {verb} known to leave the answer alone, so a difference there counts; if it "
                f"does, pass ignore={shown}"
            )
        else:
            yield f"if that says nothing about the answer, pass ignore={shown}"


def _to_ignore(places: Iterable[str]) -> list[str]:
    """The fields, parameters and headers that differ and are not matched by default."""
    names = (place if _is_beside_the_body(place) else re.split(r"[.\[]", place, maxsplit=1)[0] for place in places)
    # A star would stand for every field.
    return [name for name in dict.fromkeys(names) if name not in DEFAULT_MATCH_ON and "*" not in name]


def _is_beside_the_body(name: str) -> bool:
    return name.startswith("?") or name.endswith(":")


def _key(identity: Identity, incoming: Identity, options: MatchOptions) -> str:
    """The key that a request would have under other options; one of an older file has what it doesn't know."""
    is_older = identity.headers is None
    return identify_recorded(
        identity.method,
        identity.url,
        incoming.query if isinstance(identity.query, str) else identity.query,
        identity.body,
        options,
        headers=incoming.headers if is_older else identity.headers,
        normalizer=identity.provider if identity.registered else None,
    ).key
