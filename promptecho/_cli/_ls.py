"""``promptecho ls``: the cassettes of a project, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, find, open_or_say_why
from promptecho._cli._totals import Totals, by_model, hint_on_prices
from promptecho._telling.answers import size_note

Json = Any


@dataclass(frozen=True)
class Row:
    """What the list says of one cassette."""

    opened: OpenedCassette
    models: tuple[str, ...]
    totals: Totals

    @property
    def state(self) -> str:
        if self.opened.problem:
            return "unreadable"
        return "unfinished" if self.opened.unfinished else "finished"


def summarize(opened: OpenedCassette) -> Row:
    """The row of one cassette."""
    models: dict[str, None] = {}
    all_of_it = Totals()
    for model, totals in by_model(opened.interactions, opened.recorded_at):
        all_of_it.add(totals)
        if model:
            models[model] = None
    return Row(opened, tuple(models), all_of_it)


def to_json(rows: Sequence[Row]) -> Json:
    """The list as plain data."""
    return {
        "cassettes": [
            {
                "path": row.opened.path.as_posix(),
                "state": row.state,
                "problem": row.opened.problem or None,
                "models": list(row.models),
                **row.totals.to_json(),
                "recorded_at": row.opened.recorded_at.isoformat() if row.opened.recorded_at else None,
                "size": row.opened.size,
            }
            for row in rows
        ]
    }


def age(moment: datetime, now: datetime) -> str:
    """How long ago something was, in the largest unit that fits."""
    passed = (now - moment).total_seconds()
    for unit, length in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if passed >= length:
            return _screen.counted(int(passed // length), unit)
    return "now"


def show(rows: Sequence[Row], *, ages: bool) -> None:
    """The list as a table, and below it what is wrong with files that can't be read."""
    to = _screen.console()
    now = datetime.now(timezone.utc)

    def when(row: Row) -> str:
        moment = row.opened.recorded_at
        if moment is None:
            return "-"
        return age(moment, now) if ages else moment.date().isoformat()

    def state(row: Row) -> str:
        errors = row.totals.errors
        return f"{row.state}, {_screen.counted(errors, 'error')}" if errors else row.state

    _screen.table(
        to,
        ("cassette", "calls", "models", "in/out", "cost", "state", "age" if ages else "recorded", "size"),
        [
            (
                _screen.shown_path(row.opened.path),
                _screen.number(len(row.opened.interactions)),
                ", ".join(row.models) or "-",
                f"{_screen.number(row.totals.input_tokens)}/{_screen.number(row.totals.output_tokens)}",
                row.totals.cost_text,
                state(row),
                when(row),
                size_note(row.opened.size),
            )
            for row in rows
        ],
        right=("calls", "in/out", "cost", "size"),
        folding=("cassette", "models", "state"),
    )
    for row in rows:
        if row.opened.problem:
            _screen.paragraph(to, f"unreadable: {row.opened.problem}", style="red")
    hint = next(filter(None, (hint_on_prices(row.totals) for row in rows)), "")
    if hint:
        _screen.paragraph(to, hint)


@click.command("ls")
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@click.option("--age", "ages", is_flag=True, help="Show how long ago each was recorded, not on which day.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(paths: tuple[Path, ...], ages: bool, as_json: bool) -> None:
    """List cassettes: their calls, models, tokens, cost and state.

    PATHS are cassettes or folders; without any, the `cassettes` folders below this one. Exit code 1: one of them can't
    be read.
    """
    rows = [summarize(open_or_say_why(path)) for path in find(paths)]
    if as_json:
        _screen.print_json(to_json(rows))
    elif rows:
        show(rows, ages=ages)
    else:
        click.echo("No cassettes found here.", err=True)
    raise SystemExit(1 if any(row.opened.problem for row in rows) else 0)
