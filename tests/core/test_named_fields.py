"""What ``redact=`` names by a field is nowhere in the file; all else is as it was sent, and the program gets it all."""

from __future__ import annotations

import base64
import http.server
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptecho import Cassette, use_cassette
from promptecho._bodies.streams import format_of
from promptecho._secrets.named_fields import NamedFields, is_path
from promptecho._secrets.passes import REDACTED, Redactor
from tests.command_line import promptecho
from tests.conformance.server import ScriptedServer

NAME = "Ada Lovelace"


def masked(text: str, *names: str) -> str:
    return NamedFields(names).mask_text(text)


@pytest.mark.parametrize(
    ("entry", "is_field"),
    [
        ("email", True),
        ("customer_id", True),
        ("x-request-id", True),
        ("customer.email", True),
        ("items[0].id", True),
        ("items[*].id", True),
        ("choices.0.text", True),
        (r"C-\d+", False),
        ("secret.*", False),
        ("a b", False),
        ("(a|b)", False),
        ("9x", False),
    ],
)
def test_a_name_or_a_path_means_fields_and_all_else_is_a_pattern(entry: str, is_field: bool) -> None:
    assert is_path(entry) is is_field


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        # what is masked, and as what
        (["name"], '{"name": "Ada", "n": 1}', '{"name": "REDACTED", "n": 1}'),
        (["name"], '{"name":"Ada","name":"Bob"}', '{"name":"REDACTED","name":"REDACTED"}'),
        (["name"], '{"a": [{"name" : "Ada"}, {"NAME": "Bob"}]}', '{"a": [{"name" : "REDACTED"}, {"NAME": "REDACTED"}]}'),
        (["id"], '{"id": 12345, "x": 1.50}', '{"id": 0, "x": 1.50}'),
        (["id"], '{"id": -1.5e+10}', '{"id": 0}'),
        (["id"], '{"id": null, "a": "b"}', '{"id": null, "a": "b"}'),
        (["id"], '{"id": true, "a": "b"}', '{"id": true, "a": "b"}'),
        (["id"], '{"id": "", "a": "b"}', '{"id": "", "a": "b"}'),
        (["who"], '{"who": {"n": "Ada", "at": ["x", 7, {"y": "z"}]}, "a": "b"}',
         '{"who": {"n": "REDACTED", "at": ["REDACTED", 0, {"y": "REDACTED"}]}, "a": "b"}'),
        (["ids"], '{"ids": ["a", 1], "b": ["c", 2]}', '{"ids": ["REDACTED", 0], "b": ["c", 2]}'),
        (["name"], '["name", "Ada"]', '["name", "Ada"]'),
        (["name"], '{"a": "name"}', '{"a": "name"}'),
        (["name"], '{"username": "Ada", "names": "Bob"}', '{"username": "Ada", "names": "Bob"}'),
        (["größe"], '{"Größe": "XL"}', '{"Größe": "REDACTED"}'),
        (["name"], '{"n\\u0061me": "Ada"}', '{"n\\u0061me": "REDACTED"}'),
        # exactness around it
        (["name"], ' {\n\t"n" :1.50 , "name":\n "A\\"d\\\\a",\r\n "t":"\\u00e9\\/" }\n', ' {\n\t"n" :1.50 , "name":\n "REDACTED",\r\n "t":"\\u00e9\\/" }\n'),
        # paths
        (["customer.name"], '{"customer": {"name": "A"}, "name": "B"}', '{"customer": {"name": "REDACTED"}, "name": "B"}'),
        (["customer.name"], '{"x": {"customer": {"name": "A"}}}', '{"x": {"customer": {"name": "REDACTED"}}}'),
        (["customer.name"], '{"customer": {"x": {"name": "A"}}}', '{"customer": {"x": {"name": "A"}}}'),
        (["customer.name"], '{"customer": [{"name": "A"}, {"name": "B"}]}', '{"customer": [{"name": "REDACTED"}, {"name": "REDACTED"}]}'),
        (["customer[1].name"], '{"customer": [{"name": "A"}, {"name": "B"}]}', '{"customer": [{"name": "A"}, {"name": "REDACTED"}]}'),
        (["customer[*].name"], '{"customer": [{"name": "A"}], "name": "B"}', '{"customer": [{"name": "REDACTED"}], "name": "B"}'),
        (["a[1]"], '{"a": ["x", "y", "z"], "b": ["u", "v"]}', '{"a": ["x", "REDACTED", "z"], "b": ["u", "v"]}'),
        (["a.1"], '{"a": [[1, 2], {"k": [3, 4]}]}', '{"a": [[1, 0], {"k": [0, 0]}]}'),
        (["user.id"], '{"user.id": "A", "id": "B"}', '{"user.id": "REDACTED", "id": "B"}'),
        (["a.name"], '{"a": {}, "name": "A"}', '{"a": {}, "name": "A"}'),
        (["a.name"], '{"a": 1, "b": {"name": "A"}}', '{"a": 1, "b": {"name": "A"}}'),
        # JSON in JSON, as the arguments of tools are
        (["name"], '{"arguments": "{\\"name\\": \\"Ada\\", \\"n\\": 1}"}', '{"arguments": "{\\"name\\": \\"REDACTED\\", \\"n\\": 1}"}'),
        (["call.name"], '{"call": "{\\"name\\": \\"Ada\\"}"}', '{"call": "{\\"name\\": \\"REDACTED\\"}"}'),
        (["items[0]"], '{"items": "[\\"Ada\\", \\"Bob\\"]"}', '{"items": "[\\"REDACTED\\", \\"Bob\\"]"}'),
        (["name"], '{"x": "é {\\"name\\": \\"Ada\\"}"}', '{"x": "é {\\"name\\": \\"REDACTED\\"}"}'),
        (["name"], '{"x": "\\u00e9 {\\"name\\": \\"Ada\\"}"}', '{"x": "\\u00e9 {\\"name\\": \\"REDACTED\\"}"}'),
        # cut off, one after the other, inside other text
        (["name"], '{"name": "Ada Lov', '{"name": "REDACTED'),
        (["name"], '{"name": "Ada\\', '{"name": "REDACTED\\'),
        (["id"], '{"id": 12', '{"id": 0'),
        (["name"], '{"name": "Ada"}\n{"name": "Bob"}\n', '{"name": "REDACTED"}\n{"name": "REDACTED"}\n'),
        (["name"], 'event: x\ndata: {"name": "Ada"}\n\ndata: [DONE]\n\n', 'event: x\ndata: {"name": "REDACTED"}\n\ndata: [DONE]\n\n'),
        (["name"], 'data: {\ndata: "name":\ndata: "Ada"}\n\n', 'data: {\ndata: "name":\ndata: "REDACTED"}\n\n'),
        (["name"], 'data: it said "oops\n\ndata: {"name": "Ada"}\n\n', 'data: it said "oops\n\ndata: {"name": "REDACTED"}\n\n'),
        (["name"], '}} ]] "name": "Ada", "n": 1', '}} ]] "name": "REDACTED", "n": 1'),
        # forms
        (["name"], "name=Ada+L&n=1&username=x", "name=REDACTED&n=1&username=x"),
        (["customer.name"], "customer%5Bname%5D=Ada&name=x", "customer%5Bname%5D=REDACTED&name=x"),
        (["name"], "n%61me=Ada&x=1", "n%61me=REDACTED&x=1"),
        (["name"], "a=1\nname=Ada", "a=1\nname=Ada"),
        (["name"], "x&name=Ada and more", "x&name=Ada and more"),
        (["name"], 'a={"name":"Ada"}', 'a={"name":"REDACTED"}'),
        (["name"], '{"x": "\t{\\"name\\": \\"Ada\\"}"}', '{"x": "\\t{\\"name\\": \\"REDACTED\\"}"}'),
    ],
)  # fmt: skip
def test_a_named_field_is_masked_in_place_and_every_other_byte_stays(
    names: list[str], text: str, expected: str
) -> None:
    assert masked(text, *names) == expected
    assert masked(expected, *names) == expected


@pytest.mark.parametrize(
    ("names", "tree", "expected"),
    [
        (["name"], {"name": "Ada", "n": "Ada"}, {"name": REDACTED, "n": "Ada"}),
        (["id"], {"id": 12, "x": {"id": -1.5}}, {"id": 0, "x": {"id": 0}}),
        (["id"], [{"id": None}, {"id": True}, {"id": ""}], [{"id": None}, {"id": True}, {"id": ""}]),
        (["who"], {"who": {"n": "Ada", "at": ["x", 7, None, {"y": "z"}]}}, {"who": {"n": REDACTED, "at": [REDACTED, 0, None, {"y": REDACTED}]}}),
        (["items[1].id"], {"items": [{"id": 1}, {"id": 2}]}, {"items": [{"id": 1}, {"id": 0}]}),
        (["a.name"], {"a": [{"name": "x"}], "name": "y"}, {"a": [{"name": REDACTED}], "name": "y"}),
        (["name"], {"arguments": '{"name": "Ada"}'}, {"arguments": '{"name": "REDACTED"}'}),
        (["call.name"], {"call": ['{"name": "Ada"}']}, {"call": ['{"name": "REDACTED"}']}),
    ],
)  # fmt: skip
def test_a_named_field_is_masked_in_trees(names: list[str], tree: Any, expected: Any) -> None:
    fields = NamedFields(names)
    assert json.dumps(fields.mask_tree(tree)) == json.dumps(expected)
    untouched = {"other": [tree, 1, "x"]}
    assert NamedFields(["nothing"]).mask_tree(untouched) is untouched
    assert bool(fields)
    assert not NamedFields([])


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, width=32) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "a", "customer", "x.y", "Name", ""]), inner, max_size=4)
        | inner.map(json.dumps)
    ),
    max_leaves=12,
)
PATHS = st.lists(
    st.sampled_from(["name", "customer.name", "a[0]", "customer[*].name", "y", "x.y", "a.a"]), min_size=1, max_size=2
)


@settings(max_examples=400, deadline=None)
@given(TREES, PATHS, st.booleans(), st.sampled_from([None, 2]))
@example({"a": "[1"}, ["a[0]"], False, None)
@example({"name": float("-inf")}, ["name"], False, None)
@example({"a": json.dumps([1, json.dumps([2, 3])])}, ["a[0]"], False, None)
def test_a_text_is_masked_as_its_tree_is(tree: Any, paths: list[str], ascii_only: bool, indent: int | None) -> None:
    fields = NamedFields(paths)
    text = json.dumps(tree, ensure_ascii=ascii_only, indent=indent)
    expected = fields.mask_tree(tree)
    assert json.loads(fields.mask_text(text)) == expected
    assert fields.mask_tree(expected) == expected
    if json.dumps(expected) == json.dumps(tree) and "0.0" not in text:
        assert fields.mask_text(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]",:\\ \nname01.-é=&%', max_size=40))
def test_any_text_can_be_looked_through(text: str) -> None:
    fields = NamedFields(["name", "name[0].a"])
    once = fields.mask_text(text)
    assert fields.mask_text(once) == once


def test_one_s_own_fields_are_masked_in_forms_and_multipart_bodies() -> None:
    made = Redactor({}, redact=["customer.name"])
    assert made.mask_tree({"__form__": [["customer[name]", "Ada"], ["a", "Ada"], ["password", "abc"]]}) == {
        "__form__": [["customer[name]", REDACTED], ["a", "Ada"], ["password", REDACTED]]
    }
    parts = [
        {"name": "customer.name", "value": "Ada"},
        {"name": "api_key", "value": "abc"},
        {"name": "f", "sha256": "0"},
    ]
    assert made.mask_tree({"__multipart__": parts}) == {
        "__multipart__": [{**parts[0], "value": REDACTED}, {**parts[1], "value": REDACTED}, parts[2]]
    }
    assert made.mask_tree({"__form__": [["AKIAIOSFODNN7EXAMPLE", "v"]]}) == {
        "__form__": [[made.mask("AKIAIOSFODNN7EXAMPLE"), "v"]]
    }
    for odd in ({"other": [{"name": "api_key", "value": "abc"}]}, {"other": [["password", "abc"]]}):
        assert made.mask_tree(odd) == odd
    for odd in ({"__form__": "x"}, {"__form__": [1, ["a"]]}, {"__multipart__": [1, {"name": 1, "value": "a"}]}):
        assert made.mask_tree(odd) == odd


def test_a_path_names_no_header_and_a_name_does() -> None:
    from promptecho._models import Headers

    made = Redactor({}, redact=["X-Customer", "customer.server"])
    headers = made.response_headers(
        Headers([("x-customer", "Ada"), ("server", "nginx"), ("x-json", '{"server": "s"}')])
    )
    assert headers.pairs == (("x-customer", REDACTED), ("server", "nginx"), ("x-json", '{"server": "s"}'))


def test_where_a_tree_stands_counts_for_paths() -> None:
    made = Redactor({}, redact=["customer.name"])
    assert made.mask_tree({"name": "Ada"}) == {"name": "Ada"}
    assert made.mask_tree({"name": "Ada"}, ("customer",)) == {"name": REDACTED}
    assert made.mask_tree({"name": "Ada"}, ("customer", 0)) == {"name": REDACTED}
    assert made.mask_tree("Ada", ("customer", "name")) == REDACTED


# --- through the whole of it ------------------------------------------------------------------------------------------


def chat(*texts: str) -> bytes:
    """Arguments of a tool, piece by piece."""
    events = [{"choices": [{"delta": {"tool_calls": [{"function": {"arguments": text}}]}}]} for text in texts]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n"


def frames(*payloads: Any) -> bytes:
    stream = format_of("application/vnd.amazon.eventstream")
    assert stream is not None
    stored = [{"event": "chunk", "body": payload, "json": "compact"} for payload in payloads]
    return b"".join(stream.decode(each) for each in stored)


def wrapped(tree: Any) -> Any:
    return {"bytes": base64.b64encode(json.dumps(tree).encode()).decode()}


ANSWERS: dict[str, tuple[str, list[bytes]]] = {
    "JSON": ("application/json", [b'{"n": 1.50, "customer": {"name": "Ada Lovelace", "age": 1815}}']),
    "JSON in two chunks": ("application/json", [b'{"customer": {"name": "Ada Love', b'lace", "age": 1815}, "n": 1.50}']),
    "JSON list": ("application/json", [b'[{"customer": {"name": "Ada Lovelace", "age": 1815}}]\n']),
    "JSON in JSON": ("application/json", [json.dumps({"arguments": json.dumps({"customer": {"name": NAME, "age": 1815}})}).encode()]),
    "SSE": ("text/event-stream", [b'data: {"customer": {"name": "Ada Lovelace", "age": 1815}}\n\n', b"data: [DONE]\n\n"]),
    "SSE token by token": ("text/event-stream", [chat('{"custo', 'mer": {"na', 'me": "Ada', " Love", 'lace", "age": 18', "15", '}, "n": 2}')]),
    "NDJSON": ("application/x-ndjson", [b'{"customer": {"name": "Ada Lovelace", "age": 1815}}\n', b'{"done": true}\n']),
    "AWS events": ("application/vnd.amazon.eventstream", [frames({"a": 1}, {"customer": {"name": NAME, "age": 1815}})]),
    "AWS events of a model": ("application/vnd.amazon.eventstream", [frames(wrapped({"customer": {"name": NAME, "age": 1815}}))]),
    "a form": ("application/x-www-form-urlencoded", [urlencode({"customer[name]": NAME, "customer[age]": 1815, "n": 1}).encode()]),
    "text": ("text/plain", [b'the answer: {"customer": {"name": "Ada Lovelace", "age": 1815}}, right?']),
}  # fmt: skip


class AnswerServer(ScriptedServer):
    answer: tuple[str, list[bytes]]

    def respond(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        self.send_pieces(handler, *self.answer)


@pytest.fixture(scope="module")
def server() -> Iterator[AnswerServer]:
    with AnswerServer() as running:
        yield running


def ask(url: str) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": "who?"}], "customer": {"name": NAME, "age": 1815}}
    with httpx.Client(trust_env=False) as client, client.stream("POST", url, json=body) as response:
        return b"".join(response.iter_bytes())


def all_texts(path: Path) -> str:
    """The file, and what a reader could put together from the events of its streams."""
    text = path.read_text(encoding="utf-8")
    for interaction in Cassette.load(path).interactions:
        content_type = interaction.response.head.headers.get("content-type")
        stream = format_of(content_type)
        pieces = stream.split(interaction.response.body) if stream else []

        def collect(tree: Any) -> Any:
            nonlocal text
            calls = tree.get("choices", [{}])[0].get("delta", {}).get("tool_calls", [])
            text += json.dumps(tree) + "".join(call["function"]["arguments"] for call in calls)
            return tree

        for piece in pieces:
            assert stream is not None
            stream.edited(piece, collect)
    return text


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("redact", [["customer.name", "age"], ["customer"]], ids=str)
def test_a_named_field_is_nowhere_in_the_file(
    server: AnswerServer, tmp_path: Path, name: str, redact: list[str]
) -> None:
    server.answer = ANSWERS[name]
    path = tmp_path / "c.yaml"
    with use_cassette(path, redact=redact) as cassette:
        assert ask(server.url + "/v1/chat/completions") == b"".join(server.answer[1])
    text = all_texts(path)
    assert not re.search(r"(?<![0-9a-f])1815(?![0-9a-f])", text)  # a digest may have these digits by chance
    for secret in (NAME, "Ada", "lace", base64.b64encode(NAME.encode()).decode()[:12]):
        assert secret not in text
    recorded = cassette.recorded[0].response
    with use_cassette(path, "none", redact=redact):
        replayed = ask(server.url + "/v1/chat/completions")
    assert replayed == recorded.body
    if server.answer[0] == "application/json":
        json.loads(replayed)
        assert (b"1.50" in replayed) == (b"1.50" in b"".join(server.answer[1]))


def test_the_pieces_of_a_masked_stream_arrive_as_they_did(server: AnswerServer, tmp_path: Path) -> None:
    pieces = [b'data: {"n": %d, "name": "Ada %d"}\n\n' % (number, number) for number in range(5)]
    server.answer = ("text/event-stream", pieces)
    path = tmp_path / "c.yaml"
    with use_cassette(path, redact=["name"]) as cassette:
        ask(server.url + "/x")
    assert cassette.recorded[0].response.chunks == tuple(
        b'data: {"n": %d, "name": "REDACTED"}\n\n' % number for number in range(5)
    )


def test_a_pattern_of_one_s_own_is_found_token_by_token(server: AnswerServer, tmp_path: Path) -> None:
    events = [{"choices": [{"delta": {"content": text}}]} for text in ("customer C-", "12", "34 called", ".")]
    server.answer = ("text/event-stream", ["".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()])
    path = tmp_path / "c.yaml"
    with use_cassette(path, redact=[r"C-\d+"]):
        ask(server.url + "/x")
    said = [json.loads(line)["choices"][0]["delta"]["content"] for line in _data_lines(path)]
    assert said == ["customer REDACTED", "", " called", "."]


def test_a_credential_s_field_is_found_token_by_token(server: AnswerServer, tmp_path: Path) -> None:
    server.answer = ("text/event-stream", [chat('{"passw', 'ord": "q7Xz9', '1LmPw4Rt8"', "}")])
    path = tmp_path / "c.yaml"
    with use_cassette(path, on_secret="ignore"):
        ask(server.url + "/x")
    calls = [json.loads(line)["choices"][0]["delta"]["tool_calls"][0] for line in _data_lines(path)]
    assert [call["function"]["arguments"] for call in calls] == ['{"passw', 'ord": "REDACTED', '"', "}"]


def test_words_beside_each_other_in_a_list_are_no_key(server: AnswerServer, tmp_path: Path) -> None:
    lists = [
        ["hf_hub", "transformers", "datasets", "accelerate", "tokenizers"],
        ["npm_config", "lifecycle", "registry", "packages", "production"],
        ["xai-grok", "mistral", "llama", "gemini", "claude", "qwen", "deepseek", "phi"],
        [{"name": "hf_hub"}, {"name": "transformers"}, {"name": "datasets"}, {"name": "accelerate"}],
    ]
    server.answer = ("application/json", [json.dumps({"answer": lists}).encode()])
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server.url + "/x")
    assert json.loads(Cassette.load(path).interactions[0].response.body) == {"answer": lists}


def _data_lines(path: Path) -> Iterator[str]:
    body = Cassette.load(path).interactions[0].response.body.decode()
    return (line[6:] for line in body.splitlines() if line.startswith("data: {"))


@pytest.mark.parametrize(
    ("target", "body", "name"),
    [
        ("/v1/responses", {"model": "m", "input": "It is Ada"}, "input"),
        ("/model/amazon.titan-text/invoke", {"inputText": "It is Ada"}, "inputText"),
        ("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "It is Ada"}]}]}, "content"),
    ],
)  # fmt: skip
def test_a_field_can_be_named_as_the_client_spells_it(
    server: AnswerServer, tmp_path: Path, target: str, body: Any, name: str
) -> None:
    server.answer = ANSWERS["JSON"]
    path = tmp_path / "c.yaml"
    for mode in ("once", "none"):
        with use_cassette(path, mode, redact=[name]) as cassette:
            httpx.post(server.url + target, json=body, trust_env=False)
    assert len(cassette.played) == 1
    assert "It is" not in path.read_text(encoding="utf-8")


def test_tools_whose_order_changes_when_they_are_masked_replay(server: AnswerServer, tmp_path: Path) -> None:
    server.answer = ANSWERS["JSON"]
    path = tmp_path / "c.yaml"
    tools = [{"name": "a", "description": "zebra-1234"}, {"name": "b", "description": "S"}]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}
    for mode in ("once", "none"):
        with use_cassette(path, mode) as cassette:
            httpx.post(server.url + "/v1/messages", json=body, headers={"x-api-key": "zebra-1234"}, trust_env=False)
    assert len(cassette.played) == 1


@pytest.mark.parametrize("name", ANSWERS)
def test_the_command_masks_in_old_files_what_a_recording_of_today_does_not_hold(
    server: AnswerServer, tmp_path: Path, name: str
) -> None:
    server.answer = ANSWERS[name]
    old, fresh = tmp_path / "old.yaml", tmp_path / "fresh.yaml"
    with use_cassette(old):
        ask(server.url + "/v1/chat/completions")
    with use_cassette(fresh, redact=["customer.name", "age"]):
        ask(server.url + "/v1/chat/completions")
    assert promptecho(tmp_path, "redact", old, "--redact", "customer.name", "--redact", "age").returncode == 0
    assert NAME not in all_texts(old)
    one, other = (Cassette.load(path).interactions[0] for path in (old, fresh))
    assert one.response.body == other.response.body
    assert (one.body, one.match_key) == (other.body, other.match_key)
