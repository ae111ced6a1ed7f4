"""Bodies: bytes to a tree that a person can read, and back to the very same bytes.

A JSON body is stored as a tree and the name of the style that gives its text again. Where no style does (duplicate
keys, 1.50, a byte order mark), the text itself is stored: exactness comes before looks.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Any

_BINARY_TYPES = re.compile(
    r"(?:image|audio|video|font)/(?!svg)|application/(?:octet-stream|pdf|zip|gzip|x-tar|x-protobuf|protobuf"
    r"|vnd\.amazon\.eventstream|msgpack|x-npy|wasm)"
)
# Control characters that no text has, beside tab and line ends.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 100
_GO = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)  # Go's encoding/json, SetEscapeHTML


class BodyProblem(ValueError):
    """A stored body is not in the form in which promptecho writes it."""


def _dump(tree: Json, style: str) -> str:
    words = style.split()
    layout, flags = words[0], words[1:]
    ascii_only = "ascii" in flags
    if layout == "compact":
        text = json.dumps(tree, separators=(",", ":"), ensure_ascii=ascii_only)
    elif layout == "spaced":
        text = json.dumps(tree, ensure_ascii=ascii_only)
    elif re.fullmatch(r"indent-[1-8]", layout):
        text = json.dumps(tree, indent=int(layout[-1]), ensure_ascii=ascii_only)
    else:
        raise BodyProblem(f"the JSON style {style!r} is not known")
    if not text.isascii():
        text = _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)  # as bytes only an escape holds it
    if "html" in flags:
        text = text.translate(_GO)
    if "slashes" in flags:
        text = text.replace("/", "\\/")
    if "newline" in flags:
        text += "\n"
    return text


def _guess(text: str) -> str:
    """The only style that can give this text."""
    indent = re.match(r"[\[{]\n( {1,8})\S", text)
    if indent:
        layout = f"indent-{len(indent.group(1))}"
    elif re.search(r'": |, ["{\[\d]', text[:2000]) and '":"' not in text[:200]:
        layout = "spaced"
    else:
        layout = "compact"
    flags = []
    if "\\u" in text and text.isascii():
        flags.append("html" if re.search(r"\\u00(?:3c|3e|26)", text) and "<" not in text else "ascii")
    elif re.search(r"\\u00(?:3c|3e|26)", text):
        flags.append("html")
    if "\\/" in text:
        flags.append("slashes")
    if text.endswith("\n"):
        flags.append("newline")
    return " ".join([layout, *flags])


def _depth(tree: Json) -> int:
    level, nodes = 0, [tree]
    while nodes:
        level += 1
        if level > _MAX_DEPTH:
            return level
        nodes = [
            child
            for node in nodes
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
    return level


def _styled(text: str) -> tuple[Json, str] | None:
    """A tree and the style that gives the text again, if there is one."""
    if text[:1] not in ("{", "["):
        return None
    try:
        tree = json.loads(text)
        style = _guess(text)
        if _dump(tree, style) != text:
            return None
        if text.count("{") + text.count("[") > _MAX_DEPTH and _depth(tree) > _MAX_DEPTH:
            return None
        if "\\u" in text:
            json.dumps(tree, ensure_ascii=False).encode("utf-8")  # a lone surrogate can't be written
    except (ValueError, RecursionError):
        return None
    return tree, style


def edit_json(text: str, change: Callable[[Json], Json]) -> str:
    """A JSON text with its tree changed, in its own style where it has one; the same text if nothing changed."""
    styled = _styled(text)
    try:
        tree, style = styled if styled is not None else (json.loads(text), "compact")
        changed = change(tree)
    except (ValueError, RecursionError):
        return text
    return text if changed is tree else _dump(changed, style)


def encode_body(data: bytes, content_type: str) -> dict[str, Json]:
    """The fields of a response mapping that hold a body: ``body`` with ``json`` or ``binary`` where they apply."""
    if not data:
        return {}
    text = None
    if not _BINARY_TYPES.match(content_type.strip().lower()):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = None
    if text is None:
        return {"body": base64.b64encode(data).decode("ascii"), "binary": True}
    styled = _styled(text)
    if styled is not None:
        return {"body": styled[0], "json": styled[1]}
    if _NOT_TEXT.search(text):
        return {"body": base64.b64encode(data).decode("ascii"), "binary": True}
    return {"body": text}


def decode_body(fields: Mapping[str, Json]) -> bytes:
    """The bytes of a stored body.

    Raises:
        BodyProblem: the fields are not what ``encode_body`` gives.
    """
    body = fields.get("body")
    binary = fields.get("binary", False)
    if not isinstance(binary, bool):
        raise BodyProblem("'binary' is neither true nor false")
    if binary:
        if not isinstance(body, str):
            raise BodyProblem("a binary body is a base64 text")
        try:
            return base64.b64decode("".join(body.split()), validate=True)
        except ValueError as problem:
            raise BodyProblem(f"its base64 is damaged: {problem}") from None
    if body is None:
        return b""
    if isinstance(body, str):
        try:
            return body.encode("utf-8")
        except UnicodeEncodeError as problem:
            raise BodyProblem(
                f"its character {problem.start + 1} is half of a surrogate pair, which no text has"
            ) from None
    style = fields.get("json", "compact")  # promptecho 0.1.3 and people write no style
    if not isinstance(style, str) or not style.split():
        raise BodyProblem(f"the JSON style {style!r} is not known")
    return _dump(body, style).encode("utf-8")
