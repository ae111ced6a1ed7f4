"""Figures to text: medians, ratios to the floor of the same round, their spread, and the table in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.rounds import Outcome
from benchmarks.scenario import CONTENDERS, FLOOR, Metric, Scenario

COLUMNS = (FLOOR, *CONTENDERS)


def rows(scenario: Scenario, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A line for each metric: what, a cell for each column, what is to be reached."""
    place = {entrant.column: number for number, entrant in enumerate(scenario.entrants)}
    floor = outcomes[place[FLOOR]] if FLOOR in place else None
    found = []
    for metric in scenario.metrics:
        cells = [": ".join(filter(None, [scenario.title, metric.title]))]
        for column in COLUMNS:
            if column not in place:
                cells.append("")
                continue
            outcome = outcomes[place[column]]
            cell = _cell(metric, outcome, None if column == FLOOR else floor)
            note = scenario.entrants[place[column]].note
            cells.append(f"{cell} ({note})" if note and not outcome.reason else cell)
        ours = outcomes[place[CONTENDERS[0]]]
        found.append([*cells, _aim(metric, ours, floor)])
    return found


def values(metric: Metric, outcome: Outcome) -> list[float]:
    return [sample[metric.key] for sample in outcome.samples.values() if metric.key in sample]


def ratios(metric: Metric, outcome: Outcome, floor: Outcome | None) -> list[float]:
    """An entrant's figure in each round over the floor's in that round."""
    if floor is None:
        return []
    key = metric.key
    return [
        sample[key] / floor.samples[number][key]
        for number, sample in outcome.samples.items()
        if key in sample and floor.samples.get(number, {}).get(key)
    ]


def _cell(metric: Metric, outcome: Outcome, floor: Outcome | None) -> str:
    if outcome.reason:
        return outcome.reason
    figures = values(metric, outcome)
    if not figures:
        return ""
    text = f"{number(statistics.median(figures))} {metric.unit}"
    over = ratios(metric, outcome, floor) if metric.unit != "x" else []
    if over and metric.unit != "MB":
        return f"{text}, {number(statistics.median(over))}x ({_spread(over)})"
    return text + (f" ({_spread(figures)})" if len(figures) > 2 and max(figures) > min(figures) else "")


def _aim(metric: Metric, ours: Outcome, floor: Outcome | None) -> str:
    if metric.at_most is None:
        return ""
    reached = ratios(metric, ours, floor) if metric.of == "ratio" else values(metric, ours)
    unit = "x" if metric.of == "ratio" else f" {metric.unit}" if metric.unit != "x" else "x"
    if not reached:
        return f"<= {metric.at_most:g}{unit}"
    met = "met" if statistics.median(reached) <= metric.at_most else "**not met**"
    return f"<= {metric.at_most:g}{unit}: {met}"


def _spread(figures: Sequence[float]) -> str:
    """The 10th and the 90th percentile."""
    ordered = sorted(figures)
    low, high = ordered[round(0.1 * (len(ordered) - 1))], ordered[round(0.9 * (len(ordered) - 1))]
    return f"{number(low)}-{number(high)}"


def number(value: float) -> str:
    """Three digits that count, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if value == int(value):
        return str(int(value))
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    head = ["what", *COLUMNS, "to reach"]
    text = [head, ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in text)
