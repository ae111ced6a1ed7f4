"""What the stream formats that are text have in common."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

from promptecho._bodies.body import edit_json
from promptecho._bodies.streams._format import EventProblem, Json


class TextEvents:
    """Events of text: the file holds the text itself, or base64 where it is none."""

    def encode(self, piece: bytes) -> Json:
        try:
            return piece.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(piece).decode("ascii")}

    def decode(self, stored: Json) -> bytes:
        if isinstance(stored, str):
            try:
                return stored.encode("utf-8")
            except UnicodeEncodeError as problem:
                raise EventProblem(
                    f"its character {problem.start + 1} is half of a surrogate pair, which no text has"
                ) from None
        if isinstance(stored, dict) and isinstance(stored.get("base64"), str):
            try:
                return base64.b64decode(stored["base64"], validate=True)
            except ValueError as problem:
                raise EventProblem(f"its base64 is damaged: {problem}") from None
        raise EventProblem("expected a text, or a mapping with 'base64'")

    def masked(self, data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
        return mask(data)


def edit_text(text: bytes, change: Callable[[Json], Json]) -> bytes:
    """The JSON in a piece of text, changed; what is none stays as it is."""
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError:
        return text
    return edit_json(plain, change).encode("utf-8")


def edit_value(text: bytes, change: Callable[[Json], Json], name: str, *, only_json: bool = False) -> bytes:
    """The same for what an event carries, which may be a text, in JSON or as it is.

    ``change`` gets an object or a list, or a text as the field ``name`` of an object, so that texts of several kinds
    are told apart.
    """
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError:
        return text
    if plain[:1] in ("{", "["):
        changed = edit_json(plain, change)
        if changed != plain or _is_json(plain):
            return changed.encode("utf-8")
    elif plain[:1] == '"' and plain[-1:] == '"' and _is_json(plain):
        return edit_json(plain, lambda tree: _changed_text(tree, change, name)).encode("utf-8")
    return text if only_json else _changed_text(plain, change, name).encode("utf-8")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _changed_text(text: Json, change: Callable[[Json], Json], name: str) -> Json:
    tree = {name: text}
    changed = change(tree)
    return text if changed is tree else changed[name]


class Lines(TextEvents):
    """Lines that each carry a piece of an answer, under a type that says nothing of it: JSON, ``data:``, ``0:"..."``.

    The last is what Vercel's AI SDK calls a data stream.
    """

    _LINE = re.compile(rb'^(?:(data): ?|([0-9a-z]{1,2}):(?=["\[{])|(?=["\[{]))([^\r\n]+)', re.MULTILINE)

    def split(self, data: bytes) -> list[bytes]:
        return data.splitlines(keepends=True) if self._LINE.search(data) else [data]

    def edited(self, piece: bytes, change: Callable[[Json], Json]) -> bytes:
        found = self._LINE.match(piece)
        if found is None:
            return piece
        value, mark = found.group(3), found.group(1) or found.group(2) or b""
        fresh = edit_value(value, change, f"lines {mark.decode()}", only_json=mark != b"data")
        return piece[: found.start(3)] + fresh + piece[found.end(3) :]
