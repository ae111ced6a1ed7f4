"""Tests of a pytest suite, their fixtures annotated with names that are public."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typing_extensions import assert_type

import promptecho
from promptecho import Cassette
from promptecho.snapshot import LLMSnapshot, judge, number, similar, stream


def test_with_a_cassette(promptecho_cassette: Cassette) -> None:
    assert not promptecho_cassette.unused


@pytest.mark.promptecho("cassettes/other.yaml", mode="none", match_on=["model"])
def test_with_a_marker() -> None: ...


@pytest.mark.parametrize("question", ["one", "two"])
@promptecho.use_cassette("cassettes/both.yaml")
def test_with_a_decorator(question: str) -> None:
    assert question


@pytest.mark.asyncio
@promptecho.use_cassette("cassettes/async.yaml")
async def test_async(promptecho_cassette: Cassette) -> None:
    assert promptecho_cassette.path.name


@pytest.fixture
@promptecho.use_cassette("cassettes/fixture.yaml")
def client() -> Iterator[str]:
    yield "client"


def test_missing(promptecho_cassette: Cassette) -> None:
    with pytest.raises(promptecho.CassetteMiss, match="no recording") as caught:
        pass
    assert_type(caught.value, promptecho.CassetteMiss)
    promptecho_cassette.acknowledge_misses()


def ask_judge(question: str) -> str:
    return question


def test_snapshots(llm_snapshot: LLMSnapshot) -> None:
    reply: object = "six times seven is 42"
    assert reply == llm_snapshot
    assert reply == llm_snapshot("named")
    assert reply == llm_snapshot("named", text=llm_snapshot.regex(r"\d+"), ignore=["usage"], include=("model",))
    assert reply == llm_snapshot(text=llm_snapshot.contains("seven", "42"), finish_reason="stop", refusal=None)
    assert reply == llm_snapshot(structured=llm_snapshot.subset({"answer": llm_snapshot.number(42, within=0.5)}))
    assert reply == llm_snapshot(structured=llm_snapshot.schema({"type": "object"}))
    assert reply == llm_snapshot(text=llm_snapshot.any_of("42", llm_snapshot.similar("forty-two", at_least=0.8)))
    assert reply == llm_snapshot(tools=llm_snapshot.tools(order="any", arguments="subset", calls=[{"name": "add"}]))
    assert reply == llm_snapshot.judge("is polite", client=ask_judge)
    assert llm_snapshot.stream([reply]) == llm_snapshot
    assert reply == llm_snapshot(text=similar(at_least=0.9), structured={"n": number(within=1)})
    assert stream([reply]) == llm_snapshot("streamed", text=judge("is short", client=ask_judge))


def mistakes(llm_snapshot: LLMSnapshot) -> None:
    llm_snapshot(txt="42")  # type: ignore[call-arg]
    llm_snapshot(ignore=7)  # type: ignore[arg-type]
    llm_snapshot.number(42)  # type: ignore[call-arg]
    llm_snapshot.like("42")  # type: ignore[attr-defined]
