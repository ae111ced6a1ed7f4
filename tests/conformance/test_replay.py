"""What every backend must show: what was recorded replays, with the server gone, as the program saw it live."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from promptecho import CassetteMiss, PromptechoRecordingWarning, RecordedErrorResponse, use_cassette
from promptecho._session import begun
from promptecho.errors import IncompleteRecordingError

from .conftest import DRIVERS
from .drivers import Call, Driver, Observed
from .server import BINARY, JSON_TEXT, NDJSON_LINES, SSE_EVENTS, ScriptedServer


def chat(server: ScriptedServer, text: str, **more: object) -> Call:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return Call("POST", f"{server.url}/v1/chat/completions", json=body)


def visible(observed: Observed) -> tuple[object, ...]:
    """What must not differ between the live answer and its replay."""
    coded = any(name.lower() == "content-encoding" for name, _ in observed.headers)
    plumbing = {"content-encoding", "content-length", "transfer-encoding"} if coded else set()
    headers = [(name, value) for name, value in observed.headers if name.lower() not in plumbing]
    headers = [(name, "REDACTED" if name.lower() == "set-cookie" else value) for name, value in headers]
    return observed.status, headers, observed.body, observed.reason, observed.history


def coded(observed: Observed) -> Observed:
    """A replay of a coded body has plain bytes and says so; drop the length, which then differs."""
    kept = tuple((name, value) for name, value in observed.headers if name.lower() != "content-length")
    return Observed(observed.status, kept, observed.chunks, observed.reason, observed.history)


def record_then_replay(server: ScriptedServer, driver: Driver, path: Path, call: Call) -> tuple[Observed, Observed]:
    with use_cassette(path, backends=[driver.backend], on_record_error="record"):
        live = driver.send(call)
    server.stop()
    hits = server.hits
    with use_cassette(path, "none", backends=[driver.backend]):
        replayed = driver.send(call)
    assert server.hits == hits
    return live, replayed


@pytest.mark.parametrize(
    ("target", "stream"),
    [
        ("/json", False),
        ("/json", True),
        ("/sse", True),
        ("/sse", False),
        ("/ndjson", True),
        ("/binary", False),
        ("/text", False),
        ("/empty", False),
        ("/repeats", False),
        ("/cookies", False),
        ("/status/503", False),
        ("/status/404", True),
    ],
)
def test_a_recorded_answer_replays_as_it_was(
    server: ScriptedServer, driver: Driver, path: Path, target: str, stream: bool
) -> None:
    live, replayed = record_then_replay(server, driver, path, Call("GET", server.url + target, stream=stream))
    assert visible(replayed) == visible(live)


@pytest.mark.parametrize("target", ["/gzip", "/deflate", "/gzip-sse"])
def test_a_coded_body_replays_decoded(server: ScriptedServer, driver: Driver, path: Path, target: str) -> None:
    live, replayed = record_then_replay(server, driver, path, Call("GET", server.url + target, stream=True))
    assert visible(coded(replayed))[2:] == visible(coded(live))[2:]
    assert replayed.body in (JSON_TEXT.encode(), b"".join(SSE_EVENTS))
    assert not replayed.header("content-encoding")


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_coding_that_the_client_asks_for_replays_decoded(
    server: ScriptedServer, driver: Driver, path: Path, coding: str
) -> None:
    live, replayed = record_then_replay(server, driver, path, Call("GET", f"{server.url}/coded/{coding}"))
    assert replayed.body == live.body == JSON_TEXT.encode()
    assert "h\u00e9llo" in path.read_text(encoding="utf-8")


def test_head_keeps_its_length(server: ScriptedServer, driver: Driver, path: Path) -> None:
    live, replayed = record_then_replay(server, driver, path, Call("HEAD", f"{server.url}/binary"))
    assert visible(replayed) == visible(live)
    assert replayed.header("content-length") == [str(len(BINARY))]


def test_events_arrive_one_by_one(server: ScriptedServer, driver: Driver, path: Path) -> None:
    _, replayed = record_then_replay(server, driver, path, Call("GET", f"{server.url}/sse", stream=True))
    assert [chunk for chunk in replayed.chunks if chunk] == SSE_EVENTS


def test_ndjson_lines_arrive_one_by_one(server: ScriptedServer, driver: Driver, path: Path) -> None:
    _, replayed = record_then_replay(server, driver, path, Call("GET", f"{server.url}/ndjson", stream=True))
    assert [chunk for chunk in replayed.chunks if chunk] == NDJSON_LINES


def test_redirects_are_followed_by_the_library_itself(server: ScriptedServer, driver: Driver, path: Path) -> None:
    call = Call("GET", f"{server.url}/redirect", follow_redirects=True)
    live, replayed = record_then_replay(server, driver, path, call)
    assert visible(replayed) == visible(live)
    assert replayed.history == (302,)


def test_while_recording_a_chunk_is_there_before_the_next_one_is_sent(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    # the server holds back its second event until the first one has been read and the client has left
    with use_cassette(path, backends=[driver.backend]):
        observed = driver.send(Call("GET", f"{server.url}/gated", stream=True, read=1))
    assert observed.chunks == (SSE_EVENTS[0],)


def test_an_abandoned_stream_replays_as_far_as_it_was_read(server: ScriptedServer, driver: Driver, path: Path) -> None:
    call = Call("GET", f"{server.url}/gated", stream=True, read=1)
    with use_cassette(path, backends=[driver.backend]) as cassette:
        driver.send(call)
    assert cassette.recorded[0].incomplete == "the program stopped reading"
    server.stop()
    with use_cassette(path, "none", backends=[driver.backend]):
        assert driver.send(call).chunks == (SSE_EVENTS[0],)
        with pytest.raises(IncompleteRecordingError, match="stopped reading"):
            driver.send(Call("GET", f"{server.url}/gated", stream=True))


def test_a_stream_left_after_its_last_event_is_recorded_whole(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    with use_cassette(path, backends=[driver.backend]) as cassette:
        driver.send(Call("GET", f"{server.url}/sse", stream=True, read=len(SSE_EVENTS)))
    assert cassette.recorded[0].incomplete is None
    assert b"".join(cassette.recorded[0].response.chunks) == b"".join(SSE_EVENTS)


def test_a_broken_connection_leaves_what_arrived(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with use_cassette(path, backends=[driver.backend]) as cassette:
        with pytest.raises(Exception, match=r"(?i)peer closed|incomplete|payload|IncompleteRead"):
            driver.send(Call("GET", f"{server.url}/broken", stream=True))
        assert cassette.recorded[0].incomplete is not None
        assert b"".join(cassette.recorded[0].response.chunks) == SSE_EVENTS[0]


def test_a_refused_connection_reaches_the_program_and_is_not_recorded(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    server.stop()
    with use_cassette(path, backends=[driver.backend]), pytest.raises(Exception, match=r"(?i)connect|refused"):
        driver.send(Call("GET", f"{server.url}/json"))
    assert not path.exists()


def test_a_timeout_reaches_the_program_and_is_not_recorded(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with use_cassette(path, backends=[driver.backend]) as cassette, pytest.raises(Exception, match=r"(?i)time|^$"):
        driver.send(Call("GET", f"{server.url}/never", timeout=0.2))
    assert not cassette.interactions
    assert not path.exists()


@pytest.mark.parametrize("mode", ["none", "once"])
def test_an_unknown_request_is_a_miss_and_nothing_goes_out(
    server: ScriptedServer, driver: Driver, path: Path, mode: str
) -> None:
    with use_cassette(path, backends=[driver.backend]):
        driver.send(chat(server, "known"))
    begun.start_run()  # a later one: this one may go on recording
    with pytest.raises(CassetteMiss, match=r"messages\[0\]\.content") as caught:
        with use_cassette(path, mode, backends=[driver.backend]):
            driver.send(chat(server, "unknown"))
    assert server.hits == 1
    assert "'known'" in str(caught.value)
    assert "'unknown'" in str(caught.value)


def test_mode_none_without_a_cassette_is_a_miss(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with (
        pytest.raises(CassetteMiss, match="holds no recordings"),
        use_cassette(path, "none", backends=[driver.backend]),
    ):
        driver.send(chat(server, "x"))
    assert server.hits == 0
    assert not path.exists()


def test_new_episodes_replays_what_is_known_and_records_what_is_new(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    with use_cassette(path, backends=[driver.backend]):
        first = driver.send(chat(server, "one"))
    with use_cassette(path, "new_episodes", backends=[driver.backend]) as cassette:
        assert driver.send(chat(server, "one")).body == first.body
        driver.send(chat(server, "two"))
    assert (len(cassette.played), len(cassette.recorded)) == (1, 1)
    server.stop()
    with use_cassette(path, "none", backends=[driver.backend]) as cassette:
        driver.send(chat(server, "two"))
        driver.send(chat(server, "one"))
    assert not cassette.unused


def test_mode_all_records_everything_again(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with use_cassette(path, backends=[driver.backend]):
        old = driver.send(chat(server, "one"))
        driver.send(chat(server, "gone"))
    with use_cassette(path, "all", backends=[driver.backend]):
        new = driver.send(chat(server, "one"))
    assert new.body != old.body
    with use_cassette(path, "none", backends=[driver.backend]) as cassette:
        assert driver.send(chat(server, "one")).body == new.body
    assert len(cassette.interactions) == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_mode_all_keeps_the_old_recording_when_it_fails_half_way(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    with use_cassette(path, backends=[driver.backend]):
        driver.send(chat(server, "one"))
    old = path.read_bytes()
    with pytest.raises(ZeroDivisionError), use_cassette(path, "all", backends=[driver.backend]):
        driver.send(chat(server, "one"))
        raise ZeroDivisionError
    assert path.read_bytes() == old
    with pytest.warns(UserWarning, match="stopped half-way"):
        with use_cassette(path, "all", backends=[driver.backend]) as cassette:
            driver.send(chat(server, "one"))
            driver.send(chat(server, "two"))
    assert (len(cassette.played), len(cassette.recorded)) == (1, 1)
    assert server.hits == 3
    assert path.read_bytes() != old


def test_identical_calls_replay_in_recorded_order_and_then_the_last_again(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    with use_cassette(path, backends=[driver.backend]):
        live = [driver.send(chat(server, "same")).body for _ in range(3)]
    assert len(set(live)) == 3
    with use_cassette(path, "none", backends=[driver.backend]):
        replayed = [driver.send(chat(server, "same")).body for _ in range(5)]
    assert replayed == [*live, live[-1], live[-1]]


def test_reuse_keeps_one_recording_per_distinct_call(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with use_cassette(path, repeats="reuse", backends=[driver.backend]) as cassette:
        live = {driver.send(chat(server, "same")).body for _ in range(3)}
    assert len(live) == 1
    assert server.hits == len(cassette.interactions) == 1


def test_strict_plays_each_recording_once(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with use_cassette(path, backends=[driver.backend]):
        driver.send(chat(server, "same"))
    with pytest.raises(CassetteMiss, match="already used 1 time"):
        with use_cassette(path, "none", repeats="strict", backends=[driver.backend]):
            driver.send(chat(server, "same"))
            driver.send(chat(server, "same"))


def test_a_429_and_its_retry_record_and_replay(server: ScriptedServer, driver: Driver, path: Path) -> None:
    call = Call("GET", f"{server.url}/flaky?kind=a")
    with use_cassette(path, backends=[driver.backend], on_record_error="record"):
        assert [driver.send(call).status for _ in range(2)] == [429, 200]
    with use_cassette(path, "none", backends=[driver.backend]):
        assert [driver.send(call).status for _ in range(2)] == [429, 200]


def test_a_recorded_error_warns_by_default(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with pytest.warns(PromptechoRecordingWarning, match="status 500"):
        with use_cassette(path, backends=[driver.backend]):
            driver.send(Call("GET", f"{server.url}/status/500"))


def test_an_error_under_raise_writes_nothing(server: ScriptedServer, driver: Driver, path: Path) -> None:
    with pytest.raises(RecordedErrorResponse, match="500") as caught:
        with use_cassette(path, on_record_error="raise", backends=[driver.backend]):
            driver.send(Call("GET", f"{server.url}/status/500"))
    assert caught.value.status == 500
    assert not path.exists()


@pytest.mark.parametrize("body", [b"\x00\xffraw", [b"one ", b"two"]], ids=["bytes", "generator"])
def test_uploads_reach_the_server_whole_and_replay(
    server: ScriptedServer, driver: Driver, path: Path, body: object
) -> None:
    def content() -> object:
        return iter(body) if isinstance(body, list) else body

    with use_cassette(path, backends=[driver.backend]):
        live = driver.send(Call("POST", f"{server.url}/up", content=content()))
    assert server.seen[0][3] == (b"".join(body) if isinstance(body, list) else body)
    with use_cassette(path, "none", backends=[driver.backend]):
        assert driver.send(Call("POST", f"{server.url}/up", content=content())).body == live.body
        with pytest.raises(CassetteMiss):
            driver.send(Call("POST", f"{server.url}/up", content=b"other"))


pytestmark = pytest.mark.filterwarnings("ignore::promptecho.errors.CassetteWarning")


def test_the_query_is_part_of_the_key_and_credentials_in_it_are_not(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    with use_cassette(path, backends=[driver.backend]):
        driver.send(Call("GET", f"{server.url}/list?page=1&api_key=AAAA-secret"))
    assert "AAAA-secret" not in path.read_text(encoding="utf-8")
    with pytest.raises(CassetteMiss), use_cassette(path, "none", backends=[driver.backend]) as cassette:
        driver.send(Call("GET", f"{server.url}/list?api_key=other&page=1"))
        assert len(cassette.played) == 1
        driver.send(Call("GET", f"{server.url}/list?page=2&api_key=AAAA-secret"))


def test_a_multipart_upload_replays_whatever_its_boundary(server: ScriptedServer, driver: Driver, path: Path) -> None:
    def upload(boundary: str, data: bytes) -> Call:
        head = 'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav'
        body = f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + f"\r\n--{boundary}--\r\n".encode()
        kind = ("content-type", f"multipart/form-data; boundary={boundary}")
        return Call("POST", f"{server.url}/v1/audio/transcriptions", content=body, headers=[kind])

    with use_cassette(path, backends=[driver.backend]):
        live = driver.send(upload("first-boundary", b"\x00\xff"))
    with use_cassette(path, "none", backends=[driver.backend]):
        assert driver.send(upload("second-boundary", b"\x00\xff")).body == live.body
        with pytest.raises(CassetteMiss):
            driver.send(upload("third-boundary", b"\x00\xfe"))


@pytest.mark.parametrize("target", ["/json", "/text", "/gzip", "/sse"])
def test_a_recording_whose_body_was_emptied_by_hand_answers_with_nothing(
    server: ScriptedServer, driver: Driver, path: Path, target: str
) -> None:
    call = Call("GET", server.url + target)
    with use_cassette(path, backends=[driver.backend]):
        driver.send(call)
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    response = tree["interactions"][0]["response"]
    for name in ("json", "events", "chunks"):
        response.pop(name, None)
    tree["interactions"][0]["response"] = {**response, "streaming": False, "body": ""}
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    with use_cassette(path, "none", backends=[driver.backend]):
        assert driver.send(call).body == b""


def test_a_header_that_selects_is_part_of_the_key_and_others_are_not(
    server: ScriptedServer, driver: Driver, path: Path
) -> None:
    def call(*headers: tuple[str, str]) -> Call:
        return Call("GET", f"{server.url}/json", headers=list(headers))

    with use_cassette(path, backends=[driver.backend]):
        live = driver.send(call(("Range", "bytes=0-9"), ("x-trace-id", "one")))
    with use_cassette(path, "none", backends=[driver.backend]) as cassette:
        assert driver.send(call(("range", "bytes=0-9"), ("x-trace-id", "two"))).body == live.body
        for other in (call(("Range", "bytes=10-19")), call()):
            with pytest.raises(CassetteMiss):
                driver.send(other)
        cassette.acknowledge_misses()


def test_a_compressed_request_replays_by_what_it_holds(server: ScriptedServer, driver: Driver, path: Path) -> None:
    def call(text: str, moment: int) -> Call:
        headers = [("content-type", "application/json"), ("content-encoding", "gzip")]
        body = gzip.compress(json.dumps({"q": text}).encode(), mtime=moment)
        return Call("POST", f"{server.url}/json", content=body, headers=headers)

    with use_cassette(path, backends=[driver.backend]) as cassette:
        live = driver.send(call("hi", 1))
    assert cassette.recorded[0].body == {"q": "hi"}
    with use_cassette(path, "none", backends=[driver.backend]) as cassette:
        assert driver.send(call("hi", 2)).body == live.body
        with pytest.raises(CassetteMiss):
            driver.send(call("ho", 1))
        cassette.acknowledge_misses()


def test_delays_are_kept_and_waited_on_request(server: ScriptedServer, driver: Driver, path: Path) -> None:
    call = Call("GET", f"{server.url}/sse", stream=True)
    with use_cassette(path, backends=[driver.backend], timing=True) as cassette:
        driver.send(call)
    response = cassette.recorded[0].response
    assert len(response.delays) == len(response.chunks)
    # an hour between two events, and a speed at which that is a moment
    text = path.read_text(encoding="utf-8")
    slow = re.sub(r"delays: \[.*\]", "delays: [" + ", ".join(["3600.0"] * len(response.chunks)) + "]", text)
    path.write_text(slow, encoding="utf-8")
    started = time.monotonic()
    with use_cassette(path, "none", backends=[driver.backend], replay_speed=3600 * 50):
        assert driver.send(call).body == b"".join(SSE_EVENTS)
    assert time.monotonic() - started >= len(response.chunks) / 50


def test_percent_encoded_paths_replay(server: ScriptedServer, driver: Driver, path: Path) -> None:
    live, replayed = record_then_replay(server, driver, path, Call("GET", f"{server.url}/a%2Fb/caf%C3%A9/m%3A0"))
    assert replayed.body == live.body


def test_no_key_of_a_request_reaches_the_file(server: ScriptedServer, driver: Driver, path: Path) -> None:
    secrets = {"authorization": "Bearer very-secret-token-1", "x-api-key": "very-secret-key-2"}
    body = json.dumps({"prompt": "my key is very-secret-key-2, and very-secret-token-1"})
    call = Call("POST", f"{server.url}/echo", content=body.encode(), headers=tuple(secrets.items()))
    with use_cassette(path, backends=[driver.backend]):
        live = driver.send(call)
    assert b"very-secret-key-2" in live.body  # what the program gets is never changed
    assert "very-secret" not in path.read_text(encoding="utf-8")
    with use_cassette(path, "none", backends=[driver.backend]):
        assert driver.send(call).status == 200


def test_threads_record_and_replay_exactly(server: ScriptedServer, driver: Driver, path: Path) -> None:
    def ask(number: int) -> bytes:
        return driver.send(chat(server, f"question {number}")).body

    with use_cassette(path, backends=[driver.backend]) as cassette, ThreadPoolExecutor(50) as pool:
        live = list(pool.map(ask, range(50)))
    assert len(cassette.recorded) == server.hits == 50
    server.stop()
    with use_cassette(path, "none", backends=[driver.backend]) as cassette, ThreadPoolExecutor(50) as pool:
        assert list(pool.map(ask, range(50))) == live
    assert not cassette.unused


def test_two_cassettes_in_two_threads_do_not_mix(server: ScriptedServer, driver: Driver, path: Path) -> None:
    both = threading.Barrier(2, timeout=20)

    def record(name: str) -> tuple[str, ...]:
        with use_cassette(path.with_name(name), backends=[driver.backend]) as cassette:
            both.wait()
            for number in range(5):
                driver.send(chat(server, f"{name} {number}"))
            both.wait()
        return tuple(each.body["messages"][0]["content"].split()[0] for each in cassette.recorded)

    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(record, ["a.yaml", "b.yaml"]))
    assert names == [("a.yaml",) * 5, ("b.yaml",) * 5]


@pytest.mark.parametrize("replayer", DRIVERS, ids=lambda each: f"by-{each.name}")
@pytest.mark.parametrize("target", ["/sse", "/gzip", "/repeats"])
def test_a_recording_replays_through_every_other_library(
    server: ScriptedServer, driver: Driver, replayer: Driver, path: Path, target: str
) -> None:
    call = Call("GET", server.url + target, stream=True)
    with use_cassette(path, backends=[driver.backend]):
        live = driver.send(call)
    server.stop()
    with use_cassette(path, "none", backends=[replayer.backend]):
        replayed = replayer.send(call)
    assert (replayed.status, replayed.body) == (live.status, live.body)
    assert replayed.header("x-twice") == live.header("x-twice")
