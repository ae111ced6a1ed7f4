"""AWS event streams: readable in the file, framed again byte for byte, refused where they are damaged."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptecho._models import Headers, Request
from promptecho._redaction import Redactor
from promptecho._streams import EventProblem
from promptecho._streams.eventstream import AmazonEventStream
from promptecho._yaml import emit_block, load

FORMAT = AmazonEventStream()
HEADERS = (b"\x0b:event-type\x07\x00\x05chunk", b"\x0d:content-type\x07\x00\x10application/json",
           b"\x0d:message-type\x07\x00\x05event")  # fmt: skip


def frame(payload: bytes, headers: bytes = b"".join(HEADERS)) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def invoke(text: str) -> bytes:
    inner = base64.b64encode(json.dumps({"outputText": text}).encode()).decode()
    return frame(json.dumps({"bytes": inner, "p": "abcd"}, separators=(",", ":")).encode())


def test_a_frame_is_stored_as_a_reader_wants_it() -> None:
    assert FORMAT.encode(frame(b'{"delta":{"text":"hi"}}')) == {
        "event": "chunk",
        "body": {"delta": {"text": "hi"}},
        "json": "compact",
    }
    assert FORMAT.encode(invoke("six")) == {
        "event": "chunk",
        "body": {"bytes": {"outputText": "six"}, "p": "abcd"},
        "json": "compact",
        "bytes_json": "spaced",
    }


_header = st.tuples(
    st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode("utf-8", "replace")) < 256),
    st.sampled_from(
        [b"\x00", b"\x01", b"\x02\xff", b"\x03\x01\x02", b"\x04\0\0\0\x07", b"\x05" + b"\x80" * 8,
         b"\x06\x00\x03\x00\xff\x01", b"\x07\x00\x02hi", b"\x08" + b"\x01" * 8, b"\x09" + b"\x02" * 16]
    ),
)  # fmt: skip


@given(
    st.lists(_header, max_size=5),
    st.one_of(st.binary(max_size=200), st.builds(lambda tree: json.dumps(tree).encode(), st.text(max_size=30))),
)
def test_any_frame_comes_back_through_a_file(headers: list[tuple[str, bytes]], payload: bytes) -> None:
    try:
        names = [(name.encode("utf-8"), value) for name, value in headers]
    except UnicodeEncodeError:
        return
    piece = frame(payload, b"".join(bytes([len(name)]) + name + value for name, value in names))
    assert FORMAT.split(piece + piece) == [piece, piece]
    stored: Any = load("x:\n" + emit_block({"y": FORMAT.encode(piece)}, 2))
    assert FORMAT.decode(stored["x"]["y"]) == piece


@given(st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_come_back_damaged_or_not(junk: bytes, cut: int) -> None:
    data = (frame(b'{"a": 1}') + junk)[:cut]
    pieces = FORMAT.split(data)
    assert b"".join(pieces) == data
    assert b"".join(FORMAT.decode(FORMAT.encode(piece)) for piece in pieces) == data


@pytest.mark.parametrize("at", [0, 5, 9, 14, 60, -1])
def test_a_frame_that_a_server_sent_damaged_is_kept_and_one_changed_in_the_file_is_refused(at: int) -> None:
    data = bytearray(frame(b'{"a": 1}'))
    data[at] ^= 1
    stored = FORMAT.encode(bytes(data))
    assert stored["damaged"] is True
    assert FORMAT.decode(stored) == data
    with pytest.raises(EventProblem, match=r"doesn't fit|don't fit|can't be read"):
        FORMAT.decode({"base64": stored["base64"]})


@pytest.mark.parametrize(
    "stored",
    [
        "text", {}, {"base64": "?"}, {"event": "x", "json": "nonsense", "body": {}}, {"headers": "x"},
        {"headers": [["a"]]}, {"headers": [["a", {"nonsense": 1}]]}, {"headers": [["a", {"byte": 999}]]},
        {"event": "x", "body": [], "json": "compact", "bytes_json": "compact"}, {"event": "x" * 70_000},
    ],
)  # fmt: skip
def test_what_is_no_event_is_an_error(stored: Any) -> None:
    with pytest.raises(EventProblem):
        FORMAT.decode(stored)


def test_credentials_are_masked_inside_frames_that_fit_again() -> None:
    secret = "very-secret-token-0001"
    redactor = Redactor({})
    redactor.learn(Request("POST", "https://x/", Headers([("authorization", f"Bearer {secret}")])))
    plain, nested = frame(json.dumps({"text": secret}).encode()), invoke(f"it is {secret}")
    untouched = frame(b'{"text": "nothing"}')
    masked = redactor.mask_chunks((plain + nested, untouched), FORMAT.masked)
    pieces = FORMAT.split(b"".join(masked))
    assert [FORMAT.encode(piece)["body"] for piece in pieces] == [
        {"text": "REDACTED"},
        {"bytes": {"outputText": "it is REDACTED"}, "p": "abcd"},
        {"text": "nothing"},
    ]
    assert pieces[2] == untouched
