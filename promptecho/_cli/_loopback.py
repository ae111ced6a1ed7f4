"""A small HTTP server on loopback, of the demo and of the tests: what it answers is up to its subclasses."""

from __future__ import annotations

import abc
import http.server
import threading
from types import TracebackType
from typing import TypeVar

_Server = TypeVar("_Server", bound="LoopbackServer")


class LoopbackServer(abc.ABC):
    """``with LoopbackServer() as server``: ``server.url`` is its address; many calls at once are served by threads."""

    def __init__(self) -> None:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _handle(self) -> None:
                outer.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _handle  # noqa: N815 - names of http.server

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hangs up is no failure of the server

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self: _Server) -> _Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Shut down: no call is answered any more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @abc.abstractmethod
    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Read one request and answer it."""


def send(
    handler: http.server.BaseHTTPRequestHandler, status: int, content_type: str, body: bytes, *headers: tuple[str, str]
) -> None:
    """Answer with a whole body; to a HEAD request with its length alone."""
    handler.send_response(status)
    if content_type:
        handler.send_header("content-type", content_type)
    for name, value in headers:
        handler.send_header(name, value)
    if status != 204:
        handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def start_stream(handler: http.server.BaseHTTPRequestHandler, content_type: str) -> None:
    """Begin an answer that comes in pieces, by :func:`send_piece`."""
    handler.send_response(200)
    handler.send_header("content-type", content_type)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()


def send_piece(handler: http.server.BaseHTTPRequestHandler, piece: bytes) -> None:
    """Send a piece of a stream at once; an empty one ends it (RFC 9112, section 7.1)."""
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.flush()
