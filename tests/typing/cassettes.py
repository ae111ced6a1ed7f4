"""A cassette around a block, every argument, and what a test looks at afterwards."""

from __future__ import annotations

import re
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Optional

from typing_extensions import assert_type

import promptecho
from promptecho import Cassette, Interaction, Mode


def block(path: Path, like: PathLike[str]) -> int:
    with promptecho.use_cassette("cassettes/block.yaml") as cassette:
        assert_type(cassette, Cassette)
    for place in (path, like):
        with promptecho.use_cassette(place):
            pass
    with promptecho.use_cassette(path, "none", ["model"], "raise"):
        return 1
    # A cassette swallows no exception, so what stands here can't be reached, and no return is missing.


async def asynchronous(path: Path) -> None:
    async with promptecho.use_cassette(path, mode=Mode.NEW_EPISODES) as cassette:
        assert_type(cassette, Cassette)


def mask(text: str) -> str:
    return text.replace("Ada", "NAME")


def only_chat(tree: dict[str, Any]) -> dict[str, Any] | None:
    return tree if "messages" in tree["request"]["body"] else None


def every_argument(path: Path, from_environment: str) -> None:
    promptecho.use_cassette(
        path,
        mode="once",
        match_on=["model", "messages", "metadata.tenant"],
        on_record_error="record",
        backends=["httpx", "urllib3"],
        repeats="strict",
        ignore=["metadata.trace"],
        volatile=["uuid", "date", re.compile(r"run-\d+")],
        ignore_hosts=("telemetry.example",),
        ignore_localhost=True,
        only_hosts=["api.openai.com"],
        block_network=True,
        redact=["Ada Lovelace", re.compile("Ada"), mask],
        on_secret="fail",
        before_record=[only_chat, only_chat],
        timing=True,
        replay_speed=2,
        max_age=timedelta(days=30),
        max_live_calls=10,
        max_live_usd=0.5,
    )
    promptecho.use_cassette(path, backends="all", match_on="all", redact=mask, before_record=only_chat, max_age="30d")
    promptecho.use_cassette(path, redact="Ada", volatile=("uuid",), max_age=30, match_on=("model",))
    promptecho.use_cassette(path, mode=from_environment, before_record=None, redact=None, backends=None)


def looked_at(cassette: Cassette) -> None:
    as_text: str = cassette.path
    as_path: PathLike[str] = cassette.path
    assert as_text == str(as_path)
    assert_type(cassette.interactions, tuple[Interaction, ...])
    assert_type(cassette.played, tuple[Interaction, ...])
    assert_type(cassette.recorded, tuple[Interaction, ...])
    assert_type(cassette.unused, tuple[Interaction, ...])
    assert_type(cassette.unmatched, dict[str, int])
    assert_type(cassette.passed_through, int)
    assert_type(len(cassette), int)
    cassette.acknowledge_misses()

    first = cassette.played[0]
    assert_type(first.body, dict[str, Any])
    assert_type(first.body["messages"][0]["content"], Any)
    assert_type(first.method, str)
    assert_type(first.url, str)
    assert_type(first.status, int)
    assert_type(first.streaming, bool)
    assert_type(first.match_key, str)
    assert_type(first.incomplete, Optional[str])
    assert_type(first.duration, Optional[float])
    assert_type(first.response.body, bytes)
    assert_type(first.response.head.headers.get("content-type"), str)

    assert_type(Cassette.load("cassettes/block.yaml"), Cassette)
    assert_type(Cassette.load(Path("cassettes/block.yaml"), match_on=["model"]).interactions[0], Interaction)


def mistakes(cassette: Cassette) -> None:
    promptecho.use_cassette(7)  # type: ignore[call-overload]
    promptecho.use_cassette("a.yaml", modus="once")  # type: ignore[call-overload]
    promptecho.use_cassette("a.yaml", mode=True)  # type: ignore[call-overload]
    promptecho.use_cassette("a.yaml", ignore_hosts=7)  # type: ignore[call-overload]
    promptecho.use_cassette("a.yaml", before_record=mask)  # type: ignore[arg-type]
    promptecho.use_cassette("a.yaml", "once", None, None, ["httpx"])  # type: ignore[call-overload]
    promptecho.use_casette("a.yaml")  # type: ignore[attr-defined]
    cassette.playd  # type: ignore[attr-defined]
    cassette.played.append(cassette.played[0])  # type: ignore[attr-defined]
    cassette.played[0].status = 200  # type: ignore[misc]
