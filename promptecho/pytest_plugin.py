"""The pytest plugin: the fixture, the marker, the options.

Rule: it imports little of promptecho until a test asks for a cassette, so that a suite that doesn't is not slower.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptecho._defaults import is_ci
from promptecho._masked_names import masked_name

if TYPE_CHECKING:
    from promptecho._activation import use_cassette
    from promptecho._cassette import Cassette
    from promptecho._pytest_report import Reporting

FIXTURE = "promptecho_cassette"
MARKER = "promptecho"
_FOLDER = "cassettes"
_MAX_NAME = 120
_reporting: pytest.StashKey[Reporting] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("promptecho", "record and replay of LLM API calls")
    group.addoption(
        "--promptecho-mode",
        metavar="MODE",
        help="mode of every cassette without an argument of its own: once, none, new_episodes or all",
    )
    group.addoption(
        "--promptecho-backends", metavar="NAMES", help="HTTP libraries to intercept, with commas between, or 'all'"
    )
    group.addoption(
        "--promptecho-fail-on-unused", action="store_true", help="recordings that no test asked for fail the run"
    )
    group.addoption(
        "--promptecho-block-network",
        action="store_true",
        help="a connection that goes around the cassettes raises, also in tests without one (loopback aside)",
    )
    group.addoption(
        "--promptecho-strict",
        action="store_true",
        help="a call to a provider in a test or fixture with no cassette open fails the test, before anything is sent",
    )
    group.addoption("--promptecho-max-live-calls", metavar="N", help="stop the run at one live call more")
    group.addoption("--promptecho-max-live-usd", metavar="USD", help="stop the run once live calls cost as much")
    parser.addini("promptecho_mode", "default mode of cassettes (once; none where CI is set)", default="")
    parser.addini("promptecho_strict", "as --promptecho-strict", type="bool", default=False)
    parser.addini("promptecho_backends", "HTTP libraries to intercept", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "promptecho(path=None, mode=..., match_on=..., ...): run the test in a cassette; takes what use_cassette takes",
    )
    from promptecho._pytest_report import Reporting
    from promptecho._pytest_strict import Uncovered

    settings, strict = {}, False
    if _is_configured(config):
        from promptecho.errors import PromptechoError

        try:
            settings = _of_the_run(config)
            _let_hold_everywhere(config)
            strict = _is_strict(config)
        except PromptechoError as problem:
            raise pytest.UsageError(str(problem)) from None
    uncovered = Uncovered(config, settings, strict=strict)
    reporting = Reporting(config, settings, uncovered)
    if "max_live_calls" in settings or "max_live_usd" in settings:
        reporting.share_budget()
    config.stash[_reporting] = reporting
    config.pluginmanager.register(reporting, "promptecho-report")
    config.pluginmanager.register(uncovered, "promptecho-uncovered")
    if settings:
        reporting.watch_tests()
        uncovered.watch()


def _is_configured(config: pytest.Config) -> bool:
    """Whether anybody set anything, so that it is worth to load what reads settings."""
    options = ("mode", "backends", "block_network", "strict", "max_live_calls", "max_live_usd")
    if any(config.getoption(f"promptecho_{name}") for name in options):
        return True
    if any(config.getini(f"promptecho_{name}") for name in ("mode", "backends", "strict")):
        return True
    try:
        return "[tool.promptecho" in (config.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _is_strict(config: pytest.Config) -> bool:
    from promptecho import _settings

    named = config.getoption("promptecho_strict") or config.getini("promptecho_strict")
    return bool(named) or _settings.run_flag(config.rootpath, "strict")


def _of_the_run(config: pytest.Config) -> dict[str, Any]:
    """What holds for a cassette of which its test says nothing."""
    from promptecho import _settings

    return {**_of_the_project(config), **_settings.configured(), **_given(config)}


def _of_the_project(config: pytest.Config) -> dict[str, Any]:
    """[tool.promptecho], and the mode that fixture and marker have where nobody says another."""
    from promptecho import _settings

    usual = _settings.Mode.NONE if is_ci() else _settings.Mode.ONCE
    return {"mode": usual, **_settings.from_project(config.rootpath)}


def _given(config: pytest.Config) -> dict[str, Any]:
    """What the ini file and, above it, the command line say."""
    from promptecho import _settings

    ini = {"mode": config.getini("promptecho_mode") or None, "backends": config.getini("promptecho_backends") or None}
    if ini["backends"] == ["all"]:
        ini["backends"] = "all"
    settings = dict(_settings.check(ini, "pytest ini file"))
    for name in ("mode", "backends", "block_network", "max_live_calls", "max_live_usd"):
        value = config.getoption(f"promptecho_{name}") or None
        if name == "backends" and value:
            value = _settings.split_names(value)
        settings.update(_settings.check({name: value}, f"--promptecho-{name.replace('_', '-')}"))
    return settings


def _let_hold_everywhere(config: pytest.Config) -> None:
    """Let ini file and options hold for cassettes opened by ``use_cassette`` too, until the run is over."""
    from promptecho import _settings

    given = _given(config)
    before = {name: _settings._configured.get(name) for name in given}
    _settings.configure(**given)
    config.add_cleanup(lambda: _settings.configure(**before))


# --- names ------------------------------------------------------------------------------------------------------------


def _file_safe(name: str) -> str:
    """A name that is one path component on every system; what had to be changed is told apart by a short hash."""
    safe = re.sub(r"[^\w.\-\[\]=,+@ ]", "_", name).strip(" .")
    if safe != name or len(safe.encode("utf-8")) > _MAX_NAME or name != name.lower():
        shown = safe.encode("utf-8")[:_MAX_NAME].decode("utf-8", "ignore")
        if safe != name or len(safe.encode("utf-8")) > _MAX_NAME or _CASED_PARAMETER.search(name):
            return f"{shown.strip(' .')}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return safe


# Parameter ids that differ in case only are one file on macOS and Windows; test names follow Python's conventions.
_CASED_PARAMETER = re.compile(r"\[.*[^\W\d_a-z].*\]", re.DOTALL)


def cassette_path(item: pytest.Item) -> Path:
    """Where the cassette of a test is: ``cassettes/<test name>.yaml`` beside its file; class names go in front."""
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    name = ".".join([*classes, item.name])
    path = item.path.parent / _FOLDER / f"{_file_safe(name)}.yaml"
    masked = masked_name(name)
    if masked == name or path.exists():  # a cassette of before keeps its name
        return path
    return path.with_name(f"{_file_safe(masked)}.yaml")


def _marker_arguments(item: pytest.Item) -> tuple[dict[str, Any], str]:
    """The arguments of all promptecho markers of a test, the nearest winning, and the place to name in errors."""
    from promptecho.errors import SettingsError

    arguments: dict[str, Any] = {}
    place = f"{item.nodeid}: @pytest.mark.promptecho"
    for marker in reversed(list(item.iter_markers(MARKER))):
        if len(marker.args) > 1:
            raise SettingsError(
                f"{place} takes one path without a name at most; pass the rest by name, such as mode='none'"
            )
        if marker.args:
            arguments["path"] = marker.args[0]
        arguments.update(marker.kwargs)
    return arguments, place


def _make_cassette(item: pytest.Item) -> use_cassette:
    from promptecho._activation import use_cassette
    from promptecho.errors import SettingsError

    arguments, place = _marker_arguments(item)
    given_path = arguments.pop("path", None)
    if given_path is None:
        path = cassette_path(item)
    else:
        try:
            path = item.path.parent / os.fspath(given_path)
        except TypeError:
            raise SettingsError(f"{place}: path={given_path!r} is no path") from None
    return use_cassette.from_plugin(
        path, arguments, place, project=_of_the_project(item.config), lower=_given(item.config)
    )


def _wants_cassette(item: pytest.Item) -> bool:
    return FIXTURE in getattr(item, "fixturenames", ()) or item.get_closest_marker(MARKER) is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker alone activates a cassette; two tests that would share a file unknowingly are an error."""
    owners: dict[str, tuple[str, Path]] = {}
    collisions: list[str] = []
    for item in items:
        if not _wants_cassette(item):
            continue
        fixtures = getattr(item, "fixturenames", None)
        if isinstance(fixtures, list) and FIXTURE not in fixtures:
            fixtures.insert(0, FIXTURE)
        if any(marker.args or "path" in marker.kwargs for marker in item.iter_markers(MARKER)):
            continue  # named by hand, so sharing is meant
        path = cassette_path(item)
        known = owners.setdefault(str(path).casefold(), (item.nodeid, path))
        if known[0] != item.nodeid:
            collisions.append(f"{known[0]} and {item.nodeid} would both use {path}")
    if "promptecho._activation" in sys.modules:  # a test module decorates with use_cassette
        config.stash[_reporting].watch_tests()
    if collisions:
        raise pytest.UsageError(
            "promptecho: " + "; ".join(collisions) + ". Rename one, or give each a file of its own with "
            "@pytest.mark.promptecho('cassettes/name.yaml')"
        )


# --- running ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def promptecho_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """Gives the test a cassette, ``cassettes/<test name>.yaml``, recorded on the first run and replayed from then on.

    It is a :class:`~promptecho.Cassette`. The mode is ``once``, and ``none`` where ``CI`` is set. The file is named for
    the test, its classes in front and its parameters behind; two tests that would share one are an error.

    .. code-block:: python

        def test_answer(promptecho_cassette):
            assert "42" in ask("What is six times seven?")
            assert len(promptecho_cassette) == 1
    """
    __tracebackhide__ = True
    from promptecho._pytest_report import ENDED

    request.config.stash[_reporting].watch_tests()
    stash = request.node.stash
    if ENDED in stash:  # of the same test, run before
        del stash[ENDED]
    use = _make_cassette(request.node)
    cassette = use.__enter__()
    try:
        yield cassette
    finally:
        # A failed or interrupted test leaves its recording marked unfinished, as an exception in a with block does.
        use.leave(stash.get(ENDED, KeyboardInterrupt()))
