"""Opening without parsing: what is found through the index is what a parse of the whole file gives, edits included."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, register_normalizer, use_cassette
from promptecho._cassette import references
from promptecho._cassette.index import index
from promptecho._cassette.store import document_text, item_text, parse
from promptecho._matching.identity import MatchOptions
from promptecho.errors import CassetteFormatError
from tests.conformance.server import ScriptedServer

from .test_normalizers import EXAMPLES, Turn, identity

DIGEST = MatchOptions().digest


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def ask(server: ScriptedServer, text: str) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).json()


def recorded(server: ScriptedServer, path: Path, *texts: str) -> list[Any]:
    with use_cassette(path):
        return [ask(server, text) for text in texts]


def parsed(cassette: Cassette) -> int:
    return sum(not hasattr(found, "bounds") for _, found in cassette.look_through())


def test_an_entry_that_was_damaged_is_an_error_with_its_line(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(server, path, "one", "two")
    data = path.read_bytes().replace(b"content: two", b"content: tw\xff")
    path.write_bytes(data)
    line = data[: data.rindex(b"- request:")].count(b"\n") + 1
    with (
        pytest.raises(CassetteFormatError, match=rf"c\.yaml, line {line}: .*can't decode byte 0xff"),
        use_cassette(path, "none"),
    ):
        ask(server, "one")


def test_only_what_is_asked_for_is_parsed(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, *(f"question {number}" for number in range(30)))
    server.stop()
    with use_cassette(path, "none") as cassette:
        assert parsed(cassette) == 0
        assert [ask(server, "question 7"), ask(server, "question 21")] == [live[7], live[21]]
        assert parsed(cassette) == 2
        assert len(cassette) == 30
    assert len(cassette.unused) == 28


def edited(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def test_an_entry_that_was_edited_by_hand_answers_by_what_it_says_now(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "one", "two", "three")
    edited(path, "content: two", "content: zwei")
    edited(path, '{\\"role\\"', '{\\"rolle\\"')  # in the first answer
    server.stop()
    with use_cassette(path, "none") as cassette:
        assert ask(server, "zwei") == live[1]
        assert ask(server, "three") == live[2]
        assert ask(server, "one") != live[0]
        assert parsed(cassette) == 3
    with pytest.raises(CassetteMiss), use_cassette(path, "none"):
        ask(server, "two")


def test_a_miss_names_the_nearest_recording_of_a_file_that_was_not_parsed(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    recorded(server, path, "where is the harbour", "what does the mill grind", "who built the bridge")
    with (
        pytest.raises(CassetteMiss, match=r"nearest recording: interactions\[1\]"),
        use_cassette(path, "none") as cassette,
    ):
        assert parsed(cassette) == 0
        assert [number for number, _ in cassette.look_through()] == [0, 1, 2]
        ask(server, "what does the mill grind now")


def test_an_edit_that_makes_two_entries_answer_one_call_makes_a_sequence(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "one", "two", "three")
    edited(path, "content: three", "content: one")
    with use_cassette(path, "none"):
        assert [ask(server, "one"), ask(server, "one")] == [live[0], live[2]]


def test_entries_can_be_moved_and_deleted(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "one", "two", "three")
    head, *items = re.split(r"(?m)^(?=- request:)", path.read_text(encoding="utf-8"))
    path.write_text(head + items[2] + items[0], encoding="utf-8")
    with use_cassette(path, "none") as cassette:
        assert parsed(cassette) == 0
        assert [ask(server, "one"), ask(server, "three")] == [live[0], live[2]]


def test_other_matching_options_do_not_trust_the_keys(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "run 1 of it", "other")
    with use_cassette(path, "none", volatile=[r"run \d"]) as cassette:
        assert parsed(cassette) == 2
        assert ask(server, "run 2 of it") == live[0]
    unregister = register_normalizer(lambda call: True, lambda body: {**body, "messages": body["messages"][:1]})
    try:
        with use_cassette(path, "none") as cassette:
            assert parsed(cassette) == 2
            assert ask(server, "other") == live[1]
    finally:
        unregister()


def test_a_key_that_a_hook_made_stale_is_not_trusted(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"

    def change(tree: Any) -> Any:
        tree["request"]["body"]["messages"][0]["content"] = "changed"
        return tree

    with use_cassette(path, before_record=change):
        live = ask(server, "asked")
    with use_cassette(path, "none"):
        assert ask(server, "changed") == live
    with pytest.raises(CassetteMiss), use_cassette(path, "none"):
        ask(server, "asked")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("version: 2\n", "version: 2\n# a comment\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "more: 1\n",
        lambda text: text + "more:\n  duration: 1\n",
        lambda text: text.replace("interactions:\n", "interactions:\n\n# the first\n"),
        lambda text: "interactions:\n".join([text.partition("interactions:\n")[0], re.sub("(?m)^(?=.)", "  ", text.partition("interactions:\n")[2])]),
        lambda text: re.sub(r"  # \w{8} \w{8}\n", "\n", text),
    ],
)  # fmt: skip
def test_a_file_in_another_layout_replays_just_the_same(server: ScriptedServer, tmp_path: Path, change: Any) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "one", "two")
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^(?:match_on|recorded_at|recorded_with):.*?(?=^\w)", "", text)
    path.write_bytes(change(text).encode("utf-8"))
    with use_cassette(path, "none"):
        assert [ask(server, "two"), ask(server, "one")] == [live[1], live[0]]


def test_damage_inside_an_entry_is_one_error_with_its_line_and_never_a_call(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    recorded(server, path, "one", "two", "three")
    edited(path, "        content: two", "        content: [two")
    hits = server.hits
    with (
        pytest.raises(CassetteFormatError, match=r"c\.yaml, line \d+: not readable") as opened,
        use_cassette(path, "none"),
    ):
        ask(server, "one")
    assert server.hits == hits
    with pytest.raises(CassetteFormatError) as read:
        Cassette.load(path)
    assert str(opened.value) == str(read.value)


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["- request:", "\n- request:\n", "on", "1e3", "---", "#", "\u0085", "a\n\nb"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_the_index_finds_what_a_parse_finds(pairs: list[tuple[str, str]]) -> None:
    items: list[Any] = [
        {
            "request": {
                "method": "POST",
                "url": "https://h/v1/chat/completions",
                "match_key": hashlib.sha256(question.encode("utf-8", "replace")).hexdigest()[:16],
                "body": {"model": "m", "messages": [{"role": "user", "content": question}]},
            },
            "response": {"status": 200, "headers": {}, "streaming": False, "body": answer},
            "duration": 0.1,
        }
        for question, answer in pairs
    ]
    try:
        text = document_text({}, [], unfinished=False).replace(" []", "")
        text += "".join(item_text(item, DIGEST) for item in items)
        data = text.encode("utf-8")
    except ValueError:  # a lone surrogate, which is stored in another form
        return
    found = index(data, Path("c.yaml"), DIGEST)
    assert found is not None
    assert [found.tree(number) for number in range(len(found))] == parse(text, Path("c.yaml")).items == items
    assert not found.plain
    assert index(data, Path("c.yaml"), "00000000").plain == list(range(len(items)))  # type: ignore[union-attr]


def test_an_older_file_with_a_mark_on_its_first_line_is_opened_in_the_same_way(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    live = recorded(server, path, "one", "two")
    edited(path, "version: 2\n", "version: 2  # 14a42d29 5457e7b6\n")
    with use_cassette(path, "none") as cassette:
        assert parsed(cassette) == 0
        assert [ask(server, "two"), ask(server, "one")] == [live[1], live[0]]


def test_no_line_changes_when_a_recording_is_added(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    recorded(server, path, "one", "two")
    before = path.read_bytes()
    with use_cassette(path, "new_episodes"):
        ask(server, "three")
    assert path.read_bytes().startswith(before)


def history(question: str, turns: list[int]) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"turn {turn}: " + "some words of it. " * 20} for turn in turns]
    return {"model": "m", "messages": [*messages, {"role": "user", "content": question}]}


def conversations(shown: list[list[int]]) -> list[str]:
    """Entries that refer to one another where they have turns in common."""
    written, entries = references.Written(), []
    for number, turns in enumerate(shown):
        request = {
            "method": "POST",
            "url": "http://h/x",
            "match_key": f"{number:016x}",
            "matched_on": "all",
            "body": history(f"question {number}", turns),
        }
        response = {"status": 200, "headers": {}, "streaming": False, "body": "answer"}
        short = written.shorten(request)
        entries.append(item_text({"request": short.request, "response": response, "duration": 0.1}, DIGEST))
        written.note(short)
    return entries


def test_a_conversation_is_followed_back_from_any_turn() -> None:
    shown = [list(range(count)) for count in range(1, 6)]
    entries = conversations(shown)
    assert sum("same_as" in entry for entry in entries) == 4
    text = "version: 2\ninteractions:\n" + "".join(entries)
    for number, turns in enumerate(shown):
        found = index(text.encode("utf-8"), Path("c.yaml"), DIGEST)
        assert found is not None
        for _ in range(2):
            assert found.tree(number)["request"]["body"] == history(f"question {number}", turns)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_entries_that_refer_to_one_another_are_the_same_by_the_index_however_they_are_moved(
    data: st.DataObject,
) -> None:
    turns = st.lists(st.integers(0, 3), max_size=5)
    entries = conversations(data.draw(st.lists(turns, min_size=1, max_size=6)))
    kept = data.draw(st.permutations(entries) | st.lists(st.sampled_from(entries), min_size=1, max_size=8))
    text = "version: 2\ninteractions:\n" + "".join(kept)
    found = index(text.encode("utf-8"), Path("c.yaml"), DIGEST)
    assert found is not None
    assert not found.plain
    document = parse(text, Path("c.yaml"))
    numbers = data.draw(st.permutations(range(len(kept))))
    for _ in range(2):
        assert {number: found.tree(number) for number in numbers} == dict(enumerate(document.items))
    all_of_them = parse("version: 2\ninteractions:\n" + "".join(entries), Path("c.yaml"))
    assert not all_of_them.incomplete
    whole = dict(zip(entries, all_of_them.items))
    for number, entry in enumerate(kept):
        if number in document.incomplete:
            assert "same_as" in entry
        else:
            assert document.items[number] == whole[entry]


def test_method_url_and_request_of_an_entry_are_told_without_parsing_it() -> None:
    texts = []
    for number, method in enumerate(("GET", "POST", "PUT")):
        request = {
            "method": method,
            "url": f"http://h/ü{number}",
            "match_key": f"{number:016x}",
            "body": {"a": "b\nresponse:\n"},
        }
        response = {"status": 200, "headers": {}, "streaming": False, "body": f"\n  response: {number}\n"}
        texts.append(item_text({"request": request, "response": response, "duration": 0.1}, DIGEST))
    found = index(("version: 2\ninteractions:\n" + "".join(texts)).encode("utf-8"), Path("c.yaml"), DIGEST)
    assert found is not None
    for number, method in enumerate(("GET", "POST", "PUT")):
        assert found.place(number) == (method, f"http://h/ü{number}")
        assert found.request_text(number).decode("utf-8") == texts[number].partition("\n  response:")[0]


def test_keys_are_what_they_were_when_their_version_was_raised_last() -> None:
    """If this fails, requests have other keys than before: raise ``KEYS_VERSION`` and write the new digest here."""
    keys = [identity(example, Turn(schema={"type": "object"})).key for _, example in sorted(EXAMPLES.items())]
    assert hashlib.sha256("".join(keys).encode()).hexdigest()[:12] == "773eb9e28cd1"
