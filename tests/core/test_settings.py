"""Wrong values are one error that lists the right ones, wherever they stand."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho import use_cassette
from promptecho._settings import settings
from promptecho.errors import BackendError, SettingsError


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"mode": "onse"}, r"mode='onse' is not one of 'once', 'none', 'new_episodes', 'all' \(did you mean 'once'"),
        ({"mode": 5}, "mode=5"),
        ({"match_on": "model"}, "match_on takes a list"),
        ({"match_on": 5}, "match_on takes a list"),
        ({"match_on": [5]}, "5 is not one"),
        ({"match_on": []}, "match_on is empty"),
        ({"on_record_error": "explode"}, "'warn', 'raise', 'record'"),
        ({"repeats": "twice"}, "'sequence', 'reuse', 'strict'"),
        ({"backends": ["htpx"]}, r"no backend 'htpx' \(did you mean 'httpx'"),
        ({"backends": "httpx"}, "backends takes a list"),
        ({"ignore_hosts": "a.b"}, "ignore_hosts takes a list"),
        ({"volatile": ["("]}, "isn't a valid regular expression"),
        ({"volatile": [5]}, "5, which is neither a name nor a regular expression"),
        ({"volatile": ["dates"]}, r"no name 'dates' \(did you mean 'date'\?\).*re.compile\('dates'\)"),
        ({"on_secret": "shout"}, "'warn', 'fail', 'ignore'"),
        ({"before_record": 7}, "before_record takes a function"),
        ({"replay_speed": 0}, "above 0"),
        ({"timing": "maybe"}, "neither true nor false"),
        ({"redact": 7}, "redact takes"),
        ({"redact": "("}, "redact has .* isn't a valid regular expression"),
    ],
)
def test_a_wrong_argument_lists_the_right_ones(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        use_cassette(tmp_path / "c.yaml", **arguments)
    assert isinstance(caught.value, ValueError)


def test_a_wrong_path_is_an_error() -> None:
    for path in (5, ""):
        with pytest.raises(SettingsError, match="path"):
            use_cassette(path)  # type: ignore[call-overload]  # that is the point


def test_wrong_variables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTECHO_MODE", "onse")
    with pytest.raises(SettingsError, match="PROMPTECHO_MODE: mode='onse'"), use_cassette(tmp_path / "c.yaml"):
        pass
    monkeypatch.setenv("PROMPTECHO_MODE", "")
    monkeypatch.setenv("PROMPTECHO_BACKENDS", "httpx, nothere")
    with pytest.raises(SettingsError, match="PROMPTECHO_BACKENDS: there is no backend 'nothere'"):
        use_cassette(tmp_path / "c.yaml").__enter__()


def test_a_mode_may_be_in_capitals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTECHO_MODE", "ALL")
    assert settings.resolve({}, project={}).mode is promptecho.Mode.ALL
    monkeypatch.delenv("PROMPTECHO_MODE")
    assert settings.resolve({"mode": "New_Episodes"}, project={}).mode is promptecho.Mode.NEW_EPISODES


def test_a_variable_of_an_unknown_name_is_told_once() -> None:
    environ = {"PROMPTECHO_MODES": "none", "PROMPTECHO": "1", "MODE": "all"}
    with pytest.warns(promptecho.PromptechoWarning, match=r"PROMPTECHO_MODES .*did you mean 'PROMPTECHO_MODE'"):
        settings.resolve({}, environ=environ, project={})
    settings.resolve({}, environ=environ, project={})


def test_a_named_backend_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptecho._backends.adapters.is_importable", lambda name: False)
    monkeypatch.delitem(__import__("sys").modules, "httpx2", raising=False)
    with pytest.raises(BackendError, match="pip install httpx2"):
        use_cassette(tmp_path / "c.yaml", backends=["httpx2"]).__enter__()


def test_configure_sets_defaults_below_arguments_and_takes_them_back() -> None:
    promptecho.configure(repeats="strict", match_on=["model"])
    try:
        found = settings.resolve({"match_on": ["messages"]}, environ={}, project={})
        assert (found.repeats, found.match.fields) == ("strict", ("messages",))
    finally:
        promptecho.configure(repeats=None, match_on=None)
    assert settings.resolve({}, environ={}, project={}).repeats == "sequence"
    with pytest.raises(SettingsError, match=r"no setting 'repeat' \(did you mean 'repeats'"):
        promptecho.configure(repeat="strict")


def test_the_project_file_stands_below_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\nmode = "none"\nrepeats = "reuse"\n', encoding="utf-8")
    (tmp_path / "below").mkdir()
    project = settings.from_project(tmp_path / "below")
    found = settings.resolve({"repeats": "strict"}, environ={}, project=project)
    assert (str(found.mode), found.repeats) == ("none", "strict")
    assert str(settings.resolve({"mode": "once"}, environ={"PROMPTECHO_MODE": "all"}, project=project).mode) == "all"


def test_a_wrong_project_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\nmod = "none"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"pyproject\.toml \[tool\.promptecho\]: there is no setting 'mod'"):
        settings.from_project(tmp_path)


def test_configure_and_use_cassette_take_every_setting_by_name() -> None:
    arguments = set(inspect.signature(use_cassette).parameters) - {"path", "nest"}
    assert arguments == set(settings.NAMES) == set(settings.Given.__annotations__)
