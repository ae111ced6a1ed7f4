"""The decision path by itself, with no HTTP library."""

from __future__ import annotations

import gzip
import json
import random
import re
import tempfile
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, register_normalizer
from promptecho._cassette.interaction import Interaction
from promptecho._cassette.store import Journal, document_text, parse, read_text
from promptecho._models import Headers, Request, ResponseHead
from promptecho._secrets.passes import Redactor
from promptecho._session.recorder import Forward
from promptecho._session.session import Replay, Session
from promptecho._settings.settings import resolve
from promptecho._telling import run
from promptecho.errors import (
    CassetteFileError,
    CassetteWarning,
    CassetteWriteError,
    IncompleteRecordingError,
    LiveBudgetError,
    PromptechoRecordingWarning,
    RecordedErrorResponse,
    SettingsError,
)

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
        cassette,
        chosen,
        Redactor({}, redact=chosen.redact),
        clock,
        journal=Journal(path, {}) if record else None,
        resuming=record,
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


def test_a_request_is_identified_anew_once_a_credential_in_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with_it = request('{"word": "tr0ub4dor-and-three"}')
    headers = Headers({"content-type": "application/json", "authorization": "Bearer tr0ub4dor-and-three"})
    known = Request("POST", with_it.url, headers, b"another")
    recording = session(path)
    for asked, answer in ((with_it, b"not known"), (known, b"told"), (with_it, b"known")):
        finish(recording.decide(asked), answer)
    again = session(path, record=False)
    answers = [again.decide(asked) for asked in (with_it, known, with_it)]
    assert [answer.response.body for answer in answers if isinstance(answer, Replay)] == [
        b"not known",
        b"told",
        b"known",
    ]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("see https://x/a.png?se=1&sig=aB1cD2eF3gH4iJ5kL6mN7", {}),
        ("use AKIAIOSFODNN7EXAMPLE", {}),
        ("call C-42", {"redact": [re.compile(r"C-\d+")]}),
        ("who?", {"redact": ["note"]}),
    ],
)
def test_a_recording_in_which_less_is_masked_than_today_still_answers(tmp_path: Path, text: str, given: Any) -> None:
    path = tmp_path / "c.yaml"
    body = {"model": "m", "messages": [{"role": "user", "content": text, "note": "Ada"}]}
    tree = {"method": "POST", "url": "https://api.openai.com/v1/chat/completions", "body": body}
    response = {"status": 200, "headers": {}, "streaming": False, "body": "recorded"}
    path.write_text(document_text({}, [{"request": tree, "response": response}], unfinished=False), encoding="utf-8")
    headers = Headers({"content-type": "application/json"})

    def ask(other: str) -> Any:
        asked = {**body, "messages": [{"role": "user", "content": other, "note": "Ada"}]}
        return session(path, record=False, **given).decide(
            Request("POST", tree["url"], headers, json.dumps(asked).encode())
        )

    assert ask(text).response.body == b"recorded"
    for other in (text[:-1], text[:-1] + "X"):
        with pytest.raises(CassetteMiss):
            ask(other)


def test_after_a_recording_in_which_less_was_masked_the_next_equal_call_comes_second(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    asked = request('{"model": "m", "messages": [{"role": "user", "content": "call C-42"}]}')
    finish(session(path).decide(asked), b"first")
    more = session(path, redact=[re.compile(r"C-\d+")])  # interrupted, and resumed under a new rule
    assert isinstance(more.decide(asked), Replay)
    for answer in (b"second", b"third", b"fourth"):
        finish(more.decide(asked), answer)
    again = session(path, record=False, redact=[re.compile(r"C-\d+")])
    answers = [again.decide(asked) for _ in range(5)]
    bodies = [answer.response.body for answer in answers if isinstance(answer, Replay)]
    assert bodies == [b"first", b"second", b"third", b"fourth", b"fourth"]


def test_only_calls_that_ended_in_another_order_are_written_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recording = session(path)
    for number in range(3):
        finish(recording.decide(request()), b"%d" % number)
    assert "repeat:" not in path.read_text(encoding="utf-8")
    asked = [recording.decide(request()) for _ in range(2)]
    for forward in reversed(asked):
        finish(forward, b"late")
    assert re.findall(r"repeat: (\d)", path.read_text(encoding="utf-8")) == ["4", "3"]


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


# --- which calls are ours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "given", "passes"),
    [
        ("https://api.openai.com/v1/x", {}, False),
        ("https://api.smith.langchain.com/runs", {}, False),
        ("https://eu.api.smith.langchain.com/info", {}, True),
        ("https://o1.ingest.sentry.io/x", {}, False),
        ("https://sentry.io/x", {}, False),
        ("https://notapi.segment.io/x", {}, False),
        ("https://raw.githubusercontent.com/BerriAI/litellm/main/prices.json", {}, True),
        ("https://raw.githubusercontent.com/other/x", {}, False),
        ("https://huggingface.co/api/agent-harnesses", {}, True),
        ("http://localhost:8000/x", {}, False),
        ("http://localhost:8000/x", {"ignore_localhost": True}, True),
        ("http://127.0.0.1:8000/x", {"ignore_localhost": True}, True),
        ("http://[::1]:8000/x", {"ignore_localhost": True}, True),
        ("http://0.0.0.0/x", {"ignore_localhost": True}, True),
        ("http://localhost.example/x", {"ignore_localhost": True}, False),
        ("http://one.example/x", {"ignore_hosts": ["two.example", "ONE.example"]}, True),
        ("http://sub.one.example/x", {"ignore_hosts": ["one.example"]}, True),
        ("http://sub.one.example/x", {"ignore_hosts": ["*.one.example"]}, True),
        ("http://one.example/x", {"ignore_hosts": ["*.one.example"]}, False),
        ("http://someone.example/x", {"ignore_hosts": ["one.example"]}, False),
        ("http://one.example/x", {"only_hosts": ["one.example"]}, False),
        ("http://two.example/x", {"only_hosts": ["one.example"]}, True),
        ("http://api.segment.io/x", {"only_hosts": ["segment.io"]}, False),
    ],
)
def test_these_calls_pass_and_are_counted(tmp_path: Path, url: str, given: dict[str, object], passes: bool) -> None:
    made = session(tmp_path / "c.yaml", **given)
    decision = made.decide(Request("GET", url, Headers(), b""))
    assert (decision is None) is passes
    assert made.cassette.passed_through == passes
    if isinstance(decision, Forward):
        decision.abandon()


# --- how often --------------------------------------------------------------------------------------------------------


def recorded(path: Path, *answers: bytes, host: str = "api.openai.com", resuming: bool = True) -> Session:
    made = session(path)
    made.resuming = resuming
    for answer in answers:
        finish(made.decide(request(host=host)), answer)
    return made


def test_a_strict_replay_gives_each_recording_once(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one", b"two")
    again = session(path, record=False, repeats="strict")
    assert [_body(again.decide(request())) for _ in range(2)] == [b"one", b"two"]
    with pytest.raises(CassetteMiss, match="2 recording"):
        again.decide(request())
    assert len(again.cassette.misses) == 1
    assert isinstance(session(path, repeats="strict").decide(request()), Replay)


def test_a_strict_recording_goes_out_for_one_call_more(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one")
    more = session(path, repeats="strict")
    assert _body(more.decide(request())) == b"one"
    finish(more.decide(request()), b"two")
    assert replayed(path, 2) == [b"one", b"two"]


def test_reuse_gives_the_first_recording_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one", b"two")
    again = session(path, record=False, repeats="reuse")
    assert [_body(again.decide(request())) for _ in range(3)] == [b"one", b"one", b"one"]


def test_one_of_two_equal_calls_in_flight_is_recorded_under_reuse(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path, repeats="reuse")
    first, second = made.decide(request()), made.decide(request())
    finish(second, b"second")
    finish(first, b"first")
    assert replayed(path, 2) == [b"second", b"second"]
    assert len(Cassette.load(path).interactions) == 1


def test_past_the_last_the_last_again_unless_a_recording_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one", b"two")
    whole = session(path)
    whole.resuming = False
    assert [_body(whole.decide(request())) for _ in range(3)] == [b"one", b"two", b"two"]
    cut_off = session(path)
    assert [_body(cut_off.decide(request())) for _ in range(2)] == [b"one", b"two"]
    assert isinstance(cut_off.decide(request()), Forward)


def test_the_same_host_is_asked_first_and_another_one_only_where_nothing_can_go_out(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one", host="one.example")
    assert replayed(path, 1, "two.example") == [b"one"]
    finish(session(path).decide(request(host="two.example")), b"two")
    assert replayed(path, 2, "one.example") == [b"one", b"one"]
    assert replayed(path, 2, "two.example") == [b"two", b"two"]
    again = session(path, record=False)
    with pytest.raises(CassetteMiss, match="several hosts"):
        again.decide(request(host="three.example"))


def _body(decision: object) -> bytes:
    assert isinstance(decision, Replay)
    return decision.response.body


def test_a_miss_knows_request_path_and_mode_and_is_kept(tmp_path: Path) -> None:
    made = session(tmp_path / "c.yaml", record=False, mode="none")
    asked = request()
    with pytest.raises(CassetteMiss, match="mode: none, ") as caught:
        made.decide(asked)
    assert made.cassette.misses == [caught.value]
    assert (caught.value.request, caught.value.path, caught.value.mode) == (asked, tmp_path / "c.yaml", "none")
    assert not (tmp_path / "c.yaml").exists()


def test_what_is_asked_again_is_found_again_whoever_asks(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(path, b"one")
    again = session(path, record=False)
    for token in ("first-token-value", "second-token-value", "first-token-value"):
        headers = Headers([*request().headers, ("authorization", token)])
        asked = Request("POST", "https://api.openai.com/v1/x", headers, b"the same")
        assert _body(again.decide(asked)) == b"one"
        assert again.redactor.mask(token) == "REDACTED"
    assert len(again.cassette.played) == 3
    for other in (request("another"), Request("GET", "https://api.openai.com/v1/x", Headers(), b"the same")):
        with pytest.raises(CassetteMiss):
            again.decide(other)


# --- what a call leaves -----------------------------------------------------------------------------------------------


def only(path: Path) -> Interaction:
    (found,) = Cassette.load(path).interactions
    return found


def test_a_call_that_got_no_answer_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    for leave in (
        lambda forward: forward.abandon(),
        lambda forward: forward.abort(OSError("x")),
        lambda forward: forward.finish(),
    ):
        forward = made.decide(request())
        assert isinstance(forward, Forward)
        assert not forward.has_ended()
        leave(forward)
    assert made.cassette.recorded_count == 0
    assert "- request" not in (read_text(path) or "")


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (lambda forward: forward.abandon(), "the program stopped reading"),
        (lambda forward: forward.abort(ConnectionResetError("x")), "ConnectionResetError while receiving"),
        (lambda forward: forward.finish(), None),
    ],
)
def test_a_call_left_early_says_why_and_only_the_first_word_counts(
    tmp_path: Path, leave: Callable[[Forward], None], said: str | None
) -> None:
    path = tmp_path / "c.yaml"
    forward = session(path).decide(request())
    assert isinstance(forward, Forward)
    forward.start(SSE)
    forward.feed(b"data: 1\n\n")
    leave(forward)
    forward.finish()
    forward.abort(ValueError("too late"))
    found = only(path)
    assert (found.incomplete, found.response.chunks) == (said, (b"data: 1\n\n",))
    answer = session(path, record=False).decide(request())
    assert isinstance(answer, Replay)
    if said is None:
        answer.check_end()
    else:
        with pytest.raises(IncompleteRecordingError, match=f"POST https://api.openai.com/v1/x ends here .{said}."):
            answer.check_end()


@pytest.mark.parametrize(
    ("head", "chunks", "whole"),
    [
        (SSE, [b"data: 1\n\n", b"data: [DONE]\n\n"], True),
        (SSE, [b"data: 1\n\ndata: [DONE]\n\n", b": one\n\n", b": two\n\n"], True),
        (SSE, [b"data: 1\n\ndata: [DONE]\n\n", b": one\n\n", b": two\n\n", b": three\n\n"], False),
        (SSE, [b"data: 1\n\n"], False),
        (ResponseHead(200, Headers({"content-type": "text/plain"})), [b"data: [DONE]\n\n"], False),
        (ResponseHead(200, Headers({"content-type": "text/event-stream", "content-encoding": "gzip"})), [gzip.compress(b"data: [DONE]\n\n")], True),
        (ResponseHead(200, Headers({"content-type": "text/event-stream", "content-encoding": "gzip"})), [gzip.compress(b"data: [DONE]\n\n")[:-4]], True),
        (ResponseHead(200, Headers({"content-type": "text/event-stream", "content-encoding": "lzma"})), [b"data: [DONE]\n\n"], False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("leave", [lambda forward: forward.abandon(), lambda forward: forward.abort(OSError("x"))])
def test_a_stream_left_after_its_last_event_is_whole(
    tmp_path: Path, head: ResponseHead, chunks: list[bytes], whole: bool, leave: Callable[[Forward], None]
) -> None:
    path = tmp_path / "c.yaml"
    forward = session(path).decide(request())
    assert isinstance(forward, Forward)
    forward.start(head)
    for number, chunk in enumerate(chunks):
        assert forward.fed() == number
        forward.feed(chunk)
    assert forward.has_ended() is whole
    leave(forward)
    assert (only(path).incomplete is None) is whole


def test_what_was_read_on_in_vain_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    ticks = iter([50.0, 50.0, 51.0, 53.0, 56.0, 57.0])
    forward = session(path, lambda: next(ticks), timing=True).decide(request())
    assert isinstance(forward, Forward)
    forward.start(SSE)
    for number in range(3):
        forward.feed(b"data: %d\n\n" % number)
    forward.rewind(2)
    forward.abandon()
    assert only(path).response.chunks == (b"data: 0\n\n", b"data: 1\n\n")
    assert only(path).response.delays == (1.0, 2.0)
    assert only(path).duration == 7.0


def test_waiting_is_as_recorded_times_the_speed_and_none_by_default(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    ticks = iter([0.0, 0.0, 1.0, 3.0, 4.0])
    finish(session(path, lambda: next(ticks), timing=True).decide(request()), b"one", b"two")
    slow, plain = session(path, record=False, replay_speed=0.5), session(path, record=False)
    answer, instant = slow.decide(request()), plain.decide(request())
    assert isinstance(answer, Replay)
    assert isinstance(instant, Replay)
    assert [answer.seconds(place) for place in range(4)] == [2.0, 4.0, 0.0, 0.0]
    assert [instant.seconds(place) for place in range(3)] == [0.0, 0.0, 0.0]


def test_a_body_whose_coding_is_not_known_is_kept_coded_and_one_of_head_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    coded = ResponseHead(200, Headers({"content-encoding": "lzma"}))
    finish(made.decide(request()), b"\x00coded", head=coded)
    assert only(path).document["response"]["encoded"] is True
    assert only(path).response.body == b"\x00coded"
    other = tmp_path / "other.yaml"
    finish(
        session(other).decide(request()),
        b"a",
        b"",
        b"b",
        head=ResponseHead(200, Headers({"content-encoding": " Identity "})),
    )
    assert only(other).response.chunks == (b"a", b"b")
    head = tmp_path / "head.yaml"
    asked = Request("HEAD", "https://h/x", Headers(), b"")
    finish(
        session(head).decide(asked),
        head=ResponseHead(200, Headers({"content-encoding": "gzip", "content-length": "9"})),
    )
    assert "encoded" not in only(head).document["response"]


# --- errors, hooks, credentials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "is_error"), [(399, False), (400, True), (500, True)])
def test_an_error_while_recording_warns_raises_or_is_recorded(tmp_path: Path, status: int, is_error: bool) -> None:
    head = ResponseHead(status)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        finish(session(tmp_path / "warn.yaml").decide(request()), b"x", head=head)
        finish(session(tmp_path / "record.yaml", on_record_error="record").decide(request()), b"x", head=head)
    assert [
        str(each.message).startswith(f"recorded status {status} of POST https://api.openai.com/v1/x into ")
        for each in caught
    ] == [True] * is_error
    assert [each.category for each in caught] == [PromptechoRecordingWarning] * is_error
    assert all("warn.yaml" in str(each.message) for each in caught)
    assert only(tmp_path / "warn.yaml").status == only(tmp_path / "record.yaml").status == status
    made = session(tmp_path / "raise.yaml", on_record_error="raise")
    forward = made.decide(request())
    assert isinstance(forward, Forward)
    if not is_error:
        forward.start(head)
        return
    with pytest.raises(
        RecordedErrorResponse, match=rf"POST \S+ was answered with status {status} .*nothing was recorded"
    ) as raised:
        forward.start(head)
    forward.finish()
    assert (raised.value.status, raised.value.url) == (status, "https://api.openai.com/v1/x")
    assert made.cassette.recorded_count == 0


def test_hooks_see_each_recording_in_turn_and_may_change_or_drop_it(tmp_path: Path) -> None:
    seen: list[object] = []

    def first(tree: dict[str, Any]) -> Any:
        seen.append(sorted(tree))
        tree.pop("duration")
        return None if b"drop" in str(tree["response"]["body"]).encode() else {**tree, "note": "one"}

    def second(tree: dict[str, Any]) -> Any:
        return {**tree, "note": tree["note"] + " two"}

    path = tmp_path / "c.yaml"
    made = session(path, before_record=[first, second])
    finish(made.decide(request()), b"drop this")
    finish(made.decide(request()), b"keep this")
    assert seen == [["duration", "request", "response"]] * 2
    found = only(path)
    assert (found.document["note"], found.duration, found.response.body) == ("one two", 0.0, b"keep this")
    assert read_text(path).rstrip().splitlines()[-1].startswith("  duration:")  # type: ignore[union-attr]
    assert len(made.cassette.recorded) == 1


KEY = "sk-proj-" + "aB3x" * 12


def test_what_looks_like_a_key_in_a_body_warns_fails_or_is_let_pass_masked(tmp_path: Path) -> None:
    for policy in ("warn", "ignore", "fail"):
        path = tmp_path / f"{policy}.yaml"
        made = session(path, on_secret=policy)
        forward = made.decide(request())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if policy == "fail":
                with pytest.raises(
                    CassetteWriteError, match=r"POST \S+ was not recorded: .*OPENAI_KEY.*on_secret is 'fail'"
                ):
                    finish(forward, f"key: {KEY}".encode())
            else:
                finish(forward, f"key: {KEY}".encode())
            made.close()
        assert [each.category for each in caught] == [CassetteWarning] * (policy == "warn")
        assert not caught or "masked what looks like credentials in recorded bodies (OPENAI_KEY)" in str(
            caught[0].message
        )
        assert KEY not in (read_text(path) or "")


def test_closing_keeps_what_is_open_as_abandoned(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    open_call, never_answered = made.decide(request()), made.decide(request("other"))
    assert isinstance(open_call, Forward)
    assert isinstance(never_answered, Forward)
    open_call.start(SSE)
    open_call.feed(b"data: 1\n\n")
    assert made.open
    made.close()
    assert not made.open
    assert open_call.done
    assert never_answered.done
    assert only(path).incomplete == "the program stopped reading"


def test_a_text_that_yaml_cannot_hold_is_kept_as_json(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    asked = request('{"a": "\\ud800"}')
    finish(session(path).decide(asked), b"one")
    assert json.loads(only(path).document["request"]["body_json"]) == {"a": "\ud800"}
    assert "body" not in only(path).document["request"]
    assert _body(session(path, record=False).decide(asked)) == b"one"


def test_an_entry_says_what_it_was_matched_by(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 1}
    finish(made.decide(Request("post", "https://u:p@h/v1/chat?a=1", Headers(), json.dumps(chat).encode())), b"one")
    finish(
        made.decide(Request("GET", "https://h/v1/models", Headers(), b"")),
        b"two",
        head=ResponseHead(200, Headers({"set-cookie": "x"})),
    )
    one, two = (each.document for each in Cassette.load(path).interactions)
    assert one["request"]["method"] == "POST"
    assert one["request"]["url"] == "https://h/v1/chat?a=REDACTED"
    assert one["request"]["matched_on"] == ["model", "messages"]
    assert len(one["request"]["match_key"]) == 16
    assert (one["request"]["query"], one["request"]["headers"]) == ({"a": "1"}, {})
    assert one["request"]["body"] == chat
    assert two["request"].keys() == {"method", "url", "match_key", "matched_on", "headers"}
    assert two["request"]["matched_on"] == "all"
    assert two["response"]["headers"] == {"set-cookie": "REDACTED"}


def test_a_budget_stops_before_a_call_goes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(run.LEDGER_VARIABLE, str(tmp_path / "ledger"))
    made = session(tmp_path / "c.yaml", max_live_calls=2)
    for number in range(2):
        finish(made.decide(request(str(number))), b"x")
    with pytest.raises(
        LiveBudgetError, match=r"POST \S+ was not sent: in this run 2 live calls were made, and max_live_calls is 2\. "
    ):
        made.decide(request("2"))
    run.count_usd(Decimal("0.5"))
    dear = session(tmp_path / "d.yaml", max_live_usd=0.5, max_live_calls=9)
    with pytest.raises(LiveBudgetError, match=r"live calls cost \$0\.5000, and max_live_usd is 0\.5"):
        dear.decide(request())
    finish(session(tmp_path / "e.yaml", max_live_usd=0.6).decide(request(host="h")), b"x")
    finish(session(tmp_path / "f.yaml").decide(request()), b"x")
    assert run.spent() == (4, Decimal("0.5"))


def test_a_call_whose_price_is_not_known_says_so_where_money_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(run.LEDGER_VARIABLE, str(tmp_path / "ledger"))
    made = session(tmp_path / "c.yaml", max_live_usd=1)
    answer = {
        "model": "nobody-knows-1",
        "choices": [{"message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    asked = Request(
        "POST",
        "https://api.openai.com/v1/chat/completions",
        Headers(),
        json.dumps({"model": "nobody-knows-1", "messages": [{"role": "user", "content": "x"}]}).encode(),
    )
    head = ResponseHead(200, Headers({"content-type": "application/json"}))
    with pytest.warns(CassetteWarning, match="what nobody-knows-1 costs is not known, so max_live_usd can't count it"):
        finish(made.decide(asked), json.dumps(answer).encode(), head=head)


def test_an_answer_that_is_a_token_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    finish(made.decide(Request("PUT", "http://169.254.169.254/latest/api/token", Headers(), b"")), b"AQAAAF", b"xyz==")
    assert only(path).response.body == b"REDACTED"
    empty = tmp_path / "empty.yaml"
    finish(session(empty).decide(Request("PUT", "http://169.254.169.254/latest/api/token", Headers(), b"")))
    assert only(empty).response.body == b""


MARK = re.compile(r"\n  duration: 0\.0 +# [0-9a-f]{8} [0-9a-f]{8}\n\Z")


def test_a_key_is_vouched_for_only_where_it_is_that_of_the_body(tmp_path: Path) -> None:
    def change(tree: dict[str, Any]) -> Any:
        return {**tree, "request": {**tree["request"], "body": {"__raw_body_sha256__": "0"}}}

    def mark(path: Path, **given: object) -> bool:
        finish(session(path, **given).decide(request()), b"x")
        return MARK.search(read_text(path) or "") is not None

    assert mark(tmp_path / "plain.yaml")
    assert mark(tmp_path / "kept.yaml", before_record=lambda tree: tree)
    assert not mark(tmp_path / "changed.yaml", before_record=change)
    unregister = register_normalizer(lambda call: False, lambda body: body)
    try:
        assert not mark(tmp_path / "registered.yaml")
    finally:
        unregister()


def test_an_older_file_answers_for_what_was_added_to_it_too(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "version: 2\ninteractions:\n"
        "- request: {method: POST, url: 'https://h/x?alt=REDACTED', body: {model: m, input: hi}}\n"
        "  response: {status: 200, headers: {content-type: text/plain}, streaming: false, body: old}\n",
        encoding="utf-8",
    )

    def ask(query: str, text: str) -> Request:
        body = json.dumps({"model": "m", "input": text}).encode()
        return Request("POST", "https://h/x" + query, Headers({"content-type": "application/json"}), body)

    finish(session(path).decide(ask("?alt=sse", "ho")), b"new")
    again = session(path, record=False)
    assert [_body(again.decide(ask("?alt=sse", text))) for text in ("hi", "ho")] == [b"old", b"new"]


def test_an_answer_without_a_body_was_not_coded(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    finish(session(path).decide(request()), head=ResponseHead(204, Headers({"content-encoding": "gzip"})))
    assert "encoded" not in only(path).document["response"]


def test_a_credential_spelled_over_the_events_of_a_stream_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    asked = Request("POST", "https://h/bot-credential-1/x", Headers({"x-api-key": "bot-credential-1"}), b"{}")
    events = [b'data: {"text": "bot-cred"}\n\n', b'data: {"text": "ential-1!"}\n\n', b"data: [DONE]\n\n"]
    finish(session(path).decide(asked), b"".join(events), head=SSE)
    assert only(path).response.body == b'data: {"text": "REDACTED"}\n\ndata: {"text": "!"}\n\ndata: [DONE]\n\n'
    assert only(path).url == "https://h/REDACTED/x"
    assert _body(session(path, record=False).decide(asked)) == only(path).response.body


def test_what_redact_names_is_masked_as_the_client_spells_it(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    asked = Request(
        "POST",
        "https://h/v1/responses",
        Headers({"content-type": "application/json"}),
        b'{"model": "m", "input": "Ada"}',
    )
    finish(session(path, redact=["input"]).decide(asked), b"x")
    assert only(path).body == {"model": "m", "messages": [{"role": "user", "content": "REDACTED"}]}


def test_each_call_has_a_sequence_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recording = session(path)
    for answer in ("1", "2"):
        for text in ("a", "b"):
            finish(recording.decide(request(text)), (text + answer).encode())
    again = session(path, record=False)
    assert [_body(again.decide(request(text))) for text in "abbaab"] == [b"a1", b"b1", b"b2", b"a2", b"a2", b"b2"]


def test_equal_calls_that_end_the_other_way_round_replay_as_they_were_asked(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    made = session(path)
    asked = [made.decide(request()) for _ in range(4)]
    for place in (1, 0, 3, 2):
        finish(asked[place], b"%d" % place)
    assert replayed(path, 4) == [b"0", b"1", b"2", b"3"]


def test_a_delay_keeps_four_digits(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    ticks = iter([0.0, 0.0, 0.12346, 0.5])
    finish(session(path, lambda: next(ticks), timing=True).decide(request()), b"x")
    assert only(path).response.delays == (0.1235,)


def test_what_a_hook_makes_no_recording_of_is_one_error_and_not_written(tmp_path: Path) -> None:
    def spoil(tree: dict[str, Any]) -> dict[str, Any]:
        return {**tree, "response": {**tree["response"], "body": "half \ud800"}}

    path = tmp_path / "c.yaml"
    made = session(path, before_record=spoil)
    with pytest.raises(
        CassetteWriteError, match=r"what before_record made of it is no recording: .*response\.body.*surrogate"
    ):
        finish(made.decide(request()), b"{}")
    assert not path.exists()


def test_what_could_not_be_written_is_recorded_by_the_next_equal_call(tmp_path: Path) -> None:
    turns = iter([{"status": "no number"}, {}])

    def spoil_once(tree: dict[str, Any]) -> dict[str, Any]:
        return {**tree, "response": {**tree["response"], **next(turns)}}

    path = tmp_path / "c.yaml"
    made = session(path, repeats="reuse", before_record=spoil_once)
    first, second = made.decide(request()), made.decide(request())
    with pytest.raises(CassetteWriteError):
        finish(first, b"1")
    finish(second, b"2")
    assert replayed(path, 1) == [b"2"]
