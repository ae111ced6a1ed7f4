"""What one token of a model costs, asked of a price list once, so that a call is priced without asking again.

Rule: only where all prices are plain numbers. A price that depends on how much is asked for (tiers) is the list's to
tell, and so is usage that doesn't add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from promptecho._telling.answers import Usage

Ask = Callable[[Usage], Decimal]
_MANY = 1_000_000


@dataclass(frozen=True)
class Rates:
    """The price of a call as far as it depends on its tokens: USD per token of each kind, and per call."""

    per_call: Decimal
    per_token: tuple[tuple[str, Decimal], ...]

    def price(self, usage: Usage) -> Decimal:
        return self.per_call + sum((rate * getattr(usage, kind) for kind, rate in self.per_token), Decimal(0))


class RateCard:
    """The rates of models, by the prices that a list has in force for them and the kinds of tokens in a call."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, tuple[str, ...]], tuple[Any, Rates | None]] = {}

    def price(self, in_force: Any, usage: Usage, ask: Ask) -> Decimal:
        """What ``ask`` gives for a call, by the rates that it gave before for the same prices."""
        if not _adds_up(usage):
            return ask(usage)
        kinds = tuple(kind for kind, count in vars(usage).items() if count)
        key = (id(in_force), kinds)
        if key not in self._known:
            rates = _rates(kinds, ask) if _is_plain(in_force) else None
            self._known[key] = (in_force, rates)  # kept, so that its id stays its own
        rates = self._known[key][1]
        return ask(usage) if rates is None else rates.price(usage)


def _adds_up(usage: Usage) -> bool:
    """Whether the parts of input and output are no more than the whole."""
    return (
        usage.cache_read_tokens + usage.cache_write_tokens <= usage.input_tokens
        and usage.reasoning_tokens <= usage.output_tokens
        and min(vars(usage).values()) >= 0
    )


def _is_plain(in_force: Any) -> bool:
    values = [value for name, value in vars(in_force).items() if not name.startswith("_")]
    return all(value is None or isinstance(value, Decimal) for value in values)


def _rates(kinds: tuple[str, ...], ask: Ask) -> Rates:
    """Rates by differences: what a call costs more for a million more tokens of a kind."""
    start = Usage(**{kind: 4 * _MANY if kind in ("input_tokens", "output_tokens") else _MANY for kind in kinds})
    at_start = ask(start)
    per_token = tuple(
        (kind, (ask(replace(start, **{kind: getattr(start, kind) + _MANY})) - at_start) / _MANY) for kind in kinds
    )
    per_call = at_start - sum((rate * getattr(start, kind) for kind, rate in per_token), Decimal(0))
    return Rates(per_call, per_token)
