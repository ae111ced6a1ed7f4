"""What must not reach the disk doesn't; what only looks like it stays."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._bodies.streams import format_of
from promptecho._models import Headers, Request
from promptecho._secrets.credentials import carried_credentials, environment_credentials
from promptecho._secrets.key_formats import runs
from promptecho._secrets.key_rules import all_rules
from promptecho._secrets.passes import REDACTED, Redactor
from promptecho.providers import KeyRule

SECRET = "tok-S3cret/Value+42=x"


def redactor(**environ: str) -> Redactor:
    return Redactor(environ)


def learned(*headers: tuple[str, str], url: str = "http://h/", body: bytes = b"") -> Redactor:
    made = redactor()
    made.learn(Request("POST", url, Headers(headers), body))
    return made


FORMS = [
    SECRET,
    quote(SECRET, safe=""),
    json.dumps(SECRET)[1:-1],
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(b"u:" + SECRET.encode()).decode(),
    base64.urlsafe_b64encode(b"abc" + SECRET.encode() + b"tail").decode(),
]
CARRIERS = [
    [("authorization", f"Bearer {SECRET}")],
    [("Authorization", SECRET)],
    [("proxy-authorization", f"Basic {base64.b64encode(b'me:' + SECRET.encode()).decode()}")],
    [("x-api-key", SECRET)],
    [("api-key", SECRET)],
    [("x-goog-api-key", SECRET)],
    [("x-amz-security-token", SECRET)],
    [("X-Custom-Token", SECRET)],
    [("cookie", f"session={SECRET}; other=1")],
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("headers", CARRIERS, ids=lambda headers: headers[0][0])
def test_a_carried_credential_is_masked_in_every_spelling(headers: list[tuple[str, str]], form: str) -> None:
    made = learned(*headers)
    for text in (form, f"echo: {form} end", json.dumps({"error": {"message": f"bad key {form}"}})):
        masked = made.mask(text)
        assert form not in masked
        assert SECRET not in masked
        assert made.mask_bytes(text.encode()) == masked.encode()


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (f"http://user:{quote(SECRET, safe='')}@h/x", b""),
        (f"http://h/x?key={quote(SECRET, safe='')}&a=1", b""),
        (f"http://h/x?X-Amz-Security-Token={quote(SECRET, safe='')}", b""),
        ("http://h/token", json.dumps({"client_secret": SECRET}).encode()),
        ("http://h/token", json.dumps({"a": {"refresh_token": SECRET}}).encode()),
    ],
)
def test_credentials_in_url_and_body_are_carried_too(url: str, body: bytes) -> None:
    made = learned(url=url, body=body)
    assert SECRET not in made.mask(f"echo {SECRET}")
    assert quote(SECRET, safe="") not in made.url(url)


def test_a_url_keeps_its_names_and_loses_its_values_userinfo_and_fragment() -> None:
    assert redactor().url("https://me:pw@h:1/a%2Fb?page=2&key=k&flag#frag") == (
        f"https://h:1/a%2Fb?page={REDACTED}&key={REDACTED}&flag"
    )


def test_response_headers_of_identity_are_masked_and_all_others_kept() -> None:
    headers = Headers(
        [("Set-Cookie", "a=1"), ("X-Id", "7"), ("set-cookie", "b=2"), ("openai-organization", "org-1"),
         ("Location", "https://u:p@s3/x?X-Amz-Signature=abcdef&v=1"), ("x-id", "8")]
    )  # fmt: skip
    assert redactor().response_headers(headers).pairs == (
        ("Set-Cookie", REDACTED), ("X-Id", "7"), ("set-cookie", REDACTED), ("openai-organization", REDACTED),
        ("Location", f"https://s3/x?X-Amz-Signature={REDACTED}&v={REDACTED}"), ("x-id", "8"),
    )  # fmt: skip


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLXRleHQ"
KEYS = {
    **{f"{rule.name}-{rule.prefixes[0]}": rule.example for rule in all_rules()},
    "JWT-ey": JWT,
    "PRIVATE_KEY---": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize(("rule", "key"), KEYS.items(), ids=KEYS)
def test_known_key_formats_get_stable_placeholders(rule: str, key: str) -> None:
    made = redactor()
    masked = made.mask(f"use {key} or {key}.")
    assert key not in masked
    assert made.found == (rule.partition("-")[0],)
    assert not made.is_clean(key.encode())
    first, second = masked[4:-1].split(" or ")
    assert first == second
    assert f"REDACTED_{made.found[0]}_" in first
    assert key not in made.mask(base64.b64encode(f"the key is {key}, keep it".encode()).decode())


def leaf(text: str) -> Any:
    """What a text says that was written as JSON, once or twice."""
    while text.startswith(("{", '"')):
        tree = json.loads(text)
        text = tree["text"] if isinstance(tree, dict) else tree
    return text


def as_json(text: str) -> str:
    return json.dumps({"text": text})


PLACES: dict[str, Callable[[str], str]] = {
    "alone": str,
    "in a sentence": lambda key: f"the key {key}, keep it",
    "after a name": lambda key: f"MY_KEY={key}",
    "in Markdown": lambda key: f"**{key}** _{key}_ `{key}`",
    "after an underscore": lambda key: f"token_{key}",
    "after a digit": lambda key: f"1{key}",
    "in JSON": lambda key: as_json(f"key:\n{key}\n"),
    "in JSON in JSON": lambda key: as_json(as_json(f"key:\n\t{key}\n")),
    "with escaped slashes": lambda key: as_json(key).replace("/", "\\/"),
    "as .NET writes it": lambda key: as_json(key).replace("+", "\\u002B").replace("=", "\\u003d"),
    "in a URL": lambda key: "https://a/b?x=1&k=" + quote(key, safe=""),
    "in a URL in a URL": lambda key: "https://a/?u=" + quote("https://b/?k=" + quote(key, safe=""), safe=""),
    "after quoted-printable": lambda key: f"key=3D{key}",
    "in a colour": lambda key: f"\x1b[31m{key}\x1b[0m",
    "in base64": lambda key: base64.b64encode(f"the key is {key}, keep it".encode()).decode(),
    "in base64url": lambda key: base64.urlsafe_b64encode(f"??? the key is {key}, keep it".encode()).decode(),
}


UNREADABLE = ("with escaped slashes", "as .NET writes it", "in a URL", "in a URL in a URL")


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: f"{rule.name}-{rule.prefixes[0]}")
def test_a_key_of_each_rule_is_masked_wherever_it_is(rule: KeyRule) -> None:
    key = rule.example
    secret = max(re.findall("[A-Za-z0-9]+", key), key=len)
    # What stands before the mark of such a key is told by its length, which escapes change.
    is_measured = rule.name == "AZURE_STORAGE_KEY" and "AccountKey=" not in rule.prefixes
    for place, dress in PLACES.items():
        if is_measured and place in UNREADABLE:
            continue
        made = redactor()
        written = dress(key)
        masked = made.mask(written)
        assert secret not in masked, place
        assert secret.encode() not in b" ".join(contents(masked)), place
        assert made.mask_bytes(written.encode()) == masked.encode(), place
        assert rule.name in made.found, place
        assert made.mask(masked) == masked, place
        if written.startswith("{"):
            leaf(masked)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: f"{rule.name}-{rule.prefixes[0]}")
def test_a_key_of_each_rule_is_masked_in_pieces(rule: KeyRule) -> None:
    key = rule.example
    middle = len(key) // 2
    for cut in (1, middle, len(key) - 1):
        body = as_json(f"it is {key} indeed").encode()
        at = body.index(key[:4].encode()) + cut
        whole = b"".join(redactor().mask_chunks([body[:at], body[at:]]))
        assert whole == redactor().mask_bytes(body)
        assert key.encode() not in whole
    spelt = across(redactor(), events("it is ", key[:3], key[3:middle], key[middle:], " indeed"))
    assert key not in "".join(spelt)
    assert "".join(spelt) == redactor().mask(f"it is {key} indeed")


HOSTILE = [
    "eyJ-", "eyJ", ".eyJ", "eyJhbGciOiJIUzI1.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\n1: ",
    '"password": "', '"password": {', '\\"password\\": \\"', '\\\\"api_key\\\\": \\\\"x', "&sig=", "?sig=", "&token=a1", "://a:", "://a:b",
    "authorization: bearer ", "<SessionToken>", "a=b&", "%25", "\\u002f", "\\", "AAAA\n", "aB3-", "Q~", "token=", '"token"', "=3D",
    "bearer ", "Basic ", "basic QUJD", "--api-key ", "--a-b-", "--token=", "API_KEY=", "_" * 50 + "key=", '"kty', '"a_token": "', '"--key", "',
    "://" + "a" * 600, '"' + "a-" * 30, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + "A" * 20 + "\\n", "Q" * 16 + "\n",
    "-sk-", "sk-a1b2-", "A" * 40 + "\n", "https://a:1/", "key=key?",
]  # fmt: skip


def cost(made: Redactor, text: str) -> float:
    """The CPU time that masking takes."""
    began = time.process_time()
    made.mask(text)
    return time.process_time() - began


@pytest.mark.parametrize(
    "unit", [*HOSTILE, *dict.fromkeys(rule.example[: len(rule.prefixes[0]) + 9] + "-" for rule in all_rules())]
)
def test_masking_takes_a_time_that_grows_with_the_text(unit: str) -> None:
    made = learned(("x-api-key", SECRET))
    length = 100_000 if unit in HOSTILE else 25_000
    small, large = (unit * (size // len(unit)) for size in (length, 2 * length))
    shortest = [float("inf"), float("inf")]
    for _ in range(6):  # another program may have had the processor's cache
        shortest = [min(best, cost(made, text)) for best, text in zip(shortest, (small, large))]
        if shortest[1] < 3.2 * shortest[0]:
            break
    assert shortest[1] < 3.2 * shortest[0]


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token": "abc.def-123456", "expires_in": 3600}',
        'data: {"refresh_token":"abc.def-123456"}\n\n',
        '{"text": "{\\"client_secret\\": \\"abc.def-123456\\"}"}',
        "<SecretAccessKey>abc.def-123456</SecretAccessKey>",
    ],
)
def test_token_responses_never_keep_their_tokens(text: str) -> None:
    masked = redactor().mask(text)
    assert "abc.def-123456" not in masked
    if text.startswith("{"):
        json.loads(masked)


def test_values_of_secret_looking_variables_are_masked() -> None:
    environ = {
        "MY_API_KEY": "v4lue-0f-mY-k3y",
        "DB_PASSWORD": "v4lue-0f-pW",
        "PGPASSWORD": "v4lue-0f-pG",
        "TOKENIZERS_PARALLELISM": "perhaps-so",
        "MAX_TOKENS": "many-tokens",
        "KEYBOARD": "qwertz-layout",
        "HOME": "/root",
    }
    assert environment_credentials(environ) == ("v4lue-0f-mY-k3y", "v4lue-0f-pW", "v4lue-0f-pG")
    assert redactor(**environ).mask("a v4lue-0f-mY-k3y b qwertz-layout") == f"a {REDACTED} b qwertz-layout"


@pytest.mark.parametrize(
    "text",
    [
        "7f0c1f4e-8f4e-4b4e-9d5e-000000000001",
        "sk-learn and the like",
        '{"max_tokens": 10, "total_tokens": 20}',
        "model ollama, key lm-studio",
        base64.b64encode(bytes(range(200))).decode(),
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    made = learned(("authorization", "Bearer ollama"), ("x-api-key", "lm-studio"))
    assert made.mask(text) == text
    assert made.found == ()


def test_a_secret_cut_across_chunks_is_masked_and_other_cuts_stay() -> None:
    made = learned(("x-api-key", SECRET))
    data = [b"data: one\n\n", b"data: " + SECRET[:9].encode(), SECRET[9:].encode() + b"\n\n", b"data: end\n\n"]
    masked = made.mask_chunks(data)
    assert b"".join(masked) == b"data: one\n\ndata: REDACTED\n\ndata: end\n\n"
    assert masked[0] == data[0]
    assert masked[-1] == data[-1]
    assert made.mask_chunks(data[:1]) == (data[0],)


@pytest.mark.parametrize("pattern", [r"C-\d+", re.compile(r"c-\d+", re.IGNORECASE)])
def test_one_s_own_patterns_fields_and_functions_mask_too(pattern: Any) -> None:
    made = Redactor({}, redact=["customer_id", pattern, lambda text: text.replace("Ada", "NAME")])
    assert made.mask_tree({"customer_id": "x", "text": "C-123 for Ada"}) == {
        "customer_id": REDACTED, "text": f"{REDACTED} for NAME",
    }  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80), st.binary(max_size=80), st.lists(st.binary(max_size=20), max_size=5))
def test_masking_is_idempotent_and_never_raises(text: str, data: bytes, chunks: list[bytes]) -> None:
    made = learned(("x-api-key", SECRET))
    masked = made.mask(text)
    assert made.mask(masked) == masked
    assert made.mask_bytes(made.mask_bytes(data)) == made.mask_bytes(data)
    assert b"".join(made.mask_chunks(chunks)) == made.mask_bytes(b"".join(chunks))
    made.url(text)
    carried_credentials(Request("POST", "http://h/?" + text, Headers([("authorization", text)]), data))


FRAGMENTS = st.sampled_from(
    [SECRET, SECRET[:12], *FORMS, "sk-ant-api03-" + "Ab1_" * 10, "AKIAIOSFODNN7EXAMPLE", "xoxb-1234567890-abcdef",
     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLXRleHQ", '"access_token": "abcdef"', "access_token=abcdef&a=b",
     "<SecretAccessKey>abcdef</SecretAccessKey>", "<AccessKeyId>abcdef</AccessKeyId>", '{\\"client_secret\\": \\"abc.def\\"}', "max_tokens", "-----BEGIN PRIVATE KEY-----",
     base64.b64encode(b"the key is sk-proj-" + b"aB3x" * 12).decode(), "claude-opus-4-8-20250101", "short", "a&b<c>9"]
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(FRAGMENTS | st.text(max_size=12), max_size=5), st.sampled_from([SECRET, "a&b<c>9", "x" * 40, "Short1"]))
def test_what_is_called_clean_is_never_changed(parts: list[str], credential: str) -> None:
    made = redactor()
    made.learn(Request("POST", "http://h/", Headers([("x-api-key", credential)]), b""))
    text = "".join(parts)
    if made.is_clean(text.encode("utf-8", "surrogatepass")):
        assert made.mask(text) == text
        encoded = json.dumps({"prompt": text})
        assert not made.is_clean(encoded.encode()) or made.mask_tree({"prompt": text}) == {"prompt": text}


# --- what a request carries -------------------------------------------------------------------------------------------


def carried(*headers: tuple[str, str], url: str = "http://h/", body: bytes = b"") -> tuple[str, ...]:
    return carried_credentials(Request("POST", url, Headers(headers), body))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc-1234", ("Bearer abc-1234", "abc-1234")),
        ("authorization", "abc-1234", ("abc-1234",)),
        ("authorization", "Bearer  abc-1234 ", ("Bearer  abc-1234 ", "abc-1234")),
        (
            "Proxy-Authorization",
            "BASIC " + base64.b64encode(b"me-user:pa:ssword").decode(),
            ("BASIC bWUtdXNlcjpwYTpzc3dvcmQ=", "bWUtdXNlcjpwYTpzc3dvcmQ=", "me-user:pa:ssword", "pa:ssword"),
        ),
        ("authorization", "Basic no-base64", ("Basic no-base64", "no-base64")),
        ("authorization", "Basic /////w==", ("Basic /////w==", "/////w==")),
        ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/2026/us, Signature=abcdef", ("AKIDEXAMPLE",)),
        ("cookie", "a=first1; b = second=2 ;short=x", ("first1", "second=2")),
        ("X-Amz-Security-Token", "session-1", ("session-1",)),
        ("x_secret", "value-12", ("value-12",)),
        ("My.Api-Key", "value-12", ("value-12",)),
        ("monkey", "value-12", ()),
        ("tokens-left", "value-12", ()),
        ("x-api-key", "12345", ()),
        ("x-api-key", "123456", ("123456",)),
        ("x-api-key", "OLLAMA", ()),
        ("x-api-key", REDACTED, ()),
        ("content-type", "application/json", ()),
    ],
)
def test_a_header_carries_these_credentials(name: str, value: str, expected: tuple[str, ...]) -> None:
    assert carried((name, value)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://my-user:pass%2Fword@h/", ("pass/word", "my-user:pass%2Fword")),
        ("http://h/?KEY=abcdef1&a=bcdefg1&sig=abcdef2", ("abcdef1", "abcdef2")),
        ("http://h/?page_token=abcdef1&next_token=abcdef2&my-token=abcdef3", ("abcdef3",)),
        ("http://h/?monkey=abcdef1&author=abcdef2", ()),
    ],
)
def test_a_url_carries_these_credentials(url: str, expected: tuple[str, ...]) -> None:
    assert carried(url=url) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"password": "abcdef1", "Api_Key": "abcdef2", "name": "abcdef3"}', ("abcdef1", "abcdef2")),
        (b' [{"a": [{"client_secret": "abcdef1"}]}]', ("abcdef1",)),
        (b'{"a": {"b": {"c": {"d": [{"e": {"refresh_token": "abcdef1"}}]}}}}', ("abcdef1",)),
        (b'{"password": 1234567, "id_token": ["abcdef1"]}', ()),
        (b"grant_type=x&client_secret=abc+d3f&Password=abcdef1&user=abcdef2", ("abc d3f", "abcdef1")),
        (b'{"password": "abcdef1"', ()),
        (b'{"password": "abcdef1\xff"}', ()),
        (b'{"password": "abcdef1"}' + b" " * 1_000_000, ()),
        (b"[" * 100_000 + b'"password"', ()),
    ],
)
def test_a_body_carries_these_credentials(body: bytes, expected: tuple[str, ...]) -> None:
    assert carried(body=body) == expected


def test_what_is_carried_is_told_once_and_only_of_the_headers_that_are_asked_for() -> None:
    request = Request(
        "GET", "http://h/", Headers([("x-api-key", "abcdef1"), ("api-key", "abcdef1"), ("auth", "abcdef2")])
    )
    assert carried_credentials(request) == ("abcdef1", "abcdef2")
    assert carried_credentials(request, [("auth", "abcdef2")]) == ("abcdef2",)
    assert carried_credentials(request, []) == ()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OPENAI_API_KEY", "aB3dEf9h", True),
        ("KEY_OF_MINE", "aB3dEf9h", True),
        ("github_token", "aB3dEf9h", True),
        ("APIKEY", "aB3dEf9h", True),
        ("X_SECRET_Y", "aB3dEf9h", True),
        ("X_API_KEY", "abcdefg", False),
        ("X_API_KEY", "no-key-required", False),
        ("X_API_KEY", "/path/to/key", False),
        ("X_API_KEY", "~/path/to/key", False),
        ("X_API_KEY", "./path/to/key", False),
        ("X_API_KEY", "C:\\path\\to\\key", False),
        ("X_API_KEY", "123456789", False),
        ("X_API_KEY", "12345678a", True),
        ("X_API_KEY", "https://host/path", False),
        ("MAX_TOKENS_PER_CALL", "abcdefgh", False),
    ],
)
def test_a_variable_holds_a_credential_or_not(name: str, value: str, expected: bool) -> None:
    assert environment_credentials({name: value}) == ((value,) if expected else ())


# --- masking ----------------------------------------------------------------------------------------------------------


def test_credentials_are_learnt_one_after_the_other() -> None:
    made = redactor()
    assert made.version == 0
    for number, value in enumerate(("first-credential", "second-credential")):
        made.learn(Request("GET", "http://h/", Headers([("x-api-key", value)])))
        assert made.version == number + 1
    made.learn(Request("GET", "http://h/", Headers([("x-api-key", "first-credential")])))
    assert made.version == 2
    assert made.mask("first-credential, second-credential") == f"{REDACTED}, {REDACTED}"
    assert not made.is_clean(b"it is first-credential")
    assert not made.is_clean(b"it is second-credential")


def test_of_a_request_that_was_seen_only_fresh_headers_are_looked_at() -> None:
    made = redactor()
    request = Request(
        "POST", "http://h/?api_key=in-the-query", Headers([("x-api-key", "in-a-header")]), b'{"password": "1n-a-body"}'
    )
    made.learn(request, only_headers=True)
    assert made.mask("in-a-header in-the-query 1n-a-body") == f"{REDACTED} in-the-query 1n-a-body"
    other = redactor()
    other.learn(Request("POST", request.url, Headers(), request.body), only_headers=True)
    assert other.mask("in-the-query 1n-a-body") == "in-the-query 1n-a-body"
    other.learn(Request("POST", request.url, Headers(), request.body))
    assert other.mask("in-the-query 1n-a-body") == f"{REDACTED} {REDACTED}"


def test_a_url_masked_before_a_credential_was_learnt_is_masked_again() -> None:
    made = redactor()
    assert made.url("http://h/secret-in-path") == "http://h/secret-in-path"
    assert made.response_headers(Headers([("x", "secret-in-path")])).get("x") == "secret-in-path"
    made.learn(Request("GET", "http://h/", Headers([("x-api-key", "secret-in-path")])))
    assert made.url("http://h/secret-in-path") == f"http://h/{REDACTED}"
    assert made.response_headers(Headers([("x", "secret-in-path")])).get("x") == REDACTED


def test_any_number_of_urls_and_headers_is_masked_each_as_itself() -> None:
    made = redactor()
    for number in range(600):
        assert made.url(f"http://h/{number}?a={number}") == f"http://h/{number}?a={REDACTED}"
        assert made.response_headers(Headers([("x", str(number))])).get("x") == str(number)
    assert made.response_headers(Headers([("set-cookie", "7"), ("x", "7")])).pairs == (
        ("set-cookie", REDACTED),
        ("x", "7"),
    )


def test_variables_of_the_environment_are_looked_at_when_they_are_needed() -> None:
    environ = {"X_TOKEN": "v4lue-0f-M1ne"}
    for use in (
        lambda made: made.is_clean(b"v4lue-0f-M1ne"),
        lambda made: made.mask("v4lue-0f-M1ne") != REDACTED,
        lambda made: made.mask_bytes(b"v4lue-0f-M1ne") != REDACTED.encode(),
        lambda made: made.learn(Request("GET", "http://h/")) or made.mask_tree("v4lue-0f-M1ne") != REDACTED,
    ):
        assert not use(Redactor(environ))


SIGNATURE = "0123456789abcdef" * 4


SIGNED = "aB%2BcD~-_eF%2FgH4iJ5"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (f"https://a/b.png?se=2026&sig={SIGNED}&x=1", "https://a/b.png?se=2026&sig=REDACTED&x=1"),
        (
            f"https://a/b?X-Amz-Date=1&X-Amz-Security-Token={SIGNED}&X-Amz-Signature={SIGNED}",
            "https://a/b?X-Amz-Date=1&X-Amz-Security-Token=REDACTED&X-Amz-Signature=REDACTED",
        ),
        (f"(https://a/b?X-Goog-Signature={SIGNED})", "(https://a/b?X-Goog-Signature=REDACTED)"),
        (f"https://a/b?a=1&Signature={SIGNED}&Key-Pair-Id=K1.", "https://a/b?a=1&Signature=REDACTED&Key-Pair-Id=K1."),
        (f"https://a/b?a=1\\u0026Signature={SIGNED}\\u0026c=1", "https://a/b?a=1\\u0026Signature=REDACTED\\u0026c=1"),
        (f"https://a/b?a=1&amp;signature={SIGNED}&amp;c=1", "https://a/b?a=1&amp;signature=REDACTED&amp;c=1"),
        (f"u=https%3A%2F%2Fa%3Fx%3D1%26Signature%3D{SIGNED}", "u=https%3A%2F%2Fa%3Fx%3D1%26Signature%3DREDACTED"),
        (f"https://a/cb?access_token={SIGNED}", "https://a/cb?access_token=REDACTED"),
        ("https://a/b?sig=short1&signature_version=2", "https://a/b?sig=short1&signature_version=2"),
        ("https://a/b?access_token=YOUR_LONG_ACCESS_TOKEN", "https://a/b?access_token=YOUR_LONG_ACCESS_TOKEN"),
    ],
)
def test_of_a_signed_url_in_a_body_the_signature_is_masked(url: str, masked: str) -> None:
    made = redactor()
    assert made.mask(url) == masked
    body = json.dumps({"data": [{"url": url}]})
    assert made.mask(body) == json.dumps({"data": [{"url": masked}]})
    assert url == masked or not made.is_clean(body.encode())


def test_a_signature_of_a_request_is_masked_and_any_other_digest_stays() -> None:
    made = learned(("authorization", f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x, Signature={SIGNATURE}"))
    other = "f" * 64
    assert made.mask(f"{SIGNATURE.upper()} {SIGNATURE} {other}") == f"{REDACTED} {REDACTED} {other}"
    assert redactor().mask(SIGNATURE) == SIGNATURE


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"Password" : "abcd", "token": "abcd"}', '{"Password" : "REDACTED", "token": "abcd"}'),
        ('{"password": "abc"}', '{"password": "REDACTED"}'),
        ('{"password": "", "a": "b"}', '{"password": "", "a": "b"}'),
        (r'{"id_token":"a\/b\u002B\"c\\","a":"b"}', '{"id_token":"REDACTED","a":"b"}'),
        (
            r'{"x":"{\"id_token\":\"a\\\/b\\\"c\u00e9\\\\\",\"a\":\"b\"}"}',
            r'{"x":"{\"id_token\":\"REDACTED\",\"a\":\"b\"}"}',
        ),
        (r'{"x":"{\"id_token\":\"\",\"a\":\"b\"}"}', r'{"x":"{\"id_token\":\"\",\"a\":\"b\"}"}'),
        (r'"\"{\\\"id_token\\\":\\\"a\\\\\/b\\\"}\""', r'"\"{\\\"id_token\\\":\\\"REDACTED\\\"}\""'),
        ('{"client_secret": {"value": "ab", "at": 1}}', '{"client_secret": {"value": "REDACTED", "at": 1}}'),
        ('{"client_secret": {"at": 1, "value": "ab"}}', '{"client_secret": {"at": 1, "value": "REDACTED"}}'),
        ('{"password": {"type": "string"}, "value": "ab"}', '{"password": {"type": "string"}, "value": "ab"}'),
        ('{"id_token":"cut o', '{"id_token":"REDACTED'),
        (r'{"x":"{\"id_token\":\"cut\\', r'{"x":"{\"id_token\":\"REDACTED\\'),
        ('{\\"api_key\\": \\"abcd\\"}"', '{\\"api_key\\": \\"REDACTED\\"}"'),
        ('{"SecretAccessKey": "abcd", "Token": "efgh"}', '{"SecretAccessKey": "REDACTED", "Token": "REDACTED"}'),
        ('{"Token": "efgh"}', '{"Token": "efgh"}'),
        ("a=1&access_token=abc+d&b=2", "a=1&access_token=REDACTED&b=2"),
        ("password=x", "password=REDACTED"),
        ("password=x and so on", "password=x and so on"),
        ("my_password=x", "my_password=x"),
        ("<AccessKeyId>abcd</AccessKeyId><A>abcd</A>", "<AccessKeyId>REDACTED</AccessKeyId><A>abcd</A>"),
        ("<SessionToken>abcd</AccessKeyId>", "<SessionToken>abcd</AccessKeyId>"),
    ],
)
def test_fields_of_credentials_are_masked_in_texts(text: str, masked: str) -> None:
    assert redactor().mask(text) == masked
    assert redactor().mask_bytes(text.encode()) == masked.encode()


def test_fields_of_credentials_are_masked_in_trees() -> None:
    tree = {
        "PASSWORD": "x",
        "a": [{"api_key": "y", "n": 1}],
        "password": {"api_key": ""},
        "secret": "kept",
        "id_token": 5,
    }
    assert redactor().mask_tree(tree) == {
        "PASSWORD": REDACTED, "a": [{"api_key": REDACTED, "n": 1}], "password": {"api_key": ""}, "secret": "kept", "id_token": 5,
    }  # fmt: skip


def test_a_tree_without_anything_to_mask_is_given_back_as_it_is() -> None:
    tree = {"a": ["b", {"c": 1}], "d": None}
    assert redactor().mask_tree(tree) is tree
    assert redactor().mask_tree({"AKIAIOSFODNN7EXAMPLE": 1}) != {"AKIAIOSFODNN7EXAMPLE": 1}


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("pad", ["", ">", ">>", ">>>?", ">>>>>", ">>>>>>>"])
def test_a_key_inside_base64_is_masked_there_and_the_rest_of_it_stays(encode: Any, pad: str) -> None:
    key = "sk-proj-" + "aB3x" * 12
    made = redactor()
    hidden = encode(f"{pad}é>>>???{key} and on>>>".encode()).decode()
    masked = made.mask(f"see {hidden} or {hidden.rstrip('=')}.")
    placeholder = made.mask(key)
    placeholder += "_" * ((len(key) - len(placeholder)) % 3)
    plain = encode(f"{pad}é>>>???{placeholder} and on>>>".encode()).decode()
    assert masked == f"see {plain} or {plain.rstrip('=')}."
    assert made.found == ("OPENAI_KEY",)
    for harmless in (
        encode(b"\xff\xfe" * 40).decode(),
        encode(b"only words, nothing to hide, at all").decode(),
        "a" * 41,
    ):
        assert made.mask(harmless) == harmless


BEFORE = ["", "a ", "a\n", "\t", "ab\n", "é", "€", "path/", "x" * 50, "/", "\\", '"']


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("pad", [b"", b"\xff", b"\xfe\xff"])
@pytest.mark.parametrize(
    "write", [str, json.dumps, lambda text: json.dumps(text).replace("/", "\\/")], ids=["plain", "JSON", "/"]
)
def test_base64_is_looked_into_whatever_stands_before_it_and_however_it_is_written(
    before: str, pad: bytes, write: Callable[[str], str]
) -> None:
    key = "sk-proj-" + "aB3x" * 12
    blob = base64.b64encode(pad + b"??>>??>>it is " + key.encode() + b", keep it" + pad).decode()
    masked = redactor().mask(write(before + blob + "\n"))
    text = masked if write is str else json.loads(masked)
    assert text.startswith(before)
    content = base64.b64decode(text[len(before) :])
    assert content.startswith(pad + b"??>>??>>it is REDACTED_OPENAI_KEY_")
    assert content.endswith(b", keep it" + pad)
    assert key.encode() not in content


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\\r\\n"])
@pytest.mark.parametrize("width", [40, 64, 76])
@pytest.mark.parametrize("place", range(0, 60, 7))
def test_base64_that_is_cut_in_lines_is_read_as_one(end: str, width: int, place: int) -> None:
    key = "sk-proj-" + "aB3x" * 12
    made = learned(("x-api-key", SECRET))
    data = b"." * place + b" " + key.encode() + b" " + b"." * (60 - place) + b" " + b"-" * 90
    text = base64.b64encode(data).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    masked = made.mask(f"it is:{end}{end.join(lines)}{end}")
    kept = [line for line in masked.split(end)[1:] if line]
    assert {len(line) for line in kept[:-1]} == {width}
    content = base64.b64decode("".join(kept))
    assert content.startswith(b"." * place + b" REDACTED_OPENAI_KEY_")
    assert content.endswith(b" " + b"." * (60 - place) + b" " + b"-" * 90)
    told = base64.b64encode(b"." * (place + 30) + SECRET.encode() + b"." * 60).decode()
    lines = [told[at : at + width] for at in range(0, len(told), width)]
    assert SECRET.encode() not in base64.b64decode(made.mask(end.join(lines)).replace(end, "") + "===")


@st.composite
def hidden_keys(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text with keys in base64 texts that are written in all ways, and the keys."""
    around = st.binary(min_size=10, max_size=60).map(lambda data: bytes(b"abc .\xff\n"[each % 7] for each in data))
    keys = draw(st.lists(st.sampled_from([*KEYS.values(), SECRET]), min_size=1, max_size=4))
    texts = []
    for key in keys:
        data = draw(around) + b" " + key.encode() + b" " + draw(around)
        text = draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))(data).decode()
        text = draw(st.sampled_from([text, text.rstrip("=")]))
        width, end = draw(st.sampled_from([40, 64, 76, 1000])), draw(st.sampled_from(["\n", "\r\n"]))
        texts.append(end.join(text[at : at + width] for at in range(0, len(text), width)))
    whole = draw(st.sampled_from(["", "x ", "é", "a\n"])) + draw(st.sampled_from([" ", ",", "\n\n", '"'])).join(texts)
    spelt = [whole, json.dumps(whole), json.dumps(whole).replace("/", "\\/"), as_dotnet(whole)]
    return draw(st.sampled_from(spelt)), keys


def as_dotnet(text: str) -> str:
    return json.dumps(text).replace("+", "\\u002B").replace("=", "\\u003d")


def contents(text: str) -> Iterator[bytes]:
    """What base64 in a text says, wherever one begins to read."""
    joined = re.sub(r"\\r|\\n|\r|\n|\\(?=/)", "", text.replace("\\u002B", "+").replace("\\u003d", "="))
    for found in re.findall("[A-Za-z0-9+/_-]{20,}", joined):
        for skipped in range(4):
            digits = found[skipped:].replace("-", "+").replace("_", "/")
            yield base64.b64decode(digits[: len(digits) // 4 * 4])


@settings(deadline=None)
@given(hidden_keys())
def test_no_key_is_left_in_base64_and_what_is_masked_is_masked_for_good(hidden: tuple[str, list[str]]) -> None:
    text, keys = hidden
    made = redactor(X_TOKEN=SECRET)
    assert not made.is_clean(text.encode())
    masked = made.mask(text)
    assert not [key for key in keys for content in contents(masked) if key.encode() in content]
    assert made.mask(masked) == masked
    if text.startswith('"'):
        json.loads(masked)


def test_each_of_several_base64_texts_is_looked_into() -> None:
    keys = ["sk-proj-" + "aB3x" * 12, "AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9]
    blobs = [
        base64.b64encode(f"{'.' * number} the key is {key} indeed".encode()).decode().rstrip("=")
        for number, key in enumerate(keys)
    ]
    for between in ("\n", " ", "\\n", "\n\n", "/"):
        made = redactor()
        masked = made.mask(between.join(blobs))
        assert set(made.found) == {"OPENAI_KEY", "AWS_KEY_ID", "GITHUB_TOKEN"}, between
        for blob in blobs:
            assert blob not in masked


@pytest.mark.parametrize(
    "spelling",
    [
        "pa\"ss/w\u00f6 <r>&'x",
        "pa%22ss%2Fw%C3%B6%20%3Cr%3E%26%27x",
        "pa%22ss%2Fw%C3%B6+%3Cr%3E%26%27x",
        "pa\\\"ss/w\\u00f6 <r>&'x",
        "pa\\\"ss\\/w\\u00f6 <r>&'x",
        "pa&quot;ss/w\u00f6 &lt;r&gt;&amp;&#x27;x",
        "pa&quot;ss/w\u00f6 &lt;r&gt;&amp;&#39;x",
        "pa%22ss%2fw%c3%b6%20%3cr%3e%26%27x",
        "pa%22ss/w%C3%B6%20%3Cr%3E%26'x",
        "pa\\u0022ss/w\u00f6 \\u003Cr\\u003E\\u0026\\u0027x",
        "pa\\\\\\\"ss\\\\/w\\\\u00f6 <r>\\\\u0026'x",
        "pa&#34;ss&#x2F;w&#246; &#60;r&#62;&#38;&#039;x",
    ],
)
def test_a_credential_of_odd_signs_is_masked_as_each_language_spells_it(spelling: str) -> None:
    made = Redactor({}, known=["pa\"ss/w\u00f6 <r>&'x"])
    assert made.mask(f"<<{spelling}>>") == f"<<{REDACTED}>>"
    assert not made.is_clean(spelling.encode())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b"a" * 14, []),
        (b"a" * 15, [b"a" * 15]),
        (b'"aB3_.+/-aB3_.+/"', [b"aB3_.+/-aB3_.+/"]),
        (b"short and sweet " + b"b" * 20 + b"=" + b"c" * 14 + b" " + b"d" * 16, [b"b" * 20, b"d" * 16]),
        (b"e" * 15 + b" " + b"f" * 30, [b"e" * 15, b"f" * 30]),
        (b" " + b"g" * 15 + b" ", [b"g" * 15]),
    ],
)
def test_the_runs_that_could_be_a_key_are_found(data: bytes, found: list[bytes]) -> None:
    assert runs(data) == found


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("secret", ["tok-S3cret/Value+42=x", "\xfb\xff??>>~~secret", "0123456789aW"])
def test_inside_base64_each_sign_that_comes_from_a_credential_alone_is_masked(
    before: int, after: int, secret: str
) -> None:
    made = Redactor({}, known=[secret])
    data = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(b"\0" * before + data + b"\0" * after).decode()
        first, last = -(-8 * before // 6), 8 * (before + len(data)) // 6
        assert made.mask(f"<{text}>") == f"<{text[:first]}{REDACTED}{text[last:]}>"


@pytest.mark.parametrize(
    "secret", ["abc\udcffdefghij", "0123456789abcdef\udcff", "half \ud800 a pair", "ÿ" * 8, "??>>" * 4]
)
def test_a_credential_that_is_no_text_is_masked_too(secret: str) -> None:
    made = Redactor({}, known=[secret])
    assert made.mask(f"<{secret}>") == f"<{REDACTED}>"
    if "\ud800" not in secret:
        data = secret.encode("utf-8", "surrogateescape")
        assert made.mask_bytes(b"<" + data + b">") == f"<{REDACTED}>".encode()
        hidden = base64.b64encode(b"abc" + data + b"abc").decode()
        assert REDACTED in made.mask(f"<{hidden}>")


def test_of_a_short_credential_only_base64_of_eight_signs_is_known_for_it() -> None:
    made = redactor()
    made.learn(Request("GET", "http://h/", Headers([("x-api-key", "abc123")])))
    assert made.mask("<YWJjMTIz>") == f"<{REDACTED}>"
    shifted = base64.b64encode(b"\0abc123").decode()
    assert made.mask(shifted) == shifted


def test_a_text_with_a_long_credential_is_not_clean_and_others_are() -> None:
    made = learned(("x-api-key", "Abcdefghij0123456789"))
    assert not made.is_clean(b"it is Abcdefghij0123456789.")
    assert not made.is_clean(base64.b64encode(b"Abcdefghij0123456789"))
    assert made.is_clean(b"it is Abcdefghij9876543210.")


def test_chunks_of_a_stream_are_masked_by_its_format() -> None:
    made = learned(("x-api-key", SECRET))
    masked = made.mask_chunks([b"a", SECRET.encode()], lambda data, mask: b"<" + mask(data) + b">")
    assert b"".join(masked) == b"<aREDACTED>"


def test_a_header_of_odd_bytes_is_kept() -> None:
    assert redactor().response_headers(Headers([("x", "caf\udce9")])).get("x") == "caf\udce9"


def test_a_placeholder_tells_the_kind_of_a_key_and_equal_keys() -> None:
    made = redactor()
    one, other = ("AKIAIOSFODNN7EXAMPL" + end for end in "EF")
    digest = hashlib.sha256(one.encode()).hexdigest()[:6]
    assert made.mask(one) == f"REDACTED_AWS_KEY_ID_{digest}"
    assert made.mask(other) != made.mask(one)
    assert made.mask(f"x{one}") == f"x{one}"


@pytest.mark.parametrize(
    "before",
    [
        "\\n",
        "%0A",
        "\\u000a",
        "\\x00",
        "\x1b[m",
        "\x1b[0m",
        "\x1b[1;31m",
        "\\u001b[32m",
        "\\x1b[;1m",
        "\\033[7m",
        "=",
        '"',
    ],
)
def test_a_key_begins_after_escapes_and_colours_too(before: str) -> None:
    made = redactor()
    key = "sk-ant-api03-" + "AbCd1234" * 4
    assert made.mask(f"{before}{key} a{before}{key}") == f"{before}{made.mask(key)} a{before}{made.mask(key)}"
    assert not made.is_clean(f"{before}{key}".encode())


# --- chunks and events ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "masked"),
    [
        ([b"a " + SECRET.encode() + b" b"], (b"a REDACTED b",)),
        ([b"a ", SECRET.encode(), b" b"], (b"a ", b"REDACTED", b" b")),
        ([b"a ", SECRET[:5].encode(), SECRET[5:].encode(), b" b"], (b"a ", b"REDACTED", b" b")),
        ([b"a", b"b" + SECRET.encode() + b"c", b"d"], (b"a", b"bREDACTEDc", b"d")),
        ([SECRET.encode(), SECRET.encode(), b"x", b"y"], (b"REDACTED", b"REDACTED", b"x", b"y")),
        ([b"it is " + SECRET[:5].encode(), SECRET[5:].encode() + b" b"], (b"it is ", b"REDACTED b")),
        ([SECRET[:5].encode(), SECRET[5:].encode()], (b"REDACTED",)),
        ([b"\xff ", SECRET.encode() + b"\xfe"], (b"\xff ", b"REDACTED\xfe")),
        ([b"a", b"b"], (b"a", b"b")),
        ([], ()),
    ],
)
def test_chunks_keep_their_cuts_where_they_can(chunks: list[bytes], masked: tuple[bytes, ...]) -> None:
    assert learned(("x-api-key", SECRET)).mask_chunks(chunks) == masked


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([SECRET, "a ", '"', "REDACTED", "{", "\n", "é"]), max_size=8),
    st.lists(st.integers(0, 99), max_size=6),
)
def test_chunks_of_any_cut_are_masked_as_the_whole(parts: list[str], cuts: list[int]) -> None:
    made = learned(("x-api-key", SECRET))
    whole = "".join(parts).encode()
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[a:b] for a, b in zip(bounds, bounds[1:])]
    masked = made.mask_chunks(chunks)
    assert b"".join(masked) == made.mask_bytes(whole)
    if masked != tuple(chunks):
        assert b"" not in masked


def events(*texts: str, **more: Any) -> list[bytes]:
    return [b"data: " + json.dumps({"delta": {"text": text}, **more}).encode() + b"\n\n" for text in texts]


def across(made: Redactor, pieces: list[bytes]) -> list[str]:
    stream = format_of("text/event-stream")
    assert stream is not None
    masked = made.mask_across(pieces, stream.edited)
    assert len(masked) == len(pieces)
    return [json.loads(piece[6:])["delta"]["text"] if piece.startswith(b"data: {") else "" for piece in masked]


KEY, OLD_KEY = "sk-proj-" + "aB3x" * 12, "sk-" + "aB3x" * 12


@pytest.mark.parametrize(
    ("texts", "masked"),
    [
        (("a ", SECRET[:4], SECRET[4:9], SECRET[9:], " b"), ["a ", REDACTED, "", "", " b"]),
        (("a " + SECRET[:4], SECRET[4:] + " b"), ["a REDACTED", " b"]),
        ((SECRET[:4], SECRET[4:] + SECRET[:7], SECRET[7:]), [REDACTED, REDACTED, ""]),
        (("", SECRET[:4], "", SECRET[4:]), ["", REDACTED, "", ""]),
        (("desk-" + OLD_KEY[3:9], OLD_KEY[9:] + " ."), ["desk-" + OLD_KEY[3:9], OLD_KEY[9:] + " ."]),
        (("x" + SECRET + "y" + SECRET[:4], SECRET[4:]), [f"x{REDACTED}y{REDACTED}", ""]),
        ((SECRET[:4], "and", SECRET[4:]), [SECRET[:4], "and", SECRET[4:]]),
        ((SECRET,), [SECRET]),  # of one event, what stands there is masked before
    ],
)
def test_a_credential_spelled_over_events_is_masked_in_the_first(texts: tuple[str, ...], masked: list[str]) -> None:
    assert across(learned(("x-api-key", SECRET)), events(*texts)) == masked


@pytest.mark.parametrize(
    ("redact", "texts", "masked"),
    [
        ([], ('{"passw', 'ord": "op', 'ensesame"', "}"), ['{"passw', f'ord": "{REDACTED}', '"', "}"]),
        ([r"C-\d+", "x*"], ("C-", "12", "3 and C-4", "56"), [REDACTED, "", f" and {REDACTED}", ""]),
        (["name"], ('{"na', 'me": "A', 'da", "n', '": 1}'), ['{"na', f'me": "{REDACTED}', '", "n', '": 1}']),
        (["text.id"], ('{"i', 'd": 1', "23", "}"), ['{"i', 'd": 0', "", "}"]),
        (["delta.name"], ('{"na', 'me": "A"}'), ['{"na', 'me": "A"}']),
    ],
)
def test_fields_and_patterns_are_found_over_events(
    redact: list[str], texts: tuple[str, ...], masked: list[str]
) -> None:
    assert across(Redactor({}, redact=redact), events(*texts)) == masked


def test_a_key_format_spelled_over_events_is_masked_and_told() -> None:
    made = redactor()
    first, second, third = across(made, events("the key " + KEY[:9], KEY[9:30], KEY[30:] + "."))
    assert (first, second, third) == ("the key " + made.mask(KEY), "", ".")
    assert made.found == ("OPENAI_KEY",)


def test_texts_at_other_places_and_what_is_no_json_come_between_without_harm() -> None:
    made = learned(("x-api-key", SECRET))
    pieces = events(SECRET[:4])
    pieces += [b": ping\n\n", b"data: [DONE]\n\n", b'data: {"other": "x"}\n\n', b'data: {"delta": {"text": 5}}\n\n']
    pieces += events(SECRET[4:], index=1)
    stream = format_of("text/event-stream")
    assert stream is not None
    masked = made.mask_across(pieces, stream.edited)
    assert masked[1:5] == pieces[1:5]
    assert json.loads(masked[0][6:]) == {"delta": {"text": REDACTED}}
    assert json.loads(masked[5][6:]) == {"delta": {"text": ""}, "index": 1}


def test_each_place_in_the_events_is_a_text_of_its_own() -> None:
    made = learned(("x-api-key", SECRET))
    pieces = [
        b"data: " + json.dumps([{"a": a}, {"a": b}]).encode() + b"\n\n"
        for a, b in ((SECRET[:4], "x"), (SECRET[4:], "y"))
    ]
    stream = format_of("text/event-stream")
    assert stream is not None
    pieces = [piece.replace(b"data: [", b'data: {"l": [').replace(b"]\n", b"]}\n") for piece in pieces]
    masked = [json.loads(piece[6:]) for piece in made.mask_across(pieces, stream.edited)]
    assert masked == [{"l": [{"a": REDACTED}, {"a": "x"}]}, {"l": [{"a": ""}, {"a": "y"}]}]


# --- URLs and headers -------------------------------------------------------------------------------------------------


SIGNED = "aB%2BcD~-_eF%2FgH4iJ5"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://h", "http://h"),
        ("http://h?", "http://h"),
        ("http://h/?&&a=1&&b", f"http://h/?a={REDACTED}&b"),
        ("http://h/?a=1=2", f"http://h/?a={REDACTED}"),
        ("http://h/?AKIAIOSFODNN7EXAMPLE", "http://h/?" + Redactor({}).mask("AKIAIOSFODNN7EXAMPLE")),
        ("http://a@b@h/", "http://h/"),
    ],
)
def test_a_url_is_written_like_this(url: str, masked: str) -> None:
    assert redactor().url(url) == masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("Location", "https://u:p@h/a?b=c&d=e;f", "https://h/a?b=REDACTED&d=REDACTED;f"),
        (
            "LINK",
            "<https://h/?page=2>; rel=next, <https://h/?page=3>",
            "<https://h/?page=REDACTED>; rel=next, <https://h/?page=REDACTED>",
        ),
        ("x-callback-url", "https://u@h/?a=b#c", "https://h/?a=REDACTED#c"),
        ("x-text", "https://u:p@h/?a=b", "https://u:p@h/?a=b"),
        ("x-text", SECRET, REDACTED),
        ("X-Session-Id", "1", REDACTED),
    ],
)
def test_a_response_header_is_written_like_this(name: str, value: str, masked: str) -> None:
    assert learned(("x-api-key", SECRET)).response_headers(Headers([(name, value)])).pairs == ((name, masked),)


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        (b"", True),
        (b"a few words, and no more", True),
        (b"antidisestablishmentarianism", True),
        (b"a" * 39, True),
        (b"a" * 40, False),
        (b"x " * 100 + b"AKIAIOSFODNN7EXAMPLE", False),
        (b"my password is long", True),
        (b'my "password"', False),
        (b"password=", False),
        (b"<Token>", False),
        (b'\\"SECRET\\"', False),
        (b"a \\u0041", False),
        (b"PRIVATE KEY", False),
    ],
)
def test_a_text_is_called_clean_or_not(data: bytes, clean: bool) -> None:
    assert redactor().is_clean(data) is clean


@pytest.mark.parametrize("redact", [["name"], [r"\d+"], [str.lower]])
def test_nothing_is_called_clean_where_the_user_masks_too(redact: list[Any]) -> None:
    assert not Redactor({}, redact=redact).is_clean(b"a few words")
