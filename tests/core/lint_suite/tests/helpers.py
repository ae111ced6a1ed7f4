"""Helpers of the tests, with clients of their own."""

from openai import OpenAI
from promptecho import use_cassette

client = OpenAI()


def recorded(name):
    return use_cassette(f"tests/cassettes/helpers/{name}.yaml")


class Tape:
    def __init__(self, name):
        self._use = use_cassette(f"tests/cassettes/helpers/{name}.yaml")

    def __enter__(self):
        return self._use.__enter__()

    def __exit__(self, *error):
        self._use.__exit__(*error)


class Bot:
    def __init__(self, client):
        self._client = client

    def say(self, text):
        return self._send(input=text)

    def _send(self, **options):
        return self._client.responses.create(model="gpt-5", **options)


def stream(text):
    for event in client.responses.create(model="gpt-5", input=text, stream=True):
        yield event
