"""What is known of one provider, as values. Everything that acts on it asks the registry beside this module.

Rule: these modules import nothing of the rest but the neutral model, so that all others can stand on them.
"""

from __future__ import annotations

from dataclasses import dataclass

from promptecho.providers._background import Background


@dataclass(frozen=True)
class Sdk:
    """A distribution whose code calls providers.

    ``module`` is what programs import of it (its name, if not said). ``clients`` are the callables of that module whose
    result makes calls, in brackets what their first argument is like; ``functions`` make a call themselves. A ``*`` is
    any part of a name. The HTTP library that it rides on is read from its requirements, unless ``sync`` or
    ``asynchronous`` say it ("-": there are no such calls) or it rides on the SDK ``below`` it. ``optional`` is a
    library that its async calls ride on where that is installed. ``way_out``: how to let it ride on a library that is
    intercepted.
    """

    package: str
    module: str = ""
    clients: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    sync: str = ""
    asynchronous: str = ""
    optional: str = ""
    below: str = ""
    way_out: str = ""

    @property
    def imported(self) -> str:
        return self.module or self.package.replace("-", "_")


@dataclass(frozen=True)
class Provider:
    """All that is known of one provider, or of a tool that stands between programs and providers.

    ``hosts`` are where models (and tools that are asked as models are) answer, ``logins`` where tokens are given out:
    names and patterns, each with all hosts below it; ``background`` is what SDKs send or look up on their own.
    ``shapes`` and ``readers`` are those of its API, none where it speaks another's. ``headers`` select what is
    answered, ``neutral`` fields leave it alone. ``price_id`` is its name in the library genai-prices; ``is_free``: its
    answers cost nothing. ``environment``: variables that hold credentials of it under names that don't say so.
    """

    name: str
    title: str
    hosts: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    background: tuple[Background, ...] = ()
    sdks: tuple[Sdk, ...] = ()
    environment: tuple[str, ...] = ()
    price_id: str = ""
    is_free: bool = False
