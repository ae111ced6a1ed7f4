"""cassetter cassettes (format 1, as YAML or TOML) to exchanges.

A body says its kind: ``json`` (a tree; in TOML its text), ``text``, ``binary`` (hex digits) or ``none``. Response
bodies are decoded, and no credentials are in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from promptecho._cassette import layout
from promptecho._cassette.foreign import CASSETTER
from promptecho._import.exchange import (
    Entry,
    Exchange,
    Place,
    Skipped,
    Source,
    head_of,
    json_bytes,
    replayed_json,
    time_of,
    to_bytes,
    without_coding,
)
from promptecho._models import Request
from promptecho._secrets.query import parameters
from promptecho.errors import CassetteFormatError

_MASK = "[FILTERED]"  # what it puts in the place of credentials unless the suite says another


def load_yaml(text: str) -> object:
    """The tree of a YAML cassette, with the scalars of YAML 1.2 that its writer means.

    Raises:
        YamlProblem: bad syntax, tags, repeated keys, aliases that explode.
    """
    return layout.load_1_2(text)


def load_toml(text: str, file: Path) -> object:
    """The tree of a TOML cassette.

    Raises:
        CassetteFormatError: it is no TOML.
    """
    from promptecho._settings import toml

    try:
        tree: object = toml.loads(text)
    except (ValueError, RecursionError) as problem:
        raise CassetteFormatError(f"{file}: not readable TOML ({problem}); restore the file and import again") from None
    return tree


def read(tree: object, file: Path) -> Source:
    """The calls of a parsed cassette.

    Raises:
        CassetteFormatError: another version; while the calls are gone through, an entry of another shape.
    """
    top = Place(file, "", tree)
    version = top.mapping().get("version")
    if version != 1 or isinstance(version, bool):
        raise CassetteFormatError(f"{file}: version {version!r} of a cassetter cassette is not known here (expected 1)")
    lists = {name: top.child(name) for name in ("interactions", "grpc_interactions", "ws_interactions")}
    counts = {name: len(place.items()) if place.value is not None else 0 for name, place in lists.items()}
    items = lists["interactions"].items() if counts["interactions"] else []
    return Source(CASSETTER, "cassetter", _entries(items, counts["grpc_interactions"], counts["ws_interactions"]))


def _entries(items: list[Place], grpc: int, websockets: int) -> Iterator[Entry]:
    for item in items:
        yield _exchange(item)
    for _ in range(grpc):
        yield Skipped("gRPC")
    for _ in range(websockets):
        yield Skipped("WebSocket")


def _exchange(item: Place) -> Exchange:
    place = item.child("request")
    body = _body(place, compact=True)
    request = Request(
        place.child("method").text("an HTTP method such as POST"),
        place.child("uri").url(),
        place.child("headers").headers(),
        body,
    )
    answer = item.child("response")
    head = without_coding(head_of(answer.child("status").status(), answer.child("headers").headers(), None))
    data = _body(answer, compact=False)
    return Exchange(
        request,
        head,
        (data,) if data else (),
        recorded_at=time_of(item.mapping().get("recorded_at")),
        warnings=_warnings(request),
    )


def _body(place: Place, *, compact: bool) -> bytes:
    """A body as bytes; the text of a JSON body is not in the file, so it is what cassetter itself replays."""
    fields = place.mapping()
    if "body_type" in fields:  # TOML
        kind, content, is_text = place.child("body_type"), place.child("body_content"), True
    else:
        if fields.get("body") is None:
            return b""
        body = place.child("body")
        kind, content, is_text = body.child("type"), body.child("content"), False
    if kind.value == "none":
        return b""
    if kind.value == "text":
        return to_bytes(content.text())
    if kind.value == "binary":
        try:
            return bytes.fromhex(content.text())
        except ValueError as problem:
            raise content.wrong(f"hex digits ({problem})") from None
    if kind.value != "json":
        raise kind.wrong("json, text, binary or none")
    tree = content.value
    if is_text:
        try:
            tree = json.loads(content.text())
        except (ValueError, RecursionError) as problem:
            raise content.wrong(f"JSON ({problem})") from None
    return json_bytes(tree) if compact else replayed_json(tree)


def _warnings(request: Request) -> tuple[str, ...]:
    hidden = []
    if _MASK.encode("ascii") in request.body:
        hidden.append("request body")
    if any(_MASK in value for _, value in parameters(request.url)):
        hidden.append("query")
    return tuple(
        f"the {where} holds {_MASK} in the place of a value, so a call that sends the value finds no recording"
        for where in hidden
    )
