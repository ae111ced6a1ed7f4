"""What a recorded answer says, in one form for every provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptecho.providers._pieces import Piece
from promptecho.providers._trees import parsed

Json = Any


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model asked for; ``arguments`` is the parsed JSON, or the text as it came where it isn't any."""

    name: str
    arguments: Json = None
    id: str = ""


@dataclass(frozen=True)
class Usage:
    """Tokens, counted alike for every provider.

    ``input_tokens`` is all input, that read from a cache and that written to one included (Anthropic and Bedrock count
    these apart); ``output_tokens`` is all output, reasoning included (Gemini counts it apart). The other three are
    parts of those two.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """What a model answered. A stream gives the same as the plain body would have.

    ``provider`` is the shape of the API (``openai-chat``, ``anthropic``, ...), ``finish_reason`` the provider's own
    word, ``refusal`` why it would not answer, ``structured`` the JSON object or list that the text is, if it is one.
    ``attachments`` says what else there is ("image/png, 12 KB"), ``alternatives`` are further choices of the same
    call, ``error`` is the message of a call that failed.
    """

    provider: str
    model: str = ""
    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    refusal: str | None = None
    usage: Usage | None = None
    attachments: tuple[str, ...] = ()
    structured: Json = None
    alternatives: tuple[Answer, ...] = ()
    error: str | None = None


def from_pieces(
    provider: str,
    pieces: Sequence[Piece],
    *,
    model: str = "",
    finish_reason: str | None = None,
    refusal: str | None = None,
    usage: Usage | None = None,
) -> Answer:
    """An answer whose message consists of these pieces."""
    said = "".join(piece.text for piece in pieces if piece.kind == "text")
    refused = "".join(piece.text for piece in pieces if piece.kind == "refusal")
    return Answer(
        provider,
        model,
        text=said,
        thinking="\n\n".join(piece.text for piece in pieces if piece.kind == "thinking" and piece.text),
        tool_calls=tuple(
            ToolCall(piece.name, piece.arguments, piece.id) for piece in pieces if piece.kind == "tool_call"
        ),
        finish_reason=finish_reason or None,
        refusal=refusal or refused or None,
        usage=usage,
        attachments=tuple(piece.text for piece in pieces if piece.kind == "attachment"),
        structured=structured(said),
    )


def structured(said: str) -> Json:
    """The JSON object or list that a text is as a whole, or ``None``."""
    if said.lstrip()[:1] not in ("{", "["):
        return None
    tree = parsed(said)
    return tree if isinstance(tree, (dict, list)) else None


def with_alternatives(answers: Sequence[Answer], usage: Usage | None) -> Answer | None:
    """The first choice, which has the others and the usage of the call."""
    if not answers:
        return None
    return replace(answers[0], usage=usage, alternatives=tuple(answers[1:]))
