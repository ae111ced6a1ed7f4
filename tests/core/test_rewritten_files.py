"""A cassette that an editor, a formatter or another YAML library went over says the same, or is refused; never another
thing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._cassette import store
from promptecho._matching.identity import MatchOptions
from promptecho.errors import CassetteFormatError

PATH = Path("c.yaml")
DIGEST = MatchOptions().digest
SPELLINGS = [
    "1e3", "1.5e3", "1E-5", "0o7", "0x1F", "0b1", "017", "089", "08901", "1_000", "+5", "+.5", "-.5", ".5", "5.", "1.", "-1e3",
    "=", "~", "<<", "null", "Null", "NULL", "", "y", "n", "Y", "N", "yes", "No", "on", "OFF", "true", "True", "FALSE",
    ".inf", "-.INF", "+.inf", ".nan", ".NaN", "nan", "inf", "Infinity", "1:30", "190:20:30", "2020-01-01", "2001-12-14t21:59:43.10-05:00",
    "- x", "? x", ": x", "a: b", "a #b", "#a", "a:", "[a", "{a", "a, b", "*a", "&a", "!a", "!!int 1", "%a", "@a", "`a", "|", ">", "'a'", '"a"',
    "---", "...", "--- a", "\\", "a\\n", "<<<<<<< ours", "=======", "  duration: 1", "- request:",
    " a", "a ", "\ta", "a\t", "a  \nb", "a\n b\n", " a\nb", "a\n\n\nb\n\n", "\n", "\n\na", "a\r\nb", "a\rb", "a\tb\n\tc",
    "\x85", "a\x85b", "a\u2028b\u2029", "\ufeff", "\x7f", "\x00", "\x1b[2J", "é", "😀", "\xa0a\xa0", "\u200b", "ÿ" * 200,
    "word " * 60, "word  word   " * 30, "x" * 300, "a\n" * 40, "long " * 30 + "\nnext  \n" + "line " * 40,
]  # fmt: skip
TEXTS = st.sampled_from(SPELLINGS) | st.text(max_size=30) | st.from_regex(r"[-+]?[0-9._eExob:]{1,8}", fullmatch=True)
# Few digits: ruamel itself rounds floats with an exponent.
LEAVES = TEXTS | st.integers() | st.floats(-1e9, 1e9).map(lambda number: round(number, 6)) | st.booleans() | st.none()
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=10
)


def item(body: Any, answer: Any) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": "http://h/x", "match_key": "1234567890123456", "body": {"prompt": body}},
        "response": {"status": 200, "headers": {"x": "a"}, "streaming": False, "body": answer, "json": "compact"},
        "duration": 0.1,
    }


def file(*items: dict[str, Any], unfinished: bool = False) -> str:
    head = (
        "version: 2\n" + ("unfinished: true\n" if unfinished else "") + "match_on: [model, messages]\ninteractions:\n"
    )
    return head + "".join(store.item_text(each, DIGEST) for each in items)


def by_ruamel(kind: str, version: tuple[int, int] | None = None) -> Callable[[str], str]:
    def rewritten(text: str) -> str:
        tool = ruamel.yaml.YAML(typ=kind)  # type: ignore[arg-type]
        tool.width = 80
        if version is not None:
            tool.version = version
        out = io.StringIO()
        tool.dump(tool.load(text), out)
        return out.getvalue()

    return rewritten


def by_pyyaml(**options: Any) -> Callable[[str], str]:
    return lambda text: yaml.safe_dump(yaml.safe_load(text), **options)


def indented(text: str) -> str:
    head, entries = text.split("interactions:\n")
    return (
        head + "interactions:\n" + "".join(f"    {line}" if line.strip() else line for line in entries.splitlines(True))
    )


EDITORS: dict[str, Callable[[str], str]] = {
    "trailing blanks trimmed": lambda text: re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
    "blank lines at the end": lambda text: text + "\n\n",
    "no line end": lambda text: text.rstrip("\n"),
    "end of document": lambda text: "---\n" + text + "...\n",
    "one space before comments": lambda text: text.replace("  # ", " # "),
    "no comments": lambda text: re.sub(r"  # .*$", "", text, flags=re.MULTILINE),
    "indented": indented,
}
TOOLS: dict[str, Callable[[str], str]] = {
    "PyYAML": by_pyyaml(),
    "PyYAML, in order": by_pyyaml(sort_keys=False, width=1000),
    "PyYAML, flow": by_pyyaml(default_flow_style=True),
    "PyYAML, quoted": by_pyyaml(default_style='"'),
    "ruamel, round trip": by_ruamel("rt"),
    "ruamel, safe": by_ruamel("safe"),
}


@pytest.mark.parametrize("name", EDITORS)
@settings(deadline=None, max_examples=25)
@given(body=TREES, answer=st.lists(TREES, max_size=3), unfinished=st.booleans())
def test_what_an_editor_does_to_the_text_changes_nothing(name: str, body: Any, answer: Any, unfinished: bool) -> None:
    wanted = [item(body, answer), item(answer, [body])]
    try:
        text = file(*wanted, unfinished=unfinished)
    except ValueError:  # a lone surrogate, which is stored in another form
        return
    found = store.parse(EDITORS[name](text), PATH)
    assert found.items == wanted
    assert not found.torn


@pytest.mark.parametrize("name", TOOLS)
@settings(deadline=None, max_examples=25)
@given(body=TREES, answer=st.lists(TREES, max_size=3), unfinished=st.booleans())
def test_what_another_library_writes_is_the_same_or_refused(
    name: str, body: Any, answer: Any, unfinished: bool
) -> None:
    wanted = [item(body, answer), item(answer, [body])]
    try:
        text = file(*wanted, unfinished=unfinished)
    except ValueError:
        return
    try:
        rewritten = TOOLS[name](text)
    except Exception:  # it can't read what is valid YAML: nothing is written
        return
    try:
        found = store.parse(rewritten, PATH)
    except CassetteFormatError:
        return
    assert found.items == wanted
    assert not found.torn


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_reader_takes_a_text_for_a_text(spelling: str) -> None:
    text = file(item({spelling: spelling}, [spelling]))
    for tool in (yaml.safe_load, ruamel.yaml.YAML(typ="safe").load, ruamel.yaml.YAML(typ="safe", pure=True).load):
        assert tool(text)["interactions"] == [item({spelling: spelling}, [spelling])]


@pytest.mark.parametrize("spelling", ["1e3", "1.5e3", "+.5", "-1E5"])
def test_a_number_that_is_a_text_to_others_is_refused_with_both_ways_to_write_it(spelling: str) -> None:
    text = file(item("a", ["PLACE"])).replace("PLACE", spelling)
    with pytest.raises(CassetteFormatError, match=rf"c\.yaml, line \d+: {re.escape(spelling)} is a number to some"):
        store.parse(text, PATH)
