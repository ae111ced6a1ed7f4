"""requests: it sends through urllib3, so its calls are caught there; this adapter only marks them as its own.

The response is therefore made by requests itself, with its cookies, hooks, history and ``raw``. A test double that
takes the place of an adapter (responses, requests-mock) answers before anything reaches urllib3.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import (
    PatchPoint,
)
from promptecho_backends._urllib3 import layer


class RequestsBackend:
    """The adapter for requests; ``rides_on`` names the backend that does the work."""

    rides_on = ("urllib3",)

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        # Not at the adapter, whose ``send`` is what test doubles replace.
        sessions: Any = importlib.import_module("requests.sessions")
        return [PatchPoint(sessions.Session, "send", _wrap_send)]


def _wrap_send(original: Any) -> Any:
    @functools.wraps(original)
    def send(session: Any, *arguments: Any, **named: Any) -> Any:
        token = layer.set("requests")
        try:
            return original(session, *arguments, **named)
        finally:
            layer.reset(token)

    return send
