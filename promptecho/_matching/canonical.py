"""Provider shapes, brought to one canonical body. A provider is told by host, by path, then by the shape of the body.

Rules: canonicalising never merges two prompts that differ, is idempotent (a stored canonical body is read again with
the same URL), and never raises on odd input: what is not understood is left as it is, and matched whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Callable

from promptecho import providers
from promptecho._matching.fields import is_neutral
from promptecho.providers import Call, Canonical, Shape
from promptecho.providers._fields import ANYWHERE, BY_FIELDS, CHATS, KNOWN_APIS
from promptecho.providers._tools import carriers_in_order

Json = Any

Detect = Callable[[Call], bool]
Normalize = Callable[[dict[str, Json]], dict[str, Json]]
_registered: list[tuple[str, Detect, Normalize]] = []


def register_normalizer(detect: Detect, normalize: Normalize, *, name: str = "custom") -> Callable[[], None]:
    """Add a normalizer of one's own, asked before the built-in ones; gives a function that takes it out again.

    ``detect`` says whether a call is of its kind; ``normalize`` gets a copy of the body and returns the canonical one,
    with ``messages`` for the prompt. The file says which normalizer made a body, and none is asked again for it.

    >>> take_out = promptecho.register_normalizer(
    ...     lambda call: call.host == "gateway.example" and call.path == "/ask",
    ...     lambda body: {"model": body.get("model"), "messages": [{"role": "user", "content": body.get("question")}]},
    ...     name="gateway",
    ... )
    >>> take_out()

    Args:
        detect: Gets a call with ``method``, ``host``, ``path`` (without its query) and ``body`` (a JSON object, not
            to be changed).
        normalize: What it leaves out of the body is not matched, and what it gives is what stands in the file.
        name: Stands in the file beside what it made.

    Raises:
        TypeError: one of the two is no function.
    """
    for function in (detect, normalize):
        if not callable(function):
            raise TypeError(f"register_normalizer takes detect(call) and normalize(body), not {function!r}")
    entry = (name, detect, normalize)
    _registered.insert(0, entry)

    def unregister() -> None:
        if entry in _registered:
            _registered.remove(entry)

    return unregister


def has_registered() -> bool:
    """Whether there are normalizers of the user's own, so that keys made without them can't be trusted."""
    return bool(_registered)


def canonicalize(call: Call) -> Canonical:
    """The canonical form of a call."""
    for name, detect, normalize in _registered:
        if detect(call):
            return normalized_by(name, normalize(dict(call.body)))
    if call.path.endswith("/"):
        call = replace(call, path=call.path.rstrip("/"))
    for shape in providers.shapes():
        if shape.detect(call):
            return _canonical(shape, call)
    body = dict(call.body)
    return Canonical(body, "unknown", False, _streams(body))


def _canonical(shape: Shape, call: Call) -> Canonical:
    body, where = shape.normalize(call), _where(shape, call)
    messages = body.get("messages")
    has_prompt = shape.has_prompt or (isinstance(messages, list) and bool(messages))
    if where < ANYWHERE:
        body = carriers_in_order(_without_nulls(body, shape))
    return Canonical(body, shape.name, has_prompt and shape.is_chat(call), shape.streams(call), where)


def _where(shape: Shape, call: Call) -> int:
    where = shape.where(call)
    if where != BY_FIELDS:
        return where
    has_only_known = all(name in shape.fields or is_neutral(name, shape.name, KNOWN_APIS) for name in call.body)
    return CHATS if has_only_known else ANYWHERE


def _without_nulls(body: dict[str, Json], shape: Shape) -> dict[str, Json]:
    """A body without the fields that are null, where that is how a client of the provider says nothing."""
    if not any(value is None for value in body.values()):
        return body
    # A file tells an empty object from no body as little.
    return {name: value for name, value in body.items() if value is not None or not shape.nullable(name)} or body


def normalized_by(name: str, body: dict[str, Json]) -> Canonical:
    """The canonical form that a registered normalizer gave, now or when it was recorded."""
    return Canonical(body, name, isinstance(body.get("messages"), list), _streams(body), registered=True)


def _streams(body: Mapping[str, Json]) -> bool:
    return body.get("stream") is True
