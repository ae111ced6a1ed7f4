"""An application that is tested in process runs on replay too; only the calls that it makes itself are recorded."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette
from tests.conformance.server import ScriptedServer

Ask = Callable[[Any], Any]
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def optional(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"needs {name}")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def application(url: str, version: int, module: str = "httpx") -> Any:
    """A FastAPI application whose endpoint asks a model, in the library of a name; ``version`` is what it is today."""
    app = optional("fastapi").FastAPI()
    library = optional(module)

    @app.get("/ask")  # type: ignore[untyped-decorator]  # fastapi is optional
    def ask() -> Any:
        answer = library.post(f"{url}/v1/chat/completions", json=QUESTION, timeout=5)
        return {"version": version, "answer": answer.json()["body"]}

    @app.get("/async-ask")  # type: ignore[untyped-decorator]  # as above
    async def async_ask() -> Any:
        async with library.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{url}/v1/chat/completions", json=QUESTION)
        return {"version": version, "answer": answer.json()["body"]}

    return app


def under_test_client(app: Any, path: str) -> Any:
    with optional("fastapi.testclient").TestClient(app) as client:
        return client.get(path).json()


def under_asgi(module: str) -> Callable[[Any, str], Any]:
    def under(app: Any, path: str) -> Any:
        library = optional(module)

        async def main() -> Any:
            async with library.AsyncClient(transport=library.ASGITransport(app), base_url="http://app") as client:
                return (await client.get(path)).json()

        return asyncio.run(main())

    under.__name__ = f"under_asgi_of_{module}"
    return under


@pytest.mark.parametrize("under", [under_test_client, under_asgi("httpx"), under_asgi("httpx2")])
@pytest.mark.parametrize(
    ("module", "path", "backends"),
    [
        ("httpx", "/ask", ["httpx", "httpx2"]),
        ("httpx2", "/ask", ["httpx", "httpx2"]),
        ("httpx", "/async-ask", ["httpx", "httpx2"]),
        ("httpx2", "/async-ask", ["httpx", "httpx2"]),
        ("requests", "/ask", ["httpx", "httpx2", "requests"]),
    ],
)
def test_the_application_runs_on_replay_and_its_model_calls_are_recorded(
    server: ScriptedServer, tmp_path: Path, under: Any, module: str, path: str, backends: list[str]
) -> None:
    cassette_path = tmp_path / "c.yaml"
    with use_cassette(cassette_path, backends=backends) as cassette:
        live = under(application(server.url, 1, module), path)
    assert [each.url for each in cassette.recorded] == [f"{server.url}/v1/chat/completions"]
    server.stop()
    with use_cassette(cassette_path, "none", backends=backends) as cassette:
        changed = under(application(server.url, 2, module), path)
    assert changed == {**live, "version": 2}
    assert len(cassette.played) == 1


def test_what_an_application_does_beside_is_not_taken_for_its_client_s_call(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """It connects to a database, and asks a model in a library that isn't chosen; its endpoint runs once."""
    requests = optional("requests")
    app = optional("fastapi").FastAPI()
    runs: list[int] = []

    @app.get("/ask")  # type: ignore[untyped-decorator]  # as above
    def ask() -> Any:
        runs.append(1)
        return {"text": requests.get(f"{server.url}/json", timeout=5).text}

    with use_cassette(tmp_path / "c.yaml") as cassette:
        under_test_client(app, "/ask")
    assert (len(runs), server.hits, cassette.recorded) == (1, 1, ())


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_transport_that_answers_some_calls_itself_lets_only_the_others_be_recorded(
    server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    module = optional(name)

    class Sometimes(module.BaseTransport):  # type: ignore[misc]  # known at run time only
        def __init__(self) -> None:
            self.network = module.HTTPTransport()

        def handle_request(self, request: Any) -> Any:
            if request.url.path == "/inside":
                return module.Response(200, text="inside")
            return self.network.handle_request(request)

    for mode in ("once", "none"):
        with use_cassette(tmp_path / "c.yaml", mode) as cassette, module.Client(transport=Sometimes()) as client:
            assert client.get(f"{server.url}/inside").text == "inside"
            assert client.get(f"{server.url}/json").status_code == 200
            assert client.get(f"{server.url}/inside").text == "inside"
        assert len(cassette.interactions) == 1
    assert server.hits == 1


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_mounts_mix_applications_and_the_network(server: ScriptedServer, tmp_path: Path, name: str) -> None:
    module = optional(name)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"inside"]

    for mode in ("once", "none"):
        mounts = {"http://app.test": module.WSGITransport(app)}
        with use_cassette(tmp_path / "c.yaml", mode), module.Client(mounts=mounts, trust_env=False) as client:
            assert client.get("http://app.test/").text == "inside"
            assert client.get(f"{server.url}/json").status_code == 200
            if mode == "none":
                with pytest.raises(CassetteMiss):
                    client.get(f"{server.url}/other")
    assert server.hits == 1


def test_a_websocket_of_a_test_client_is_left_alone(tmp_path: Path) -> None:
    app = optional("starlette.applications").Starlette()

    async def echo(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text() + "!")
        await websocket.close()

    app.router.add_websocket_route("/ws", echo)
    with use_cassette(tmp_path / "c.yaml", "none"), optional("fastapi.testclient").TestClient(app) as client:
        with client.websocket_connect("/ws") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello!"


def test_a_streamed_answer_of_an_application_arrives_whole(tmp_path: Path) -> None:
    responses = optional("starlette.responses")
    app = optional("fastapi").FastAPI()

    @app.get("/stream")  # type: ignore[untyped-decorator]  # as above
    def stream() -> Any:
        return responses.StreamingResponse(iter(["a", "b", "c"]))

    with use_cassette(tmp_path / "c.yaml", "none"), optional("fastapi.testclient").TestClient(app) as client:
        with client.stream("GET", "/stream") as answer:
            assert b"".join(answer.iter_bytes()) == b"abc"
