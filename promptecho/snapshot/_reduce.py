"""What an answer comes down to in a snapshot: text, tool calls, finish reason, structured output, refusal.

Ids, times and usage are made up afresh by each call and are left out unless asked for. What is no answer of a model is
kept as the plain data that it is. Nothing is left out in silence: what can't be reduced is an error.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from promptecho._telling.answers import Answer, ToolCall, read_events, read_message, read_tree
from promptecho.errors import SnapshotError
from promptecho.providers._answer import from_pieces

Json = Any

_ASKED = ("usage", "id", "model", "created", "thinking")  # left out unless they are asked for
INCLUDES = (*_ASKED, "text")  # a text that is structured stands there as that
_DEEPEST = 100
_IDS = ("id", "responseId", "generation_id")
_TIMES = ("created", "created_at", "createTime")


class stream(list[Any]):  # noqa: N801 - used like a function
    """The chunks of one stream, said to be one where their shape leaves it open: Gemini's look like whole answers.

    >>> snapshot.reduce(snapshot.stream(chunks))
    {'text': 'It is sunny.', 'finish_reason': 'stop'}
    """

    def __init__(self, chunks: Iterable[Any]) -> None:
        super().__init__(chunks)


def reduce(value: Any, include: Sequence[str] = ()) -> Json:
    """A reply as the plain tree that a snapshot holds: text, tool calls, finish reason, structured output, refusal.

    ``include`` brings back what is left out: ``usage``, ``id``, ``model``, ``created``, ``thinking``, and the ``text``
    of a structured answer. What is no answer of a model stays as it is.

    >>> snapshot.reduce(reply)
    {'text': 'It is sunny in Paris.', 'finish_reason': 'stop'}

    Raises:
        SnapshotError: there is something in it that is no data, or a stream that nobody has read yet.
    """
    unknown = [name for name in include if name not in INCLUDES]
    if unknown:
        raise SnapshotError(f"llm_snapshot: include has {unknown[0]!r}; what can be included: {', '.join(INCLUDES)}")
    tree = plain(value)
    if isinstance(value, stream):
        answer = read_events(_unwrapped(tree))
        if answer is None:
            raise SnapshotError("llm_snapshot.stream: these are not the chunks of any stream that is known here")
        return _fields(answer, {}, include)
    if isinstance(tree, list):
        return _list(tree, include)
    return _one(tree, include)


def _one(tree: Json, include: Sequence[str]) -> Json:
    """One reply, or what is none as it is."""
    if not isinstance(tree, dict):
        return tree
    answer = read_tree(tree)
    if answer is None or answer.provider == "unknown":
        answer = _message(tree)
    if answer is None:
        return tree
    return _fields(answer, tree, include) or tree  # embeddings say nothing but their numbers


def _message(tree: dict[str, Json]) -> Answer | None:
    """The message of an answer alone, as ``reply.choices[0].message`` gives it."""
    if tree.get("role") not in ("assistant", "model") or not {"content", "parts", "tool_calls"} & set(tree):
        return None
    return from_pieces("unknown", read_message(tree))


def _list(trees: list[Json], include: Sequence[str]) -> Json:
    """A stream that was read into a list is one reply; any other list is that of its elements."""
    events = _unwrapped(trees)
    if not all(_is_whole(each) for each in events):
        answer = read_events(events)
        if answer is not None and answer.provider != "unknown":
            return _fields(answer, next((each for each in events if isinstance(each, dict)), {}), include)
    return [_one(each, include) for each in trees]


def _unwrapped(trees: list[Json]) -> list[Json]:
    """Mistral's SDK puts each chunk under ``data``."""
    if trees and all(isinstance(each, dict) and set(each) == {"data"} for each in trees):
        return [each["data"] for each in trees]
    return trees


def _is_whole(tree: Json) -> bool:
    """Whether a tree is a whole reply; a chunk of a stream that is shaped like one has no end of its own yet."""
    if not isinstance(tree, dict) or str(tree.get("object", "")).endswith(".chunk"):
        return False
    if tree.get("object") == "chat.completion" or tree.get("type") == "message":
        return True
    answer = read_tree(tree)
    return answer is not None and (bool(answer.finish_reason) or answer.refusal is not None)


def _fields(answer: Answer, tree: dict[str, Json], include: Sequence[str]) -> dict[str, Json]:
    """The fields of an answer, those that it lacks left out, and some unless they are asked for."""
    structured = answer.structured if isinstance(answer.structured, dict) else None
    known: dict[str, Json] = {
        "text": (answer.text or None) if structured is None or "text" in include else None,
        "structured": structured,
        "tool_calls": [_call(call, include) for call in answer.tool_calls] or None,
        "finish_reason": answer.finish_reason or None,
        "refusal": answer.refusal,
        "error": answer.error,
        "attachments": list(answer.attachments) or None,
        "thinking": answer.thinking or None,
        "alternatives": [_fields(each, {}, include) for each in answer.alternatives] or None,
        "usage": None if answer.usage is None else dataclasses.asdict(answer.usage),
        "model": answer.model or None,
        "id": _first(tree, _IDS),
        "created": _first(tree, _TIMES),
    }
    fields = {
        name: value for name, value in known.items() if value is not None and (name in include or name not in _ASKED)
    }
    if not answer.text and fields and "tool_calls" not in fields and "refusal" not in fields:
        fields = {"text": "", **fields}  # that nothing was said is worth a line
    return fields


def _call(call: ToolCall, include: Sequence[str]) -> Json:
    named = {"name": call.name, "arguments": plain(call.arguments)}
    return {**named, "id": call.id} if "id" in include else named


def _first(tree: dict[str, Json], places: Sequence[str]) -> Json:
    return next((tree[place] for place in places if tree.get(place) is not None), None)


def replies_as_run(tree: Json) -> Json:
    """The replies of an agent's run as the calls that it made, and what else each of them said."""
    if not isinstance(tree, list) or not all(isinstance(each, dict) for each in tree):
        return tree
    calls = [call for each in tree for call in each.get("tool_calls", ())]
    rest = [{name: value for name, value in each.items() if name != "tool_calls"} for each in tree]
    return {"tool_calls": calls, "replies": rest}


# --- plain data -------------------------------------------------------------------------------------------------------


def plain(value: Any, place: str = "the value", depth: int = 0) -> Json:
    """Any value of an SDK or of the user's own as JSON.

    Raises:
        SnapshotError: it names the place and the type of what is no data.
    """
    if isinstance(value, str):
        return _storable(str(value.value) if isinstance(value, enum.Enum) else str(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value, place, depth)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if depth >= _DEEPEST:
        raise SnapshotError(f"llm_snapshot: {place} is nested more than {_DEEPEST} levels deep; compare a part of it")
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return plain(_dumped(value, place), place, depth + 1)
    if isinstance(value, Mapping):
        return {_name(key, place): plain(each, f"{place}[{key!r}]", depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, f"{place}[{number}]", depth + 1) for number, each in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return plain(fields, place, depth)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise SnapshotError(_unusable(value, place))


def _name(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise SnapshotError(f"llm_snapshot: {place} has the key {key!r}, expected a text; change it to one before")
    return _storable(str(key))


def _storable(text: str) -> str:
    """Half a surrogate pair, as a cut-off stream may end with, can't stand in a file: it is spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _dumped(value: Any, place: str) -> Any:
    """The data of a pydantic object, under the names that it has on the wire."""
    try:
        try:
            return value.model_dump(mode="json", by_alias=True, warnings=False)
        except TypeError:  # an object with a model_dump of its own
            return value.model_dump()
    except Exception as problem:
        raise SnapshotError(
            f"llm_snapshot: {place}, a {type(value).__name__}, can't be turned into data: {problem}; "
            "compare the part of it that matters"
        ) from problem


def _unusable(value: Any, place: str) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "__aiter__") or hasattr(value, "__next__") or type(value).__name__ == "EventStream":
        return f"llm_snapshot: {place} is a stream that nobody has read yet ({kind}); compare the list of its chunks"
    if callable(getattr(value, "read", None)):
        return f"llm_snapshot: {place} is a body that nobody has read yet ({kind}); compare json.loads(body.read())"
    if hasattr(value, "__await__"):
        return f"llm_snapshot: {place} is not awaited yet ({kind}); compare what `await` gives"
    return (
        f"llm_snapshot: {place} is of type {kind}, which is no reply of a known SDK and no plain data; "
        "compare a text, a dict, a list or an object with model_dump()"
    )
