"""Every error and warning of the library.

Rule: whatever can be raised inside a call of the user's SDK derives from ``BaseException`` alone. SDKs wrap each
``Exception`` of their transport into a "Connection error." and try again; a miss or a full disk must end the call at
once, under its own name. What is raised where the user's own code stands (opening a cassette, a wrong argument) adds
the usual ``ValueError``, ``OSError`` or ``RuntimeError``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptecho._models import Request

__all__ = [
    "AmbiguousCassetteError",
    "BackendError",
    "CassetteExpiredError",
    "CassetteFileError",
    "CassetteFormatError",
    "CassetteMiss",
    "CassetteNestingError",
    "CassetteWarning",
    "CassetteWriteError",
    "IncompleteRecordingError",
    "LiveBudgetError",
    "PromptechoError",
    "PromptechoRecordingWarning",
    "PromptechoWarning",
    "RecordedErrorResponse",
    "SettingsError",
    "SnapshotError",
    "UninterceptedCallError",
    "UninterceptedCallWarning",
]


WAY_OUT = "restore the file from version control, or delete it and record again"  # for a file that can't be used


class PromptechoError(BaseException):
    """Base of every error that promptecho raises."""


class CassetteMiss(PromptechoError):
    """No recording answers a request, and the mode allows no live call.

    ``request`` is what was asked (neutral form, credentials included: do not print it), ``path`` the cassette,
    ``mode`` the mode in force. The text of the error explains the difference to the nearest recording.
    """

    def __init__(
        self, message: str, *, request: Request | None = None, path: os.PathLike[str] | None = None, mode: str = ""
    ) -> None:
        super().__init__(message)
        self.request = request
        self.path = path
        self.mode = mode


class RecordedErrorResponse(PromptechoError):
    """The server answered with a status of 400 or more while recording under ``on_record_error="raise"``.

    ``status`` is that status, ``url`` the redacted address. Nothing was written.
    """

    def __init__(self, message: str, *, status: int = 0, url: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.url = url


class IncompleteRecordingError(PromptechoError):
    """The program read further into a stream than was received when it was recorded."""


class AmbiguousCassetteError(PromptechoError):
    """A call came from a thread or task with no cassette of its own while several are active."""


class CassetteWriteError(PromptechoError):
    """A finished call could not be written to its cassette; what stood in the file before is unchanged."""


class LiveBudgetError(PromptechoError):
    """One live call more than ``max_live_calls`` or ``max_live_usd`` allow for the run; it was not sent."""


class UninterceptedCallError(PromptechoError):
    """In mode ``none``, a call to an LLM provider went around the cassette; nothing was sent.

    With ``block_network``, a call to any host, in any mode. ``host`` is where it was to go, ``library`` what made it.
    The text names the flag to add.
    """

    def __init__(self, message: str, *, host: str = "", library: str = "") -> None:
        super().__init__(message)
        self.host = host
        self.library = library


class CassetteFormatError(PromptechoError, ValueError):
    """A cassette file is damaged, foreign or of another version; it is never overwritten because of that."""


class CassetteFileError(PromptechoError, OSError):
    """A cassette cannot be opened, read or replaced (permissions, a folder in its place, a full disk)."""


class CassetteExpiredError(PromptechoError, ValueError):
    """In CI, a cassette is older than its ``max_age``; elsewhere that is a warning."""


class CassetteNestingError(PromptechoError, RuntimeError):
    """A second cassette was entered inside another one of the same context."""


class SettingsError(PromptechoError, ValueError):
    """A mode, policy, field, backend or marker argument is wrong; the text lists the right ones."""


class SnapshotError(PromptechoError, ValueError):
    """A snapshot can't be compared: its file is damaged, or a value, a matcher or an argument is wrong."""


class BackendError(PromptechoError, RuntimeError):
    """A backend is unknown, its library is missing, or the library no longer has the patch point."""


class PromptechoWarning(UserWarning):
    """Base of every warning that promptecho emits."""


class PromptechoRecordingWarning(PromptechoWarning):
    """A response with a status of 400 or more was recorded and will replay like any other."""


class CassetteWarning(PromptechoWarning):
    """Something about a cassette deserves a look: it is old, unfinished, or matched by other fields than it names."""


class UninterceptedCallWarning(PromptechoWarning):
    """A call to an LLM provider went around the cassette, and out."""
