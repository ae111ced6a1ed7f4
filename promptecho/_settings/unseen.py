"""Names of fields in ``match_on`` and ``ignore`` that nothing has: slips of the finger, or settings that do nothing.

A list that names ``modle`` would leave the model out and replay the answer of another one, so that is an error before
anything is replayed. A name that isn't near any known one is told of at the end of a run in which nothing had it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from promptecho._matching.fields import all_neutral
from promptecho._matching.identity import DEFAULT_MATCH_ON, MatchOptions, has_path, path_parts
from promptecho._typos import mistyped
from promptecho.errors import UnknownFieldError
from promptecho.providers._fields import SETTINGS

Json = Any


_KNOWN = (*DEFAULT_MATCH_ON, *SETTINGS, *(name for entry in all_neutral() for name in entry.names))


class UnseenNames:
    """The names that no body has had yet, in pairs with their settings.

    ``doubtful`` are those one or two letters off a known field: setting and name, with the field that was meant.
    """

    def __init__(self, options: MatchOptions) -> None:
        fields = options.fields or ()
        given = [("match_on", name) for name in fields if name not in DEFAULT_MATCH_ON] if options.explicit else []
        given += [("ignore", path) for path in options.ignore if path[:1] != "?" and path[-1:] != ":"]
        self.given: tuple[tuple[str, str], ...] = tuple(given)
        self.waiting: set[tuple[str, str]] = set(given)
        self.doubtful: dict[tuple[str, str], str] = {}
        for pair in given:
            meant = mistyped(path_parts(pair[1])[0], _KNOWN) if path_parts(pair[1]) else None
            if meant is not None:
                self.doubtful[pair] = meant

    def look(self, body: Json) -> None:
        """Forget the names that a canonical body has."""
        for pair in [pair for pair in self.waiting if has_path(body, pair[1])]:
            self.waiting.discard(pair)
            self.doubtful.pop(pair, None)

    def refuse_doubtful(self, recorded: Iterable[Json], path: object) -> None:
        """Refuse to go on where a name is most likely mistyped: neither the request nor any recorded body has it.

        Raises:
            UnknownFieldError: names the setting, the name, and the field that was probably meant.
        """
        for body in recorded:
            self.look(body)
            if not self.doubtful:
                return
        for (setting, name), meant in self.doubtful.items():
            raise UnknownFieldError(
                f"{setting} has {name!r}, a field that neither this request nor any recording in {path} has. "
                f"Did you mean {name.replace(path_parts(name)[0], meant, 1)!r}?"
            )
