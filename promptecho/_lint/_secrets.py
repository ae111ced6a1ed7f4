"""Credentials in cassette files: where they stand, and how they are masked there.

What counts as one is what the redactor would have masked while recording.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptecho import _store, _streams, _yaml
from promptecho._body import decode_body, edit_json, encode_body
from promptecho._cassette import Interaction, read_interaction
from promptecho._lint._places import Places
from promptecho._matching import MatchOptions, recorded_options
from promptecho._models import FORM, MULTIPART, Headers, Request
from promptecho._named_fields import Place as FieldPlace
from promptecho._named_fields import below
from promptecho._redaction import REDACTED, Redactor, carried_credentials, is_token_answer
from promptecho.errors import CassetteFileError, CassetteFormatError

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
    text: str,
    items: Sequence[dict[str, Json]],
    interactions: Sequence[Interaction],
    redactor: Redactor | None = None,
) -> Iterator[Secret]:
    """The credentials in a cassette, and what a redactor of the user's own settings masks beside them."""
    redactor = redactor or Redactor(os.environ)
    if redactor.is_clean(text.encode("utf-8")) and not _may_hide(text):
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
    yield from _in_value(request.get("body"), redactor, (*place, "request", "body"))
    yield from _in_json_text(request.get("body_json"), redactor, (*place, "request", "body_json"))
    place = (*place, "response")
    yield from _in_headers(place, response, redactor)
    yield from _in_value(response.get("reason"), redactor, (*place, "reason"))
    if interaction.streaming:
        yield from _in_events((*place, "events"), response["events"], interaction, redactor)
    else:
        yield from _in_body(place, response, interaction, redactor)


def _in_url(place: Place, url: str, redactor: Redactor) -> Iterator[Secret]:
    carried = [value for value in carried_credentials(Request("GET", url)) if not value.startswith(REDACTED)]
    if carried or redactor.mask(url) != url:
        yield Secret(place, "a credential in the URL", url, redactor.url(url), redactor)


def _in_json_text(text: Json, redactor: Redactor, place: Place) -> Iterator[Secret]:
    if isinstance(text, str):
        masked = edit_json(text, redactor.mask_tree)
        if masked != text:
            yield Secret(place, "a credential in a body that is kept as JSON text", text, masked, redactor)


def _in_body(
    place: Place, response: Mapping[str, Json], interaction: Interaction, redactor: Redactor
) -> Iterator[Secret]:
    """In a body that is no stream: text by text, then as a whole, as it is masked while it is recorded."""
    body = response.get("body")
    if is_token_answer(interaction.identity.path) and body not in (None, REDACTED):
        yield Secret((*place, "body"), "an answer that is a token", body, REDACTED, redactor)
        return
    if response.get("encoded"):
        return
    found = [] if response.get("binary") else list(_in_value(body, redactor, (*place, "body")))
    yield from found
    plain = decode_body(_with_masked(response, found, len(place)))
    masked = redactor.mask_bytes(plain)
    if masked != plain:
        rest = {name: value for name, value in response.items() if name not in ("body", "json", "binary")}
        fresh = {**rest, **encode_body(masked, interaction.response.head.headers.get("content-type"))}
        yield Secret(place, "a credential in the text of a body", response, fresh, redactor)


def _in_events(place: Place, events: Sequence[Json], interaction: Interaction, redactor: Redactor) -> Iterator[Secret]:
    """In the events of a stream: in each, and spelled token by token over several."""
    stream = _streams.format_of(interaction.response.head.headers.get("content-type"))
    if stream is None:
        yield from _in_value(events, redactor, place)
        return
    whole = b"".join(interaction.response.chunks)
    if [stream.encode(piece) for piece in stream.split(whole)] != events:
        yield from _in_value(events, redactor, place)  # written by hand: no other event may change
        return
    each = [
        stream.edited(piece, redactor.mask_tree) for piece in stream.split(stream.masked(whole, redactor.mask_bytes))
    ]
    alone = [stream.encode(piece) for piece in each]
    fresh = [stream.encode(piece) for piece in redactor.mask_across(each, stream.edited)]
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


def _in_value(value: Json, redactor: Redactor, place: Place, inside: FieldPlace = ()) -> Iterator[Secret]:
    """The texts in a value that the redactor would change; ``inside``: where in the body the value stands."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _in_value(item, redactor, (*place, number), below(inside, number))
    elif isinstance(value, dict):
        if any(redactor.mask(name) != name for name in value) or value.keys() & {FORM, MULTIPART}:
            masked = redactor.mask_tree(value, inside)
            if masked != value:
                yield Secret(place, _kind(None, value, redactor), value, masked, redactor)
            return
        for name, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _in_value(item, redactor, (*place, name), below(inside, name))
                continue
            masked = redactor.mask_tree({name: item}, inside)[name]
            if masked != item and not (masked == REDACTED and _MASKED.fullmatch(item)):
                yield Secret((*place, name), _kind(name, item, redactor), item, masked, redactor)
    else:
        masked = redactor.mask_tree(value, inside)
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


# --- masking in place -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Masked:
    """A cassette without its credentials. ``kinds`` has an entry for each text that was changed, ``requests`` says
    whether one of them is part of what is matched."""

    text: str
    kinds: tuple[str, ...]
    requests: bool


def mask_file(path: Path, redact: Sequence[Any] = ()) -> Masked | None:
    """Mask the credentials in a cassette file; ``None`` if there are none.

    The rest of the text stays as it is, comments included, where the result can be shown to be right.

    Raises:
        CassetteFileError: the file can't be read or replaced.
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    with _store.FileLock(path):
        text = _store.read_text(path)
        masked = None if text is None else mask_text(text, path, redact)
        if masked is not None:
            try:
                _store.write_atomically(path, masked.text)
            except OSError as problem:
                raise CassetteFileError(
                    f"{path} can't be replaced: {problem.strerror or problem}; it is as it was, secrets included"
                ) from None
        return masked


def mask_text(text: str, path: Path, redact: Sequence[Any] = ()) -> Masked | None:
    """The text of a cassette without its credentials and what ``redact`` names; ``None`` if it has none.

    Raises:
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    document = _store.parse(text, path)
    text = _store.without_torn_tail(text) if document.torn else text
    options = recorded_options(document.header.get("match_on"))
    interactions = [read_interaction(item, path, number, options) for number, item in enumerate(document.items)]
    redactor = Redactor(os.environ, redact=redact)
    secrets = list(find_secrets(text, document.items, interactions, redactor))
    if not secrets:
        return None
    wanted: list[Json] = _with_masked(document.items, secrets, 1)
    fresh_keys = list(_fresh_keys(wanted, document.items, path, options))
    wanted = _with_masked(wanted, fresh_keys, 1)
    # As it stands in the file, what is repeated from an earlier recording is left out.
    written: Json = _yaml.load(text)
    in_text = list(find_secrets(text, written["interactions"], interactions, redactor))
    edited = _with_fresh_references(_edited(text, [*in_text, *fresh_keys]), fresh_keys)
    if not _says(edited, path, wanted):
        edited = _store.document_text(document.header, wanted, unfinished=document.unfinished)
    requests = any(secret.place[2] == "request" for secret in secrets)
    return Masked(edited, tuple(secret.name for secret in in_text or secrets), requests)


def _with_masked(tree: Json, secrets: Sequence[Secret], depth: int) -> Json:
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


def _fresh_keys(wanted: Sequence[Json], items: Sequence[Json], path: Path, options: MatchOptions) -> Iterator[Secret]:
    """The keys of the requests that are other ones now."""
    for number, (now, was) in enumerate(zip(wanted, items)):
        known = was["request"].get("match_key")
        if now["request"] != was["request"] and known is not None:
            key = read_interaction(now, path, number, options).match_key
            if key != known:
                yield Secret(("interactions", number, "request", "match_key"), "", known, key, Redactor({}))


def _with_fresh_references(text: str, keys: Sequence[Secret]) -> str:
    """The text with what refers to a recording (``same_as``) naming its new key."""
    known = {str(key.value): str(key.masked) for key in reversed(keys)}
    if not known:
        return text
    refers = re.compile(rf"^(      [^\s:][^:\n]*: [\"']?)({'|'.join(map(re.escape, known))})(?=[ \"'\n])", re.MULTILINE)
    return refers.sub(lambda found: found[1] + known[found[2]], text)


def _edited(text: str, secrets: Sequence[Secret]) -> str:
    """The text of the file with the scalars of some places replaced."""
    places = Places(text)
    by_place = {secret.place: secret for each in secrets for secret in _scalars(each)}
    spans = [(places.scalar(place), secret) for place, secret in by_place.items()]
    for span, secret in sorted(
        ((span, each) for span, each in spans if span is not None), key=lambda pair: -pair[0][0]
    ):
        start, end, is_block = span
        text = text[:start] + _scalar(text[start:end], secret, is_block) + text[end:]
    return text


def _scalars(secret: Secret) -> Iterator[Secret]:
    """What is to be changed for a secret, scalar by scalar: it may be spread over a list of them."""
    was, masked = secret.value, secret.masked
    if not isinstance(was, list) or not isinstance(masked, list):
        yield secret
    elif len(was) == len(masked):
        for number, (old, new) in enumerate(zip(was, masked)):
            if old != new:
                yield Secret((*secret.place, number), secret.name, old, new, secret.redactor)


def _scalar(inside: str, secret: Secret, is_block: bool) -> str:
    """A scalar as it is to be written in the place of another."""
    fresh = _yaml.emit_block({"x": secret.masked}, 0)[3:]
    if not is_block:
        return fresh.rstrip("\n")
    masked = secret.redactor.mask(inside)
    if masked != inside:
        return masked
    if not fresh.startswith("|"):
        return fresh.rstrip("\n") + inside[len(inside.rstrip()) :]
    indent = re.search(r"\n( +)\S", inside)
    return re.sub(r"^  (?=.)", indent[1] if indent else "  ", fresh, flags=re.MULTILINE)


def _says(text: str, path: Path, wanted: list[dict[str, Json]]) -> bool:
    try:
        return _store.parse(text, path).items == wanted
    except CassetteFormatError:
        return False
