"""The body of a request as a tree to match by: the client's JSON, the fields of a form, the parts of a multipart body,
or for all else a digest of its bytes.

Rule: two bodies that a server could tell apart never have the same tree.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from promptecho._bodies.content import ContentProblem, decode_chunks
from promptecho._models import FORM, MULTIPART, Request

Json = Any

RAW_BODY = "__raw_body_sha256__"  # the name that 0.1.3 gives to a body it could not read
JSON_BODY = "__json__"  # JSON that is no object
_MAX_DEPTH = 5  # of multipart bodies in multipart bodies

_PAIRS = re.compile(r"(?:[^\s%]|%[0-9a-fA-F]{2})+")
_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
# Headers of parts that may be new each time, or say what the part itself says.
_NEUTRAL_PART_HEADERS = ("content-type", "content-disposition", "content-length", "content-id", "date", "mime-version")


def without_coding(request: Request) -> Request:
    """The request with its body as it was before it was compressed; the same one if it can't be decoded."""
    coding = request.headers.get("content-encoding").strip().lower()
    if not coding or not request.body:
        return request
    try:
        body = b"".join(decode_chunks([request.body], coding))
    except ContentProblem:
        return request
    return Request(request.method, request.url, request.headers.without("content-encoding"), body)


class _Ambiguous(ValueError):
    """Servers differ in what such JSON says, so the body is matched by its bytes."""


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Ambiguous("which of two equal keys counts")
    return made


_PLAIN_FLOAT = 16  # a number of so few signs has at most 15 digits, which a float keeps
_MAX_INT = 400  # digits: more than any float holds


def _float(text: str) -> float:
    """A number, if a float holds it: no other text that says another number gives the same one."""
    value = float(text)
    if (len(text) > _PLAIN_FLOAT or "e" in text or "E" in text) and not _is_held(text, value):
        raise _Ambiguous(text)
    return value


def _is_held(text: str, value: float) -> bool:
    if not math.isfinite(value) or len(text) > _MAX_INT:
        return False
    try:
        given = Decimal(text)
    except InvalidOperation:  # an exponent that no decimal has
        return False
    # The shortest digits of the float, or more of its own (0.1000000000000000055 is a way to print 0.1).
    return given == Decimal(repr(value)) or given == Context(prec=len(given.as_tuple().digits)).plus(Decimal(value))


def _int(text: str) -> Json:
    if len(text) > _MAX_INT:
        raise _Ambiguous("a number of so many digits")
    return -0.0 if text == "-0" else int(text)


# Making one costs as much as reading a small body. What Python writes for NaN and Infinity is read as no other number.
_READER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_int=_int)
_BOM = b"\xef\xbb\xbf"  # some programs write one, and it says nothing (RFC 8259, section 8.1)


def readable_body(body: bytes, content_type: str) -> tuple[dict[str, Json], bool]:
    """The tree to match by, and whether it is a JSON object as the client sent it."""
    if not body:
        return {}, False
    kind = content_type.partition(";")[0].strip().lower()
    found: dict[str, Json] | None = None
    if kind.startswith("multipart/"):
        parts = _parts(body, content_type, kind == "multipart/form-data")
        found = None if parts is None else {MULTIPART: parts}
    else:
        try:
            tree = _READER.decode(body[3:].decode("utf-8") if body.startswith(_BOM) else body.decode("utf-8"))
            if isinstance(tree, dict):
                return tree, bool(tree)  # the file tells an empty object from no body as little
            if isinstance(tree, list):
                json.dumps(tree)  # it could be too deep to be written
                return {JSON_BODY: tree}, False
        except (ValueError, RecursionError):
            pass
        if kind == "application/x-www-form-urlencoded":
            found = _form(body)
    return ({RAW_BODY: digest_of(body)} if found is None else found), False


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def is_opaque(body: Mapping[str, Json]) -> bool:
    """Whether a canonical body is not the client's JSON object, but what stands for another kind of body."""
    return len(body) == 1 and next(iter(body)) in (RAW_BODY, JSON_BODY, FORM, MULTIPART)


def _form(body: bytes) -> dict[str, Json] | None:
    """The fields of a form; ``None`` if it is none, or its values are no UTF-8."""
    text = clean_text(body)
    if text is None or "=" not in text or _PAIRS.fullmatch(text) is None:
        return None
    try:
        return {FORM: [list(pair) for pair in parse_qsl(text, keep_blank_values=True, errors="strict")]}
    except UnicodeDecodeError:
        return None


def clean_text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=256)
def _parameters(value: str) -> dict[str, str]:
    """The parameters of a header field, quotes around their values taken off (RFC 9110, section 5.6.6)."""
    found: dict[str, str] = {}
    for name, given in _PARAMETER.findall(value):
        text = given.strip()
        found.setdefault(name.lower(), text[1:-1] if text[:1] == '"' and len(text) > 1 else text)
    return found


def _names(disposition: str) -> dict[str, Json]:
    """The names of a part: of the field, and of the file."""
    given = _parameters(disposition)
    found: dict[str, Json] = {}
    for name in ("name", "filename"):
        plain, extended = given.get(name), given.get(f"{name}*")
        if plain is not None or extended is not None:
            found[name] = extended if plain is None else plain
        if plain is not None and extended is not None:
            found[f"{name}*"] = extended
    return found


def _names_before(disposition: str) -> dict[str, Json]:
    return dict(re.findall(r';\s*(name|filename)\*?="?([^";]*)"?', disposition))


def _parts(
    body: bytes, content_type: str, is_form: bool, depth: int = 0, names: Callable[[str], dict[str, Json]] = _names
) -> list[Json] | None:
    """Parts by their headers and content; the boundary, random in each run, is left out (RFC 2046, section 5.1)."""
    boundary = _parameters(content_type).get("boundary")
    if not boundary or depth >= _MAX_DEPTH:
        return None
    mark = re.escape(boundary.encode("latin-1", "replace"))
    pieces = re.split(rb"(?:\A|\r?\n)--" + mark + rb"(?=--|[ \t]*\r?\n)", body)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    parts: list[Json] = []
    for piece in pieces[1:-1]:
        found = re.search(rb"\r?\n\r?\n", piece)
        if found is None:
            return None
        parts.append(_part(piece[: found.start()], piece[found.end() :], is_form, depth, names))
    return parts


def _part(
    head: bytes, content: bytes, is_form: bool, depth: int, names: Callable[[str], dict[str, Json]]
) -> dict[str, Json]:
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").splitlines())
        if name.strip()
    }
    disposition = fields.get("content-disposition", "")
    part = names(disposition)
    content_type = fields.get("content-type", "")
    inner = None
    if content_type.lower().startswith("multipart/"):
        inner = _parts(content, content_type, is_form, depth + 1, names)
        content_type = content_type if inner is None else content_type.partition(";")[0].strip().lower()
    if content_type:
        part["type"] = content_type
    if not is_form:
        others = {name: value for name, value in fields.items() if name not in _NEUTRAL_PART_HEADERS}
        kind = disposition.partition(";")[0].strip().lower()
        part.update({"disposition": kind} if kind else {}, **({"headers": others} if others else {}))
    if inner is not None:
        part["parts"] = inner
        return part
    text = None if "filename" in part else clean_text(content)
    if text is not None and len(text) <= 200:
        part["value"] = text
    else:
        part["sha256"] = digest_of(content)
    return part


def as_read_before(body: bytes, content_type: str) -> list[dict[str, Json]]:
    """The trees by which earlier versions matched a body that is read otherwise now."""
    kind = content_type.partition(";")[0].strip().lower()
    text = clean_text(body)
    trees: list[dict[str, Json]] = [{RAW_BODY: digest_of(body)}]
    if kind == "multipart/form-data":
        parts = _parts(body, content_type, True, names=_names_before)
        trees += [] if parts is None else [{MULTIPART: parts}]
    elif text is not None and kind == "application/x-www-form-urlencoded":
        trees.append({FORM: [list(pair) for pair in parse_qsl(text, keep_blank_values=True)]})
    elif text is not None:
        try:
            tree = json.loads(text)
            trees += [tree] if isinstance(tree, dict) else [{JSON_BODY: tree}] if isinstance(tree, list) else []
        except (ValueError, RecursionError):
            pass
    return trees
