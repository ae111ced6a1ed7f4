"""Any wrong value anywhere in a cassette is one error that names file, place and key, or it is read; nothing else."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, use_cassette
from promptecho.errors import CassetteFormatError, IncompleteRecordingError

RICH: dict[str, Any] = {
    "version": 2,
    "unfinished": False,
    "match_on": ["model", "messages"],
    "recorded_at": "2026-01-31T12:00:00Z",
    "recorded_with": {"promptecho": "0.2.0"},
    "interactions": [
        {
            "request": {
                "method": "POST",
                "url": "http://h/v1/chat/completions?b=REDACTED",
                "match_key": "0123456789abcdef",
                "matched_on": ["model", "messages"],
                "query": "",
                "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
            },
            "response": {
                "status": 200,
                "reason": "Fine",
                "http_version": "HTTP/1.1",
                "headers": {"content-type": "application/json", "x": ["a", "b"]},
                "streaming": False,
                "encoded": False,
                "body": {"a": [1, "x"]},
                "json": "compact",
                "chunks": [4, 9],
                "delays": [0.1, 0.2],
            },
            "repeat": 0,
            "duration": 0.1,
        },
        {
            "request": {
                "method": "POST",
                "url": "http://h/v1/chat/completions",
                "match_key": "1123456789abcdef",
                "matched_on": "all",
                "same_as": {"messages[0:1]": "0123456789abcdef"},
                "normalized_by": None,
                "body": {"model": "m", "stream": True, "messages": [{"role": "user", "content": "and?"}]},
            },
            "response": {
                "status": 200,
                "header_list": [["content-type", "text/event-stream"], ["x", "a"]],
                "streaming": True,
                "incomplete": "the program stopped reading",
                "events": ["data: 1\n\n", "data: 2\n\n"],
                "chunks": [18],
                "delays": [0.5],
            },
            "duration": 1,
        },
        {
            "request": {"method": "GET", "url": "http://h/aws", "body_json": "{}"},
            "response": {
                "status": 200,
                "headers": {"content-type": "application/vnd.amazon.eventstream"},
                "streaming": True,
                "events": [{"event": "chunk", "json": "compact"}, {"base64": "AAAA", "damaged": True}],
            },
            "duration": 0.1,
        },
        {
            "request": {"method": "GET", "url": "http://h/bin"},
            "response": {"status": 200, "headers": {}, "body": "AAEC", "binary": True},
        },
    ],
}  # fmt: skip
WRONG: list[Any] = [
    None, True, False, 0, -1, 7, 1e400, float("nan"), -float("inf"), 1e12, 2**70, 10**5000, 0.5, "", "x", "all", "\r\n", "a\nb", "a\x00b",
    "\x1b[2J", "\u202e", "é" * 300, "http://[", "http://h:x/", "HTTP/9.9", [], [[]], [None], [1, "a"], {}, {"a": None}, {"": ""}, {"a\nb": "c"},
    "messages[0:1]", "0123456789abcdef", "0123456789abcdef messages[0:999999]",
]  # fmt: skip


def leaves(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of everything in a tree, mappings and lists too."""
    if place:
        yield place
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in pairs:
        yield from leaves(child, (*place, key))


PLACES = list(leaves(RICH))
GONE = object()


def changed(place: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(RICH)
    at = tree
    for step in place[:-1]:
        at = at[step]
    if value is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return tree


class Noting(yaml.SafeDumper):
    """Writes every number, of whatever size."""


Noting.add_representer(
    int,
    lambda dumper, value: dumper.represent_scalar(
        "tag:yaml.org,2002:int", f"1{'0' * 5000}" if value > 2**2000 else str(value)
    ),
)


def look_at(path: Path) -> list[str]:
    """What is said of a cassette when it is read, looked at and replayed."""
    said = []
    try:
        for interaction in Cassette.load(path).interactions:
            repr(interaction)
            _ = (
                interaction.url,
                interaction.body,
                interaction.response.body,
                interaction.duration,
                interaction.streaming,
            )
    except CassetteFormatError as problem:
        said.append(str(problem))
    try:
        with httpx.Client(trust_env=False) as client, use_cassette(path, "none", replay_speed=1e9) as cassette:
            for body in ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, {"a": 1}):
                try:
                    client.post("http://h/v1/chat/completions?b=1", json=body)
                except (CassetteMiss, IncompleteRecordingError):
                    cassette.acknowledge_misses()
    except CassetteFormatError as problem:
        said.append(str(problem))
    return said


def test_the_cassette_itself_is_right(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(RICH, sort_keys=False), encoding="utf-8")
    assert [len(each.response.body) for each in Cassette.load(path).interactions] == [13, 18, 94, 3]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from([*WRONG, GONE]) | st.text(max_size=8) | st.floats(), st.booleans())
def test_any_value_anywhere_is_read_or_is_one_error(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any, unfinished: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.yaml"
    text = yaml.dump(changed(place, value), Dumper=Noting, sort_keys=False)
    path.write_text(text.replace("unfinished: false", "unfinished: true") if unfinished else text, encoding="utf-8")
    for said in look_at(path):
        assert str(path) in said
        assert not set(said) & {"\x1b", "\u202e"}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("match_on",), "model", "match_on is 'model', expected 'all' or a list of names of fields"),
        (("match_on",), [1], r"match_on is \[1\], expected"),
        (("recorded_with",), 7, "recorded_with is 7, expected a mapping"),
        (("interactions",), None, "interactions is None, expected a list"),
        (("interactions",), GONE, "interactions is None, expected a list"),
        (("interactions", 0, "request", "match_key"), {}, r"interactions\[0\].request.match_key is {}, expected a key"),
        (("interactions", 0, "request", "matched_on"), 3, r"interactions\[0\].request.matched_on is 3, expected 'all'"),
        (("interactions", 0, "response", "headers", "x"), "a\nb", r"interactions\[0\].response.headers is .*on one line"),
        (("interactions", 1, "response", "header_list"), [["a b", "c"]], r"response.header_list is .*on one line"),
        (("interactions", 0, "response", "reason"), "a\r\nb", r"response.reason is 'a\\r\\nb', expected a text on one"),
        (("interactions", 0, "response", "delays"), [-1, 0], r"response.delays is \[-1, 0\], expected a list of seconds"),
        (("interactions", 0, "response", "delays"), [float("nan")], r"response.delays is \[nan\], expected"),
        (("interactions", 0, "response", "delays"), [True], r"response.delays is \[True\], expected"),
        (("interactions", 0, "response", "delays"), [10**400], r"response.delays is \[10+\.\.\., expected"),
        (("interactions", 0, "duration"), float("inf"), r"interactions\[0\].duration is inf, expected the seconds"),
        (("interactions", 0, "duration"), 1e12, r"interactions\[0\].duration is 10+.0, expected the seconds"),
        (("interactions", 0, "repeat"), -1, r"interactions\[0\].repeat is -1, expected a number from 0"),
        (("interactions", 0, "response", "status"), 600, r"response.status is 600, expected a status code from 100 to"),
        (("interactions", 2, "request", "body_json"), "[1]", r"request.body_json is '\[1\]', expected the JSON of a"),
    ],
)  # fmt: skip
def test_the_error_names_the_file_the_place_and_what_was_expected(
    tmp_path: Path, place: tuple[Any, ...], value: Any, said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.dump(changed(place, value), Dumper=Noting, sort_keys=False), encoding="utf-8")
    for opened in (lambda: Cassette.load(path), lambda: use_cassette(path, "none").__enter__()):
        with pytest.raises(CassetteFormatError, match=rf"c\.yaml.*: .*{said}"):
            opened()


def test_every_kind_of_wrong_value_is_tried_at_every_key_of_the_format() -> None:
    keys = {place[-1] for place in PLACES if isinstance(place[-1], str)}
    from promptecho._cassette import shape

    for rules in (shape.HEADER, shape.ITEM, shape.REQUEST, shape.RESPONSE):
        assert rules.keys() <= keys
    assert len(list(itertools.product(PLACES, WRONG))) > 2000
