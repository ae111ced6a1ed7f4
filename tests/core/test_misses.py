"""A miss explains itself; what was left out of matching is counted; hosts are told apart where they must be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import CassetteMiss, use_cassette
from tests.conformance.server import ScriptedServer

TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def ask(server: ScriptedServer, content: Any, target: str = "/v1/chat/completions", **more: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    return httpx.post(server.url + target, json=body, trust_env=False).json()


def miss(server: ScriptedServer, path: Path, *arguments: Any, **more: Any) -> str:
    with pytest.raises(CassetteMiss) as caught, use_cassette(path, "none"):
        ask(server, *arguments, **more)
    return str(caught.value)


LONG = "word " * 500
PICTURE = "data:image/png;base64," + base64.b64encode(bytes(range(200))).decode()


def with_picture(text: str, picture: str) -> Any:
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": picture}}]


@pytest.mark.parametrize(
    ("recorded", "incoming", "said"),
    [
        (("six times seven?", {}), ("six times eight?", {}), ["messages[0].content:", "recorded 'six times seven?'", "incoming 'six times eight?'"]),
        (("a", {"tools": [TOOL]}), ("a", {"tools": [{**TOOL, "function": {**TOOL["function"], "name": "find"}}]}), ["tools[0].name:", "recorded 'look_up'"]),
        (("today is 2026-01-01", {}), ("today is 2026-02-03", {}), ['volatile=["date"]']),
        (("run 7f0c1f4e-8f4e-4b4e-9d5e-00000000000a", {}), ("run 90aa1f4e-8f4e-4b4e-9d5e-00000000000b", {}), ['volatile=["uuid"]']),
        (("a", {"stream": True}), ("a", {}), ["stream:", "recorded true"]),
        (("a", {}), ("a", {"target": "/v1/other"}), ["path:", "recorded '/v1/chat/completions'"]),
        ((LONG + "one" + LONG, {}), (LONG + "two" + LONG, {}), ["(from character 2500)", "one", "two"]),
        ((with_picture("a", PICTURE), {}), (with_picture("a", PICTURE[:-9] + "zzzzzzzz="), {}), ["messages[0].content[1].image_url.url:", "<image/png, 201 bytes, sha256 "]),
        (("a", {"temperature": 0.7}), ("b", {"temperature": 0.1}), ["differs too, but is not matched: temperature"]),
    ],
)  # fmt: skip
def test_a_miss_says_where_it_parts_from_the_nearest_recording(
    server: ScriptedServer, tmp_path: Path, recorded: Any, incoming: Any, said: list[str]
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "something else entirely", target="/v1/unrelated")
        ask(server, recorded[0], **recorded[1])
    text = miss(server, path, incoming[0], **incoming[1])
    for part in said:
        assert part in text
    assert "nearest recording: interactions[1]" in text
    assert max(map(len, text.splitlines())) < 400
    assert "to record it: run once with PROMPTECHO_MODE=new_episodes" in text


DAY, LATER = "Thursday, January 1, 2026", "Friday, November 27, 2026"
HINTS: dict[str, tuple[Any, Any, dict[str, Any], list[str]]] = {
    "a date": ((f"today is {DAY}", {}), (f"today is {LATER}", {}), {}, ['volatile=["date"]']),
    "a date and an id": ((f"{DAY}: call_abc123XYZ", {}), (f"{LATER}: call_xyz789ABC", {}), {}, ['volatile=["date", "id"]']),
    "an id beside what is set": (
        (f"{DAY}: call_abc123XYZ", {}), (f"{LATER}: call_xyz789ABC", {}), {"volatile": ["date"]}, ['volatile=["date", "id"]']
    ),
    "the time in a path": (("a", {"target": "/v1/runs/1764000000"}), ("a", {"target": "/v1/runs/1764009999"}), {}, ['volatile=["date"]']),
    "an unknown field": (("a", {"agent_id": "x"}), ("a", {"agent_id": "y"}), {}, ['ignore=["agent_id"]']),
    "an unknown field and a date": (
        (DAY, {"agent_id": "x"}), (LATER, {"agent_id": "y"}), {}, ['volatile=["date"]', 'ignore=["agent_id"]']
    ),
    "a date, an unknown field, and one with a date": (
        (DAY, {"agent_id": "x", "at": DAY}), (LATER, {"agent_id": "y", "at": LATER}), {}, ['volatile=["date"]', 'ignore=["agent_id"]']
    ),
    "an unknown field and words": (("a", {"agent_id": "x"}), ("b", {"agent_id": "y"}), {}, []),
    "a field of a list of one's own": (
        ("a", {"agent_id": "x"}), ("a", {"agent_id": "y"}), {"match_on": ["messages", "agent_id"]}, ['match_on=["messages"]']
    ),
    "a field below one of such a list": (
        ("a", {"info": {"tenant": "x"}}), ("a", {"info": {"tenant": "y"}}), {"match_on": ["messages", "info.tenant"]}, ['match_on=["messages"]']
    ),
    "a date and a field of such a list": (
        (DAY, {"agent_id": "x"}), (LATER, {"agent_id": "y"}), {"match_on": ["messages", "agent_id"]}, ['volatile=["date"]', 'match_on=["messages"]']
    ),
    "the only field of such a list": (("a", {"agent_id": "x"}), ("a", {"agent_id": "y"}), {"match_on": ["agent_id"]}, []),
    "the prompt in such a list": (("a", {}), ("b", {}), {"match_on": ["model", "messages"]}, []),
    "a field where the whole body is matched": (("a", {"x": 1}), ("a", {"x": 2}), {"match_on": "all"}, ['ignore=["x"]']),
    "digits that are no date": (("run 17", {}), ("run 18", {}), {}, []),
    "a date that is masked, and words": ((f"{DAY} yes", {}), (f"{LATER} no", {}), {"volatile": ["date"]}, []),
    "a date, and words": ((f"{DAY} yes", {}), (f"{LATER} no", {}), {}, []),
    "another model": (("a", {"model": "m-2026-01-01"}), ("a", {"model": "n-2026-01-01"}), {}, []),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*was recorded with match_on")
@pytest.mark.parametrize("case", HINTS)
def test_a_hint_is_a_setting_that_would_have_helped(server: ScriptedServer, tmp_path: Path, case: str) -> None:
    recorded, incoming, settings, hints = HINTS[case]
    path = tmp_path / "c.yaml"

    def tried(**more: Any) -> str:
        with use_cassette(path, "once", **{**settings, **more}):
            ask(server, recorded[0], **recorded[1])
        try:
            with use_cassette(path, "none", **{**settings, **more}):
                ask(server, incoming[0], **incoming[1])
        except CassetteMiss as missed:
            return str(missed)
        return "replayed"

    text = tried()
    assert text.count("hint:") == bool(hints), text
    assert ("together; one alone isn't enough" in text) == (len(hints) > 1)
    for hint in hints:
        assert hint in text
    if hints:
        assert tried(**{hint.partition("=")[0]: json.loads(hint.partition("=")[2]) for hint in hints}) == "replayed"


def test_a_miss_names_the_variable_that_set_the_mode(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTECHO_MODE", "none")
    with pytest.raises(CassetteMiss, match=r"mode: none \(PROMPTECHO_MODE\)"), use_cassette(tmp_path / "c.yaml", "all"):
        ask(server, "a")


@pytest.mark.parametrize(("variables", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with use_cassette(tmp_path / "c.yaml"):
        ask(server, "a")
    assert ("\033[" in miss(server, tmp_path / "c.yaml", "b")) is coloured


def test_differences_in_what_is_not_matched_are_counted_by_name(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "a", temperature=0.7, seed=1)
    with use_cassette(path, "none") as cassette:
        ask(server, "a", temperature=0.0, seed=1)
        ask(server, "a", temperature=0.1, top_p=1)
        ask(server, "a", temperature=0.7, seed=1)
    assert cassette.unmatched == {"temperature": 2, "seed": 1, "top_p": 1}


def test_of_several_hosts_each_gets_its_own_answer_and_a_third_gets_none(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with ScriptedServer() as one, ScriptedServer() as two, ScriptedServer() as three:
        ask(two, "warm up")
        with use_cassette(path):  # the second host's answer is recorded, though the first one's has the same key
            live = [ask(one, "a"), ask(two, "a")]
        assert live[0] != live[1]
        with use_cassette(path, "none"):
            assert [ask(two, "a"), ask(one, "a")] == live[::-1]
        with pytest.raises(CassetteMiss, match="recordings of several hosts share this key"):
            with use_cassette(path, "none"):
                ask(three, "a")
        with use_cassette(path, "new_episodes") as cassette:
            ask(three, "a")
        assert len(cassette.recorded) == three.hits == 1


def test_a_recording_of_one_gateway_replays_through_another(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with ScriptedServer() as one, ScriptedServer() as two:
        with use_cassette(path):
            live = ask(one, "a")
        with use_cassette(path, "none"):
            assert ask(two, "a") == live
        assert two.hits == 0
