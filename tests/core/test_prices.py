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

from promptecho._answers import Answer, Usage
from promptecho._prices import price

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


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


PRICE = "from promptecho._answers import Answer, Usage; from promptecho._prices import price; "
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
    check = "import sys, promptecho, promptecho._prices, promptecho.pytest_plugin; print('genai_prices' in sys.modules)"
    assert run(check) == "False"
