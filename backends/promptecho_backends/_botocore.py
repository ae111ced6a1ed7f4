"""botocore: a pure replay asks for no AWS credentials.

Requests are caught at urllib3. This layer only spares the look-up of credentials, which would read files, ask the
instance's metadata service or assume a role before the first request is made: what signs a request that never goes out
doesn't matter, since signatures are neither matched nor stored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import (
    PatchPoint,
    session_for,
)


class BotocoreLayer:
    """Stands over ``botocore.credentials`` wherever the backend urllib3 is chosen."""

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        library: Any = module

        class LazyCredentials(library.Credentials):  # type: ignore[misc]  # the module is known at run time only
            """Made up for a replay; looked up after all if a client goes on to make real calls."""

            def __init__(self, load: Callable[[], Any]) -> None:
                super().__init__("replayed", "replayed")
                self._load = functools.lru_cache(maxsize=1)(load)

            def get_frozen_credentials(self) -> Any:
                if _is_pure_replay():
                    return super().get_frozen_credentials()
                found = self._load()
                return None if found is None else found.get_frozen_credentials()

        def wrap_load(original: Any) -> Any:
            def load_credentials(resolver: Any) -> Any:
                load = functools.partial(original, resolver)
                return LazyCredentials(load) if _is_pure_replay() else load()

            return load_credentials

        return [PatchPoint(library.CredentialResolver, "load_credentials", wrap_load)]


def _is_pure_replay() -> bool:
    session = session_for("urllib3")
    return session is not None and session.is_pure_replay
