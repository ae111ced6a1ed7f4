"""Which settings would have let a recording answer a request: they are tried, and named only if they would.

Sampling aside, what differs may be an id or a date that the program makes up in each run (``volatile``), or a field, a
parameter of the query or a header that says nothing about the answer (``ignore``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from promptecho._matching.identity import DEFAULT_MATCH_ON, Identity, MatchOptions, identify_recorded, path_parts
from promptecho._matching.volatile import VOLATILE, volatile_patterns

# From the names that take the most to those that say best what a value is: the first are done without if they can be.
_BROAD_FIRST = ("hex", "id", "tempfile", "time", "datetime", "date", "uuid")


def hints(recorded: Identity, incoming: Identity, options: MatchOptions, places: Iterable[str]) -> Iterator[str]:
    """The fewest settings that would have made two requests equal, beside those that are set; nothing if none would.

    ``places``: where the two differ, as a miss shows it.
    """
    places = list(places)
    if {"method", "stream", "query"} & set(
        places
    ):  # no setting makes those equal; of an old query only a digest is known
        return
    known = [name for name, pattern in VOLATILE.items() if pattern in {each.pattern for each in options.volatile}]
    own = [each for each in options.volatile if each.pattern not in VOLATILE.values()]

    def would_be_equal(names: Sequence[str], left_out: Sequence[str]) -> bool:
        tried = replace(
            options,
            volatile=volatile_patterns([*own, *known, *names]),
            ignore=(*options.ignore, *(name for name in left_out if name not in listed)),
            fields=_without(options.fields, left_out) if listed else options.fields,
        )
        return _key(recorded, incoming, tried) == _key(incoming, incoming, tried)

    differing = _not_default(places)
    # Of a list that the user wrote, a field is taken out; of ours it is ignored.
    listed = [name for name in differing if options.explicit and _without(options.fields, [name]) != options.fields]
    if listed and not _without(options.fields, listed):
        return  # a list of nothing is none
    names = [name for name in _BROAD_FIRST if name not in known]
    for tried_names, tried_fields in ((names, []), ([], differing), (names, differing)):
        if would_be_equal(tried_names, tried_fields):
            names, left_out = tried_names, tried_fields
            break
    else:
        return
    for name in list(names):
        fewer = [each for each in names if each != name]
        if would_be_equal(fewer, left_out):
            names = fewer
    for name in list(left_out):
        fewer = [each for each in left_out if each != name]
        if would_be_equal(names, fewer):
            left_out = fewer
    ignored = [name for name in left_out if name not in listed]
    removed = [name for name in left_out if name in listed]
    settings = []
    if names:
        in_order = [*known, *(name for name in VOLATILE if name in names)]
        settings.append(f"volatile={json.dumps(in_order)}" + (", beside your own patterns," if own else ""))
    if removed:
        settings.append(f"match_on={json.dumps(_without(options.fields, removed))}")
    if ignored:
        settings.append(f"ignore={json.dumps([*options.ignore, *ignored])}")
    if not settings:
        return
    why = []
    if names:
        why.append("dates, times or ids of the run differ")
    if removed:
        why.append(f"your match_on names {', '.join(removed)}")
    fields = [name for name in ignored if not _is_beside_the_body(name)]
    if fields and not (recorded.whole or incoming.whole or options.explicit):
        why.append(f"{', '.join(fields)} {'isn' if len(fields) == 1 else 'aren'}'t known to leave the answer alone")
    if len(settings) > 1:
        told = f"if that says nothing about the answer, pass {' and '.join(settings)} together; one alone isn't enough"
    elif names:
        told = f"to mask them when comparing, pass {settings[0].rstrip(',')}"
    elif fields and why:
        told = f"so a difference there counts; if it does, pass {settings[0]}"
    else:
        told = f"if that says nothing about the answer, pass {settings[0]}"
    separator = ", " if fields and why and len(settings) == 1 else "; "
    yield f"{', and '.join(why)}{separator}{told}" if why else told


def _without(fields: Sequence[str] | None, names: Sequence[str]) -> tuple[str, ...] | None:
    """A list of fields without some, whatever is named below them."""
    return None if fields is None else tuple(each for each in fields if path_parts(each)[0] not in names)


def _not_default(places: Iterable[str]) -> list[str]:
    """The fields, parameters and headers that differ and are not matched by default."""
    names = (place if _is_beside_the_body(place) else re.split(r"[.:\[]", place, maxsplit=1)[0] for place in places)
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
