"""What a format of a stream is: bytes to events and back, without losing one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Json = Any


class EventProblem(ValueError):
    """A stored event is not in the form in which promptecho writes it."""


class StreamFormat(Protocol):
    """How a content type delimits its events. ``decode(encode(piece)) == piece``, always."""

    name: str

    def split(self, data: bytes) -> list[bytes]:
        """The events with their delimiters; joined, they give the data again."""
        ...

    def is_terminal(self, piece: bytes) -> bool:
        """Whether a program may take this event for the end of the answer, and stop reading."""
        ...

    def encode(self, piece: bytes) -> Json:
        """The event as the file holds it."""
        ...

    def decode(self, stored: Json) -> bytes:
        """The bytes of a stored event.

        Raises:
            EventProblem: it is not what ``encode`` gives.
        """
        ...

    def masked(self, data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
        """A body with its content masked; what the format derives from the content (lengths, checksums) fits again."""
        ...

    def edited(self, piece: bytes, change: Callable[[Json], Json]) -> bytes:
        """An event with the JSON that it carries changed; the same bytes if ``change`` gives back what it got."""
        ...
