"""What is known of the path of a cassette, told from the expression that names it."""

from __future__ import annotations

import ast
import posixpath
from dataclasses import dataclass
from typing import Union

from promptecho._lint._code import FUNCTIONS, Code, External, ModuleValue, Scope

Piece = Union[str, "tuple[str, ...]", None]
_ELSEWHERE = "/a temporary folder"  # no cassette of the project is there
_SAME = (
    "str",
    "resolve",
    "absolute",
    "as_posix",
    "fspath",
    "abspath",
    "realpath",
    "expanduser",
    "strip",
    "Path",
    "PurePath",
)
_MOST_STEPS = 40


@dataclass(frozen=True)
class Text:
    """A text in pieces: known ones, one of several known ones, and ``None`` for what can't be told."""

    pieces: tuple[Piece, ...] = (None,)

    @property
    def exact(self) -> str | None:
        """The whole text, where all of it is known."""
        known = [piece for piece in self.pieces if isinstance(piece, str)]
        return "".join(known) if len(known) == len(self.pieces) else None

    def parent(self) -> Text:
        """The folder of a path."""
        last = self.pieces[-1] if self.pieces else None
        if not isinstance(last, str):
            return Text()
        folder, slash, _ = last.rstrip("/").rpartition("/")
        if slash:
            return Text((*self.pieces[:-1], folder or "/"))
        return Text((".",)) if len(self.pieces) == 1 else Text(self.pieces[:-1]).parent()


def joined(parts: list[Text], between: str = "") -> Text:
    """Texts put together, as paths with ``between="/"``: an absolute one begins anew."""
    pieces: list[Piece] = []
    for part in parts:
        first = part.pieces[0] if part.pieces else ""
        if between and isinstance(first, str) and first.startswith("/"):
            pieces = []
        for piece in (between if pieces else "", *part.pieces):
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            elif piece != "":
                pieces.append(piece)
    return Text(tuple(pieces) or ("",))


class Texts:
    """Reads expressions as texts. ``choices`` are the values of a test's parameters, by their names."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._steps = 0

    def read(self, scope: Scope, node: ast.AST | None, choices: dict[str, tuple[str, ...]] | None = None) -> Text:
        self._steps = 0
        return self._read(scope, node, choices or {})

    def _read(self, scope: Scope, node: ast.AST | None, choices: dict[str, tuple[str, ...]]) -> Text:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return Text()
        if isinstance(node, ast.Constant):
            return Text((str(node.value),))
        if isinstance(node, ast.JoinedStr):
            return joined([self._read(scope, each, choices) for each in node.values])
        if isinstance(node, ast.FormattedValue):
            return self._read(scope, node.value, choices)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
            sides = [self._read(scope, node.left, choices), self._read(scope, node.right, choices)]
            return joined(sides, "/" if isinstance(node.op, ast.Div) else "")
        if isinstance(node, ast.Name):
            return self._name(scope, node.id, choices)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            path, number = self._read(scope, node.value.value, choices), getattr(node.slice, "value", None)
            for _ in range(number + 1 if isinstance(number, int) and 0 <= number < _MOST_STEPS else 0):
                path = path.parent()
            return path if isinstance(number, int) else Text()
        if isinstance(node, ast.Attribute):
            owner = self._code.value(scope, node.value)
            if isinstance(owner, ModuleValue):
                return self._name(self._code.top(owner.module), node.attr, {})
            return self._read(scope, node.value, choices).parent() if node.attr == "parent" else Text()
        return self._call(scope, node, choices) if isinstance(node, ast.Call) else Text()

    def _name(self, scope: Scope, name: str, choices: dict[str, tuple[str, ...]]) -> Text:
        if name == "__file__":
            return Text((scope.module.path.as_posix(),))
        bound = self._code.bindings(scope.node).get(name, [])
        if isinstance(scope.node, FUNCTIONS) and not bound:
            if name.startswith("tmp"):
                return Text((_ELSEWHERE,))
            if name in scope.given:
                return Text((choices[name],)) if name in choices else Text()
        if not bound and not isinstance(scope.node, ast.Module):
            return self._name(self._code.top(scope.module), name, {})
        if len(bound) != 1:
            return Text()
        if isinstance(bound[0], ast.ImportFrom):
            original = next((each.name for each in bound[0].names if (each.asname or each.name) == name), name)
            source = self._code.source(scope.module, bound[0])
            return self._name(self._code.top(source), original, {}) if source is not None else Text()
        return self._read(scope, bound[0], choices)

    def _call(self, scope: Scope, node: ast.Call, choices: dict[str, tuple[str, ...]]) -> Text:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        parts = [self._read(scope, each, choices) for each in node.args]
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in ("join", "joinpath", "Path", "PurePath", "dirname") or (name in _SAME and parts):
            of_library = owner is None or isinstance(self._code.value(scope, owner), External)
            whole = joined(parts if of_library else [self._read(scope, owner, choices), *parts], "/")
            return whole.parent() if name == "dirname" else whole if parts or not of_library else Text((".",))
        return self._read(scope, owner, choices) if name in _SAME else Text()

    def listed(self, scope: Scope, node: ast.AST | None) -> tuple[str, ...]:
        """The texts in a list, such as the rows of ``parametrize``; none where one can't be told."""
        if isinstance(node, ast.Name):
            bound = self._code.bindings(self._code.top(scope.module).node).get(node.id, [])
            node = bound[0] if len(bound) == 1 else None
        found = []
        for each in node.elts if isinstance(node, (ast.List, ast.Tuple)) else ():
            inner = each.args[0] if isinstance(each, ast.Call) and each.args else each  # pytest.param
            if not isinstance(inner, ast.Constant):
                return ()
            found.append(str(inner.value))
        return tuple(found)


def normal(path: str, folder: str) -> str:
    """A path below a folder in one form."""
    return posixpath.normpath(posixpath.join(folder, path))
