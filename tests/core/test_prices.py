"""What a call cost, by a price list that is on this machine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from promptecho._telling.answers import Answer, Usage
from promptecho._telling.prices import price

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
installed = pytest.mark.skipif(importlib.util.find_spec("genai_prices") is None, reason="needs genai-prices")
CLAUDE = "claude-3-5-sonnet-20241022"


def cost(provider: str, model: str, usage: Usage, url: str = "") -> Decimal | None:
    return price(Answer(provider, model, usage=usage), url, at=AT)


@installed
def test_input_and_output_have_their_prices() -> None:
    million = 1_000_000
    read, wrote = Usage(million, 0), Usage(0, million)
    url = "https://api.anthropic.com/v1/messages"
    assert cost("anthropic", CLAUDE, read, url) == Decimal(3)
    assert cost("anthropic", CLAUDE, wrote, url) == Decimal(15)


@installed
def test_what_was_read_from_a_cache_or_written_to_one_is_priced_as_that() -> None:
    million = 1_000_000
    assert cost("anthropic", CLAUDE, Usage(million, 0, cache_read_tokens=million)) == Decimal("0.3")
    assert cost("anthropic", CLAUDE, Usage(million, 0, cache_write_tokens=million)) == Decimal("3.75")


@installed
def test_reasoning_is_charged_as_output() -> None:
    url = "https://api.openai.com/v1/responses"
    plain = cost("openai-responses", "o3-mini", Usage(10, 1000), url)
    assert plain is not None
    assert cost("openai-responses", "o3-mini", Usage(10, 1000, reasoning_tokens=900), url) == plain


@installed
@pytest.mark.parametrize(
    ("provider", "model", "url"),
    [
        ("openai-chat", "gpt-4o", "http://127.0.0.1:9/v1/chat/completions"),
        ("openai-chat", "gpt-4o-2024-08-06", "https://api.openai.com/v1/chat/completions"),
        ("openai-chat", "gpt-4o", "https://gateway.example/v1/chat/completions"),
        ("anthropic", CLAUDE, "https://gateway.example/v1/messages"),
        ("gemini", "gemini-2.0-flash", "https://generativelanguage.googleapis.com/v1beta/models/x:generateContent"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", "http://localhost:4566/model/x/converse"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", "https://bedrock-runtime.us-east-1.amazonaws.com/x"),
        ("mistral", "mistral-large-latest", "https://api.mistral.ai/v1/chat/completions"),
        ("cohere", "command-r-plus", "https://api.cohere.com/v2/chat"),
    ],
)
def test_a_known_model_has_a_price_wherever_it_was_called(provider: str, model: str, url: str) -> None:
    found = cost(provider, model, Usage(1000, 1000), url)
    assert found is not None
    assert 0 < found < 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer("openai-chat", "model-of-nobody", usage=Usage(10, 10)),
        Answer("openai-chat", "gpt-4o"),
        Answer("openai-chat", "", usage=Usage(10, 10)),
        Answer("ollama", "gpt-4o", usage=Usage(10, 10)),
        Answer("anthropic", "\ud800\x1b[31m", usage=Usage(10, 10)),
    ],
)
def test_what_has_no_known_price_has_none(answer: Answer) -> None:
    for url in ("", "http://localhost:1234/v1", "https://[broken", "https://gateway.example/v1"):
        assert price(answer, url) is None


@installed
def test_a_provider_that_does_not_list_a_model_does_not_get_the_price_of_another() -> None:
    usage = Usage(1000, 1000)
    assert cost("openai-chat", "gpt-4o", usage, "https://gateway.example/v1/chat/completions") is not None
    assert cost("openai-chat", "gpt-4o", usage, "https://api.groq.com/openai/v1/chat/completions") is None


USAGES = (
    Usage(10, 0),
    Usage(7, 3),
    Usage(1000, 200, cache_read_tokens=900),
    Usage(1000, 200, cache_write_tokens=100),
    Usage(300_000, 5000, cache_read_tokens=200_000, cache_write_tokens=50_000),
    Usage(250_001, 1, reasoning_tokens=1),
    Usage(10, 20, cache_read_tokens=11),  # doesn't add up
)
MOMENTS = (datetime(2024, 6, 1, tzinfo=timezone.utc), AT, datetime(2026, 1, 1, 18, tzinfo=timezone.utc))


def as_the_library_says(provider: str, model: str, usage: Usage, at: datetime) -> Decimal | None:
    import genai_prices

    known = {name: value for name, value in vars(usage).items() if value and name != "reasoning_tokens"}
    try:
        asked = genai_prices.Usage(**{"input_tokens": 0, "output_tokens": 0, **known})
        return genai_prices.calc_price(asked, model, provider_id=provider, genai_request_timestamp=at).total_price
    except (LookupError, ValueError):
        return None


def models_of(*providers: str) -> list[tuple[str, str, bool]]:
    """The models of providers, with whether their price depends on the size of a call or on its time."""
    from genai_prices.data import providers as all_providers

    found = []
    for provider in all_providers:
        for model in provider.models if provider.id in providers else ():
            prices = [each.prices for each in model.prices] if isinstance(model.prices, list) else [model.prices]
            tiers = any(hasattr(value, "tiers") for each in prices for value in vars(each).values())
            found.append((provider.id, model.id, len(prices) > 1 or tiers))
    return found


@installed
def test_every_model_costs_what_the_list_says_however_its_price_comes_about() -> None:
    shapes = {"anthropic": "anthropic", "google": "gemini", "cohere": "cohere", "mistral": "mistral"}
    models = models_of(*shapes)
    assert len(models) > 30
    assert any(varies for _, _, varies in models)
    for provider, model, varies in models:
        for at in MOMENTS if varies else (AT,):
            for usage in USAGES:
                answer = Answer(shapes[provider], model, usage=usage)
                assert price(answer, at=at) == as_the_library_says(provider, model, usage, at), (model, usage, at)


@installed
def test_a_price_that_changed_at_a_time_is_that_of_the_time() -> None:
    from genai_prices.data import providers

    url = "https://api.deepseek.com/chat/completions"
    (deepseek,) = (each for each in providers if each.id == "deepseek")
    model = next(each for each in deepseek.models if isinstance(each.prices, list))
    moments = [datetime(2025, 3, 1, hour, 45, tzinfo=timezone.utc) for hour in range(24)]
    usage = Usage(1_000_000, 1_000_000)
    found = [price(Answer("openai-chat", model.id, usage=usage), url, at=at) for at in moments]
    assert found == [as_the_library_says("deepseek", model.id, usage, at) for at in moments]
    assert len(set(found)) > 1


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


PRICE = "from promptecho._telling.answers import Answer, Usage; from promptecho._telling.prices import price; "
ASK = "print(price(Answer('openai-chat', 'gpt-4o', usage=Usage(10, 10))))"


def test_without_the_library_there_are_no_prices_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "genai_prices.py").write_text("raise ImportError('not installed')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "backends")])
    assert run(PRICE + ASK, PYTHONPATH=path) == "None"


@installed
def test_a_price_makes_no_network_call_and_starts_no_thread() -> None:
    watch = (
        "import sys, threading; calls = []; "
        "sys.addaudithook(lambda event, args: calls.append(event) if event.startswith('socket.') else None); "
    )
    said = run(watch + PRICE + ASK + "; print(calls, threading.active_count())").splitlines()
    assert Decimal(said[0]) > 0
    assert said[1] == "[] 1"


def test_the_library_is_not_imported_before_the_first_price() -> None:
    check = "import sys, promptecho, promptecho._telling.prices, promptecho.pytest_plugin; print('genai_prices' in sys.modules)"
    assert run(check) == "False"
