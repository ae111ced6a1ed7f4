"""Writes a cassette again in promptecho's own form: what was edited, moved, or formatted by another tool.

What recordings have in common is written once again, by whatever is first now; keys and marks are made anew where they
no longer fit. An entry that fits stays byte for byte as it is, and so does one whose request lost a part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._cassette import index, references, store
from promptecho._cassette.interaction import Interaction, read_interaction
from promptecho._cassette.layout import Flow
from promptecho._matching.identity import MatchOptions, recorded_options

Json = Any
_MARK = re.compile(r"  # [0-9a-f]{8} [0-9a-f]{8}(?: \+)?\n\Z")


@dataclass(frozen=True)
class Loss:
    """A part of a request that is nowhere in the file: ``place`` in its body, and the key of what it stood in."""

    interaction: Interaction
    place: str
    source: str


@dataclass(frozen=True)
class Repaired:
    """The text of a file as it should be; how many entries were written anew, and what is lost."""

    text: str
    recordings: int
    rewritten: int
    losses: tuple[Loss, ...]
    torn: bool


def repaired(text: str, path: Path) -> Repaired:
    """The text of a cassette with its entries whole again, as far as what is left allows.

    Raises:
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    document = store.parse(text, path)
    options = recorded_options(document.header.get("match_on"))
    interactions = [read_interaction(item, path, number, options) for number, item in enumerate(document.items)]
    laid_out = store.entry_texts(text, len(document.items) + document.torn)
    written = references.Written()
    entries, rewritten = [], 0
    for interaction in interactions:
        old = None if laid_out is None else laid_out[1][interaction.number]
        new = _entry(interaction, old, written, options)
        rewritten += new != old
        entries.append(new)
    head = _head(document.header) if laid_out is None else laid_out[0]
    whole = head + "".join(entries) if entries else head.replace("interactions:\n", "interactions: []\n")
    losses = [
        Loss(each, place, str(source).partition(" ")[0])
        for each in interactions
        if each.is_incomplete
        for place, source in references.losses(each.document["request"])
    ]
    return Repaired(whole, len(entries), rewritten, tuple(losses), document.torn)


def _entry(interaction: Interaction, old: str | None, written: references.Written, options: MatchOptions) -> str:
    item: Mapping[str, Json] = interaction.document
    if interaction.is_incomplete:
        return store.item_text(item) if old is None else old
    request = dict(item["request"])
    trusted = old is not None and index.is_unchanged(old)
    if not trusted and "match_key" in request:
        request["match_key"] = interaction.match_key
    short = written.shorten(request)
    has_mark = "duration" in item and request.get("match_key") == interaction.match_key
    new = store.item_text({**item, "request": short.request}, options.digest if has_mark else None)
    if old is not None and trusted and _MARK.sub("\n", new) == _MARK.sub("\n", old):
        new = old  # made under options of a test, which the file doesn't know
    written.note(short)
    return new


def _head(header: Mapping[str, Json]) -> str:
    names = header.get("match_on")
    plain = {**header, "match_on": Flow(names)} if isinstance(names, list) else header
    return store.header_text(plain, unfinished=header.get("unfinished") is True) + "interactions:\n"
