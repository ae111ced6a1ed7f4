"""The rooms of the package: imports go one way, and no two modules wait for each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each room may import from those before it. What stands in no folder is below all, or on top.
ROOMS = (
    "errors", "_bodies", "providers", "_secrets", "_matching", "_backends", "_settings", "_cassette", "_telling",
    "_guard", "_processes", "_misses", "_session", "_pytest", "_import", "_lint", "snapshot", "_cli",
)  # fmt: skip
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("promptecho", "benchmarks")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "child_start" not in path.parts  # other programs run it
}


def imported(name: str) -> Iterator[str]:
    """The modules that a module imports, at its top or in a function, but not for type checkers alone."""
    tree = ast.parse(FILES[name].read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found = below if below in FILES else node.module
                if found in FILES and found != name:
                    yield found


GRAPH = {name: sorted(set(imported(name))) for name in FILES}


def circles() -> Iterator[list[str]]:
    """The modules that can be reached from themselves, each circle once."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> Iterator[list[str]]:
        if name in path:
            yield path[path.index(name) :]
        elif name not in done:
            for each in GRAPH[name]:
                yield from visit(each, [*path, name])
            done.add(name)

    for name in GRAPH:
        yield from visit(name, [])


def test_there_is_no_circle_of_imports() -> None:
    assert list(circles()) == []


def test_imports_go_down_through_the_rooms() -> None:
    place = {room: number for number, room in enumerate(ROOMS)}
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        for mine, theirs in [(room(name), room(other))]
        if mine in place and theirs in place and place[theirs] > place[mine]
    ]
    assert wrong == []


def room(name: str) -> str:
    return name.split(".")[1] if name.startswith("promptecho.") else name


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in (ROOT / "promptecho").glob("*/__init__.py")),
    ids=lambda path: path.name,
)
def test_a_room_says_what_it_is_for(folder: Path) -> None:
    assert folder.name in ROOMS, "name it in ROOMS, in DESIGN.md and here"
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
