"""What a provider of one's own is described with: hosts, shapes of requests and answers, SDKs, keys.

A ``Provider`` is registered as an entry point of the group ``promptecho.providers``; matching, the guard, prices,
``doctor``, ``lint`` and the masking of keys then know it as they know those that come with promptecho.
"""

from __future__ import annotations

from promptecho.providers._background import Background
from promptecho.providers._provider import Provider, Sdk

__all__ = ["Background", "Provider", "Sdk"]
