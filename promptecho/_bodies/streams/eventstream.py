"""AWS event streams (``application/vnd.amazon.eventstream``), as Bedrock's streaming operations send them.

A frame is: total length and header length (4 bytes each, big endian), CRC-32 of the two, headers, payload, CRC-32 of
all that stands before it (https://smithy.io/2.0/aws/amazon-eventstream.html). A stored event is the frame's kind and
its payload as a body is stored; a frame that this form can't give back exactly is stored as base64.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from promptecho._bodies.body import BodyProblem, decode_body, encode_body
from promptecho._bodies.streams._format import EventProblem, Json
from promptecho._bodies.streams._text import edit_value

_PRELUDE = struct.Struct(">III")
_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")
_MAX_FRAME = 24 * 1024 * 1024  # the format's limit is 16 MiB of payload and 128 KiB of headers
# Header value types with a fixed size: name in the stored form, type code, struct format.
_FIXED = {2: ("byte", ">b"), 3: ("short", ">h"), 4: ("integer", ">i"), 5: ("long", ">q"), 8: ("timestamp", ">q")}
_CODES = {name: (code, layout) for code, (name, layout) in _FIXED.items()}
_KINDS = {"event": ":event-type", "exception": ":exception-type"}
_JSON_TYPE = "application/json"

Header = tuple[str, Json]


class _Damaged(ValueError):
    """The bytes are no whole frame with fitting checksums."""


def _parse(frame: bytes) -> tuple[list[Header], bytes]:
    if len(frame) < 16:
        raise _Damaged("the frame is shorter than 16 bytes")
    total, header_size, checksum = _PRELUDE.unpack_from(frame)
    if total != len(frame) or header_size > total - 16:
        raise _Damaged("the lengths in the frame's prelude don't fit it")
    if checksum != zlib.crc32(frame[:8]):
        raise _Damaged("the checksum of the frame's prelude doesn't fit it")
    if _CRC.unpack_from(frame, total - 4)[0] != zlib.crc32(frame[:-4]):
        raise _Damaged("the checksum of the frame doesn't fit it")
    return list(_headers(frame[12 : 12 + header_size])), frame[12 + header_size : -4]


def _headers(data: bytes) -> Iterator[Header]:
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name, kind = data[at + 1 : end].decode("utf-8"), data[end]
            at = end + 1
            if kind in (0, 1):
                yield name, kind == 0
            elif kind in (6, 7):
                size = struct.unpack_from(">H", data, at)[0]
                value = data[at + 2 : at + 2 + size]
                if len(value) != size:
                    raise _Damaged("a header of the frame is cut off")
                yield name, value.decode("utf-8") if kind == 7 else {"bytes": base64.b64encode(value).decode("ascii")}
                at += 2 + size
            elif kind == 9:
                yield name, {"uuid": data[at : at + 16].hex()}
                at += 16
            else:
                word, layout = _FIXED[kind]
                yield name, {word: struct.unpack_from(layout, data, at)[0]}
                at += struct.calcsize(layout)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as problem:
        raise _Damaged(f"a header of the frame can't be read ({problem})") from None


def _header_bytes(name: str, value: Json) -> bytes:
    encoded = name.encode("utf-8")
    start = bytes([len(encoded)]) + encoded
    if isinstance(value, bool):
        return start + (b"\x00" if value else b"\x01")
    if isinstance(value, str):
        data = value.encode("utf-8")
        return start + b"\x07" + struct.pack(">H", len(data)) + data
    ((word, inner),) = value.items()
    if word == "bytes":
        data = base64.b64decode(inner, validate=True)
        return start + b"\x06" + struct.pack(">H", len(data)) + data
    if word == "uuid":
        return start + b"\x09" + bytes.fromhex(inner)
    code, layout = _CODES[word]
    return start + bytes([code]) + struct.pack(layout, inner)


def _frame(headers: list[Header], payload: bytes) -> bytes:
    head = b"".join(_header_bytes(name, value) for name, value in headers)
    lengths = _LENGTHS.pack(16 + len(head) + len(payload), len(head))
    message = lengths + _CRC.pack(zlib.crc32(lengths)) + head + payload
    return message + _CRC.pack(zlib.crc32(message))


def _usual_headers(kind: str, value: str) -> list[Header]:
    """The headers in the order in which AWS sends them."""
    return [(_KINDS[kind], value), (":content-type", _JSON_TYPE), (":message-type", kind)]


def _payload_tree(payload: bytes, content_type: str) -> dict[str, Json]:
    """A payload as a body; the base64 text in which InvokeModel wraps a model's own JSON is opened."""
    tree = encode_body(payload, content_type)
    body = tree.get("body")
    if isinstance(body, dict) and isinstance(body.get("bytes"), str):
        try:
            inner = encode_body(base64.b64decode(body["bytes"], validate=True), _JSON_TYPE)
        except ValueError:
            return tree
        if "json" in inner:
            opened = {**body, "bytes": inner["body"]}
            return {**tree, "body": opened, "bytes_json": inner["json"]}
    return tree


def _payload(stored: dict[str, Json]) -> bytes:
    style = stored.get("bytes_json")
    body = stored.get("body")
    if style is not None:
        if not isinstance(body, dict) or "bytes" not in body:
            raise EventProblem("'bytes_json' needs a body with 'bytes'")
        inner = decode_body({"body": body["bytes"], "json": style})
        stored = {**stored, "body": {**body, "bytes": base64.b64encode(inner).decode("ascii")}}
    return decode_body(stored)


class AmazonEventStream:
    """Frames with checksums, each holding one event."""

    name = "eventstream"

    def split(self, data: bytes) -> list[bytes]:
        pieces, at = [], 0
        while len(data) - at >= 12:
            total, _, checksum = _PRELUDE.unpack_from(data, at)
            if not 16 <= total <= _MAX_FRAME or checksum != zlib.crc32(data[at : at + 8]) or at + total > len(data):
                break
            pieces.append(data[at : at + total])
            at += total
        return [*pieces, data[at:]] if at < len(data) else pieces

    def is_terminal(self, piece: bytes) -> bool:
        try:
            headers, _ = _parse(piece)
        except _Damaged:
            return False
        return (":event-type", "metadata") in headers  # Converse's last event

    def encode(self, piece: bytes) -> Json:
        try:
            headers, payload = _parse(piece)
        except _Damaged:
            return {"base64": base64.b64encode(piece).decode("ascii"), "damaged": True}
        names = dict(headers)
        tree: dict[str, Json] = {"headers": [list(header) for header in headers]}
        for kind, name in _KINDS.items():
            if isinstance(names.get(name), str) and headers == _usual_headers(kind, names[name]):
                tree = {kind: names[name]}
        content_type = names.get(":content-type", "")
        tree.update(_payload_tree(payload, content_type if isinstance(content_type, str) else ""))
        try:
            if self.decode(tree) == piece:
                return tree
        except (EventProblem, BodyProblem):
            pass
        return {"base64": base64.b64encode(piece).decode("ascii")}

    def decode(self, stored: Json) -> bytes:
        if not isinstance(stored, dict):
            raise EventProblem("expected a mapping with 'event', 'exception', 'headers' or 'base64'")
        if "base64" in stored:
            return self._raw(stored)
        kinds = [kind for kind in _KINDS if isinstance(stored.get(kind), str)]
        if kinds:
            headers = _usual_headers(kinds[0], stored[kinds[0]])
        else:
            pairs = stored.get("headers")
            if not isinstance(pairs, list) or not all(
                isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
            ):
                raise EventProblem("expected 'event', 'exception', 'headers' (a list of [name, value]) or 'base64'")
            headers = [(name, value) for name, value in pairs]
        try:
            return _frame(headers, _payload(stored))
        except BodyProblem as problem:
            raise EventProblem(str(problem)) from None
        except (ValueError, TypeError, AttributeError, KeyError, struct.error) as problem:
            raise EventProblem(f"a header of it can't be written: {problem}") from None

    def _raw(self, stored: dict[str, Json]) -> bytes:
        try:
            data = base64.b64decode(stored["base64"], validate=True)
        except (ValueError, TypeError) as problem:
            raise EventProblem(f"its base64 is damaged: {problem}") from None
        if not stored.get("damaged"):  # only what a server sent damaged may be so
            try:
                _parse(data)
            except _Damaged as problem:
                raise EventProblem(f"{problem}; the recording was changed") from None
        return data

    def masked(self, data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
        return b"".join(_masked_frame(piece, mask) for piece in self.split(data))

    def edited(self, piece: bytes, change: Callable[[Json], Json]) -> bytes:
        try:
            headers, payload = _parse(piece)
        except _Damaged:
            return piece
        tree = _payload_tree(payload, _JSON_TYPE)
        if "json" not in tree:
            fresh = edit_value(payload, change, "payload")
            return piece if fresh == payload else _frame(headers, fresh)
        changed = change(tree["body"])
        return piece if changed is tree["body"] else _frame(headers, _payload({**tree, "body": changed}))


def _masked_frame(piece: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """A frame with its headers and payload masked, and lengths and checksums that fit again."""
    try:
        headers, payload = _parse(piece)
    except _Damaged:
        return mask(piece)
    before = payload
    tree: Any = _payload_tree(payload, _JSON_TYPE)
    if "bytes_json" in tree:
        inner = decode_body({"body": tree["body"]["bytes"], "json": tree["bytes_json"]})
        masked = mask(inner)
        if masked != inner:
            body = {**tree["body"], "bytes": base64.b64encode(masked).decode("ascii")}
            payload = decode_body({"body": body, "json": tree["json"]})
    safe = [(name, mask(value.encode()).decode() if isinstance(value, str) else value) for name, value in headers]
    masked = mask(payload)
    return piece if masked == before and safe == headers else _frame(safe, masked)
