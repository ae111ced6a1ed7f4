"""What is known of the path of a cassette, told from the expression that names it: ``ANY`` is what can't be told."""

from __future__ import annotations

import ast
import posixpath

from promptecho._lint._code import FUNCTIONS, Code, Scope

ANY = "\0"
_ELSEWHERE = "/a temporary folder"  # no cassette of the project is there
_SAME = ("Path", "PurePath", "abspath", "absolute", "as_posix", "expanduser", "fspath", "realpath", "resolve", "str")
_DEEPEST = 20


def read(code: Code, scope: Scope, node: ast.AST | None, given: dict[str, str] | None = None, depth: int = 0) -> str:
    """An expression as a text; ``given`` are the parameters of the function that are known."""

    def inner(each: ast.AST | None) -> str:
        return read(code, scope, each, given, depth + 1)

    if depth > _DEEPEST:
        return ANY
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(inner, node.values))
    if isinstance(node, ast.FormattedValue):
        return inner(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
        sides = inner(node.left), inner(node.right)
        return "".join(sides) if isinstance(node.op, ast.Add) else posixpath.join(*sides)
    if isinstance(node, ast.Name):
        return _name(code, scope, node.id, given or {}, depth)
    if isinstance(node, ast.Attribute):
        owner = code.name(scope, node.value)
        if owner.endswith(":"):
            return _name(code, code.top(code.project.module_at(owner[:-1])), node.attr, {}, depth)
        return _parent(inner(node.value)) if node.attr == "parent" else ANY
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
        path, number = inner(node.value.value), getattr(node.slice, "value", None)
        for _ in range(min(number, _DEEPEST) + 1 if isinstance(number, int) else 0):
            path = _parent(path)
        return path if isinstance(number, int) else ANY
    if not isinstance(node, ast.Call):
        return ANY
    name, parts = ast.unparse(node.func).rpartition(".")[2], [inner(each) for each in node.args]
    owners = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    if name in (*_SAME, "join", "joinpath", "dirname"):
        of_library = not owners or code.name(scope, owners[0]).partition(".")[0] in ("os", "pathlib", "posixpath")
        whole = posixpath.join(
            *(["."] if of_library and not parts else []), *(parts if of_library else [inner(owners[0]), *parts])
        )
        return _parent(whole) if name == "dirname" else whole
    return ANY


def _parent(path: str) -> str:
    folder, last = posixpath.split(path.rstrip("/"))
    return ANY if last == ANY and not folder else folder or "."


def _name(code: Code, scope: Scope, name: str, given: dict[str, str], depth: int) -> str:
    bound = code.bindings(scope.node).get(name, [])
    if name == "__file__":
        return scope.module.path.as_posix()
    if isinstance(scope.node, FUNCTIONS) and not bound and name in scope.given:
        return _ELSEWHERE if name.startswith("tmp") else given.get(name, ANY)
    if not bound and not isinstance(scope.node, ast.Module):
        return _name(code, code.top(scope.module), name, {}, depth)
    if len(bound) != 1:
        return ANY
    if isinstance(bound[0], ast.ImportFrom):
        source = code.project.source(scope.module, bound[0])
        original = next((each.name for each in bound[0].names if each.asname == name), name)
        return _name(code, code.top(source), original, {}, depth + 1) if source and depth < _DEEPEST else ANY
    return read(code, scope, bound[0], given, depth + 1)


def listed(code: Code, scope: Scope, node: ast.AST | None) -> list[str]:
    """The texts in a list, such as the rows of ``parametrize``; ``ANY`` for one that can't be told."""
    if isinstance(node, ast.Name):
        bound = code.bindings(code.top(scope.module).node).get(node.id, [])
        node = bound[0] if len(bound) == 1 else None
    rows = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [ast.Name("~")]
    plain = [each.args[0] if isinstance(each, ast.Call) and each.args else each for each in rows]  # pytest.param
    return [str(each.value) if isinstance(each, ast.Constant) else ANY for each in plain]
