"""Credentials in cassette files: where they stand, and how they are masked there.

What counts as one is what the redactor would have masked while recording.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptecho import _store, _streams, _yaml
from promptecho._cassette import Interaction, read_interaction
from promptecho._lint._places import Places
from promptecho._matching import MatchOptions
from promptecho._models import Headers, Request
from promptecho._redaction import REDACTED, Redactor, carried_credentials

Json = Any
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Secret:
    """A text of a cassette with a credential in it. ``name`` tells its kind; ``masked`` is what it should be."""

    place: Place
    name: str
    value: Json = field(repr=False)
    masked: Json = field(repr=False)
    redactor: Redactor = field(repr=False, compare=False)

    def is_in(self, line: str) -> bool:
        """Whether a line holds something to mask."""
        return self.redactor.mask(line) != line


def find_secrets(text: str, items: Sequence[dict[str, Json]], interactions: Sequence[Interaction]) -> Iterator[Secret]:
    """The credentials in a cassette."""
    redactor = Redactor(os.environ, on_secret="ignore")
    if redactor.is_clean(text.encode("utf-8")) and not _may_hide(text):
        return
    for item, interaction in zip(items, interactions):
        yield from _in_item(("interactions", interaction.number), item, interaction, redactor)


_ODD = re.compile(r"cookie|auth|key|token|organization|project|session|csrf|xsrf", re.IGNORECASE)


def _may_hide(text: str) -> bool:
    """Whether a credential may be in a URL or a header, or spread over events: more than its words show."""
    return "streaming: true" in text or "://" in text or _ODD.search(text) is not None


def _in_item(place: Place, item: dict[str, Json], interaction: Interaction, redactor: Redactor) -> Iterator[Secret]:
    url = interaction.url
    carried = [value for value in carried_credentials(Request("GET", url)) if not value.startswith(REDACTED)]
    if carried:
        yield Secret((*place, "request", "url"), "a credential in the URL", url, redactor.url(url), redactor)
    yield from _in_headers((*place, "response"), item["response"], redactor)
    plain = {key: value for key, value in item["response"].items() if key not in ("headers", "header_list")}
    found = list(_in_tree({**item["request"], "url": ""}, redactor, (*place, "request")))
    answers = list(_in_tree(plain, redactor, (*place, "response")))
    yield from (*found, *answers)
    if interaction.streaming and not answers:
        yield from _spread((*place, "response", "events"), interaction, redactor)


def _in_headers(place: Place, response: Mapping[str, Json], redactor: Redactor) -> Iterator[Secret]:
    def masked(name: str, value: str) -> str:
        if REDACTED in value:
            return value
        return redactor.response_headers(Headers([(name, value)])).get(name)

    for name, entry in (response.get("headers") or {}).items():
        values = entry if isinstance(entry, list) else [entry]
        for number, value in enumerate(values):
            if masked(name, str(value)) != str(value):
                where = (*place, "headers", name, number) if isinstance(entry, list) else (*place, "headers", name)
                yield Secret(where, f"the header {name}", value, masked(name, str(value)), redactor)
    for number, (name, value) in enumerate(response.get("header_list") or ()):
        if masked(name, value) != value:
            yield Secret((*place, "header_list", number, 1), f"the header {name}", value, masked(name, value), redactor)


def _in_tree(tree: Json, redactor: Redactor, place: Place) -> Iterator[Secret]:
    """The texts in a tree that the redactor would change."""
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            if not isinstance(value, str):
                yield from _in_tree(value, redactor, (*place, key))
            elif not value.startswith(REDACTED) or isinstance(tree, list):
                masked = redactor.mask_tree({key: value})[key] if isinstance(key, str) else redactor.mask(value)
                if masked != value:
                    yield Secret((*place, key), _kind(key, value), value, masked, redactor)


def _kind(key: Json, value: str) -> str:
    """What kind of credential a text holds; never the credential itself."""
    plain = Redactor({}, on_secret="ignore")
    if plain.mask(value) != value:
        return ", ".join(plain.found) or "a field for credentials"
    if isinstance(key, str) and plain.mask_tree({key: value}) != {key: value}:
        return f"the field {key!r}"
    return "the value of an environment variable"


def _spread(place: Place, interaction: Interaction, redactor: Redactor) -> Iterator[Secret]:
    """A credential that is spelled token by token over the events of a stream."""
    stream = _streams.format_of(interaction.response.head.headers.get("content-type"))
    if stream is None:
        return
    pieces = stream.split(b"".join(interaction.response.chunks))
    masked = redactor.mask_across(pieces, stream.edited)
    if masked != pieces:
        events = [stream.encode(piece) for piece in masked]
        name = "a credential spread over the events of a stream"
        yield Secret(place, name, interaction.document["response"]["events"], events, redactor)


# --- masking in place -------------------------------------------------------------------------------------------------


def mask_file(path: Path) -> int:
    """Mask the credentials in a cassette file; how many texts were changed.

    The rest of the text stays as it is, comments included, where the result can be shown to be right.
    """
    with _store.FileLock(path):
        text = _store.read_text(path)
        if text is None:
            return 0
        document = _store.parse(text, path)
        options = MatchOptions()
        interactions = [read_interaction(item, path, number, options) for number, item in enumerate(document.items)]
        secrets = list(find_secrets(text, document.items, interactions))
        if not secrets:
            return 0
        wanted = copy.deepcopy(document.items)
        for secret in secrets:
            node: Json = wanted
            for part in secret.place[1:-1]:
                node = node[part]
            node[secret.place[-1]] = secret.masked
        edited = _edited(text, secrets)
        if not _says(edited, path, wanted):
            edited = _store.document_text(document.header, wanted, unfinished=document.unfinished)
        _store.write_atomically(path, edited)
        return len(secrets)


def _edited(text: str, secrets: Sequence[Secret]) -> str:
    """The text of the file with the scalars of some places replaced."""
    places = Places(text)
    spans = [(places.scalar(secret.place), secret) for secret in secrets]
    for span, secret in sorted(
        ((span, each) for span, each in spans if span is not None), key=lambda pair: -pair[0][0]
    ):
        start, end, is_block = span
        inside = text[start:end]
        fresh = secret.redactor.mask(inside) if is_block else _yaml.emit_block({"x": secret.masked}, 0)[3:].rstrip("\n")
        text = text[:start] + fresh + text[end:]
    return text


def _says(text: str, path: Path, wanted: list[dict[str, Json]]) -> bool:
    from promptecho.errors import CassetteFormatError

    try:
        return _store.parse(text, path).items == wanted
    except CassetteFormatError:
        return False
