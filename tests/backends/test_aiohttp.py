"""What a user of aiohttp touches on a response is there on replay; what is no HTTP exchange is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette
from tests.conformance.server import SSE_EVENTS, ScriptedServer

aiohttp: Any = pytest.importorskip("aiohttp", reason="needs aiohttp")
web: Any = pytest.importorskip("aiohttp.web", reason="needs aiohttp.web")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def test_a_response_has_everything(server: ScriptedServer, tmp_path: Path) -> None:
    async def look() -> Any:
        seen: list[Any] = []
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{server.url}/redirect") as answer:
                answer.raise_for_status()
                seen += [await answer.json(), await answer.read(), await answer.text(), answer.reason, answer.ok]
                seen += [str(answer.url), [each.status for each in answer.history], answer.content_type]
                seen += [str(answer.request_info.url), answer.request_info.method, answer.headers["content-type"]]
            async with session.get(f"{server.url}/cookies"):
                seen.append(len(session.cookie_jar))
            async with session.get(f"{server.url}/sse") as answer:
                seen.append([line async for line in answer.content])
            async with session.get(f"{server.url}/sse") as answer:
                seen.append(b"".join([chunk async for chunk in answer.content.iter_chunked(7)]))
            async with session.get(f"{server.url}/binary") as answer:
                seen += [await answer.content.readexactly(5), await answer.content.read(3), await answer.content.read()]
            async with session.get(f"{server.url}/status/404") as answer:
                with pytest.raises(aiohttp.ClientResponseError) as caught:
                    answer.raise_for_status()
                seen.append((caught.value.status, caught.value.message))
        return seen

    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=["aiohttp"], on_record_error="record"):
        live = asyncio.run(look())
    server.stop()
    with use_cassette(path, "none", backends=["aiohttp"]):
        replayed = asyncio.run(look())
    assert replayed == live
    assert b"".join(SSE_EVENTS) in replayed


def test_a_connection_that_was_kept_alive_is_recorded_and_replayed_over(server: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:

            async def get(target: str) -> bytes:
                async with session.get(server.url + target) as answer:
                    body: bytes = await answer.read()
                    return body

            await get("/json")
            with use_cassette(tmp_path / "c.yaml", backends=["aiohttp"]) as cassette:
                live = [await get("/x"), await get("/sse"), await get("/x")]
            assert len(cassette.recorded) == 3
            assert await get("/json")
            with use_cassette(tmp_path / "c.yaml", "none", backends=["aiohttp"]):
                assert [await get("/x"), await get("/sse"), await get("/x")] == live
            assert await get("/json")
            # one connection did it all: it was given back whole each time
            assert len({len(pool) for pool in session.connector._conns.values()}) == 1

    asyncio.run(main())
    assert server.hits == 6


def test_a_websocket_is_left_alone(tmp_path: Path) -> None:
    async def echo(request: Any) -> Any:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data + "!")
        return socket

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/ws", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        with use_cassette(tmp_path / "c.yaml", backends=["aiohttp"]) as cassette:
            async with aiohttp.ClientSession() as session:
                async with session.ws_connect(f"http://127.0.0.1:{port}/ws") as socket:
                    await socket.send_str("hello")
                    assert (await socket.receive()).data == "hello!"
        assert not cassette.recorded
        await runner.cleanup()

    asyncio.run(main())


def test_many_tasks_record_and_replay_exactly(server: ScriptedServer, tmp_path: Path) -> None:
    async def ask(session: Any, number: int) -> bytes:
        async with session.post(f"{server.url}/ask", json={"prompt": number}) as answer:
            body: bytes = await answer.read()
            return body

    async def main() -> list[bytes]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:
            return await asyncio.gather(*(ask(session, number) for number in range(200)))

    with use_cassette(tmp_path / "c.yaml", backends=["aiohttp"]) as cassette:
        live = asyncio.run(main())
    assert len(cassette.recorded) == server.hits == 200
    server.stop()
    with use_cassette(tmp_path / "c.yaml", "none", backends=["aiohttp"]):
        assert asyncio.run(main()) == live


def test_a_cancelled_stream_keeps_what_arrived(server: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            first = asyncio.Event()

            async def read() -> None:
                async with session.get(f"{server.url}/gated") as answer:
                    async for _ in answer.content.iter_any():
                        first.set()

            task = asyncio.create_task(read())
            await first.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with use_cassette(tmp_path / "c.yaml", backends=["aiohttp"]) as cassette:
        asyncio.run(main())
    assert cassette.recorded[0].incomplete is not None
    assert cassette.recorded[0].response.body == SSE_EVENTS[0]


def test_a_miss_reaches_the_program_and_leaves_the_session_usable(server: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none", backends=["aiohttp"]):
                await session.get(f"{server.url}/json")
            async with session.get(f"{server.url}/json") as answer:
                assert answer.status == 200

    asyncio.run(main())
