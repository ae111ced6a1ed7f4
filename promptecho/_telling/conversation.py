"""A recorded call as a person reads it: what was asked in turns, what is repeated from an earlier call, the answer.

An agent sends its whole history with each request. What stands in an earlier recording already, its answer included, is
counted here, so that a reader can be shown the new turns alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptecho._matching.identity import canonical_json
from promptecho._telling.answers import Answer, Piece, as_json, flat_text, read_answer, read_message

if TYPE_CHECKING:
    from promptecho._cassette.interaction import Interaction

Json = Any

_SAID_ELSEWHERE = ("model", "stream", "system", "messages", "tools", "functions")


@dataclass(frozen=True)
class Turn:
    """One message of a request."""

    role: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Exchange:
    """One recording as a part of a conversation.

    The first ``repeated`` of its turns stand in the recording ``after`` (its number) or are that one's answer.
    ``new_system`` and ``new_tools`` say whether these differ from that recording's.
    """

    interaction: Interaction
    answer: Answer | None
    system: str
    tools: tuple[str, ...]
    turns: tuple[Turn, ...]
    repeated: int = 0
    after: int | None = None
    new_system: bool = True
    new_tools: bool = True

    @cached_property
    def settings(self) -> dict[str, Json]:
        """What else was asked for: sampling, output format and the like; empty for a body that is no chat."""
        body = self.interaction.body
        if not isinstance(body.get("messages"), list):
            return {}
        return {name: value for name, value in body.items() if name not in _SAID_ELSEWHERE}


def exchanges(interactions: Iterable[Interaction]) -> Iterator[Exchange]:
    """The recordings of a cassette in order, each with what it repeats."""
    known: dict[bytes, Exchange] = {}  # by the digest of the whole history that was sent
    for interaction in interactions:
        body = interaction.body
        messages = body.get("messages")
        turns = _turns(body)
        answer = read_answer(interaction)
        system, tools = flat_text(body.get("system")), tool_names(body)
        digests = _digests(messages) if isinstance(messages, list) else []
        place, earlier = _longest(digests, known)
        exchange = Exchange(interaction, answer, system, tools, turns)
        if earlier is not None:
            repeated = place + _answered(turns[place:], earlier.answer)
            if repeated > 1 or len(turns) > repeated:
                exchange = Exchange(
                    interaction, answer, system, tools, turns, repeated, earlier.interaction.number,
                    new_system=system != earlier.system, new_tools=tools != earlier.tools,
                )  # fmt: skip
        if digests:
            known[digests[-1]] = exchange
        yield exchange


def _digests(messages: Sequence[Json]) -> list[bytes]:
    """For each length of a history, a digest of it."""
    digests, last = [], b""
    for message in messages:
        last = hashlib.sha256(last + canonical_json(message).encode("ascii")).digest()
        digests.append(last)
    return digests


def _longest(digests: list[bytes], known: dict[bytes, Exchange]) -> tuple[int, Exchange | None]:
    """The longest start of a history that was sent before as a whole: its length and that recording."""
    for place in range(len(digests), 0, -1):
        if digests[place - 1] in known:
            return place, known[digests[place - 1]]
    return 0, None


def _answered(turns: Sequence[Turn], answer: Answer | None) -> int:
    """How many of the turns are the earlier answer, sent back as it was."""
    if answer is None:
        return 0
    calls = {(call.name, as_json(call.arguments)) for call in answer.tool_calls}

    def is_repeated(piece: Piece) -> bool:
        if piece.kind == "text":
            return piece.text.strip() in answer.text
        if piece.kind == "tool_call":
            return (piece.name, as_json(piece.arguments)) in calls
        return piece.kind in ("thinking", "refusal") or piece.text in answer.attachments

    count = 0
    for turn in turns:
        if turn.role != "assistant" or not all(is_repeated(piece) for piece in turn.pieces):
            break
        count += 1
    return count


def _turns(body: dict[str, Json]) -> tuple[Turn, ...]:
    messages = body.get("messages")
    if isinstance(messages, list):
        return _with_tool_names([Turn(_role(message), read_message(message)) for message in messages])
    rest = {name: value for name, value in body.items() if name not in ("model", "stream")}
    pieces = [Piece("other", value if isinstance(value, str) else as_json(value), name) for name, value in rest.items()]
    return (Turn("request", tuple(pieces)),) if pieces else ()


def _with_tool_names(turns: list[Turn]) -> tuple[Turn, ...]:
    """The turns, each tool's result with the name of the tool that its call had."""
    names: dict[str, str] = {}
    named: list[Turn] = []
    for turn in turns:
        names.update((piece.id, piece.name) for piece in turn.pieces if piece.kind == "tool_call" and piece.id)
        pieces = tuple(
            replace(piece, name=names.get(piece.id, "")) if piece.kind == "tool_result" and not piece.name else piece
            for piece in turn.pieces
        )
        named.append(Turn(turn.role, pieces))
    return tuple(named)


def _role(message: Json) -> str:
    if not isinstance(message, dict):
        return "user"
    role = message.get("role")
    if isinstance(role, str):
        return role
    kind = message.get("type")
    if not isinstance(kind, str):
        return "user"
    return "tool" if kind.endswith("_output") else "assistant"  # an item of OpenAI's Responses


def tool_names(body: dict[str, Json]) -> tuple[str, ...]:
    """The names of the tools that a request offers."""
    tools = body.get("tools", body.get("functions"))
    return tuple(_tool_name(tool) for tool in tools) if isinstance(tools, list) else ()


def _tool_name(tool: Json) -> str:
    if not isinstance(tool, dict):
        return str(tool)
    for value in (tool.get("name"), tool.get("type"), *tool):
        if isinstance(value, str) and value:
            return value
    return "?"
