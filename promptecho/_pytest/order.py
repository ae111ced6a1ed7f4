"""When the cassettes of a pytest run open: each before the other fixtures of its scope, whatever asked for it.

Rules: a fixture is set up inside the cassettes of its own scope and of wider ones, never inside a narrower one that
happens to be open (the test's that asked for it first). What one test of a class, module or package asks for holds for
all of its tests, so that their order changes nothing. It is loaded once a test has to do with cassettes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptecho._settings import cassette_names as _cassette_names

if TYPE_CHECKING:
    from promptecho._session.activation import Activation

SCOPES = ("session", "package", "module", "class", "function")
FIXTURES = {
    "session": "promptecho_session_cassette",
    "package": "promptecho_package_cassette",
    "module": "promptecho_module_cassette",
    "class": "promptecho_class_cassette",
    "function": "promptecho_cassette",
}
MARKER = "promptecho"


def names_a_path(item: pytest.Item) -> bool:
    """Whether a marker names the cassette of a test; then sharing it is meant."""
    return any(marker.args or marker.kwargs.get("path") for marker in item.iter_markers(MARKER))


def test_name(node: pytest.Item | pytest.Collector) -> str:
    """The name of a test or a class in its file: class names go in front."""
    classes = [each.name for each in node.listchain() if isinstance(each, pytest.Class) and each is not node]
    return ".".join([*classes, node.name])


test_name.__test__ = False  # type: ignore[attr-defined]  # it only begins like a test


def node_of(item: pytest.Item, scope: str) -> pytest.Item | pytest.Collector | None:
    """What a fixture of a scope belongs to, if the test is in one."""
    if scope == "function":
        return item
    if scope == "session":
        return item.session
    kinds: dict[str, type[pytest.Collector]] = {
        "package": pytest.Package, "module": pytest.Module, "class": pytest.Class
    }  # fmt: skip
    return item.getparent(kinds[scope])


def path_of(node: Any, scope: str) -> Path:
    """Where the cassette of a class, module, package or session is."""
    if scope == "class":
        return _cassette_names.path_for_class(test_name(node), node.path)
    if scope == "module":
        return _cassette_names.path_for_module(node.path)
    folder = node.config.rootpath if isinstance(node, pytest.Session) else node.path
    return _cassette_names.path_for_folder(folder, scope)


class Order:
    """The cassettes of one pytest process: who wants which, whose file is whose, which are open."""

    def __init__(self) -> None:
        self.open: dict[str, Activation] = {}  # by scope
        self.item: pytest.Item | None = None  # the running test
        self._holding: dict[str, set[object]] = {name: set() for name in FIXTURES.values()}
        self._claims: dict[str, dict[str, None]] = {}  # node ids by path
        self._wanted: list[str] = []  # by the running test, the widest scope first

    # --- which tests want which cassette, and whose file is whose ---

    def plan(self, items: Iterable[pytest.Item]) -> None:
        """Take note of tests before any runs, those left out included: which of them run changes nothing."""
        for item in items:
            names = getattr(item, "fixturenames", ())
            for scope, name in FIXTURES.items():
                if name not in names:
                    continue
                node = node_of(item, scope)
                if scope != "function" and node is not None and node not in self._holding[name]:
                    self._holding[name].add(node)
                    self._claim(path_of(node, scope), node.nodeid)
            if FIXTURES["function"] in names or item.get_closest_marker(MARKER) is not None:
                self._claim_test(item)

    def _claim_test(self, item: pytest.Item) -> None:
        if not names_a_path(item):
            for path in _cassette_names.paths_for_test(test_name(item), item.path):
                self._claim(path, item.nodeid)

    def _claim(self, path: Path, nodeid: str) -> None:
        self._claims.setdefault(str(path).casefold(), {})[nodeid] = None

    def _others(self, path: Path, nodeid: str) -> list[str]:
        return [each for each in self._claims.get(str(path).casefold(), ()) if each != nodeid]

    def own_path(self, node: Any, scope: str) -> Path:
        """The file that is named after a test, or after what holds tests; a failure if another has the same name."""
        paths: tuple[Path, ...] = (path_of(node, scope),)
        if scope == "function":
            paths = _cassette_names.paths_for_test(test_name(node), node.path)
            paths = (paths[0], *(old for old in paths[1:] if not self._others(old, node.nodeid)))
        others = self._others(paths[0], node.nodeid)
        if others:
            shown = f"{paths[0].parent.name}/{paths[0].name}"
            pytest.fail(
                f'shares {shown} with {others[0]}; rename one, or set cassette_names = "module"',
                pytrace=False,
            )
        return _cassette_names.first_existing(paths)

    # --- before a test is set up ---

    def prepare(self, item: pytest.Item) -> None:
        """Let a test have the fixtures that markers and other tests ask for."""
        self.item, self._wanted = item, []
        names = getattr(item, "fixturenames", None)
        if not isinstance(names, list):
            return
        for scope, name in FIXTURES.items():
            if name in names or node_of(item, scope) in self._holding[name]:
                self._wanted.append(name)
        function = FIXTURES["function"]
        if function not in self._wanted and item.get_closest_marker(MARKER) is not None:
            self._wanted.append(function)
            self._claim_test(item)
        missing = [name for name in self._wanted if name not in names]
        if missing:
            # A list of its own: the tests of one function share theirs.
            item.fixturenames = [*names, *missing]  # type: ignore[attr-defined]
        info = getattr(item, "_fixtureinfo", None)
        known = getattr(info, "name2fixturedefs", {})
        # One that the project overrides comes when it says.
        self._wanted = [name for name in self._wanted if len(known.get(name, ())) < 2]

    # --- set-up in order ---

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        scope = SCOPES.index(fixturedef.scope)
        original = fixturedef.func
        try:
            self._open_before(fixturedef.argname, scope, request)
        except BaseException as error:
            # To raise here would leave pytest with a fixture that is neither set up nor failed.
            fixturedef.func = _raising(error)  # type: ignore[misc]
        narrower = [use for name, use in self.open.items() if SCOPES.index(name) > scope and not use.is_set_aside]
        for use in narrower:
            use.is_set_aside = True
        try:
            return (yield)
        finally:
            fixturedef.func = original  # type: ignore[misc]
            for use in narrower:
                use.is_set_aside = False

    def _open_before(self, fixture: str, scope: int, request: pytest.FixtureRequest) -> None:
        for name in self._wanted:
            place = list(FIXTURES.values()).index(name)
            if place < scope or (place == scope and name != fixture):
                request.getfixturevalue(name)


def _raising(error: BaseException) -> Any:
    def fail(*args: object, **kwargs: object) -> None:
        __tracebackhide__ = True
        raise error

    return fail
