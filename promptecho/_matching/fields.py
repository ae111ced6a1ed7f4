"""Fields of a request body that are known to leave the answer alone, or to be a choice that a recording needn't follow.

Rule: a field that is not in this table counts. Each entry says for which providers it holds and why it is neutral.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from promptecho import providers
from promptecho.providers._fields import ANYWHERE, KNOWN_APIS, Neutral

Json = Any


# For every provider; those of one are with it.
NEUTRAL = (
    Neutral(
        ("temperature", "top_p", "top_k", "top_a", "min_p", "typical_p", "typical", "tfs_z", "seed", "random_seed",
         "frequency_penalty", "presence_penalty", "repetition_penalty", "repeat_penalty", "repeat_last_n",
         "penalty_last_n", "penalize_newline", "length_penalty", "no_repeat_ngram_size", "do_sample",
         "mirostat", "mirostat_tau", "mirostat_eta", "dynatemp_range", "dynatemp_exponent", "xtc_probability",
         "xtc_threshold", "dry_multiplier", "dry_base", "dry_allowed_length", "top_n_sigma", "watermark"),
        "sampling: every vendor's answers vary by it, and a recording is one of them",
        is_setting=True,
    ),
    Neutral(
        ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_gen_len", "max_length",
         "max_tokens_to_sample", "max_token_count", "min_tokens", "min_new_tokens", "num_predict", "n_predict",
         "timeout", "time_limit", "max_time"),
        "limits: they say how much of an answer there may be, not which",
        is_setting=True,
    ),
    Neutral(("stream",), "in the key by itself, as some say by the path that they want one", where=ANYWHERE),
    Neutral(
        ("cache_control", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "cache_prompt",
         "cache_salt", "use_cache", "id_slot", "slot_id"),
        "caching of OpenAI, Anthropic, llama.cpp, vLLM and Hugging Face: it changes the price and the time",
        is_setting=True,
    ),
    Neutral(
        ("service_tier", "processing_tier"),
        "tiers of OpenAI, Anthropic, Groq and Bedrock: another price or latency of the same model",
    ),
    Neutral(
        ("request_id", "client_request_id", "trace_id", "span_id", "parent_span_id", "correlation_id",
         "trace", "trace_context", "traceparent", "tracestate", "idempotency_key", "nonce", "litellm_call_id",
         "litellm_trace_id", "timestamp", "created_at", "sent_at", "client_timestamp"),
        "ids and times that a client makes up for each request",
        where=ANYWHERE,
    ),
    Neutral(
        ("user", "metadata", "safety_identifier", "end_user_id", "user_id", "session_id", "client_metadata"),
        "who asks, for the vendor's records",
        where=KNOWN_APIS,
    ),
)  # fmt: skip
# An id or a time under a longer name: x_request_id, prompt_timestamp.
_FRESH = re.compile(r"_(?:request_id|trace_id|span_id|correlation_id|timestamp)\Z")


def all_neutral() -> tuple[Neutral, ...]:
    """Every entry: of all providers, and of each."""
    return (*NEUTRAL, *providers.neutral())


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """``maxTokens`` and ``max_tokens`` are one name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=4096)
def _entries(name: str) -> tuple[Neutral, ...]:
    plain = snake_case(name)
    found = tuple(entry for entry in all_neutral() if plain in entry.names)
    return found or (_FRESH_ENTRY if _FRESH.search(plain) else ())


_FRESH_ENTRY = (
    Neutral((), "ids and times that a client makes up for each request, by the end of their names", where=ANYWHERE),
)


def is_neutral(name: str, provider: str, where: int) -> bool:
    """Whether a top-level field doesn't count in the chats of a provider, or in what is less surely one."""
    return any(entry.where >= where and _holds_for(entry, provider) for entry in _entries(name))


def counting_settings(value: Mapping[str, Json], provider: str) -> dict[str, Json]:
    """What counts of an object of settings."""
    return {
        name: each
        for name, each in value.items()
        if not any(entry.is_setting and _holds_for(entry, provider) for entry in _entries(name))
    }


def _holds_for(entry: Neutral, provider: str) -> bool:
    return not entry.shapes or provider in entry.shapes
