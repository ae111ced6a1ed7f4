"""Text made harmless where it leaves for a person: in errors, warnings, summaries and the output of commands.

Rule: what a cassette, a request or a path holds may come from a stranger. None of it reaches a terminal as a control
sequence, and none of it turns the direction of text or hides a part of it.
"""

from __future__ import annotations

import json
import re

# Control characters but newline and tab; what turns the direction of text or breaks lines in secret; invisible tags.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_COLOUR = re.compile(r"(\x1b\[(?:0|1|31|32)m)")  # what our own texts are coloured with (ECMA-48, section 8.3.117)


def plain(text: str) -> str:
    """A text of ours without the colours that it may have."""
    return _COLOUR.sub("", text)


def harmless(text: str, *, coloured: bool = False) -> str:
    """A text in which everything that could drive a terminal or deceive a reader is spelled out.

    ``coloured``: it is one of our own that has colours; nothing but these is left in it.
    """
    if coloured:
        return "".join(piece if number % 2 else harmless(piece) for number, piece in enumerate(_COLOUR.split(text)))
    return _HARMFUL.sub(_spelled, text.replace("\r\n", "\n"))


def json_escaped(text: str) -> str:
    """A JSON text that says the same with what could do harm as escapes."""
    return _HARMFUL.sub(lambda found: json.dumps(found.group())[1:-1] if found.group() > "\x7f" else "\\u007f", text)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
