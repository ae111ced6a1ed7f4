"""What agents ask as they ask models: search, pages, speech, tools."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, Background
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, HEX, WORD, key_rule, sample
from promptecho.providers._provider import Provider

PROVIDERS = (
    Provider(
        "tavily",
        "Tavily",
        hosts=("api.tavily.com",),
        keys=(key_rule("TAVILY_KEY", "tvly-", "(?:dev-|prod-)?" + WORD + "{28,}", "dev-" + sample(32), random=True),),
    ),
    Provider("exa", "Exa", hosts=("api.exa.ai",)),
    Provider(
        "firecrawl",
        "Firecrawl",
        hosts=("api.firecrawl.dev",),
        keys=(key_rule("FIRECRAWL_KEY", "fc-", HEX + "{32}", 32, hex=True),),
    ),
    Provider(
        "elevenlabs",
        "ElevenLabs",
        hosts=("api.elevenlabs.io",),
        keys=(key_rule("ELEVENLABS_KEY", "sk_", HEX + "{40,}", 48, hex=True),),
    ),
    Provider(
        "deepgram",
        "Deepgram",
        hosts=("api.deepgram.com",),
        keys=(key_rule("DEEPGRAM_KEY", "dg_", ALNUM + "{32,}", 40, random=True),),
    ),
    Provider(
        "assemblyai",
        "AssemblyAI",
        hosts=("api.assemblyai.com",),
        keys=(key_rule("ASSEMBLYAI_KEY", "aai_", ALNUM + "{24,}", 40, random=True),),
    ),
    Provider(
        "composio",
        "Composio",
        background=(Background(("telemetry.composio.dev",), ".*", methods=ALL_METHODS, why="usage counters"),),
        keys=(key_rule("COMPOSIO_KEY", "ak_", WORD + "{18,}", 20, random=True),),
    ),
    Provider(
        "weaviate",
        "Weaviate",
        headers=(
            Selecting(("x-openai-baseurl", "x-azure-deployment-id", "x-azure-resource-name"), "the model of a search"),
        ),
    ),
    Provider(
        "cartesia",
        "Cartesia",
        keys=(key_rule("CARTESIA_KEY", "sk_car_", ALNUM + "{20,}", 24),),
    ),
    Provider(
        "llamaindex",
        "LlamaIndex",
        keys=(key_rule("LLAMACLOUD_KEY", "llx-", ALNUM + "{32,}", 48, random=True),),
    ),
    Provider(
        "rime",
        "Rime",
        keys=(key_rule("RIME_KEY", "rime_", ALNUM + "{24,}", 40, random=True),),
    ),
)
