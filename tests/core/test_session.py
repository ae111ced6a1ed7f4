"""The decision path by itself, with no HTTP library."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, register_normalizer
from promptecho._models import Headers, Request, ResponseHead
from promptecho._redaction import Redactor
from promptecho._session import Forward, Replay, Session
from promptecho._settings import resolve
from promptecho._store import Journal, parse, read_text
from promptecho.errors import CassetteFileError, SettingsError

SSE = ResponseHead(200, Headers({"content-type": "text/event-stream"}))


def request(text: str = "the same", host: str = "api.openai.com") -> Request:
    return Request("POST", f"https://{host}/v1/x", Headers({"content-type": "application/json"}), text.encode())


def session(path: Path, clock: Callable[[], float] = lambda: 0.0, *, record: bool = True, **given: object) -> Session:
    chosen = resolve(given, environ={}, project={})
    cassette = Cassette(path, chosen.match)
    text = read_text(path)
    if text is not None:
        cassette.add_document(parse(text, path))
    return Session(
        cassette, chosen, Redactor({}), clock, journal=Journal(path, {}) if record else None, resuming=record
    )


def finish(forward: object, *chunks: bytes, head: ResponseHead | None = None) -> None:
    assert isinstance(forward, Forward)
    forward.start(head or ResponseHead(200))
    for chunk in chunks:
        forward.feed(chunk)
    forward.finish()


def replayed(path: Path, count: int, host: str = "api.openai.com") -> list[bytes]:
    again = session(path, record=False)
    answers = [again.decide(request(host=host)) for _ in range(count)]
    return [answer.response.body for answer in answers if isinstance(answer, Replay)]


@settings(deadline=None)
@given(st.lists(st.permutations(range(4)), min_size=1, max_size=3))
def test_identical_calls_replay_as_they_were_asked_whatever_the_order_in_which_they_ended(
    runs: list[list[int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        for number, order in enumerate(runs):  # each run goes on where the one before ended
            recording = session(path)
            for _ in range(4 * number):
                assert isinstance(recording.decide(request()), Replay)
            asked = [recording.decide(request()) for _ in range(4)]
            for place in order:
                finish(asked[place], b"run %d answer %d" % (number, place))
        assert replayed(path, 4 * len(runs)) == [
            b"run %d answer %d" % (number, place) for number in range(len(runs)) for place in range(4)
        ]


def test_a_cassette_to_look_at_is_read_by_its_own_arguments_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(
        CassetteFileError, match=r"c\.yaml doesn't exist; record it first, .*use_cassette\('.*c\.yaml'\)"
    ):
        Cassette.load(path)
    finish(session(path).decide(request()), b"answer")
    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\nmode = "wrong"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMPTECHO_MODE", "wrong")
    cassette = Cassette.load(str(path), match_on=["model"])
    assert cassette.options.names == ["model"]
    assert repr(cassette) == f"<Cassette {str(path)!r}: 1 recordings, 0 played>"
    with pytest.raises(SettingsError, match=r"Cassette\.load: match_on"):
        Cassette.load(path, match_on="model")


def test_what_was_recorded_is_whole_although_the_file_refers_to_what_stands_before_it(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    messages = [{"role": "user", "content": f"turn {turn} " + "of some words " * 30} for turn in range(5)]
    for count in (1, 2):  # the second run goes on with the file of the first
        recording = session(path)
        for number in range(2 * count - 1, 2 * count + 1):
            body = {"model": "m", "messages": messages[:number]}
            finish(recording.decide(request(json.dumps(body))), b"answer")
        assert [len(each.body["messages"]) for each in recording.cassette.recorded] == [2 * count - 1, 2 * count]
        assert [each.number for each in recording.cassette.recorded] == [2 * count - 2, 2 * count - 1]
        assert recording.cassette.recorded_count == 2
        assert recording.cassette.played_numbers() == [2 * count - 2, 2 * count - 1]
        assert [len(each.body["messages"]) for each in recording.cassette.interactions] == list(range(1, 2 * count + 1))
        assert len(recording.cassette) == 2 * count
    assert path.read_text(encoding="utf-8").count("same_as") == 3


def test_a_call_whose_query_is_a_credential_replays_with_another_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"

    def asked(query: str) -> Request:
        return Request("GET", f"https://h/v1/models?{query}", Headers())

    finish(session(path).decide(asked("key=one-secret-key")), b"answer")
    assert "one-secret-key" not in path.read_text(encoding="utf-8")
    again = session(path, record=False)
    assert isinstance(again.decide(asked("key=another-one")), Replay)
    with pytest.raises(CassetteMiss):
        again.decide(asked("key=one-secret-key&page=2"))


def test_fields_that_differ_and_are_not_matched_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    messages = [{"role": "user", "content": "hi"}]
    asked: dict[str, object] = {"model": "m", "messages": messages, "temperature": 0.7, "top_p": 1}
    finish(session(path).decide(request(json.dumps(asked))), b"answer")
    again = session(path, record=False)
    for more in ({}, {"temperature": 0}, {"temperature": 0, "seed": 1}):
        assert isinstance(again.decide(request(json.dumps({**asked, **more}))), Replay)
    assert again.cassette.unmatched == {"temperature": 2, "seed": 1}
    assert [each.number for each in again.cassette.played] == [0, 0, 0]
    assert again.cassette.unused == ()
    assert again.cassette.played_numbers() == [0]


def test_reuse_keeps_one_recording_for_each_host(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recording = session(path, repeats="reuse")
    finish(recording.decide(request(host="one.example")), b"one")
    finish(recording.decide(request(host="two.example")), b"two")
    assert isinstance(recording.decide(request(host="one.example")), Replay)
    assert replayed(path, 1, "one.example") == [b"one"]
    assert replayed(path, 1, "two.example") == [b"two"]


def test_the_delay_of_a_chunk_with_several_events_is_waited_once(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    ticks = iter([0.0, 0.0, 1.0, 3.0, 4.0])
    recording = session(path, lambda: next(ticks), timing=True)
    finish(recording.decide(request()), b"data: 1\n\ndata: 2\n\n", b"data: 3\n\n", head=SSE)
    answer = session(path, record=False, replay_speed=1.0).decide(request())
    assert isinstance(answer, Replay)
    waits = [(chunk, answer.seconds(place)) for place, chunk in enumerate(answer.response.chunks)]
    assert waits == [(b"data: 1\n\n", 1.0), (b"data: 2\n\n", 0.0), (b"data: 3\n\n", 2.0)]


@pytest.mark.parametrize("chunks", ["[3, 3]", "[7]"])
def test_delays_of_cuts_that_no_longer_fit_mean_nothing(tmp_path: Path, chunks: str) -> None:
    path = tmp_path / "c.yaml"
    ticks = iter([0.0, 0.0, 1.0, 3.0])
    finish(session(path, lambda: next(ticks), timing=True).decide(request()), b"some text", head=ResponseHead(200))
    text = path.read_text(encoding="utf-8").replace("    delays:", f"    chunks: {chunks}\n    delays:")
    path.write_text(text, encoding="utf-8")
    answer = session(path, record=False, replay_speed=1.0).decide(request())
    assert isinstance(answer, Replay)
    assert (answer.response.body, answer.seconds(0)) == (b"some text", 0.0)


def test_a_body_that_a_registered_normalizer_made_is_not_normalized_again(tmp_path: Path) -> None:
    unregister = register_normalizer(
        lambda call: call.path == "/v1/x",
        lambda body: {"messages": [{"role": "user", "content": body["question"]}]},  # a KeyError for its own result
        name="mine",
    )
    path = tmp_path / "c.yaml"
    try:
        finish(session(path).decide(request('{"question": "why", "trace": 1}')), b"because")
        answer = session(path, record=False).decide(request('{"question": "why", "trace": 2}'))
        assert isinstance(answer, Replay)
        assert answer.interaction.body == {"messages": [{"role": "user", "content": "why"}]}
    finally:
        unregister()
    assert "normalized_by: mine" in path.read_text(encoding="utf-8")


def test_the_nearest_of_texts_with_one_vocabulary_is_found(tmp_path: Path) -> None:
    words = [
        "the",
        "report",
        "of",
        "a",
        "small",
        "town",
        "says",
        "that",
        "its",
        "mill",
        "bridge",
        "school",
        "and",
        "harbour",
        "were",
        "built",
        "after",
        "each",
        "flood",
    ]

    def text(number: int) -> str:
        chosen = random.Random(number)
        return "\n".join(" ".join(chosen.choices(words, k=12)) for _ in range(40))

    path = tmp_path / "c.yaml"
    recording = session(path)
    for number in range(60):
        finish(recording.decide(request(json.dumps({"input": text(number)}))), b"answer")
    asked = text(41).rpartition("\n")[0] + "\nand one more line"
    with pytest.raises(CassetteMiss, match=r"nearest recording: interactions\[41\]"):
        session(path, record=False).decide(request(json.dumps({"input": asked})))


def test_identical_recordings_of_an_older_file_replay_in_order_too(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    entry = (
        "- request: {{method: POST, url: 'https://h/x?alt=REDACTED', body: {{model: m, input: hi}}}}\n"
        "  response: {{status: 200, headers: {{content-type: text/plain}}, streaming: false, body: {}}}\n"
    )
    path.write_text("version: 2\ninteractions:\n" + entry.format("one") + entry.format("two"), encoding="utf-8")
    asked = Request(
        "POST", "https://h/x?alt=sse", Headers({"content-type": "application/json"}), b'{"model":"m","input":"hi"}'
    )
    again = session(path, record=False)
    answers = [again.decide(asked) for _ in range(3)]
    assert [answer.response.body for answer in answers if isinstance(answer, Replay)] == [b"one", b"two", b"two"]
