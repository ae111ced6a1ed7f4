"""The registry of providers: what is known of each is in its own module, and all who act on it ask here.

A provider of another package is registered by an entry point of the group ``promptecho.providers``, which names a
``promptecho.provider.Provider``. It is asked before those that come with promptecho.
"""

from __future__ import annotations

from functools import lru_cache

from promptecho import _plugins
from promptecho.errors import ProviderError
from promptecho.providers import (
    anthropic,
    aws,
    azure,
    cohere,
    compatible,
    gateways,
    google,
    huggingface,
    mistral,
    observability,
    ollama,
    openai,
    tools,
)
from promptecho.providers._background import Background
from promptecho.providers._provider import Provider, Sdk

__all__ = ["Background", "Provider", "Sdk", "all_providers", "background", "hosts", "logins", "sdks"]

ENTRY_POINTS = "promptecho.providers"

# Of two that know an answer, the first reads it: those that look at more of it stand before those that look at less.
_OWN = (
    openai.PROVIDER, google.PROVIDER, anthropic.PROVIDER, ollama.PROVIDER, aws.PROVIDER, huggingface.PROVIDER,
    cohere.PROVIDER, mistral.PROVIDER, azure.PROVIDER, *compatible.PROVIDERS, *gateways.PROVIDERS, *tools.PROVIDERS,
    *observability.PROVIDERS,
)  # fmt: skip


@lru_cache(maxsize=1)
def all_providers() -> tuple[Provider, ...]:
    """Every provider, those of other packages first.

    Raises:
        ProviderError: one of another package can't be loaded.
    """
    return (*(_loaded(point) for point in _plugins.entry_points(ENTRY_POINTS).values()), *_OWN)


def _loaded(point: _plugins.EntryPoint) -> Provider:
    try:
        provider = point.load()
    except Exception as problem:
        raise ProviderError(
            f"the provider {point.name!r} can't be loaded: {type(problem).__name__}: {problem}; upgrade or uninstall "
            "the package that brings it"
        ) from problem
    if not isinstance(provider, Provider):
        raise ProviderError(
            f"the provider {point.name!r} is {provider!r}, not a promptecho.provider.Provider; upgrade or uninstall "
            "the package that brings it"
        )
    return provider


@lru_cache(maxsize=1)
def hosts() -> tuple[str, ...]:
    """Where models answer, and what agents ask as they ask models."""
    return tuple(host for provider in all_providers() for host in provider.hosts)


@lru_cache(maxsize=1)
def logins() -> tuple[str, ...]:
    """Where tokens are given out: no provider answers there."""
    return tuple(host for provider in all_providers() for host in provider.logins)


@lru_cache(maxsize=1)
def background() -> tuple[Background, ...]:
    """What SDKs send and look up on their own."""
    return tuple(kind for provider in all_providers() for kind in provider.background)


@lru_cache(maxsize=1)
def sdks() -> tuple[Sdk, ...]:
    """The distributions whose code calls providers."""
    return tuple(sdk for provider in all_providers() for sdk in provider.sdks)
