"""A model server on loopback in a process of its own, fast enough that no client waits for it.

``python -m benchmarks.server`` prints its address and serves until its standard input is closed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from benchmarks import corpus

ROOT = Path(__file__).resolve().parent.parent


@lru_cache(maxsize=20_000)
def _response(path: str, number: int, stream: bool) -> bytes:
    """A whole response in one piece, framing included: the client gets it by one write."""
    headers, chunks = corpus.answer(path, b'"stream": true Question %d' % number if stream else b"Question %d" % number)
    if len(chunks) > 1:
        headers = [*headers, ("transfer-encoding", "chunked")]
        data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    else:
        headers = [*headers, ("content-length", str(len(chunks[0])))]
        data = chunks[0]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + data


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # a TCP connection; asyncio sets TCP_NODELAY on it
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            path = head.split(b" ", 2)[1].decode()
            stream = b'"stream": true' in body or b'"stream":true' in body
            self._transport.write(_response(path, corpus.number_of(body), stream))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    ended = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


class Server:
    """``with Server() as server``: ``server.url``. After it nobody listens there."""

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve())
