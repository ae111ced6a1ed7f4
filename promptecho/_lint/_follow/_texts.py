"""What is known of texts and paths that are put together from others."""

from __future__ import annotations

import re

from promptecho._lint._follow._values import Constant, Method, Piece, Text, Value, text


def joined_path(parts: tuple[Value, ...]) -> Text:
    """Path components put together, as ``Path`` and ``os.path.join`` do; an absolute one begins anew."""
    pieces: list[Piece] = []
    for part in parts:
        if not isinstance(part, Text):
            pieces += ["/", None] if pieces else [None]
            continue
        if part.start.startswith("/"):
            pieces = []
        elif pieces:
            pieces.append("/")
        pieces += part.pieces
    return Text(tuple(_merged(pieces)), True)


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Known pieces that follow one another as one."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, str) and isinstance(last, str):
            merged[-1] = last + piece
        else:
            merged.append(piece)
    return merged


def concatenated(parts: list[Value]) -> Text:
    """Texts one after the other, as in f-strings."""
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, Text):
            pieces += part.pieces
        elif isinstance(part, Constant):
            pieces.append(str(part.value))
        else:
            pieces.append(None)
    return Text(tuple(_merged(pieces)))


def parent(path: Text) -> Text:
    """The folder of a path."""
    pieces = list(path.pieces)
    while pieces:
        last = pieces[-1]
        if not isinstance(last, str):
            pieces.pop()
            continue
        folder, slash, _ = last.rstrip("/").rpartition("/")
        if slash:
            return Text((*pieces[:-1], folder or "/"), True)
        if len(pieces) == 1:
            return Text((".",), True)
        pieces.pop()
    return Text((None,), True)


def attribute(owner: Text, name: str) -> Value:
    """``path.parent`` and the like; else a method, to be called."""
    if name == "parent":
        return parent(owner)
    if name in ("name", "stem", "suffix"):
        whole = owner.exact
        last = whole.rstrip("/").rpartition("/")[2] if whole is not None else None
        if last is None:
            return Text((None,))
        stem, dot, suffix = last.rpartition(".")
        return text({"name": last, "stem": stem if dot else last, "suffix": dot + suffix if dot else ""}[name])
    return Method(owner, name)


def ancestor(path: Text, number: Value) -> Value:
    """``path.parents[number]``."""
    if not isinstance(number, Constant) or not isinstance(number.value, int):
        return Text((None,), True)
    for _ in range(number.value + 1):
        path = parent(path)
    return path


def call_method(owner: Text, name: str, args: tuple[Value, ...]) -> Value:
    """A call of a method of a text or a path."""
    if name == "joinpath":
        return joined_path((owner, *args))
    if name in ("resolve", "absolute", "expanduser", "as_posix", "__str__", "strip"):
        return owner
    if name == "with_name" and args:
        return joined_path((parent(owner), args[0]))
    if name == "with_suffix" and args and owner.exact is not None and isinstance(args[0], Text):
        return Text((re.sub(r"\.[^./]*$", "", owner.exact), *args[0].pieces), True)
    if name == "format" and owner.exact is not None:
        parts = re.split(r"\{[^{}]*\}", owner.exact)
        return Text(tuple(piece for part in parts for piece in (part, None))[:-1], owner.is_path)
    return Text((None,), owner.is_path)
