"""How the commands write: text from a file made harmless, paragraphs, tables, numbers, JSON.

Rule: what stands in a cassette may come from a stranger. None of it reaches the terminal as a control sequence
(``promptecho/_harmless.py``), and none of it is read as markup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from promptecho._harmless import harmless as harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Json = Any

_LEAST = 12  # characters of a column that gives way


def console() -> Console:
    """A console on standard output that reads no markup."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def _is_for_eyes(to: Console) -> bool:
    """Whether what is written goes to a terminal, or is to be as wide as one."""
    return to.is_terminal or bool(os.environ.get("COLUMNS"))


def paragraph(to: Console, text: str | Text, *, indent: int = 0, style: str = "") -> None:
    """Write a text with its own line breaks, wrapped to the width and indented; made harmless if it is plain.

    What goes into a file or to another program is wrapped only where it is indented, as the texts of conversations are.
    """
    from rich.text import Text

    whole = Text(harmless(text).expandtabs(4), style=style) if isinstance(text, str) else text
    width = max(20, to.width - indent)
    for line in whole.split("\n", allow_blank=True):
        wraps = line.plain.strip() and (indent or _is_for_eyes(to))
        pieces = line.wrap(to, width, overflow="fold") if wraps else [line]
        for piece in pieces:
            piece.rstrip()
            to.print(Text(" " * indent if piece.plain else "").append_text(piece), soft_wrap=True)


def table(
    to: Console,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    folding: Sequence[str] = (),
) -> None:
    """Write a table; the columns named in ``right`` hold numbers, those in ``folding`` give way where it is narrow.

    They keep a part of their width: a table that is wider than the terminal says more than one without its names. What
    goes into a file or to another program is as wide as it has to be, so that each row is a line of its own.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    cells = [tuple(map(harmless, row)) for row in rows]
    natural = [max(map(cell_len, column)) for column in zip(columns, *cells)]
    least = [min(width, _LEAST) if name in folding else width for name, width in zip(columns, natural)]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(name, justify=justify, overflow="fold", no_wrap=name not in folding)
    for row in cells:
        made.add_row(*row)
    wanted = least if _is_for_eyes(to) else natural
    width, to.width = to.width, max(to.width, sum(wanted) + 2 * (len(wanted) - 1))
    with to.capture() as captured:
        to.print(made)
    to.width = width
    for line in captured.get().splitlines():
        to.file.write(line.rstrip() + "\n")


def print_json(tree: Json) -> None:
    """Write plain data as JSON, in ASCII, so that it is whole in every encoding and harmless on every terminal."""
    click.echo(json.dumps(tree, indent=2).replace("\x7f", "\\u007f"))


def shown_path(path: Path) -> str:
    """A path as short as it is clear: relative below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()


def number(value: int) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


def counted(value: int, word: str) -> str:
    """``1 recording``, ``2 recordings``."""
    return f"{value:,} {word}" if value == 1 else f"{value:,} {word}s"


def dollars(cost: Decimal | None) -> str:
    """A price: cents from a dollar on, else as many digits as it takes."""
    if cost is None:
        return "-"
    if cost >= 1:
        return f"${cost:,.2f}"
    if 0 < cost < Decimal("0.000001"):
        return "<$0.000001"
    digits = f"{cost:.6f}".rstrip("0")
    whole, _, part = digits.partition(".")
    return f"${whole}.{part:0<2}"


def seconds(value: float) -> str:
    """A duration."""
    if value < 0.995:
        return f"{value:.2g} s"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s" if value < 3600 else f"{value / 3600:.1f} h"


def as_float(cost: Decimal | None) -> float | None:
    """A price for JSON."""
    return None if cost is None else float(cost)
