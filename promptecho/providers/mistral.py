"""Mistral."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "mistral",
    "Mistral",
    hosts=("api.mistral.ai",),
    sdks=(Sdk("mistralai"),),
    price_id="mistral",
)
