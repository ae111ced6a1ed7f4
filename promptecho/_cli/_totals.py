"""What recordings add up to: calls, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from promptecho._cassette.interaction import Interaction
from promptecho._cli import _screen
from promptecho._telling import prices
from promptecho._telling.answers import read_answer

Json = Any


@dataclass
class Totals:
    """Counts over some recordings.

    ``cost`` is that of the ``priced`` calls; ``unpriced`` are answers whose price can't be told: an unknown model, no
    usage in the answer, or no price list.
    """

    calls: int = 0
    streams: int = 0
    errors: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal = Decimal(0)
    priced: int = 0
    unpriced: int = 0
    seconds: float = 0.0

    @property
    def known_cost(self) -> Decimal | None:
        """The cost, or ``None`` where no call has a known price."""
        return self.cost if self.priced else None

    @property
    def cost_text(self) -> str:
        """The cost as shown; a plus says that it is more, by calls without a known price."""
        return _screen.dollars(self.known_cost) + ("+" if self.priced and self.unpriced else "")

    def add(self, other: Totals) -> None:
        """Count another's recordings in."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_json(self) -> Json:
        """The totals as plain data."""
        hidden = ("cost", "priced", "unpriced", "seconds")
        tree = {name: value for name, value in vars(self).items() if name not in hidden}
        return {
            **tree,
            "cost_usd": _screen.as_float(self.known_cost),
            "calls_without_price": self.unpriced,
            "seconds": round(self.seconds, 4),
        }


def by_model(interactions: Iterable[Interaction], moment: datetime | None) -> Iterator[tuple[str, Totals]]:
    """For each recording its model, and what it adds; prices are those of the moment of the recording."""
    for interaction in interactions:
        totals = Totals(
            calls=1,
            streams=int(interaction.streaming),
            errors=int(interaction.status >= 400),
            seconds=interaction.duration or 0.0,
        )
        answer = read_answer(interaction)
        if answer is not None and answer.usage is not None:
            usage = answer.usage
            totals.input_tokens, totals.output_tokens = usage.input_tokens, usage.output_tokens
            totals.cache_read_tokens, totals.cache_write_tokens = usage.cache_read_tokens, usage.cache_write_tokens
            totals.reasoning_tokens = usage.reasoning_tokens
        if answer is not None and answer.error is None:
            cost = prices.price(answer, interaction.url, at=moment)
            if cost is None:
                totals.unpriced = 1
            else:
                totals.cost, totals.priced = cost, 1
        model = answer.model if answer is not None and answer.model else interaction.body.get("model")
        yield model if isinstance(model, str) else "", totals


def hint_on_prices(totals: Totals) -> str:
    """What to install where prices are missing for want of the list."""
    return "No prices: pip install 'promptecho[prices]'" if totals.unpriced and not prices.is_available() else ""
