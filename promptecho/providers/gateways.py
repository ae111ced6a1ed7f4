"""Gateways and frameworks that ask the providers of others."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, Background
from promptecho.providers._provider import Provider, Sdk

PROVIDERS = (
    Provider("openrouter", "OpenRouter", hosts=("openrouter.ai",)),
    Provider("github", "GitHub Models", hosts=("models.github.ai",)),
    Provider("cloudflare", "Cloudflare AI Gateway", hosts=("gateway.ai.cloudflare.com",)),
    Provider(
        "vercel",
        "Vercel AI Gateway",
        hosts=("ai-gateway.vercel.sh",),
        background=(Background(("telemetry.vercel.com",), ".*", methods=ALL_METHODS, why="usage counters"),),
    ),
    Provider("portkey", "Portkey", hosts=("api.portkey.ai",)),
    Provider(
        "litellm",
        "LiteLLM",
        background=(
            Background(
                ("raw.githubusercontent.com",),
                "BerriAI/litellm/.*",
                methods=("GET", "HEAD"),
                status=404,
                senders=("litellm.litellm_core_utils.get_model_cost_map",),
                why="prices and headers",
            ),
        ),
        sdks=(
            Sdk(
                "litellm",
                clients=("Router",),
                functions=("*completion", "*embedding", "*image_generation", "*responses", "*rerank", "*transcription"),
            ),
        ),
    ),
    Provider(
        "dspy",
        "DSPy",
        sdks=(Sdk("dspy", way_out="Or let dspy ride on httpx: dspy.LM(..., engine='litellm')."),),
    ),
    Provider(
        "crewai",
        "CrewAI",
        background=(Background(("telemetry.crewai.com",), ".*", methods=ALL_METHODS, why="usage counters"),),
    ),
)
