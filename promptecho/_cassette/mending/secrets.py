"""Credentials in cassette files: where they stand, and what should stand there instead.

What counts as one is what the redactor would have masked while recording.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from promptecho._bodies import streams
from promptecho._bodies.body import decode_body, edit_json, encode_body
from promptecho._cassette.interaction import Interaction
from promptecho._models import FORM, MULTIPART, Headers, Request
from promptecho._secrets.credentials import carried_credentials
from promptecho._secrets.named_fields import Place as FieldPlace
from promptecho._secrets.named_fields import below
from promptecho._secrets.passes import REDACTED, Fields, Redactor, answer_fields, is_token_answer, request_fields

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


def find_secrets(
    text: str | None,
    items: Sequence[dict[str, Json]],
    interactions: Sequence[Interaction],
    redactor: Redactor | None = None,
) -> Iterator[Secret]:
    """The credentials in a cassette, and what a redactor of the user's own settings masks beside them.

    ``text`` is that of the file, where a look at it may save the rest.
    """
    redactor = redactor or Redactor(os.environ)
    if text is not None and redactor.is_clean(text.encode("utf-8")) and not _may_hide(text):
        return
    for item, interaction in zip(items, interactions):
        yield from _in_item(("interactions", interaction.number), item, interaction, redactor)


_ODD = re.compile(r"cookie|auth|key|token|organization|project|session|csrf|xsrf", re.IGNORECASE)


def _may_hide(text: str) -> bool:
    """Whether a credential may be in a URL or a header, or spread over events: more than its words show."""
    return "streaming: true" in text or "://" in text or _ODD.search(text) is not None


def _in_item(place: Place, item: dict[str, Json], interaction: Interaction, redactor: Redactor) -> Iterator[Secret]:
    request, response = item["request"], item["response"]
    yield from _in_url((*place, "request", "url"), interaction.url, redactor)
    identity = interaction.identity
    fields = request_fields(identity.method, identity.path, identity.body)
    yield from _in_value(request.get("body"), redactor, (*place, "request", "body"), fields=fields)
    yield from _in_json_text(request.get("body_json"), redactor, (*place, "request", "body_json"), fields)
    for name in ("query", "headers"):
        if isinstance(request.get(name), dict):
            yield from _in_value(request[name], redactor, (*place, "request", name), fields=fields)
    place = (*place, "response")
    identity = interaction.identity
    fields = answer_fields(identity.method, identity.path, "messages" in identity.body)
    yield from _in_headers(place, response, redactor)
    yield from _in_value(response.get("reason"), redactor, (*place, "reason"))
    if interaction.streaming:
        yield from _in_events((*place, "events"), response["events"], interaction, redactor, fields)
    else:
        yield from _in_body(place, response, interaction, redactor, fields)


def _in_url(place: Place, url: str, redactor: Redactor) -> Iterator[Secret]:
    carried = [value for value in carried_credentials(Request("GET", url)) if not value.startswith(REDACTED)]
    if carried or redactor.mask(url) != url:
        yield Secret(place, "a credential in the URL", url, redactor.url(url), redactor)


def _in_json_text(text: Json, redactor: Redactor, place: Place, fields: Fields) -> Iterator[Secret]:
    if isinstance(text, str):
        masked = edit_json(text, partial(redactor.mask_tree, fields=fields))
        if masked != text:
            yield Secret(place, "a credential in a body that is kept as JSON text", text, masked, redactor)


def _in_body(
    place: Place, response: Mapping[str, Json], interaction: Interaction, redactor: Redactor, fields: Fields
) -> Iterator[Secret]:
    """In a body that is no stream: text by text, then as a whole, as it is masked while it is recorded."""
    body = response.get("body")
    if is_token_answer(interaction.identity.path) and body not in (None, REDACTED):
        yield Secret((*place, "body"), "an answer that is a token", body, REDACTED, redactor)
        return
    if response.get("encoded"):
        return
    found = [] if response.get("binary") else list(_in_value(body, redactor, (*place, "body"), fields=fields))
    yield from found
    plain = decode_body(with_masked(response, found, len(place)))
    masked = redactor.mask_bytes(plain, fields)
    masked = redactor.mask_pieces(masked, fields)
    if masked != plain:
        rest = {name: value for name, value in response.items() if name not in ("body", "json", "binary")}
        fresh = {**rest, **encode_body(masked, interaction.response.head.headers.get("content-type"))}
        yield Secret(place, "a credential in the text of a body", response, fresh, redactor)


def _in_events(
    place: Place, events: Sequence[Json], interaction: Interaction, redactor: Redactor, fields: Fields
) -> Iterator[Secret]:
    """In the events of a stream: in each, and spelled token by token over several."""
    stream = streams.format_of(interaction.response.head.headers.get("content-type"))
    if stream is None:
        yield from _in_value(events, redactor, place, fields=fields)
        return
    whole = b"".join(interaction.response.chunks)
    if [stream.encode(piece) for piece in stream.split(whole)] != events:
        yield from _in_value(events, redactor, place, fields=fields)  # written by hand: no other event may change
        return
    mask_bytes, mask_tree = partial(redactor.mask_bytes, fields=fields), partial(redactor.mask_tree, fields=fields)
    each = [stream.edited(piece, mask_tree) for piece in stream.split(stream.masked(whole, mask_bytes))]
    alone = [stream.encode(piece) for piece in each]
    fresh = [stream.encode(piece) for piece in redactor.mask_across(each, stream.edited, fields)]
    if len(alone) == len(events):
        for number, (was, masked) in enumerate(zip(events, alone)):
            if masked != was:
                yield Secret((*place, number), _kind(None, was, redactor), was, masked, redactor)
    if fresh != alone or len(alone) != len(events):
        yield Secret(place, "a credential spread over the events of a stream", events, fresh, redactor)


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


def _in_value(
    value: Json, redactor: Redactor, place: Place, inside: FieldPlace = (), fields: Fields = Fields.ALWAYS
) -> Iterator[Secret]:
    """The texts in a value that the redactor would change; ``inside``: where in the body the value stands."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _in_value(item, redactor, (*place, number), below(inside, number), fields)
    elif isinstance(value, dict):
        if any(redactor.mask(name) != name for name in value) or value.keys() & {FORM, MULTIPART}:
            masked = redactor.mask_tree(value, inside, fields)
            if masked != value:
                yield Secret(place, _kind(None, value, redactor), value, masked, redactor)
            return
        for name, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _in_value(item, redactor, (*place, name), below(inside, name), fields)
                continue
            masked = redactor.mask_tree({name: item}, inside, fields)[name]
            if masked != item and not (masked == REDACTED and _MASKED.fullmatch(item)):
                yield Secret((*place, name), _kind(name, item, redactor), item, masked, redactor)
    else:
        masked = redactor.mask_tree(value, inside, fields)
        if masked != value:
            yield Secret(place, _kind(None, value, redactor), value, masked, redactor)


_MASKED = re.compile(rf"{REDACTED}(?:_[A-Z_]+_[0-9a-f]{{6}})?")


def _kind(name: Json, value: Json, redactor: Redactor) -> str:
    """What kind of credential a value holds; never the credential itself."""
    plain = Redactor({})
    if plain.mask_tree(value) != value:
        return ", ".join(plain.found) or "a field for credentials"
    if isinstance(name, str) and plain.mask_tree({name: value}) != {name: value}:
        return f"the field {name!r}"
    environment = Redactor(os.environ)
    return "the value of an environment variable" if environment.mask_tree(value) != value else "what redact= names"


def with_masked(tree: Json, secrets: Sequence[Secret], depth: int) -> Json:
    """A copy of a tree with what is masked in it; the places of the secrets begin ``depth`` steps above it."""
    for secret in secrets:
        tree = _put(tree, secret.place[depth:], secret.masked)
    return tree


def _put(tree: Json, place: Place, value: Json) -> Json:
    if not place:
        return value
    copied: Json = dict(tree) if isinstance(tree, dict) else list(tree)
    copied[place[0]] = _put(tree[place[0]], place[1:], value)
    return copied
