"""Functions of libraries that matter while code is followed: pytest, asyncio, pathlib and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from promptecho._lint._follow import _doubles, _sdks, _texts
from promptecho._lint._follow._arguments import Arguments
from promptecho._lint._follow._calls import each_element
from promptecho._lint._follow._following import EVERYTHING, Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    Constant,
    Cover,
    External,
    Fixture,
    Function,
    Instance,
    Managed,
    Mapping,
    Mark,
    Method,
    Partial,
    Sequence,
    Text,
    Value,
    element,
    text,
)


class Library(Following):
    """Calls what belongs to a library. What it doesn't know gives ``UNKNOWN``."""

    def call_library(self, frame: Frame, callee: Value, passed: Arguments) -> Value:
        """Call what belongs to a library, or what one gave."""
        if isinstance(callee, External):
            return self._call_name(frame, callee, passed)
        if isinstance(callee, Instance):
            return self._call_instance(frame, callee, passed)
        if isinstance(callee, Method):
            return self._call_method(frame, callee, passed)
        return UNKNOWN

    def _call_name(self, frame: Frame, callee: External, passed: Arguments) -> Value:
        name = callee.name
        rule = _FUNCTIONS.get(name)
        if rule is not None:
            return rule(self, frame, passed)
        if name.startswith("pytest.mark."):
            options = tuple(passed.options.items())
            return Mark(name.rpartition("mark.")[2], passed.args, options, frame.site(passed.node), passed.node)
        if name.startswith(("pytest.", "pytest_asyncio.")):
            return UNKNOWN
        client = _sdks.construct(name, passed)
        if client is not None:
            return client
        outcome = _sdks.call_function(name, passed)
        if outcome is not None:
            if outcome.network and passed.complete:
                self.report(frame, passed.node, callee, name)
            return outcome.value
        if name in _doubles.PATCHERS:
            return self.patcher(frame, passed, by_object=not name.endswith("mock.patch"))
        if name in _doubles.STARTERS:
            frame.covered = True
        return Cover("other") if _doubles.is_recorder(name) else UNKNOWN

    def _call_instance(self, frame: Frame, callee: Instance, passed: Arguments) -> Value:
        """A call on a client, a fixture of pytest, a recorder."""
        if callee.kind == "pytest.MonkeyPatch":
            return self.call_monkeypatch(frame, callee, passed)
        if callee.kind == "mocker":
            return self.call_mocker(frame, callee, passed)
        if callee.kind == "request":
            asked = passed.exact(0) if callee.path == ("getfixturevalue",) else ""
            return self.get_fixture(frame, asked) if asked else UNKNOWN
        if callee.kind == "benchmark":
            return self.apply(frame, passed.first, passed.rest()) if passed.args else UNKNOWN
        if callee.kind == "os.environ":
            return callee
        if callee.path and _doubles.is_recorder(callee.name):
            return Cover("other")
        made = _sdks.call_method(callee, passed)
        if made.network:
            self.report(frame, passed.node, callee, callee.kind)
        return made.value

    def _call_method(self, frame: Frame, callee: Method, passed: Arguments) -> Value:
        """A call of a method of a text, a path, a mapping or a cover."""
        owner, name = callee.owner, callee.name
        if isinstance(owner, Text):
            return _texts.call_method(owner, name, passed.args)
        if isinstance(owner, Mapping):
            return _call_mapping(owner, name, passed)
        if isinstance(owner, Managed) and name in ("__enter__", "__aenter__"):
            return self.enter(frame, owner, None)
        if isinstance(owner, Cover):
            self.call_cover(frame, owner, name)
        return UNKNOWN


def _call_mapping(owner: Mapping, name: str, passed: Arguments) -> Value:
    values = Sequence(tuple(value for _, value in owner.items))
    if name == "values":
        return values
    if name == "items":
        return Sequence((Sequence((UNKNOWN, element(values))),))
    if name in ("get", "pop", "__getitem__") and isinstance(passed.first, Text):
        return owner.get(passed.first.exact) or UNKNOWN
    return UNKNOWN


# --- functions by their names -----------------------------------------------------------------------------------------

_Rule = Callable[[Following, Frame, Arguments], Value]
_FUNCTIONS: dict[str, _Rule] = {}


def _known_as(*names: str) -> Callable[[_Rule], _Rule]:
    def register(rule: _Rule) -> _Rule:
        _FUNCTIONS.update(dict.fromkeys(names, rule))
        return rule

    return register


@_known_as("promptecho.use_cassette", "promptecho._activation.use_cassette")
def _use_cassette(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Cover("promptecho", frame.site(passed.node), passed.get("path", 0), tuple(passed.options.items()))


@_known_as(
    "asyncio.run", "asyncio.wait_for", "asyncio.create_task", "asyncio.ensure_future", "asyncio.shield",
    "contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "typing.cast", "builtins.list",
    "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.iter", "builtins.aiter", "builtins.enumerate",
    "os.path.abspath", "os.path.realpath", "os.path.normpath", "builtins.str", "os.fspath", "os.path.expanduser",
)  # fmt: skip
def _same(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return passed.first


@_known_as("functools.lru_cache", "functools.cache")
def _cached(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return passed.first if isinstance(passed.first, Function) else UNKNOWN


@_known_as("asyncio.gather")
def _gather(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Sequence(passed.args)


@_known_as("asyncio.to_thread", "anyio.run", "trio.run", "anyio.to_thread.run_sync")
def _call_first(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return follow.apply(frame, passed.first, replace(passed.rest(), options={})) if passed.args else UNKNOWN


@_known_as("builtins.map")
def _map(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return follow.apply(frame, passed.first, each_element(passed.rest())) if passed.args else UNKNOWN


@_known_as("threading.Thread", "multiprocessing.Process")
def _thread(follow: Following, frame: Frame, passed: Arguments) -> Value:
    """Its target is taken to run at once."""
    given = passed.options.get("args", Sequence(()))
    if isinstance(given, Sequence):
        follow.apply(frame, passed.options.get("target", UNKNOWN), Arguments(given.items, node=passed.node))
    return UNKNOWN


@_known_as("functools.partial", "functools.partialmethod")
def _partial(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Partial(passed.first, passed.args[1:], tuple(passed.options.items())) if passed.args else UNKNOWN


@_known_as("dataclasses.field", "pydantic.Field", "attrs.field", "attr.ib")
def _field(follow: Following, frame: Frame, passed: Arguments) -> Value:
    factory = passed.options.get("default_factory", passed.options.get("factory", NONE))
    return Partial(factory) if factory != NONE else passed.options.get("default", UNKNOWN)


@_known_as("types.SimpleNamespace")
def _simple_namespace(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Mapping(tuple(passed.options.items()))


@_known_as("os.getenv", "os.environ.get")
def _environment(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Instance("os.environ")


@_known_as("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.path.join", "posixpath.join")
def _path(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return _texts.joined_path(passed.args) if passed.args else text(".", True)


@_known_as("os.path.dirname")
def _dirname(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return _texts.parent(passed.first) if isinstance(passed.first, Text) else UNKNOWN


@_known_as("importlib.import_module", "builtins.__import__", "pytest.importorskip")
def _import(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return follow.import_module(passed.exact(0), frame.module) if passed.exact(0) else UNKNOWN


@_known_as("builtins.getattr")
def _getattr(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return follow.attribute(frame, passed.first, passed.exact(1)) if passed.exact(1) else UNKNOWN


@_known_as("builtins.setattr")
def _setattr(follow: Following, frame: Frame, passed: Arguments) -> Value:
    if len(passed.args) == 3 and isinstance(passed.at(1), Text) and 0 in passed.places:
        follow.set_attribute(frame, passed.places[0], passed.exact(1), passed.at(2))
    return UNKNOWN


@_known_as("google.genai.types.HttpOptions")
def _genai_options(follow: Following, frame: Frame, passed: Arguments) -> Value:
    benign = all(_sdks.is_benign_for_genai(key) for key in passed.options)
    return Instance("google.genai.types.HttpOptions") if benign and not passed.args else UNKNOWN


@_known_as("pydantic_ai.models.override_allow_model_requests")
def _models_off(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Cover("patch", patches=frozenset({"pydantic_ai"}), blocks=False)


@_known_as("vcr.VCR")
def _vcr(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Instance("vcr.VCR")


@_known_as("respx.MockRouter")
def _respx_router(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Instance("respx.MockRouter")


@_known_as("unittest.mock.patch.dict", "mock.patch.dict")
def _patch_dict(follow: Following, frame: Frame, passed: Arguments) -> Value:
    values = passed.get("values", 1)
    named = [key for key, _ in values.items] if isinstance(values, Mapping) else []
    led = any(isinstance(key, str) and _doubles.is_route(key) for key in named)
    return Cover("patch", patches=frozenset({EVERYTHING} if led else ()), blocks=False)


@_known_as("unittest.skip", "unittest.case.skip")
def _skip(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Mark("skip")


@_known_as("unittest.skipIf", "unittest.skipUnless")
def _skip_if(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Mark("skipif", passed.args, node=passed.node)


@_known_as("pytest.fixture", "pytest.yield_fixture", "pytest_asyncio.fixture")
def _fixture(follow: Following, frame: Frame, passed: Arguments) -> Value:
    scope = passed.options.get("scope", text("function"))
    named = passed.options.get("name", NONE)
    made = Fixture(
        named.exact or "" if isinstance(named, Text) else "",
        scope.exact or "function" if isinstance(scope, Text) else "function",
        passed.options.get("autouse", NONE) == Constant(True, "bool"),
        passed.options.get("params", passed.args[1] if len(passed.args) > 1 else None),
    )
    return follow.decorate(frame, made, passed.first, None) if isinstance(passed.first, Function) else made


@_known_as("pytest.param")
def _param(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return passed.first if len(passed.args) == 1 else Sequence(passed.args)


@_known_as("pytest.raises", "pytest.warns", "pytest.deprecated_call")
def _raises(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return follow.apply(frame, passed.at(1), passed.rest(2)) if len(passed.args) > 1 else UNKNOWN


@_known_as("pytest.MonkeyPatch", "pytest.MonkeyPatch.context")
def _monkeypatch(follow: Following, frame: Frame, passed: Arguments) -> Value:
    return Instance("pytest.MonkeyPatch")
