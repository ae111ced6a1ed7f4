from contextlib import contextmanager

import promptecho
import pytest
from anthropic import Anthropic
from openai import OpenAI

collect_ignore = ["left_out"]


@pytest.fixture
def client():
    return OpenAI()


@pytest.fixture(scope="session")
def claude():
    with Anthropic() as client:
        yield client


@pytest.fixture
def recorded():
    with promptecho.use_cassette("tests/cassettes/recorded_fixture.yaml"):
        yield


@pytest.fixture
def recorded_by_plugin(promptecho_cassette):
    return promptecho_cassette


@pytest.fixture(scope="session")
def warm_answer(claude):
    return claude.messages.create(model="c", max_tokens=5, messages=[])


@pytest.fixture
def quick_answer(client):
    return client.responses.create(model="gpt-5", input="quick")


@pytest.fixture
def no_openai(monkeypatch):
    monkeypatch.setattr("openai.OpenAI", lambda **options: object())


@contextmanager
def taped(name):
    with promptecho.use_cassette(f"tests/cassettes/taped/{name}.yaml") as cassette:
        yield cassette
