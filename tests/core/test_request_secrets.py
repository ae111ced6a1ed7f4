"""Credentials where providers document them in requests, in headers of odd names, and in pieces of answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from promptecho._bodies.streams import format_of
from promptecho._bodies.streams._text import edit_text
from promptecho._matching.identity import MatchOptions, address, identify, identify_recorded
from promptecho._models import Headers, Request
from promptecho._secrets.credentials import carried_credentials
from promptecho._secrets.passes import Fields, Redactor, request_fields
from tests.core.test_redaction import JWT

OPAQUE = "Opaque7f3Kd92LmQx04VbTz81RwYp65"
KEY = "sk-proj-" + "aB3x" * 12
BODIES: dict[str, Any] = {
    "Anthropic MCP": {"mcp_servers": [{"type": "url", "url": "https://m", "authorization_token": OPAQUE}]},
    "OpenAI MCP": {"tools": [{"type": "mcp", "authorization": OPAQUE}]},
    "OpenAI MCP headers": {"tools": [{"type": "mcp", "headers": {"X-Acme": OPAQUE, "Accept": "text/plain"}}]},
    "OpenAI MCP cookie": {"tools": [{"type": "mcp", "headers": {"Cookie": f"s={OPAQUE}"}}]},
    "OpenAI MCP address": {"tools": [{"type": "mcp", "server_url": f"https://m/mcp?api_key={OPAQUE}"}]},
    "OpenAI MCP address with a password": {"tools": [{"server_url": f"https://me:{OPAQUE}@m/mcp"}]},
    "OpenAI containers": {"tools": [{"container": {"network_policy": {"domain_secrets": [{"name": "N", "value": OPAQUE}]}}}]},
    "Azure search": {"data_sources": [{"parameters": {"authentication": {"type": "api_key", "key": OPAQUE}}}]},
    "Azure embedding": {"data_sources": [{"parameters": {"embedding_dependency": {"authentication": {"key": OPAQUE}}}}]},
    "Azure connection": {"data_sources": [{"parameters": {"authentication": {"connection_string": f"AccountKey={OPAQUE}"}}}]},
    "Azure token": {"data_sources": [{"parameters": {"authentication": {"type": "access_token", "access_token": OPAQUE}}}]},
    "Elasticsearch": {"data_sources": [{"parameters": {"authentication": {"encoded_api_key": OPAQUE}}}]},
    "Vertex": {"tools": [{"retrieval": {"externalApi": {"apiAuth": {"apiKeyConfig": {"apiKeyString": OPAQUE}}}}}]},
    "Gemini MCP": {"tools": [{"mcpServers": [{"streamableHttpTransport": {"url": "https://m", "headers": {"X": OPAQUE}}}]}]},
    "LiteLLM": {"aws_secret_access_key": OPAQUE, "aws_session_token": OPAQUE},
    "extra headers": {"extra_headers": {"X-Acme": OPAQUE}},
    "MCP over stdio": {"mcp_servers": [{"command": "x", "env": {"ACME": OPAQUE}}]},
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_documented_field_of_a_request_is_masked_and_learnt(name: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **BODIES[name]}
    made = Redactor({})
    assert OPAQUE not in json.dumps(made.mask_tree(body))
    made.learn(Request("POST", "http://h/", Headers(), json.dumps(body).encode()))
    assert OPAQUE not in made.mask(f"it said {OPAQUE}")


@pytest.mark.parametrize(
    "body",
    [
        {
            "tools": [
                {"function": {"parameters": {"properties": {"headers": {"type": "object", "description": "All"}}}}}
            ]
        },
        {"tools": [{"input_schema": {"properties": {"password": {"type": "string"}, "env": {"description": "All"}}}}]},
        {"messages": [{"content": [{"headers": {"X": "y"}}]}], "metadata": {"headers": "two"}},
        {"tools": [{"type": "mcp", "headers": {"Accept": "text/plain", "content-type": "application/json"}}]},
    ],
)
def test_schemas_and_conversations_are_left_alone(body: Any) -> None:
    assert Redactor({}).mask_tree(body) == body


def test_what_a_conversation_calls_a_password_is_not_learnt() -> None:
    contents = [{"parts": [{"functionCall": {"args": {"password": "hunter2hunter2"}}}]}]
    request = Request("POST", "http://h/", Headers(), json.dumps({"contents": contents, "password": OPAQUE}).encode())
    assert carried_credentials(request) == (OPAQUE,)


@pytest.mark.parametrize(
    "name",
    ["authentication", "x-authtoken", "x-jwt", "x-session-id", "xapikey", "x-passphrase", "x-goog-iap-jwt-assertion",
     "x-acme-auth-header", "X-Access-Token-V2", "x_secret", "x-acme-apikey"],
)  # fmt: skip
def test_a_header_of_an_odd_name_carries_a_credential(name: str) -> None:
    assert OPAQUE in carried_credentials(Request("GET", "http://h/", Headers([(name, OPAQUE)])))


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-auth-type", "oauth2"), ("x-session-kind", "interactive"), ("idempotency-key", OPAQUE), ("x-author", OPAQUE)],
)
def test_a_header_that_only_sounds_like_it_carries_none(name: str, value: str) -> None:
    assert carried_credentials(Request("GET", "http://h/", Headers([(name, value)]))) == ()


@pytest.mark.parametrize(
    "name",
    ["x-subject-token", "mcp-session-id", "x-vault-token", "x-access-token", "X-Refresh-Token", "x-amz-security-token",
     "authentication-info", "x-csrf-token", "x-jwt"],
)  # fmt: skip
def test_a_header_that_hands_out_a_session_is_masked(name: str) -> None:
    assert Redactor({}).response_headers(Headers([(name, "abc")])).get(name) == "REDACTED"


@pytest.mark.parametrize(
    "name", ["x-ratelimit-remaining-tokens", "x-cache-key", "x-amzn-bedrock-input-token-count", "content-type", "etag"]
)
def test_a_header_that_hands_out_nothing_stays(name: str) -> None:
    assert Redactor({}).response_headers(Headers([(name, "42")])).get(name) == "42"


def test_the_values_after_a_fragment_of_an_address_are_masked() -> None:
    headers = Headers([("location", "https://h/cb#access_token=abc&state=1")])
    assert Redactor({}).response_headers(headers).get("location") == "https://h/cb#access_token=REDACTED&state=REDACTED"


@pytest.mark.parametrize(
    "query",
    ["x-oss-signature", "q-signature", "x-cos-security-token", "X-Tos-Signature", "x-obs-security-token", "Authorization",
     "hdnts", "__token__", "auth_key", "sig", "token", "api_key", "hm", "X-Amz-Signature", "X-Goog-Signature", "policy"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("before", "equals"), [("?a=1&", "="), ("?", "="), ("%3Fa%3D1%26", "%3D"), ("?a=1\\u0026", "=")]
)
def test_the_signature_of_each_cloud_is_masked(query: str, before: str, equals: str) -> None:
    text = f"https://a/b{before}{query}{equals}{OPAQUE}"
    assert OPAQUE not in Redactor({}).mask(text)
    assert not Redactor({}).is_clean(text.encode())


def across(pieces: list[bytes]) -> list[bytes]:
    stream = format_of("text/event-stream")
    assert stream is not None
    return Redactor({}).mask_across(pieces, stream.edited, Fields.IF_IT_LOOKS_LIKE_ONE)


def test_the_choices_of_a_stream_are_read_one_by_one() -> None:
    parts = [KEY[at : at + 5] for at in range(0, len(KEY), 5)]
    events = [
        b"data: " + json.dumps({"choices": [{"index": choice, "delta": {"content": text}}]}).encode() + b"\n\n"
        for part in parts
        for choice, text in ((0, part), (1, "other "))
    ]
    masked = [json.loads(piece[6:])["choices"][0] for piece in across(events)]
    said = ["".join(each["delta"]["content"] for each in masked if each["index"] == choice) for choice in (0, 1)]
    assert said == [Redactor({}).mask(KEY), "other " * len(parts)]


@pytest.mark.parametrize("key", [KEY, JWT])
def test_a_key_in_log_probabilities_is_masked_with_its_bytes(key: str) -> None:
    tokens = [key[at : at + 4] for at in range(0, len(key), 4)]
    content = [
        {"token": each, "bytes": list(each.encode()), "top_logprobs": [{"token": each, "bytes": list(each.encode())}]}
        for each in ["is ", *tokens, "."]
    ]
    body = json.dumps({"choices": [{"index": 0, "logprobs": {"content": content}}]}).encode()
    masked = json.loads(Redactor({}).mask_across([body], edit_text, Fields.IF_IT_LOOKS_LIKE_ONE)[0])
    read = masked["choices"][0]["logprobs"]["content"]
    for entries in (read, [each["top_logprobs"][0] for each in read]):
        assert "".join(each["token"] for each in entries) == f"is {Redactor({}).mask(key)}."
        assert bytes(octet for each in entries for octet in each["bytes"]).decode() == f"is {Redactor({}).mask(key)}."


def test_a_key_in_a_list_of_pieces_is_masked() -> None:
    body = json.dumps({"pieces": ["it is ", KEY[:9], KEY[9:], "!"]}).encode()
    masked = json.loads(Redactor({}).mask_across([body], edit_text, Fields.IF_IT_LOOKS_LIKE_ONE)[0])
    assert masked == {"pieces": ["it is ", Redactor({}).mask(KEY), "", "!"]}


def key_of(url: str, body: Any, kind: str = "application/json", method: str = "POST") -> tuple[str, str]:
    """The key of a request, and all that a file would have of it."""
    made, options = Redactor({}), MatchOptions()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, url, Headers([("content-type", kind)]), data)
    made.learn(request)
    path = address(url)[1]
    identity = identify(request, options, lambda tree: made.mask_tree(tree, fields=request_fields(method, path, tree)))
    written = json.dumps([identity.body, identity.query, identity.headers])
    again = identify_recorded(method, made.url(url), identity.query, identity.body, options, headers=identity.headers)
    assert again.key == identity.key  # what the file says
    return identity.key, written


def tool_call(**arguments: str) -> dict[str, Any]:
    function = {"name": "f", "arguments": json.dumps(arguments)}
    return {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": function}]}]}


CHAT = "https://h/v1/chat/completions"
EVERYDAY_PLACES: dict[str, Callable[[str], tuple[str, Any, str]]] = {
    "tool arguments": lambda word: (CHAT, tool_call(password=word), "application/json"),
    "tool arguments of Claude": lambda word: ("https://h/v1/messages", {"model": "m", "messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"api_key": word}}]}]}, "application/json"),
    "tool arguments of Gemini": lambda word: ("https://h/v1beta/models/g:generateContent", {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"passphrase": word}}}]}]}, "application/json"),
    "a document": lambda word: (CHAT, {"model": "m", "messages": [], "documents": [{"access_key": word}]}, "application/json"),
    "JSON in a prompt": lambda word: (CHAT, {"model": "m", "messages": [{"role": "user", "content": f'What is {{"password": "{word}"}}?'}]}, "application/json"),
    "an API of one's own": lambda word: ("https://h/colours", {"password": word}, "application/json"),
    "a form": lambda word: ("https://h/colours", f"a=1&password={word}".encode(), "application/x-www-form-urlencoded"),
    "a query": lambda word: (f"https://h/list?token={word}", b"", ""),
    "a query's code": lambda word: (f"https://h/list?client_id=app&code={word}", b"", ""),
    "a query's password": lambda word: (f"https://h/list?password={word}", b"", ""),
}  # fmt: skip


@pytest.mark.parametrize("place", EVERYDAY_PLACES)
@pytest.mark.parametrize(("one", "other"), [("red", "blue"), ("cats", "dogs"), ("production", "postgres")])
def test_two_everyday_words_are_two_requests(place: str, one: str, other: str) -> None:
    (first, written), (second, _) = (key_of(*EVERYDAY_PLACES[place](word)) for word in (one, other))
    assert first != second
    assert one in written


@pytest.mark.parametrize("place", EVERYDAY_PLACES)
def test_a_credential_is_no_part_of_a_request(place: str) -> None:
    (first, written), (second, _) = (
        key_of(*EVERYDAY_PLACES[place](value)) for value in (OPAQUE, OPAQUE.swapcase()[::-1])
    )
    assert first == second
    assert OPAQUE not in written


@pytest.mark.parametrize("url", ["https://h/login", "https://h/oauth/token"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [({"user": "u", "password": "postgres"}, "application/json"), (b"user=u&password=postgres", "application/x-www-form-urlencoded")],
)  # fmt: skip
def test_a_login_s_password_is_masked_whatever_it_is(url: str, body: Any, kind: str) -> None:
    assert "postgres" not in key_of(url, body, kind)[1]


@pytest.mark.parametrize("body", [b"grant_type=password&password=postgres"])
def test_a_login_is_known_by_what_it_sends(body: bytes) -> None:
    assert "postgres" not in key_of("https://h/x", body, "application/x-www-form-urlencoded")[1]


def test_a_password_that_is_no_word_is_masked_but_in_a_conversation() -> None:
    assert "hunter2" not in key_of("https://h/users", {"password": "hunter2"})[1]
    assert "hunter2" in key_of(CHAT, tool_call(password="hunter2"))[1]


def test_what_a_login_s_password_is_changes_no_other_text() -> None:
    made = Redactor({})
    made.learn(Request("POST", "http://h/x", Headers(), b'{"password": "postgres", "api_key": "production"}'))
    assert made.mask("the postgres of production") == "the postgres of production"


PARTS = ["it is ", KEY[:9], KEY[9:20], KEY[20:], " indeed"]


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


STREAMS: dict[str, tuple[str, list[bytes], Callable[[bytes], str]]] = {
    "SSE of texts": ("text/event-stream", [b"data: " + part.encode() + b"\n\n" for part in PARTS], lambda event: event[6:-2].decode()),
    "SSE of named texts": ("text/event-stream", [b"event: token\ndata: " + part.encode() + b"\n\nevent: ping\ndata: ping\n\n" for part in PARTS], lambda event: "" if b"ping" in event else event[19:-2].decode()),
    "SSE of JSON strings": ("text/event-stream", [b"data: " + dumps(part) + b"\n\n" for part in PARTS], lambda event: json.loads(event[6:])),
    "SSE of JSON lists": ("text/event-stream", [b"data: " + dumps(["text", {"t": part}]) + b"\n\n" for part in PARTS], lambda event: json.loads(event[6:])[1]["t"]),
    "SSE of several lines": ("text/event-stream", [b"data: " + dumps({"t": one}) + b"\ndata: " + dumps({"t": other}) + b"\n\n" for one, other in zip(PARTS[::2], [*PARTS[1::2], ""])],
                             lambda event: "".join(json.loads(line[6:])["t"] for line in event.split(b"\n") if line)),
    "NDJSON of strings": ("application/x-ndjson", [dumps(part) + b"\n" for part in PARTS], json.loads),
    "NDJSON of lists": ("application/x-ndjson", [dumps([part]) + b"\n" for part in PARTS], lambda event: json.loads(event)[0]),
    "lines of texts": ("application/x-ndjson", [part.encode() + b"\n" for part in PARTS], lambda event: event[:-1].decode()),
    "Vercel's data stream": ("", [b"0:" + dumps(part) + b"\n" for part in PARTS], lambda event: json.loads(event[2:])),
    "Vercel's with others": ("", [line for part in PARTS for line in (b"0:" + dumps(part) + b"\n", b'g:"hm"\n')], lambda event: json.loads(event[2:]) if event[:1] == b"0" else ""),
    "lines of JSON without a type": ("", [dumps({"t": part}) + b"\n" for part in PARTS], lambda event: json.loads(event)["t"]),
    "events without a type": ("", [b"data: " + part.encode() + b"\n\n" for part in PARTS], lambda event: event[6:-1].decode().rstrip("\n")),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_key_in_pieces_is_masked_in_streams_of_every_kind(name: str) -> None:
    kind, events, read = STREAMS[name]
    stream, made = format_of(kind), Redactor({})
    if stream is None:
        masked = made.mask_pieces(b"".join(events), Fields.IF_IT_LOOKS_LIKE_ONE).splitlines(keepends=True)
        masked = [line for line in masked if line.strip()]
    else:
        pieces = stream.split(b"".join(events))
        masked = made.mask_across(pieces, stream.edited, Fields.IF_IT_LOOKS_LIKE_ONE)
        assert len(masked) == len(pieces)
    assert "".join(map(read, masked)) == Redactor({}).mask("".join(PARTS))


def test_events_that_hold_no_key_stay_byte_by_byte() -> None:
    for kind, events, _ in STREAMS.values():
        data = b"".join(events).replace(KEY[9:20].encode(), b"").replace(b"sk-", b"")
        stream, made = format_of(kind), Redactor({}, known=["0123456789abcdefg"])
        if stream is None:
            assert made.mask_pieces(data, Fields.IF_IT_LOOKS_LIKE_ONE) == data
        else:
            assert made.mask_across(stream.split(data), stream.edited) == stream.split(data)


def chat(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


BASIC = base64.b64encode(f"me:{OPAQUE}".encode()).decode()
JWK = {"kty": "EC", "crv": "P-256", "x": "aB3x" * 10, "y": "cD4y" * 10, "d": OPAQUE + OPAQUE}
UNNAMED: dict[str, Any] = {
    **{name: {name: OPAQUE} for name in ("envdAccessToken", "participantToken", "signingSecret", "sessionKey", "BOT_TOKEN", "db-password", "OpenaiKey", "xApiKey", "acme_api_key")},
    "a name in a tool": tool_call(participantToken=OPAQUE),
    "a name in JSON": chat(json.dumps({"envdAccessToken": OPAQUE})),
    "Bearer": chat(f"curl -H 'X: Bearer {OPAQUE}' https://h"),
    "bearer in a URL": chat(f"https://h/?header=Bearer%20{OPAQUE}"),
    "user of a URL": chat(f"git clone https://{OPAQUE}@h/x.git"),
    "user of a URL with a word": chat(f"git clone https://{OPAQUE}:x-oauth-basic@h/x.git"),
    "password of a URL": chat(f"git clone https://me:{OPAQUE}@h/x.git"),
    "arguments": {"mcp_servers": [{"command": "npx", "args": ["-y", "server", "--api-key", OPAQUE]}]},
    "an argument": {"mcp_servers": [{"command": "npx", "args": ["-y", f"--api-key={OPAQUE}"]}]},
    "arguments in a tool": tool_call(args=["x", "--token", OPAQUE]),  # type: ignore[arg-type]
    "arguments in JSON": chat(json.dumps({"args": ["--api-key", OPAQUE]})),
    "arguments in a shell": chat(f"run server --access-token {OPAQUE} --port 80"),
    "an argument in a shell": chat(f"run server --api-key='{OPAQUE}' --port 80"),
    "a variable in a shell": chat(f"export GITHUB_TOKEN={OPAQUE}; run"),
    "a variable of Docker": {"mcp_servers": [{"args": ["run", "-e", f"API_KEY={OPAQUE}"]}]},
    "a JWK": {"metadata": {"jwk": JWK}},
    "a JWK in a prompt": chat(json.dumps(JWK)),
    "a JWK in a tool": tool_call(jwk=json.dumps(JWK)),
    "Telegram": chat(f"https://api.telegram.org/bot123456789:AA{OPAQUE}Qw3/getMe"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNNAMED)
def test_what_looks_like_a_credential_in_a_place_for_one_is_masked(name: str) -> None:
    written = key_of(CHAT, UNNAMED[name])[1]
    assert OPAQUE not in written
    text = json.dumps(UNNAMED[name])
    made = Redactor({})
    assert not made.is_clean(text.encode())
    assert OPAQUE not in made.mask(text, Fields.IF_IT_LOOKS_LIKE_ONE)
    json.loads(made.mask(text, Fields.IF_IT_LOOKS_LIKE_ONE))


@pytest.mark.parametrize("text", [f"Basic {BASIC}", f"basic%20{BASIC}", json.dumps({"x": f"Basic {BASIC}"})])
def test_a_user_and_password_are_masked_wherever_they_are(text: str) -> None:
    assert BASIC not in Redactor({}).mask(text)
    assert not Redactor({}).is_clean(text.encode())


def test_a_header_of_any_name_carries_what_follows_bearer() -> None:
    assert carried_credentials(Request("GET", "http://h/", Headers([("x-acme", f"Bearer {OPAQUE}")]))) == (OPAQUE,)


@pytest.mark.parametrize(
    "tree",
    [{name: OPAQUE} for name in ("nextPageToken", "continuation_token", "cache_key", "idempotencyKey", "primary_key", "s3Key", "monkey", "token", "keyword", "tokens", "turkey", "designToken")]
    + [{"sortKey": "0123456789abcdef0123456789abcdef"}, {"userKey": "7f0c1f4e-8f4e-4b4e-9d5e-00000000000a"}, {"envdAccessToken": "none-at-all"},
       {"t": "a bearer token is what the basic scheme replaced"}, {"t": "pass --token-limit 4096 --key created_at --auth none"},
       {"t": f"https://h/list?page_token={OPAQUE}"}, {"args": ["--output", OPAQUE]}, {"kty": "RSA", "n": "aB3x" * 20, "e": "AQAB"},
       {"t": "https://user@host.example/x and git@github.com:a/b.git"}],
)  # fmt: skip
def test_what_is_named_like_one_and_is_none_stays(tree: Any) -> None:
    made = Redactor({})
    assert made.mask_tree(tree, fields=Fields.UNLESS_EVERYDAY) == tree
    assert made.mask(json.dumps(tree), Fields.IF_IT_LOOKS_LIKE_ONE) == json.dumps(tree)
    assert made.found == ()
