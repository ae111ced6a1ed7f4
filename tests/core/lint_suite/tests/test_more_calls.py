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


@pytest_asyncio.fixture
async def async_client():
    async with AsyncOpenAI() as client:
        yield client


def test_a_stream_of_a_helper():  # FINDING: unrecorded-call
    assert list(stream("hi"))


def test_a_client_of_a_helper():  # FINDING: unrecorded-call
    made_there.responses.create(model="gpt-5", input="hi")


@pytest.mark.anyio
async def test_many_at_once(async_client):  # FINDING: unrecorded-call
    async def one(text):
        return await async_client.responses.create(model="gpt-5", input=text)

    await asyncio.gather(*[one(text) for text in ("a", "b")])


@mock.patch.dict(os.environ, {"OPENAI_API_KEY": "x"})
def test_a_patched_environment():  # FINDING: unrecorded-call
    from openai import OpenAI as Imported

    options = {"model": "gpt-5", "input": "x"}
    return [Imported().embeddings.create(**options) for _ in range(2)]


class Base:
    def make(self):
        return pytest.importorskip("openai").OpenAI()

    def test_inherited(self):  # FINDING: unrecorded-call
        self.make().responses.create(model="gpt-5", input="hi")


class TestInherits(Base):
    pass


class TestRecordedSetUp(unittest.TestCase):
    def setUp(self):
        with use_cassette("tests/cassettes/set_up.yaml"):
            self.first = OpenAI().models.list()

    def test_it(self):  # FINDING: unrecorded-call
        OpenAI().responses.create(model="gpt-5", input="hi")


def test_after_a_patch(monkeypatch):  # FINDING: unrecorded-call
    with monkeypatch.context() as patches:
        patches.setenv("OPENAI_API_KEY", "x")
    OpenAI().batches.list()


def test_one_branch_is_recorded():  # FINDING: unrecorded-call
    client = OpenAI()
    for text in ("a", "b"):
        if text == "a":
            with use_cassette("tests/cassettes/branch.yaml"):
                client.responses.create(model="gpt-5", input=text)
        else:
            client.responses.create(model="gpt-5", input=text)


CLIENTS = {"a": lambda: OpenAI(), "b": lambda: OpenAI()}
