"""``[tool.promptecho.lint]``: rules and paths for a whole project."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptecho._lint import lint
from promptecho._settings import settings
from promptecho.errors import SettingsError
from tests.core.test_lint import CALL, run, write


def configured(folder: Path, table: str) -> Path:
    write(folder / "pyproject.toml", f"[tool.pytest.ini_options]\n\n[tool.promptecho.lint]\n{table}\n")
    return folder


def found_in(folder: Path, *names: str, **rules: frozenset[str]) -> set[tuple[str, str]]:
    paths = [folder / name for name in names] or [folder]
    return {(each.path.relative_to(folder.resolve()).as_posix(), each.rule) for each in lint(paths, **rules)}


@pytest.mark.parametrize("pattern", ["tests/live", "live", "tests/live/*", "tests/*/test_a.py", "tests/live/"])
def test_what_is_excluded_has_no_findings(tmp_path: Path, pattern: str) -> None:
    configured(tmp_path, f"exclude = [{pattern!r}]")
    write(tmp_path / "tests" / "live" / "test_a.py", CALL)
    write(tmp_path / "tests" / "test_b.py", CALL)
    assert found_in(tmp_path) == {("tests/test_b.py", "unrecorded-call")}


def test_a_file_that_is_named_itself_is_looked_at(tmp_path: Path) -> None:
    configured(tmp_path, "exclude = ['live']")
    write(tmp_path / "live" / "test_a.py", CALL)
    assert found_in(tmp_path, "live") == set()
    assert found_in(tmp_path, "live/test_a.py") == {("live/test_a.py", "unrecorded-call")}


def test_a_call_that_only_excluded_tests_reach_is_not_found(tmp_path: Path) -> None:
    configured(tmp_path, "exclude = ['test_live.py']")
    write(tmp_path / "shared.py", "from openai import OpenAI\n\n\ndef ask():\n    OpenAI().models.list()\n")
    ask = "from shared import ask\n\n\ndef test_it():\n    ask()\n"
    write(tmp_path / "test_live.py", ask)
    assert found_in(tmp_path) == set()
    write(tmp_path / "test_other.py", ask)
    assert found_in(tmp_path) == {("test_other.py", "unrecorded-call")}


def test_the_cassettes_of_excluded_tests_are_used(tmp_path: Path) -> None:
    configured(tmp_path, "exclude = ['test_live.py']")
    write(tmp_path / "test_live.py", "def test_a(promptecho_cassette):\n    pass\n")
    write(tmp_path / "cassettes" / "test_a.yaml", 'version: 2\nrecorded_with:\n  promptecho: "1"\ninteractions: []\n')
    assert found_in(tmp_path) == set()


def test_the_command_line_goes_before_the_rules_of_the_project(tmp_path: Path) -> None:
    write(tmp_path / "test_a.py", CALL)
    configured(tmp_path, "ignore = ['unrecorded-call']")
    assert found_in(tmp_path) == set()
    assert found_in(tmp_path, select=frozenset({"unrecorded-call"})) == {("test_a.py", "unrecorded-call")}
    assert found_in(tmp_path, ignore=frozenset({"secret"})) == {("test_a.py", "unrecorded-call")}
    configured(tmp_path, "select = ['secret']")
    assert found_in(tmp_path) == set()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("excludes = ['a']", "there is no setting 'excludes'; there are exclude, ignore, select"),
        ("exclude = 'a'", "exclude takes a list of patterns of paths, not 'a'"),
        ("ignore = [3]", "ignore takes a list of rules, not [3]"),
        ("select = ['unrecorded-cal']", "select: there is no rule 'unrecorded-cal' (did you mean 'unrecorded-call'?)"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, table: str, said: str) -> None:
    configured(tmp_path, table)
    with pytest.raises(SettingsError) as problem:
        lint([tmp_path])
    assert str(problem.value).startswith(f"{tmp_path.resolve() / 'pyproject.toml'} [tool.promptecho.lint]")
    assert said in str(problem.value)


def test_what_lint_is_told_leaves_the_settings_of_cassettes_alone(tmp_path: Path) -> None:
    configured(tmp_path, "exclude = ['live']")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("\n[tool.promptecho]\nmode = 'none'\n")
    assert settings.from_project(tmp_path) == {"mode": "none"}


def test_the_command_says_a_wrong_setting_in_one_line(tmp_path: Path) -> None:
    done = run(configured(tmp_path, "rules = ['secret']"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "[tool.promptecho.lint]: there is no setting 'rules'" in done.stderr
