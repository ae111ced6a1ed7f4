"""OpenAI."""

from __future__ import annotations

from promptecho.providers._background import ANY, Background
from promptecho.providers._fields import KNOWN_APIS, Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, WORD, key_rule
from promptecho.providers._provider import Provider, Sdk
from promptecho.providers.openai import assistants, chat, responses

PROVIDER = Provider(
    "openai",
    "OpenAI",
    hosts=("api.openai.com",),
    background=(Background(ANY, "traces/ingest", status=204, senders=("agents.tracing",)),),
    shapes=(responses.REQUESTS, chat.REQUESTS),
    readers=(responses.ANSWERS, assistants.ANSWERS, chat.ANSWERS),
    headers=(Selecting(("openai-beta",), "features", is_list=True),),
    neutral=(
        Neutral(("stream_options",), "OpenAI: what a stream tells beside the answer"),
        Neutral(
            ("store",),
            "OpenAI: whether the vendor keeps the answer",
            ("openai-chat", "openai-responses", "mistral", "cohere"),
            where=KNOWN_APIS,
        ),
    ),
    keys=(
        key_rule("OPENAI_KEY", "sk-proj- sk-svcacct- sk-admin- sk-None-", WORD + "{28,}", 48),
        key_rule("OPENAI_KEY", "sk-", WORD + "{20,}", 48, random=True),
        key_rule("OPENAI_SESSION", "sess-", ALNUM + "{32,}", 40, random=True),
        key_rule("OPENAI_CLIENT_SECRET", "ek_", ALNUM + "{20,}", 32, random=True),
    ),
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
)
