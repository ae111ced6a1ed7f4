"""requests: it sends through urllib3, so its calls are caught and told apart there; this adapter only brings it along.

The response is therefore made by requests itself, with its cookies, hooks, history and ``raw``. A test double that
takes the place of an adapter (responses, requests-mock) answers before anything reaches urllib3, and whoever patches
``Session.send`` or ``HTTPAdapter.send`` (tracers do) stands above us.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from promptecho.backend import PatchPoint


class RequestsBackend:
    """The adapter for requests; ``rides_on`` names the backend that does the work."""

    rides_on = ("urllib3",)

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        return []
