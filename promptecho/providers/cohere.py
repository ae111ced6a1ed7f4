"""Cohere."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "cohere",
    "Cohere",
    hosts=("api.cohere.com", "api.cohere.ai"),
    sdks=(Sdk("cohere"),),
    price_id="cohere",
)
