"""Ollama."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "ollama",
    "Ollama",
    hosts=("ollama.com",),
    sdks=(Sdk("ollama"),),
    is_free=True,
)
