"""A call to a provider that goes around the cassette is never silent."""

from __future__ import annotations

import asyncio
import contextvars
import http.client
import io
import socket
import sys
import threading
import urllib.request
import warnings
from pathlib import Path

import httpx
import pytest

from promptecho import use_cassette
from promptecho._backends.suppression import allowed
from promptecho._guard.hosts import is_llm_host
from promptecho.errors import UninterceptedCallError, UninterceptedCallWarning
from tests.conformance.drivers import Call, Driver, all_drivers
from tests.conformance.server import ScriptedServer

HOST = "api.openai.com"


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every name is a closed port of this machine, and each name that is looked up after all is noted."""
    looked_up: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()

    def look_up(host: object, port: object, *more: object, **named: object) -> list[object]:
        sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)  # as the real one does
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return looked_up


def test_http_client_raises_in_none_before_anything_is_sent(tmp_path: Path, unreachable: list[object]) -> None:
    connection = http.client.HTTPConnection(HOST)
    with pytest.raises(UninterceptedCallError, match=r"api\.openai\.com by http\.client goes around"):
        with use_cassette(tmp_path / "c.yaml", "none"):
            connection.request("GET", "/v1/models")
    assert not unreachable


def test_a_name_lookup_is_enough(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none"), pytest.raises(UninterceptedCallError) as caught:
        socket.getaddrinfo("bedrock-runtime.us-east-1.amazonaws.com", 443)
    assert caught.value.host == "bedrock-runtime.us-east-1.amazonaws.com"
    assert not isinstance(caught.value, Exception)


def test_the_flag_to_add_is_named(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none", backends=["httpx"]):
        httpx2 = pytest.importorskip("httpx2", reason="needs two HTTP libraries")
        with pytest.raises(UninterceptedCallError, match=r"by httpx2 .*backends=\[\.\.\., 'httpx2'\]"):
            httpx2.get(f"http://{HOST}/", trust_env=False)


def test_in_the_other_modes_it_warns(tmp_path: Path, unreachable: list[object]) -> None:
    connection = http.client.HTTPConnection(HOST)
    with use_cassette(tmp_path / "c.yaml"):
        with pytest.warns(UninterceptedCallWarning, match="not recorded"), pytest.raises(ConnectionRefusedError):
            connection.request("GET", "/v1/models")
    assert unreachable


def test_urllib_request_is_named(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none"), pytest.raises(UninterceptedCallError, match=r"urllib\.request"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(f"http://{HOST}/")


def test_without_a_cassette_and_for_other_hosts_nothing_happens(tmp_path: Path, unreachable: list[object]) -> None:
    with use_cassette(tmp_path / "c.yaml", "none"):
        pass
    connection = http.client.HTTPConnection(HOST)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/")
    with use_cassette(tmp_path / "c.yaml", "none"):
        socket.getaddrinfo("localhost", 80)


def test_a_call_that_the_cassette_lets_out_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []

    def look_up(host: object, *more: object, **named: object) -> list[object]:
        import sys

        looked_up.append(host)
        sys.audit("socket.getaddrinfo", host, *more[:1])
        raise socket.gaierror("no such host here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with use_cassette(tmp_path / "c.yaml"), pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{HOST}/", trust_env=False)
    assert looked_up


# --- libraries that aren't chosen -------------------------------------------------------------------------------------


def _answer_for(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Let a provider's name be this machine."""
    real = socket.getaddrinfo

    def look_up(name: object, *more: object, **named: object) -> object:
        return real("127.0.0.1" if name in (host, host.encode()) else name, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)  # and without an event, as a resolver of one's own


def _other(backend: str) -> list[str]:
    return ["httpx" if backend == "httpx2" else "httpx2"]


@pytest.mark.parametrize("driver", all_drivers(), ids=lambda driver: driver.name)
def test_every_library_that_is_not_chosen_is_stopped_by_the_address_of_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    _answer_for(monkeypatch, HOST)
    with ScriptedServer() as server:
        call = Call("POST", f"http://{HOST}:{server.url.rpartition(':')[2]}/v1/chat/completions", json={})
        with use_cassette(tmp_path / "c.yaml", "none", backends=_other(driver.backend)):
            with pytest.raises(UninterceptedCallError, match=r"api\.openai\.com") as caught:
                driver.send(call)
        assert server.hits == 0
    assert caught.value.library == driver.backend


@pytest.mark.parametrize("library", ["urllib.request", "urllib3", "requests", "httpx", "aiohttp"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_gets_no_byte(tmp_path: Path, library: str, scheme: str) -> None:
    url = f"{scheme}://{HOST}/v1/chat/completions"

    def ask(proxy: str) -> None:
        if library == "urllib.request":
            urllib.request.build_opener(urllib.request.ProxyHandler({scheme: proxy})).open(url, data=b"{}")
        elif library == "urllib3":
            urllib3.ProxyManager(proxy).request("POST", url, body=b"{}", retries=False)
        elif library == "requests":
            requests.post(url, json={}, proxies={scheme: proxy}, timeout=5)
        elif library == "httpx":
            httpx.Client(proxy=proxy).post(url, json={})
        else:
            asyncio.run(ask_aiohttp(proxy))

    async def ask_aiohttp(proxy: str) -> None:
        async with aiohttp.ClientSession() as client:
            await client.post(url, json={}, proxy=proxy)

    urllib3 = pytest.importorskip("urllib3", reason="needs urllib3")
    requests = pytest.importorskip("requests", reason="needs requests")
    aiohttp = pytest.importorskip("aiohttp", reason="needs aiohttp")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        with use_cassette(tmp_path / "c.yaml", "none", backends=_other("httpx")):
            with pytest.raises(UninterceptedCallError, match=r"api\.openai\.com"):
                ask(f"http://127.0.0.1:{proxy.getsockname()[1]}")
        proxy.settimeout(0.2)
        with pytest.raises(OSError), proxy.accept()[0] as connection:  # at most a connection, which carries nothing
            connection.settimeout(0.2)
            if not connection.recv(1):
                raise ConnectionResetError


def test_a_connection_from_before_the_cassette_carries_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer_for(monkeypatch, HOST)
    with ScriptedServer() as server:
        connection = http.client.HTTPConnection(HOST, int(server.url.rpartition(":")[2]))
        connection.request("GET", "/json")
        connection.getresponse().read()
        with httpx.Client(trust_env=False) as client:
            client.get(f"http://{HOST}:{server.url.rpartition(':')[2]}/json")
            hits = server.hits
            with use_cassette(tmp_path / "c.yaml", "none", backends=_other("httpx")):
                for send in (
                    lambda: connection.request("GET", "/json"),
                    lambda: client.get(f"http://{HOST}:{server.url.rpartition(':')[2]}/json"),
                ):
                    with pytest.raises(UninterceptedCallError):
                        send()
        assert server.hits == hits
        connection.close()


def test_other_traffic_of_libraries_that_are_not_chosen_is_untouched(tmp_path: Path) -> None:
    urllib3 = pytest.importorskip("urllib3", reason="needs urllib3")
    with ScriptedServer() as server:
        with use_cassette(tmp_path / "c.yaml", "none") as cassette, warnings.catch_warnings():
            warnings.simplefilter("error")
            body = io.BytesIO(b"streamed")
            assert urllib3.PoolManager().request("POST", f"{server.url}/echo", body=body).status == 200
    assert (len(cassette.played), cassette.passed_through) == (0, 0)


def test_in_none_another_host_is_a_warning_once(tmp_path: Path, unreachable: list[object]) -> None:
    with use_cassette(tmp_path / "c.yaml", "none"):
        with pytest.warns(UninterceptedCallWarning, match=r"example\.test by http\.client") as told:
            for _ in range(2):
                with pytest.raises(ConnectionRefusedError):
                    http.client.HTTPConnection("example.test").request("GET", "/")
        assert len(told) == 1


def test_a_host_that_is_ignored_is_let_out_whatever_the_library(tmp_path: Path, unreachable: list[object]) -> None:
    with use_cassette(tmp_path / "c.yaml", "none", ignore_hosts=[HOST]), pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(HOST).request("GET", "/v1/models")


def test_the_library_is_named_where_a_worker_thread_looks_the_name_up(tmp_path: Path) -> None:
    websockets = pytest.importorskip("websockets", reason="needs a client that no backend knows")

    async def ask() -> None:
        async with websockets.connect(f"ws://{HOST}/v1/realtime"):
            pass

    with use_cassette(tmp_path / "c.yaml", "none"), pytest.raises(UninterceptedCallError, match="by websockets"):
        asyncio.run(ask())


def test_a_thread_that_outlives_its_cassette_makes_no_live_call(tmp_path: Path, unreachable: list[object]) -> None:
    closed, caught = threading.Event(), []

    def late() -> None:
        closed.wait()
        with pytest.raises(UninterceptedCallError, match=r"c\.yaml was closed") as problem:
            httpx.get(f"http://{HOST}/", trust_env=False)
        caught.append(problem.value)

    with use_cassette(tmp_path / "c.yaml", "none"):
        thread = threading.Thread(target=late)
        thread.start()
    closed.set()
    thread.join()
    assert len(caught) == 1
    assert not unreachable


def test_a_task_that_outlives_its_cassette_makes_no_live_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: object, *more: object, **named: object) -> list[object]:
        sys.audit("socket.getaddrinfo", host, 80, 0, 0, 0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def main() -> None:
        async with use_cassette(tmp_path / "c.yaml", "none"):
            task = asyncio.create_task(late())
        with pytest.raises(BaseException) as caught:  # in a group where the library connects in tasks
            await task
        problem = getattr(caught.value, "exceptions", [caught.value])[0]
        assert isinstance(problem, UninterceptedCallError)
        assert "c.yaml was closed" in str(problem)

    async def late() -> None:
        await asyncio.sleep(0)
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"http://{HOST}/")

    asyncio.run(main())


def test_a_blocked_network_stays_blocked_while_another_call_is_recorded(tmp_path: Path) -> None:
    with ScriptedServer() as server, use_cassette(tmp_path / "c.yaml", block_network=True):
        with allowed("api.example"):
            context = contextvars.Context()
            with pytest.raises(UninterceptedCallError, match="block_network"):
                context.run(socket.create_connection, ("192.0.2.1", 80), 1)
        assert httpx.get(f"{server.url}/json", trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("api.openai.com", True),
        ("API.OpenAI.com.", True),
        ("my-resource.openai.azure.com", True),
        ("us-central1-aiplatform.googleapis.com", True),
        ("bedrock-runtime.eu-west-1.amazonaws.com", True),
        ("s3.amazonaws.com", False),
        ("notapi.openai.com.evil.test", False),
        ("127.0.0.1", False),
    ],
)
def test_providers_are_known_by_their_hosts(host: str, known: bool) -> None:
    assert is_llm_host(host) is known


def test_a_boto3_call_without_the_flag_raises_and_names_it(tmp_path: Path) -> None:
    boto3 = pytest.importorskip("boto3", reason="needs boto3")
    client = boto3.client("bedrock-runtime", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    with use_cassette(tmp_path / "c.yaml", "none"):
        with pytest.raises(UninterceptedCallError, match=r"by botocore .*backends=\[\.\.\., 'urllib3'\]"):
            client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hi"}]}])


def test_an_alarm_that_the_program_swallows_is_raised_again(tmp_path: Path) -> None:
    with pytest.raises(UninterceptedCallError), use_cassette(tmp_path / "c.yaml", "none"):
        try:
            socket.getaddrinfo(HOST, 443)
        except BaseException:
            pass


@pytest.mark.parametrize("mode", ["none", "once"])
def test_a_blocked_network_lets_nothing_but_loopback_through(tmp_path: Path, mode: str) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with use_cassette(tmp_path / "c.yaml", mode, block_network=True):
        for call in (
            lambda: socket.getaddrinfo("example.test", 80),
            lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
            lambda: http.client.HTTPConnection("192.0.2.1").connect(),
            lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
        ):
            with pytest.raises(UninterceptedCallError, match="block_network"):
                call()
        socket.create_connection(server.getsockname()).close()
        socket.getaddrinfo("localhost", 80)
    server.close()


def test_a_blocked_network_lets_a_recording_through(tmp_path: Path) -> None:
    with ScriptedServer() as server, use_cassette(tmp_path / "c.yaml", block_network=True) as cassette:
        assert httpx.get(f"{server.url}/json", trust_env=False).status_code == 200
    assert len(cassette.recorded) == 1
