"""What tells two requests apart, and what doesn't."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import register_normalizer
from promptecho._matching.identity import (
    DEFAULT_MATCH_ON,
    Identity,
    MatchOptions,
    identify,
    identify_recorded,
    older_keys,
    recorded_options,
)
from promptecho._models import Headers, Request
from promptecho._settings import settings as _settings

from .test_normalizers import EXAMPLES

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
CLAUDE = "https://api.anthropic.com/v1/messages"
EMBEDDINGS = "https://api.openai.com/v1/embeddings"


def identity(url: str, body: Any, **options: Any) -> Identity:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", url, Headers([("content-type", "application/json")]), data)
    match = _settings.resolve(options, environ={}, project={}).match
    return identify(request, match, lambda tree: tree)


def same(url: str, one: Any, other: Any, **options: Any) -> bool:
    return identity(url, one, **options).key == identity(url, other, **options).key


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


BASE: dict[str, Any] = {"model": "m", "messages": [user("hi")]}
TOOL_A = {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}
TOOL_B = {"type": "function", "function": {"name": "b", "parameters": {"type": "object"}}}
CALL = {"id": "call_x", "type": "function", "function": {"name": "a", "arguments": "{}"}}


def turns(identifier: str) -> list[Any]:
    call = {**CALL, "id": identifier}
    return [
        user("go"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": identifier, "content": "1"},
    ]


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, BASE, {**BASE, "temperature": 0.7}),
        (CHAT, BASE, {**BASE, "stream": False}),
        (CHAT, BASE, {**BASE, "messages": [user([{"type": "text", "text": "hi"}])]}),
        (CHAT, {**BASE, "max_tokens": 5}, {**BASE, "max_completion_tokens": 5}),
        (CHAT, {**BASE, "tools": [TOOL_A, TOOL_B]}, {**BASE, "tools": [TOOL_B, TOOL_A]}),
        (CHAT, {**BASE, "messages": turns("call_1a")}, {**BASE, "messages": turns("call_9z")}),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "s"}, user("hi")]},
            {**BASE, "messages": [{"role": "developer", "content": "s"}, user("hi")]},
        ),
        (CLAUDE, {**BASE, "system": "s"}, {**BASE, "system": [{"type": "text", "text": "s"}]}),
        (
            CLAUDE,
            {**BASE, "system": "s"},
            {**BASE, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        ),
        (CHAT.replace("openai.com", "gateway.test"), BASE, BASE),
        (RESPONSES, {"model": "m", "input": "hi"}, {"model": "m", "input": [user("hi")]}),
        (
            RESPONSES,
            {"model": "m", "input": "hi"},
            {"model": "m", "input": [user([{"type": "input_text", "text": "hi"}])]},
        ),
    ],
)
def test_what_does_not_change_the_prompt_does_not_change_the_key(url: str, one: Any, other: Any) -> None:
    assert same(url, one, other)


@pytest.mark.parametrize(
    ("url", "one", "other"),
    [
        (CHAT, BASE, {**BASE, "model": "n"}),
        (CHAT, BASE, {**BASE, "stream": True}),
        (CHAT, BASE, {**BASE, "messages": [user("ho")]}),
        (CHAT, BASE, {**BASE, "messages": [{"role": "assistant", "content": "hi"}]}),
        (CHAT, {**BASE, "messages": [user("a"), user("b")]}, {**BASE, "messages": [user("b"), user("a")]}),
        (CHAT, BASE, {**BASE, "response_format": {"type": "json_object"}}),
        (CHAT, {**BASE, "tools": [TOOL_A]}, {**BASE, "tools": [TOOL_B]}),
        (CHAT, {**BASE, "tools": [{"type": "web_search"}]}, {**BASE, "tools": [{"type": "code_interpreter"}]}),
        (
            CHAT,
            {**BASE, "tools": [{**TOOL_A, "function": {**TOOL_A["function"], "strict": True}}]},  # type: ignore[dict-item]
            {**BASE, "tools": [TOOL_A]},
        ),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}, user("x")]},
            {**BASE, "messages": [{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, user("x")]},
        ),
        (
            CHAT,
            {**BASE, "messages": [{"role": "system", "content": "s"}, user("x")]},
            {**BASE, "messages": [user("x"), {"role": "system", "content": "s"}]},
        ),
        (CHAT, {**BASE, "functions": [{"name": "a"}]}, {**BASE, "functions": [{"name": "b"}]}),
        (CLAUDE, {**BASE, "mcp_servers": ["a"]}, {**BASE, "mcp_servers": ["b"]}),
        (CLAUDE, {**BASE, "system": "a"}, {**BASE, "system": "b"}),
        (RESPONSES, {"model": "m", "input": "a"}, {"model": "m", "input": "b"}),
        (RESPONSES, {"model": "m", "input": "a", "instructions": "x"}, {"model": "m", "input": "a", "instructions": "y"}),
        (RESPONSES, {"input": "a", "previous_response_id": "1"}, {"input": "a", "previous_response_id": "2"}),
        (RESPONSES, {"input": "a", "text": {"format": {"type": "text"}}}, {"input": "a", "text": {"format": {"type": "json_object"}}}),
        (EMBEDDINGS, {"model": "m", "input": "a"}, {"model": "m", "input": "b"}),
        ("http://h/generate", {"prompt": "a", "n": 1}, {"prompt": "a", "n": 2}),
        ("http://h/rpc", [1, 2], [2, 1]),
    ],
)  # fmt: skip
def test_what_changes_the_answer_changes_the_key(url: str, one: Any, other: Any) -> None:
    assert not same(url, one, other)


def test_method_path_and_query_are_part_of_the_key() -> None:
    keys = {identity(url, BASE).key for url in (CHAT, CHAT + "/x", CHAT + "?a=1", CHAT + "?a=2", CHAT + "?b=1")}
    assert len(keys) == 5
    assert identity(CHAT + "?a=1&b=2", BASE).key == identity(CHAT + "?b=2&a=1&api_key=x", BASE).key
    assert identity("http://h/a%2Fb", BASE).key != identity("http://h/a/b", BASE).key
    assert identity("http://h/m%7e0", BASE).key == identity("http://h/m~0", BASE).key
    assert identity("http://h/m%2c0", BASE).key != identity("http://h/m,0", BASE).key


def test_match_on_can_name_more_fields_dotted_paths_and_everything() -> None:
    warm = {**BASE, "temperature": 0.7, "metadata": {"user": "a", "run": 1}}
    cold = {**BASE, "temperature": 0.0, "metadata": {"user": "a", "run": 2}}
    assert same(CHAT, warm, cold)
    assert not same(CHAT, warm, cold, match_on=["model", "messages", "temperature"])
    assert same(CHAT, warm, cold, match_on=["messages", "metadata.user"])
    assert not same(CHAT, warm, cold, match_on=["messages", "metadata.run"])
    assert not same(CHAT, warm, cold, match_on="all")
    assert same(CHAT, warm, cold, match_on="all", ignore=["temperature", "metadata.run"])
    assert not same(CHAT, warm, cold, match_on="all", ignore=["temperature"])


def test_a_list_made_for_chat_does_not_merge_embeddings() -> None:
    one, other = {"model": "m", "input": "a"}, {"model": "m", "input": "b"}
    assert not same(EMBEDDINGS, one, other, match_on=["model", "messages", "temperature"])
    assert same(EMBEDDINGS, {**one, "user": "x"}, {**one, "user": "y"}, match_on=["model", "input"])


def test_volatile_masks_values_in_comparison_only() -> None:
    one = {**BASE, "messages": [user("today is 2026-01-01, run 7f0c1f4e-8f4e-4b4e-9d5e-000000000001")]}
    other = {**BASE, "messages": [user("today is 2026-02-02, run 7f0c1f4e-8f4e-4b4e-9d5e-000000000002")]}
    assert not same(CHAT, one, other)
    assert same(CHAT, one, other, volatile=["date", "uuid"])
    assert not same(CHAT, one, other, volatile=["date"])
    assert same(CHAT, one, other, volatile=[r"today.*"])
    assert "2026-01-01" in json.dumps(identity(CHAT, one, volatile=["date"]).body)


def test_multipart_bodies_match_whatever_their_boundary() -> None:
    def upload(boundary: str, content: bytes) -> str:
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
        headers = Headers([("content-type", f"multipart/form-data; boundary={boundary}")])
        request = Request("POST", "http://h/v1/audio/transcriptions", headers, body)
        return identify(request, _settings.Settings().match, lambda tree: tree).key

    assert upload("one", b"\x00\xff") == upload("two", b"\x00\xff")
    assert upload("one", b"\x00\xff") != upload("one", b"\x00\xfe")


def test_a_registered_normalizer_is_asked_first_and_can_be_taken_out() -> None:
    unregister = register_normalizer(
        lambda call: call.path == "/ask",
        lambda body: {**body, "messages": [user(body.get("question", ""))]},
        name="mine",
    )
    try:
        assert same("http://h/ask", {"question": "a", "trace": 1}, {"question": "a", "trace": 2})
        assert identity("http://h/ask", {"question": "a"}).provider == "mine"
    finally:
        unregister()
    assert not same("http://h/ask", {"question": "a", "trace": 1}, {"question": "a", "trace": 2})


def recorded_key(found: Identity, url: str, options: MatchOptions) -> str:
    return identify_recorded("POST", url, found.query, copy.deepcopy(found.body), options, headers=found.headers).key


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h", "/"),
        ("http://h/", "/"),
        ("http://h/a/b", "/a/b"),
        ("http://h/a%62/%7Eu/x~y", "/ab/~u/x~y"),
        ("http://h/a%2fb/c%2Fd", "/a%2Fb/c%2Fd"),
        ("http://h/%3a:@!$&'()*+,;=%40%20", "/%3A:@!$&'()*+,;=%40%20"),
        ("http://h/a%2cb,c", "/a%2Cb,c"),
        ("http://h/{x}%7by%7D%zz", "/%7Bx%7D%7By%7D%25zz"),
        ("http://h/model/a%3A0/invoke", "/model/a:0/invoke"),
        ("http://h/caf\u00e9/%C3%A9", "/caf%C3%A9/%C3%A9"),
        ("http://h/%ff", "/%FF"),
        ("http://h//a%25", "//a%25"),
    ],
)
def test_a_path_has_one_spelling(url: str, expected: str) -> None:
    assert identity(url, BASE).path == expected


def test_the_address_of_a_call_is_told_without_userinfo_and_in_lower_case() -> None:
    found = identity("https://me:pw@API.Example.com:8443/V1?b=2&a=1&key=k#part", BASE)
    assert (found.host, found.path, found.method) == ("api.example.com:8443", "/V1", "POST")
    assert found.url == "https://me:pw@API.Example.com:8443/V1?b=2&a=1&key=k"
    assert found.query == (("a", "1"), ("b", "2"), ("key", "k"))
    assert found.short_key == found.key[:16]
    assert len(found.key) == 64


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("?a=1&b=2", "?b=2&a=1", True),
        ("?a=1&a=2", "?a=2&a=1", False),
        ("?a=", "", False),
        ("?a=x%20y", "?a=x+y", True),
        ("?api_key=1", "", True),
        ("?key=1", "", False),
        ("?key=AIza" + "x" * 35, "", True),
        ("?code=US", "?code=SK", False),
        ("?code=US&client_id=a", "?code=SK&client_id=a", False),
        ("?code=4x7Kd92LmQp0&client_id=a", "?code=9z3Kd71LmQp5&client_id=a", True),
        ("?nextPageToken=a", "?nextPageToken=b", False),
        ("?$skiptoken=a", "?$skiptoken=b", False),
        ("?sig=1&se=2026", "?sig=2&se=2027", True),
        ("?se=2026", "?se=2027", False),
        ("?q=%FF", "?q=%FE", False),
        ("?q=%25FF", "?q=%FF", False),
        ("?q=100%25", "?q=100%", False),
        ("?q=a%2Cb", "?q=a,b", True),
        ("?a=1&token=x&X-Amz-Date=1", "?a=1&token=x", True),
        ("?token=cats", "?token=dogs", False),
        ("?", "", True),
    ],
)
def test_of_a_query_names_and_values_count_and_credentials_do_not(one: str, other: str, same: bool) -> None:
    assert (identity(CHAT + one, BASE).query == identity(CHAT + other, BASE).query) is same
    assert (identity(CHAT + one, BASE).key == identity(CHAT + other, BASE).key) is same


@pytest.mark.parametrize(
    ("asked", "recorded", "found"),
    [
        ("?b=2&a=1", "?a=REDACTED&b=REDACTED", True),
        ("?b=2&a=1&a=3", "?b=REDACTED&a=REDACTED", True),
        ("?flag&a=", "?a&flag=REDACTED", True),
        ("?a=1", "?b=REDACTED", False),
        ("?a=1", "?a=REDACTED&b=REDACTED", False),
        ("?a=1", "", False),
        ("", "", True),
    ],
)
def test_a_recording_of_an_older_promptecho_is_found_by_the_names_of_its_query(
    asked: str, recorded: str, found: bool
) -> None:
    for body in (BASE, b"no JSON"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request("POST", CHAT + asked, Headers([("content-type", "application/json")]), data)
        now = identify(request, MatchOptions(), lambda tree: tree)
        old = identify_recorded("POST", CHAT + recorded, None, now.body, MatchOptions())
        assert (old.key in older_keys(request, now, MatchOptions())) is found


def test_the_stored_hash_of_a_body_that_an_older_promptecho_could_not_read_answers_it() -> None:
    request = Request("POST", CHAT, Headers([("content-type", "application/json")]), json.dumps(BASE).encode())
    now = identify(request, MatchOptions(), lambda tree: tree)
    raw = {"__raw_body_sha256__": hashlib.sha256(request.body).hexdigest()}
    assert identify_recorded("POST", CHAT, None, raw, MatchOptions()).key in older_keys(request, now, MatchOptions())


DEEP = {**BASE, "metadata": [{"run": 1, "who": {"id": "a"}}, {"run": 2, "who": {"id": "b"}}]}


def deep(first: Any = 1, second: Any = 2, one: Any = "a", other: Any = "b") -> Any:
    return {**BASE, "metadata": [{"run": first, "who": {"id": one}}, {"run": second, "who": {"id": other}}]}


@pytest.mark.parametrize(
    ("path", "same", "other"),
    [
        ("metadata[0].run", deep(second=9, one="x"), deep(first=9)),
        ("metadata.1.run", deep(first=9), deep(second=9)),
        ("metadata[*].run", deep(one="x"), deep(second=9)),
        ("metadata.*.who.id", deep(first=9), deep(other="x")),
        ("metadata[0].*.id", deep(first=9, other="x"), deep(one="x")),
        ("metadata[0].who", deep(first=9), deep(one="x")),
        ("metadata[1]", deep(first=9), deep(other="x")),
        ("metadata", {**DEEP, "temperature": 1}, deep(other="x")),
    ],
)
def test_a_path_of_match_on_reaches_into_lists_and_objects(path: str, same: Any, other: Any) -> None:
    fields = ["messages", path]
    key = identity(CHAT, DEEP, match_on=fields).key
    assert identity(CHAT, same, match_on=fields).key == key
    assert identity(CHAT, other, match_on=fields).key != key


@pytest.mark.parametrize(
    ("path", "same", "other"),
    [
        ("metadata[0].run", deep(first=9), deep(second=9)),
        ("metadata.1.run", deep(second=9), deep(first=9)),
        ("metadata[*].run", deep(first=8, second=9), deep(one="x")),
        ("metadata.*.who.id", deep(one="x", other="y"), deep(first=9)),
        ("metadata[0].*.id", deep(one="x"), deep(other="x")),
        ("metadata[0].*", deep(first=9, one="x"), deep(second=9)),
        ("metadata[1]", deep(second=9, other="x"), deep(first=9)),
        (
            "metadata[1]",
            {**DEEP, "metadata": DEEP["metadata"][:1]},
            {**DEEP, "metadata": [*DEEP["metadata"][:1], None, 1]},
        ),
        ("metadata[*]", {**BASE, "metadata": []}, {**BASE, "metadata": {}}),
        ("metadata", BASE, {**DEEP, "x": 1}),
        ("none.at.all", DEEP, deep(first=9)),
        ("model.x", DEEP, {**DEEP, "model": "n"}),
        ("*", {**BASE, "model": "n"}, None),
    ],
)
def test_a_path_of_ignore_leaves_that_out_and_nothing_else(path: str, same: Any, other: Any) -> None:
    key = identity(CHAT, DEEP, match_on="all", ignore=[path]).key
    assert identity(CHAT, same, match_on="all", ignore=[path]).key == key
    if other is not None:
        assert identity(CHAT, other, match_on="all", ignore=[path]).key != key


def test_what_was_picked_says_where_it_was() -> None:
    found = identity(CHAT, DEEP, match_on=["model", "metadata[*].run", "metadata[1].who", "temperature"])
    assert found.matched == {
        "model": "m",
        "metadata[*].run:metadata.0.run": 1,
        "metadata[*].run:metadata.1.run": 2,
        "metadata[1].who:metadata.1.who": {"id": "b"},
    }
    assert not found.whole


@pytest.mark.parametrize(
    ("body", "match_on", "whole"),
    [
        ({"model": "m", "input": "a"}, None, True),
        ({"model": "m", "input": "a"}, ["model", "messages"], True),
        ({"model": "m", "input": "a"}, ["model", "input"], False),
        ({"model": "m", "input": ["a"]}, ["input"], False),
        ({"model": "m", "input": {"a": 1}}, ["input"], False),
        ({"model": "m", "input": {"a": [1, "b"]}}, ["messages", "input.a[1]"], False),
        ({"model": "m", "input": {"a": [1, "b"]}}, ["input.a[0]"], True),
        ({"model": "m", "dimensions": 5}, ["model", "dimensions"], True),
        ({"model": "m", "system": "a"}, ["model", "system"], True),
    ],
)
def test_a_list_counts_for_a_body_without_a_prompt_only_where_it_names_the_input(
    body: Any, match_on: Any, whole: bool
) -> None:
    given = {} if match_on is None else {"match_on": match_on}
    assert identity(EMBEDDINGS, body, **given).whole is whole


def test_a_list_of_fields_means_exactly_itself() -> None:
    body = {**BASE, "functions": [{"name": "a"}], "of_a_vendor": 1}
    assert identity(CHAT, body, match_on=["model"]).matched == {"model": "m"}
    assert identity(CHAT, body, match_on=["model", "messages"]).matched.keys() == {"model", "messages"}
    assert identity(CHAT, body, match_on=list(DEFAULT_MATCH_ON)).matched.keys() == {"model", "messages"}
    assert identity(CHAT, body).matched.keys() == {"model", "messages", "functions", "of_a_vendor"}


def test_masks_reach_every_text_in_its_place() -> None:
    body = {
        **BASE,
        "messages": [user([{"type": "text", "text": "run 1"}, {"type": "text", "text": "at 12:30, run 2"}])],
    }
    found = identity(CHAT, body, volatile=[r"run \d", "time"])
    assert found.matched["messages"][0]["content"] == [
        {"type": "text", "text": "<volatile>"}, {"type": "text", "text": "at <volatile>, <volatile>"}
    ]  # fmt: skip
    assert found.body["messages"] == body["messages"]


def test_what_keys_depend_on_has_a_digest_of_its_own() -> None:
    options = [
        MatchOptions(),
        MatchOptions(None),
        MatchOptions(("model",)),
        MatchOptions(("model", "messages")),
        MatchOptions(explicit=True),
        MatchOptions(ignore=("a",)),
        MatchOptions(ignore=("a", "b")),
        MatchOptions(volatile=(re.compile("a"),)),
        MatchOptions(volatile=(re.compile("a", re.IGNORECASE),)),
        MatchOptions(volatile=(re.compile("b"),)),
    ]
    assert len({each.digest for each in options}) == len(options)
    assert {len(each.digest) for each in options} == {8}
    assert MatchOptions(("model",), explicit=True).digest == MatchOptions(("model",)).digest


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("all", MatchOptions(None, explicit=True)),
        (["model", "a.b"], MatchOptions(("model", "a.b"), explicit=True)),
        ([], MatchOptions()),
        (["model", 1], MatchOptions()),
        ("model", MatchOptions()),
        (None, MatchOptions()),
        ({"model": 1}, MatchOptions()),
        (list(DEFAULT_MATCH_ON), MatchOptions()),
        (list(DEFAULT_MATCH_ON[:-1]), MatchOptions()),
    ],
)
def test_a_file_says_by_what_its_keys_were_made(said: Any, expected: MatchOptions) -> None:
    assert recorded_options(said) == expected


def part(head: str, content: str) -> str:
    return f"--b\r\n{head}\r\n\r\n{content}\r\n"


SHA = hashlib.sha256(b"\x00").hexdigest()
BODIES_SENT: list[tuple[str, bytes, Any]] = [
    ("application/json", b"", {}),
    ("application/json", b"{}", {}),
    ("application/json", b'{"a": 1}', {"a": 1}),
    ("Text/Plain; x=y", b'{"a": 1}', {"a": 1}),
    ("", b"[1, 2]", {"__json__": [1, 2]}),
    ("application/json", b"5", {"__raw_body_sha256__": hashlib.sha256(b"5").hexdigest()}),
    ("application/json", b"{", {"__raw_body_sha256__": hashlib.sha256(b"{").hexdigest()}),
    ("application/json", b"\xff", {"__raw_body_sha256__": hashlib.sha256(b"\xff").hexdigest()}),
    ("application/json", b"[" * 100_000, {"__raw_body_sha256__": hashlib.sha256(b"[" * 100_000).hexdigest()}),
    ("application/x-www-form-urlencoded", b"a=1&b=&a=x+y", {"__form__": [["a", "1"], ["b", ""], ["a", "x y"]]}),
    (" Application/X-WWW-Form-Urlencoded ; charset=utf-8", b"a=1", {"__form__": [["a", "1"]]}),
    ("application/x-www-form-urlencoded", b"\xff", {"__raw_body_sha256__": hashlib.sha256(b"\xff").hexdigest()}),
    ("multipart/form-data; boundary=b",
     (part('Content-Disposition: form-data; name="model"', "whisper") + part('content-disposition:form-data; name=x;filename=a.bin\r\nContent-Type: audio/wav', "\0") + "--b--\r\n").encode(),
     {"__multipart__": [{"name": "model", "value": "whisper"}, {"name": "x", "filename": "a.bin", "type": "audio/wav", "sha256": SHA}]}),
    ('multipart/form-data; boundary="b"; x=y',
     (part("CONTENT-DISPOSITION: form-data; name=\"t\"\r\nX-Other: a: b\r\nContent-Type: text/plain: x", "a\r\n\r\nb") + "--b--").encode(),
     {"__multipart__": [{"name": "t", "type": "text/plain: x", "value": "a\r\n\r\nb"}]}),
    ("multipart/form-data; boundary=b", (part("X-Y: z", "v" * 200) + part("X-Y: z", "v" * 201) + "--b--").encode(),
     {"__multipart__": [{"value": "v" * 200}, {"sha256": hashlib.sha256(b"v" * 201).hexdigest()}]}),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="n\xff"\r\n\r\n\xff\r\n--b--',
     {"__multipart__": [{"name": "n\ufffd", "sha256": hashlib.sha256(b"\xff").hexdigest()}]}),
    ("multipart/form-data; boundary=b", b"--b--", {"__multipart__": []}),
    *(("multipart/form-data; boundary=b", body, {"__raw_body_sha256__": hashlib.sha256(body).hexdigest()})
      for body in (b"x", b"--b\r\nno head\r\n--b--", b"--b\r\nA: b\r\n\r\nc\r\n--b", b'{"a": 1}')),
    ("multipart/form-data", b"--b--", {"__raw_body_sha256__": hashlib.sha256(b"--b--").hexdigest()}),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body", "expected"), BODIES_SENT)
@pytest.mark.parametrize("url", ["http://h/x", "http://localhost/api/chat", "http://h/model/m/invoke"])
def test_a_body_of_any_kind_is_matched_by_this(content_type: str, body: bytes, expected: Any, url: str) -> None:
    request = Request("POST", url, Headers([("content-type", content_type)]), body)
    found = identify(request, MatchOptions(), lambda tree: tree)
    if url.endswith("invoke") and expected == {"a": 1}:
        expected = {"model": "m", "a": 1}
    assert found.body == found.matched == expected
    assert found.whole
    assert recorded_key(found, url, MatchOptions()) == found.key
    if len(expected) == 1 and next(iter(expected)).startswith("__"):
        assert (found.provider, found.stream) == ("unknown", False)
        stored = identify_recorded("POST", url, "", expected, MatchOptions())
        assert (stored.provider, stored.stream) == ("unknown", False)


def test_a_form_can_be_matched_by_a_list_that_names_it() -> None:
    request = Request("POST", "http://h/x", Headers([("content-type", "application/x-www-form-urlencoded")]), b"a=1")
    options = _settings.resolve({"match_on": ["messages", "__form__"]}, environ={}, project={}).match
    found = identify(request, options, lambda tree: tree)
    assert found.matched == {"__form__": [["a", "1"]]}
    assert recorded_key(found, "http://h/x", options) == found.key


def test_an_object_too_deep_to_be_written_is_matched_by_its_bytes() -> None:
    deep_text = json.dumps(BASE)[:-1] + ', "x": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}"
    found = identity(CHAT, deep_text.encode())
    assert found.body == {"__raw_body_sha256__": hashlib.sha256(deep_text.encode()).hexdigest()}
    assert found.provider == "unknown"


def test_what_a_mask_takes_out_is_not_matched_and_the_path_neither() -> None:
    def mask(tree: Any) -> Any:
        return json.loads(json.dumps(tree).replace("Ada", "X"))

    def key(text: str, url: str = CHAT) -> Identity:
        body = json.dumps({**BASE, "messages": [user(text)]}).encode()
        return identify(
            Request("POST", url, Headers([("content-type", "application/json")]), body), MatchOptions(), mask
        )

    assert key("Ada").key == key("X").key
    assert key("Ada").body["messages"] == [user("X")]
    assert (key("Ada").provider, key("Ada").registered) == ("openai-chat", False)
    assert key("a", "http://h/Ada/x?a=Ada#Ada").url == "http://h/X/x?a=Ada"
    assert key("a", "http://h/Ada").path == "/X"


def test_a_registered_normalizer_sees_the_call_and_makes_the_whole_identity() -> None:
    seen = []

    def detect(call: Any) -> bool:
        seen.append(call)
        return True

    unregister = register_normalizer(detect, lambda body: {"stream": True, **body, "x": 1}, name="mine")
    try:
        request = Request(
            "post", "https://H.Example:1/a/?q=1", Headers([("content-type", "")]), b'{"messages": [], "y": 2}'
        )
        found = identify(request, MatchOptions(), lambda tree: {**tree} if isinstance(tree, dict) else tree)
        assert [(call.method, call.host, call.path, dict(call.body)) for call in seen] == [
            ("POST", "h.example", "/a/", {"messages": [], "y": 2})
        ]
        assert (found.method, found.provider, found.registered, found.stream) == ("POST", "mine", True, True)
        assert found.matched == {"messages": [], "y": 2, "x": 1}
        stored = identify_recorded(
            "post", found.url, found.query, found.body, MatchOptions(), headers=found.headers, normalizer="mine"
        )
        assert (stored.key, stored.provider, stored.registered) == (found.key, "mine", True)
        assert len(seen) == 1
    finally:
        unregister()
        unregister()
    assert identity(CHAT, BASE).provider == "openai-chat"
    assert not identity(CHAT, BASE).registered


def test_the_last_registered_normalizer_is_asked_first() -> None:
    outs = [
        register_normalizer(lambda call: True, lambda body: {"n": 1}, name="first"),
        register_normalizer(lambda call: call.path == "/a", lambda body: {"n": 2}, name="last"),
    ]
    try:
        assert (identity("http://h/a", BASE).provider, identity("http://h/b", BASE).provider) == ("last", "first")
        assert identity("http://h/a", BASE).whole
    finally:
        for out in outs:
            out()
    for wrong in ((1, lambda body: body), (lambda call: True, "x")):
        with pytest.raises(TypeError, match=r"register_normalizer takes detect\(call\) and normalize\(body\), not"):
            register_normalizer(*wrong)  # type: ignore[arg-type]


# A change that gives any of these another key must raise KEYS_VERSION: files of before name the old ones.
KEYS = {
    "chat": ("f036100ee3620774", CHAT, {**BASE, "temperature": 1, "stream": True}),
    "whole": ("3596e77ba2d5b845", EMBEDDINGS, {"model": "m", "input": "a"}),
    "query": ("11bfb30f97e933e4", CHAT + "?b=2&a=1", BASE),
    "list": ("0b9bb8893cb055d3", "http://h/x", [1, {"a": None}]),
    "raw": ("90fabe525a0d0b43", "http://h/x", b"no JSON"),
    "picked": ("e13772352f035267", CHAT, DEEP),
    "masked": ("28ac69aea3125be7", CHAT, {**BASE, "messages": [user("on 2026-01-02")]}),
}
KEY_OPTIONS: dict[str, Any] = {
    "picked": {"match_on": ["model", "metadata[*].run"], "ignore": ["metadata[1].run"]},
    "masked": {"volatile": ["date"]},
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_stay_what_they_are(name: str) -> None:
    key, url, body = KEYS[name]
    assert identity(url, body, **KEY_OPTIONS.get(name, {})).short_key == key


# --- properties -------------------------------------------------------------------------------------------------------

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["model", "messages", "system", "tools", "tool_choice", "input", "instructions", "text", "stream", "role", "content",
     "type", "name", "function", "id", "tool_calls", "parameters", "input_schema", "response_format", "cache_control",
     "contents", "parts", "systemInstruction", "generationConfig", "toolConfig", "functionDeclarations", "functionCall",
     "toolUse", "toolUseId", "inferenceConfig", "maxTokens", "maxOutputTokens", "prompt", "message", "chat_history",
     "preamble", "images", "json_schema", "format", "output_config", "responseMimeType", "responseJsonSchema", "schema",
     "inputs", "inputText", "anthropic_version", "schemaVersion", "toolSpec", "inputSchema", "system_instruction",
     "generation_config", "tool_config", "output_format", "max_tokens", "max_completion_tokens", "max_output_tokens",
     "toolChoice", "json", "tool_call_id", "toolResult", "functionResponse", "cachePoint", "temperature"]
)  # fmt: skip
SHAPED = st.recursive(
    TREES
    | st.sampled_from(["user", "system", "developer", "text", "function", "tool_use", "tool_result", "json", "custom"])
    | st.sampled_from(["USER", "CHATBOT", "application/json", "json_schema", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
BODIES = st.dictionaries(NAMES | st.text(max_size=6), SHAPED, max_size=6)
URLS = st.sampled_from(
    [CHAT, RESPONSES, CLAUDE, EMBEDDINGS, "http://localhost:1/x", *(example.url for example in EXAMPLES.values())]
)


def shuffled(tree: Any, chance: random.Random) -> Any:
    if isinstance(tree, dict):
        items = [(key, shuffled(value, chance)) for key, value in tree.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(value, chance) for value in tree] if isinstance(tree, list) else tree


@settings(max_examples=400, deadline=None)
@given(URLS, BODIES, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_the_spacing_never_change_the_key(url: str, body: Any, chance: random.Random) -> None:
    other = json.dumps(shuffled(body, chance), indent=3).encode()
    assert identity(url, body).key == identity(url, other).key


@settings(max_examples=400, deadline=None)
@given(URLS, BODIES)
def test_a_stored_body_gives_the_key_that_the_request_had(url: str, body: Any) -> None:
    sent = identity(url, body)
    options = _settings.Settings().match
    stored = identify_recorded("POST", url, sent.query, copy.deepcopy(sent.body), options, headers=sent.headers)
    assert stored.key == sent.key
    assert stored.body == sent.body


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([CHAT, CLAUDE]), st.text(max_size=30), st.text(max_size=30))
def test_prompts_that_differ_never_share_a_key(url: str, one: str, other: str) -> None:
    assert same(url, {**BASE, "messages": [user(one)]}, {**BASE, "messages": [user(other)]}) == (one == other)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60), st.sampled_from(["application/json", "", "text/plain", "multipart/form-data; boundary=x"])
)
def test_any_bytes_have_an_identity(data: bytes, content_type: str) -> None:
    request = Request("POST", "http://h/x", Headers([("content-type", content_type)]), data)
    found = identify(request, _settings.Settings().match, lambda tree: tree)
    stored = identify_recorded(
        "POST", "http://h/x", found.query, found.body, _settings.Settings().match, headers=found.headers
    )
    assert stored.key == found.key
