"""Ollama."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "ollama",
    "Ollama",
    hosts=("ollama.com",),
    sdks=(
        Sdk("ollama", clients=("Client", "AsyncClient"), functions=("chat", "embed*", "generate")),
        Sdk("langchain-ollama", clients=("*Chat*", "*Embeddings", "*LLM"), below="ollama"),
    ),
    is_free=True,
)
