"""Whatever stands between a program and the network, what really goes out is intercepted, and nothing else is."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from promptecho import CassetteMiss, use_cassette
from tests.conformance.server import ScriptedServer

Call = Callable[[str], str]


def optional(name: str) -> Any:
    return pytest.importorskip(name, reason=f"needs {name}")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


# --- httpx and httpx2 -------------------------------------------------------------------------------------------------


def own_pool(module: Any, core: Any, url: str) -> str:
    class Pool(core.ConnectionPool):  # type: ignore[misc]  # known at run time only
        pass

    transport = module.HTTPTransport()
    transport._pool = Pool()
    return _get(module, transport, url)


def own_network(module: Any, core: Any, url: str) -> str:
    class Network(core.SyncBackend):  # type: ignore[misc]  # as above
        def connect_tcp(self, host: str, port: int, *arguments: Any, **named: Any) -> Any:
            return super().connect_tcp("127.0.0.1", port, *arguments, **named)

    transport = module.HTTPTransport()
    transport._pool = core.ConnectionPool(network_backend=Network())
    return _get(module, transport, url)


def subclass_without_super(module: Any, core: Any, url: str) -> str:
    class Own(module.HTTPTransport):  # type: ignore[misc]  # as above
        def handle_request(self, request: Any) -> Any:
            asked = core.Request(request.method, core.URL(str(request.url)), headers=request.headers.raw)
            got = self._pool.handle_request(asked)
            return module.Response(got.status, headers=got.headers, content=b"".join(got.stream))

    return _get(module, Own(), url)


def over_urllib(module: Any, core: Any, url: str) -> str:
    class Own(module.BaseTransport):  # type: ignore[misc]  # as above
        def handle_request(self, request: Any) -> Any:
            with urllib.request.urlopen(str(request.url), timeout=5) as answer:
                return module.Response(answer.status, content=answer.read())

    return _get(module, Own(), url)


def network_transport_over_sockets(module: Any, core: Any, url: str) -> str:
    class Own(module.HTTPTransport):  # type: ignore[misc]  # as above
        def handle_request(self, request: Any) -> Any:
            with socket.create_connection((request.url.host, request.url.port), timeout=5) as connection:
                target = request.url.raw_path.decode()
                connection.sendall(f"GET {target} HTTP/1.0\r\nhost: x\r\n\r\n".encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            return module.Response(200, content=answer.partition(b"\r\n\r\n")[2])

    return _get(module, Own(), url)


def over_requests(module: Any, core: Any, url: str) -> str:
    requests = optional("requests")

    class Own(module.BaseTransport):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            self.session = requests.Session()

        def handle_request(self, request: Any) -> Any:
            answer = self.session.get(str(request.url), timeout=5)
            return module.Response(answer.status_code, content=answer.content)

    return _get(module, Own(), url)


def swallowing(module: Any, core: Any, url: str) -> str:
    class Own(module.BaseTransport):  # type: ignore[misc]  # as above
        def handle_request(self, request: Any) -> Any:
            try:
                with urllib.request.urlopen(str(request.url), timeout=5) as answer:
                    return module.Response(answer.status, content=answer.read())
            except BaseException:
                return module.Response(502)

    return _get(module, Own(), url)


def router(module: Any, core: Any, url: str) -> str:
    class Router(module.BaseTransport):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            self.inside = module.MockTransport(lambda request: module.Response(200, text="inside"))
            self.routes = {"127.0.0.1": module.HTTPTransport()}

        def handle_request(self, request: Any) -> Any:
            return self.routes.get(request.url.host, self.inside).handle_request(request)

    with module.Client(transport=Router()) as client:
        assert client.get("http://elsewhere.test/").text == "inside"
        return str(client.get(url).text)


def a_patched_transport(module: Any, core: Any, url: str) -> str:
    def over_http_client(transport: Any, request: Any) -> Any:
        connection = http.client.HTTPConnection(request.url.host, request.url.port, timeout=5)
        connection.request(request.method, request.url.raw_path.decode())
        return module.Response(200, content=connection.getresponse().read())

    with mock.patch.object(module.HTTPTransport, "handle_request", over_http_client):
        return str(module.get(url, trust_env=False).text)


def a_spy_on_an_instance(module: Any, core: Any, url: str) -> str:
    transport = module.HTTPTransport()
    with mock.patch.object(transport, "handle_request", wraps=transport.handle_request) as spy:
        text = _get(module, transport, url)
    assert spy.call_count == 1
    return text


def httpcore_alone(module: Any, core: Any, url: str) -> str:
    return bytes(core.request("GET", url).content).decode()


def an_upgrade_header(module: Any, core: Any, url: str) -> str:
    return str(module.get(url, headers={"upgrade": "websocket", "connection": "upgrade"}, trust_env=False).text)


def async_over_streams(module: Any, core: Any, url: str) -> str:
    class Own(module.AsyncBaseTransport):  # type: ignore[misc]  # as above
        async def handle_async_request(self, request: Any) -> Any:
            reader, writer = await asyncio.open_connection(request.url.host, request.url.port or 80)
            writer.write(f"GET {request.url.raw_path.decode()} HTTP/1.0\r\nhost: x\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            return module.Response(200, content=answer.partition(b"\r\n\r\n")[2])

    return _get_async(module, Own(), url)


def async_retries_over_aiohttp(module: Any, core: Any, url: str) -> str:
    aiohttp = optional("aiohttp")

    class Aiohttp(module.AsyncBaseTransport):  # type: ignore[misc]  # as above
        async def handle_async_request(self, request: Any) -> Any:
            async with aiohttp.ClientSession() as session, session.get(str(request.url)) as answer:
                return module.Response(answer.status, content=await answer.read())

    class Retrying(module.AsyncBaseTransport):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            self.inner = Aiohttp()

        async def handle_async_request(self, request: Any) -> Any:
            return await self.inner.handle_async_request(request)

    return _get_async(module, Retrying(), url)


def async_own_pool(module: Any, core: Any, url: str) -> str:
    class Pool(core.AsyncConnectionPool):  # type: ignore[misc]  # as above
        pass

    transport = module.AsyncHTTPTransport()
    transport._pool = Pool()
    return _get_async(module, transport, url)


def async_subclass_without_super(module: Any, core: Any, url: str) -> str:
    class Own(module.AsyncHTTPTransport):  # type: ignore[misc]  # as above
        async def handle_async_request(self, request: Any) -> Any:
            asked = core.Request(request.method, core.URL(str(request.url)), headers=request.headers.raw)
            got = await self._pool.handle_async_request(asked)
            return module.Response(got.status, content=b"".join([part async for part in got.stream]))

    return _get_async(module, Own(), url)


def _get(module: Any, transport: Any, url: str) -> str:
    with module.Client(transport=transport) as client:
        return str(client.get(url).text)


def _get_async(module: Any, transport: Any, url: str) -> str:
    async def main() -> str:
        async with module.AsyncClient(transport=transport) as client:
            return str((await client.get(url)).text)

    return asyncio.run(main())


HTTPX_WAYS = [
    own_pool, own_network, subclass_without_super, over_urllib, swallowing, network_transport_over_sockets, over_requests, router,
    a_patched_transport, a_spy_on_an_instance, httpcore_alone, an_upgrade_header, async_over_streams,
    async_retries_over_aiohttp, async_own_pool, async_subclass_without_super,
]  # fmt: skip


# --- the other libraries ----------------------------------------------------------------------------------------------


def urllib3_pool_without_super(url: str) -> str:
    urllib3 = optional("urllib3")

    class Pool(urllib3.HTTPConnectionPool):  # type: ignore[misc]  # as above
        def urlopen(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
            connection = self._get_conn()
            connection.request(method, url)
            return connection.getresponse()

    host, _, port = url.rpartition("/")[0].rpartition("//")[2].partition(":")
    return str(Pool(host, int(port)).urlopen("GET", "/" + url.rpartition("/")[2]).data.decode())


def urllib3_connection(url: str) -> str:
    urllib3 = optional("urllib3")
    host, _, port = url.rpartition("/")[0].rpartition("//")[2].partition(":")
    connection = urllib3.connection.HTTPConnection(host, int(port))
    connection.request("GET", "/" + url.rpartition("/")[2], preload_content=False)
    return str(connection.getresponse().read().decode())


def requests_adapter_without_super(url: str) -> str:
    requests = optional("requests")

    class Adapter(requests.adapters.HTTPAdapter):  # type: ignore[misc]  # as above
        def send(self, request: Any, **named: Any) -> Any:
            got = self.poolmanager.urlopen(request.method, request.url, preload_content=False, decode_content=False)
            return self.build_response(request, got)

    with requests.Session() as session:
        session.mount("http://", Adapter())
        return str(session.get(url, timeout=5).text)


def aiohttp_connector_without_super(url: str) -> str:
    aiohttp = optional("aiohttp")
    connector_module = importlib.import_module("aiohttp.connector")

    class Connector(aiohttp.TCPConnector):  # type: ignore[misc]  # as above
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            protocol = await self._create_connection(req, traces, timeout)
            return connector_module.Connection(self, req.connection_key, protocol, self._loop)

    return _get_aiohttp(aiohttp, url, connector=Connector)


def aiohttp_upgrade_header(url: str) -> str:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return _get_aiohttp(optional("aiohttp"), url, headers=headers)


def _get_aiohttp(aiohttp: Any, url: str, connector: Any = None, headers: Any = None) -> str:
    async def main() -> str:
        async with aiohttp.ClientSession(connector=connector() if connector else None) as session:
            async with session.get(url, headers=headers) as answer:
                return str(await answer.text())

    return asyncio.run(main())


def _spied(owner: str, name: str, call: Call) -> Call:
    """The call, with a spy that a test put on a method: it keeps the original and says nothing of it."""

    def made(url: str) -> str:
        module, _, attribute = owner.rpartition(".")
        target = getattr(optional(module), attribute)
        original = vars(target)[name]

        def spy(*arguments: Any, **named: Any) -> Any:
            return original(*arguments, **named)

        with mock.patch.object(target, name, spy):
            return call(url)

    made.__name__ = f"spy_on_{attribute_of(owner)}_{name}"
    return made


def attribute_of(owner: str) -> str:
    return owner.rpartition(".")[2]


def plain_requests(url: str) -> str:
    return str(optional("requests").get(url, timeout=5).text)


def plain_urllib3(url: str) -> str:
    return str(optional("urllib3").PoolManager().request("GET", url).data.decode())


def plain_aiohttp(url: str) -> str:
    return _get_aiohttp(optional("aiohttp"), url)


OTHER_WAYS = [
    ("urllib3", urllib3_pool_without_super),
    ("urllib3", urllib3_connection),
    ("urllib3", _spied("urllib3.connectionpool.HTTPConnectionPool", "urlopen", plain_urllib3)),
    ("urllib3", _spied("urllib3.connectionpool.HTTPConnectionPool", "_make_request", plain_urllib3)),
    ("urllib3", _spied("urllib3.connection.HTTPConnection", "request", plain_urllib3)),
    ("requests", requests_adapter_without_super),
    ("requests", _spied("requests.sessions.Session", "send", plain_requests)),
    ("requests", _spied("requests.adapters.HTTPAdapter", "send", plain_requests)),
    ("requests", _spied("urllib3.connectionpool.HTTPConnectionPool", "_make_request", plain_requests)),
    ("aiohttp", aiohttp_connector_without_super),
    ("aiohttp", aiohttp_upgrade_header),
    ("aiohttp", _spied("aiohttp.connector.BaseConnector", "connect", plain_aiohttp)),
    ("aiohttp", _spied("aiohttp.client.ClientSession", "_request", plain_aiohttp)),
]


def ways() -> Iterator[Any]:
    for name in ("httpx", "httpx2"):
        core = name.replace("httpx", "httpcore")
        for way in HTTPX_WAYS:
            yield pytest.param(
                name,
                lambda url, way=way, name=name, core=core: way(optional(name), optional(core), url),
                id=f"{name}-{way.__name__}",
            )
        for owner, method in (
            (f"{name}.HTTPTransport", "handle_request"),
            (f"{name}.Client", "_transport_for_url"),
            (f"{core}.ConnectionPool", "handle_request"),
            (f"{core}.HTTPConnection", "handle_request"),
        ):
            spied = _spied(owner, method, lambda url, name=name: str(optional(name).get(url, trust_env=False).text))  # type: ignore[misc]  # lambda with a default
            yield pytest.param(name, spied, id=f"{name}-{spied.__name__}")
    for name, call in OTHER_WAYS:
        yield pytest.param(name, call, id=f"{name}-{call.__name__}")


@pytest.mark.parametrize(("backend", "call"), list(ways()))
def test_what_goes_out_is_recorded_and_replayed(
    server: ScriptedServer, tmp_path: Path, backend: str, call: Call
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=[backend]) as cassette:
        live = call(f"{server.url}/json")
    assert (len(cassette.recorded), server.hits) == (1, 1)
    with use_cassette(path, "none", backends=[backend]):
        assert call(f"{server.url}/json") == live
        with pytest.raises(CassetteMiss):
            call(f"{server.url}/other")
    assert server.hits == 1


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_network_in_memory_is_left_alone(tmp_path: Path, name: str) -> None:
    module, core = optional(name), optional(name.replace("httpx", "httpcore"))
    answer = [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndouble"]
    transport = module.HTTPTransport()
    transport._pool = core.ConnectionPool(network_backend=core.MockBackend(answer))
    with use_cassette(tmp_path / "c.yaml", "none"):
        assert _get(module, transport, "http://example.test/") == "double"


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_connection_kept_alive_from_before_is_replayed_over(
    server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    with optional(name).Client(trust_env=False) as client:
        with use_cassette(tmp_path / "c.yaml"):
            live = client.get(f"{server.url}/json").text
        with use_cassette(tmp_path / "c.yaml", "none"):
            assert client.get(f"{server.url}/json").text == live
            with pytest.raises(CassetteMiss):
                client.get(f"{server.url}/other")
        assert server.hits == 1
        assert client.get(f"{server.url}/json").text == live
    assert server.hits == 2


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_replays_and_misses_take_no_place_in_a_pool(server: ScriptedServer, tmp_path: Path, name: str) -> None:
    module = optional(name)
    limits = module.Limits(max_connections=2)

    async def many(count: int) -> None:
        async with module.AsyncClient(trust_env=False, limits=limits, timeout=5) as client:
            await asyncio.gather(*(client.get(f"{server.url}/json") for _ in range(count)))
            for _ in range(count if count > 1 else 0):
                with pytest.raises(CassetteMiss):
                    await client.get(f"{server.url}/other")

    with use_cassette(tmp_path / "c.yaml"):
        asyncio.run(many(1))
    with use_cassette(tmp_path / "c.yaml", "none"):
        asyncio.run(many(20))
        with module.Client(trust_env=False, limits=limits, timeout=5) as client:
            for _ in range(5):
                assert client.get(f"{server.url}/json").status_code == 200
    assert server.hits == 1


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
@pytest.mark.parametrize("host", ["http://api.example.test", "https://api.example.test"])
def test_a_replay_needs_no_proxy(server: ScriptedServer, tmp_path: Path, name: str, host: str) -> None:
    module = optional(name)
    with use_cassette(tmp_path / "c.yaml"):
        live = module.get(f"{server.url}/json", trust_env=False).text
    with use_cassette(tmp_path / "c.yaml", "none"):
        with module.Client(proxy="http://127.0.0.1:1") as client:
            assert client.get(f"{host}/json").text == live
            with pytest.raises(CassetteMiss, match=f"{host}/other"):
                client.get(f"{host}/other")


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_call_through_a_proxy_is_recorded_under_its_own_address(
    server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    module = optional(name)
    with use_cassette(tmp_path / "c.yaml") as cassette, module.Client(proxy=server.url) as client:
        client.get("http://api.example.test/json")
    assert [each.url for each in cassette.recorded] == ["http://api.example.test/json"]
    assert server.hits == 1


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_transport_is_stopped_before_it_looks_a_name_up(server: ScriptedServer, tmp_path: Path, name: str) -> None:
    module = optional(name)
    with use_cassette(tmp_path / "c.yaml"):
        live = module.get(f"{server.url}/json", trust_env=False).text
    with use_cassette(tmp_path / "c.yaml", "none"):
        for host in ("api.openai.com", "api.example.test"):
            assert over_urllib(module, None, f"http://{host}/json") == live
            assert async_over_streams(module, None, f"http://{host}:80/json") == live
    assert server.hits == 1
