"""Newline-delimited JSON (https://github.com/ndjson/ndjson-spec), as Ollama streams it."""

from __future__ import annotations

import re
from collections.abc import Callable

from promptecho._bodies.streams._format import Json
from promptecho._bodies.streams._text import TextEvents, edit_value

_DONE = re.compile(rb'"done": ?true')


class NewlineDelimitedJson(TextEvents):
    """One JSON text a line."""

    name = "ndjson"

    def split(self, data: bytes) -> list[bytes]:
        pieces = data.split(b"\n")
        last = pieces.pop()
        lines = [piece + b"\n" for piece in pieces]
        return [*lines, last] if last else lines

    def is_terminal(self, piece: bytes) -> bool:
        return _DONE.search(piece) is not None

    def edited(self, piece: bytes, change: Callable[[Json], Json]) -> bytes:
        line = piece.rstrip(b"\r\n")
        return edit_value(line, change, "line") + piece[len(line) :]
