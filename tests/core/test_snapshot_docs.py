"""The guide to snapshots says what happens: its test writes its file and fails as it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promptecho.snapshot import _similarity
from promptecho.snapshot._rules import _FIELDS
from tests.rewriting import newer

from .pages import Project, blocks
from .test_docs import needs_shell

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "snapshots.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """A block of the page in a language; the first, unless a number says which."""
    return [block.text for block in blocks(PAGE) if block.kind == language][number]


def test_the_example_writes_the_file_that_the_page_shows_and_fails_as_it_says(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends")]))

    def run(*arguments: str) -> pytest.RunResult:
        plugins = ("-p", "promptecho.pytest_plugin", "-p", "promptecho.snapshot._plugin")
        return pytester.runpytest_subprocess(*plugins, *arguments)

    pytester.makepyfile(test_weather=block("python"))
    run("--llm-snapshot-update").assert_outcomes(passed=2)
    file = pytester.path / "__llm_snapshots__" / "test_weather.yaml"
    assert file.read_text(encoding="utf-8") == block("yaml")
    newer(pytester.makepyfile(test_weather=block("python").replace("sunny in", "rainy in")))
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    for line in block("text").splitlines():
        result.stdout.fnmatch_lines([f"*{line.replace('[', '[[]')}"])


@needs_shell
def test_the_judge_of_the_page_is_asked_once(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the example calls it")
    with Project(tmp_path) as project:
        project.write("test_refund.py", block("python", 1))
        assert "2 recorded" in project.run("pytest -q")
        project.go_offline()
        assert "2 replayed, 0 recorded" in project.run("CI=true pytest -q")


def test_each_block_of_the_page_is_looked_at_here() -> None:
    assert [each.kind for each in blocks(PAGE)] == ["python", "yaml", "text", "python"]


def test_the_page_has_each_matcher_and_metric() -> None:
    table = PAGE[PAGE.index("| in the test |") : PAGE.index("In the test they are")]
    assert [kind for kind in _FIELDS if f"`{kind}: " not in table] == []
    assert [name for name in _similarity.METRICS if name.partition(".")[2] not in PAGE] == []
