"""``promptecho show``: the recordings of a cassette as a conversation, or as they go over the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptecho._bodies import streams
from promptecho._cassette.interaction import Interaction
from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, open_cassette
from promptecho._telling import prices
from promptecho._telling.answers import Answer, Piece, as_json, size_note
from promptecho._telling.conversation import Exchange, Turn, exchanges
from promptecho.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

Json = Any

_INDENT = 4
_ROLES = {"assistant": "green", "user": "cyan", "system": "magenta"}
_UNNAMED = re.compile(r"[\w.-]+")  # an argument's name that needs no quotes


def choose(opened: OpenedCassette, wanted: str | None) -> list[Interaction]:
    """The recordings that a number or the start of a key names; all of them without any.

    Raises:
        SettingsError: there is none of it.
    """
    found = opened.interactions
    if wanted is None:
        return list(found)
    if wanted.isdecimal() and len(wanted) < 8 and int(wanted) < len(found):
        return [found[int(wanted)]]
    matching = [
        each
        for each in found
        if len(wanted) >= 4
        and (each.match_key.startswith(wanted) or _stored_key(each).startswith(wanted))
    ]  # fmt: skip
    if not matching:
        raise SettingsError(
            f"{opened.path} has no recording {wanted!r}; it has {_screen.counted(len(found), 'recording')}, numbered "
            "from 0; or give the first four or more digits of a key"
        )
    return matching


def _stored_key(interaction: Interaction) -> str:
    return str(interaction.document["request"].get("match_key", ""))


# --- the conversation -------------------------------------------------------------------------------------------------


def show_conversation(opened: OpenedCassette, chosen: Iterable[Interaction], *, full: bool) -> None:
    """Write recordings as a person reads them; what stands in an earlier one is left out, unless ``full``."""
    to = _screen.console()
    numbers = {interaction.number for interaction in chosen}
    _screen.paragraph(to, _screen.shown_path(opened.path), style="bold")
    _screen.paragraph(to, about(opened), style="dim")
    if not opened.interactions:
        return
    for exchange in exchanges(opened.interactions):
        if exchange.interaction.number in numbers:
            to.print()
            _show_exchange(to, exchange, opened.recorded_at, full=full)


def about(opened: OpenedCassette) -> str:
    """One line on a cassette: how many recordings, from when, made with what."""
    facts = [_screen.counted(len(opened.interactions), "recording")]
    moment = opened.recorded_at
    if moment is not None:
        facts.append(f"recorded {moment.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC")
    made_with = opened.header.get("recorded_with")
    if isinstance(made_with, dict) and made_with:
        facts.append("with " + ", ".join(f"{name} {version}" for name, version in made_with.items()))
    if opened.unfinished:
        facts.append("unfinished: the recording was interrupted")
    return ", ".join(facts)


def _show_exchange(to: Console, exchange: Exchange, moment: datetime | None, *, full: bool) -> None:
    interaction = exchange.interaction
    head = f"[{interaction.number}] {interaction.method} {interaction.url}"
    _screen.paragraph(to, head, style="bold")
    facts = [
        str(interaction.body.get("model") or "no model"),
        "stream" if interaction.streaming else "",
        interaction.match_key,
    ]
    _screen.paragraph(to, ", ".join(fact for fact in facts if fact), indent=_INDENT, style="dim")
    hidden = 0 if full else exchange.repeated
    if exchange.settings:
        said = ", ".join(f"{name}: {_value(value)}" for name, value in exchange.settings.items())
        _screen.paragraph(to, said, indent=_INDENT, style="dim")
    if exchange.tools and (not hidden or exchange.new_tools):
        _screen.paragraph(to, f"tools: {', '.join(exchange.tools)}", indent=_INDENT, style="dim")
    if exchange.system and (not hidden or exchange.new_system):
        _show_turn(to, Turn("system", (Piece("text", exchange.system),)))
    if hidden:
        note = f"({_screen.counted(hidden, 'earlier message')} as in [{exchange.after}])"
        _screen.paragraph(to, note, indent=_INDENT, style="dim")
    last_role = ""
    for turn in exchange.turns[hidden:]:
        _show_turn(to, turn, named=turn.role != last_role)
        last_role = turn.role
    _show_answer(to, exchange, moment)


def _show_turn(to: Console, turn: Turn, *, named: bool = True) -> None:
    if named:
        _screen.paragraph(to, turn.role, style=_ROLES.get(turn.role, "yellow"))
    for piece in turn.pieces:
        _show_piece(to, piece)


def _show_piece(to: Console, piece: Piece) -> None:
    if piece.kind == "thinking":
        _screen.paragraph(to, f"(thinking) {piece.text}", indent=_INDENT, style="dim")
    elif piece.kind == "tool_call":
        _screen.paragraph(to, call_text(piece.name, piece.arguments), indent=_INDENT)
    elif piece.kind == "tool_result":
        label = piece.name or piece.id
        _screen.paragraph(to, (f"{label} <- " if label else "<- ") + piece.text, indent=_INDENT)
    elif piece.kind == "attachment":
        _screen.paragraph(to, f"[{piece.text}]", indent=_INDENT, style="blue")
    elif piece.kind == "refusal":
        _screen.paragraph(to, f"(refused) {piece.text}", indent=_INDENT, style="red")
    else:
        _screen.paragraph(to, (f"{piece.name}: " if piece.name else "") + piece.text, indent=_INDENT)


def call_text(name: str, arguments: Json) -> str:
    """A tool call as a line of code: ``-> weather(city="Paris")``."""
    if isinstance(arguments, dict) and all(_UNNAMED.fullmatch(str(key)) for key in arguments):
        inner = ", ".join(f"{key}={as_json(value)}" for key, value in arguments.items())
    else:
        inner = as_json(arguments)
    return f"-> {name}({inner})"


def _value(value: Json) -> str:
    return value if isinstance(value, str) else as_json(value)


def _show_answer(to: Console, exchange: Exchange, moment: datetime | None) -> None:
    interaction, answer = exchange.interaction, exchange.answer
    _screen.paragraph(to, "assistant" if _is_chat(exchange) else "response", style=_ROLES["assistant"])
    facts: list[str] = []
    if answer is None:
        _screen.paragraph(to, _unknown_body(interaction), indent=_INDENT, style="dim")
        facts.append(f"status {interaction.status}")
    else:
        for index, choice in enumerate((answer, *answer.alternatives)):
            if index:
                _screen.paragraph(to, f"(choice {index + 1})", indent=_INDENT, style="dim")
            for piece in answer_pieces(choice):
                _show_piece(to, piece)
        if answer.error is not None:
            _screen.paragraph(to, f"error {interaction.status}: {answer.error}", indent=_INDENT, style="red")
        facts = [answer.finish_reason or "", *_usage_facts(answer)]
        cost = prices.price(answer, interaction.url, at=moment)
        facts.append(_screen.dollars(cost) if cost is not None else "")
    facts.append(_screen.seconds(interaction.duration) if interaction.duration is not None else "")
    facts.append(f"cut off: {interaction.incomplete}" if interaction.incomplete else "")
    said = ", ".join(fact for fact in facts if fact)
    if said:
        _screen.paragraph(to, said, indent=_INDENT, style="dim")


def _is_chat(exchange: Exchange) -> bool:
    return isinstance(exchange.interaction.body.get("messages"), list)


def answer_pieces(answer: Answer) -> list[Piece]:
    """An answer in the order in which it is read: thinking, text, refusal, attachments, calls."""
    pieces = [Piece("thinking", answer.thinking), Piece("text", answer.text), Piece("refusal", answer.refusal or "")]
    pieces += [Piece("attachment", note) for note in answer.attachments]
    shown = [piece for piece in pieces if piece.text]
    return [*shown, *(Piece("tool_call", name=call.name, arguments=call.arguments) for call in answer.tool_calls)]


def _usage_facts(answer: Answer) -> list[str]:
    usage = answer.usage
    if usage is None:
        return []
    read, wrote = _screen.number(usage.input_tokens), _screen.number(usage.output_tokens)
    parts = [
        f"{_screen.number(count)} {word}"
        for count, word in ((usage.cache_read_tokens, "from cache"), (usage.cache_write_tokens, "to cache"))
        if count
    ]
    cached = f" ({', '.join(parts)})" if parts else ""
    reasoning = f" ({_screen.number(usage.reasoning_tokens)} reasoning)" if usage.reasoning_tokens else ""
    return [f"{read} tokens in{cached}", f"{wrote} out{reasoning}"]


def _unknown_body(interaction: Interaction) -> str:
    data = interaction.response.body
    kind = interaction.response.head.headers.get("content-type") or "no content type"
    if not data:
        return "(no body)"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"[{kind}, {size_note(len(data))}]"
    return text if len(text) <= 2000 else f"[{kind}, {size_note(len(data))}; --raw shows it]"


# --- the wire ---------------------------------------------------------------------------------------------------------


def show_raw(chosen: Iterable[Interaction]) -> None:
    """Write recordings as they are matched and replayed: request line and canonical body, status, headers, body."""
    to = _screen.console()
    for place, interaction in enumerate(chosen):
        if place:
            click.echo()
        for line in _wire_lines(interaction):
            to.file.write(_screen.harmless(line) + "\n")


def _wire_lines(interaction: Interaction) -> Iterable[str]:
    import json

    yield f"{interaction.method} {interaction.url}"
    if interaction.body:
        yield ""
        yield json.dumps(interaction.body, indent=2, ensure_ascii=False)
    response = interaction.response
    head = response.head
    yield ""
    yield f"{head.http_version or 'HTTP/1.1'} {head.status_code} {head.reason or ''}".rstrip()
    for name, value in head.headers:
        yield f"{name}: {value}"
    yield ""
    if not response.body:
        return
    kind = head.headers.get("content-type")
    stream = streams.format_of(kind)
    if stream is not None and stream.name == "eventstream":
        for piece in stream.split(response.body):
            yield json.dumps(stream.encode(piece), ensure_ascii=False)
    else:
        try:
            yield response.body.decode("utf-8").rstrip("\n")
        except UnicodeDecodeError:
            yield f"[{kind or 'no content type'}, {size_note(len(response.body))}, not text]"
    if response.incomplete:
        yield f"[cut off: {response.incomplete}]"


# --- as data ----------------------------------------------------------------------------------------------------------


def to_json(opened: OpenedCassette, chosen: Iterable[Interaction]) -> Json:
    """Recordings as plain data, each with its whole history."""
    numbers = {interaction.number for interaction in chosen}
    return {
        "cassette": opened.path.as_posix(),
        "recorded_at": opened.recorded_at.isoformat() if opened.recorded_at else None,
        "recorded_with": opened.header.get("recorded_with"),
        "unfinished": opened.unfinished,
        "recordings": [
            _exchange_json(exchange, opened.recorded_at)
            for exchange in exchanges(opened.interactions)
            if exchange.interaction.number in numbers
        ],
    }


def _exchange_json(exchange: Exchange, moment: datetime | None) -> Json:
    interaction, answer = exchange.interaction, exchange.answer
    cost: Decimal | None = None if answer is None else prices.price(answer, interaction.url, at=moment)
    return {
        "number": interaction.number,
        "key": interaction.match_key,
        "method": interaction.method,
        "url": interaction.url,
        "status": interaction.status,
        "streaming": interaction.streaming,
        "incomplete": interaction.incomplete,
        "duration": interaction.duration,
        "model": interaction.body.get("model"),
        "system": exchange.system or None,
        "tools": list(exchange.tools),
        "settings": exchange.settings,
        "messages": [
            {"role": turn.role, "pieces": [_piece_json(piece) for piece in turn.pieces]} for turn in exchange.turns
        ],
        "repeats": None if exchange.after is None else {"recording": exchange.after, "messages": exchange.repeated},
        "answer": None if answer is None else answer_json(answer),
        "cost_usd": _screen.as_float(cost),
    }


def _piece_json(piece: Piece) -> Json:
    fields: list[tuple[str, Json]] = [
        ("kind", piece.kind),
        ("text", piece.text),
        ("name", piece.name),
        ("id", piece.id),
    ]
    tree = {name: value for name, value in fields if value}
    return {**tree, "arguments": piece.arguments} if piece.kind == "tool_call" else tree


def answer_json(answer: Answer) -> Json:
    """An answer as plain data."""
    return {
        "provider": answer.provider,
        "model": answer.model,
        "text": answer.text,
        "thinking": answer.thinking,
        "tool_calls": [{"name": call.name, "arguments": call.arguments, "id": call.id} for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "refusal": answer.refusal,
        "usage": None if answer.usage is None else asdict(answer.usage),
        "attachments": list(answer.attachments),
        "structured": answer.structured,
        "alternatives": [answer_json(each) for each in answer.alternatives],
        "error": answer.error,
    }


@click.command("show")
@click.argument("cassette", type=click.Path(readable=False, path_type=Path))
@click.argument("recording", required=False)
@click.option("--full", is_flag=True, help="Show the messages that stand in an earlier recording again.")
@click.option(
    "--raw", is_flag=True, help="Show what is matched and replayed: request, status, headers, body or events."
)
@click.option("--json", "as_json", is_flag=True, help="Print the conversation as JSON.")
def command(cassette: Path, recording: str | None, full: bool, raw: bool, as_json: bool) -> None:
    """Show a cassette as a conversation, streams put together.

    RECORDING is a number, from 0, or the first digits of a key. Where requests repeat the history, only what is new in
    each is shown; a single recording is shown whole.
    """
    if raw and as_json:
        raise click.UsageError("--raw and --json exclude each other")
    opened = open_cassette(cassette)
    chosen = choose(opened, recording)
    if as_json:
        _screen.print_json(to_json(opened, chosen))
    elif raw:
        show_raw(chosen)
    else:
        show_conversation(opened, chosen, full=full or recording is not None)
