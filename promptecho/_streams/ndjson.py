"""Newline-delimited JSON (https://github.com/ndjson/ndjson-spec), as Ollama streams it."""

from __future__ import annotations

import re
from typing import Any

from promptecho._streams import decode_text, encode_text

_DONE = re.compile(rb'"done": ?true')


class _NewlineDelimitedJson:
    name = "ndjson"

    def split(self, data: bytes) -> list[bytes]:
        pieces = data.split(b"\n")
        last = pieces.pop()
        lines = [piece + b"\n" for piece in pieces]
        return [*lines, last] if last else lines

    def is_terminal(self, piece: bytes) -> bool:
        return _DONE.search(piece) is not None

    encode = staticmethod(encode_text)
    decode = staticmethod(decode_text)


NDJSON: Any = _NewlineDelimitedJson()
