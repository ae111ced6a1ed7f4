"""Look-alikes: nothing in this file is to be reported."""

import asyncio
import contextlib
import functools
import os
import unittest
from pathlib import Path
from unittest import mock
from unittest.mock import AsyncMock, MagicMock, patch

import boto3
import httpx
import litellm
import openai
import promptecho
import pytest
import requests
import respx
import responses
import vcr
from botocore.stub import Stubber
from conftest import taped
from langchain_core.language_models import FakeListChatModel
from moto import mock_aws
from openai import OpenAI
from promptecho import use_cassette
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
from shop import assistant, clients
from shop.assistant import Assistant, ask, ask_shared, moderate, only_annotated

HERE = Path(__file__).parent
tape = use_cassette("tests/cassettes/named.yaml")
on_tape = pytest.mark.promptecho("cassettes/marked.yaml")
needs_key = pytest.mark.skipif(not os.environ.get("OPENAI_API_KEY"), reason="needs a key")
my_vcr = vcr.VCR(cassette_library_dir="fixtures")


# --- cassettes of promptecho ---


@use_cassette("tests/cassettes/decorated.yaml")
def test_decorated(client):
    client.responses.create(model="gpt-5", input="hi")


@promptecho.use_cassette(HERE / "cassettes" / "by_path.yaml")
async def test_decorated_by_path():
    await openai.AsyncOpenAI().responses.create(model="gpt-5", input="hi")


@tape
def test_decorated_by_a_name():
    ask("hi")


def test_in_a_block(client):
    with use_cassette("tests/cassettes/in_block.yaml") as cassette:
        client.responses.create(model="gpt-5", input="hi")
    assert cassette.played


def test_around_a_helper():
    with contextlib.suppress(OSError), use_cassette("tests/cassettes/around.yaml"):
        ask_shared("hi")


async def test_in_an_async_block():
    async with use_cassette("tests/cassettes/async_block.yaml"):
        await openai.AsyncOpenAI().responses.create(model="gpt-5", input="hi")


def test_by_an_exit_stack(client):
    with contextlib.ExitStack() as stack:
        stack.enter_context(use_cassette("tests/cassettes/stack.yaml"))
        client.responses.create(model="gpt-5", input="hi")


def test_by_a_context_manager_of_the_suite(client):
    with taped("one"):
        client.responses.create(model="gpt-5", input="hi")


@pytest.mark.promptecho
def test_marked():
    Assistant().answer("hi")


@on_tape
def test_marked_by_a_name():
    Assistant().answer("hi")


def test_with_the_fixture(promptecho_cassette, quick_answer):
    assert quick_answer


@pytest.mark.parametrize("city", ["Paris", "Rome"])
def test_with_parameters(promptecho_cassette, client, city):
    client.responses.create(model="gpt-5", input=city)


@pytest.mark.usefixtures("promptecho_cassette")
def test_with_the_fixture_by_mark(client):
    client.responses.create(model="gpt-5", input="hi")


def test_with_a_fixture_that_records(recorded, client):
    client.responses.create(model="gpt-5", input="hi")


def test_with_a_fixture_that_asks_for_the_cassette(recorded_by_plugin, client):
    client.responses.create(model="gpt-5", input="hi")


@use_cassette("tests/cassettes/class.yaml")
class TestDecoratedClass:
    def test_one(self, client):
        client.responses.create(model="gpt-5", input="one")

    def test_two(self, client):
        client.responses.create(model="gpt-5", input="two")


class TestMarkedClass:
    pytestmark = pytest.mark.promptecho

    def test_one(self, client):
        client.responses.create(model="gpt-5", input="one")


class TestAutouse:
    @pytest.fixture(autouse=True)
    def _tape(self):
        with use_cassette("tests/cassettes/autouse.yaml"):
            yield

    def test_one(self, client):
        client.responses.create(model="gpt-5", input="one")


def on_a_tape_of_its_own(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with use_cassette(f"tests/cassettes/own/{function.__name__}.yaml"):
            return function(*args, **kwargs)

    return wrapper


@on_a_tape_of_its_own
def test_decorated_by_the_suite(client):
    client.responses.create(model="gpt-5", input="one")


class TestUnittest(unittest.TestCase):
    def setUp(self):
        tape = use_cassette("tests/cassettes/unittest.yaml")
        tape.__enter__()
        self.addCleanup(tape.__exit__, None, None, None)

    def test_one(self):
        OpenAI().responses.create(model="gpt-5", input="one")


# --- other recorders and doubles ---


@pytest.mark.vcr
def test_vcr_by_mark(client):
    client.responses.create(model="gpt-5", input="hi")


@my_vcr.use_cassette("x.yaml")
def test_vcr(client):
    client.responses.create(model="gpt-5", input="hi")


def test_vcr_block(client):
    with vcr.use_cassette("x.yaml"):
        client.responses.create(model="gpt-5", input="hi")


@respx.mock
def test_respx(client):
    client.responses.create(model="gpt-5", input="hi")


def test_httpx_mock(httpx_mock, client):
    client.responses.create(model="gpt-5", input="hi")


@responses.activate
def test_responses():
    requests.post("https://api.openai.com/v1/responses", json={})


@mock_aws
def test_moto():
    boto3.client("bedrock-runtime", region_name="eu-west-1").converse(modelId="m", messages=[])


def test_stubber():
    client = boto3.client("bedrock-runtime")
    with Stubber(client):
        client.converse(modelId="m", messages=[])


def test_mock_transport():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    client = OpenAI(http_client=httpx.Client(transport=transport))
    client.responses.create(model="gpt-5", input="hi")


def test_mocks():
    client = MagicMock(spec=OpenAI)
    client.responses.create(model="gpt-5", input="hi")
    Assistant(client).answer("hi")
    ask("hi", client=client)
    only_annotated(client, "hi")


@patch("shop.clients.OpenAI")
def test_patched_class(fake, client):
    clients.cached_client().responses.create(model="gpt-5", input="hi")


@patch("shop.assistant.shared")
def test_patched_global(fake):
    ask_shared("hi")
    moderate("hi")


def test_patched_method():
    with mock.patch.object(Assistant, "answer", return_value="x"):
        assert Assistant().answer("hi") == "x"


def test_monkeypatched(monkeypatch):
    monkeypatch.setattr(assistant, "get_client", lambda: MagicMock())
    ask("hi")


def test_monkeypatched_resource(monkeypatch, client):
    monkeypatch.setattr(client.chat.completions, "create", lambda **options: None)
    client.chat.completions.create(model="gpt-5", messages=[])


def test_patched_by_a_fixture(no_openai):
    openai.OpenAI().responses.create(model="gpt-5", input="hi")


def test_mocker(mocker, client):
    mocker.patch("openai.resources.responses.Responses.create")
    client.responses.create(model="gpt-5", input="hi")


def test_assigned(client):
    client.responses.create = AsyncMock()
    client.responses.create(model="gpt-5", input="hi")


def test_replaced_on_the_object():
    subject = Assistant()
    subject.client = MagicMock()
    subject.answer("hi")


class FakeLLM:
    def __init__(self):
        self.chat = self
        self.completions = self

    def create(self, **options):
        return options


def test_injected_fake():
    Assistant(FakeLLM()).answer("hi")
    FakeLLM().chat.completions.create(model="x")


def test_fakes_of_frameworks():
    FakeListChatModel(responses=["x"]).invoke("hi")
    Agent("test").run_sync("hi")
    Agent(TestModel()).run_sync("hi")
    agent = Agent("openai:gpt-5")
    with agent.override(model=TestModel()):
        agent.run_sync("hi")
    litellm.completion(model="gpt-5", messages=[], mock_response="hi")


# --- what only looks like a call ---


class Anthropic:
    def __init__(self):
        self.messages = self

    def create(self, **options):
        return options


def test_a_class_of_the_same_name():
    assert Anthropic().messages.create(model="c")


def test_nothing_is_called():
    client = OpenAI(api_key="x")
    create = client.chat.completions.create
    assert client.with_options(timeout=3) and create
    assert Assistant().title()


def test_text_only():
    """OpenAI().chat.completions.create(model="gpt-5", messages=[])"""
    code = "OpenAI().chat.completions.create(model='gpt-5')"
    assert code  # OpenAI().responses.create(model="gpt-5")


def test_a_server_of_the_suite(llm_server):
    OpenAI(base_url=llm_server.url).responses.create(model="gpt-5", input="hi")
    OpenAI(base_url="http://127.0.0.1:8000/v1").responses.create(model="gpt-5", input="hi")


def test_other_hosts_and_services():
    httpx.get("https://example.org/api.openai.com")
    requests.post("http://localhost:8000/v1/chat/completions", json={})
    boto3.client("s3").list_buckets()


@pytest.mark.skip(reason="not now")
def test_skipped(client):
    client.responses.create(model="gpt-5", input="hi")


@needs_key
def test_live_on_purpose(client):
    client.responses.create(model="gpt-5", input="hi")


@pytest.mark.live
def test_deselected(client):
    client.responses.create(model="gpt-5", input="hi")


def test_left_early(client):
    pytest.skip("not now")
    client.responses.create(model="gpt-5", input="hi")


def test_ignored(client):
    client.responses.create(model="gpt-5", input="hi")  # promptecho: ignore[unrecorded-call]


def test_ignored_wholly(client):
    client.responses.create(
        model="gpt-5",
        input="hi",
    )  # promptecho: ignore


def not_a_test(client):
    client.responses.create(model="gpt-5", input="hi")


async def main():
    await openai.AsyncOpenAI().responses.create(model="gpt-5", input="hi")


if __name__ == "__main__":
    asyncio.run(main())
    OpenAI().models.list()
