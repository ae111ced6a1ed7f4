"""A call to a provider that goes around the cassette is never silent."""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.request
from pathlib import Path

import httpx
import pytest

from promptecho import use_cassette
from promptecho._guard import is_llm_host
from promptecho.errors import UninterceptedCallError, UninterceptedCallWarning

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
    from tests.conformance.server import ScriptedServer

    with ScriptedServer() as server, use_cassette(tmp_path / "c.yaml", block_network=True) as cassette:
        assert httpx.get(f"{server.url}/json", trust_env=False).status_code == 200
    assert len(cassette.recorded) == 1
