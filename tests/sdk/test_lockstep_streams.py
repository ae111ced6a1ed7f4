"""While recording, a stream stays a stream: the server sends an event only when the program has shown the last one."""

from __future__ import annotations

import asyncio
import http.server
import importlib
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho._cli._loopback import send_piece, start_stream
from promptecho._cli._model_server import ModelServer
from promptecho.errors import IncompleteRecordingError

from .calls import ASK_CLAUDE, CHAT, ENTRIES


class LockstepServer(ModelServer):
    """Waits before each event but the first until ``seen`` was called for the one before."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = threading.Semaphore(0)
        self.timed_out = False
        self.sent = 0

    def seen(self) -> None:
        self._seen.release()

    def send_events(
        self, handler: http.server.BaseHTTPRequestHandler, events: list[str], content_type: str = "text/event-stream"
    ) -> None:
        start_stream(handler, content_type)
        for index, event in enumerate(events):
            if index and not self._seen.acquire(timeout=15):
                self.timed_out = True
                handler.close_connection = True
                return
            send_piece(handler, event.encode())
            self.sent += 1
        send_piece(handler, b"")


@pytest.fixture
def server() -> Iterator[LockstepServer]:
    with LockstepServer() as running:
        yield running


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed here")


def lines(library: str) -> Any:
    def read(server: LockstepServer, limit: int | None) -> int:
        module: Any = importlib.import_module(library)
        count = 0
        with module.Client(trust_env=False, timeout=20) as client:
            with client.stream("POST", f"{server.url}/v1/chat/completions", json={**CHAT, "stream": True}) as response:
                for line in response.iter_lines():
                    if line:
                        count += 1
                        server.seen()
                        if count == limit:
                            break
        return count

    return read


def async_lines(library: str) -> Any:
    async def main(server: LockstepServer, limit: int | None) -> int:
        module: Any = importlib.import_module(library)
        count = 0
        async with module.AsyncClient(trust_env=False, timeout=20) as client:
            body = {**CHAT, "stream": True}
            async with client.stream("POST", f"{server.url}/v1/chat/completions", json=body) as response:
                async for line in response.aiter_lines():
                    if line:
                        count += 1
                        server.seen()
                        if count == limit:
                            break
        return count

    return lambda server, limit: asyncio.run(main(server, limit))


def sdk_events(name: str, create: Any, call: Any) -> Any:
    def read(server: LockstepServer, limit: int | None) -> int:
        client = ENTRIES[name].client(server.url)
        stream = create(client)(**call, stream=True)
        count = 0
        for _ in stream:
            count += 1
            server.seen()
            if count == limit:
                stream.close()
                break
        return count

    return read


def async_sdk_events(name: str, create: Any, call: Any) -> Any:
    async def main(server: LockstepServer, limit: int | None) -> int:
        make = ENTRIES[name].async_client
        assert make is not None
        stream = await create(make(server.url))(**call, stream=True)
        count = 0
        async for _ in stream:
            count += 1
            server.seen()
            if count == limit:
                await stream.close()
                break
        return count

    return lambda server, limit: asyncio.run(main(server, limit))


def _chat(client: Any) -> Any:
    return client.chat.completions.create


def _messages(client: Any) -> Any:
    return client.messages.create


READERS = [
    pytest.param(lines("httpx"), id="httpx", marks=needs("httpx")),
    pytest.param(async_lines("httpx"), id="httpx-async", marks=needs("httpx")),
    pytest.param(lines("httpx2"), id="httpx2", marks=needs("httpx2")),
    pytest.param(async_lines("httpx2"), id="httpx2-async", marks=needs("httpx2")),
    pytest.param(sdk_events("openai-chat", _chat, CHAT), id="openai", marks=needs("openai")),
    pytest.param(async_sdk_events("openai-chat", _chat, CHAT), id="openai-async", marks=needs("openai")),
    pytest.param(sdk_events("anthropic-messages", _messages, ASK_CLAUDE), id="anthropic", marks=needs("anthropic")),
    pytest.param(
        async_sdk_events("anthropic-messages", _messages, ASK_CLAUDE), id="anthropic-async", marks=needs("anthropic")
    ),
]


@pytest.mark.parametrize("read", READERS)
def test_each_event_reaches_the_program_before_the_next_one_is_sent(
    server: LockstepServer, tmp_path: Path, read: Any
) -> None:
    path = tmp_path / "c.yaml"
    with promptecho.use_cassette(path) as cassette:
        live = read(server, None)
    assert not server.timed_out
    assert live > 5
    # an SDK closes its stream at [DONE] or message_stop: what it left unread is the end of the body alone
    assert cassette.recorded[0].incomplete is None
    text = b"".join(cassette.recorded[0].response.chunks)
    assert text.rstrip().endswith((b"[DONE]", b'"message_stop"}'))
    server.stop()
    with promptecho.use_cassette(path, mode="none"):
        assert read(server, None) == live


@pytest.mark.parametrize("read", READERS)
def test_a_stream_abandoned_half_way_is_marked_and_replays_as_far_as_it_was_read(
    server: LockstepServer, tmp_path: Path, read: Any
) -> None:
    path = tmp_path / "c.yaml"
    with promptecho.use_cassette(path) as cassette:
        assert read(server, 3) == 3
    assert cassette.recorded[0].incomplete == "the program stopped reading"
    assert "incomplete: the program stopped reading" in path.read_text(encoding="utf-8")
    server.stop()
    with promptecho.use_cassette(path, mode="none"):
        assert read(server, 3) == 3
        with pytest.raises(IncompleteRecordingError):
            read(server, None)
