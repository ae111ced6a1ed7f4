"""Answers that an unfinished recording doesn't keep: a wrong key, a limit, a server in trouble.

They say how that run went, not what the model answers. Kept, they would be replayed for ever to a user who has put the
key right. A recording that came to a clean end keeps them: a test that passes with a 401 means it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptecho._cassette.store import Document

Json = Any

_NOT_ALLOWED = (401, 403, 407)  # RFC 9110: the credentials are missing, wrong or not enough


def refusals(items: Sequence[Mapping[str, Json]]) -> list[int]:
    """The places of recordings (trees as in the file) to leave out of an unfinished recording.

    Those of status 401, 403 and 407, and those of 429 and 5xx that are the last word on their request.
    """
    left_out = []
    by_request: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        if _status(item) in _NOT_ALLOWED:
            left_out.append(place)
        else:
            by_request.setdefault(_request_key(item), []).append(place)
    for places in by_request.values():
        # Of calls side by side, "repeat" says which was asked first.
        places.sort(key=lambda place: _order(items[place]))
        while places and _is_temporary(_status(items[places[-1]])):
            left_out.append(places.pop())
    return sorted(left_out)


def _status(item: Mapping[str, Json]) -> int:
    response = item.get("response")
    status = response.get("status") if isinstance(response, Mapping) else None
    return status if isinstance(status, int) else 0


def is_refusal(status: int) -> bool:
    """Whether an unfinished recording may leave answers of this status out."""
    return status in _NOT_ALLOWED or _is_temporary(status)


def _is_temporary(status: int) -> bool:
    return status == 429 or 500 <= status <= 599


def _request_key(item: Mapping[str, Json]) -> str:
    request = item.get("request")
    return repr(request.get("match_key") or request) if isinstance(request, Mapping) else ""


def _order(item: Mapping[str, Json]) -> int:
    repeat = item.get("repeat")
    return repeat if isinstance(repeat, int) else -1


def without_refusals(document: Document) -> tuple[Document, list[Mapping[str, Json]]]:
    """What an interrupted recording is gone on with, and what of it doesn't count."""
    places = set(refusals(document.items))
    kept = [item for place, item in enumerate(document.items) if place not in places]
    return replace(document, items=kept), [document.items[place] for place in sorted(places)]
