"""What normalizers of one's own are given and are registered with (``promptecho.register_normalizer``)."""

from __future__ import annotations

from promptecho._matching.canonical import canonicalize, register_normalizer
from promptecho.providers import Call, Canonical

__all__ = ["Call", "Canonical", "canonicalize", "register_normalizer"]
