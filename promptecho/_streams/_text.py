"""What the stream formats that are text have in common."""

from __future__ import annotations

import base64
from collections.abc import Callable

from promptecho._body import edit_json
from promptecho._streams import EventProblem, Json


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
    """The JSON object in a piece of text, changed; what is none stays as it is."""
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError:
        return text
    return edit_json(plain, change).encode("utf-8")
