"""Record and replay LLM API calls: deterministic, instant, free, with no network and no API key.

The names below are imported at their first use, so that a pytest run in which no test asks for a cassette pays nothing.
"""

from __future__ import annotations

from importlib import import_module

from promptecho._version import __version__

TYPE_CHECKING = False  # type checkers take it for typing's, whose import costs more than all the rest here
if TYPE_CHECKING:
    from promptecho._cassette.cassette import Cassette
    from promptecho._cassette.interaction import Interaction
    from promptecho._session.activation import use_cassette
    from promptecho._settings.settings import Mode, configure
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

_HOMES = {
    "use_cassette": "_session.activation",
    "Cassette": "_cassette.cassette",
    "Interaction": "_cassette.interaction",
    "Mode": "_settings.settings",
    "configure": "_settings.settings",
    "register_normalizer": "_matching.canonical",
    "CassetteMiss": "errors",
    "PromptechoError": "errors",
    "PromptechoRecordingWarning": "errors",
    "PromptechoWarning": "errors",
    "RecordedErrorResponse": "errors",
}


if not TYPE_CHECKING:  # a type checker that sees it would let any name pass

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'promptecho' has no attribute {name!r}")
        value: object = getattr(import_module(f"promptecho.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
