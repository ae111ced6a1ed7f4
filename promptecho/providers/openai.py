"""OpenAI."""

from __future__ import annotations

from promptecho.providers._background import ANY, Background
from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "openai",
    "OpenAI",
    hosts=("api.openai.com",),
    background=(Background(ANY, "traces/ingest", status=204, senders=("agents.tracing",)),),
    sdks=(
        Sdk(
            "openai",
            clients=("*OpenAI", "Client", "AsyncClient"),
            functions=("chat.*", "completions.*", "embeddings.*", "images.*", "moderations.*", "responses.*"),
        ),
        Sdk("openai-agents", "agents", below="openai"),
        Sdk("langchain-openai", clients=("*Chat*", "*OpenAI", "*Embeddings"), below="openai"),
        Sdk("pydantic-ai-slim", "pydantic_ai", clients=("Agent(*:*)",), below="openai"),
        Sdk("instructor", clients=("from_*", "patch"), below="openai"),
    ),
    environment=("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"),
)
