"""An assistant that is given a client, or makes its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from openai import AsyncOpenAI, OpenAI

from .clients import get_client, shared


class Assistant:
    def __init__(self, client: OpenAI | None = None, model: str = "gpt-5") -> None:
        self.client = client or OpenAI()
        self.model = model

    def answer(self, question: str) -> str:
        messages = [{"role": "user", "content": question}]
        reply = self.client.chat.completions.create(model=self.model, messages=messages)
        return reply.choices[0].message.content

    def title(self) -> str:
        return f"Assistant on {self.model}"


class LazyAssistant:
    _made = None

    @property
    def client(self):
        if self._made is None:
            self._made = OpenAI()
        return self._made

    def answer(self, question):
        return self.client.responses.create(model="gpt-5", input=question)


class SubAssistant(Assistant):
    def __init__(self):
        super().__init__(model="gpt-5-mini")

    def short(self, question):
        return self.client.chat.completions.parse(model="gpt-5", messages=question)


@dataclass
class Deps:
    name: str
    client: AsyncOpenAI = field(default_factory=AsyncOpenAI)


async def with_deps(deps: Deps):
    return await deps.client.embeddings.create(model="e", input=deps.name)


def ask(question, client=None):
    client = client or get_client()
    return client.chat.completions.create(model="gpt-5", messages=question)


def ask_shared(question):
    return shared.responses.create(model="gpt-5", input=question)


def moderate(text):
    return shared.moderations.create(input=text)


def never_called(question):
    return OpenAI().chat.completions.create(model="gpt-5", messages=question)


def only_annotated(client: OpenAI, question: str) -> str:
    return client.chat.completions.create(model="gpt-5", messages=question)
