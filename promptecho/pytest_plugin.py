"""The pytest plugin: the fixture, the marker, the options.

Rule: it imports little of promptecho until a test asks for a cassette, so that a suite that doesn't is not slower.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptecho._defaults import is_ci

if TYPE_CHECKING:
    from promptecho._cassette.cassette import Cassette
    from promptecho._pytest.order import Order
    from promptecho._pytest.report import Reporting
    from promptecho._session.activation import Activation

FIXTURE = "promptecho_cassette"
MARKER = "promptecho"
_FIXTURES = frozenset(
    (FIXTURE, *(f"promptecho_{scope}_cassette" for scope in ("class", "module", "package", "session")))
)
_reporting: pytest.StashKey[Reporting] = pytest.StashKey()
_order: pytest.StashKey[Order] = pytest.StashKey()
_found: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()
_markers: pytest.StashKey[int] = pytest.StashKey()  # how many a test had when its cassette was opened


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
    parser.addini(
        "promptecho_cassette_names",
        "what is in the name of a test's cassette: 'test' (its name), or 'module' (that of its module before it)",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "promptecho(path=None, mode=..., match_on=..., ...): run the test in a cassette; takes what use_cassette takes",
    )
    from promptecho._pytest.report import Reporting
    from promptecho._pytest.strict import Uncovered
    from promptecho._session import begun
    from promptecho._settings import paths

    settings, strict = {}, False
    if _is_configured(config):
        from promptecho.errors import PromptechoError

        try:
            settings = _of_the_run(config)
            _let_hold_everywhere(config)
            strict = _is_strict(config)
            _name_cassettes(config)
        except PromptechoError as problem:
            raise pytest.UsageError(str(problem)) from None
    paths_before = paths.set_run((config.invocation_params.dir, config.rootpath))
    begun_before = begun.start_run()
    config.add_cleanup(lambda: paths.set_run(paths_before) and None)
    config.add_cleanup(lambda: begun.resume_run(begun_before))
    uncovered = Uncovered(config, settings, strict=strict, wants_cassette=wants_cassette)
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
    if any(config.getini(f"promptecho_{name}") for name in ("mode", "backends", "cassette_names", "strict")):
        return True
    try:
        return "[tool.promptecho" in (config.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _is_strict(config: pytest.Config) -> bool:
    from promptecho._settings import settings as _settings

    named = config.getoption("promptecho_strict") or config.getini("promptecho_strict")
    return bool(named) or _settings.run_flag(config.rootpath, "strict")


def _of_the_run(config: pytest.Config) -> dict[str, Any]:
    """What holds for a cassette of which its test says nothing."""
    from promptecho._settings import settings as _settings

    return {**_of_the_project(config), **_settings.configured(), **_given(config)}


def _of_the_project(config: pytest.Config) -> dict[str, Any]:
    """[tool.promptecho], and the mode that fixture and marker have where nobody says another."""
    from promptecho._settings import settings as _settings

    usual = _settings.Mode.NONE if is_ci() else _settings.Mode.ONCE
    return {"mode": usual, **_settings.from_project(config.rootpath)}


def _given(config: pytest.Config) -> dict[str, Any]:
    """What the ini file and, above it, the command line say."""
    from promptecho._settings import settings as _settings

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
    from promptecho._settings import settings as _settings

    given = _given(config)
    before = {name: _settings._configured.get(name) for name in given}
    _settings.configure(**given)
    config.add_cleanup(lambda: _settings.configure(**before))


def _name_cassettes(config: pytest.Config) -> None:
    """Take up how cassettes are named in this suite, until the run is over."""
    from promptecho._settings import cassette_names
    from promptecho._settings import settings as _settings

    place, style = "pytest ini file", config.getini("promptecho_cassette_names")
    if not style:
        file, table = _settings.project_table(config.rootpath)
        place, style = f"{file} [tool.promptecho]", table.get("cassette_names", table.get("cassette-names", "test"))
    before = cassette_names.style
    cassette_names.style = _settings._one_of(style, cassette_names.STYLES, "cassette_names", place)

    def name_as_before() -> None:
        cassette_names.style = before

    config.add_cleanup(name_as_before)


# --- which tests have a cassette --------------------------------------------------------------------------------------


def cassette_path(item: pytest.Item) -> Path:
    """Where the cassette of a test is: ``cassettes/<test name>.yaml`` beside its file; class names go in front."""
    from promptecho._pytest.order import test_name
    from promptecho._settings import cassette_names

    return cassette_names.first_existing(cassette_names.paths_for_test(test_name(item), item.path))


def _marker_arguments(node: Any) -> tuple[dict[str, Any], str]:
    """The arguments of all promptecho markers of a test, the nearest winning, and the place to name in errors."""
    from promptecho.errors import SettingsError

    arguments: dict[str, Any] = {}
    place = f"{node.nodeid}: @pytest.mark.promptecho"
    for marker in reversed(list(node.iter_markers(MARKER))):
        if len(marker.args) > 1:
            raise SettingsError(
                f"{place} takes one path without a name at most; pass the rest by name, such as mode='none'"
            )
        if marker.args:
            arguments["path"] = marker.args[0]
        arguments.update(marker.kwargs)
    return arguments, place


def _make_cassette(node: Any, scope: str, order: Order) -> Activation:
    from promptecho._session.activation import Activation
    from promptecho._session.decorating import Opener
    from promptecho.errors import SettingsError

    arguments, place = _marker_arguments(node)
    given_path = arguments.pop("path", None)
    nest = arguments.pop("nest", None)
    if scope != "function" or given_path is None:
        path = order.own_path(node, scope)
    else:
        try:
            path = node.path.parent / os.fspath(given_path)
        except TypeError:
            raise SettingsError(f"{place}: path={given_path!r} is no path") from None
    return Activation(
        path,
        arguments,
        place,
        nest=nest,
        project=_of_the_project(node.config),
        lower=_given(node.config),
        opener=Opener(f"{scope} fixture", _said(node, scope)),
        is_made_for_nesting=scope != "function",
    )


def _said(node: Any, scope: str) -> str:
    """What opens a cassette, for an error: the fixture where the test asks for it, else the marker."""
    if scope != "function":
        return f"the fixture promptecho_{scope}_cassette"
    asked = FIXTURE in getattr(getattr(node, "_fixtureinfo", None), "names_closure", ())
    return f"{'the fixture promptecho_cassette' if asked else '@pytest.mark.promptecho'} of {node.nodeid}"


def _order_of(config: pytest.Config) -> Order:
    """What keeps cassettes in order; made for the first test that has one."""
    if _order not in config.stash:
        from promptecho._pytest.order import Order

        config.stash[_order] = Order()
        config.pluginmanager.register(config.stash[_order], "promptecho-order")
    return config.stash[_order]


def wants_cassette(item: pytest.Item) -> bool:
    """Whether a test, or a fixture that it uses, has a cassette, as far as that is known when it is collected."""
    return not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) or MARKER in item.keywords


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[_found] = list(items)  # before any are left out


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look which tests have cassettes, once no hook adds a marker any more."""
    config = session.config
    items = dict.fromkeys([*config.stash.get(_found, ()), *session.items])
    config.stash[_found] = []
    concerned = [item for item in items if wants_cassette(item)]
    if concerned:
        _order_of(config).plan(concerned)
    if "promptecho._session.activation" in sys.modules:  # a test module decorates with use_cassette
        config.stash[_reporting].watch_tests()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker alone activates a cassette. This runs behind the hooks of conftest files, which may add one."""
    if _order in item.config.stash or MARKER in item.keywords:
        _order_of(item.config).prepare(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    if MARKER in item.keywords:
        if not hasattr(item, "fixturenames") and item.get_closest_marker(MARKER) is not None:
            with contextlib.contextmanager(_run_in_cassette)(item, "function"):  # of a plugin that has no fixtures
                return (yield)
        _refuse_late_markers(item)
    result = yield
    if MARKER in item.keywords:
        _refuse_late_markers(item)
    return result


def _refuse_late_markers(item: pytest.Item) -> None:
    """A marker that comes when fixtures are set up already would not hold for their calls."""
    seen = item.stash.get(_markers, None)
    if seen is None and FIXTURE in getattr(item, "funcargs", ()):
        return  # the project has a fixture of its own by that name
    if len(list(item.iter_markers(MARKER))) > (seen or 0):
        pytest.fail(
            f"{item.nodeid}: @pytest.mark.promptecho was added too late, when the test was set up already; add it in "
            "pytest_collection_modifyitems or pytest_runtest_setup of a conftest.py",
            pytrace=False,
        )


# --- the fixtures -----------------------------------------------------------------------------------------------------


def _run_in_cassette(node: Any, scope: str) -> Iterator[Cassette]:
    __tracebackhide__ = True
    from promptecho._pytest.report import ENDED, FAILED

    config, order = node.config, _order_of(node.config)
    config.stash[_reporting].watch_tests()
    for key in (ENDED, FAILED):
        if key in node.stash:  # of the same test, run before
            del node.stash[key]
    use = _make_cassette(node, scope, order)
    if scope == "function":
        node.stash[_markers] = len(list(node.iter_markers(MARKER)))
    cassette = use.__enter__()
    order.open[scope] = use
    try:
        yield cassette
    finally:
        del order.open[scope]
        # A failed or interrupted test leaves its recording marked unfinished, as an exception in a with block does.
        if scope == "function":
            error = node.stash.get(ENDED, KeyboardInterrupt())
        else:
            was_cut_off = order.item is None or ENDED not in order.item.stash
            was_cut_off = was_cut_off or bool(node.session.shouldstop or node.session.shouldfail)
            error = node.stash.get(FAILED, KeyboardInterrupt() if was_cut_off else None)
        use.leave(error)


@pytest.fixture
def promptecho_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """Gives the test a cassette, ``cassettes/<test name>.yaml``, recorded on the first run and replayed from then on.

    It is a :class:`~promptecho.Cassette`. The mode is ``once``, and ``none`` where ``CI`` is set. The file is named for
    the test, its classes in front and its parameters behind; tests that would share one fail. It opens before the other
    fixtures of the test.

    .. code-block:: python

        def test_answer(promptecho_cassette):
            assert "42" in ask("What is six times seven?")
            assert len(promptecho_cassette) == 1
    """
    __tracebackhide__ = True
    yield from _run_in_cassette(request.node, "function")


@pytest.fixture(scope="class")
def promptecho_class_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """A cassette for the fixtures of class scope (``setup_class`` and ``setUpClass`` too) and the tests of a class.

    ``cassettes/TestShop@class.yaml``. As with each cassette of wider scope: it opens before the other fixtures of its
    scope, for all tests of the class once one of them asks for it, and a test's own cassette opens inside it and takes
    the test's calls.
    """
    __tracebackhide__ = True
    yield from _run_in_cassette(request.node, "class")


@pytest.fixture(scope="module")
def promptecho_module_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """A cassette for the fixtures of module scope and the tests of a module (``cassettes/test_shop@module.yaml``).

    .. code-block:: python

        @pytest.fixture(scope="module")
        def index(promptecho_module_cassette):
            return build_index(embed(DOCUMENTS))
    """
    __tracebackhide__ = True
    yield from _run_in_cassette(request.node, "module")


@pytest.fixture(scope="package")
def promptecho_package_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """A cassette for the fixtures of package scope (``cassettes/@package.yaml`` in the folder of the package)."""
    __tracebackhide__ = True
    yield from _run_in_cassette(request.node, "package")


@pytest.fixture(scope="session")
def promptecho_session_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """A cassette for the fixtures of session scope (``cassettes/@session.yaml`` in pytest's root folder)."""
    __tracebackhide__ = True
    yield from _run_in_cassette(request.node, "session")
