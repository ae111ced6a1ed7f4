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

from promptecho._bodies import streams
from promptecho._bodies.body import BodyProblem, decode_body, edit_json, encode_body
from promptecho._bodies.content import ContentProblem, decode_chunks
from promptecho._cassette import layout, store
from promptecho._cassette.interaction import Interaction, read_interaction, response_tree
from promptecho._matching.identity import MatchOptions
from promptecho._models import Headers, ResponseHead
from promptecho.errors import CassetteFormatError

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
    text = layout.emit_block({"key": tree}, indent)
    readers = [
        yaml.safe_load,
        layout.load,
        lambda text: layout.load_by(text, layout._reader(yaml.SafeLoader), layout._tree),
    ]
    for read in readers:
        assert read(text) == {"key": tree}
    assert all(line.startswith(" " * indent) for line in text.split("\n") if line)


def test_text_with_a_lone_surrogate_is_refused_not_mangled() -> None:
    with pytest.raises(layout.UnwritableText):
        layout.emit_block({"a": "x\ud800"}, 0)
    with pytest.raises(TypeError):
        layout.emit_block({"a": object()}, 0)
    with pytest.raises(TypeError):
        layout.emit_block({1: "a"}, 0)  # type: ignore[dict-item]  # that is the point


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
        "flat": layout.Flow([Role.USER]),
    }
    text = layout.emit_block(tree, 0)
    plain = {"role": "user", "text": "two\nlines", "status": 200, "score": 0.5, "flat": ["user"]}
    assert text == layout.emit_block({**plain, "flat": layout.Flow(["user"])}, 0)
    assert layout.load(text) == plain


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
    with pytest.raises(layout.YamlProblem, match=said) as caught:
        layout.load(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({}, "{}\n"),
        ([], "[]\n"),
        ("a", "a\n"),
        (None, "null\n"),
        (["a", [], {}, None, True, False], "- a\n- []\n- {}\n- null\n- true\n- false\n"),
        (layout.Flow(["a", "b c", 1, None]), '[a, "b c", 1, null]\n'),
        ({"a": float("inf"), "b": float("-inf"), "c": 1e300, "d": 1.5e-7, "e": 1e16, "f": 0.1}, "a: .inf\nb: -.inf\nc: 1.0e+300\nd: 1.5e-07\ne: 1.0e+16\nf: 0.1\n"),
        ({"k" * 119: 1, "k" * 121: 1}, "k" * 119 + ": 1\n? " + "k" * 121 + "\n: 1\n"),
        ({"a": "x\ny", "b": "x\n", "c": "x\n\n", "d": " x\ny", "e": "x \ny\n", "f": "\tx\ny"}, 'a: |-\n  x\n  y\nb: |\n  x\nc: |+\n  x\n\nd: " x\\ny"\ne: "x \\ny\\n"\nf: "\\tx\\ny"\n'),
        ({"a": [0.5, -1, 2e-7], "b": [[1, 2], [3]], "c": [1, "x"], "d": [True]}, "a: [0.5, -1, 2.0e-07]\nb:\n- [1, 2]\n- [3]\nc:\n- 1\n- x\nd:\n- true\n"),
        ({"a": "x\n\ny", "b": "\nx", "c": "x\n \ny", "d": "\n", "e": "x\r\ny", "f": "x\x85\ny", "g": "\xe9\n\xfc\n"}, 'a: |-\n  x\n\n  y\nb: "\\nx"\nc: "x\\n \\ny"\nd: "\\n"\ne: "x\\r\\ny"\nf: "x\\x85\\ny"\ng: |\n  \xe9\n  \xfc\n'),
        (layout.Flow(["x" * 70 + ", y", "y" * 70 + "]", "z" * 70]), f'["{"x" * 70}, y", "{"y" * 70}]", {"z" * 70}]\n'),
        ({"a": "\x85\u2028\ufeff", "b": "tab\t", "c": "ü😀"}, 'a: "\\x85\\u2028\\ufeff"\nb: "tab\\t"\nc: "ü😀"\n'),
    ],
)  # fmt: skip
def test_a_tree_is_written_as_a_person_would(tree: Any, text: str) -> None:
    assert layout.emit_block(tree, 0) == text
    assert layout.load(text) == tree
    assert layout.load("x:\n" + layout.emit_block(tree, 2)) == {"x": tree}


def test_no_number_stays_no_number() -> None:
    assert layout.emit_block({"a": float("nan")}, 0) == "a: .nan\n"
    assert (
        str(layout.load("[.nan, .NaN, .NAN, -.INF, +.Inf, 1., .5, +1, -0]"))
        == "[nan, nan, nan, -inf, inf, 1.0, 0.5, 1, 0]"
    )


READERS = pytest.mark.parametrize(
    "reader", [layout._READER, layout._reader(yaml.SafeLoader)], ids=["libyaml", "python"]
)


@READERS
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: !!map x\n", 2, "the tag 'tag:yaml.org,2002:map' is not allowed"),
        ("a: 1\nb: !!map [x]\n", 2, "the tag 'tag:yaml.org,2002:map' is not allowed"),
        ("a: 1\nb: !!seq {x: y}\n", 2, "the tag 'tag:yaml.org,2002:seq' is not allowed"),
        ("a: 1\nb: !!int x\n", 2, "invalid literal for int"),
        ("a: 1\nb: !mine x\n", 2, "the tag '!mine' is not allowed"),
        ("a: 1\nb: *x\n", 2, "undefined alias"),
        ("a: 1\nb: \x01\n", 2, "not readable YAML"),
        ("a: 1\nb:\n? [x]\n: y\n", 3, r"a key is \['x'\], expected a text"),
        ("a: " + "[" * 201 + "]" * 201, 1, "nested more than 200 levels deep"),
        ("a: 1\nb: " + "{x: " * 200 + "}" * 200, 2, "nested more than 200 levels deep"),
        ("- - - - - " * 41 + "x", 1, "nested more than 200 levels deep|nesting depth"),
    ],
)
def test_both_readers_refuse_the_same(reader: Any, text: str, line: int | None, said: str) -> None:
    with pytest.raises(layout.YamlProblem, match=said) as caught:
        layout.load_by(text, reader, layout._tree)
    assert caught.value.line == line
    assert str(caught.value) == caught.value.problem


@READERS
@pytest.mark.parametrize(
    "text", ["{a: " + "[" * 150 + "]" * 150 + "}", "[" * 200 + "]" * 200, "- - - - - - x", "a: '" + "[{" * 400 + "'"]
)
def test_both_readers_take_what_is_nested_no_deeper(reader: Any, text: str) -> None:
    assert layout.load_by(text, reader, layout._tree) == yaml.safe_load(text)


def test_aliases_may_repeat_a_value_and_expand_to_a_million_at_most() -> None:
    assert layout.load("a: &x {b: [1]}\nc: [*x, *x]\n") == {"a": {"b": [1]}, "c": [{"b": [1]}] * 2}
    thousand = "a: &a [" + "x, " * 998 + "x]\n"
    assert len(layout.load(thousand + "b: [" + "*a, " * 990 + "*a]\n")["b"]) == 991  # type: ignore[index]  # a mapping
    with pytest.raises(layout.YamlProblem, match="more than a million"):
        layout.load(thousand + "b: [" + "*a, " * 1000 + "*a]\n")


def test_dates_and_words_stay_texts() -> None:
    assert layout.load("a: 2020-10-01\nb: on\nc: 1.5\nd: 12:30\ne: ~\n") == {
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
    again = layout.load(layout.emit_block(fields, 2))
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
    again = layout.load(layout.emit_block({"status": 200, **fields}, 2))
    assert isinstance(again, dict)
    assert decode_body(again) == data


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "***", "binary": True}, {"body": [1], "binary": True}, {"body": [1], "json": "odd"}, {"binary": 1}, {"body": "a", "binary": True},
        {"body": [1], "json": 5}, {"body": [1], "json": ""}, {"body": [1], "json": "indent-9"}, {"body": [1], "json": "indent-0"},
    ],
)  # fmt: skip
def test_a_damaged_stored_body_is_a_clear_error(fields: dict[str, Any]) -> None:
    with pytest.raises(BodyProblem, match=r"base64|the JSON style '?\S+'? is not known|neither true nor false"):
        decode_body(fields)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ('{"a": "\\u003cb\\u003e \\u0026"}', "spaced html"),
        ('{"a":"\\u003c é"}\n', "compact html newline"),
        ('{"a":"\\u003c \\u2028"}', "compact html"),
        ('{"a":"< \\u00e9 \\u003c"}', None),
        ('{"a": "\\u00e9\\/"}\n', "spaced ascii slashes newline"),
        ('[\n        1\n]', "indent-8"),
        ('[\n         1\n]', None),
        ('{"a":":","b": 1}', None),
        ('["a", "b"]', "spaced"),
        ('{"a":{"b":": "}}', "compact"),
        ('[]', "compact"),
        ('{}\n', "compact newline"),
        ('{}\n\n', None),
        (' {}', None),
    ],
)  # fmt: skip
def test_the_style_of_json_is_found_where_there_is_one(text: str, style: str | None) -> None:
    fields = encode_body(text.encode(), "application/json")
    assert fields.get("json") == style
    assert decode_body(fields) == text.encode()


def test_json_is_a_tree_to_a_depth_that_a_person_can_read() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        for depth, expected in ((100, True), (101, False)):
            text = opening * depth + ("1" if "a" in opening else "") + closing * depth
            assert ("json" in encode_body(text.encode(), "application/json")) is expected
    assert "json" in encode_body(b"[" + b"[]," * 300 + b"[]]", "application/json")


@pytest.mark.parametrize(
    ("content_type", "data", "binary"),
    [
        ("image/png", b"text", True), ("IMAGE/PNG; q=1", b"text", True), (" image/png", b"text", True), ("image/svg+xml", b"<svg/>", False),
        ("application/pdf", b"text", True), ("font/woff", b"text", True), ("text/plain", b"\x00", True), ("text/plain", b"a\x7f", True),
        ("text/plain", b"\t\r\n", False), ("text/plain", b"\xff", True), ("application/json", b'{"a":"\x7f"}', False), ("", b"", False),
    ],
)  # fmt: skip
def test_what_is_no_text_is_base64(content_type: str, data: bytes, binary: bool) -> None:
    fields = encode_body(data, content_type)
    assert ("binary" in fields) is binary
    assert decode_body(fields) == data


def test_a_body_by_hand_needs_no_style_and_base64_may_have_line_ends() -> None:
    assert decode_body({"body": {"a": [1, "é"]}}) == '{"a":[1,"é"]}'.encode()
    assert decode_body({"body": "aGVs\nbG8=\n", "binary": True}) == b"hello"
    assert decode_body({}) == decode_body({"body": None}) == b""
    assert decode_body({"body": 5}) == b"5"


def test_an_edit_leaves_what_it_does_not_change() -> None:
    assert edit_json("no json", lambda tree: 5) == "no json"
    assert edit_json('{"a": 1.50}', lambda tree: tree) == '{"a": 1.50}'
    assert edit_json('{"a": 1.50}', lambda tree: {"a": 2}) == '{"a":2}'
    assert edit_json('{"a": 1}\n', lambda tree: {"a": 2}) == '{"a": 2}\n'
    deep = "[" * 100_000  # more than any Python reads
    assert edit_json(deep, lambda tree: 5) == deep
    assert edit_json(deep + "]" * 100_000, lambda tree: 5) == deep + "]" * 100_000


def test_half_a_surrogate_pair_in_a_tree_is_written_as_the_escape_that_json_has_for_it() -> None:
    tree = {"a": "x\ud800", "b": "é😀"}
    for style in ("compact", "spaced", "indent-2", "compact ascii"):
        data = decode_body({"body": tree, "json": style})
        assert b"\\ud800" in data
        assert json.loads(data.decode("utf-8")) == tree
    changed = edit_json('{"a":"x\\ud800","b":"é"}', lambda tree: {**tree, "b": "ü"})
    assert changed == '{"a":"x\\ud800","b":"ü"}'


@READERS
def test_half_a_surrogate_pair_in_a_file_is_refused_with_its_line(reader: Any) -> None:
    for escape in (r"\ud800", r"\U0000dfff", r"\ud83d\ude00"):
        with pytest.raises(layout.YamlProblem, match=r"surrogate|invalid Unicode") as caught:
            layout.load_by(f'a: b\nc: "x{escape}"\n', reader, layout._tree)
        assert caught.value.line == 2
    assert layout.load_by(r'a: "{\"b\": \"\\ud800\"}"', reader, layout._tree) == {"a": r'{"b": "\ud800"}'}


def test_a_stored_text_with_half_a_surrogate_pair_is_a_clear_error() -> None:
    with pytest.raises(BodyProblem, match="character 3 is half of a surrogate pair"):
        decode_body({"body": "no\udc00"})
    for content_type in ("text/event-stream", "application/x-ndjson"):
        stream = streams.format_of(content_type)
        assert stream is not None
        with pytest.raises(streams.EventProblem, match="character 7 is half of a surrogate pair"):
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
    stream = streams.format_of(content_type)
    assert stream is not None
    events = stream.split(data)
    assert b"".join(events) == data
    assert [stream.decode(stream.encode(event)) for event in events] == events


def test_events_end_at_blank_lines_of_every_kind() -> None:
    stream = streams.format_of("text/event-stream")
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
    stream = streams.format_of("text/event-stream")
    assert stream is not None
    assert stream.is_terminal(event) is last


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("text/event-stream", "sse"), (" Text/Event-Stream ; charset=utf-8", "sse"), ("application/x-ndjson", "ndjson"),
        ("application/ndjson", "ndjson"), ("application/jsonl", "ndjson"), ("application/x-jsonlines", "ndjson"),
        ("application/stream+json", "ndjson"), ("application/vnd.amazon.eventstream", "eventstream"),
        ("application/json", None), ("text/plain; a=text/event-stream", None), ("", None),
    ],
)  # fmt: skip
def test_the_format_of_a_stream_is_told_by_its_content_type(content_type: str, name: str | None) -> None:
    stream = streams.format_of(content_type)
    assert (stream.name if stream else None) == name


def test_lines_of_json_are_events() -> None:
    stream = streams.format_of("application/x-ndjson")
    assert stream is not None
    assert stream.split(b'{"a":1}\n\n{"b":2}\r\n{"c"') == [b'{"a":1}\n', b"\n", b'{"b":2}\r\n', b'{"c"']
    assert stream.split(b"") == []
    assert [stream.is_terminal(b'{"x":"y","done": ' + end + b"}\n") for end in (b"true", b"false")] == [True, False]
    assert stream.is_terminal(b'{"done":true}')
    assert stream.encode(b"\xff") == {"base64": "/w=="}
    assert stream.masked(b"a secret", lambda data: data.replace(b"secret", b"***")) == b"a ***"


@pytest.mark.parametrize(
    ("content_type", "event", "edited"),
    [
        ("text/event-stream", b'event: a\ndata: {"a": "\xc3\xa9"}\n\n', b'event: a\ndata: {"a": "!"}\n\n'),
        ("text/event-stream", b'data:{"a":1}\r\ndata: {"a":1}\r\n\r\n', b'data:{"a":"!"}\r\ndata: {"a":"!"}\r\n\r\n'),
        ("text/event-stream", b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        ("text/event-stream", b'data: {"a": \xff}\n\n', b'data: {"a": \xff}\n\n'),
        ("application/x-ndjson", b'{"a": 1}\r\n', b'{"a": "!"}\r\n'),
        ("application/x-ndjson", b'{"a": 1}', b'{"a": "!"}'),
        ("application/x-ndjson", b"\xff\n", b"\xff\n"),
    ],
)
def test_the_json_of_an_event_is_edited_and_the_rest_left(content_type: str, event: bytes, edited: bytes) -> None:
    stream = streams.format_of(content_type)
    assert stream is not None
    assert stream.edited(event, lambda tree: {**tree, "a": "!"}) == edited
    assert stream.edited(event, lambda tree: tree) == event


@pytest.mark.parametrize("stored", [5, None, {}, {"base64": 5}, {"base64": "?"}, {"base64": "a"}])
def test_what_is_no_event_of_a_text_format_is_an_error(stored: Any) -> None:
    for content_type in ("text/event-stream", "application/x-ndjson"):
        stream = streams.format_of(content_type)
        assert stream is not None
        with pytest.raises(streams.EventProblem, match=r"expected a text|its base64 is damaged"):
            stream.decode(stored)


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
    text = "interactions:\n" + store.item_text({"request": request, "response": tree, "duration": 0.1})
    document = layout.load(text)
    assert isinstance(document, dict)
    response = read_interaction(document["interactions"][0], Path("c.yaml"), 0, MatchOptions()).response
    assert response.head.status_code == status
    assert response.head.headers.pairs == fields.pairs
    assert response.body == b"".join(chunks)
    assert response.incomplete == incomplete


def tree_of(**response: Any) -> dict[str, Any]:
    """An interaction with a response of which some parts are other than usual."""
    usual = {"status": 200, "headers": {"content-type": "text/plain"}, "streaming": False, "body": "hello"}
    kept = {name: part for name, part in {**usual, **response}.items() if part is not ...}
    return {"request": {"method": "POST", "url": "http://h/x", "body": {"a": 1}}, "response": kept, "duration": 0.5}


def interaction_of(**response: Any) -> Interaction:
    return read_interaction(tree_of(**response), Path("c.yaml"), 3, MatchOptions())


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"status": 99}, "response.status is 99, expected a status code from 100 to 599"),
        ({"status": 600}, "response.status is 600, expected a status code from 100"),
        ({"status": True}, "response.status is True, expected a status code from 100 to 599"),
        ({"headers": {"x": [["a"]]}}, "response.headers is .*, expected a mapping of names to texts on one line, or to lists"),
        ({"headers": {"x": True}}, "response.headers is {'x': True}, expected a mapping of names to texts"),
        ({"headers": {"x": None}}, "response.headers is {'x': None}, expected a mapping of names to texts"),
        ({"header_list": "a: b"}, r"response.header_list is 'a: b', expected a list of \[name, value\]"),
        ({"header_list": [["a"]]}, "response.header_list is"),
        ({"header_list": [["a", "b", "c"]]}, "response.header_list is"),
        ({"header_list": [["a", 5]]}, "response.header_list is"),
        ({"header_list": ["ab"]}, "response.header_list is"),
        ({"reason": 5}, "response.reason is 5, expected a text"),
        ({"incomplete": True}, "response.incomplete is True, expected a text"),
        ({"http_version": 1.1}, "response.http_version is 1.1, expected a version such as HTTP/2"),
        ({"streaming": 1}, "response.streaming is 1, expected true or false"),
        ({"body": "***", "binary": True}, r"response.body is '\*\*\*', expected a body as promptecho writes it \(its base64"),
        ({"body": "x" * 100, "binary": 5}, "response.binary is 5, expected true or false"),
        ({"delays": 5}, "response.delays is 5, expected a list of seconds"),
        ({"delays": ["1"]}, r"response.delays is \['1'\], expected a list of seconds"),
        ({"chunks": 5}, "response.chunks is 5, expected a list of sizes in bytes"),
        ({"chunks": [5, 0]}, r"response.chunks is \[5, 0\], expected a list of sizes"),
        ({"chunks": [2.5, 2.5]}, "response.chunks is"),
        ({"streaming": True}, r"response.events is None, expected a list of events \(streaming is true\)"),
        ({"streaming": True, "events": "data: x"}, "response.events is 'data: x', expected a list"),
        ({"streaming": True, "events": ["a", 5]}, r"response.events\[1\] is 5, expected an event of the stream \(a text was"),
        ({"streaming": True, "events": [{"base64": "?"}]}, r"response.events\[0\] is .* expected an event"),
        ({"streaming": True, "events": ["a", "\ud800"]}, r"response.events\[1\] is '\\ud800', expected an event"),
        ({"streaming": True, "headers": {"content-type": "text/event-stream"}, "events": [5]}, r"response.events\[0\] is 5"),
    ],
)  # fmt: skip
def test_a_response_of_the_wrong_shape_is_refused_with_its_place(response: dict[str, Any], said: str) -> None:
    with pytest.raises(CassetteFormatError, match=r"^c\.yaml: interactions\[3\]\." + said):
        interaction_of(**response)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"request": 5}, "request is 5, expected a mapping"),
        ({"response": None}, "response is None, expected a mapping"),
        ({"repeat": "1"}, "repeat is '1', expected a number"),
        ({"repeat": True}, "repeat is True, expected a number"),
        ({"request": {"method": "GET", "url": "http://h/", "query": 5}}, "request.query is 5, expected a mapping of names to texts"),
        ({"request": {"method": "GET", "url": "http://h/", "normalized_by": 5}}, "request.normalized_by is 5, expected the"),
        ({"request": {"method": "GET", "url": "http://[h/"}}, r"request.url is 'http://\[h/', expected a URL \("),
        ({"request": {"method": "GET", "url": "http://h/", "body_json": "{"}}, "request.body_json is '{', expected the JSON of a mapping"),
        ({"request": {"method": "GET", "url": "http://h/", "body_json": "[1]"}}, r"request.body_json is '\[1\]', expected the JSON of a mapping"),
    ],
)  # fmt: skip
def test_a_request_of_the_wrong_shape_is_refused_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CassetteFormatError, match=r"^c\.yaml: interactions\[3\]\." + said):
        read_interaction({**tree_of(), **change}, Path("c.yaml"), 3, MatchOptions())


def test_what_a_test_wants_to_know_of_an_interaction() -> None:
    found = interaction_of(status=404, incomplete="broke", reason="Nope", http_version="HTTP/2")
    assert (found.method, found.url, found.status, found.body) == ("POST", "http://h/x", 404, {"a": 1})
    assert (found.incomplete, found.streaming, found.duration, found.number) == ("broke", False, 0.5, 3)
    assert (found.response.head.reason, found.response.head.http_version) == ("Nope", "HTTP/2")
    assert repr(found) == f"<Interaction POST http://h/x -> 404, key {found.match_key}>"
    assert len(found.match_key) == 16
    assert interaction_of(streaming=True, events=["a"]).streaming
    assert not interaction_of(streaming=...).streaming
    for status in (100, 599):
        assert interaction_of(status=status).status == status
    half = {"method": "POST", "url": "http://h/x", "body_json": '{"a": "\\ud800"}'}
    assert read_interaction({**tree_of(), "request": half}, Path("c.yaml"), 0, MatchOptions()).body == {"a": "\ud800"}


def test_headers_by_hand_may_be_numbers_lists_or_none() -> None:
    headers = interaction_of(headers={"X-A": 5, "x-b": ["one", 2.5], "x-a": "again"}, body=...).response.head.headers
    assert headers.pairs == (("X-A", "5"), ("x-b", "one"), ("x-b", "2.5"), ("x-a", "again"))
    assert interaction_of(headers=None).response.head.headers.pairs == ()
    assert interaction_of(headers=...).response.head.headers.pairs == ()
    listed = [["Set-Cookie", "a"], ["x", "y"], ["Set-Cookie", "b"]]
    assert interaction_of(header_list=listed).response.head.headers.pairs == tuple(map(tuple, listed))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"content-length": "5"}),  # the body was edited by hand
        ({"incomplete": "broke"}, {"content-length": "60"}),
        ({"body": ...}, {"content-length": "0"}),  # it was taken out by hand
        ({"body": "aGVsbG8=", "binary": True, "encoded": True}, {"content-length": "60", "content-encoding": "gzip"}),
    ],
)
def test_replayed_headers_fit_the_body_that_is_replayed(more: dict[str, Any], expected: dict[str, str]) -> None:
    headers = {"x": "y", "Content-Length": "60", "content-encoding": "gzip"}
    found = interaction_of(headers=headers, **more).response.head.headers
    assert {name.lower(): value for name, value in found} == {"x": "y", **expected}
    fits = {"x": "y", "content-length": "5"}
    assert interaction_of(headers=fits).response.head.headers.pairs == tuple(fits.items())


@pytest.mark.parametrize(
    ("response", "chunks", "delays"),
    [
        ({}, [b"hello"], []),
        ({"delays": [1]}, [b"hello"], [1.0]),
        ({"delays": [1, 2]}, [b"hello"], []),
        ({"chunks": [2, 3]}, [b"he", b"llo"], []),
        ({"chunks": [2, 3], "delays": [1, 0.5]}, [b"he", b"llo"], [1.0, 0.5]),
        ({"chunks": [2, 3], "delays": [1]}, [b"he", b"llo"], []),
        ({"chunks": [2, 4], "delays": [1, 2]}, [b"hello"], []),
        ({"body": ...}, [], []),
        ({"body": ..., "delays": []}, [], []),
        ({"streaming": True, "events": ["ab", "", "cde"]}, [b"ab", b"cde"], []),
        ({"streaming": True, "events": ["ab", {"base64": "Y2Rl"}], "delays": [1, 2]}, [b"ab", b"cde"], [1.0, 2.0]),
        ({"streaming": True, "events": ["ab", "cde"], "chunks": [5], "delays": [3]}, [b"ab", b"cde"], [3.0, 0.0]),
        ({"streaming": True, "events": ["ab", "cde"], "chunks": [1, 4]}, [b"a", b"b", b"cde"], []),
        ({"streaming": True, "events": ["ab", "cde"], "chunks": [1, 4], "delays": [1, 2]}, [b"a", b"b", b"cde"], [1.0, 2.0, 0.0]),
    ],
)  # fmt: skip
def test_chunks_and_delays_are_those_of_the_recording_where_they_fit(
    response: dict[str, Any], chunks: list[bytes], delays: list[float]
) -> None:
    found = interaction_of(**response).response
    assert (list(found.chunks), list(found.delays)) == (chunks, delays)


@pytest.mark.parametrize(
    ("chunks", "content_type", "delays", "encoded", "expected"),
    [
        ([b'{"a":1}'], "application/json", [], False, {"body": {"a": 1}, "json": "compact"}),
        ([b'{"a"', b":1}"], "application/json", [], False, {"body": {"a": 1}, "json": "compact"}),
        ([b'{"a"', b":1}"], "application/json", [0.1, 0.2], False, {"body": {"a": 1}, "json": "compact", "chunks": [4, 3], "delays": [0.1, 0.2]}),
        ([b"he", b"llo"], "text/plain", [], False, {"body": "hello", "chunks": [2, 3]}),
        ([b"hello"], "text/plain", [], False, {"body": "hello"}),
        ([b"hello"], "text/plain", [], True, {"encoded": True, "body": "aGVsbG8=", "binary": True}),
        ([b"data: x\n\n"], "text/event-stream", [], True, {"encoded": True, "body": "ZGF0YTogeAoK", "binary": True}),
        ([], "text/event-stream", [], False, {}),
        ([b"a\n\n", b"b\n\n"], "text/event-stream", [], False, {"streaming": True, "events": ["a\n\n", "b\n\n"]}),
        ([b"a\n\nb\n\n"], "text/event-stream", [], False, {"streaming": True, "events": ["a\n\n", "b\n\n"]}),
        ([b"a\n\nb", b"\n\n"], "text/event-stream", [], False, {"streaming": True, "events": ["a\n\n", "b\n\n"], "chunks": [4, 2]}),
        ([b"a\n\nb\n\n"], "text/event-stream", [2.0], False, {"streaming": True, "events": ["a\n\n", "b\n\n"], "chunks": [6], "delays": [2.0]}),
    ],
)  # fmt: skip
def test_a_response_is_stored_as_shortly_as_it_can_be_given_back(
    chunks: list[bytes], content_type: str, delays: list[float], encoded: bool, expected: dict[str, Any]
) -> None:
    for incomplete in (None, "broke"):
        head = ResponseHead(200, Headers({"content-type": content_type}))
        tree = response_tree(head, tuple(chunks), delays=delays, incomplete=incomplete, encoded=encoded)
        also = {"incomplete": incomplete} if incomplete else {}
        assert tree == {
            "status": 200,
            "headers": {"content-type": content_type},
            "streaming": False,
            **also,
            **expected,
        }
    repeated = Headers([("a", "one"), ("a", "two"), ("a", "three")])
    assert response_tree(ResponseHead(200, repeated, "OK"), (), delays=[], incomplete=None, encoded=False) == {
        "status": 200, "reason": "OK", "headers": {"a": ["one", "two", "three"]}, "streaming": False,
    }  # fmt: skip
    apart = Headers([("a", "1"), ("b", "2"), ("a", "3")])
    tree = response_tree(ResponseHead(200, apart), (), delays=[], incomplete=None, encoded=False)
    assert (tree["header_list"], "headers" in tree) == ([["a", "1"], ["b", "2"], ["a", "3"]], False)


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
