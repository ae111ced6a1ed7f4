"""What a recording has in common with an earlier one is written once, and read back the same."""

from __future__ import annotations

import copy
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, use_cassette
from promptecho._cassette import store
from promptecho._cassette.references import Written
from promptecho.errors import CassetteFormatError, CassetteWarning
from tests.conformance.server import ScriptedServer

KEYS = [f"{number:016x}" for number in range(1, 9)]
PATH = Path("conversation.yaml")
HEADER: dict[str, Any] = {"match_on": ["model", "messages", "tools", "system"]}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def recording(key: str, body: dict[str, Any], matched_on: object = "all") -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": "http://h/echo", "match_key": key, "matched_on": matched_on, "body": body},
        "response": {"status": 200, "headers": {}, "streaming": False, "body": "hello"},
        "duration": 0.1,
    }


def written(*bodies: dict[str, Any], keys: list[str] = KEYS, matched_on: object = "all") -> str:
    items = [recording(key, body, matched_on) for key, body in zip(keys, bodies)]
    return store.document_text(HEADER, items, unfinished=False)


def read(text: str) -> list[Any]:
    return [item["request"].get("body") for item in store.parse(text, PATH).items]


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": text}


LONG = "x" * 1000
TURNS = [message(f"turn {number}: " + "some words of a conversation. " * 10) for number in range(8)]


def test_a_turn_refers_to_the_history_and_holds_only_what_is_new() -> None:
    text = written({"messages": TURNS[:2]}, {"messages": TURNS[:4]})
    second = yaml.safe_load(text)["interactions"][1]["request"]
    assert second["same_as"] == {"messages[0:2]": KEYS[0]}
    assert second["body"] == {"messages": TURNS[2:4]}
    assert read(text) == [{"messages": TURNS[:2]}, {"messages": TURNS[:4]}]


def test_tools_system_prompts_and_images_are_referred_to() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 500}}
    tools = [{"name": f"tool_{number}", "description": "what it does " * 20} for number in range(5)]
    first = {"system": "You are careful. " * 100, "tools": tools, "messages": [{"role": "user", "content": [image]}]}
    question = {
        "role": "user",
        "content": [{"type": "text", "text": "and this?"}, image, {"type": "text", "text": "?"}],
    }
    other = {**first, "messages": [question, message("and then?"), message("and now?")]}
    text = written(first, other)
    assert read(text) == [first, other]
    assert yaml.safe_load(text)["interactions"][1]["request"]["same_as"] == {
        "system": KEYS[0],
        "tools[0:5]": KEYS[0],
        "messages[0].content[1].image_url.url": f"{KEYS[0]} messages[0].content[0].image_url.url",
    }


def test_a_history_that_was_cut_or_moved_is_still_found() -> None:
    first, second = {"messages": TURNS[:6]}, {"messages": [message("a summary"), *TURNS[3:6], message("go on")]}
    text = written(first, second)
    assert read(text) == [first, second]
    assert yaml.safe_load(text)["interactions"][1]["request"]["same_as"] == {
        "messages[1:4]": f"{KEYS[0]} messages[3:6]"
    }


def test_short_texts_are_written_again() -> None:
    text = written({"messages": [message("hi"), message("one")]}, {"messages": [message("hi"), message("two")]})
    assert "same_as" not in text


def test_what_is_no_text_and_what_is_too_long_is_written_again() -> None:
    def is_shortened(items: list[Any]) -> bool:
        known = Written()
        known.note(known.shorten(recording(KEYS[0], {"input": items})["request"]))
        return "same_as" in known.shorten(recording(KEYS[1], {"input": items})["request"]).request

    assert not is_shortened(list(range(1000)))  # tokens
    assert is_shortened([f"{number}" for number in range(100_000)])
    assert not is_shortened(
        [f"{number}" for number in range(100_001)]
    )  # a reader refuses lists that references make longer


def test_a_text_that_stands_in_a_list_is_not_taken_out_of_it() -> None:
    bodies = {"system": LONG, "input": ["one"]}, {"input": [LONG, "two"]}, {"input": [[LONG], "three"]}
    assert read(written(*bodies)) == list(bodies)


def test_a_field_that_is_no_part_of_the_key_is_not_referred_to() -> None:
    body = {"model": "m", "messages": TURNS[:2]}
    text = written(body, {**body, "model": "n"}, matched_on=["model"])
    assert "same_as" not in text
    assert read(text) == [body, {**body, "model": "n"}]


def test_a_conversation_of_100_turns_grows_linearly(server: ScriptedServer, tmp_path: Path) -> None:
    sizes = {}
    with httpx.Client(trust_env=False) as client, use_cassette(tmp_path / "long.yaml") as cassette:
        history: list[dict[str, Any]] = []
        for turn in range(1, 101):
            history.append(message(f"question {turn}: " + "what about this one? " * 10))
            client.post(f"{server.url}/json", json={"model": "m", "messages": history}).read()
            history.append(message(f"answer {turn}: " + "it is like the others. " * 10, "assistant"))
            sizes[turn] = (tmp_path / "long.yaml").stat().st_size
    assert sizes[100] - sizes[50] < 1.1 * (sizes[50] - sizes[1])
    loaded = Cassette.load(tmp_path / "long.yaml")
    assert [len(each.body["messages"]) for each in loaded.interactions] == list(range(1, 200, 2))
    assert loaded.interactions[-1].body["messages"] == history[:-1]
    assert [each.body for each in cassette.recorded] == [each.body for each in loaded.interactions]
    with httpx.Client(trust_env=False) as client, use_cassette(tmp_path / "long.yaml", "none") as again:
        for turn in (100, 1, 57):  # opened by the index, which follows the references back
            asked = {"model": "m", "messages": history[: 2 * turn - 1]}
            assert client.post(f"{server.url}/json", json=asked).status_code == 200
    assert again.played[0].body == loaded.interactions[99].body
    assert server.hits == 100


def test_a_recording_that_goes_on_refers_to_what_another_run_wrote(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "grown.yaml"
    for mode, turns in (("once", 2), ("new_episodes", 4), ("new_episodes", 6)):
        with httpx.Client(trust_env=False) as client, use_cassette(path, mode):
            client.post(f"{server.url}/v1/chat/completions", json={"model": "m", "messages": TURNS[:turns]})
    assert path.read_text(encoding="utf-8").count("same_as") == 2
    assert [each.body["messages"] for each in Cassette.load(path).interactions] == [TURNS[:2], TURNS[:4], TURNS[:6]]


@pytest.mark.parametrize("count", [1, -1])  # in the first request, or in the answers too, which echo it
@pytest.mark.parametrize("marks", [True, False])
def test_an_edit_by_hand_reaches_the_recordings_that_refer_to_it(
    server: ScriptedServer, tmp_path: Path, count: int, marks: bool
) -> None:
    path = tmp_path / "edited.yaml"
    with httpx.Client(trust_env=False) as client:
        with use_cassette(path):
            for turns in (2, 4):
                client.post(f"{server.url}/v1/chat/completions", json={"model": "m", "messages": TURNS[:turns]})
        text = path.read_text(encoding="utf-8").replace("turn 0", "TURN 0", count)
        path.write_text(text if marks else re.sub(r"  # \w{8} \w{8}(?: \+)?\n", "\n", text), encoding="utf-8")
        edited = [message(TURNS[0]["content"].replace("turn 0", "TURN 0")), *TURNS[1:4]]
        with use_cassette(path, "none") as cassette:
            client.post(f"{server.url}/v1/chat/completions", json={"model": "m", "messages": edited})
    assert cassette.played[0].number == 1
    assert server.hits == 2


SECOND = f"- request: {{method: POST, url: 'http://h/echo', match_key: '{KEYS[1]}', matched_on: all, "


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("same_as: 7, body: {}", "expected a mapping"),
        ("same_as: {messages: 7}, body: {}", "expected the match_key of a recording"),
        (f"same_as: {{'messages[5:7]': '{KEYS[0]} messages[0:2]'}}, body: {{}}", "has no element 4"),
        (f"same_as: {{'messages[0:1]': '{KEYS[0]} messages[0:2]'}}, body: {{}}", "not lists of one length"),
        (f"same_as: {{'messages[0].x': '{KEYS[0]} model'}}, body: {{}}", "there is no such place"),
        (f"same_as: {{'a b': '{KEYS[0]} model'}}, body: {{}}", "is no place in a body"),
        (f"same_as: {{model: '{KEYS[0]}'}}, body: {{model: n}}", "something stands there already"),
        (f"same_as: {{'messages[0:2]': '{KEYS[0]}'}}, body: 7", "not lists of one length"),
        (f"same_as: {{'messages[0:2]': '{KEYS[0]} model'}}, body: {{}}", "not lists of one length"),
        (f"same_as: {{'messages[0:2]': '{KEYS[0]}'}}, body: {{messages: x}}", "the list that it completes"),
        (f"same_as: {{'messages.x': '{KEYS[0]} model'}}, body: {{messages: [{{}}]}}", "there is no such place"),
        (f"same_as: {{'model[0].x': '{KEYS[0]} model'}}, body: {{model: {{}}}}", "there is no such place"),
        (f"same_as: {{'messages[1].x': '{KEYS[0]} model'}}, body: {{messages: [{{}}]}}", "there is no such place"),
        (f"same_as: {{'messages[0]': '{KEYS[0]} model'}}, body: {{messages: [{{}}]}}", "something stands there already"),
        (f"same_as: {{'.model': '{KEYS[0]} model'}}, body: {{}}", "is no place in a body"),
        (f"same_as: {{x: '{KEYS[0]} model more'}}, body: {{}}", "expected the match_key of a recording"),
        (f"same_as: {{x: '{KEYS[0][1:]} model'}}, body: {{}}", "expected the match_key of a recording"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_an_error_with_its_place(tmp_path: Path, rest: str, said: str) -> None:
    path = tmp_path / "broken.yaml"
    text = written({"model": LONG, "messages": TURNS[:2]})
    path.write_text(text + SECOND + rest + "}\n  response: {status: 200}\n", encoding="utf-8")
    with pytest.raises(CassetteFormatError, match=said) as caught, use_cassette(path, "none"):
        pass
    assert str(path) in str(caught.value)
    place = "" if rest.startswith("same_as: 7") else re.escape("['") + "[^']+" + re.escape("']")
    assert re.search(rf"interactions\[1\]\.request\.same_as{place}: ", str(caught.value))


@pytest.mark.parametrize(
    ("matched_on", "place"), [(["model"], "messages[0:2]"), (None, "model"), (["message"], "messages[0:2]")]
)
def test_a_reference_to_what_is_no_part_of_the_key_is_refused(matched_on: object, place: str) -> None:
    text = written({"model": LONG, "messages": TURNS[:2]}, matched_on=matched_on)
    text += f"{SECOND}same_as: {{'{place}': '{KEYS[0]}'}}, body: {{}}}}\n  response: {{status: 200}}\n"
    with pytest.raises(CassetteFormatError, match=rf"same_as\['{re.escape(place)}'\]: .* is not matched by") as caught:
        read(text)
    assert KEYS[0] in str(caught.value)


@pytest.mark.parametrize("times", [15, 20])
def test_references_may_bring_in_so_much_text_and_no_more(times: int) -> None:
    text = written({"messages": ["x" * 100_000] * 10})
    places = ", ".join(
        f"'messages[{part * 10}:{(part + 1) * 10}]': '{KEYS[0]} messages[0:10]'" for part in range(times)
    )
    text += f"{SECOND}same_as: {{{places}}}, body: {{}}}}\n  response: {{status: 200}}\n"
    if times == 15:
        assert read(text)[1] == {"messages": ["x" * 100_000] * 150}
    else:
        with pytest.raises(CassetteFormatError, match=r"same_as\['messages.*expand to far more than the file holds"):
            read(text)


@pytest.mark.parametrize(
    "rest",
    [
        f"same_as: {{'messages[0:2]': '{KEYS[5]}'}}, body: {{}}",
        f"same_as: {{'messages[0:2]': '{KEYS[1]}'}}, body: {{}}",  # its own key
        f"same_as: {{'messages[0:9]': '{KEYS[0]}'}}, body: {{}}",
        f"same_as: {{'messages[0:2]': '{KEYS[0]} system'}}, body: {{}}",
        f"same_as: {{'model[0:2]': '{KEYS[0]}'}}, body: {{}}",
        f"same_as: {{x: '{KEYS[0]} messages[2]'}}, body: {{}}",
        f"same_as: {{x: '{KEYS[0]} messages[0].content.x'}}, body: {{}}",
        f"same_as: {{model: '{KEYS[0]}', 'messages[0:2]': '{KEYS[5]}'}}, body: {{}}",
    ],
)
def test_what_refers_to_something_that_is_lost_stays_as_it_is_and_the_rest_is_read(rest: str) -> None:
    text = written({"model": LONG, "messages": TURNS[:2]}) + f"{SECOND}{rest}}}\n  response: {{status: 200}}\n"
    document = store.parse(text, PATH)
    assert document.incomplete == (1,)
    assert document.items == yaml.safe_load(text)["interactions"]


def three_turns(server: ScriptedServer, path: Path) -> tuple[str, list[str]]:
    """What a recorded conversation answered is echoed; the head of its file and its entries."""
    with httpx.Client(trust_env=False) as client, use_cassette(path):
        for turns in (2, 4, 6):
            client.post(f"{server.url}/echo", json={"model": "m", "messages": TURNS[:turns]})
    head, *entries = re.split(r"(?m)^(?=- request:)", path.read_text(encoding="utf-8"))
    assert ["same_as" in entry for entry in entries] == [False, True, True]
    return head, entries


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes"])
@pytest.mark.parametrize("header", ["", "unfinished: true\n", "# a comment\n"])
def test_the_recordings_beside_a_deleted_one_replay(
    server: ScriptedServer, tmp_path: Path, mode: str, header: str
) -> None:
    path = tmp_path / "c.yaml"
    head, entries = three_turns(server, path)
    head = head.replace("version: 2\n", f"version: 2\n{header}")
    path.write_text(head + entries[2] + entries[1], encoding="utf-8")  # moved, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CassetteWarning)
        with httpx.Client(trust_env=False) as client, use_cassette(path, mode) as cassette:
            for turns in (4, 6):
                body = {"model": "m", "messages": TURNS[:turns]}
                assert client.post(f"{server.url}/echo", json=body).status_code == 200
            assert [each.number for each in cassette.played] == [1, 0]
            assert all(each.is_incomplete for each in cassette.played)
        assert server.hits == 3
        with pytest.raises(CassetteMiss), httpx.Client(trust_env=False) as client, use_cassette(path, "none"):
            client.post(f"{server.url}/echo", json={"model": "m", "messages": TURNS[2:4]})  # what is left of the second


def test_one_that_was_edited_beside_a_deleted_one_answers_nothing_and_is_named(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    head, entries = three_turns(server, path)
    path.write_text(head + entries[1].replace("turn 3", "TURN 3") + entries[2], encoding="utf-8")
    with pytest.warns(CassetteWarning, match=r"interactions\[0\].*promptecho repair .*c\.yaml"):
        with httpx.Client(trust_env=False) as client, use_cassette(path, "none"):
            body = {"model": "m", "messages": TURNS[:6]}
            assert client.post(f"{server.url}/echo", json=body).status_code == 200
            with pytest.raises(CassetteMiss):
                client.post(f"{server.url}/echo", json={"model": "m", "messages": TURNS[:4]})


def test_a_list_of_too_many_elements_is_refused() -> None:
    text = written({"messages": ["x"] * 60_000})
    places = f"'messages[0:60000]': '{KEYS[0]}', 'messages[60000:120000]': '{KEYS[0]} messages[0:60000]'"
    text += f"{SECOND}same_as: {{{places}}}, body: {{}}}}\n  response: {{status: 200}}\n"
    with pytest.raises(CassetteFormatError, match=r"\['messages\[60000:120000\]'\]: the list .* more than 100,000"):
        read(text)


def test_references_that_explode_are_refused(tmp_path: Path) -> None:
    lines = [written({"messages": [LONG] * 10})]
    for number in range(1, 16):
        places = ", ".join(
            f"'messages[{part * 10**number}:{(part + 1) * 10**number}]': "
            f"'{number:016x} messages[0:{10**number}]'" for part in range(10)
        )  # fmt: skip
        request = f"{{method: POST, url: 'http://h/', match_key: '{number + 1:016x}', matched_on: all, "
        lines.append(f"- request: {request}same_as: {{{places}}}, body: {{}}}}\n  response: {{status: 200}}\n")
    path = tmp_path / "bomb.yaml"
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(CassetteFormatError, match="same_as"), use_cassette(path, "none"):
        pass


texts = st.one_of(st.text(max_size=20), st.sampled_from(["a" * 250, "b" * 1200, "\n" * 1500, "ü" * 1100]))
leaves = st.one_of(texts, st.integers(), st.none(), st.booleans())
trees = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["role", "a b", "c.d", "x"]), inner, max_size=3)), max_leaves=8
)  # fmt: skip
elements = st.one_of(st.sampled_from([*TURNS, "a" * 250, "b" * 1200]), trees)
bodies = st.dictionaries(
    st.sampled_from(["messages", "tools", "system", "odd name", "input"]),
    st.one_of(st.lists(elements, max_size=6), trees),
    max_size=4,
)


@settings(deadline=None)
@given(st.lists(bodies, min_size=1, max_size=6), st.lists(st.sampled_from(KEYS), min_size=6, max_size=6))
def test_any_bodies_are_read_back_as_they_were(several: list[dict[str, Any]], keys: list[str]) -> None:
    # Recordings under one key have one body, as far as it is matched: here it is matched as a whole.
    by_key: dict[str, dict[str, Any]] = {}
    several = [by_key.setdefault(key, body) for key, body in zip(keys, several)]
    before = copy.deepcopy(several)
    text = written(*several, keys=keys)
    assert read(text) == before == several
    json.dumps(yaml.safe_load(text), default=str)  # any YAML reader takes the file
