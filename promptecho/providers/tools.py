"""What agents ask as they ask models: search, pages, speech, tools."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, Background
from promptecho.providers._provider import Provider

PROVIDERS = (
    Provider("tavily", "Tavily", hosts=("api.tavily.com",)),
    Provider("exa", "Exa", hosts=("api.exa.ai",)),
    Provider("firecrawl", "Firecrawl", hosts=("api.firecrawl.dev",)),
    Provider("elevenlabs", "ElevenLabs", hosts=("api.elevenlabs.io",)),
    Provider("deepgram", "Deepgram", hosts=("api.deepgram.com",)),
    Provider("assemblyai", "AssemblyAI", hosts=("api.assemblyai.com",)),
    Provider(
        "composio",
        "Composio",
        background=(Background(("telemetry.composio.dev",), ".*", methods=ALL_METHODS, why="usage counters"),),
    ),
)
