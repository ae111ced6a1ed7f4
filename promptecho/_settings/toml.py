"""TOML, by the standard library or, on Python 3.9 and 3.10, by tomli."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    from tomllib import loads
else:
    from tomli import loads

__all__ = ["loads"]
