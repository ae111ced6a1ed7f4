"""``Cassette.load``: a file to look at, with the keys that it was recorded by."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from promptecho import Cassette

ENTRY = """\
- request:
    method: POST
    url: https://api.openai.com/v1/chat/completions
    body: {model: gpt-4o, temperature: TEMPERATURE, messages: [{role: user, content: hi}]}
  response: {status: 200, headers: {content-type: application/json}, streaming: false, body: {}}
"""


@pytest.mark.parametrize(
    ("header", "argument", "differ"),
    [
        ("", None, False),
        ("match_on: all\n", None, True),
        ("match_on: [model, temperature]\n", None, True),
        ("match_on: all\n", ["model"], False),
        ("", "all", True),
    ],
)
def test_keys_are_made_as_the_file_says_unless_the_argument_says_otherwise(
    tmp_path: Path, header: str, argument: object, differ: bool
) -> None:
    path = tmp_path / "a.yaml"
    entries = [ENTRY.replace("TEMPERATURE", number) for number in ("0", "1")]
    path.write_text(f"version: 2\n{header}interactions:\n{''.join(entries)}", encoding="utf-8")
    one, other = Cassette.load(path, match_on=argument).interactions
    assert (one.match_key != other.match_key) is differ


def test_the_path_is_a_text_as_in_0_1_and_has_what_a_path_has(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"version: 2\nmatch_on: [model]\ninteractions:\n{ENTRY}", encoding="utf-8")
    cassette = Cassette.load(str(file))
    path = cassette.path
    assert isinstance(path, str)
    assert path == str(file) == os.fspath(path)
    assert path == file == Path(path)
    assert path.endswith("a.yaml")
    assert path + "!" == f"{file}!"
    assert os.path.dirname(path) == str(tmp_path)  # noqa: PTH120 - as users of 0.1 do
    assert json.dumps([path]) == json.dumps([str(file)])
    assert {path: 1}[str(file)] == 1
    with open(path, encoding="utf-8") as opened:  # noqa: PTH123
        assert opened.readline() == "version: 2\n"
    assert (path.name, path.parent, path.exists(), path.parent / "b") == ("a.yaml", tmp_path, True, tmp_path / "b")
    assert path.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
    assert cassette.match_on == ["model"]
    assert Cassette.load(file, match_on="all").match_on == "all"
