"""Cohere."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "cohere",
    "Cohere",
    hosts=("api.cohere.com", "api.cohere.ai"),
    sdks=(
        Sdk("cohere", clients=("Client*", "AsyncClient*")),
        Sdk("langchain-cohere", clients=("*Chat*", "*Embeddings", "*LLM"), below="cohere"),
    ),
    price_id="cohere",
)
