"""Credentials masked in the text of a cassette; all else in it stays as it is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._cassette import layout, store
from promptecho._cassette.interaction import read_interaction
from promptecho._cassette.mending import tangled
from promptecho._cassette.mending.secrets import Secret, find_secrets, with_masked
from promptecho._cassette.places import Places
from promptecho._matching.identity import MatchOptions, recorded_options
from promptecho._secrets.passes import Redactor
from promptecho.errors import CassetteFileError, CassetteFormatError

Json = Any


@dataclass(frozen=True)
class Masked:
    """A cassette without its credentials. ``kinds`` has an entry for each text that was changed, ``requests`` says
    whether one of them is part of what is matched."""

    text: str
    kinds: tuple[str, ...]
    requests: bool


def mask_file(path: Path, redact: Sequence[Any] = (), redactor: Redactor | None = None) -> Masked | None:
    """Mask the credentials in a cassette file; ``None`` if there are none.

    The rest of the text stays as it is, comments included, where the result can be shown to be right.

    Raises:
        CassetteFileError: the file can't be read or replaced.
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    with store.FileLock(path):
        text = store.read_text(path)
        masked = None if text is None else mask_text(text, path, redact, redactor)
        if masked is not None:
            try:
                store.write_atomically(path, masked.text)
            except OSError as problem:
                raise CassetteFileError(
                    f"{path} can't be replaced: {problem.strerror or problem}; it is as it was, secrets included"
                ) from None
        return masked


def masked_items(
    items: Sequence[dict[str, Json]], path: Path, options: MatchOptions, redactor: Redactor
) -> list[dict[str, Json]] | None:
    """The trees of recordings, complete, as a redactor masks them today, with their new keys; ``None`` if they stay."""
    interactions = [read_interaction(item, path, number, options) for number, item in enumerate(items)]
    secrets = list(find_secrets(None, items, interactions, redactor))
    return _wanted(items, secrets, path, options)[0] if secrets else None


def _wanted(
    items: Sequence[dict[str, Json]], secrets: Sequence[Secret], path: Path, options: MatchOptions
) -> tuple[list[dict[str, Json]], list[Secret]]:
    wanted: list[Json] = with_masked(items, secrets, 1)
    fresh_keys = list(_fresh_keys(wanted, items, path, options))
    return with_masked(wanted, fresh_keys, 1), fresh_keys


def mask_text(text: str, path: Path, redact: Sequence[Any] = (), redactor: Redactor | None = None) -> Masked | None:
    """The text of a cassette without its credentials and what ``redact`` names; ``None`` if it has none.

    Raises:
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    document = store.parse(text, path)
    text = tangled.untangled(store.without_torn_tail(text) if document.torn else text)
    options = recorded_options(document.header.get("match_on"))
    interactions = [read_interaction(item, path, number, options) for number, item in enumerate(document.items)]
    redactor = redactor or Redactor(os.environ, redact=redact)
    secrets = list(find_secrets(text, document.items, interactions, redactor))
    if not secrets:
        return None
    wanted, fresh_keys = _wanted(document.items, secrets, path, options)
    # As it stands in the file, what is repeated from an earlier recording is left out.
    written: Json = layout.load(text)
    in_text = list(find_secrets(text, written["interactions"], interactions, redactor))
    edited = _with_fresh_references(_edited(text, [*in_text, *fresh_keys]), fresh_keys)
    if not _says(edited, path, wanted):
        edited = store.document_text(document.header, wanted, unfinished=document.unfinished)
    requests = any(secret.place[2] == "request" for secret in secrets)
    return Masked(edited, tuple(secret.name for secret in in_text or secrets), requests)


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
    fresh = layout.emit_block({"x": secret.masked}, 0)[3:]
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
        return store.parse(text, path).items == wanted
    except CassetteFormatError:
        return False
