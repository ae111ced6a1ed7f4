"""Bedrock through boto3, which rides on urllib3."""

from __future__ import annotations

import http.server
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette

boto3: Any = pytest.importorskip("boto3", reason="needs boto3")

KEY_ID, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "session-token-0123456789"
MODEL = "anthropic.claude-v2:1"


def frame(event_type: str, payload: Any) -> bytes:
    """One message of an AWS event stream: prelude, headers, payload, and the two checksums."""
    headers = b""
    for name, value in ((":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


class Bedrock:
    """Speaks the wire format of ``converse`` and ``converse_stream`` on loopback."""

    def __init__(self) -> None:
        self.hits = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                outer.hits += 1
                text = f"answer {outer.hits}"
                if self.path.endswith("/converse-stream"):
                    data = b"".join(
                        [
                            frame("messageStart", {"role": "assistant"}),
                            frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}),
                            frame("messageStop", {"stopReason": "end_turn"}),
                            frame("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}}),
                        ]
                    )
                    kind = "application/vnd.amazon.eventstream"
                else:
                    message = {"role": "assistant", "content": [{"text": text}]}
                    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
                    whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
                    data, kind = json.dumps({**whole, "metrics": {"latencyMs": 1}}).encode(), "application/json"
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    server = Bedrock()
    yield server
    server.stop()


def client(bedrock: Bedrock, key_id: str = KEY_ID, secret: str = SECRET, token: str = TOKEN) -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=bedrock.url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def converse(client: Any, text: str = "hi") -> Any:
    answer = client.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}])
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def converse_stream(client: Any, text: str = "hi") -> Any:
    answer = client.converse_stream(modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}])
    return list(answer["stream"])


@pytest.mark.parametrize("call", [converse, converse_stream])
def test_a_bedrock_call_replays_with_other_keys_and_none_of_them_in_the_file(
    bedrock: Bedrock, tmp_path: Path, call: Any
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=["urllib3"]) as cassette:
        live = call(client(bedrock))
    bedrock.stop()
    assert bedrock.hits == len(cassette.recorded) == 1
    assert cassette.recorded[0].incomplete is None
    text = path.read_text(encoding="utf-8")
    for secret in (KEY_ID, SECRET, TOKEN, "AWS4-HMAC-SHA256", "Signature="):
        assert secret not in text
    with use_cassette(path, "none", backends=["urllib3"]):
        assert call(client(bedrock, "other-id", "other-secret", "other-token")) == live
    with pytest.raises(CassetteMiss), use_cassette(path, "none", backends=["urllib3"]):
        call(client(bedrock), "another prompt")
    assert bedrock.hits == 1
