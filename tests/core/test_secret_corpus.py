"""Credentials in every place where they have been seen to leak: none of them leaves a byte in the file.

Each placement is recorded from a real server by a real client; then the file is searched for the secret in all its
spellings. What the program received is compared with what was sent: redaction never changes it.
"""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from promptecho import use_cassette
from promptecho._cli._loopback import send
from tests.conformance.server import ScriptedServer

KEY = "Zq9+plain/credential=0123456789"  # of no known format: found because a request carried it
ENV = "Env#secret/value+0123456789"
CLAUDE = "sk-ant-api03-" + "Ab1_" * 12
AWS_ID, AWS_SECRET = "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "ya-token.of-a-server_0123456789"
OPENAI = "sk-proj-" + "aB3x" * 12
B64 = base64.b64encode

pytestmark = pytest.mark.filterwarnings("ignore::promptecho.errors.CassetteWarning")


@dataclass(frozen=True)
class Placement:
    """A call and its answer, with a secret in one of them (or both)."""

    secret: str
    headers: dict[str, str] = field(default_factory=dict)
    target: str = "/v1/chat/completions"
    userinfo: str = ""
    body: bytes = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    kind: str = "application/json"
    status: int = 200
    answer: bytes = b'{"ok": true}'
    answer_kind: str = "application/json"
    answer_headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes, ...] = ()


def prompt(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


def sse(*texts: str) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def claude_sse(*texts: str) -> bytes:
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts
    ]
    return b"".join(b"event: content_block_delta\ndata: " + json.dumps(delta).encode() + b"\n\n" for delta in deltas)


def frame(payload: Any) -> bytes:
    headers = b"\x0b:event-type\x07\x00\x05chunk\x0d:content-type\x07\x00\x10application/json\x0d:message-type\x07\x00\x05event"
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def form(boundary: str, value: str) -> bytes:
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\n{value}\r\n--{boundary}--\r\n'
    return part.encode()


BEARER = {"authorization": f"Bearer {KEY}"}
SIGNED = {
    "authorization": f"AWS4-HMAC-SHA256 Credential={AWS_ID}/20260101/us-east-1/bedrock/aws4_request, "
    "SignedHeaders=host, Signature=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
    "x-amz-security-token": KEY,
}
EVENTSTREAM = "application/vnd.amazon.eventstream"
CORPUS: dict[str, Placement] = {
    # what a request carries
    "authorization bearer": Placement(KEY, BEARER),
    "authorization alone": Placement(KEY, {"Authorization": KEY}),
    "authorization basic": Placement("pass-word-0123", {"authorization": "Basic " + B64(b"me:pass-word-0123").decode()}),
    "proxy authorization": Placement(KEY, {"proxy-authorization": f"Bearer {KEY}"}),
    "x-api-key": Placement(KEY, {"x-api-key": KEY}),
    "api-key of Azure": Placement(KEY, {"api-key": KEY}),
    "x-goog-api-key": Placement(KEY, {"x-goog-api-key": KEY}),
    "subscription key": Placement(KEY, {"Ocp-Apim-Subscription-Key": KEY}),
    "AWS session token": Placement(KEY, SIGNED),
    "AWS key id of a signature": Placement(AWS_ID, SIGNED, answer=json.dumps({"echo": AWS_ID}).encode()),
    "AWS signature echoed": Placement("fedcba9876543210" * 4, SIGNED, answer=b'{"got": "' + b"fedcba9876543210" * 4 + b'"}'),
    "cookie": Placement(KEY, {"cookie": f"session={KEY}"}, answer=json.dumps({"cookie": KEY}).encode()),
    "a token header of one's own": Placement(KEY, {"x-acme-token": KEY}, answer=KEY.encode(), answer_kind="text/plain"),
    "query key": Placement(KEY, target="/v1beta/models?key=" + quote(KEY, safe="")),
    "query access_token": Placement(KEY, target="/x?access_token=" + quote(KEY, safe="")),
    "query signature": Placement(KEY, target="/x?X-Amz-Signature=" + quote(KEY, safe="")),
    "query of any name": Placement(KEY, target="/x?whatever=" + quote(KEY, safe="")),
    "query key echoed": Placement(KEY, target="/x?api_key=" + quote(KEY, safe=""), answer=json.dumps({"url": f"/x?api_key={quote(KEY, safe='')}"}).encode()),
    "userinfo": Placement("pass-word-0123", userinfo="me:pass-word-0123@"),
    "userinfo echoed": Placement("pass-word-0123", userinfo="me:pass-word-0123@", answer=b'{"auth": "me:pass-word-0123"}'),
    # in request bodies
    "own key in the prompt": Placement(KEY, BEARER, body=prompt(f"my key is {KEY}")),
    "key format in the prompt": Placement(CLAUDE, body=prompt(f"use {CLAUDE}, please")),
    "key format after a line end": Placement(CLAUDE, body=prompt(f"my key:\n{CLAUDE}")),
    "key format in base64 in the prompt": Placement(CLAUDE, body=prompt(B64(f"the key is {CLAUDE}".encode()).decode())),
    "api_key field of a body": Placement(KEY, body=json.dumps({"api_key": KEY, "prompt": "x"}).encode(), target="/generate"),
    "client secret of a form": Placement(
        KEY, body=f"grant_type=x&client_secret={quote_plus(KEY)}".encode(), kind="application/x-www-form-urlencoded",
        target="/oauth/token"),
    "key in a part of a multipart body": Placement(KEY, BEARER, body=form("b", KEY), kind="multipart/form-data; boundary=b"),
    "environment value in the prompt": Placement(ENV, body=prompt(f"token {ENV}!")),
    "key in the path": Placement(KEY, {"x-api-key": KEY}, target=f"/bot{quote(KEY, safe='')}/send"),
    # echoed by the server
    "echo in JSON": Placement(KEY, BEARER, answer=json.dumps({"you": KEY}).encode()),
    "echo in JSON with escaped slashes": Placement(KEY, BEARER, answer=json.dumps({"you": KEY}).replace("/", "\\/").encode()),
    "echo in JSON inside JSON": Placement(KEY, BEARER, answer=json.dumps({"you": json.dumps({"key": KEY})}).encode()),
    "echo URL-escaped": Placement(KEY, BEARER, answer=json.dumps({"url": "http://x/?k=" + quote(KEY, safe="")}).encode()),
    "client secret of a realtime session": Placement("ek_68af296e8e408191a1120ab6383263c2", target="/v1/realtime/client_secrets", answer=b'{"value": "ek_68af296e8e408191a1120ab6383263c2", "expires_at": 1}'),
    "signed address of an image": Placement("aB1%2BcD2%2FeF3gH4iJ5kL6%3D", answer=b'{"data": [{"url": "https://x.blob.core.windows.net/a.png?se=2026&sig=aB1%2BcD2%2FeF3gH4iJ5kL6%3D"}]}'),
    "refresh token with escapes": Placement("def502", answer=b'{"refresh_token": "def502\\/def502\\u002Bdef502"}'),
    "key format in base64 after a line end": Placement(CLAUDE, answer=json.dumps({"text": "so:\n" + B64(f"the key is {CLAUDE}".encode()).decode()}).encode()),
    "key format in base64 in lines": Placement(CLAUDE, answer=json.dumps({"text": base64.encodebytes(f"{'.' * 30}the key is {CLAUDE}".encode()).decode()}).encode()),
    "echo in base64 in lines": Placement(KEY, BEARER, answer=json.dumps({"text": base64.encodebytes(f"{'.' * 40}id:{KEY}".encode()).decode()}).encode()),
    "echo in base64": Placement(KEY, BEARER, answer=json.dumps({"b": B64(f"id:{KEY}".encode()).decode()}).encode()),
    "echo in an error page": Placement(KEY, BEARER, status=401, answer=f"<p>bad key {KEY}</p>".encode(), answer_kind="text/html"),
    "echo in HTML escapes": Placement("a&b<c>'0123456789", {"x-api-key": "a&b<c>'0123456789"}, status=401,
        answer=b"<p>bad key a&amp;b&lt;c&gt;&#x27;0123456789</p>", answer_kind="text/html"),
    "echo in a response header": Placement(KEY, BEARER, answer_headers=(("x-echo", f"Bearer {KEY}"),)),
    "echo of the auth header": Placement(KEY, BEARER, answer_headers=(("Authorization", f"Bearer {KEY}"),)),
    "echo in a binary body": Placement(KEY, BEARER, answer=b"\x00\xff" + KEY.encode() + b"\xfe", answer_kind="application/octet-stream"),
    "echo in a gzip body": Placement(KEY, BEARER, answer=gzip.compress(json.dumps({"you": KEY}).encode()), answer_headers=(("content-encoding", "gzip"),)),
    "echo in NDJSON": Placement(KEY, BEARER, answer=json.dumps({"you": KEY}).encode() + b"\n{}\n", answer_kind="application/x-ndjson"),
    "echo in an SSE event": Placement(KEY, BEARER, answer=sse(f"it is {KEY}"), answer_kind="text/event-stream"),
    "echo in an SSE event cut in two": Placement(KEY, BEARER, pieces=(sse(KEY)[:60], sse(KEY)[60:]), answer_kind="text/event-stream"),
    "echo token by token": Placement(KEY, BEARER, answer=sse("it is ", KEY[:8], KEY[8:20], KEY[20:], "."), answer_kind="text/event-stream"),
    "echo token by token of Anthropic": Placement(KEY, BEARER, answer=claude_sse("it is", f" {KEY[:5]}", KEY[5:]), answer_kind="text/event-stream"),
    "key format token by token": Placement(OPENAI, answer=sse("key ", OPENAI[:10], OPENAI[10:30], OPENAI[30:], "!"), answer_kind="text/event-stream"),
    "echo in an AWS event": Placement(KEY, BEARER, answer=frame({"text": KEY}), answer_kind=EVENTSTREAM),
    "echo in base64 in an AWS event": Placement(KEY, BEARER, answer=frame({"bytes": B64(json.dumps({"t": KEY}).encode()).decode()}), answer_kind=EVENTSTREAM),
    "echo token by token in AWS events": Placement(
        KEY, BEARER, answer=frame({"delta": {"text": KEY[:9]}}) + frame({"delta": {"text": KEY[9:]}}), answer_kind=EVENTSTREAM),
    "key format in an answer": Placement(OPENAI, answer=json.dumps({"text": f"try {OPENAI}"}).encode()),
    "environment value in an answer": Placement(ENV, answer=json.dumps({"text": ENV}).encode()),
    # given out by servers
    "session cookie": Placement(TOKEN, answer_headers=(("Set-Cookie", f"sid={TOKEN}; Path=/"),)),
    "signed redirect": Placement(TOKEN, status=302, answer_headers=(("Location", f"https://s3/x?X-Amz-Signature={TOKEN}"),)),
    "token response": Placement(TOKEN, target="/oauth/token", answer=json.dumps({"access_token": TOKEN, "token_type": "Bearer"}).encode()),
    "refresh token": Placement(TOKEN, target="/token", answer=json.dumps({"access_token": "x", "refresh_token": TOKEN}).encode()),
    "token response as a form": Placement(TOKEN, target="/login/oauth/access_token", answer=f"access_token={TOKEN}&token_type=bearer".encode(), answer_kind="application/x-www-form-urlencoded"),
    "instance metadata keys": Placement(AWS_SECRET, target="/latest/meta-data/iam/security-credentials/role", answer=json.dumps({"AccessKeyId": AWS_ID, "SecretAccessKey": AWS_SECRET, "Token": TOKEN}).encode()),
    "instance metadata session": Placement(TOKEN, target="/latest/meta-data/iam/security-credentials/role", answer=json.dumps({"SecretAccessKey": AWS_SECRET, "Token": TOKEN}).encode()),
    "instance metadata token": Placement(TOKEN, target="/latest/api/token", answer=TOKEN.encode(), answer_kind="text/plain"),
    "STS in XML": Placement(AWS_SECRET, target="/?Action=AssumeRole", answer=f"<Credentials><SecretAccessKey>{AWS_SECRET}</SecretAccessKey></Credentials>".encode(), answer_kind="text/xml"),
    "private key in an answer": Placement("MIIEvQIBADANBgkqhkiG9w0", answer=json.dumps({"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----\n"}).encode()),
}  # fmt: skip


class CorpusServer(ScriptedServer):
    placement: Placement

    def respond(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        placement = self.placement
        if placement.pieces:
            self.send_pieces(handler, placement.answer_kind, list(placement.pieces))
        else:
            send(handler, placement.status, placement.answer_kind, placement.answer, *placement.answer_headers)


@pytest.fixture(scope="module")
def server() -> Iterator[CorpusServer]:
    with CorpusServer() as running:
        yield running


def spellings(secret: str) -> set[str]:
    """The ways in which a secret could stand in a file; of base64, the part that its neighbours don't change."""
    import html

    found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret)}
    found.add(json.dumps(secret)[1:-1].replace("/", "\\/"))
    for shift in range(3):
        found.add(B64(b"\0" * shift + secret.encode()).decode()[4 if shift else 0 : -4])
    return {spelling for spelling in found if len(spelling) >= 8}


def texts_of(recorded: Any) -> Iterator[str]:
    """All that a reader of the file could put together: each text, and the texts of a stream one after the other."""
    deltas: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, str):
            deltas.append(node)
        elif isinstance(node, dict):
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for event in recorded.document["response"].get("events", []):
        if isinstance(event, dict):
            walk(event.get("body"))
        else:
            for line in event.splitlines():
                if line.startswith("data: {"):
                    walk(json.loads(line[6:]))
    yield "".join(deltas)
    yield "".join(text for text in deltas if text not in ("content_block_delta", "text_delta"))


@pytest.mark.parametrize("name", CORPUS)
def test_no_byte_of_a_secret_is_left(
    server: CorpusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    placement = server.placement = CORPUS[name]
    monkeypatch.setenv("ACME_SERVICE_TOKEN", ENV)
    path = tmp_path / "c.yaml"
    url = server.url.replace("://", f"://{placement.userinfo}") + placement.target
    headers = {"content-type": placement.kind, **placement.headers}
    with httpx.Client(trust_env=False) as client:

        def ask() -> Any:
            return client.post(url, content=placement.body, headers=headers)

        with use_cassette(path, on_record_error="record") as cassette:
            live = ask()
        sent = b"".join(placement.pieces) or placement.answer
        assert live.content == (
            gzip.decompress(sent) if placement.answer_headers[:1] == (("content-encoding", "gzip"),) else sent
        )
        text = path.read_text(encoding="utf-8")
        body = cassette.recorded[0].response.body
        for spelling in spellings(placement.secret):
            assert spelling not in text
            assert spelling not in re.sub(r"\\n|\s", "", text)  # base64 in lines
            assert spelling.encode() not in body
            for assembled in texts_of(cassette.recorded[0]):
                assert spelling not in assembled
        # the request is found again, with the same credentials or others
        with use_cassette(path, "none") as cassette:
            assert ask().status_code == placement.status
        assert len(cassette.played) == 1


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 40
