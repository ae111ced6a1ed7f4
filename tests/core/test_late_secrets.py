"""What was written before a credential was known, and what is asked where nothing says that a value is one."""

from __future__ import annotations

import base64
import contextvars
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import CassetteMiss, use_cassette
from promptecho._cassette.store import read_text
from promptecho.errors import CassetteWarning
from tests.conformance.server import ScriptedServer
from tests.core.test_redaction import JWT

TOKEN = "Opaque7f3Kd92LmQx04VbTz81RwYp65"


class Echo(ScriptedServer):
    """Answers with what ``answer`` holds."""

    answer: Any = None

    def respond(self, handler: Any, body: bytes, number: int) -> None:
        from promptecho._cli._loopback import send

        send(handler, 200, "application/json", json.dumps(self.answer).encode())


@pytest.fixture
def server() -> Iterator[Echo]:
    with Echo() as running:
        yield running


def prompt(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def use_a_handle(url: str, client: httpx.Client) -> list[str]:
    """What a program does that gets a credential under a name that says nothing, and carries it two calls later."""
    handle = client.post(f"{url}/v1/things", json={"user": "u"}).json()["handle"]
    second = client.post(f"{url}/v1/chat/completions", json=prompt(f"use {handle}, please")).text
    third = client.get(f"{url}/me", headers={"authorization": f"Bearer {handle}"}).text
    return [handle, second, third]


def test_a_token_learnt_by_a_later_call_is_masked_in_what_was_written_before(server: Echo, tmp_path: Path) -> None:
    server.answer = {"handle": TOKEN}
    path = tmp_path / "c.yaml"
    with httpx.Client(trust_env=False) as client:
        with use_cassette(path) as cassette:
            assert use_a_handle(server.url, client)[0] == TOKEN
            assert TOKEN not in str([entry.document for entry in cassette.recorded])
        assert TOKEN not in path.read_text(encoding="utf-8")
        with use_cassette(path, "none") as cassette:
            assert use_a_handle(server.url, client)[0] == "REDACTED"
            assert len(cassette.played) == 3


def test_a_token_learnt_in_another_cassette_is_masked_in_the_first(server: Echo, tmp_path: Path) -> None:
    secret = TOKEN.swapcase()
    server.answer = {"handle": secret}
    login, open_too = tmp_path / "login.yaml", tmp_path / "open.yaml"
    with httpx.Client(trust_env=False) as client:
        with use_cassette(login):
            client.post(f"{server.url}/v1/things", json={"user": "u"})
        assert secret in login.read_text(encoding="utf-8")
        with use_cassette(open_too):
            client.post(f"{server.url}/v1/things", json={"user": "v"})

            def call() -> None:
                with use_cassette(tmp_path / "calls.yaml"):
                    client.get(f"{server.url}/me", headers={"authorization": f"Bearer {secret}"})

            contextvars.Context().run(call)
            client.post(f"{server.url}/v1/others", json={"user": "w"})
        for path in (login, tmp_path / "calls.yaml"):
            assert secret not in (read_text(path) or "")
        assert (read_text(open_too) or "").count("handle: REDACTED") >= 1
        with use_cassette(login, "none"):
            assert client.post(f"{server.url}/v1/things", json={"user": "u"}).json() == {"handle": "REDACTED"}


CODE = """
import sys, httpx, promptecho
with promptecho.use_cassette(sys.argv[1], sys.argv[3]):
    print(httpx.post(sys.argv[2] + "/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": sys.argv[4]}]}).text)
"""


def run(path: Path, url: str, mode: str, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(path), url, mode, text],
        env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("POSTGRES_PASSWORD", "postgres"), ("PRIMARY_KEY_COLUMN", "customer_id"), ("MINIO_SECRET_KEY", "minioadmin"),
     ("KEY_VAULT_NAME", "production"), ("ACME_TOKEN", TOKEN)],
)  # fmt: skip
def test_what_the_environment_says_is_no_condition_of_a_replay(
    server: Echo, tmp_path: Path, name: str, value: str
) -> None:
    server.answer = {"answer": f"the {value} database"}
    path, text = tmp_path / "c.yaml", f"Which tables has {value}?"
    recorded = run(path, server.url, "once", text, **{name: value})
    written = path.read_text(encoding="utf-8")
    assert (value in written) is (value != TOKEN)
    with_it, without = run(path, server.url, "none", text, **{name: value}), run(path, server.url, "none", text)
    assert with_it.stdout == without.stdout == recorded.stdout.replace(TOKEN, "REDACTED")


def test_a_cassette_in_which_a_word_was_masked_replays_where_the_variable_is_set(server: Echo, tmp_path: Path) -> None:
    server.answer = {"answer": 1}
    path = tmp_path / "c.yaml"
    assert run(path, server.url, "once", "Which tables has REDACTED?").returncode == 0
    found = run(path, server.url, "none", "Which tables has postgres?", POSTGRES_PASSWORD="postgres")
    assert found.stdout.strip() == '{"answer": 1}'


@pytest.mark.parametrize(
    "asked",
    ["Which tables has mysql?", "Which table has " + TOKEN + "?", "Which tables has " + TOKEN, f"Which tables has {TOKEN} {TOKEN}?",
     "Which tables has ?", "Which tables has postgres?"],
)  # fmt: skip
def test_a_placeholder_stands_for_no_word_and_for_nothing_else(server: Echo, tmp_path: Path, asked: str) -> None:
    path = tmp_path / "c.yaml"
    server.answer = {"answer": 1}
    with httpx.Client(trust_env=False) as client:
        with use_cassette(path):
            client.post(f"{server.url}/v1/chat/completions", json=prompt("Which tables has REDACTED?"))
        with use_cassette(path, "none"):
            client.post(f"{server.url}/v1/chat/completions", json=prompt(f"Which tables has {TOKEN}?"))
        with pytest.raises(CassetteMiss), use_cassette(path, "none"):
            client.post(f"{server.url}/v1/chat/completions", json=prompt(asked))


def test_of_two_recordings_that_a_value_fits_none_is_taken(server: Echo, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    server.answer = {"answer": 1}
    with httpx.Client(trust_env=False) as client:
        with use_cassette(path):
            for text in ("use REDACTED", "use REDACTED_OPENAI_KEY_0a1b2c"):
                client.post(f"{server.url}/v1/chat/completions", json=prompt(text))
        with pytest.raises(CassetteMiss), use_cassette(path, "none"):
            client.post(f"{server.url}/v1/chat/completions", json=prompt("use aREDACTED_OPENAI_KEY_0a1b2c"))


@pytest.mark.parametrize(
    "answer",
    [{"choices": [{"message": {"tool_calls": [{"function": {"arguments": '{"password": "Secret1"}'}}]}}]},
     {"content": [{"type": "tool_use", "input": {"password": "Secret1", "api_key": "the first"}}]},
     {"output": [{"arguments": '{"authorization": "none", "session_token": "x"}'}]},
     {"errors": {"password": "is too short"}}, {"password": "short1", "private_key": "no"}],
)  # fmt: skip
def test_an_answer_keeps_what_only_its_name_calls_a_credential(server: Echo, tmp_path: Path, answer: Any) -> None:
    server.answer = answer
    path = tmp_path / "c.yaml"
    with httpx.Client(trust_env=False) as client:
        for mode in ("once", "none"):
            with use_cassette(path, mode):
                assert client.post(f"{server.url}/v1/chat/completions", json=prompt("hi")).json() == answer


def test_what_looks_like_a_credential_in_an_answer_is_masked_and_said(server: Echo, tmp_path: Path) -> None:
    server.answer = {"content": [{"input": {"password": TOKEN}}]}
    path = tmp_path / "c.yaml"
    with httpx.Client(trust_env=False) as client, pytest.warns(CassetteWarning, match="the field 'password'"):
        with use_cassette(path):
            client.post(f"{server.url}/v1/chat/completions", json=prompt("hi"))
    assert TOKEN not in path.read_text(encoding="utf-8")


def test_a_masked_token_of_a_login_can_be_read(server: Echo, tmp_path: Path) -> None:
    def part(tree: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(tree).encode()).rstrip(b"=").decode()

    claims = {"iss": "https://login", "aud": "app", "sub": "someone", "email": "a@b.c", "exp": 1, "iat": 1, "n": 5}
    token = f"{part({'alg': 'RS256'})}.{part(claims)}.{'c2ln' * 12}"
    server.answer = {"access_token": token, "id_token": token, "token_type": "Bearer"}
    path = tmp_path / "c.yaml"
    with httpx.Client(trust_env=False) as client:
        with use_cassette(path):
            client.post(f"{server.url}/oauth2/v2.0/token", data={"grant_type": "authorization_code", "code": "abc"})
        with use_cassette(path, "none"):
            got = client.post(
                f"{server.url}/oauth2/v2.0/token", data={"grant_type": "authorization_code", "code": "abc"}
            )
    kept = got.json()["id_token"]
    parts = kept.split(".")
    read = [json.loads(base64.urlsafe_b64decode(each + "=" * (-len(each) % 4))) for each in parts[:2]]
    assert read[0] == {"alg": "RS256"}
    assert read[1] == {
        "iss": "https://login", "aud": "app", "sub": "REDACTED", "email": "REDACTED", "exp": 4_102_444_800, "iat": 1, "n": 0,
    }  # fmt: skip
    assert parts[2].startswith("REDACTED_JWT_")
    assert got.json()["access_token"] == kept
    jwt = pytest.importorskip("jwt")
    assert jwt.decode(kept, options={"verify_signature": False})["aud"] == "app"


@pytest.mark.filterwarnings("ignore::promptecho.errors.CassetteWarning")
def test_the_key_of_a_token_in_a_request_stays_the_same_when_the_masked_one_is_sent(
    server: Echo, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    server.answer = {"text": JWT}
    with httpx.Client(trust_env=False) as client:
        for mode in ("once", "none"):
            with use_cassette(path, mode):
                token = client.post(f"{server.url}/v1/chat/completions", json=prompt("hi")).json()["text"]
                client.post(f"{server.url}/v1/chat/completions", json=prompt(f"what is {token}?"))
    assert JWT not in path.read_text(encoding="utf-8")


def pieces_of(token: str) -> list[str]:
    return ["your key is ", token[:7], token[7:19], token[19:], ", keep it"]


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


IN_PIECES: dict[str, tuple[str, Any]] = {
    "events of JSON": ("text/event-stream", lambda parts: b"".join(b"data: " + dump({"choices": [{"index": 0, "delta": {"content": part}}]}) + b"\n\n" for part in parts)),
    "events of text": ("text/event-stream", lambda parts: b"".join(b"data: " + part.encode() + b"\n\n" for part in parts)),
    "NDJSON": ("application/x-ndjson", lambda parts: b"".join(dump({"response": part}) + b"\n" for part in parts)),
    "a list": ("application/json", lambda parts: dump({"pieces": parts})),
    "Vercel": ("text/plain", lambda parts: b"".join(b"0:" + dump(part) + b"\n" for part in parts)),
}  # fmt: skip


@pytest.mark.parametrize("place", IN_PIECES)
@pytest.mark.parametrize("when", ["before", "after", "in another cassette"])
def test_a_token_that_an_answer_has_in_pieces_is_masked_whenever_it_is_learnt(
    tmp_path: Path, place: str, when: str
) -> None:
    kind, write = IN_PIECES[place]
    token = TOKEN[::-1] + when.encode().hex()[-20:]  # handed out again in each place, when it is known already

    class Handing(ScriptedServer):
        def respond(self, handler: Any, body: bytes, number: int) -> None:
            from promptecho._cli._loopback import send

            send(handler, 200, kind, write(pieces_of(token)) if handler.path == "/v1/things" else b"{}")

    path = tmp_path / "c.yaml"
    other = tmp_path / "other.yaml"
    with Handing() as server, httpx.Client(trust_env=False) as client:

        def carry() -> None:
            client.get(f"{server.url}/me", headers={"authorization": f"Bearer {token}"})

        with use_cassette(path):
            if when == "before":
                carry()
            live = client.post(f"{server.url}/v1/things", json={"user": "u"}).content
            if when == "after":
                carry()
        assert live == write(pieces_of(token))
        if when == "in another cassette":
            with use_cassette(other):
                carry()
        with use_cassette(path, "none"):
            if when == "before":
                carry()
            got = client.post(f"{server.url}/v1/things", json={"user": "u"}).content
            if when == "after":
                carry()
    written = path.read_text(encoding="utf-8")
    for part in pieces_of(token)[1:4]:
        assert part not in written
        assert part.encode() not in got
    assert got == write(["your key is ", "REDACTED", "", "", ", keep it"])
