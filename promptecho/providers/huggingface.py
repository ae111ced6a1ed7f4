"""Hugging Face."""

from __future__ import annotations

from promptecho.providers._background import Background
from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "huggingface",
    "Hugging Face",
    hosts=("router.huggingface.co", "api-inference.huggingface.co", "*.endpoints.huggingface.cloud"),
    background=(
        Background(("huggingface.co",), "api/telemetry/.*", methods=("HEAD", "GET"), why="usage counters"),
        Background(("huggingface.co",), "api/agent-harnesses", methods=("GET",), status=404, why="names of agents"),
    ),
    sdks=(
        Sdk("huggingface-hub", clients=("InferenceClient", "AsyncInferenceClient")),
        Sdk("langchain-huggingface", clients=("HuggingFaceEndpoint*",), below="huggingface-hub"),
    ),
)
