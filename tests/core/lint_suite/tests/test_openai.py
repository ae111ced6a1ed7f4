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


def test_a_call_in_the_body():
    client = OpenAI(api_key="x")
    client.chat.completions.create(model="gpt-5", messages=[])  # FINDING: unrecorded-call


def test_a_call_on_a_fixture(client):
    client.responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


def test_a_call_on_a_global():
    module_client.images.generate(model="i", prompt="a cat")  # FINDING: unrecorded-call


def test_an_unrecorded_helper():
    assert Assistant().answer("hi")


def test_the_other_classes():
    LazyAssistant().answer("hi")
    SubAssistant().short("hi")


def test_functions_of_the_application():
    ask("hi")
    ask_shared("hi")
    asyncio.run(with_deps(Deps("x")))


@pytest.mark.asyncio
async def test_an_async_client():
    async with Async() as client:
        await client.audio.transcriptions.create(model="w", file=b"")  # FINDING: unrecorded-call
        async with client.chat.completions.stream(model="gpt-5", messages=[]) as stream:  # FINDING: unrecorded-call
            async for event in stream:
                print(event)


def test_a_name_for_the_method():
    create = AzureOpenAI(azure_endpoint="https://x.openai.azure.com").chat.completions.create
    with pytest.raises(openai.APIError):
        create(model="gpt-5", messages=[])  # FINDING: unrecorded-call


def test_raw_responses_and_options(client):
    fast = client.with_options(timeout=1)
    fast.chat.completions.with_raw_response.create(model="gpt-5", messages=[])  # FINDING: unrecorded-call


def test_listing_models_is_a_call_too():
    cached_client().models.list()  # FINDING: unrecorded-call


def test_made_by_a_factory():
    reply = (
        make().beta.threads.create()  # FINDING: unrecorded-call
    )
    make("anthropic").messages.count_tokens(model="c", messages=[])  # FINDING: unrecorded-call
    assert reply


def test_in_threads():
    ask_one = functools.partial(module_client.completions.create, model="gpt-5")
    with ThreadPoolExecutor() as pool:
        pool.submit(ask_one, prompt="hi")  # FINDING: unrecorded-call


@pytest.mark.parametrize("kind", [OpenAI, Async])
def test_a_class_by_parameter(kind):
    kind().embeddings.create(model="e", input="x")  # FINDING: unrecorded-call


class TestWithState:
    def setup_method(self):
        self.client = OpenAI()

    @pytest.fixture(autouse=True)
    def _prepare(self):
        self.other = OpenAI(base_url="https://openrouter.ai/api/v1")

    def test_set_up(self):
        self.client.files.list()  # FINDING: unrecorded-call

    def test_prepared(self):
        for number in range(2):
            if number:
                self.other.chat.completions.create(model="m", messages=[])  # FINDING: unrecorded-call


def test_only_the_first_is_recorded(client, recorded_later):
    client.responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


@pytest.fixture
def recorded_later():
    import promptecho

    with promptecho.use_cassette("tests/cassettes/closed_too_early.yaml"):
        moderate("x")
    return None


def test_a_fixture_of_the_session_comes_before_the_cassette(warm_answer, promptecho_cassette):
    assert warm_answer


def test_asks_for_a_fixture_by_name(request):
    request.getfixturevalue("client").responses.retrieve("resp_1")  # FINDING: unrecorded-call


def test_after_the_block(client):
    import promptecho as echo

    with echo.use_cassette("tests/cassettes/block.yaml"):
        client.responses.create(model="gpt-5", input="in the block")
    client.responses.create(model="gpt-5", input="after it")  # FINDING: unrecorded-call


def test_another_sdk_is_patched(monkeypatch, client):
    monkeypatch.setattr("anthropic.Anthropic", None)
    client.responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


@pytest.mark.skipif(os.name == "nt", reason="paths")
def test_left_out_on_one_platform_only(client):
    client.responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call
