"""The SDKs under test and how each is called. Adding one is one entry in ``ENTRIES``.

Run as a program it makes one call inside a cassette and prints the result as JSON: this is how the replays run in a
process of their own.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KEY = "sk-test-0123456789abcdef-this-key-must-stay-out"
PROMPT: Any = [{"role": "user", "content": "What is six times seven?"}]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
CHAT: Any = {"model": "test-model", "messages": PROMPT}
ASK_CLAUDE: Any = {**CHAT, "max_tokens": 2000}
THINKING: Any = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@dataclass(frozen=True)
class Entry:
    """One use of an SDK: a client for each colour, and the calls that give comparable values."""

    module: str
    client: Callable[[str], Any]
    async_client: Callable[[str], Any] | None = None
    plain: Callable[[Any], Any] | None = None
    stream: Callable[[Any], Any] | None = None
    a_plain: Callable[[Any], Any] | None = None
    a_stream: Callable[[Any], Any] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def variants(self) -> list[str]:
        return [name for name in ("plain", "stream", "a_plain", "a_stream") if getattr(self, name) is not None]


def dump(value: Any) -> Any:
    """An SDK's object as plain JSON."""
    if hasattr(value, "model_dump"):
        return json.loads(value.model_dump_json())
    if isinstance(value, (list, tuple)):
        return [dump(each) for each in value]
    if hasattr(value, "dict"):
        return value.dict()
    return value


async def collect(stream: Any) -> list[Any]:
    if asyncio.iscoroutine(stream):
        stream = await stream
    return [dump(event) async for event in stream]


async def awaited(call: Any) -> Any:
    return dump(await call)


def sdk(name: str) -> Any:
    return importlib.import_module(name)


def _openai(make: str) -> Callable[[str], Any]:
    return lambda url: getattr(sdk("openai"), make)(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def _anthropic(make: str) -> Callable[[str], Any]:
    return lambda url: getattr(sdk("anthropic"), make)(base_url=url, api_key=KEY, max_retries=0)


def _with_openai(create: Callable[[Any], Any], *, streams: bool = True, **call: Any) -> Entry:
    return Entry(
        "openai",
        _openai("OpenAI"),
        _openai("AsyncOpenAI"),
        plain=lambda client: dump(create(client)(**call)),
        a_plain=lambda client: awaited(create(client)(**call)),
        stream=(lambda client: [dump(event) for event in create(client)(**call, stream=True)]) if streams else None,
        a_stream=(lambda client: collect(create(client)(**call, stream=True))) if streams else None,
    )


def _with_anthropic(**call: Any) -> Entry:
    return Entry(
        "anthropic",
        _anthropic("Anthropic"),
        _anthropic("AsyncAnthropic"),
        plain=lambda client: dump(client.messages.create(**call)),
        a_plain=lambda client: awaited(client.messages.create(**call)),
        stream=lambda client: [dump(event) for event in client.messages.create(**call, stream=True)],
        a_stream=lambda client: collect(client.messages.create(**call, stream=True)),
    )


def _mistral(url: str) -> Any:
    try:
        module = importlib.import_module("mistralai.client")
        return module.Mistral(api_key=KEY, server_url=url)
    except (ImportError, AttributeError):
        return sdk("mistralai").Mistral(api_key=KEY, server_url=url)


def _genai(url: str) -> Any:
    return sdk("google.genai").Client(
        api_key=KEY, http_options={"base_url": url, "async_client_args": {"trust_env": False}}
    )


def _gemini_text(chunk: Any) -> Any:
    return [part.text for part in chunk.candidates[0].content.parts]


async def _gemini_stream(client: Any) -> list[Any]:
    stream = await client.aio.models.generate_content_stream(model="gemini-test", contents="six times seven?")
    return [_gemini_text(chunk) async for chunk in stream]


async def _gemini_plain(client: Any) -> Any:
    return _gemini_text(await client.aio.models.generate_content(model="gemini-test", contents="six times seven?"))


ENTRIES: dict[str, Entry] = {
    "openai-chat": _with_openai(lambda client: client.chat.completions.create, **CHAT),
    "openai-tools": _with_openai(
        lambda client: client.chat.completions.create,
        streams=False,
        **CHAT,
        tools=[{"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}],
    ),
    "openai-responses": _with_openai(lambda client: client.responses.create, model="test-model", input="six times 7?"),
    "openai-embeddings": _with_openai(
        lambda client: client.embeddings.create, streams=False, model="test-model", input=["one", "two"]
    ),
    "anthropic-messages": _with_anthropic(**ASK_CLAUDE),
    "anthropic-thinking": _with_anthropic(**ASK_CLAUDE, **THINKING),
    "anthropic-tools": _with_anthropic(**ASK_CLAUDE, tools=[{"name": "look_up", "input_schema": SCHEMA}]),
    "mistral": Entry(
        "mistralai",
        _mistral,
        _mistral,
        plain=lambda client: dump(client.chat.complete(**CHAT)),
        stream=lambda client: [dump(event) for event in client.chat.stream(**CHAT)],
        a_plain=lambda client: awaited(client.chat.complete_async(**CHAT)),
        a_stream=lambda client: collect(client.chat.stream_async(**CHAT)),
    ),
    "google-genai": Entry(
        "google.genai",
        _genai,
        _genai,
        plain=lambda client: _gemini_text(
            client.models.generate_content(model="gemini-test", contents="six times seven?")
        ),
        stream=lambda client: [
            _gemini_text(chunk)
            for chunk in client.models.generate_content_stream(model="gemini-test", contents="six times seven?")
        ],
        a_plain=_gemini_plain,
        a_stream=_gemini_stream,
    ),
    "cohere": Entry(
        "cohere",
        lambda url: sdk("cohere").ClientV2(api_key=KEY, base_url=url),
        lambda url: sdk("cohere").AsyncClientV2(api_key=KEY, base_url=url),
        plain=lambda client: dump(client.chat(**CHAT)),
        stream=lambda client: [dump(event) for event in client.chat_stream(**CHAT)],
        a_plain=lambda client: awaited(client.chat(**CHAT)),
        a_stream=lambda client: collect(client.chat_stream(**CHAT)),
    ),
    "groq": Entry(
        "groq",
        lambda url: sdk("groq").Groq(base_url=url, api_key=KEY, max_retries=0),
        lambda url: sdk("groq").AsyncGroq(base_url=url, api_key=KEY, max_retries=0),
        plain=lambda client: dump(client.chat.completions.create(**CHAT)),
        stream=lambda client: [dump(event) for event in client.chat.completions.create(**CHAT, stream=True)],
        a_plain=lambda client: awaited(client.chat.completions.create(**CHAT)),
        a_stream=lambda client: collect(client.chat.completions.create(**CHAT, stream=True)),
    ),
    "ollama": Entry(
        "ollama",
        lambda url: sdk("ollama").Client(host=url, headers={"authorization": f"Bearer {KEY}"}),
        lambda url: sdk("ollama").AsyncClient(host=url, headers={"authorization": f"Bearer {KEY}"}),
        plain=lambda client: dump(client.chat(**CHAT)),
        stream=lambda client: [dump(event) for event in client.chat(**CHAT, stream=True)],
        a_plain=lambda client: awaited(client.chat(**CHAT)),
        a_stream=lambda client: collect(client.chat(**CHAT, stream=True)),
    ),
}


def is_installed(entry: Entry) -> bool:
    try:
        return importlib.util.find_spec(entry.module) is not None
    except ImportError:
        return False


def call(name: str, variant: str, url: str) -> Any:
    """Make one call and give its result as plain JSON."""
    entry = ENTRIES[name]
    make: Any = getattr(entry, variant)
    if not variant.startswith("a_"):
        return make(entry.client(url))

    async def main() -> Any:
        assert entry.async_client is not None
        return await make(entry.async_client(url))

    return asyncio.run(main())


if __name__ == "__main__":
    import promptecho

    with promptecho.use_cassette(os.environ["CASSETTE"], mode="none"):
        result = call(sys.argv[1], sys.argv[2], sys.argv[3])
    sys.stdout.write(json.dumps(result))
