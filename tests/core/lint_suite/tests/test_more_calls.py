"""Calls by odd ways."""

import asyncio
import os
import unittest
from unittest import mock

import httpx
import pytest
import pytest_asyncio
from helpers import Bot, client as made_there, stream
from promptecho import use_cassette

try:
    from openai import AsyncOpenAI, OpenAI
except ImportError:
    OpenAI = None


@pytest.fixture
def bot():
    with OpenAI(http_client=httpx.Client(timeout=5)) as client:
        yield Bot(client)


@pytest_asyncio.fixture
async def async_client():
    async with AsyncOpenAI() as client:
        yield client


def test_a_bot(bot):
    bot.say("hi")


def test_a_stream_of_a_helper():
    assert list(stream("hi"))


def test_a_client_of_a_helper():
    made_there.responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


@pytest.mark.anyio
async def test_many_at_once(async_client):
    async def one(text):
        return await async_client.responses.create(model="gpt-5", input=text)  # FINDING: unrecorded-call

    await asyncio.gather(*[one(text) for text in ("a", "b")])


@mock.patch.dict(os.environ, {"OPENAI_API_KEY": "x"})
def test_a_patched_environment():
    from openai import OpenAI as Imported

    options = {"model": "gpt-5", "input": "x"}
    return [Imported().embeddings.create(**options) for _ in range(2)]  # FINDING: unrecorded-call


@pytest.mark.timeout(5)
def test_an_attribute_by_name():
    answer = getattr(OpenAI(), "responses").create  # noqa: B009
    if (reply := answer(model="gpt-5", input="hi")):  # FINDING: unrecorded-call
        assert reply


class Base:
    def make(self):
        return pytest.importorskip("openai").OpenAI()

    def test_inherited(self):
        self.make().responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


class TestInherits(Base):
    pass


class TestRecordedSetUp(unittest.TestCase):
    def setUp(self):
        with use_cassette("tests/cassettes/set_up.yaml"):
            self.first = OpenAI().models.list()

    def test_it(self):
        OpenAI().responses.create(model="gpt-5", input="hi")  # FINDING: unrecorded-call


def test_after_a_patch(monkeypatch):
    with monkeypatch.context() as patches:
        patches.setenv("OPENAI_API_KEY", "x")
    OpenAI().batches.list()  # FINDING: unrecorded-call


def test_one_branch_is_recorded():
    client = OpenAI()
    for text in ("a", "b"):
        if text == "a":
            with use_cassette("tests/cassettes/branch.yaml"):
                client.responses.create(model="gpt-5", input=text)
        else:
            client.responses.create(model="gpt-5", input=text)  # FINDING: unrecorded-call


CLIENTS = {"a": lambda: OpenAI(), "b": lambda: OpenAI()}


@pytest.mark.parametrize(("name", "model"), [("a", "gpt-5"), pytest.param("b", "gpt-5-mini", id="small")])
def test_a_table_of_clients(name, model):
    clients = {"one": OpenAI()}
    clients["one"].responses.create(model=model, input="hi")  # FINDING: unrecorded-call
    for each in (OpenAI(), OpenAI(timeout=3)):
        each.responses.create(model=model, input="hi")  # FINDING: unrecorded-call
