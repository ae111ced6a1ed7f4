"""``Cassette.load``: a file to look at, with the keys that it was recorded by."""

from __future__ import annotations

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
