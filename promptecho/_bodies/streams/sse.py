"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, "text/event-stream")."""

from __future__ import annotations

import re
from collections.abc import Callable

from promptecho._bodies.streams._format import Json
from promptecho._bodies.streams._text import TextEvents, edit_value

# An event ends with a blank line; each of its two line ends is CRLF, LF or CR. Further blank lines stay with it.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))+")
_LAST = re.compile(
    rb"^(?:data: ?\[DONE\]|event: ?(?:message_stop|message-end|response\.(?:completed|failed|incomplete))\s*$"
    rb'|data: ?\{"type": ?"(?:message_stop|message-end|response\.(?:completed|failed|incomplete))")',
    re.MULTILINE,
)

_DATA = re.compile(rb"^(data: ?)([^\r\n]+)", re.MULTILINE)
_EVENT = re.compile(rb"^event: ?([^\r\n]+)", re.MULTILINE)


class ServerSentEvents(TextEvents):
    """The format of ``text/event-stream``."""

    name = "sse"

    def split(self, data: bytes) -> list[bytes]:
        ends = [match.end() for match in _END.finditer(data)]
        starts = [0, *ends]
        pieces = [data[start:end] for start, end in zip(starts, ends)]
        if starts[-1] < len(data):
            pieces.append(data[starts[-1] :])
        return pieces

    def is_terminal(self, piece: bytes) -> bool:
        return _LAST.search(piece) is not None

    def edited(self, piece: bytes, change: Callable[[Json], Json]) -> bytes:
        event = _EVENT.search(piece)
        name = "event " + (event.group(1).decode("utf-8", "replace") if event else "")
        return _DATA.sub(lambda found: found.group(1) + edit_value(found.group(2), change, name), piece)
