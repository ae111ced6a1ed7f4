"""A made-up provider, whole: what CONTRIBUTING.md walks through. ``tests/providers/test_acme.py`` sees it at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho.provider import (
    Answer,
    Background,
    Call,
    KeyRule,
    Neutral,
    Provider,
    Reader,
    Sdk,
    Selecting,
    Shape,
    ToolCall,
    Usage,
)

_ROLES = {"human": "user", "machine": "assistant"}


def detect(call: Call) -> bool:
    return call.path.endswith("/acme/talk")


def normalize(call: Call) -> dict[str, Any]:
    """``turns`` are messages, ``engine`` is the model, ``brief`` the system prompt; all else stays as it is."""
    body = dict(call.body)
    turns = body.get("turns")
    if isinstance(turns, list) and all(isinstance(turn, dict) and set(turn) == {"who", "says"} for turn in turns):
        del body["turns"]
        body["messages"] = [{"role": _ROLES.get(turn["who"], turn["who"]), "content": turn["says"]} for turn in turns]
    for name, known in (("engine", "model"), ("brief", "system")):
        if name in body and known not in body:
            body[known] = body.pop(name)
    return body


def read(tree: Any) -> Answer | None:
    """The answer in ``{"acme": {"says": ..., "does": [...]}, "spent": {"in": ..., "out": ...}}``."""
    reply = tree.get("acme") if isinstance(tree, dict) else None
    if not isinstance(reply, dict):
        return None
    spent = tree.get("spent", {})
    return Answer(
        "acme",
        tree.get("engine", ""),
        text=reply.get("says", ""),
        tool_calls=tuple(ToolCall(each["name"], each.get("with")) for each in reply.get("does", ())),
        finish_reason=tree.get("why"),
        usage=Usage(spent.get("in", 0), spent.get("out", 0)),
    )


def assemble(events: Sequence[Any]) -> Any:
    """The plain body that the pieces of a stream make up."""
    pieces = [event for event in events if isinstance(event, dict) and "piece" in event]
    if not pieces:
        return None
    return {**pieces[-1], "acme": {"says": "".join(event["piece"] for event in pieces)}}


PROVIDER = Provider(
    "acme",
    "Acme",
    hosts=("api.acme.example",),
    logins=("login.acme.example",),
    background=(Background(("telemetry.acme.example",), "v1/pings", why="usage counters"),),
    shapes=(Shape("acme", detect, normalize),),
    readers=(Reader("acme", read, assemble),),
    headers=(Selecting(("x-acme-floor",), "the model of a floor"),),
    neutral=(Neutral(("mood",), "sampling", ("acme",)),),
    sdks=(Sdk("acme-sdk", "acme_sdk", clients=("Acme",), sync="http.client", asynchronous="-"),),
    keys=(KeyRule("ACME_KEY", ("acme-",), "[A-Za-z0-9]{24}", "acme-aB3dE5gH7jK9mN1pQ3sT5vW7"),),
    environment=("ACME_PIN",),
    price_id="openai",
)
