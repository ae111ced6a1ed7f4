"""What a recorded call cost, by the price list of the library genai-prices (the extra ``promptecho[prices]``).

The list is part of that library: nothing is looked up on the network. The library is imported at the first price.
"""

from __future__ import annotations

import importlib
import warnings
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from promptecho import _clock, providers
from promptecho._telling.answers import Answer, Usage
from promptecho._telling.rates import RateCard

_rates = RateCard()


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        return importlib.import_module("genai_prices")
    except ImportError:
        return None


def is_available() -> bool:
    """Whether prices can be told here at all."""
    return _library() is not None


def price(answer: Answer, url: str = "", *, at: datetime | None = None) -> Decimal | None:
    """What a call cost in USD at a time, or ``None`` where the model or its price isn't known.

    ``url`` is where the call went. Tokens read from a cache and written to one have prices of their own; reasoning is
    charged as output.
    """
    library = _library()
    if library is None or answer.usage is None or not answer.model:
        return None
    where = _where(library, answer, url)
    if where is None:
        return None
    moment = at or _run_began()

    def ask(usage: Usage) -> Decimal:
        asked = _usage(library, usage)
        return Decimal(library.calc_price(asked, answer.model, genai_request_timestamp=moment, **where).total_price)

    try:
        _, model = library.data_snapshot.get_snapshot().find_provider_model(
            answer.model, None, where.get("provider_id"), where.get("provider_api_url")
        )
        return _rates.price(model.get_prices(moment), answer.usage, ask)
    except (LookupError, ValueError, TypeError, AttributeError):  # unknown to the list, or priced by what we lack
        return None


@lru_cache(maxsize=1)
def _run_began() -> datetime:
    """The day whose prices count; the real one, also in a test that pretends another."""
    return _clock.now()


def _where(library: Any, answer: Answer, url: str) -> dict[str, str] | None:
    """Whose price it is: the provider's at the address, else the shape's, else that of the model's maker."""
    if url and _knows(library, url):
        return {"provider_api_url": url}
    maker = providers.with_shape(answer.provider)
    if maker is None:
        return {}
    if maker.is_free:  # it runs on one's own machine, unless its address is that of a provider
        return None
    # OpenAI's shape says nothing about who answered: there the library goes by the model's name.
    return {"provider_id": maker.price_id} if maker.price_id else {}


def _knows(library: Any, url: str) -> bool:
    """Whether an address is that of a provider with a list: what it doesn't list must not get another's price."""
    try:
        library.data_snapshot.get_snapshot().find_provider(None, None, url)
    except LookupError:
        return False
    return True


def _usage(library: Any, usage: Usage) -> Any:
    known = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }
    # A reported 0 can be an error for a model that has no price for it.
    given = {name: value for name, value in known.items() if value or name in ("input_tokens", "output_tokens")}
    if usage.reasoning_tokens:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return library.Usage(**given, output_reasoning_tokens=usage.reasoning_tokens)
            except (TypeError, UserWarning):  # releases for Python 3.9 and 3.10 know no price of its own for it
                pass
    return library.Usage(**given)
