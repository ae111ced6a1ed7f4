"""Azure: its logins, and what its gateways add to the APIs of others."""

from __future__ import annotations

from promptecho.providers._provider import Provider

PROVIDER = Provider(
    "azure",
    "Azure",
    hosts=(
        "openai.azure.com",
        "*.cognitiveservices.azure.com",
        "*.services.ai.azure.com",
        "models.inference.ai.azure.com",
    ),
    logins=("login.microsoftonline.com",),
)
