"""Anthropic."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "anthropic",
    "Anthropic",
    hosts=("api.anthropic.com",),
    sdks=(Sdk("anthropic"), Sdk("langchain-anthropic", below="anthropic")),
    price_id="anthropic",
)
