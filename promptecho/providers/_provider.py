"""What is known of one provider, as values. Everything that acts on it asks the registry beside this module.

Rule: these modules import nothing of the rest but the neutral model, so that all others can stand on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptecho.providers._answer import Answer
from promptecho.providers._background import Background
from promptecho.providers._fields import KNOWN_APIS, Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import KeyRule

Json = Any


#: A shape of requests is told by their path.
BY_PATH = 0
#: It is told by the body; such a shape is asked after those that are told by path.
BY_BODY = 1
#: It is told by having messages, and is asked last.
BY_MESSAGES = 2


@dataclass(frozen=True)
class Call:
    """What a normalizer sees of a request: ``path`` without its query, ``body`` a JSON object never to be changed."""

    method: str
    host: str
    path: str
    body: Mapping[str, Json]


@dataclass(frozen=True)
class Canonical:
    """A canonical body.

    ``has_prompt``: it carries a prompt in a known chat shape, so ``match_on`` applies; otherwise it is matched whole.
    ``where``: how sure it is that a provider answers it, which says what is known of its fields. ``registered``: a
    normalizer of the user's own made it.
    """

    body: dict[str, Json]
    provider: str
    has_prompt: bool
    stream: bool
    where: int = KNOWN_APIS
    registered: bool = False


@dataclass(frozen=True)
class Shape:
    """A shape of requests: ``detect`` says whether a call is of it, ``normalize`` gives its canonical body.

    ``told_by``: what ``detect`` looks at besides the host (``BY_PATH``, ``BY_BODY``, ``BY_MESSAGES``). ``is_chat``:
    whether what it asks for is an answer to ``messages``; ``has_prompt``: its prompt may stand elsewhere. ``where``:
    how sure it is that a provider answers it; ``BY_FIELDS``: if it has no other than ``fields``. ``nullable``: a name
    whose null says as much as its absence, by the vendor's own schema; elsewhere null may be refused, and counts.
    """

    name: str
    detect: Callable[[Call], bool]
    normalize: Callable[[Call], dict[str, Json]]
    streams: Callable[[Call], bool] = lambda call: call.body.get("stream") is True
    where: Callable[[Call], int] = lambda call: KNOWN_APIS
    is_chat: Callable[[Call], bool] = lambda call: True
    told_by: int = BY_PATH
    has_prompt: bool = False
    fields: frozenset[str] = frozenset()
    nullable: Callable[[str], bool] = lambda name: False


@dataclass(frozen=True)
class Reader:
    """A shape of answers: ``assemble`` turns the events of a stream into the plain body, ``read`` reads that body.

    Each gives ``None`` for what isn't of its shape.
    """

    name: str
    read: Callable[[Json], Answer | None]
    assemble: Callable[[Sequence[Json]], Json] = lambda events: None


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
    shapes: tuple[Shape, ...] = ()
    readers: tuple[Reader, ...] = ()
    headers: tuple[Selecting, ...] = ()
    neutral: tuple[Neutral, ...] = ()
    sdks: tuple[Sdk, ...] = ()
    keys: tuple[KeyRule, ...] = ()
    environment: tuple[str, ...] = ()
    price_id: str = ""
    is_free: bool = False
