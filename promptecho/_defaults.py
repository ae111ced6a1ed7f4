"""What holds where nobody said otherwise; light, since a pytest run asks before any test needs a cassette."""

from __future__ import annotations

import os

DEFAULT_BACKENDS = ("httpx", "httpx2")


def is_ci() -> bool:
    """Whether this is an unattended run: the variable ``CI`` is set, and to nothing that says no."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no", "off")
