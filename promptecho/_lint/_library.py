"""Calls of libraries that matter while code is followed: pytest, mock, asyncio, pathlib and the like."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from promptecho._lint import _doubles, _sdks
from promptecho._lint._frames import Frame
from promptecho._lint._values import (
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
    ModuleValue,
    Object,
    Partial,
    Sequence,
    Text,
    Value,
    joined_path,
    parent,
    text,
)

if TYPE_CHECKING:
    from promptecho._lint._follow import Follower

Arguments = tuple[Value, ...]
Options = dict[str, Value]

_CASSETTES = frozenset(("promptecho.use_cassette", "promptecho._activation.use_cassette"))
_SAME = frozenset(
    ("asyncio.run", "asyncio.wait_for", "asyncio.create_task", "asyncio.ensure_future", "asyncio.shield",
     "contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "typing.cast", "builtins.list",
     "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.iter", "builtins.aiter", "builtins.enumerate")
)  # fmt: skip
_CALLS_FIRST = frozenset(("asyncio.to_thread", "anyio.run", "trio.run", "anyio.to_thread.run_sync", "builtins.map"))
_PATHS = frozenset(("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.path.join", "posixpath.join"))
_SAME_PATH = frozenset(
    ("os.path.abspath", "os.path.realpath", "os.path.normpath", "builtins.str", "os.fspath", "os.path.expanduser")
)
_MODELS_OFF = "pydantic_ai.models.override_allow_model_requests"


def _marked(node: ast.AST | None, frame: Frame) -> tuple[str, int, int]:
    return (str(frame.module.path), getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)


class LibraryCalls:
    """What the calls of libraries give; ``follower`` follows the functions that they are given."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower

    # --- names of libraries ---

    def call(
        self,
        frame: Frame,
        callee: External,
        args: Arguments,
        options: Options,
        complete: bool,
        node: ast.AST | None,
    ) -> Value:
        """A call of a library's name."""
        name = callee.name
        if name in _CASSETTES:
            path = options.get("path", args[0] if args else UNKNOWN)
            return Cover("promptecho", _marked(node, frame), path, tuple(options.items()))
        client = _sdks.construct(name, args, options, complete)
        if client is not None:
            return client
        outcome = _sdks.call_function(name, args, options)
        if outcome is not None:
            if outcome.network and complete:
                self.follower.report(frame, node, callee, name)
            return outcome.value
        if name.startswith(("pytest.", "pytest_asyncio.")):
            return self._pytest(frame, name.partition(".")[2], args, options, complete, node)
        if name in _doubles.PATCHERS:
            return self._patcher(frame, args, options, by_object=not name.endswith("mock.patch"), node=node)
        if name in ("unittest.mock.patch.dict", "mock.patch.dict"):
            values = args[1] if len(args) > 1 else options.get("values", UNKNOWN)
            named = [key for key, _ in values.items] if isinstance(values, Mapping) else []
            led = any(isinstance(key, str) and _doubles.is_route(key) for key in named)
            return Cover("patch", patches=frozenset({"*"} if led else ()), blocks=False)
        if name in ("unittest.skip", "unittest.case.skip"):
            return Mark("skip")
        if name in ("unittest.skipIf", "unittest.skipUnless"):
            return Mark("skipif", args, node=node)
        if name in ("vcr.VCR", "respx.MockRouter"):
            return Instance(name)
        if name in _doubles.STARTERS:
            frame.covered = True
        if _doubles.is_recorder(name):
            return Cover("other")
        return self._standard(frame, name, args, options, node)

    def _standard(self, frame: Frame, name: str, args: Arguments, options: Options, node: ast.AST | None) -> Value:
        first = args[0] if args else UNKNOWN
        if name in _SAME:
            return first
        if name == "asyncio.gather":
            return Sequence(args)
        if name in _CALLS_FIRST and args:
            rest = tuple(self.follower.element(arg) for arg in args[1:]) if name == "builtins.map" else args[1:]
            return self.follower.apply(frame, first, rest, {}, name != "builtins.map", node)
        if name in ("threading.Thread", "multiprocessing.Process"):
            given = options.get("args", Sequence(()))
            target = options.get("target", UNKNOWN)
            if isinstance(given, Sequence):
                self.follower.apply(frame, target, given.items, {}, True, node)
            return UNKNOWN
        if name in ("functools.partial", "functools.partialmethod") and args:
            return Partial(first, args[1:], tuple(options.items()))
        if name in ("dataclasses.field", "pydantic.Field", "attrs.field", "attr.ib"):
            factory = options.get("default_factory", options.get("factory", NONE))
            return Partial(factory) if factory != NONE else options.get("default", UNKNOWN)
        if name in ("os.getenv", "os.environ.get"):
            return Instance("os.environ")
        if name in _PATHS:
            return joined_path(args) if args else text(".", True)
        if name in _SAME_PATH:
            return first
        if name == "os.path.dirname":
            return parent(first) if isinstance(first, Text) else UNKNOWN
        if name in ("importlib.import_module", "builtins.__import__") and isinstance(first, Text) and first.exact:
            return self.follower.import_module(first.exact, frame.module)
        if name == "builtins.getattr" and len(args) >= 2 and isinstance(args[1], Text) and args[1].exact:
            return self.follower.attribute(frame, first, args[1].exact)
        if name == "builtins.setattr" and len(args) == 3 and isinstance(args[1], Text) and isinstance(node, ast.Call):
            self.follower.set_attribute(frame, node.args[0], args[1].exact or "", args[2])
        if name == "google.genai.types.HttpOptions":
            benign = all(key in ("timeout", "api_version", "headers", "retry_options") for key in options)
            return Instance(name) if benign and not args else UNKNOWN
        if name == "types.SimpleNamespace":
            return Mapping(tuple(options.items()))
        if name == _MODELS_OFF:
            return Cover("patch", patches=frozenset({"pydantic_ai"}), blocks=False)
        if name in ("functools.lru_cache", "functools.cache") and isinstance(first, Function):
            return first
        if name.startswith(("concurrent.futures.", "asyncio.", "anyio.", "contextlib.", "asyncio.TaskGroup")):
            return UNKNOWN
        return UNKNOWN

    # --- pytest ---

    def _pytest(
        self,
        frame: Frame,
        name: str,
        args: Arguments,
        options: Options,
        complete: bool,
        node: ast.AST | None,
    ) -> Value:
        first = args[0] if args else UNKNOWN
        if name.startswith("mark."):
            return self.mark(frame, f"pytest.{name}", args, options, node)
        if name in ("fixture", "yield_fixture"):
            scope = options.get("scope", text("function"))
            named = options.get("name", NONE)
            made = Fixture(
                named.exact or "" if isinstance(named, Text) else "",
                scope.exact or "function" if isinstance(scope, Text) else "function",
                options.get("autouse", NONE) == Constant(True, "bool"),
                options.get("params", args[1] if len(args) > 1 else None),
            )
            return self.follower.decorate(frame, made, first, None) if isinstance(first, Function) else made
        if name == "importorskip" and isinstance(first, Text) and first.exact:
            return self.follower.import_module(first.exact, frame.module)
        if name == "param":
            return args[0] if len(args) == 1 else Sequence(args)
        if name in ("raises", "warns", "deprecated_call") and len(args) > 1:
            return self.follower.apply(frame, args[1], args[2:], options, complete, node)
        if name in ("MonkeyPatch", "MonkeyPatch.context"):
            return Instance("pytest.MonkeyPatch")
        return UNKNOWN

    def mark(self, frame: Frame, name: str, args: Arguments, options: Options, node: ast.AST | None) -> Mark:
        """``pytest.mark.name(...)``."""
        return Mark(name.rpartition("mark.")[2], args, tuple(options.items()), _marked(node, frame), node)

    # --- replacing ---

    def _patcher(
        self, frame: Frame, args: Arguments, options: Options, *, by_object: bool, node: ast.AST | None
    ) -> Value:
        """``patch("module.name")`` and ``patch.object(owner, "name")``."""
        target = options.get("target", args[0] if args else UNKNOWN)
        if by_object:
            name = args[1] if len(args) > 1 else options.get("attribute", UNKNOWN)
            patches = self._replaced_attribute(target, name)
            gives_mock = len(args) < 3 and "new" not in options and "new_callable" not in options
        else:
            patches = self.replaced_name(frame, target)
            gives_mock = len(args) < 2 and "new" not in options
        return Cover("patch with a mock" if gives_mock else "patch", patches=patches, blocks=False)

    def _replaced_attribute(self, owner: Value, name: Value) -> frozenset[str]:
        if isinstance(name, Text) and name.exact:
            return self.follower.replaced(owner, name.exact)
        return frozenset({"*"}) if not isinstance(owner, External) else self.follower.replaced(owner, "")

    def replaced_name(self, frame: Frame, target: Value) -> frozenset[str]:
        """What stands for a replaced dotted name among ``patches``."""
        if not isinstance(target, Text) or not target.exact:
            return frozenset({"*"})
        parts = target.exact.split(".")
        for count in range(len(parts) - 1, 0, -1):
            module = self.follower.project.resolve(".".join(parts[:count]), frame.module.path)
            if module is None:
                continue
            owner: Value = ModuleValue(module)
            for part in parts[count:-1]:
                owner = self.follower.attribute(frame, owner, part)
            return self.follower.replaced(owner, parts[-1])
        return frozenset({parts[0]}) if _sdks.is_sdk_package(parts[0]) else frozenset()

    # --- things that libraries hand out ---

    def call_instance(
        self, frame: Frame, callee: Instance, args: Arguments, options: Options, node: ast.AST | None
    ) -> Value | None:
        """A call on a fixture of pytest, a recorder and the like; ``None`` if it is none of these."""
        name = ".".join(callee.path)
        if callee.kind == "pytest.MonkeyPatch":
            if name in ("setattr", "delattr") and args:
                if isinstance(args[0], Text):
                    frame.patches |= self.replaced_name(frame, args[0])
                else:
                    frame.patches |= self._replaced_attribute(args[0], args[1] if len(args) > 1 else UNKNOWN)
                    self._override(frame, args, node)
            if name == "setenv" and args and isinstance(args[0], Text) and _doubles.is_route(args[0].exact or ""):
                frame.patches |= {"*"}
            return Instance("pytest.MonkeyPatch") if name == "context" else UNKNOWN
        if callee.kind == "mocker":
            if name in ("patch", "patch.object", "patch.multiple"):
                cover = self._patcher(frame, args, options, by_object=name != "patch", node=node)
                if isinstance(cover, Cover):
                    frame.patches |= cover.patches
            return UNKNOWN
        if callee.kind == "request":
            if name == "getfixturevalue" and args and isinstance(args[0], Text) and args[0].exact:
                return self.follower.get_fixture(frame, args[0].exact)
            return UNKNOWN
        if callee.kind == "benchmark":
            return self.follower.apply(frame, args[0], args[1:], options, True, node) if args else UNKNOWN
        if callee.kind == "os.environ":
            return callee
        if callee.path and _doubles.is_recorder(f"{callee.kind}.{name}"):
            return Cover("other")
        return None

    def _override(self, frame: Frame, args: Arguments, node: ast.AST | None) -> None:
        """``setattr(agent, "client", fake)`` on an object: it keeps what it was given."""
        name = args[1].exact if len(args) > 1 and isinstance(args[1], Text) else None
        if isinstance(args[0], Object) and name and isinstance(node, ast.Call) and node.args:
            place = node.args[0]
            if isinstance(place, (ast.Name, ast.Attribute)):
                value = args[2] if len(args) > 2 else UNKNOWN
                self.follower.store(frame, place, args[0].having(name, value))

    # --- texts, paths, lists, covers ---

    def text_attribute(self, owner: Text, name: str) -> Value:
        """``path.parent`` and the like; else a method, to be called."""
        if name == "parent":
            return parent(owner)
        if name in ("name", "stem", "suffix"):
            whole = owner.exact
            last = whole.rstrip("/").rpartition("/")[2] if whole is not None else None
            if last is None:
                return Text((None,))
            stem, dot, suffix = last.rpartition(".")
            return text({"name": last, "stem": stem if dot else last, "suffix": dot + suffix if dot else ""}[name])
        return Method(owner, name)

    def ancestor(self, path: Text, number: Value) -> Value:
        """``path.parents[number]``."""
        if not isinstance(number, Constant) or not isinstance(number.value, int):
            return Text((None,), True)
        for _ in range(number.value + 1):
            path = parent(path)
        return path

    def call_text_method(self, frame: Frame, callee: Method, args: Arguments, options: Options) -> Value:
        """A call of a method of a text, a path, a list or a cover."""
        owner, name = callee.owner, callee.name
        if isinstance(owner, Cover):
            return self._call_cover(frame, owner, name)
        if isinstance(owner, Managed):
            if name in ("__enter__", "__aenter__"):
                return self.follower.enter(frame, owner, None)
            return UNKNOWN
        if isinstance(owner, Mapping):
            values = Sequence(tuple(value for _, value in owner.items))
            if name == "values":
                return values
            if name == "items":
                return Sequence((Sequence((UNKNOWN, self.follower.element(values))),))
            if name in ("get", "pop", "__getitem__") and args and isinstance(args[0], Text):
                found = owner.get(args[0].exact)
                return found if found is not None else UNKNOWN
            return UNKNOWN
        if isinstance(owner, Text):
            return self._call_text(owner, name, args, options)
        return UNKNOWN

    def _call_cover(self, frame: Frame, cover: Cover, name: str) -> Value:
        if name in ("__enter__", "__aenter__", "start", "activate", "install", "insert"):
            self.follower.open_cover(frame, cover)
        elif name in ("__exit__", "__aexit__", "stop", "deactivate", "leave", "eject"):
            frame.covered = frame.covered and not cover.blocks
            frame.patches -= cover.patches
        return UNKNOWN

    def _call_text(self, owner: Text, name: str, args: Arguments, options: Options) -> Value:
        if name == "joinpath":
            return joined_path((owner, *args))
        if name in ("resolve", "absolute", "expanduser", "as_posix", "__str__", "strip"):
            return owner
        if name == "with_name" and args:
            return joined_path((parent(owner), args[0]))
        if name == "with_suffix" and args and owner.exact is not None and isinstance(args[0], Text):
            return Text((re.sub(r"\.[^./]*$", "", owner.exact), *args[0].pieces), True)
        if name == "format" and owner.exact is not None:
            parts = re.split(r"\{[^{}]*\}", owner.exact)
            return Text(tuple(piece for part in parts for piece in (part, None))[:-1], owner.is_path)
        return Text((None,), owner.is_path)
