"""What a user of requests and urllib3 touches on a response is there on replay."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import use_cassette
from tests.conformance.server import SSE_EVENTS, ScriptedServer

requests: Any = pytest.importorskip("requests", reason="needs requests")
urllib3: Any = pytest.importorskip("urllib3", reason="needs urllib3")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def both(server: ScriptedServer, path: Path, backend: str, look: Any) -> tuple[Any, Any]:
    """What is seen live, and on replay with the server gone."""
    with use_cassette(path, backends=[backend]):
        live = look()
    server.stop()
    with use_cassette(path, "none", backends=[backend]):
        return live, look()


def test_a_requests_response_has_everything(server: ScriptedServer, tmp_path: Path) -> None:
    def look() -> Any:
        seen: list[Any] = []
        with requests.Session() as session:
            session.trust_env = False
            session.hooks["response"].append(lambda response, **named: seen.append(response.status_code))
            answer = session.get(f"{server.url}/redirect")
            answer.raise_for_status()
            session.hooks["response"].clear()  # a lambda can't be pickled
            again = pickle.loads(pickle.dumps(session.get(f"{server.url}/json")))
            lines = list(session.get(f"{server.url}/sse", stream=True).iter_lines(decode_unicode=True))
            raw = session.get(f"{server.url}/text", stream=True).raw.read(7)
        return (answer.json(), answer.reason, answer.url, [each.url for each in answer.history], again.text, lines, raw,
                seen, answer.encoding, answer.ok)  # fmt: skip

    live, replayed = both(server, tmp_path / "c.yaml", "requests", look)
    assert replayed == live


def test_a_urllib3_response_has_everything(server: ScriptedServer, tmp_path: Path) -> None:
    def look() -> Any:
        with urllib3.PoolManager() as pool:
            whole = pool.request("GET", f"{server.url}/json")
            stream = pool.request("GET", f"{server.url}/sse", preload_content=False)
            pieces = list(stream.stream(10))
            stream.release_conn()
            part = pool.request("GET", f"{server.url}/gzip", preload_content=False)
            # urllib3 before 2.6 loses bytes between two reads of a coded body.
            sizes = (5, None) if int(urllib3.__version__.split(".")[1]) >= 6 else (None,)
            parts = [*(part.read(size) for size in sizes), part.headers["content-type"]]
        return whole.data, whole.status, whole.reason, b"".join(pieces), parts

    live, replayed = both(server, tmp_path / "c.yaml", "urllib3", look)
    assert replayed == live
    assert replayed[3] == b"".join(SSE_EVENTS)


def test_requests_alone_leaves_plain_urllib3_calls_untouched(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none", backends=["requests"]), urllib3.PoolManager() as pool:
        assert pool.request("GET", f"{server.url}/json").status == 200
    assert server.hits == 1


def test_both_chosen_record_a_call_once(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", backends="all") as cassette:
        requests.get(f"{server.url}/json")
    assert len(cassette.recorded) == 1


def test_a_recording_of_httpx_replays_through_a_kept_alive_connection(server: ScriptedServer, tmp_path: Path) -> None:
    with requests.Session() as session, use_cassette(tmp_path / "c.yaml", "new_episodes", backends=["requests"]):
        first = session.get(f"{server.url}/json").text
        assert session.get(f"{server.url}/text").ok
    with requests.Session() as session:
        session.get(f"{server.url}/json")  # connected before the cassette opens
        with use_cassette(tmp_path / "c.yaml", "none", backends=["requests"]):
            assert session.get(f"{server.url}/json").text == first
        assert session.get(f"{server.url}/json").ok
    assert server.hits == 4


def test_every_patched_attribute_is_restored(tmp_path: Path) -> None:
    points = [
        (urllib3.connectionpool.HTTPConnectionPool, "_make_request"),
        (urllib3.connectionpool.HTTPSConnectionPool, "_prepare_proxy"),
        (urllib3.connection.HTTPConnection, "request"),
        (requests.Session, "send"),
    ]

    def state() -> list[object]:
        found = [vars(owner)[name] for owner, name in points]
        return [(each, each.__code__, dict(vars(each))) for each in found]

    before = state()
    with use_cassette(tmp_path / "a.yaml", backends=["requests", "urllib3"]):
        assert state() != before
    assert state() == before
