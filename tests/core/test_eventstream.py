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

from promptecho._bodies.streams import EventProblem
from promptecho._bodies.streams.eventstream import AmazonEventStream
from promptecho._cassette.layout import emit_block, load
from promptecho._models import Headers, Request
from promptecho._secrets.passes import Redactor

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


def test_what_is_masked_keeps_the_spelling_of_the_json_around_it() -> None:
    def mask(data: bytes) -> bytes:
        return data.replace(b"secret", b"***")

    for inner in (b'{"a": "a secret", "n": 1}', b'{"a":"a secret","n":1}'):
        for outer in (b'{"p": "abcd", "bytes": "%s"}', b'{"p":"abcd","bytes":"%s"}'):
            masked = FORMAT.masked(frame(outer % base64.b64encode(inner)), mask)
            assert masked == frame(outer % base64.b64encode(mask(inner)))


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


def headers_of(**headers: str) -> bytes:
    return b"".join(
        bytes([len(name) + 1])
        + b":"
        + name.replace("_", "-").encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in headers.items()
    )


def test_other_frames_are_stored_with_what_they_have() -> None:
    usual = headers_of(exception_type="throttling", content_type="application/json", message_type="exception")
    assert FORMAT.encode(frame(b'{"message": "slow"}', usual)) == {
        "exception": "throttling", "body": {"message": "slow"}, "json": "spaced",
    }  # fmt: skip
    order = headers_of(message_type="event", event_type="chunk", content_type="application/json")
    stored = FORMAT.encode(frame(b'{"a":1}', order))
    assert stored["headers"] == [
        [":message-type", "event"],
        [":event-type", "chunk"],
        [":content-type", "application/json"],
    ]
    assert stored["body"] == {"a": 1}
    kinds = (b"\x01a\x00\x01b\x01\x01c\x02\xff\x01d\x03\xff\xfe\x01e\x04\x00\x00\x00\x07\x01f\x05" + b"\xff" * 8
             + b"\x01g\x06\x00\x01\xff\x01h\x07\x00\x02hi\x01i\x08" + b"\x00" * 7 + b"\x01\x01j\x09" + b"\xab" * 16)  # fmt: skip
    stored = FORMAT.encode(frame(b"plain", kinds))
    assert stored["headers"] == [
        ["a", True], ["b", False], ["c", {"byte": -1}], ["d", {"short": -2}], ["e", {"integer": 7}], ["f", {"long": -1}],
        ["g", {"bytes": "/w=="}], ["h", "hi"], ["i", {"timestamp": 1}], ["j", {"uuid": "ab" * 16}],
    ]  # fmt: skip
    assert stored["body"] == "plain"
    assert FORMAT.decode(stored) == frame(b"plain", kinds)


def test_the_end_of_a_converse_stream_is_known() -> None:
    last = headers_of(event_type="metadata", content_type="application/json", message_type="event")
    assert FORMAT.is_terminal(frame(b"{}", last))
    assert not FORMAT.is_terminal(frame(b"{}"))
    assert not FORMAT.is_terminal(b"junk")


def test_the_json_of_a_frame_is_edited_and_framed_again() -> None:
    assert FORMAT.edited(frame(b'{"a": 1}'), lambda tree: {"a": 22}) == frame(b'{"a": 22}')
    assert FORMAT.edited(invoke("six"), lambda tree: {**tree, "bytes": {"outputText": "seven"}}) == invoke("seven")
    for piece in (frame(b'{"a":1}'), invoke("six"), frame(b"no json"), b"junk"):
        assert FORMAT.edited(piece, lambda tree: tree) == piece
    assert FORMAT.edited(b"junk", lambda tree: {"a": 2}) == b"junk"
    assert FORMAT.edited(frame(b"no json"), lambda tree: {"payload": tree["payload"] + "!"}) == frame(b"no json!")


def test_what_is_masked_in_a_frame_is_no_more_than_it_has_to_be() -> None:
    def mask(data: bytes) -> bytes:
        return data.replace(b"secret", b"***")

    kept = frame(b"a", headers_of(x="y"))
    assert FORMAT.masked(kept, mask) == kept
    assert FORMAT.masked(invoke("nothing"), mask) == invoke("nothing")
    assert (
        FORMAT.masked(frame(b"a secret", headers_of(x="secret")) + kept, mask)
        == frame(b"a ***", headers_of(x="***")) + kept
    )
    assert FORMAT.masked(b"junk secret", mask) == b"junk ***"


def test_a_frame_is_split_off_only_where_it_is_whole() -> None:
    one, two = frame(b'{"a":1}'), frame(b"")
    assert FORMAT.split(one + two) == [one, two]
    assert FORMAT.split(one + two[:-1]) == [one, two[:-1]]
    assert FORMAT.split(one + two[:11]) == [one, two[:11]]
    assert FORMAT.split(b"") == []
    assert FORMAT.split(frame(b"", b"")) == [frame(b"", b"")]  # sixteen bytes, the shortest there is
    prelude = struct.pack(">II", 15, 0)
    short = prelude + struct.pack(">I", zlib.crc32(prelude)) + b"x" * 20
    assert FORMAT.split(short) == [short]


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (b"\x00" * 15, "shorter than 16 bytes"),
        (frame(b"a") + b"b", "lengths"),
        (frame(b"", b"\x05abc"), "a header of it|header of the frame"),
        (frame(b"", b"\x01a\x07\x00\x05abc"), "cut off"),
        (frame(b"", b"\x01a\x06\x00"), "can't be read"),
        (frame(b"", b"\x01a\x63"), "can't be read"),
        (frame(b"", b"\x01\xff\x00"), "can't be read"),
        (frame(b"", b"\x01a\x04\x00"), "can't be read"),
    ],
)
def test_a_damaged_frame_is_kept_as_it_came(piece: bytes, said: str) -> None:
    stored = FORMAT.encode(piece)
    assert stored == {"base64": base64.b64encode(piece).decode(), "damaged": True}
    assert FORMAT.decode(stored) == piece
    with pytest.raises(EventProblem, match=said):
        FORMAT.decode({"base64": stored["base64"]})


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
