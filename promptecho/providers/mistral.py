"""Mistral."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "mistral",
    "Mistral",
    hosts=("api.mistral.ai",),
    sdks=(
        Sdk("mistralai", clients=("Mistral",)),
        Sdk("langchain-mistralai", clients=("*Chat*", "*Embeddings", "*LLM")),
    ),
    price_id="mistral",
)
