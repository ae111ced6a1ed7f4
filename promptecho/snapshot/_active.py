"""The cassette around a comparison, if there is one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from promptecho._backends import adapters
from promptecho._secrets.passes import Redactor
from promptecho._session import activation
from promptecho.errors import AmbiguousCassetteError

if TYPE_CHECKING:
    from promptecho._session.session import Session


def session() -> Session | None:
    """The session of the cassette that a call from here would reach, whichever library it is made with.

    Raises:
        AmbiguousCassetteError: several cassettes are open and none is this context's own.
    """
    found = (activation.session_for(name) for name in adapters.known_backends())
    return next((each for each in found if each is not None), None)


def redactor() -> Redactor:
    """What masks secrets in the open cassette does so here: a reply reads alike when recorded and when replayed."""
    try:
        active = session()
    except AmbiguousCassetteError:
        active = None
    return active.redactor if active is not None else Redactor(os.environ)
