"""The registry of providers: what is known of each is in its own module, and all who act on it ask here.

A provider of another package is registered by an entry point of the group ``promptecho.providers``, which names a
``promptecho.provider.Provider``. It is asked before those that come with promptecho.
"""

from __future__ import annotations

from functools import lru_cache

from promptecho.errors import ProviderError
from promptecho.providers import _plugins as _plugins
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
from promptecho.providers._fields import Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import KeyRule
from promptecho.providers._provider import Call, Canonical, Provider, Reader, Sdk, Shape

__all__ = [
    "Background", "Call", "Canonical", "KeyRule", "Provider", "Reader", "Sdk", "Shape", "all_providers", "background",
    "environment",
    "headers", "hosts", "keys", "keys_of_others", "logins", "neutral", "readers", "sdks", "shapes", "with_shape",
]  # fmt: skip

ENTRY_POINTS = "promptecho.providers"

# Of two that know an answer, the first reads it: those that look at more of it stand before those that look at less.
_OWN = (
    openai.PROVIDER, google.PROVIDER, anthropic.PROVIDER, ollama.PROVIDER, aws.PROVIDER, huggingface.PROVIDER,
    cohere.PROVIDER, mistral.PROVIDER, azure.PROVIDER, *compatible.PROVIDERS, *gateways.PROVIDERS, *tools.PROVIDERS,
    *observability.PROVIDERS,
)  # fmt: skip


@lru_cache(maxsize=1)
def others() -> tuple[Provider, ...]:
    """The providers of other packages.

    Raises:
        ProviderError: one can't be loaded.
    """
    return tuple(_loaded(point) for point in _plugins.entry_points(ENTRY_POINTS).values())


@lru_cache(maxsize=1)
def all_providers() -> tuple[Provider, ...]:
    """Every provider, those of other packages first."""
    return (*others(), *_OWN)


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


@lru_cache(maxsize=1)
def shapes() -> tuple[Shape, ...]:
    """The shapes of requests, in the order in which they are asked: by path, by the body, by its messages alone."""
    found = (shape for provider in all_providers() for shape in provider.shapes)
    return tuple(sorted(found, key=lambda shape: shape.told_by))


@lru_cache(maxsize=1)
def readers() -> tuple[Reader, ...]:
    """The shapes of answers. The first that knows a body reads it."""
    return tuple(reader for provider in all_providers() for reader in provider.readers)


@lru_cache(maxsize=1)
def headers() -> tuple[Selecting, ...]:
    """The headers of providers that select what is answered."""
    return tuple(header for provider in all_providers() for header in provider.headers)


@lru_cache(maxsize=1)
def neutral() -> tuple[Neutral, ...]:
    """The fields of providers that leave the answer alone."""
    return tuple(entry for provider in all_providers() for entry in provider.neutral)


@lru_cache(maxsize=1)
def keys() -> tuple[KeyRule, ...]:
    """The formats of keys that providers give out."""
    return tuple(rule for provider in all_providers() for rule in provider.keys)


@lru_cache(maxsize=1)
def environment() -> frozenset[str]:
    """Variables that hold credentials under names that don't say so."""
    return frozenset(name for provider in all_providers() for name in provider.environment)


def keys_of_others() -> tuple[KeyRule, ...]:
    """The formats of keys that other packages bring."""
    return tuple(rule for provider in others() for rule in provider.keys)


def with_shape(name: str) -> Provider | None:
    """The provider whose API has a shape of requests."""
    return next((each for each in all_providers() if any(shape.name == name for shape in each.shapes)), None)
