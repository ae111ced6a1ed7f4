"""More that only looks like an unrecorded call."""

import os
import unittest
from unittest.mock import patch

import httpx
import openai
import pytest
import respx
from helpers import Bot, Tape, recorded
from openai import OpenAI
from openai import OpenAI as Client
from promptecho import CassetteMiss
from promptecho import use_cassette as on_tape
from pydantic_ai import Agent, models

models.ALLOW_MODEL_REQUESTS = False
pytestmark = [pytest.mark.filterwarnings("ignore")]
agent = Agent("openai:gpt-5")


def test_models_are_switched_off():
    agent.run_sync("hi")


@recorded("by_decorator")
def test_a_decorator_of_a_helper(client):
    client.responses.create(model="gpt-5", input="hi")


def test_a_context_class(client):
    with Tape("by_class"):
        client.responses.create(model="gpt-5", input="hi")


def test_a_miss_is_expected(client):
    with pytest.raises(CassetteMiss), on_tape("tests/cassettes/none.yaml", mode="none"):
        client.responses.create(model="gpt-5", input="hi")


def test_a_cassette_in_temporary_folder(tmp_path, client, request):
    with on_tape(tmp_path / f"{request.node.name}.yaml"):
        client.responses.create(model="gpt-5", input="hi")


class TestContexts(unittest.TestCase):
    def setUp(self):
        self.enterContext(on_tape("tests/cassettes/contexts.yaml"))
        patcher = patch("openai.OpenAI")
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_it(self):
        Client().responses.create(model="gpt-5", input="hi")


class TestPatched(unittest.TestCase):
    def setUp(self):
        self.patcher = patch.object(OpenAI, "responses")
        self.patcher.start()

    def tearDown(self):
        self.patcher.stop()

    def test_it(self):
        OpenAI().responses.create(model="gpt-5", input="hi")


def test_router():
    with respx.mock(base_url="https://api.openai.com") as router:
        router.post("/v1/responses")
        OpenAI().responses.create(model="gpt-5", input="hi")


def test_a_server_by_variable(monkeypatch, httpserver):
    monkeypatch.setenv("OPENAI_BASE_URL", httpserver.url_for("/v1"))
    OpenAI().responses.create(model="gpt-5", input="hi")


@patch.dict(os.environ, {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
def test_a_server_by_patched_variable():
    OpenAI().responses.create(model="gpt-5", input="hi")


def test_live_if_asked_for():
    if not os.environ.get("OPENAI_API_KEY"):
        pytest.skip("needs a key")
    OpenAI().responses.create(model="gpt-5", input="hi")


def test_live_in_a_branch(request):
    if request.config.getoption("--live"):
        OpenAI().responses.create(model="gpt-5", input="hi")


def test_chosen_by_condition(fast):
    client = Fake() if fast else OpenAI()
    client.responses.create(model="gpt-5", input="hi")


def test_an_asgi_application(app):
    client = OpenAI(http_client=httpx.Client(transport=httpx.ASGITransport(app=app)))
    client.responses.create(model="gpt-5", input="hi")


def test_a_port_that_is_chosen_then(free_port):
    OpenAI(base_url=f"http://localhost:{free_port}/v1").responses.create(model="gpt-5", input="hi")
    OpenAI(base_url=f"http://{free_port}/v1").responses.create(model="gpt-5", input="hi")


def test_options_that_can_not_be_told(options):
    OpenAI(**options).responses.create(model="gpt-5", input="hi")


class Fake:
    @property
    def responses(self):
        return self

    def create(self, **options):
        return options


def test_replaced_inside(client):
    bot = Bot(client)
    bot._client = Fake()
    bot.say("hi")


def install(bot):
    bot._client = Fake()


def test_replaced_by_a_function(client):
    bot = Bot(client)
    install(bot)
    bot.say("hi")


@pytest.fixture
def fake_openai():
    yield


def test_a_fixture_that_says_what_it_is(fake_openai, client):
    client.responses.create(model="gpt-5", input="hi")


@pytest.fixture
def taped_client(promptecho_cassette):
    return OpenAI()


def test_a_client_that_comes_with_a_cassette(taped_client):
    taped_client.responses.create(model="gpt-5", input="hi")


def test_patched_in_depth():
    with patch("helpers.client.responses.create"):
        import helpers

        helpers.client.responses.create(model="gpt-5", input="hi")


def test_dead_code():
    return
    OpenAI().responses.create(model="gpt-5", input="hi")


class TestNotCollected:
    def __init__(self):
        self.client = OpenAI()

    def test_it(self):
        self.client.responses.create(model="gpt-5", input="hi")


class Helper:
    def test_it(self):
        OpenAI().responses.create(model="gpt-5", input="hi")


def test_annotations_only(thing: OpenAI) -> OpenAI:
    thing.responses.create(model="gpt-5", input="hi")
    return thing


def test_a_webhook():
    OpenAI().webhooks.unwrap("{}", {})
    openai.OpenAI().close()
