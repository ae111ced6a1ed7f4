import asyncio
import functools
import os
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai import AsyncOpenAI as Async
from openai import AzureOpenAI, OpenAI
from shop.assistant import (
    Assistant, Deps, LazyAssistant, SubAssistant, ask, ask_shared, moderate, with_deps
)
from shop.clients import cached_client, make

module_client = openai.OpenAI()


def test_a_call_in_the_body():  # FINDING: unrecorded-call
    client = OpenAI(api_key="x")
    client.chat.completions.create(model="gpt-5", messages=[])


def test_a_call_on_a_fixture(client):  # FINDING: unrecorded-call
    client.responses.create(model="gpt-5", input="hi")


def test_a_call_on_a_global():  # FINDING: unrecorded-call
    module_client.images.generate(model="i", prompt="a cat")


def test_an_unrecorded_helper():  # FINDING: unrecorded-call
    assert Assistant().answer("hi")


def test_the_other_classes():  # FINDING: unrecorded-call
    LazyAssistant().answer("hi")
    SubAssistant().short("hi")


def test_functions_of_the_application():  # FINDING: unrecorded-call
    ask("hi")
    ask_shared("hi")
    asyncio.run(with_deps(Deps("x")))


@pytest.mark.asyncio
async def test_an_async_client():  # FINDING: unrecorded-call
    async with Async() as client:
        await client.audio.transcriptions.create(model="w", file=b"")
        async with client.chat.completions.stream(model="gpt-5", messages=[]) as stream:
            async for event in stream:
                print(event)


def test_raw_responses_and_options(client):  # FINDING: unrecorded-call
    fast = client.with_options(timeout=1)
    fast.chat.completions.with_raw_response.create(model="gpt-5", messages=[])


class TestWithState:
    def setup_method(self):
        self.client = OpenAI()

    @pytest.fixture(autouse=True)
    def _prepare(self):
        self.other = OpenAI(base_url="https://openrouter.ai/api/v1")

    def test_set_up(self):  # FINDING: unrecorded-call
        self.client.files.list()

    def test_prepared(self):  # FINDING: unrecorded-call
        for number in range(2):
            if number:
                self.other.chat.completions.create(model="m", messages=[])


def test_only_the_first_is_recorded(client, recorded_later):  # FINDING: unrecorded-call
    client.responses.create(model="gpt-5", input="hi")


@pytest.fixture
def recorded_later():
    import promptecho

    with promptecho.use_cassette("tests/cassettes/closed_too_early.yaml"):
        moderate("x")
    return None


def test_a_fixture_of_the_session_comes_before_the_cassette(warm_answer, promptecho_cassette):  # FINDING: unrecorded-call
    assert warm_answer


def test_after_the_block(client):  # FINDING: unrecorded-call
    import promptecho as echo

    with echo.use_cassette("tests/cassettes/block.yaml"):
        client.responses.create(model="gpt-5", input="in the block")
    client.responses.create(model="gpt-5", input="after it")
