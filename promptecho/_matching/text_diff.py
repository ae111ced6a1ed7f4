"""Where two texts differ, as runs of words or of lines that stayed, went or came.

A sign says which: ``" "``, ``"-"`` or ``"+"``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

Run = tuple[str, str]
_FEW_LINES = 4
_LONG = 16_000


def is_by_lines(was: str, now: str) -> bool:
    """Whether texts are too long, or of too many lines, to be compared word by word."""
    return was.count("\n") + now.count("\n") > _FEW_LINES or len(was) + len(now) > _LONG


def word_runs(was: str, now: str) -> Iterator[Run]:
    """The words, spaces and marks of both texts in one; what went stands before what came."""
    one, other = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in (was, now))
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            yield " ", "".join(one[i1:i2])
            continue
        if i1 < i2:
            yield "-", "".join(one[i1:i2])
        if j1 < j2:
            yield "+", "".join(other[j1:j2])


def marked(run: Run) -> str:
    """``[-words that are gone-]`` and ``{+words that are new+}``, as git has it."""
    sign, text = run
    return {"-": f"[-{text}-]", "+": f"{{+{text}+}}"}.get(sign, text)


def line_runs(was: Sequence[str], now: Sequence[str]) -> Iterator[Run]:
    """The lines that went and came, with two lines around them."""
    for line in list(difflib.unified_diff(was, now, n=2, lineterm=""))[2:]:
        if not line.startswith("@@"):
            yield line[:1], line[1:]
