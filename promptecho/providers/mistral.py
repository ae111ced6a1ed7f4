"""mistral"""

from __future__ import annotations

from typing import Any

from promptecho.providers._provider import Call, Provider, Sdk, Shape
from promptecho.providers.openai import chat

Json = Any


def detect(call: Call) -> bool:
    return "mistral" in call.host and isinstance(call.body.get("messages"), list)


def normalize(call: Call) -> dict[str, Json]:
    return chat.normalize_body(call.body)


REQUESTS = Shape("mistral", detect, normalize, nullable=chat.NULLABLE.__contains__)


PROVIDER = Provider(
    "mistral",
    "Mistral",
    hosts=("api.mistral.ai",),
    shapes=(REQUESTS,),
    sdks=(
        Sdk("mistralai", clients=("Mistral",)),
        Sdk("langchain-mistralai", clients=("*Chat*", "*Embeddings", "*LLM")),
    ),
    price_id="mistral",
)
