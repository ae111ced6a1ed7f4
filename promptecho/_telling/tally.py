"""What one cassette did in a run, as plain data that goes from the workers of pytest-xdist to the summary."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from promptecho._cassette.cassette import Cassette
from promptecho._cassette.interaction import Interaction
from promptecho._secrets.masked_names import masked_name
from promptecho._telling.answers import read_answer
from promptecho._telling.prices import price


def tally(cassette: Cassette, refused: list[int], *, again: bool, failed: bool, unfinished: bool) -> dict[str, Any]:
    """What a cassette did until it closed.

    ``again``: it was recorded again, so numbers of the file before say nothing. ``played`` has the numbers of
    the recordings that were asked for or made now, ``errors`` the statuses from 400 up among those made, ``refused``
    those of them that were taken out again.
    """
    recorded = cassette.recorded if cassette.recorded_count else ()
    errors = Counter(each.status for each in recorded if each.status >= 400) - Counter(refused)
    return {
        "path": str(cassette.path),
        "test": masked_name(os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]),
        "recordings": len(cassette),
        "played": cassette.played_numbers(),
        "replayed": len(cassette.played),
        "recorded": len(recorded),
        "passed_through": cassette.passed_through,
        "background": cassette.background,
        "misses": len(cassette.misses),
        "again": again,
        "failed": failed,
        "unfinished": unfinished,
        "errors": sorted(errors.elements()),
        "refused": refused,
        "unmatched": cassette.unmatched,
        "saved": _amounts(cassette.played),
        "spent": _amounts(recorded),
    }


def _amounts(interactions: Iterable[Interaction]) -> dict[str, Any]:
    """Tokens, USD (as text) and seconds; ``unpriced`` counts the calls with tokens whose price isn't known."""
    tokens_in = tokens_out = unpriced = 0
    usd, seconds = Decimal(0), 0.0
    for interaction in interactions:
        seconds += interaction.duration or 0.0
        answer = read_answer(interaction)
        if answer is None or answer.usage is None:
            continue
        tokens_in += answer.usage.input_tokens
        tokens_out += answer.usage.output_tokens
        cost = price(answer, interaction.url)
        unpriced += cost is None
        usd += cost or 0
    return {"input": tokens_in, "output": tokens_out, "usd": str(usd), "unpriced": unpriced, "seconds": seconds}
