"""In a program that was started inside a cassette: how it takes part in it. ``children`` is the other side."""

from __future__ import annotations

import base64
import functools
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptecho import errors
from promptecho._backends import adapters
from promptecho._cassette.relay import Relay
from promptecho._matching import canonical
from promptecho._session import activation, opening
from promptecho._settings.settings import Mode, Settings
from promptecho._telling import run
from promptecho._version import __version__

_told: set[str] = set()  # the tickets that are no good, and whose opener knows


def join(ticket: Mapping[str, Any], path: str) -> None:
    """In a program that was started inside a cassette: be in it from now on.

    Raises:
        ImportError: the other process runs another version of promptecho.
    """
    if ticket["version"] != __version__:
        raise ImportError(f"promptecho {__version__} is installed for it, and {ticket['version']} where it was started")
    settings = pickle.loads(base64.b64decode(ticket["settings"]))
    run.join_ledger(ticket["ledger"])
    activation.inherit(settings, ticket["backends"], functools.partial(_session, ticket, settings, path), Path(path))


def join_closed(path: str) -> None:
    """In a program whose cassette has closed before it started: its calls are refused."""

    def refuse() -> Any:
        raise errors.ChildProcessCassetteError(
            "this process was started in a cassette that is closed by now. Its call was not sent"
        )

    activation.inherit(Settings(mode=Mode.NONE), adapters.choose(["all"]), refuse, Path(path))


def _session(ticket: Mapping[str, Any], settings: Any, path: str) -> Any:
    """The session of a child, opened at its first call: by then what the functions need can be imported."""
    cassette = Path(ticket["cassette"])
    relay = Relay(Path(path).parent, opener=False)
    problem = ticket["problem"]
    if not problem:
        try:
            functions = pickle.loads(base64.b64decode(ticket["functions"]))
        except Exception as error:  # not importable here
            problem = f"a function of its settings can't be imported here: {error}; it may not be of __main__"
    if not problem and relay.is_closed():
        problem = "it is closed by now"
    if problem:
        miss = errors.ChildProcessCassetteError(
            f"{cassette}: this process was started in it and can't go on with it: {problem}. Its call was not sent"
        )
        if path not in _told:
            _told.add(path)
            relay.tell("miss", [type(miss).__name__, str(miss)])
        raise miss
    for name, detect, normalize in reversed(functions.pop("normalizers")):
        canonical.register_normalizer(detect, normalize, name=name)
    journal = ticket["journal"]
    session = opening.join_session(
        cassette,
        replace(settings, **functions),
        journal=None if journal is None else Path(journal),
        known=ticket["known"],
        resuming=ticket["resuming"],
        left_out=ticket["left_out"],
    )
    session.join(relay, relay.asked())
    return session
