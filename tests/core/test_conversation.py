"""What of a request is new in a conversation, and that odd requests are shown too."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._cassette.interaction import Interaction, read_interaction
from promptecho._cli import _diff, _show
from promptecho._cli._cassette_files import OpenedCassette
from promptecho._matching.identity import MatchOptions
from promptecho._telling.conversation import exchanges, tool_names

from .test_answers import TREES

Json = Any


def interaction(number: int, body: Json, answer: Json, path: str = "/v1/chat/completions") -> Interaction:
    tree = {
        "request": {"method": "POST", "url": f"https://api.example{path}", "query": "", "body": body},
        "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)},
    }
    return read_interaction(tree, Path("a.yaml"), number, MatchOptions())


def repeated(*calls: tuple[str, Json, Json]) -> list[tuple[int, int | None]]:
    made = [interaction(number, body, answer, path) for number, (path, body, answer) in enumerate(calls)]
    return [(exchange.repeated, exchange.after) for exchange in exchanges(made)]


def test_a_claude_agent_repeats_its_answer_as_blocks() -> None:
    ask = {"role": "user", "content": "weather?"}
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}}
    blocks = [{"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "text", "text": "I look."}, use]
    answer = {"type": "message", "content": blocks, "stop_reason": "tool_use"}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18"}]}
    history = [ask, {"role": "assistant", "content": blocks}, result]
    assert repeated(
        ("/v1/messages", {"messages": [ask]}, answer),
        ("/v1/messages", {"messages": history}, {"type": "message", "content": [], "stop_reason": "end_turn"}),
    ) == [(0, None), (2, 0)]


def test_the_items_of_a_response_are_its_answer() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "18"}
    answer = {"object": "response", "status": "completed", "output": [thought, call]}
    assert repeated(
        ("/v1/responses", {"input": "weather?"}, answer),
        ("/v1/responses", {"input": [{"role": "user", "content": "weather?"}, thought, call, result]}, answer),
    ) == [(0, None), (3, 0)]


def test_the_parts_of_gemini_are_its_answer() -> None:
    ask = {"role": "user", "parts": [{"text": "weather?"}]}
    turn = {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]}
    result = {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"t": 18}}}]}
    path = "/v1beta/models/gemini-x:generateContent"
    answer = {"candidates": [{"content": turn, "finishReason": "STOP"}]}
    assert repeated((path, {"contents": [ask]}, answer), (path, {"contents": [ask, turn, result]}, answer)) == [
        (0, None), (2, 0)]  # fmt: skip


def test_two_conversations_side_by_side_are_kept_apart() -> None:
    def said(text: str) -> Json:
        return {"choices": [{"message": {"role": "assistant", "content": text}}]}

    def chat(*texts: str) -> Json:
        return {
            "messages": [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(texts)]
        }

    path = "/v1/chat/completions"
    assert repeated(
        (path, chat("a"), said("A")), (path, chat("b"), said("B")),
        (path, chat("a", "A", "more a"), said("AA")), (path, chat("b", "B", "more b"), said("BB")),
        (path, chat("a", "A", "more a", "AA", "end"), said("AAA")),
    ) == [(0, None), (0, None), (2, 0), (2, 1), (4, 2)]  # fmt: skip


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        ([{"name": "a"}, {"type": "web_search"}, {"googleSearch": {}}], ("a", "web_search", "googleSearch")),
        ([5, {}, None], ("5", "?", "None")),
        ("text", ()),
    ],
)
def test_tools_are_named_as_well_as_they_can_be(tools: Json, names: tuple[str, ...]) -> None:
    assert tool_names({"tools": tools}) == names


BODIES = st.dictionaries(
    st.sampled_from(
        ["messages", "system", "tools", "functions", "model", "input", "prompt", "temperature", "contents"]
    ),
    st.one_of(TREES, st.lists(TREES, max_size=4)),
    max_size=5,
)
PATHS = st.sampled_from(["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/models/m:generateContent",
                         "/model/m/converse", "/api/chat", "/v2/chat", "/x"])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PATHS, BODIES, TREES), max_size=4))
def test_whatever_was_recorded_can_be_shown_and_compared(calls: list[tuple[str, Json, Json]]) -> None:
    made = [interaction(number, body, answer, path) for number, (path, body, answer) in enumerate(calls)]
    opened = OpenedCassette(Path("a.yaml"), interactions=tuple(made))
    other = OpenedCassette(Path("b.yaml"), interactions=tuple(reversed(made[1:])))
    _show.to_json(opened, made)
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", written)
        _show.show_conversation(opened, made, full=False)
        _show.show_raw(made)
        _diff.show(_diff.compare(opened, other))
    _diff.to_json(_diff.compare(opened, other))
    assert "\x1b" not in written.getvalue()
