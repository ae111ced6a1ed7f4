"""Anthropic."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "anthropic",
    "Anthropic",
    hosts=("api.anthropic.com",),
    sdks=(
        Sdk("anthropic", clients=("Anthropic*", "AsyncAnthropic*", "Client", "AsyncClient")),
        Sdk("langchain-anthropic", clients=("*Chat*", "*Embeddings", "*LLM"), below="anthropic"),
    ),
    price_id="anthropic",
)
