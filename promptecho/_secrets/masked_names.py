"""Names of tests without credentials: they become names of files, of snapshots and of entries in a run's record.

Light, since a pytest run asks for it: most names have no room for a credential, and nothing is loaded for them.
"""

from __future__ import annotations

import hashlib
import os
import re

REDACTED = "REDACTED"  # of _named_fields, which is not loaded here
_ROOM = re.compile(r"\[.{8,}", re.DOTALL)  # only what a test is parametrized with can be one


def masked_name(name: str) -> str:
    """The name of a test, less the credentials in its parameters; a short hash tells such names apart.

    Names without any stay as they are.
    """
    if _ROOM.search(name) is None:
        return name
    from promptecho._secrets.passes import Redactor

    masked = Redactor(os.environ).mask(name)
    if masked == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{masked[:-1]}-{digest}]" if masked.endswith("]") else f"{masked}-{digest}"
