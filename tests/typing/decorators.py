"""What is decorated keeps its own type."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator, Iterator
from typing import Callable

from typing_extensions import assert_type

import promptecho


@promptecho.use_cassette("cassettes/plain.yaml")
def plain(question: str, *, retries: int = 3) -> str:
    return question * retries


@promptecho.use_cassette
def bare(question: str) -> str:
    return question


@promptecho.use_cassette()
def with_empty_parentheses(question: str) -> str:
    return question


@promptecho.use_cassette("cassettes/coroutine.yaml")
async def coroutine(question: str) -> int:
    return len(question)


@promptecho.use_cassette("cassettes/generator.yaml")
def generator(count: int) -> Generator[str, bytes, float]:
    yield str(count)
    return 0.5


@promptecho.use_cassette("cassettes/iterator.yaml")
def iterator() -> Iterator[str]:
    yield "one"


@promptecho.use_cassette("cassettes/async_generator.yaml")
async def async_generator(count: int) -> AsyncGenerator[int, str]:
    yield count


@promptecho.use_cassette("cassettes/async_iterator.yaml")
async def async_iterator() -> AsyncIterator[int]:
    yield 1


@promptecho.use_cassette("cassettes/class.yaml")
class TestAgent:
    name: str = "agent"

    def test_answer(self) -> None: ...

    @staticmethod
    def ask(question: str) -> str:
        return question


class Agent:
    @promptecho.use_cassette("cassettes/method.yaml")
    def ask(self, question: str) -> str:
        return question

    @classmethod
    @promptecho.use_cassette("cassettes/class_method.yaml")
    def made(cls) -> Agent:
        return cls()

    @staticmethod
    @promptecho.use_cassette("cassettes/static.yaml")
    def count(words: list[str]) -> int:
        return len(words)

    @property
    @promptecho.use_cassette("cassettes/property.yaml")
    def mood(self) -> str:
        return "calm"


def used() -> None:
    assert_type(plain("a", retries=1), str)
    assert_type(generator(2), Generator[str, bytes, float])
    assert_type(iterator(), Iterator[str])
    assert_type(async_generator(2), AsyncGenerator[int, str])
    assert_type(async_iterator(), AsyncIterator[int])
    assert_type(TestAgent(), TestAgent)
    assert_type(TestAgent.ask("a"), str)
    assert_type(TestAgent().name, str)
    assert_type(Agent().ask("a"), str)
    assert_type(Agent.made(), Agent)
    assert_type(Agent.count(["a"]), int)
    assert_type(Agent().mood, str)

    shared = promptecho.use_cassette("cassettes/shared.yaml")
    ask: Callable[[str], str] = shared(lambda question: question)
    assert_type(ask("a"), str)


async def awaited() -> None:
    assert_type(await coroutine("a"), int)
    pending: Awaitable[int] = coroutine("a")
    await pending
    async for number in async_generator(2):
        assert_type(number, int)


def mistakes() -> None:
    plain(1)  # type: ignore[arg-type]
    plain("a", tries=1)  # type: ignore[call-arg]
    Agent().ask()  # type: ignore[call-arg]
    generator("two")  # type: ignore[arg-type]
