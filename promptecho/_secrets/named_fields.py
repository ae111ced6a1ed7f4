"""Fields that the user names by ``redact=``: where they stand in trees, JSON texts and forms, and their masked values.

A name (``email``) means every field of that name, a path (``customer.email``, ``items[0].id``) a field that stands so
below others, at any depth; indices may be left out. A text becomes ``REDACTED``, a number 0 (what is replayed can be
read as what was recorded), and of an object or a list all that is in it. JSON texts are edited in place, so that every
other byte stays; they may be cut off, follow one another, or stand inside other text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Union
from urllib.parse import unquote_plus

from promptecho._typos import mistyped

Json = Any
Place = tuple[Union[str, int], ...]  # names in lower case, and indices of lists
Span = tuple[int, int, str]  # from, to, and what stands there instead
REDACTED = "REDACTED"

_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[(?:\d+|\*)\])*")
_TOKEN = re.compile(
    r'"(?P<text>[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*)(?:"(?P<colon>\s*:)?|\\?\Z|(?=[\r\n]))'
    r"|(?P<number>-?\d[\d.eE+-]*|-?Infinity|NaN)|(?P<mark>[\[\]{},])"
)
_FIELD = re.compile(r'"([^"\\]+)\\*"\s*:')
_FORM = re.compile(r"[\w.%+\[\]-]+=[^&\s]*(?:&[\w.%+\[\]-]+=[^&\s]*)*\s*\Z")
_FORM_PAIR = re.compile(r"(?P<name>[^&=]+)=(?P<value>[^&\s]+)")


def is_path(entry: str) -> bool:
    """Whether an entry of ``redact=`` names a field; any other one is a regular expression."""
    return _PATH.fullmatch(entry) is not None


@lru_cache(maxsize=1024)
def _parts(name: str) -> tuple[str, ...]:
    """A path, or a name that is one (``customer[email]`` in forms, ``user.id`` in attributes), in lower case."""
    return tuple(part for part in re.split(r"[.\[\]]", name.lower()) if part) or (name,)


def below(place: Place, name: str | int) -> Place:
    """The place of a field, or of an item of a list."""
    return (*place, name) if isinstance(name, int) else (*place, *_parts(name))


def _is_index(part: str) -> bool:
    return part.isdigit() or part == "*"


def _ends_with(place: Place, path: Sequence[str]) -> bool:
    at = len(place)
    for part in reversed(path):
        while not _is_index(part) and at and isinstance(place[at - 1], int):
            at -= 1
        if not at or (str(place[at - 1]) != part and part != "*"):
            return False
        at -= 1
    return True


def masked_value(value: Json) -> Json:
    """A value that says nothing any more, of the same type."""
    if isinstance(value, str):
        return REDACTED if value else value
    if isinstance(value, dict):
        return {name: masked_value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [masked_value(each) for each in value]
    return 0 if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class NamedFields:
    """The fields of one ``redact=``."""

    def __init__(self, entries: Sequence[str]) -> None:
        self._paths = tuple(_parts(entry) for entry in entries)
        self._unseen = dict(zip(self._paths, entries))
        # A text that holds such a field has one of these words in it, if no escape hides it; all have the empty one.
        self._words = tuple("" if _is_index(path[-1]) else path[-1] for path in self._paths)

    def __bool__(self) -> bool:
        return bool(self._paths)

    def have(self, place: Place) -> bool:
        """Whether the field at a place is named, or one that it is part of."""
        for path in self._paths:
            if any(_ends_with(place[:end], path) for end in range(1, len(place) + 1)):
                self._unseen.pop(path, None)
                return True
        return False

    def mistyped_in(self, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The names that nothing had so far, each with the field of some JSON texts that was probably meant."""
        if not self._unseen:
            return
        known = {name.lower() for text in texts for name in _FIELD.findall(text)}
        for path, entry in self._unseen.items():
            near = (mistyped(part, known) for part in path if not _is_index(part))
            meant = next(filter(None, near), None)
            if meant is not None:
                yield entry, meant

    def mask_tree(self, tree: Json, place: Place = ()) -> Json:
        """A tree with the values of the named fields masked; the same one if it has none."""
        if self.have(place):
            masked = masked_value(tree)
        elif isinstance(tree, dict):
            masked = {name: self.mask_tree(value, below(place, name)) for name, value in tree.items()}
        elif isinstance(tree, list):
            masked = [self.mask_tree(value, below(place, index)) for index, value in enumerate(tree)]
        else:
            masked = self.mask_text(tree, place) if isinstance(tree, str) else tree
        return tree if masked == tree else masked

    def mask_text(self, text: str, place: Place = ()) -> str:
        """A text with the fields masked of the JSON in it, or of the form that it is; ``place``: where it stands."""
        if not self._paths or not self._may_be_in(text):
            return text
        pieces, done = [], 0
        is_form = '"' not in text and _FORM.match(text) is not None
        for start, end, fresh in self._form_spans(text, place) if is_form else self.spans(text, place):
            pieces += [text[done:start], fresh]
            done = end
        return "".join([*pieces, text[done:]])

    def _may_be_in(self, text: str) -> bool:
        lowered = text.lower()
        return "\\u" in lowered or "%" in lowered or any(word in lowered for word in self._words)

    def _form_spans(self, text: str, place: Place) -> Iterator[Span]:
        for pair in _FORM_PAIR.finditer(text):
            if self.have(below(place, unquote_plus(pair["name"]))):
                yield pair.start("value"), pair.end("value"), REDACTED

    def spans(self, text: str, place: Place = ()) -> Iterator[Span]:
        """What is to be replaced in a text for the JSON in it, in order."""
        key: Place | None = None  # of the value to come
        index: int | None = None  # of the next item, in a list
        above: list[tuple[Place, int | None]] = []
        for token in _TOKEN.finditer(text):
            mark, raw = token["mark"], token["text"]
            if token["colon"]:
                key = below(place, _unescaped(raw))
                continue
            here = key if key is not None else place if index is None else below(place, index)
            if mark in ("{", "["):
                above.append((place, index))
                place, index = here, 0 if mark == "[" else None
            elif mark == ",":
                index = None if index is None else index + 1
            elif mark is not None and above:
                place, index = above.pop()
            elif mark is None and self.have(here):
                kind = "number" if raw is None else "text"
                fresh = "0" if raw is None else REDACTED if raw else ""
                if fresh != token[kind]:
                    yield (*token.span(kind), fresh)
            elif raw and ('\\"' in raw or "[" in raw):  # JSON inside JSON, if only a list of numbers
                inner = _unescaped(raw)
                masked = self.mask_text(inner, here)
                if masked != inner:
                    yield (*token.span("text"), json.dumps(masked, ensure_ascii=raw.isascii())[1:-1])
            key = None


def _unescaped(raw: str) -> str:
    """What stands between two quotes of JSON, as the text that it means."""
    if "\\" not in raw:
        return raw
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw
