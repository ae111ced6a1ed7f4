"""Test doubles for HTTP libraries keep working, whether they start before or after a cassette."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette
from tests.conformance.server import JSON_TEXT, ScriptedServer

pytest_plugins = ["pytester"]
URL = "https://api.example.test/v1/things"


def optional(name: str) -> Any:
    return pytest.importorskip(name, reason=f"needs {name}")


def via_requests() -> Any:
    return optional("requests").get(URL, timeout=5).json()


def with_responses() -> Any:
    mock = optional("responses").RequestsMock()
    mock.add("GET", URL, json={"from": "double"})
    return mock


def with_requests_mock() -> Any:
    mock = optional("requests_mock").Mocker()
    mock.get(URL, json={"from": "double"})
    return mock


def via_httpx() -> Any:
    return optional("httpx").get(URL, trust_env=False).json()


def via_async_httpx() -> Any:
    async def main() -> Any:
        async with optional("httpx").AsyncClient(trust_env=False) as client:
            return (await client.get(URL)).json()

    return asyncio.run(main())


def with_respx(using: str) -> Callable[[], Any]:
    def make() -> Any:
        router = optional("respx").MockRouter(using=using, assert_all_called=False)
        router.get(URL).respond(json={"from": "double"})
        return router

    return make


DOUBLES = [
    pytest.param(with_responses, via_requests, id="responses"),
    pytest.param(with_requests_mock, via_requests, id="requests-mock"),
    pytest.param(with_respx("httpcore"), via_httpx, id="respx"),
    pytest.param(with_respx("httpcore"), via_async_httpx, id="respx-async"),
    pytest.param(with_respx("httpx"), via_httpx, id="respx-at-the-client"),
]


@pytest.mark.parametrize(("double", "call"), DOUBLES)
@pytest.mark.parametrize("mode", ["none", "once"])
@pytest.mark.parametrize("outermost", ["cassette", "double"])
def test_a_double_answers_and_nothing_is_recorded(
    tmp_path: Path,
    double: Callable[[], AbstractContextManager[Any]],
    call: Callable[[], Any],
    mode: str,
    outermost: str,
) -> None:
    cassette = use_cassette(tmp_path / "c.yaml", mode, backends="all")
    outer, inner = (cassette, double()) if outermost == "cassette" else (double(), cassette)
    with outer, inner:
        assert call() == {"from": "double"}
    assert not (tmp_path / "c.yaml").exists()


@pytest.mark.parametrize("outermost", ["cassette", "double"])
def test_what_responses_lets_through_is_recorded_and_replayed(tmp_path: Path, outermost: str) -> None:
    requests, responses = optional("requests"), optional("responses")
    path = tmp_path / "c.yaml"
    with ScriptedServer() as server:

        def use(mode: str) -> Any:
            mock = responses.RequestsMock(assert_all_requests_are_fired=False)
            mock.add_passthru(server.url)
            cassette = use_cassette(path, mode, backends=["requests"])
            outer, inner = (cassette, mock) if outermost == "cassette" else (mock, cassette)
            with outer, inner:
                return requests.get(f"{server.url}/json", timeout=5).text

        assert use("once") == JSON_TEXT
        server.stop()
        assert use("none") == JSON_TEXT
        assert server.hits == 1


@pytest.mark.parametrize("outermost", ["cassette", "double"])
def test_pytest_httpx_answers(pytester: pytest.Pytester, outermost: str) -> None:
    optional("pytest_httpx")
    pytester.makepyfile(
        f"""
        import httpx, promptecho

        def test_it(request, tmp_path):
            cassette = promptecho.use_cassette(tmp_path / "c.yaml", "none")
            if {outermost!r} == "cassette":
                cassette.__enter__()
            httpx_mock = request.getfixturevalue("httpx_mock")
            httpx_mock.add_response(json={{"from": "double"}})
            if {outermost!r} == "double":
                cassette.__enter__()
            assert httpx.get("{URL}", trust_env=False).json() == {{"from": "double"}}
            cassette.__exit__(None, None, None)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize("outermost", ["cassette", "double"])
def test_moto_answers(tmp_path: Path, outermost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3, moto = optional("boto3"), optional("moto")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    cassette = use_cassette(tmp_path / "c.yaml", "none", backends=["urllib3"])
    outer, inner = (cassette, moto.mock_aws()) if outermost == "cassette" else (moto.mock_aws(), cassette)
    with outer, inner:
        assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_wsgi_application_behind_requests_is_left_alone(tmp_path: Path) -> None:
    requests = optional("requests")

    class InProcess(requests.adapters.BaseAdapter):  # type: ignore[misc]  # known at run time only
        def send(self, request: Any, **named: Any) -> Any:
            answer = requests.Response()
            answer.status_code, answer._content = 200, b"in process"
            return answer

        def close(self) -> None:
            pass

    with requests.Session() as session, use_cassette(tmp_path / "c.yaml", "none", backends=["requests"]):
        session.mount("app://", InProcess())
        assert session.get("app://here/").text == "in process"
        with pytest.raises(CassetteMiss):
            session.get(URL)


def test_every_module_of_a_double_is_really_there() -> None:
    """So that the tests above are skipped nowhere without a word: the test group names each of them."""
    for name in ("responses", "requests_mock", "respx", "pytest_httpx"):
        importlib.import_module(name)
