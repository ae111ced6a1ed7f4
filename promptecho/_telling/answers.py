"""What a recorded answer says: text, thinking, tool calls, usage, in one form for every provider.

A stream is first assembled into the body that the same call without a stream would have got, so both read alike. An
answer is told by its own shape; the request's provider only says which shape is tried first. Odd input gives ``None``
or less than there is, and never raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from promptecho import providers
from promptecho._telling.wire import Body, read_body
from promptecho.providers import Reader
from promptecho.providers._answer import Answer, ToolCall, Usage
from promptecho.providers._pieces import Piece, as_json, flat_text, read_blocks, read_message, size_note
from promptecho.providers._trees import entries, first_text, mapping, text

if TYPE_CHECKING:
    from promptecho._cassette.interaction import Interaction

__all__ = [
    "Answer",
    "Piece",
    "ToolCall",
    "Usage",
    "as_json",
    "error_message",
    "flat_text",
    "read_answer",
    "read_blocks",
    "read_bytes",
    "read_events",
    "read_message",
    "read_tree",
    "size_note",
]

Json = Any

_MEDIA = ("image/", "audio/", "video/")


def read_answer(interaction: Interaction) -> Answer | None:
    """What a recorded interaction answered, or ``None`` if its body is of no known shape."""
    identity = interaction.identity
    head = interaction.response.head
    answer = read_bytes(
        interaction.response.body,
        head.headers.get("content-type"),
        status=interaction.status,
        provider=identity.provider,
    )
    if answer is None:
        return None
    asked = text(identity.body.get("model"))
    if identity.provider == "bedrock" or not answer.model:  # Bedrock's own names of models are what it charges by
        answer = replace(answer, model=asked or answer.model)
    if answer.usage is None and answer.error is None:
        answer = replace(answer, usage=_header_usage(head.headers.get))
    return answer


def _header_usage(header: Any) -> Usage | None:
    """Bedrock's InvokeModel tells the tokens of any model in headers."""
    counts = [header(f"x-amzn-bedrock-{side}-token-count") for side in ("input", "output")]
    if not all(value.isascii() and value.isdigit() and len(value) < 12 for value in counts):
        return None
    return Usage(int(counts[0]), int(counts[1]))


def read_bytes(data: bytes, content_type: str, *, status: int = 200, provider: str = "") -> Answer | None:
    """What a body of some content type answers, stream or not; ``provider`` is tried first and becomes its name."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(_MEDIA) and data and status < 400:
        return Answer(_name(provider, "unknown"), attachments=(f"{kind}, {size_note(len(data))}",))
    body = read_body(data, content_type)
    if status >= 400:
        return Answer(_name(provider, "unknown"), error=_failure(body, data, status))
    if body.events is not None:
        return read_events(body.events, provider=provider)
    return read_tree(body.tree, provider=provider)


def read_tree(tree: Json, *, provider: str = "") -> Answer | None:
    """What a plain response body answers."""
    for reader in _in_order(provider):
        answer = reader.read(tree)
        if answer is not None:
            return replace(answer, provider=_name(provider, answer.provider))
    message = error_message(tree) if "error" in mapping(tree) else ""
    return Answer(_name(provider, "unknown"), error=message) if message else None


def read_events(events: Sequence[Json], *, provider: str = "") -> Answer | None:
    """What the events of a stream answer, each of them a JSON tree."""
    failed = next((event for event in events if "error" in mapping(event) and mapping(event)["error"]), None)
    error = error_message(failed) or None
    for reader in _in_order(provider):
        assembled = reader.assemble(events)
        answer = None if assembled is None else reader.read(assembled)
        if answer is not None:
            return replace(answer, provider=_name(provider, answer.provider), error=error)
    return Answer(_name(provider, "unknown"), error=error) if error else None


def _in_order(provider: str) -> list[Reader]:
    return sorted(providers.readers(), key=lambda reader: reader.name != provider)


def _name(provider: str, told: str) -> str:
    return told if provider in ("", "unknown") else provider


def error_message(tree: Json) -> str:
    """The message in an error's body, wherever the provider has it; an empty text if there is none."""
    body = mapping(tree[0] if entries(tree) else tree)
    for inner in (body.get("error"), body):
        if isinstance(inner, str) and inner:
            return inner
        found = first_text(inner, "message", "Message", "detail", "error_description", "msg", "type", "code")
        if found:
            return found
    detail = body.get("detail", body.get("errors"))
    return as_json(detail) if detail else ""


def _failure(body: Body, data: bytes, status: int) -> str:
    tree = body.tree if body.events is None else next(iter(body.events), None)
    return error_message(tree) or data.decode("utf-8", "replace").strip() or f"HTTP {status}"
