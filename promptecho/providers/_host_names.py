"""Names of hosts. A name stands for itself and every host below it; ``*`` stands for one or more characters."""

from __future__ import annotations

import re
from collections.abc import Iterable


def pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Matches a host, in small letters, that one of some names or patterns stands for."""
    parts = [".+".join(re.escape(piece) for piece in name.lower().split("*")) for name in names]
    return re.compile(rf"(?:.+\.)?(?:{'|'.join(parts)})" if parts else r"(?!)")
