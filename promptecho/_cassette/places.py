"""Where in a cassette's text something stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

Path = tuple[Any, ...]


class Places:
    """Where the nodes of a YAML document stand. A path is ``("interactions", 0, "response", "status")``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines: list[str] | None = None
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._root = yaml.compose(text, Loader=loader)

    def _node(self, path: Path) -> tuple[Any, Any]:
        """The key and the value at a path; the nearest above it that there is."""
        key, node = None, self._root
        for part in path:
            found = None
            if isinstance(node, yaml.MappingNode):
                found = next((pair for pair in node.value if pair[0].value == str(part)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                found = (None, node.value[part])
            if found is None:
                break
            key, node = found
        return key, node

    def line(self, path: Path) -> tuple[int, int]:
        """Line and column of what stands at a path: of its key, where it has one."""
        key, node = self._node(path)
        mark = (key or node).start_mark if node is not None else None
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)

    def span(self, path: Path) -> tuple[int, int]:
        """First and last line of the value at a path."""
        _, node = self._node(path)
        last = node.end_mark.line + (1 if node.end_mark.column else 0)
        return node.start_mark.line + 1, max(node.start_mark.line + 1, last)

    def lines(self) -> list[str]:
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines

    def line_of_text(self, path: Path, is_wanted: Callable[[str], bool]) -> int:
        """Of a value that goes over many lines, the first that is wanted; else the line at which it begins."""
        first, last = self.span(path)
        for line in range(first, last + 1) if last > first else ():
            if is_wanted(self.lines()[line - 1]):
                return line
        return self.line(path)[0]

    def scalar(self, path: Path) -> tuple[int, int, bool] | None:
        """Where the text of a scalar begins and ends, and whether it is a block."""
        _, node = self._node(path)
        if not isinstance(node, yaml.ScalarNode):
            return None
        return node.start_mark.index, node.end_mark.index, node.style in ("|", ">")

    def is_inside_text(self, line: int, column: int) -> bool:
        """Whether a place (from 1) stands inside a scalar, so that a ``#`` there begins no comment."""
        waiting = [self._root] if self._root is not None else []
        while waiting:
            node = waiting.pop()
            start, end = node.start_mark, node.end_mark
            if (line - 1, column - 1) < (start.line, start.column) or (line - 1, column - 1) >= (end.line, end.column):
                continue
            if isinstance(node, yaml.ScalarNode):
                return True
            for child in node.value:
                waiting += child if isinstance(child, tuple) else (child,)
        return False
