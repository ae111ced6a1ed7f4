"""``llm_snapshot`` through pytest's own pytester, and its parts: reduction, matchers, the file, the diffs, review."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._cassette import layout
from promptecho.errors import CassetteMiss, SnapshotError
from promptecho.snapshot import _file, any_of, contains, judge, number, reduce, regex, schema, stream, subset, tools
from promptecho.snapshot._expected import MISSING, Match, Matcher, decoded, differences, encoded, same
from promptecho.snapshot._judge import read_verdict
from promptecho.snapshot._rules import given as given_by_a_test
from promptecho.snapshot._rules import read_matcher
from promptecho.snapshot._trajectory import pairing
from promptecho.snapshot._wording import changed, changed_words, reordered
from tests.command_line import promptecho
from tests.rewriting import newer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
HELPERS = """
import re
import pytest

def reply(text, *calls, finish="stop"):
    made = [{"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(calls)]
    message = {"role": "assistant", "content": text, "tool_calls": made}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "PROMPTECHO_MODE", "PROMPTECHO_BACKENDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # so that it is the same with and without an entry point
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends")]))


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p", "promptecho.pytest_plugin", "-p", "promptecho.snapshot._plugin", *arguments
    )


def update(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return run(pytester, "--llm-snapshot-update", *arguments)


def write(pytester: pytest.Pytester, source: str, name: str = "test_it") -> None:
    newer(pytester.makepyfile(**{name: HELPERS + source}))


def snapshots(pytester: pytest.Pytester, name: str = "test_it") -> dict[str, Any]:
    return _file.load(pytester.path / "__llm_snapshots__" / f"{name}.yaml")


def edit(pytester: pytest.Pytester, old: str, new: str, name: str = "test_it") -> None:
    path = pytester.path / "__llm_snapshots__" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def review(pytester: pytest.Pytester, *arguments: str, said: str = "", **more: str) -> Any:
    return promptecho(pytester.path, "review", *arguments, said=said, **more)


ANSWER = """
def test_answer(llm_snapshot):
    assert reply("It is sunny in Paris.", ("weather", '{"city": "Paris"}')) == llm_snapshot
"""


# --- missing, update, changed -----------------------------------------------------------------------------------------


def test_a_missing_snapshot_fails_shows_the_answer_and_writes_nothing(pytester: pytest.Pytester) -> None:
    write(pytester, ANSWER)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no such snapshot yet; the answer is:*"])
    result.stdout.fnmatch_lines(["*text: It is sunny in Paris.", "*accept it with `pytest --llm-snapshot-update`*"])
    assert not (pytester.path / "__llm_snapshots__").exists()


def test_an_update_writes_what_later_runs_compare_with(pytester: pytest.Pytester) -> None:
    write(pytester, ANSWER)
    result = update(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 snapshot written: test_it.py::test_answer"])
    path = pytester.path / "__llm_snapshots__" / "test_it.yaml"
    assert path.read_text(encoding="utf-8") == (
        "version: 1\n"
        "snapshots:\n"
        "  test_answer:\n"
        "    text: It is sunny in Paris.\n"
        "    tool_calls:\n"
        "    - name: weather\n"
        "      arguments:\n"
        "        city: Paris\n"
        "    finish_reason: stop\n"
    )
    before = path.stat()
    run(pytester).assert_outcomes(passed=1)
    result = update(pytester)
    result.stdout.fnmatch_lines(["nothing to update"])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


CHANGES = {
    "text": ("sunny in", "rainy in", "*text: It is [[]-sunny-]{+rainy+} in Paris."),
    "argument": ('"city": "Paris"', '"city": "London"', "*tool_calls[[]0].arguments.city: 'Paris' -> 'London'"),
    "finish": ("}')) ==", "}'), finish='length') ==", "*finish_reason: 'stop' -> 'length'"),
    "call": ("Paris\"}')", "Paris\"}'), ('clock', '{}')", "*+ clock()"),
}


def test_a_changed_answer_fails_and_the_diff_names_what_changed(pytester: pytest.Pytester) -> None:
    named = {name: ANSWER.replace("test_answer", f"test_{name}") for name in CHANGES}
    write(pytester, "".join(named.values()))
    update(pytester).assert_outcomes(passed=4)
    before = snapshots(pytester)
    write(pytester, "".join(source.replace(*CHANGES[name][:2]) for name, source in named.items()))
    result = run(pytester)
    result.assert_outcomes(failed=4)
    for _, _, said in CHANGES.values():
        result.stdout.fnmatch_lines([said])
    result.stdout.fnmatch_lines(["4 snapshots to look at: promptecho review"])
    assert snapshots(pytester) == before
    result = update(pytester)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["4 snapshots changed: test_it.py::test_text, *"])
    assert all(snapshots(pytester)[name] != entry for name, entry in before.items())
    run(pytester).assert_outcomes(passed=4)


def test_a_change_of_type_alone_is_seen_and_written(pytester: pytest.Pytester) -> None:
    write(pytester, "def test_a(llm_snapshot):\n    assert {'n': 1} == llm_snapshot\n")
    update(pytester)
    write(pytester, "def test_a(llm_snapshot):\n    assert {'n': True} == llm_snapshot\n")
    run(pytester).assert_outcomes(failed=1)
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester)["test_a"]["n"] is True


def test_a_long_difference_is_shown_whole(pytester: pytest.Pytester) -> None:
    lines = [f"line {at}" for at in range(40)]
    write(pytester, f"LINES = {lines}\ndef test_a(llm_snapshot):\n    assert '\\n'.join(LINES) == llm_snapshot\n")
    update(pytester)
    changed_lines = [line if at % 4 else f"changed {at}" for at, line in enumerate(lines)]
    write(
        pytester, f"LINES = {changed_lines}\ndef test_a(llm_snapshot):\n    assert '\\n'.join(LINES) == llm_snapshot\n"
    )
    result = run(pytester)
    result.stdout.fnmatch_lines([f"*+ changed {at}" for at in range(0, 40, 4)])


def test_a_failure_in_a_helper_that_pytest_does_not_rewrite_is_explained_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(checks="def check(reply, snapshot):\n    assert reply == snapshot\n")
    write(pytester, "import checks\ndef test_a(llm_snapshot):\n    checks.check('hello there', llm_snapshot)\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no such snapshot yet; the answer is:", "*hello there"])


# --- names ------------------------------------------------------------------------------------------------------------


def test_snapshots_of_one_test_are_numbered_or_named(pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
def test_some(llm_snapshot):
    assert "one" == llm_snapshot
    assert "two" == llm_snapshot
    assert "first" == llm_snapshot("greeting")
    assert "three" == llm_snapshot(ignore=["x"])
    assert "first" == llm_snapshot("greeting")
""",
    )
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester) == {
        "test_some": "one", "test_some / greeting": "first", "test_some 2": "two", "test_some 3": "three",
    }  # fmt: skip
    run(pytester).assert_outcomes(passed=1)


def test_one_name_for_two_answers_is_an_error(pytester: pytest.Pytester) -> None:
    write(
        pytester,
        "def test_a(llm_snapshot):\n    assert 'a' == llm_snapshot('x')\n    assert 'b' == llm_snapshot('x')\n",
    )
    result = update(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SnapshotError: llm_snapshot('x') is compared with two different answers*"])


def test_parametrised_tests_and_classes_have_snapshots_of_their_own_in_a_stable_order(
    pytester: pytest.Pytester,
) -> None:
    write(
        pytester,
        """
@pytest.mark.parametrize("n", [10, 2, "a b / c: [d]"])
def test_n(llm_snapshot, n):
    assert f"answer {n}" == llm_snapshot

class TestGroup:
    def test_n(self, llm_snapshot):
        assert "of a group" == llm_snapshot
""",
    )
    update(pytester).assert_outcomes(passed=4)
    assert list(snapshots(pytester)) == [
        "TestGroup.test_n", "test_n[2]", "test_n[10]", "test_n[a b / c: [d]]",
    ]  # fmt: skip
    run(pytester, "-p", "no:randomly").assert_outcomes(passed=4)


# --- unused and renamed -----------------------------------------------------------------------------------------------

THREE = """
def test_a(llm_snapshot):
    assert "a" == llm_snapshot

def test_b(llm_snapshot):
    assert "b" == llm_snapshot
    assert "b 2" == llm_snapshot

def test_c(llm_snapshot):
    assert "c" == llm_snapshot
"""


def test_an_update_removes_what_no_test_uses_and_a_run_without_it_only_says_so(pytester: pytest.Pytester) -> None:
    write(pytester, THREE)
    update(pytester)
    write(pytester, THREE.replace('    assert "b 2" == llm_snapshot\n', "").replace("test_c", "check_c"))
    result = run(pytester)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["2 unused snapshots: test_it.py::test_b 2, test_it.py::test_c"])
    assert len(snapshots(pytester)) == 4
    result = update(pytester)
    result.stdout.fnmatch_lines(["2 snapshots removed: test_it.py::test_b 2, test_it.py::test_c"])
    assert list(snapshots(pytester)) == ["test_a", "test_b"]


def test_after_a_run_of_a_part_nothing_counts_as_unused(pytester: pytest.Pytester) -> None:
    write(pytester, THREE + "\ndef test_d(llm_snapshot):\n    assert 'd' == llm_snapshot\n")
    update(pytester)
    write(pytester, THREE.replace('"c" == llm_snapshot', '"c"'))
    for arguments in (["-k", "test_a"], ["test_it.py::test_a"], ["--deselect", "test_it.py::test_c"], ["--co"]):
        update(pytester, *arguments).stdout.no_fnmatch_line("* removed: *")
    write(pytester, THREE.replace('"a" == llm_snapshot', '"a" == "d"'))
    update(pytester, "-x").stdout.no_fnmatch_line("* removed: *")
    update(pytester, "--lf").stdout.no_fnmatch_line("* removed: *")
    assert len(snapshots(pytester)) == 5
    update(pytester).stdout.fnmatch_lines(["1 snapshot removed: test_it.py::test_d"])


def test_snapshots_of_tests_that_failed_or_were_skipped_are_kept(pytester: pytest.Pytester) -> None:
    write(pytester, THREE)
    update(pytester)
    write(
        pytester,
        THREE.replace('assert "a"', 'pytest.skip("today")\n    assert "a"')
        .replace('assert "b" ==', 'assert "b" == "x" ==')
        .replace('assert "c"', "pass  # "),
    )
    result = update(pytester)
    result.assert_outcomes(skipped=1, failed=1, passed=1)
    assert list(snapshots(pytester)) == ["test_a", "test_b", "test_b 2"]


def test_the_file_of_a_module_that_is_gone_is_unused_and_an_empty_folder_is_removed(pytester: pytest.Pytester) -> None:
    write(pytester, THREE)
    write(pytester, THREE, "test_other")
    update(pytester)
    (pytester.path / "test_other.py").unlink()
    run(pytester).stdout.fnmatch_lines(["1 unused snapshot: __llm_snapshots__/test_other.yaml"])
    update(pytester).stdout.fnmatch_lines(["1 snapshot removed: __llm_snapshots__/test_other.yaml"])
    write(pytester, "def test_x():\n    pass\n")
    update(pytester)
    assert not (pytester.path / "__llm_snapshots__").exists()


def test_after_a_failed_collection_nothing_is_removed(pytester: pytest.Pytester) -> None:
    write(pytester, THREE)
    update(pytester)
    write(pytester, "def test_x():\n    pass\n")
    pytester.makepyfile(test_broken="import no_such_module\n")
    update(pytester, "--continue-on-collection-errors")
    assert len(snapshots(pytester)) == 4


def test_a_renamed_test_is_hinted_at_and_its_snapshot_moves_with_its_matchers(pytester: pytest.Pytester) -> None:
    write(pytester, ANSWER)
    update(pytester)
    edit(pytester, "text: It is sunny in Paris.", "text:\n      match:\n        regex: sunny|rainy")
    write(pytester, ANSWER.replace("test_answer", "test_forecast"))
    run(pytester).assert_outcomes(failed=1)
    result = update(pytester)
    result.stdout.fnmatch_lines(["1 snapshot written: test_it.py::test_forecast (was test_answer)"])
    assert list(snapshots(pytester)) == ["test_forecast"]
    assert snapshots(pytester)["test_forecast"]["text"] == {"match": {"regex": "sunny|rainy"}}
    write(pytester, ANSWER.replace("test_answer", "test_again"))
    edit(pytester, 'text:\n      match:\n        regex: "sunny|rainy"', "text: It is sunny in Paris.")
    result = run(pytester)
    result.stdout.fnmatch_lines(["*the same stands under 'test_forecast': if the test was renamed*"])


# --- xdist, CI --------------------------------------------------------------------------------------------------------


def test_four_workers_write_one_file_and_lose_nothing(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="needs xdist")
    source = """
@pytest.mark.parametrize("n", range(COUNT))
def test_n(llm_snapshot, n):
    assert f"answer {n}" == llm_snapshot
    assert {"n": n} == llm_snapshot("data")
"""
    for name in ("test_one", "test_two"):
        write(pytester, source.replace("COUNT", "20"), name)
    result = update(pytester, "-p", "xdist", "-n4")
    result.assert_outcomes(passed=40)
    result.stdout.fnmatch_lines(["80 snapshots written: *"])
    for name in ("test_one", "test_two"):
        found = snapshots(pytester, name)
        assert found == {
            **{f"test_n[{n}]": f"answer {n}" for n in range(20)},
            **{f"test_n[{n}] / data": {"n": n} for n in range(20)},
        }
        assert list(found) == sorted(found, key=_file.order_of)
    run(pytester, "-p", "xdist", "-n4").assert_outcomes(passed=40)
    write(pytester, source.replace("COUNT", "10"), "test_two")
    result = update(pytester, "-p", "xdist", "-n4")
    result.stdout.fnmatch_lines(["20 snapshots removed: *"])
    assert len(snapshots(pytester, "test_two")) == 20
    assert len(snapshots(pytester, "test_one")) == 40


def test_ci_never_writes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    write(pytester, ANSWER)
    monkeypatch.setenv("CI", "true")
    result = update(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--llm-snapshot-update: CI never writes snapshots*"])
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*there is no such snapshot yet*", "*run without CI to accept it, and commit the file"]
    )
    assert not (pytester.path / "__llm_snapshots__").exists()
    assert review(pytester, "--accept-all", CI="true").returncode == 2
    monkeypatch.delenv("CI")
    update(pytester).assert_outcomes(passed=1)
    monkeypatch.setenv("CI", "true")
    run(pytester).assert_outcomes(passed=1)


def test_the_plugin_loads_nothing_heavy_before_a_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys
def test_nothing():
    loaded = [name for name in sys.modules if name.startswith("promptecho")]
    assert not {"promptecho.snapshot._fixture", "promptecho._telling.answers", "promptecho._cassette.store", "yaml"} & set(sys.modules), loaded
"""
    )
    run(pytester).assert_outcomes(passed=1)


# --- looser comparisons -----------------------------------------------------------------------------------------------


def test_an_answer_that_changed_within_its_tolerance_is_said_in_the_summary(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.parametrize("n", [1, 2])
def test_a(llm_snapshot, n):
    assert "It is sunny." == llm_snapshot(text=llm_snapshot.regex("sunny|rainy"))
"""
    write(pytester, source)
    update(pytester)
    assert snapshots(pytester)["test_a[1]"] == {"text": {"match": {"regex": "sunny|rainy"}, "was": "It is sunny."}}
    result = run(pytester)
    result.stdout.no_fnmatch_line("*within tolerance: *")
    write(pytester, source.replace('"It is sunny."', '"It is rainy."'))
    result = run(pytester)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["2 answers changed within tolerance: test_it.py::test_a[[]1] (text: regex); test_it.py::test_a[[]2] *"]
    )
    result = update(pytester)
    result.stdout.fnmatch_lines(["2 snapshots blessed again: *"])
    assert snapshots(pytester)["test_a[1]"]["text"]["was"] == "It is rainy."
    run(pytester).stdout.no_fnmatch_line("*within tolerance: *")


def test_an_update_keeps_matchers_and_never_changes_a_rule(pytester: pytest.Pytester) -> None:
    write(pytester, ANSWER)
    update(pytester)
    edit(pytester, "text: It is sunny in Paris.", "text:\n      match:\n        regex: sunny")
    write(pytester, ANSWER.replace('"city": "Paris"', '"city": "Rome"').replace("in Paris", "in Rome"))
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester)["test_answer"]["text"] == {"match": {"regex": "sunny"}, "was": "It is sunny in Rome."}
    kept = snapshots(pytester)
    write(pytester, ANSWER.replace("sunny", "rainy"))
    result = update(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a rule doesn't accept the answer, and an update never changes rules"])
    result.stdout.fnmatch_lines(["1 snapshot refused: test_it.py::test_answer (a rule doesn't accept it*"])
    assert snapshots(pytester) == kept
    listed = review(pytester, "--accept-all")
    assert listed.returncode == 1
    assert "a rule doesn't accept the answer" in listed.stderr
    assert snapshots(pytester) == kept


def test_an_update_renews_what_a_matcher_measures_by(pytester: pytest.Pytester) -> None:
    source = """
def test_a(llm_snapshot):
    answer = reply('{"price": 10.0}', ("buy", '{"n": 1, "when": "now"}'))
    assert answer == llm_snapshot(
        structured={"price": llm_snapshot.number(within=0.5)}, tools=llm_snapshot.tools(arguments="exact"))
"""
    write(pytester, source)
    update(pytester).assert_outcomes(passed=1)
    written = snapshots(pytester)["test_a"]
    assert written["structured"] == {"price": {"match": {"number": 10.0, "within": 0.5}}}
    write(pytester, source.replace("10.0", "10.4"))
    result = run(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 answer changed within tolerance: *(structured.price: number)"])
    write(pytester, source.replace("10.0", "12.5").replace('"n": 1', '"n": 2'))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*structured.price: 10.0 -> 12.5, more than 0.5 away", "*arguments.n: 1 -> 2"])
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester)["test_a"]["structured"] == {"price": {"match": {"number": 12.5, "within": 0.5}}}
    run(pytester).assert_outcomes(passed=1)


def test_what_the_test_asks_for_and_the_file_says_must_be_one(pytester: pytest.Pytester) -> None:
    write(pytester, "def test_a(llm_snapshot):\n    assert 'sunny' == llm_snapshot(text=llm_snapshot.regex('s'))\n")
    update(pytester)
    write(pytester, "def test_a(llm_snapshot):\n    assert 'sunny' == llm_snapshot(text=llm_snapshot.regex('.*'))\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test and the file ask for different things:"])
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester)["test_a"]["text"]["match"] == {"regex": ".*"}


def test_a_value_that_the_test_itself_gives_is_no_business_of_an_update(pytester: pytest.Pytester) -> None:
    source = "def test_a(llm_snapshot):\n    assert reply('hi') == llm_snapshot(text='hi', structured=SAID)\n"
    for wrong in ("assert reply('ho') == llm_snapshot(text='hi')", "assert reply('hi') == llm_snapshot(refusal='no')"):
        write(pytester, f"def test_a(llm_snapshot):\n    {wrong}\n")
        result = update(pytester)
        result.assert_outcomes(failed=1)
        assert not (pytester.path / "__llm_snapshots__").exists()
    write(pytester, source.replace(", structured=SAID", ", finish_reason='stop'"))
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester) == {"test_a": {"text": "hi", "finish_reason": "stop"}}


def test_literals_beside_matchers_in_what_a_test_gives_stay_the_tests_own(pytester: pytest.Pytester) -> None:
    source = """
def test_a(llm_snapshot):
    assert {"structured": {"id": 7, "kind": "cat"}} == llm_snapshot(
        structured={"id": llm_snapshot.number(5, within=3), "kind": "dog"})
"""
    write(pytester, source)
    result = update(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*structured.kind: 'dog' -> 'cat'"])
    write(pytester, source.replace("dog", "cat"))
    update(pytester).assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)


def test_values_of_dirty_equals_patterns_and_inline_snapshots_work(pytester: pytest.Pytester) -> None:
    pytest.importorskip("dirty_equals", reason="needs dirty_equals")
    pytest.importorskip("inline_snapshot", reason="needs inline_snapshot")
    source = """
from dirty_equals import IsInt, IsStr
from inline_snapshot import snapshot

def test_a(llm_snapshot):
    answer = reply('{"id": 5, "name": "cat"}', ("look", '{}'))
    assert answer == llm_snapshot(structured={"id": IsInt(gt=3), "name": IsStr()}, finish_reason=snapshot("stop"))
    assert reply("Sunny.") == llm_snapshot(text=re.compile("sunny", re.I))
    assert answer["choices"][0]["finish_reason"] == snapshot("stop")
"""
    write(pytester, source)
    update(pytester, "-p", "inline_snapshot").assert_outcomes(passed=1)
    found = snapshots(pytester)
    assert found["test_a"]["structured"]["id"] == {"match": {"python": "IsInt(gt=3)"}, "was": 5}
    assert found["test_a"]["finish_reason"] == "stop"
    assert found["test_a 2"]["text"]["match"] == {"regex": "(?i)sunny"}
    run(pytester).assert_outcomes(passed=1)
    write(pytester, source.replace('"id": 5', '"id": 2'))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*structured.id: 2 is not IsInt(gt=3)"])
    update(pytester).assert_outcomes(failed=1)
    write(pytester, source.replace("structured={", "text=IsStr(), structured={").replace('"id": IsInt(gt=3), ', ""))
    run(pytester).assert_outcomes(failed=1)


def test_ignored_paths_are_left_out_and_included_fields_added(pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
def test_a(llm_snapshot):
    answer = reply("hi", ("book", '{"date": "today", "city": "Paris"}'))
    assert answer == llm_snapshot(ignore=["tool_calls.*.arguments.date"], include=["usage", "id", "model", "created"])
    assert [answer, answer] == llm_snapshot(tools=llm_snapshot.tools(order="superset", arguments="subset"))
""",
    )
    update(pytester).assert_outcomes(passed=1)
    found = snapshots(pytester)["test_a"]
    assert found["tool_calls"] == [{"name": "book", "arguments": {"city": "Paris"}, "id": "call_0"}]
    assert (found["usage"]["output_tokens"], found["id"], found["model"], found["created"]) == (
        4, "chatcmpl-1", "gpt-5", 1,
    )  # fmt: skip
    run_of_agent = snapshots(pytester)["test_a 2"]
    assert len(run_of_agent["tool_calls"]["match"]["tools"]) == 2
    assert run_of_agent["replies"] == [{"text": "hi", "finish_reason": "stop"}] * 2


WRONG = [
    ("'x' != llm_snapshot", "a snapshot can't be compared by `!=`"),
    ("iter([1]) == llm_snapshot", "a stream that nobody has read yet"),
    ("open(__file__) == llm_snapshot", "the value is a stream"),
    ("{'a': [b'x']} == llm_snapshot", "the value[[]'a'][[]0] is of type builtins.bytes"),
    ("{1: 2} == llm_snapshot", "has the key 1, expected a text"),
    ("[1] == llm_snapshot(text='x')", "llm_snapshot(text=...) needs one reply, got a list"),
    ("'x' == llm_snapshot(include=['cost'])", "include has 'cost'; what can be included: usage, id"),
    ("'x' == llm_snapshot(ignore='text')", "ignore is 'text', expected a list of texts"),
    ("'x' == llm_snapshot('')", "the name is ''"),
    ("'x' == llm_snapshot(text=llm_snapshot.regex('('))", "is no regular expression"),
    ("'x' == llm_snapshot(text=llm_snapshot.any_of())", "any_of() without a choice accepts nothing"),
    ("'x' == llm_snapshot(tools=llm_snapshot.tools(order='any'))", "order is 'any', expected one of strict"),
    ("'x' == llm_snapshot.judge('', client=len)", "the rubric is empty"),
    ("'x' == llm_snapshot.judge('good', client=5)", "a client of type int is not known here"),
    ("'x' == llm_snapshot.judge('good', client=lambda question: 'fine')", "expected PASS or FAIL on the first"),
]


def test_what_cannot_be_compared_is_one_clear_error(pytester: pytest.Pytester) -> None:
    tests = [f"def test_{at}(llm_snapshot):\n    assert {expression}\n" for at, (expression, _) in enumerate(WRONG)]
    write(pytester, "\n".join(tests))
    result = update(pytester)
    result.assert_outcomes(failed=len(WRONG))
    for _, said in WRONG:
        result.stdout.fnmatch_lines([f"*SnapshotError: *{said}*"])
    result.stdout.no_fnmatch_line("*_reduce.py:*")  # no way through this library


def test_a_secret_in_an_answer_reaches_no_file(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "q7Xz91LmPw4Rt8Vb2Nc6Ks5309")
    write(
        pytester,
        "import os\ndef test_a(llm_snapshot):\n    assert reply('It is ' + os.environ['SOME_API_KEY']) == llm_snapshot\n",
    )
    result = run(pytester)
    result.stdout.fnmatch_lines(["*text: It is REDACTED"])
    update(pytester).assert_outcomes(passed=1)
    assert snapshots(pytester)["test_a"]["text"] == "It is REDACTED"
    written = [path for path in pytester.path.rglob("*") if path.suffix in (".yaml", ".json") and path.is_file()]
    assert written
    assert not any("5309" in path.read_text(encoding="utf-8") for path in written)
    run(pytester).assert_outcomes(passed=1)


# --- judge ------------------------------------------------------------------------------------------------------------


def test_a_judge_that_is_a_local_function_passes_and_fails_replies(pytester: pytest.Pytester) -> None:
    write(
        pytester,
        """
def polite(question):
    assert "<rubric>\\nis polite\\n</rubric>" in question
    return "PASS\\nIt says please." if "please" in question.split("<reply>")[1] else "FAIL\\nIt is rude."

def test_whole(llm_snapshot):
    assert reply("Sit, please.") == llm_snapshot.judge("is polite", client=polite)

def test_field(llm_snapshot):
    assert reply("Sit, please.") == llm_snapshot(text=llm_snapshot.judge("is polite", client=polite))

def test_rude(llm_snapshot):
    assert reply("Sit!") == llm_snapshot.judge("is polite", client=polite)
""",
    )
    update(pytester).assert_outcomes(passed=2, failed=1)
    assert snapshots(pytester)["test_field"]["text"] == {
        "match": {"judge": "is polite", "model": None, "prompt_version": 1}, "was": "Sit, please.",
    }  # fmt: skip
    result = run(pytester)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*the judge says no to 'is polite': It is rude."])


@pytest.mark.parametrize("answer", ["", "PASS", "pass\nfine", "PASS because\nfine", "Verdict: PASS\nfine", None, 5])
def test_a_verdict_in_another_form_is_refused(answer: Any) -> None:
    with pytest.raises(SnapshotError, match="expected PASS or FAIL on the first line"):
        read_verdict(answer)


def test_a_judge_is_asked_once_about_a_reply() -> None:
    asked: list[str] = []

    def client(question: str) -> str:
        asked.append(question)
        return " FAIL \n  for  a reason \n"

    verdict = judge("is long", client=client)
    for _ in range(2):
        with pytest.raises(AssertionError):
            assert reduce("short") == verdict
    assert verdict.verdict("short").reason == "for a reason"
    assert len(asked) == 1


def test_an_async_client_cannot_judge() -> None:
    async def client(question: str) -> str:
        return "PASS\nfine"

    with pytest.raises(SnapshotError, match="async client"):
        assert judge("is long", client=client) == "x"


# --- matchers in the file ---------------------------------------------------------------------------------------------


def matcher(spec: Any) -> Matcher:
    def read(tree: Any) -> Any:
        return decoded(tree, "", lambda inner, place: read_matcher(inner, read, SnapshotError), SnapshotError)

    return read_matcher(spec, read, SnapshotError)


@pytest.mark.parametrize(
    ("spec", "accepted", "refused"),
    [
        ({"regex": "^a+$"}, ["a", "aaa"], ["b", "", 5, None]),
        ({"contains": ["a", "b"]}, ["cab", "a b"], ["a", "", 5, {"a": "b"}]),
        ({"contains": [1, "x"]}, [[1, "x", 2]], [[True, "x"], [1], []]),
        ({"subset": {"a": {"b": 1}}}, [{"a": {"b": 1, "c": 2}, "d": 3}], [{"a": {"b": 2}}, {"a": {}}, {}, 5]),
        ({"subset": {"a": [{"b": 1}]}}, [{"a": [{"b": 1, "c": 1}]}], [{"a": []}, {"a": [{"b": 1}, {"b": 1}]}]),
        ({"subset": {"a": {"match": {"regex": "x"}}}}, [{"a": "xy", "b": 1}], [{"a": "y"}]),
        ({"any_of": ["a", {"match": {"regex": "^b"}}, [1]]}, ["a", "bc", [1]], ["c", [2], 1]),
        ({"number": 3.0, "within": 0.1}, [3, 3.1, 2.9, 3.05], [3.2, 2.8, "3.0", True, None]),
        ({"number": 10, "within": 0}, [10, 10.0], [10.01]),
    ],
)
def test_a_matcher_accepts_and_refuses(spec: Any, accepted: list[Any], refused: list[Any]) -> None:
    found = matcher(spec)
    assert encoded(Match(found)) == {"match": spec}
    assert [value for value in accepted if found.problems(value)] == []
    assert [value for value in refused if not found.problems(value)] == []


def test_a_schema_is_checked_and_fetches_nothing() -> None:
    pytest.importorskip("jsonschema", reason="needs jsonschema")
    found = schema({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    assert found.problems({"n": 1}) == ()
    assert found.problems({"n": "1"}) == ("$.n: '1' is not of type 'integer'",)
    assert found.problems({}) == ("$: 'n' is a required property",)
    with pytest.raises(SnapshotError, match="no JSON schema"):
        schema({"type": 5})
    with pytest.raises(Exception, match=r"Unresolvable|no-such"):
        schema({"$ref": "http://127.0.0.1:9/no-such.json"}).problems({})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no snapshot file"),
        ("version: 2\nsnapshots: {}\n", "expected 'version: 1'"),
        ("version: true\nsnapshots: {}\n", "expected 'version: 1'"),
        ("version: 1\nsnapshots: [a]\n", "expected 'snapshots:' with a mapping"),
        ("version: 1\nsnapshots:\n  a: 1\n  a: 2\n", "line 4: the key 'a' stands twice"),
        ("version: 1\nsnapshots: {a: !!python/name:os.system x}\n", "line 2"),
        ("version: 1\nsnapshots: {", ", line "),
        ("version: 1\nsnapshots:\n  a: {match: 5}\n", "snapshot 'a': a matcher is a mapping with one of regex"),
        ("version: 1\nsnapshots:\n  a: {match: {regexp: x}}\n", "a matcher is a mapping with one of regex"),
        (
            "version: 1\nsnapshots:\n  a: {text: {match: {regex: '('}}}\n",
            "at text: regex: '(' is no regular expression",
        ),
        ("version: 1\nsnapshots:\n  a: {match: {regex: x, flags: i}}\n", "regex: there is no 'flags'; it takes regex"),
        ("version: 1\nsnapshots:\n  a: {match: {regex: x}, is: y}\n", "which makes it a matcher, and beside it 'is'"),
        ("version: 1\nsnapshots:\n  a: {match: {number: 1}}\n", "within is null, expected a number"),
        ("version: 1\nsnapshots:\n  a: {match: {any_of: x}}\n", "any_of: expected a list"),
        ("version: 1\nsnapshots:\n  a: {match: {contains: []}}\n", "contains: expected a list"),
        (
            "version: 1\nsnapshots:\n  a: {match: {similar: x, at_least: 2}}\n",
            "at_least is 2, expected a number above 0",
        ),
        ("version: 1\nsnapshots:\n  a: {match: {similar: x, at_least: 0.5, metric: bleu}}\n", "no metric 'bleu'"),
        ("version: 1\nsnapshots:\n  a: {match: {tools: [x]}}\n", "a call has a name and arguments"),
        ("version: 1\nsnapshots:\n  a: {match: {tools: [], order: any}}\n", "order is 'any', expected one of strict"),
    ],
)
def test_a_bad_file_is_one_error_that_names_it_and_is_never_replaced(
    pytester: pytest.Pytester, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "test_it.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SnapshotError) as caught:
        for name, entry in _file.load(path).items():
            _file.read(entry, path, name)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_damaged_file_fails_its_tests_and_an_update_leaves_it_alone(pytester: pytest.Pytester) -> None:
    write(pytester, ANSWER)
    folder = pytester.path / "__llm_snapshots__"
    folder.mkdir()
    (folder / "test_it.yaml").write_text("version: 1\nsnapshots: [\n", encoding="utf-8")
    result = update(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SnapshotError: *test_it.yaml, line *"])
    assert (folder / "test_it.yaml").read_text(encoding="utf-8") == "version: 1\nsnapshots: [\n"


# --- round trip -------------------------------------------------------------------------------------------------------

_NAMES = st.one_of(st.sampled_from(["match", "was", "literal", "text", "regex", "a", ""]), st.text(max_size=8))
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(_VALUES, _NAMES)
def test_whatever_a_reply_comes_down_to_reads_back_as_itself(value: Any, name: str) -> None:
    reduced = reduce(value)
    text = _file.text_of({name: encoded(reduced)})
    tree: Any = layout.load(text)
    expected = _file.read(tree["snapshots"][name], Path("x.yaml"), name)
    assert same(expected, reduced)
    assert not list(differences(expected, reduced))


def test_what_looks_like_a_matcher_is_written_as_a_literal() -> None:
    value = {"match": {"regex": "x"}, "deep": [{"literal": {"literal": 1}}]}
    assert encoded(value) == {
        "literal": {"match": {"regex": "x"}, "deep": [{"literal": {"literal": {"literal": {"literal": 1}}}}]}
    } or encoded(value)["literal"]["match"] == {"regex": "x"}
    assert same(_file.read(encoded(value), Path("x"), "a"), value)


# --- trajectories -----------------------------------------------------------------------------------------------------

A, B, C = ({"name": name, "arguments": {"n": at, "extra": True}} for at, name in enumerate("abc"))
A2 = {"name": "a", "arguments": {"n": 9, "extra": True}}


@pytest.mark.parametrize(
    ("order", "accepted", "refused"),
    [
        ("strict", [[A, B]], [[B, A], [A], [A, B, C], [A2, B], []]),
        ("unordered", [[A, B], [B, A]], [[A], [A, B, C], [A2, B], [A, A]]),
        ("subset", [[A, B], [B], []], [[A, B, C], [C], [A, A], [A2]]),
        ("superset", [[A, B], [B, C, A]], [[A], [], [A2, B], [C]]),
    ],
)
def test_a_trajectory_holds_in_its_order(order: str, accepted: list[Any], refused: list[Any]) -> None:
    found = tools(order=order, calls=[A, B])
    assert [calls for calls in accepted if found.problems(calls)] == []
    assert [calls for calls in refused if not found.problems(calls)] == []


def test_arguments_of_a_trajectory_are_exact_a_subset_or_by_schema() -> None:
    pytest.importorskip("jsonschema", reason="needs jsonschema")
    wanted = [{"name": "a", "arguments": {"n": 0}}]
    assert tools(calls=wanted).problems([A]) != ()
    assert tools(calls=wanted, arguments="subset").problems([A]) == ()
    assert tools(calls=wanted, arguments="subset").problems([A2]) == ("[0] a(n=9, extra=true): n: 0 -> 9",)
    by_schema = [{"name": "a", "arguments": {"properties": {"n": {"maximum": 5}}}}]
    assert tools(calls=by_schema, arguments="schema").problems([A]) == ()
    assert tools(calls=by_schema, arguments="schema").problems([A2]) != ()
    loose = tools(order="unordered", arguments="subset", calls=[{"name": "a", "arguments": {"n": number(5, within=4)}}])
    assert loose.problems([A2]) == ()
    assert loose.problems([A]) != ()


def test_calls_are_paired_as_well_as_they_can_be() -> None:
    """The loose expectation comes first and fits both calls; the strict one fits only the first of them."""
    wanted = [{"name": "a", "arguments": {}}, {"name": "a", "arguments": {"n": 0}}]
    assert tools(order="unordered", arguments="subset", calls=wanted).problems([A, A2]) == ()
    assert pairing([[0, 1], [0]], 2) == {0: 1, 1: 0}


def test_a_trajectory_names_the_calls_that_are_missing_and_too_many() -> None:
    lines = tools(order="unordered", calls=[A, B]).problems([B, C])
    assert lines == ("not called: a(n=0, extra=true)", "not expected: c(n=2, extra=true)")


# --- reduction and wording --------------------------------------------------------------------------------------------


def test_only_what_an_answer_says_is_kept() -> None:
    message = {"role": "assistant", "content": "hi", "tool_calls": []}
    assert reduce(message) == {"text": "hi"}
    answer = {"object": "chat.completion", "id": "x", "choices": [{"message": message, "finish_reason": "stop"}]}
    assert reduce(answer) == {"text": "hi", "finish_reason": "stop"}
    assert reduce([answer, answer]) == [reduce(answer)] * 2
    assert reduce({"data": [{"embedding": [0.5], "index": 0}]}) == {"data": [{"embedding": [0.5], "index": 0}]}
    refused = {**message, "content": None, "refusal": "I can't."}
    assert reduce(refused) == {"refusal": "I can't."}
    structured = {**message, "content": ' {"n": 1}'}
    assert reduce(structured) == {"structured": {"n": 1}}
    assert reduce({**message, "content": "[1]"}) == {"text": "[1]"}
    assert reduce({"error": "mine", "role": "user"}) == {"error": "mine", "role": "user"}


def test_a_stream_of_chunks_that_look_like_whole_answers_is_one_answer() -> None:
    def chunk(text: str, **more: Any) -> Any:
        return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}]}

    chunks = [chunk("Sunny"), chunk(" today.", finishReason="STOP")]
    whole = {"text": "Sunny today.", "finish_reason": "STOP"}
    assert reduce(chunks) == whole
    assert reduce(stream(chunks)) == whole
    assert reduce([chunk("Sunny today.", finishReason="STOP")]) == [whole]
    assert reduce(stream([chunk("Sunny today.", finishReason="STOP")])) == whole
    with pytest.raises(SnapshotError, match="not the chunks of any stream"):
        reduce(stream([{"a": 1}]))


def test_half_a_surrogate_pair_is_spelled_out() -> None:
    assert reduce("cut \ud83d") == "cut \\ud83d"


def test_differences_are_worded_for_a_reader() -> None:
    assert changed_words("one two three", "one 2 three four") == "one [-two-]{+2+} three{+ four+}"
    assert changed("stop", "length") == ("'stop' -> 'length'",)
    assert changed(5, None) == ("5 -> null",)
    assert reordered([A, B], [B, A]) == (
        "the order changed:", "- a(n=0, extra=true), b(n=1, extra=true)", "+ b(n=1, extra=true), a(n=0, extra=true)",
    )  # fmt: skip
    many = "\n".join(f"line {at}" for at in range(9))
    assert changed(many, many.replace("line 4", "other")) == (
        "  line 2", "  line 3", "- line 4", "+ other", "  line 5", "  line 6",
    )  # fmt: skip
    found = list(differences({"a": 1, "b": [1]}, {"b": [1, 2], "c": 3}))
    assert [line for each in found for line in each.text()] == ["a: gone: 1", "b:", "    1", "  + 2", "c: new: 3"]
    assert list(differences(MISSING, MISSING)) == []


def test_not_a_number_equals_itself_and_true_is_not_one() -> None:
    assert same(float("nan"), float("nan"))
    assert not same(True, 1)
    assert not same([0], [False])
    assert same({"a": 1.0}, {"a": 1})


# --- review -----------------------------------------------------------------------------------------------------------


def _changed(pytester: pytest.Pytester) -> None:
    """One changed, one new and one unused snapshot wait."""
    write(pytester, THREE)
    update(pytester)
    write(pytester, THREE.replace('"a" ==', '"changed" ==').replace("test_c", "test_d").replace('"c"', '"d"'))
    run(pytester).assert_outcomes(failed=2, passed=1)


def test_review_lists_accepts_and_rejects_by_name(pytester: pytest.Pytester) -> None:
    _changed(pytester)
    listed = review(pytester, "--json")
    assert listed.returncode == 1
    found = json.loads(listed.stdout)
    assert [(each["name"], each["change"], each["problem"]) for each in found["changes"]] == [
        ("test_it.py::test_a", "changed", None),
        ("test_it.py::test_c", "unused", None),
        ("test_it.py::test_d", "new", None),
    ]
    shown = review(pytester, "--list").stdout
    assert "test_it.py::test_a (changed)\n  value: 'a' -> 'changed'" in shown
    done = review(pytester, "--accept", "test_it.py::test_a", "--reject", "test_it.py::test_d")
    assert (done.returncode, done.stdout) == (1, "1 accepted, 1 rejected, 0 skipped\n")
    assert snapshots(pytester) == {"test_a": "changed", "test_b": "b", "test_b 2": "b 2", "test_c": "c"}
    assert review(pytester, "--accept", "test_it.py::test_x").returncode == 2
    assert review(pytester, "--accept-all").returncode == 0
    assert list(snapshots(pytester)) == ["test_a", "test_b", "test_b 2"]
    assert review(pytester, "--list").stdout == "Nothing waits for a decision.\n"
    run(pytester).assert_outcomes(failed=1, passed=2)


def test_review_walks_through_and_asks(pytester: pytest.Pytester) -> None:
    _changed(pytester)
    done = review(pytester, said="a\nwhat\nr\n")
    assert done.returncode == 1
    assert done.stdout.endswith("1 accepted, 1 rejected, 1 skipped\n")
    assert snapshots(pytester) == {"test_a": "changed", "test_b": "b", "test_b 2": "b 2", "test_c": "c"}
    assert [each["name"] for each in json.loads(review(pytester, "--json").stdout)["changes"]] == ["test_it.py::test_d"]
    assert review(pytester, said="q\n").returncode == 1
    assert review(pytester, said="", CI="1").returncode == 2
    assert review(pytester, "--accept-all", "--list").returncode == 2


def test_review_refuses_what_changed_meanwhile(pytester: pytest.Pytester) -> None:
    _changed(pytester)
    edit(pytester, "test_a: a", "test_a: by hand")
    done = review(pytester, "--accept-all")
    assert done.returncode == 1
    assert "the file was changed since that run; run the test again" in done.stderr
    assert snapshots(pytester)["test_a"] == "by hand"
    assert review(pytester, "--reject-all").returncode == 0


def test_pending_changes_of_tests_that_did_not_run_again_are_kept(pytester: pytest.Pytester) -> None:
    _changed(pytester)
    write(pytester, THREE)
    run(pytester, "-k", "test_a").assert_outcomes(passed=1, deselected=2)
    names = [each["name"] for each in json.loads(review(pytester, "--json").stdout)["changes"]]
    assert names == ["test_it.py::test_c", "test_it.py::test_d"]


def _cassette(answers: dict[str, str], unfinished: bool) -> str:
    head = "version: 2\n" + ("unfinished: true\n" if unfinished else "") + "interactions:\n"
    items = [
        f"- request:\n    method: POST\n    url: https://api.example.com/v1/echo\n    body:\n      prompt: {prompt}\n"
        f"  response:\n    status: 200\n    headers:\n      content-type: application/json\n    body: {{said: {answer}}}\n"
        "  duration: 0.1\n"
        for prompt, answer in answers.items()
    ]
    return head + "".join(items)


def _is_cassette(path: Path) -> dict[str, str]:
    from promptecho import Cassette

    return {each.body["prompt"]: json.loads(each.response.body)["said"] for each in Cassette.load(path).interactions}


@pytest.mark.parametrize("long", [False, True])
def test_review_shows_and_takes_over_a_re_recording_that_stopped_half_way(
    pytester: pytest.Pytester, long: bool
) -> None:
    from promptecho._cassette import store

    folder = pytester.mkdir("cassettes")
    cassette = folder / (f"{'x' * 240}.yaml" if long else "answer.yaml")
    side = store.side_path(cassette)
    cassette.write_text(_cassette({"one": "old", "two": "old", "three": "old"}, False), encoding="utf-8")
    side.write_text(_cassette({"one": "old", "two": "new"}, True), encoding="utf-8")
    shown = review(pytester, "--list")
    assert shown.returncode == 1
    assert "stopped half-way, with 2 calls" in shown.stdout
    walked = review(pytester, said="s\n").stdout
    assert re.search(r"-old-|old -> new", walked)
    assert review(pytester, "--accept-all").returncode == 0
    assert not side.exists()
    assert _is_cassette(cassette) == {"one": "old", "two": "new", "three": "old"}
    assert "unfinished" not in cassette.read_text(encoding="utf-8")


def test_review_deletes_a_rejected_re_recording_and_cannot_accept_a_damaged_one(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("cassettes")
    (folder / "answer.yaml").write_text(_cassette({"one": "old"}, False), encoding="utf-8")
    side = folder / "answer.rerecording.yaml"
    side.write_text("version: 2\ninteractions: {", encoding="utf-8")
    done = review(pytester, "--accept-all")
    assert done.returncode == 1
    assert "can't be accepted" in done.stderr
    assert side.exists()
    assert review(pytester, "--reject", "cassettes/answer.rerecording.yaml").returncode == 0
    assert not side.exists()
    assert _is_cassette(folder / "answer.yaml") == {"one": "old"}


def test_matchers_can_be_made_without_the_fixture() -> None:
    made: list[Callable[..., Any]] = [regex, contains, subset, any_of]
    assert [each.__name__ for each in made] == ["regex", "contains", "subset", "any_of"]
    assert encoded(given_by_a_test({"a": [regex("x"), 5]})) == {"a": [{"match": {"regex": "x"}}, 5]}
    assert issubclass(SnapshotError, ValueError)
    assert not issubclass(CassetteMiss, Exception)
