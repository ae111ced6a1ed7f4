"""A real, scripted HTTP server on loopback, with a hit counter. What it answers is told by the path of the request."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import zlib
from urllib.parse import parse_qs, urlsplit

from promptecho._cli._loopback import LoopbackServer, send, send_piece, start_stream

JSON_TEXT = '{"id": "x1",  "text":"h\u00e9llo", "n": 1.50, "list":[1,2,{"deep":null}]}'
SSE_EVENTS = [
    b'event: start\ndata: {"i": 0}\n\n',
    b": a comment\n\n",
    "data: caf\u00e9 \U0001f600\r\ndata: second line\r\n\r\n".encode(),
    b"data: [DONE]\n\n",
]
NDJSON_LINES = [b'{"i": 0}\n', b'{"i": 1}\n', b'{"done": true}\n']
BINARY = bytes(range(256)) * 3


def _brotli(data: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(data))


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


class ScriptedServer(LoopbackServer):
    """``with ScriptedServer() as server``: ``server.url``, ``server.hits``; requests seen are in ``server.seen``."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.flaky: dict[str, int] = {}
        self.release = threading.Event()
        self._lock = threading.Lock()

    @property
    def hits(self) -> int:
        return len(self.seen)

    def stop(self) -> None:
        self.release.set()
        super().stop()

    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = _read_body(handler)
        with self._lock:
            self.seen.append((handler.command, handler.path, dict(handler.headers.items()), body))
            number = len(self.seen)
        self.respond(handler, body, number)

    # --- answers ---

    def respond(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        address = urlsplit(handler.path)
        path = address.path
        query = parse_qs(address.query)
        if path == "/json":
            send(handler, 200, "application/json", JSON_TEXT.encode())
        elif path == "/sse":
            self.send_pieces(handler, "text/event-stream; charset=utf-8", SSE_EVENTS)
        elif path == "/gated":  # sends its second event only when the test says so
            self.send_pieces(handler, "text/event-stream", SSE_EVENTS, gate=self.release)
        elif path == "/ndjson":
            self.send_pieces(handler, "application/x-ndjson", NDJSON_LINES)
        elif path == "/binary":
            send(handler, 200, "image/png", BINARY)
        elif path == "/text":
            send(handler, 200, "text/plain; charset=utf-8", "on\nna\u00efve\u0085\u2028end ".encode())
        elif path == "/gzip":
            send(handler, 200, "application/json", gzip.compress(JSON_TEXT.encode()), ("content-encoding", "gzip"))
        elif path == "/deflate":
            send(handler, 200, "application/json", zlib.compress(JSON_TEXT.encode()), ("content-encoding", "deflate"))
        elif path == "/gzip-sse":
            send(handler, 200, "text/event-stream", gzip.compress(b"".join(SSE_EVENTS)), ("content-encoding", "gzip"))
        elif path.startswith("/coded/"):  # in a coding that the client must have asked for
            coding = path.rpartition("/")[2]
            body = JSON_TEXT.encode()
            if coding in handler.headers.get("accept-encoding", ""):
                compress = {"br": _brotli, "zstd": _zstd}[coding]
                send(handler, 200, "application/json", compress(body), ("content-encoding", coding))
            else:
                send(handler, 200, "application/json", body)
        elif path == "/never":  # answers when the test is over
            self.release.wait(20)
        elif path == "/empty":
            send(handler, 204, "", b"")
        elif path == "/repeats":
            send(handler, 200, "application/json", b"{}", ("X-Twice", "one"), ("x-other", "o"), ("X-Twice", "two"))
        elif path == "/cookies":
            send(handler, 200, "application/json", b"{}", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
        elif path == "/redirect":
            send(handler, 302, "text/plain", b"go", ("location", "/json"))
        elif path == "/broken":
            handler.send_response(200)
            handler.send_header("content-type", "text/event-stream")
            handler.send_header("content-length", "1000")
            handler.end_headers()
            handler.wfile.write(SSE_EVENTS[0])
            handler.wfile.flush()
            handler.close_connection = True
        elif path.startswith("/status/"):
            send(handler, int(path.rpartition("/")[2]), "application/json", b'{"error": "as asked"}')
        elif path == "/flaky":  # a 429, then a 200, for each kind
            with self._lock:
                kind = query.get("kind", [""])[0]
                self.flaky[kind] = self.flaky.get(kind, 0) + 1
                status = 429 if self.flaky[kind] == 1 else 200
            send(handler, status, "application/json", json.dumps({"status": status}).encode())
        else:  # anything else: says which call this was, and gives back what it got
            text = json.dumps({"call": number, "path": path, "body": body.decode("utf-8", "replace")})
            send(handler, 200, "application/json", text.encode())

    def send_pieces(
        self,
        handler: http.server.BaseHTTPRequestHandler,
        content_type: str,
        pieces: list[bytes],
        gate: threading.Event | None = None,
    ) -> None:
        start_stream(handler, content_type)
        for index, piece in enumerate(pieces):
            if gate is not None and index == 1 and not gate.wait(20):
                return
            send_piece(handler, piece)
        send_piece(handler, b"")


def _read_body(handler: http.server.BaseHTTPRequestHandler) -> bytes:
    """The body of a request, sent with its length or in chunks."""
    if handler.headers.get("transfer-encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length") or 0))
    body = b""
    while True:
        size = int(handler.rfile.readline().strip() or b"0", 16)
        body += handler.rfile.read(size)
        handler.rfile.readline()
        if not size:
            return body
