"""Defaults for a whole suite, and a normalizer of one's own."""

from __future__ import annotations

from typing import Any, Callable

from typing_extensions import assert_type

import promptecho
from promptecho import Mode
from promptecho.normalizers import Call


def defaults() -> None:
    promptecho.configure(mode=Mode.NONE, match_on=["model", "messages"], ignore_localhost=True)
    promptecho.configure(backends="all", max_age="30 days", max_live_usd=1)
    promptecho.configure(mode=None, match_on=None)
    assert_type(promptecho.__version__, str)
    assert_type(str(Mode.ONCE), str)
    assert_type(Mode("none"), Mode)


def is_gateway(call: Call) -> bool:
    assert_type(call.path, str)
    return call.path.endswith("/ask") and "question" in call.body


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "messages": [{"role": "user", "content": body.pop("question")}]}


def normalizer() -> None:
    unregister = promptecho.register_normalizer(is_gateway, canonical, name="gateway")
    assert_type(unregister, Callable[[], None])
    promptecho.register_normalizer(lambda call: call.host == "gateway", lambda body: {"messages": [], **body})


def mistakes() -> None:
    promptecho.configure(mod="once")  # type: ignore[call-arg]
    promptecho.configure(ignore_localhost="maybe")  # type: ignore[arg-type]
    promptecho.register_normalizer(canonical, is_gateway)  # type: ignore[arg-type]
    Mode.SOMETIMES  # type: ignore[attr-defined]
