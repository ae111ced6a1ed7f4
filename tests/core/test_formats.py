"""YAML, bodies, streams and content codings: what goes in comes out, byte for byte."""

from __future__ import annotations

import enum
import gzip
import http
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptecho import _store, _streams, _yaml
from promptecho._body import BodyProblem, decode_body, edit_json, encode_body
from promptecho._content import ContentProblem, decode_chunks
from promptecho._interaction import read_interaction, response_tree
from promptecho._matching import MatchOptions
from promptecho._models import Headers, ResponseHead

HOSTILE = st.sampled_from(
    ["on", "off", "yes", "no", "y", "n", "null", "~", "true", "1e3", "12e34", "0x1f", "1_000", "12:30:45", "2020-01-01",
     "---", "...", "- a", "? x", "%YAML", "#c", "a #b", "a: b", "a:", ":", "\t", " ", " lead", "trail ", "\n", "\n\n",
     "a\n", "a\n\n", "\na", " a\nb", "a\n  b\n", "a\n \nb", "a\r\nb", "\u0085", "a\u2028b\nc", "\ufeffa", "\x00", "\x1b",
     "\x7f", "\ufffe", "😀", "=", "<<", "!tag", "&a", "*a", "|", ">", "'", '"', "\\", "{", "[", "a, b", "@x", "`x", "0123",
     "+1", "-", ".5", ".inf", "NaN", "a\tb\nc", "word", "x" * 2000]
)  # fmt: skip
TEXTS = HOSTILE | st.text(max_size=40)
KEYS = HOSTILE | st.text(max_size=12) | st.text(min_size=130, max_size=140)
TREES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=1500, deadline=None)
@given(TREES, st.sampled_from([0, 2, 4]))
@example([[["a"], {"b": ["c", {"d": "e\nf\n"}]}], {}], 2)
def test_a_tree_reads_the_same_through_every_yaml_reader(tree: Any, indent: int) -> None:
    text = _yaml.emit_block({"key": tree}, indent)
    readers = [
        yaml.safe_load,
        _yaml.load,
        lambda text: _yaml.load_by(text, _yaml._reader(yaml.SafeLoader), _yaml._tree),
    ]
    for read in readers:
        assert read(text) == {"key": tree}
    assert all(line.startswith(" " * indent) for line in text.split("\n") if line)


def test_text_with_a_lone_surrogate_is_refused_not_mangled() -> None:
    with pytest.raises(_yaml.UnwritableText):
        _yaml.emit_block({"a": "x\ud800"}, 0)
    with pytest.raises(TypeError):
        _yaml.emit_block({"a": object()}, 0)
    with pytest.raises(TypeError):
        _yaml.emit_block({1: "a"}, 0)  # type: ignore[dict-item]  # that is the point


class Role(str, enum.Enum):
    USER = "user"
    LONG = "two\nlines"


class Number(float):
    def __repr__(self) -> str:
        return f"Number({float(self)})"


def test_what_a_hook_brings_is_written_by_its_value() -> None:
    tree = {
        "role": Role.USER,
        "text": Role.LONG,
        "status": http.HTTPStatus.OK,
        "score": Number(0.5),
        "flat": _yaml.Flow([Role.USER]),
    }
    text = _yaml.emit_block(tree, 0)
    plain = {"role": "user", "text": "two\nlines", "status": 200, "score": 0.5, "flat": ["user"]}
    assert text == _yaml.emit_block({**plain, "flat": _yaml.Flow(["user"])}, 0)
    assert _yaml.load(text) == plain


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: !!python/name:os.system x\n", 1, "not allowed"),
        ("a: 1\n5: 2\n", 2, "expected a text"),
        ("a: [1\n", 2, "not readable"),
        ("a: 1\n--- \nb: 2\n", 2, "not readable"),
        ("a: &x [*x]\n", 1, "contains itself"),
    ],
)
def test_yaml_that_no_cassette_has_is_refused_with_its_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(_yaml.YamlProblem, match=said) as caught:
        _yaml.load(text)
    assert caught.value.line == line


def test_dates_and_words_stay_texts() -> None:
    assert _yaml.load("a: 2020-10-01\nb: on\nc: 1.5\nd: 12:30\ne: ~\n") == {
        "a": "2020-10-01", "b": "on", "c": 1.5, "d": "12:30", "e": None,
    }  # fmt: skip


# --- bodies ---

STYLES: list[dict[str, Any]] = [
    {"separators": (",", ":")},
    {},
    {"indent": 2},
    {"indent": 4},
    {"separators": (",", ":"), "ensure_ascii": False},
    {"ensure_ascii": False},
    {"indent": 2, "ensure_ascii": False},
]
CONTAINERS = st.lists(TREES, min_size=1, max_size=4) | st.dictionaries(KEYS, TREES, min_size=1, max_size=4)


@settings(max_examples=600, deadline=None)
@given(CONTAINERS, st.sampled_from(STYLES), st.sampled_from(["", "\n"]))
def test_json_in_any_usual_style_comes_back_byte_for_byte(tree: Any, style: dict[str, Any], end: str) -> None:
    data = (json.dumps(tree, **style) + end).encode("utf-8", "surrogatepass")
    fields = encode_body(data, "application/json")
    again = _yaml.load(_yaml.emit_block(fields, 2))
    assert isinstance(again, dict)
    assert decode_body(again) == data


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ('{"a":[1,"é",null]}', "compact"),
        ('{"a": [1, "x"], "b": {}}', "spaced"),
        ('{\n  "a": [\n    1\n  ]\n}\n', "indent-2 newline"),
        ('{"a":"\\u00e9"}', "compact ascii"),
        ('{"a":"\\u003cb\\u003e"}', "compact html"),
        ('{"a":"x\\/y"}', "compact slashes"),
        ("[1,2]", "compact"),
    ],
)
def test_readable_json_is_stored_as_a_tree(text: str, style: str) -> None:
    fields = encode_body(text.encode(), "application/json")
    assert fields["json"] == style
    assert decode_body(fields) == text.encode()


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.50}', '{"a":1,"a":2}', "null", "true", '"abc"', "12", '{"a":1e400}', '{"a" : 1}', '\ufeff{"a":1}',
     '{"a":"\\ud800"}', "[" * 900 + "]" * 900, "not json {", '{"a":-0}', '{"a":1E5}'],
)  # fmt: skip
def test_json_that_no_tree_restores_is_stored_as_its_text(text: str) -> None:
    fields = encode_body(text.encode(), "application/json")
    assert fields == {"body": text}
    assert decode_body(fields) == text.encode()


@settings(max_examples=600, deadline=None)
@given(
    st.binary(max_size=80) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(["application/json", "text/plain", "image/png", "", "application/octet-stream", "Audio/MPEG"]),
)
def test_any_bytes_come_back_through_a_file(data: bytes, content_type: str) -> None:
    fields = encode_body(data, content_type)
    again = _yaml.load(_yaml.emit_block({"status": 200, **fields}, 2))
    assert isinstance(again, dict)
    assert decode_body(again) == data


@pytest.mark.parametrize(
    "fields",
    [{"body": "***", "binary": True}, {"body": [1], "binary": True}, {"body": [1], "json": "odd"}, {"binary": 1}],
)
def test_a_damaged_stored_body_is_a_clear_error(fields: dict[str, Any]) -> None:
    with pytest.raises(BodyProblem):
        decode_body(fields)


def test_half_a_surrogate_pair_in_a_tree_is_written_as_the_escape_that_json_has_for_it() -> None:
    tree = {"a": "x\ud800", "b": "é😀"}
    for style in ("compact", "spaced", "indent-2", "compact ascii"):
        data = decode_body({"body": tree, "json": style})
        assert b"\\ud800" in data
        assert json.loads(data.decode("utf-8")) == tree
    changed = edit_json('{"a":"x\\ud800","b":"é"}', lambda tree: {**tree, "b": "ü"})
    assert changed == '{"a":"x\\ud800","b":"ü"}'


@pytest.mark.parametrize("reader", [_yaml._READER, _yaml._reader(yaml.SafeLoader)], ids=["libyaml", "python"])
def test_half_a_surrogate_pair_in_a_file_is_refused_with_its_line(reader: Any) -> None:
    for escape in (r"\ud800", r"\U0000dfff", r"\ud83d\ude00"):
        with pytest.raises(_yaml.YamlProblem, match=r"surrogate|invalid Unicode") as caught:
            _yaml.load_by(f'a: b\nc: "x{escape}"\n', reader, _yaml._tree)
        assert caught.value.line == 2
    assert _yaml.load_by(r'a: "{\"b\": \"\\ud800\"}"', reader, _yaml._tree) == {"a": r'{"b": "\ud800"}'}


def test_a_stored_text_with_half_a_surrogate_pair_is_a_clear_error() -> None:
    with pytest.raises(BodyProblem, match="character 3 is half of a surrogate pair"):
        decode_body({"body": "no\udc00"})
    for content_type in ("text/event-stream", "application/x-ndjson"):
        stream = _streams.format_of(content_type)
        assert stream is not None
        with pytest.raises(_streams.EventProblem, match="character 7 is half of a surrogate pair"):
            stream.decode("data: \ud800\n\n")


@given(TREES, TREES)
def test_an_edit_of_json_is_valid_json_whatever_stands_in_it(tree: Any, other: Any) -> None:
    text = json.dumps({"tree": tree, "half": "\ud800"})
    data = edit_json(text, lambda whole: {**whole, "other": other}).encode("utf-8")
    assert json.loads(data.decode("utf-8")) == {"tree": tree, "half": "\ud800", "other": other}
    assert edit_json(text, lambda whole: whole) == text


# --- streams ---

PIECES = st.lists(
    st.sampled_from([b"data: x", b"event: a", b": c", b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\xff", b"\xef\xbb\xbf",
                     "data: é😀".encode(), b'{"a":1}', b'{"done":true}', b"data: [DONE]"]),
    max_size=12,
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(PIECES, st.sampled_from(["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/x-ndjson"]))
def test_a_stream_splits_into_events_without_losing_a_byte(pieces: list[bytes], content_type: str) -> None:
    data = b"".join(pieces)
    stream = _streams.format_of(content_type)
    assert stream is not None
    events = stream.split(data)
    assert b"".join(events) == data
    assert [stream.decode(stream.encode(event)) for event in events] == events


def test_events_end_at_blank_lines_of_every_kind() -> None:
    stream = _streams.format_of("text/event-stream")
    assert stream is not None
    assert stream.split(b"a: 1\n\nb: 2\r\n\r\nc: 3\r\rd: 4\n\n\ne") == [
        b"a: 1\n\n", b"b: 2\r\n\r\n", b"c: 3\r\r", b"d: 4\n\n\n", b"e",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "last"),
    [
        (b"data: [DONE]\n\n", True),
        (b'event: message_stop\ndata: {"type":"message_stop"}\n\n', True),
        (b'event: response.completed\ndata: {"type": "response.completed"}\n\n', True),
        (b'data: {"text": "say [DONE] and message_stop"}\n\n', False),
        (b'event: message_delta\ndata: {"type":"message_delta"}\n\n', False),
    ],
)
def test_the_last_event_of_an_answer_is_known(event: bytes, last: bool) -> None:
    stream = _streams.format_of("text/event-stream")
    assert stream is not None
    assert stream.is_terminal(event) is last


# --- whole responses through a file ---

HEADER_NAMES = st.sampled_from(["X-A", "x-a", "Content-Type", "Set-Cookie", "on", "Date", "x-b"])
HEADER_LISTS = st.lists(
    st.tuples(HEADER_NAMES, st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8)), max_size=6
)


@settings(max_examples=400, deadline=None)
@given(
    st.integers(100, 599),
    HEADER_LISTS,
    st.lists(st.binary(min_size=1, max_size=20) | st.sampled_from([b"data: x\n\n", b'{"a": 1}']), max_size=5),
    st.sampled_from(["application/json", "text/event-stream", "image/png", "text/plain", "application/x-ndjson"]),
    st.none() | st.sampled_from(["broke", "the program stopped reading"]),
)
def test_status_headers_and_chunks_come_back_through_a_file(
    status: int, headers: list[tuple[str, str]], chunks: list[bytes], content_type: str, incomplete: str | None
) -> None:
    fields = Headers(
        [*((name, value) for name, value in headers if name != "Content-Type"), ("content-type", content_type)]
    )
    tree = response_tree(
        ResponseHead(status, fields, "Odd reason"), tuple(chunks), delays=[], incomplete=incomplete, encoded=False
    )
    request = {"method": "GET", "url": "http://h/", "match_key": "x"}
    text = "interactions:\n" + _store.item_text({"request": request, "response": tree, "duration": 0.1})
    document = _yaml.load(text)
    assert isinstance(document, dict)
    response = read_interaction(document["interactions"][0], Path("c.yaml"), 0, MatchOptions()).response
    assert response.head.status_code == status
    assert response.head.headers.pairs == fields.pairs
    assert response.body == b"".join(chunks)
    assert response.incomplete == incomplete


# --- content codings ---


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(b"hello " * 50)),
        ("x-gzip", gzip.compress(b"hello " * 25) + gzip.compress(b"hello " * 25)),
        ("deflate", zlib.compress(b"hello " * 50)),
        ("deflate", zlib.compress(b"hello " * 50)[2:-4]),
        ("identity", b"hello " * 50),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello " * 50))),
    ],
    ids=["gzip", "two-members", "zlib", "raw-deflate", "identity", "two-codings"],  # gzip data holds the time
)
def test_codings_are_undone_however_the_bytes_are_cut(coding: str, data: bytes, size: int) -> None:
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(decode_chunks(chunks, coding)) == b"hello " * 50


def test_what_cannot_be_decoded_is_an_error_and_half_a_body_is_what_it_is() -> None:
    whole = gzip.compress(b"hello " * 500)
    for chunks, coding in (([b"junk"], "gzip"), ([whole[:30]], "gzip"), ([b"x"], "lzma2")):
        with pytest.raises(ContentProblem):
            decode_chunks(chunks, coding)
    assert (b"hello " * 500).startswith(b"".join(decode_chunks([whole[:30]], "gzip", partial=True)))
