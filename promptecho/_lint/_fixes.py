"""What ``--fix`` does.

Safe fixes change no answer of a test and lose nothing that was paid for: a mark on a test whose call would go out,
masked credentials, a comment that says nothing. Deleting a cassette is none of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Union


@dataclass(frozen=True)
class AddMarks:
    """``@pytest.mark.promptecho`` on tests, given by file and line of their ``def``."""

    tests: tuple[tuple[Path, int], ...]
    all_backends: bool = False
    is_safe = True


@dataclass(frozen=True)
class MaskSecrets:
    path: Path
    is_safe = True


@dataclass(frozen=True)
class DeleteFile:
    path: Path
    is_safe = False


@dataclass(frozen=True)
class CutComment:
    """A comment, or a part of it, taken out of a line: ``start`` and ``end`` count from 0."""

    path: Path
    line: int
    start: int
    end: int
    instead: str = ""
    is_safe = True


Fix = Union[AddMarks, MaskSecrets, DeleteFile, CutComment]


def apply(fixes: Iterable[Fix], *, unsafe: bool) -> list[tuple[Path, int, str]]:
    """Carry out fixes; the file, line and effect of each."""
    chosen = [fix for fix in dict.fromkeys(fixes) if fix.is_safe or unsafe]
    done: list[tuple[Path, int, str]] = []
    done += _cut([fix for fix in chosen if isinstance(fix, CutComment)])
    done += _add_marks([fix for fix in chosen if isinstance(fix, AddMarks)])
    for fix in chosen:
        if isinstance(fix, MaskSecrets):
            from promptecho._cassette.mending.masking import mask_file

            masked = mask_file(fix.path)
            if masked is not None:
                done.append((fix.path, 1, f"masked credentials in {len(masked.kinds)} text(s)"))
        elif isinstance(fix, DeleteFile):
            fix.path.unlink()
            done.append((fix.path, 1, "deleted the cassette"))
    return done


def _read(path: Path) -> tuple[str, str]:
    from promptecho._lint._project import read_source

    data = path.read_bytes()
    return read_source(data) if path.suffix == ".py" else (data.decode("utf-8"), "utf-8")


def _write(path: Path, text: str, encoding: str) -> None:
    path.write_bytes(text.encode(encoding))


def _cut(fixes: list[CutComment]) -> list[tuple[Path, int, str]]:
    done: list[tuple[Path, int, str]] = []
    for path in dict.fromkeys(fix.path for fix in fixes):
        text, encoding = _read(path)
        lines = text.splitlines(keepends=True)
        for fix in sorted((fix for fix in fixes if fix.path == path), key=lambda fix: (-fix.line, -fix.start)):
            line = lines[fix.line - 1]
            body = line.rstrip("\r\n")
            kept = body[: fix.start] + fix.instead + body[fix.end :]
            lines[fix.line - 1] = kept.rstrip() + line[len(body) :] if kept.strip() else ""
            done.append((path, fix.line, "took away an ignore comment that suppresses nothing"))
        _write(path, "".join(lines), encoding)
    return done


def _add_marks(fixes: list[AddMarks]) -> list[tuple[Path, int, str]]:
    wanted: dict[Path, dict[int, bool]] = {}
    for fix in fixes:
        for path, line in fix.tests:
            lines = wanted.setdefault(path, {})
            lines[line] = lines.get(line, False) or fix.all_backends
    done: list[tuple[Path, int, str]] = []
    for path, tests in wanted.items():
        text, encoding = _read(path)
        changed = _with_marks(text, tests)
        if changed is not None:
            _write(path, changed, encoding)
            done += [(path, line, "added @pytest.mark.promptecho") for line in sorted(tests)]
    return done


def _with_marks(text: str, tests: dict[int, bool]) -> str | None:
    """A source with marks on the tests whose ``def`` stands on some lines; ``None`` where it would be no Python."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    name = _name_of_pytest(tree)
    for node in sorted(ast.walk(tree), key=lambda node: -getattr(node, "lineno", 0)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno in tests:
            arguments = '(backends="all")' if tests[node.lineno] else ""
            mark = f"{' ' * node.col_offset}@{name or 'pytest'}.mark.promptecho{arguments}{end}"
            lines.insert(_first_line(node) - 1, mark)
    if name is None:
        _import_pytest(tree, lines, end)
    changed = "".join(lines)
    try:
        ast.parse(changed)
    except SyntaxError:
        return None
    return changed


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _name_of_pytest(tree: ast.Module) -> str | None:
    """The name under which a module knows pytest."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "pytest":
                    return alias.asname or "pytest"
    return None


def _import_pytest(tree: ast.Module, lines: list[str], end: str) -> None:
    """Above the first statement that is neither the docstring nor an import from the future."""
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            continue
        is_import = isinstance(node, (ast.Import, ast.ImportFrom))
        lines.insert(_first_line(node) - 1, f"import pytest{end}" + ("" if is_import else end * 2))
        return
