"""What a provider of one's own is described with: hosts, shapes of requests and answers, SDKs, keys.

A ``Provider`` is registered as an entry point of the group ``promptecho.providers``; matching, the guard, prices,
``doctor``, ``lint`` and the masking of keys then know it as they know those that come with promptecho.
"""

from __future__ import annotations

from promptecho.providers._answer import Answer, ToolCall, Usage
from promptecho.providers._background import Background
from promptecho.providers._fields import Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import KeyRule
from promptecho.providers._provider import BY_BODY, BY_MESSAGES, BY_PATH, Call, Provider, Reader, Sdk, Shape

__all__ = [
    "BY_BODY",
    "BY_MESSAGES",
    "BY_PATH",
    "Answer",
    "Background",
    "Call",
    "KeyRule",
    "Neutral",
    "Provider",
    "Reader",
    "Sdk",
    "Selecting",
    "Shape",
    "ToolCall",
    "Usage",
]
