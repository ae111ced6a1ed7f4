"""``promptecho stats``: calls, tokens, cost and time of all recordings, by model and by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, find, open_or_say_why
from promptecho._cli._totals import Totals, by_model, hint_on_prices
from promptecho._telling.answers import size_note

if TYPE_CHECKING:
    from rich.console import Console

Json = Any

_SHOWN_FILES = 10


@dataclass(frozen=True)
class Statistics:
    """Totals of everything, by model (the most expensive first), and by file (the biggest first)."""

    everything: Totals
    models: tuple[tuple[str, Totals], ...]
    files: tuple[tuple[OpenedCassette, Totals], ...]


def gather(cassettes: Sequence[OpenedCassette]) -> Statistics:
    """Add up the recordings of some cassettes."""
    everything = Totals()
    models: dict[str, Totals] = {}
    files: list[tuple[OpenedCassette, Totals]] = []
    for opened in cassettes:
        here = Totals()
        for model, totals in by_model(opened.interactions, opened.recorded_at):
            models.setdefault(model or "-", Totals()).add(totals)
            here.add(totals)
        everything.add(here)
        files.append((opened, here))
    files.sort(key=lambda pair: (-pair[0].size, pair[0].path.as_posix()))
    return Statistics(
        everything,
        tuple(sorted(models.items(), key=lambda pair: (-pair[1].cost, -pair[1].calls, pair[0]))),
        tuple(files),
    )


def to_json(found: Statistics) -> Json:
    """The statistics as plain data."""
    return {
        "total": {"cassettes": len(found.files), **found.everything.to_json()},
        "models": [{"model": model, **totals.to_json()} for model, totals in found.models],
        "files": [
            {"path": opened.path.as_posix(), "size": opened.size, "problem": opened.problem or None, **totals.to_json()}
            for opened, totals in found.files
        ],
    }


def show(found: Statistics) -> None:
    """The statistics as two tables, and a line that sums them up."""
    to = _screen.console()
    _show_models(to, found)
    to.print()
    _show_files(to, found)
    to.print()
    total = found.everything
    facts = [
        f"{_screen.counted(total.calls, 'call')} in {_screen.counted(len(found.files), 'cassette')}",
        size_note(sum(opened.size for opened, _ in found.files)),
        f"{_screen.counted(total.errors, 'error')}" if total.errors else "",
        f"{_screen.counted(total.unpriced, 'call')} without a known price" if total.unpriced else "",
    ]
    _screen.paragraph(to, ", ".join(fact for fact in facts if fact))
    if hint_on_prices(total):
        _screen.paragraph(to, hint_on_prices(total))
    for opened, _ in found.files:
        if opened.problem:
            _screen.paragraph(to, f"unreadable: {opened.problem}", style="red")


def _show_models(to: Console, found: Statistics) -> None:
    columns = ("model", "calls", "streams", "in", "cached", "out", "reasoning", "cost", "time")
    rows = [(model, *_cells(totals)) for model, totals in found.models]
    if len(rows) > 1:
        rows.append(("all", *_cells(found.everything)))
    _screen.table(to, columns, rows, right=columns[1:], folding=("model",))


def _show_files(to: Console, found: Statistics) -> None:
    shown = found.files[:_SHOWN_FILES]
    rows = [
        (
            _screen.shown_path(opened.path),
            "unreadable" if opened.problem else _screen.number(totals.calls),
            _screen.seconds(totals.seconds),
            size_note(opened.size),
        )
        for opened, totals in shown
    ]
    columns = ("cassette", "calls", "time", "size")
    _screen.table(to, columns, rows, right=columns[1:], folding=("cassette",))
    if len(found.files) > len(shown):
        _screen.paragraph(to, f"and {_screen.counted(len(found.files) - len(shown), 'smaller cassette')}")


def _cells(totals: Totals) -> tuple[str, ...]:
    counts = (totals.calls, totals.streams, totals.input_tokens, totals.cache_read_tokens, totals.output_tokens,
              totals.reasoning_tokens)  # fmt: skip
    return (*map(_screen.number, counts), totals.cost_text, _screen.seconds(totals.seconds))


@click.command("stats")
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the statistics as JSON.")
def command(paths: tuple[Path, ...], as_json: bool) -> None:
    """Add up calls, tokens, cost and recorded time, by model and by file.

    PATHS are cassettes or folders; without any, the `cassettes` folders below this one. Exit code 1: one of them can't
    be read.
    """
    found = gather([open_or_say_why(path) for path in find(paths)])
    if as_json:
        _screen.print_json(to_json(found))
    elif found.files:
        show(found)
    else:
        click.echo("No cassettes found here.", err=True)
    raise SystemExit(1 if any(opened.problem for opened, _ in found.files) else 0)
