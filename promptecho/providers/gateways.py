"""Gateways and frameworks that ask the providers of others."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, Background
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, HEX, HEX_SIGNS, WORD, key_rule, sample
from promptecho.providers._provider import Provider, Sdk

PROVIDERS = (
    Provider(
        "openrouter",
        "OpenRouter",
        hosts=("openrouter.ai",),
        keys=(key_rule("OPENROUTER_KEY", "sk-or-", "(?:v1-)?" + ALNUM + "{32,}", "v1-" + sample(64, HEX_SIGNS)),),
    ),
    Provider(
        "github",
        "GitHub Models",
        hosts=("models.github.ai",),
        keys=(
            key_rule("GITHUB_TOKEN", "ghp_ gho_ ghu_ ghs_ ghr_", ALNUM + "{36,}", 36),
            key_rule("GITHUB_TOKEN", "github_pat_", "[A-Za-z0-9_]{50,}", sample(22) + "_" + sample(59)),
        ),
    ),
    Provider(
        "cloudflare",
        "Cloudflare AI Gateway",
        hosts=("gateway.ai.cloudflare.com",),
        headers=(Selecting(("cf-aig-backend", "cf-aig-gateway-id"), "the provider, or the gateway with its rules"),),
        keys=(
            key_rule(
                "CLOUDFLARE_KEY",
                "v1.0-",
                HEX + "{24}-" + HEX + "{100,}",
                sample(24, HEX_SIGNS) + "-" + sample(146, HEX_SIGNS),
            ),
            key_rule("CLOUDFLARE_TOKEN", "cfut_ cfat_ cfk_", WORD + "{36,}", 48, random=True),
        ),
    ),
    Provider(
        "vercel",
        "Vercel AI Gateway",
        hosts=("ai-gateway.vercel.sh",),
        background=(Background(("telemetry.vercel.com",), ".*", methods=ALL_METHODS, why="usage counters"),),
        headers=(
            Selecting(
                (
                    "ai-model-id",
                    "ai-language-model-id",
                    "ai-embedding-model-id",
                    "ai-image-model-id",
                    "ai-language-model-streaming",
                ),
                "the model",
            ),
        ),
        keys=(
            key_rule("VERCEL_AI_GATEWAY_KEY", "vck_", ALNUM + "{24,}", 56, random=True),
            key_rule("VERCEL_TOKEN", "vcp_ vci_ vca_ vcr_", ALNUM + "{24,}", 56, random=True),
        ),
    ),
    Provider(
        "portkey",
        "Portkey",
        hosts=("api.portkey.ai",),
        headers=(
            Selecting(
                (
                    "x-portkey-config",
                    "x-portkey-provider",
                    "x-portkey-custom-host",
                    "x-portkey-azure-resource-name",
                    "x-portkey-azure-deployment-id",
                    "x-portkey-azure-api-version",
                    "x-portkey-azure-model-name",
                    "x-portkey-azure-endpoint-name",
                    "x-portkey-huggingface-base-url",
                    "x-portkey-anthropic-version",
                ),
                "the provider and the model",
            ),
            Selecting(("x-portkey-virtual-key",), "the provider, with its key", as_digest=True),
            Selecting(("x-portkey-anthropic-beta",), "features", is_list=True),
            Selecting(("x-portkey-strict-open-ai-compliance",), "the form of the answer"),
            Selecting(("x-portkey-default-input-guardrails", "x-portkey-default-output-guardrails"), "the guardrails"),
        ),
        keys=(key_rule("PORTKEY_KEY", "pk-live- pk-test-", WORD + "{20,}", 32, random=True),),
    ),
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
        headers=(
            Selecting(("x-litellm-model", "x-litellm-model-id"), "the model"),
            Selecting(("x-litellm-tags",), "the deployments to choose from", is_list=True),
        ),
        keys=(key_rule("LITELLM_KEY", "sk-litellm-", WORD + "{16,}", 32, random=True),),
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
    Provider(
        "helicone",
        "Helicone",
        headers=(
            Selecting(
                ("helicone-target-url", "helicone-openai-api-base", "helicone-fallbacks", "helicone-prompt-id"),
                "the provider, or the prompt",
            ),
            Selecting(
                (
                    "helicone-token-limit-exception-handler",
                    "helicone-moderations-enabled",
                    "helicone-llm-security-enabled",
                ),
                "what becomes of a prompt that is too long or not allowed",
            ),
        ),
        keys=(key_rule("HELICONE_KEY", "sk-helicone-", WORD + "{16,}", 32, random=True),),
    ),
    Provider(
        "truefoundry",
        "TrueFoundry",
        headers=(Selecting(("x-tfy-provider-name",), "the provider"),),
    ),
    Provider(
        "sap",
        "SAP AI Core",
        headers=(Selecting(("ai-resource-group",), "the deployments that are there"),),
    ),
)
