"""Record and replay LLM API calls: deterministic, instant, free, with no network and no API key."""

from __future__ import annotations

from promptecho._version import __version__
from promptecho._activation import use_cassette
from promptecho._cassette import Cassette, Interaction
from promptecho._settings import Mode, configure
from promptecho.errors import (
    CassetteMiss,
    PromptechoError,
    PromptechoRecordingWarning,
    PromptechoWarning,
    RecordedErrorResponse,
)
from promptecho.normalizers import register_normalizer

__all__ = [
    "Cassette",
    "CassetteMiss",
    "Interaction",
    "Mode",
    "PromptechoError",
    "PromptechoRecordingWarning",
    "PromptechoWarning",
    "RecordedErrorResponse",
    "__version__",
    "configure",
    "register_normalizer",
    "use_cassette",
]
