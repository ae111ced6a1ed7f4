"""A real, scripted HTTP server on loopback, with a hit counter. What it answers is told by the path of the request."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import zlib
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

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


class ScriptedServer:
    """``with ScriptedServer() as server``: ``server.url``, ``server.hits``; requests seen are in ``server.seen``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.flaky: dict[str, int] = {}
        self.release = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _answer(self) -> None:
                body = self._read_body()
                with outer._lock:
                    outer.seen.append((self.command, self.path, dict(self.headers.items()), body))
                    number = len(outer.seen)
                outer.respond(self, body, number)

            def _read_body(self) -> bytes:
                if self.headers.get("transfer-encoding", "").lower() == "chunked":
                    body = b""
                    while True:
                        size = int(self.rfile.readline().strip() or b"0", 16)
                        body += self.rfile.read(size)
                        self.rfile.readline()
                        if not size:
                            return body
                return self.rfile.read(int(self.headers.get("content-length") or 0))

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _answer

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # clients that hang up are part of the tests

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def hits(self) -> int:
        return len(self.seen)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.release.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    # --- answers ---

    def respond(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        address = urlsplit(handler.path)
        path = address.path
        query = parse_qs(address.query)
        if path == "/json":
            self._send(handler, 200, "application/json", JSON_TEXT.encode())
        elif path == "/sse":
            self._send_pieces(handler, "text/event-stream; charset=utf-8", SSE_EVENTS)
        elif path == "/gated":  # sends its second event only when the test says so
            self._send_pieces(handler, "text/event-stream", SSE_EVENTS, gate=self.release)
        elif path == "/ndjson":
            self._send_pieces(handler, "application/x-ndjson", NDJSON_LINES)
        elif path == "/binary":
            self._send(handler, 200, "image/png", BINARY)
        elif path == "/text":
            self._send(handler, 200, "text/plain; charset=utf-8", "on\nna\u00efve\u0085\u2028end ".encode())
        elif path == "/gzip":
            self._send(
                handler, 200, "application/json", gzip.compress(JSON_TEXT.encode()), ("content-encoding", "gzip")
            )
        elif path == "/deflate":
            self._send(
                handler, 200, "application/json", zlib.compress(JSON_TEXT.encode()), ("content-encoding", "deflate")
            )
        elif path == "/gzip-sse":
            self._send(
                handler, 200, "text/event-stream", gzip.compress(b"".join(SSE_EVENTS)), ("content-encoding", "gzip")
            )
        elif path.startswith("/coded/"):  # in a coding that the client must have asked for
            coding = path.rpartition("/")[2]
            body = JSON_TEXT.encode()
            if coding in handler.headers.get("accept-encoding", ""):
                compress = {"br": _brotli, "zstd": _zstd}[coding]
                self._send(handler, 200, "application/json", compress(body), ("content-encoding", coding))
            else:
                self._send(handler, 200, "application/json", body)
        elif path == "/never":  # answers when the test is over
            self.release.wait(20)
        elif path == "/empty":
            self._send(handler, 204, "", b"")
        elif path == "/repeats":
            self._send(
                handler, 200, "application/json", b"{}", ("X-Twice", "one"), ("x-other", "o"), ("X-Twice", "two")
            )
        elif path == "/cookies":
            self._send(handler, 200, "application/json", b"{}", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
        elif path == "/redirect":
            self._send(handler, 302, "text/plain", b"go", ("location", "/json"))
        elif path == "/broken":
            handler.send_response(200)
            handler.send_header("content-type", "text/event-stream")
            handler.send_header("content-length", "1000")
            handler.end_headers()
            handler.wfile.write(SSE_EVENTS[0])
            handler.wfile.flush()
            handler.close_connection = True
        elif path.startswith("/status/"):
            self._send(handler, int(path.rpartition("/")[2]), "application/json", b'{"error": "as asked"}')
        elif path == "/flaky":  # a 429, then a 200, for each kind
            with self._lock:
                kind = query.get("kind", [""])[0]
                self.flaky[kind] = self.flaky.get(kind, 0) + 1
                status = 429 if self.flaky[kind] == 1 else 200
            self._send(handler, status, "application/json", json.dumps({"status": status}).encode())
        else:  # anything else: says which call this was, and gives back what it got
            text = json.dumps({"call": number, "path": path, "body": body.decode("utf-8", "replace")})
            self._send(handler, 200, "application/json", text.encode())

    def _send(
        self,
        handler: http.server.BaseHTTPRequestHandler,
        status: int,
        content_type: str,
        body: bytes,
        *headers: tuple[str, str],
    ) -> None:
        handler.send_response(status)
        if content_type:
            handler.send_header("Content-Type", content_type)
        for name, value in headers:
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def _send_pieces(
        self,
        handler: http.server.BaseHTTPRequestHandler,
        content_type: str,
        pieces: list[bytes],
        gate: threading.Event | None = None,
    ) -> None:
        handler.send_response(200)
        handler.send_header("content-type", content_type)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for index, piece in enumerate(pieces):
            if gate is not None and index == 1 and not gate.wait(20):
                return
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")
