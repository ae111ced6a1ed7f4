"""Records the sample cassettes of this folder with the real tools, from a local server.

    python tests/data/record.py

Made with vcrpy 9.4.2 and cassetter 0.16.1, through httpx2 2.16.2, requests 2.34.2 and aiohttp 3.14.5. mitmproxy.har are
the calls of ``with_httpx2`` to ``mitmdump --mode reverse:http://127.0.0.1:8765 --set hardump=mitmproxy.har`` 11.0.2.
"""

from __future__ import annotations

import asyncio
import gzip
import http.server
import io
import json
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PORT = 8765
BASE = f"http://127.0.0.1:{PORT}/v1"
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "Grüße?"}]}
STREAMED = {**CHAT, "stream": True}
# Texts that YAML 1.1 or 1.2 reads as something else where they stand unquoted.
ODD_TEXTS = ["1e5", "no", "~", "0x1f", "0o17", "1_000", "12:30:45", "2026-11-25", "=", "<<", "", " a ", "a: b", "- x"]
KEY = {"Authorization": "Bearer local-sample-key-1"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000008200810b9a3b54"
    "0000000049454e44ae426082"
)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sample"
    sys_version = ""
    calls = 0
    limited = 0

    def log_message(self, format: str, *args: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Wed, 25 Nov 2026 12:00:00 GMT"

    def do_POST(self) -> None:
        sent = self._body()
        Handler.calls += 1
        number = Handler.calls
        path = self.path.partition("?")[0]
        zipped = "/zipped/" in path
        try:
            streamed = json.loads(sent)["stream"]
        except (ValueError, KeyError, TypeError):
            streamed = False
        Handler.limited += path.endswith("/limited")
        if path.endswith("/limited") and Handler.limited == 1:
            self._send(429, "application/json", b'{"error":{"message":"slow down"}}', {"Retry-After": "0"})
        elif path.endswith("/png"):
            self._send(200, "image/png", PNG)
        elif path.endswith("/nothing"):
            self._send(204, "", b"")
        elif streamed:
            self._stream(number, zipped)
        else:
            answer = json.dumps(
                {"id": f"c{number}", "choices": [{"message": {"content": f"Grüße {number}"}}], "odd": ODD_TEXTS},
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
            if zipped:
                self._send(200, "application/json", gzip.compress(answer, mtime=0), {"Content-Encoding": "gzip"})
            else:
                self._send(200, "application/json", answer, {"Set-Cookie": "session=1"})

    do_GET = do_POST

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, content_type: str, data: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, number: int, zipped: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        coder = zlib.compressobj(9, zlib.DEFLATED, 31)
        words = [f'data: {{"id":"s{number}","text":"{word}"}}\n\n'.encode() for word in ("Grüße", "aus", "dem Strom")]
        for piece in [*words, b"data: [DONE]\n\n"]:
            data = coder.compress(piece) + coder.flush(zlib.Z_SYNC_FLUSH) if zipped else piece
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if zipped:
            data = coder.flush()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def with_httpx2() -> None:
    import httpx2

    with httpx2.Client(headers=KEY) as client:
        client.post(f"{BASE}/chat/completions", json=CHAT)
        client.post(f"{BASE}/zipped/chat/completions", json=CHAT)
        client.post(f"{BASE}/chat/completions", json=STREAMED)
        client.post(f"{BASE}/zipped/chat/completions", json=STREAMED)
        client.get(f"{BASE}/png", params={"size": "1 1", "api_key": "local-sample-key-2"})
        client.post(f"{BASE}/audio", files={"file": ("a.wav", b"RIFF\x00\xff", "audio/wav")}, data={"model": "w"})
        client.post(f"{BASE}/form", data={"a": "1", "b": "ü"})
        client.post(f"{BASE}/bytes", content=b"\x00\xff\xfe")
        client.post(f"{BASE}/odd", json={"input": ODD_TEXTS})
        client.post(f"{BASE}/limited", json=CHAT)
        client.post(f"{BASE}/limited", json=CHAT)
        client.post(f"{BASE}/nothing", json=CHAT)


def with_requests() -> None:
    import requests

    with requests.Session() as session:
        session.headers.update(KEY)
        session.post(f"{BASE}/zipped/chat/completions", json=CHAT)
        session.post(f"{BASE}/bytes", data=io.BytesIO(b"\x00\xff\xfe"))
        session.post(f"{BASE}/bytes", data=iter([b"x1", b"y2"]))


def with_aiohttp() -> None:
    import aiohttp

    async def calls() -> None:
        async with aiohttp.ClientSession(headers=KEY) as session:
            bodies: list[dict[str, Any]] = [{"json": CHAT}, {"json": STREAMED}, {"data": b"\x00\xff"}]
            for body in bodies:
                async with session.post(f"{BASE}/zipped/chat/completions", **body) as response:
                    await response.read()

    asyncio.run(calls())


def with_text_only() -> None:
    """vcrpy's JSON serializer refuses bytes."""
    import httpx2

    with httpx2.Client(headers=KEY) as client:
        client.post(f"{BASE}/chat/completions", json=CHAT)
        client.post(f"{BASE}/chat/completions", json=STREAMED)
        client.post(f"{BASE}/limited", json=CHAT)


def record(use_cassette: Callable[..., Any], name: str, calls: Callable[[], None]) -> None:
    (FOLDER / name).unlink(missing_ok=True)
    Handler.calls = Handler.limited = 0
    with use_cassette(str(FOLDER / name)):
        calls()


def main() -> None:
    import cassetter
    import vcr

    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    record(vcr.use_cassette, "vcrpy-httpx2.yaml", with_httpx2)
    record(vcr.VCR(decode_compressed_response=True).use_cassette, "vcrpy-decoded.yaml", with_httpx2)
    record(vcr.use_cassette, "vcrpy-requests.yaml", with_requests)
    record(vcr.use_cassette, "vcrpy-aiohttp.yaml", with_aiohttp)
    record(vcr.VCR(serializer="json").use_cassette, "vcrpy-text.json", with_text_only)
    scrubbing = vcr.VCR(filter_headers=[("authorization", "DUMMY")], filter_post_data_parameters=["model"])
    record(scrubbing.use_cassette, "vcrpy-scrubbed.yaml", with_text_only)
    record(cassetter.use_cassette, "cassetter-httpx2.yaml", with_httpx2)
    record(cassetter.use_cassette, "cassetter-httpx2.toml", with_httpx2)
    server.shutdown()


if __name__ == "__main__":
    main()
