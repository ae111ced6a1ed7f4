"""The SDKs under test and how each is called. Adding one is one entry in ``ENTRIES``.

Run as a program it makes the calls of one inside cassettes and prints the results as JSON: this is how the replays run
in a process of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEY = "sk-test-0123456789abcdef-this-key-must-stay-out"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks for prices when it is imported
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
    backends: Any = None  # what the SDK needs beside the default
    calls: int = 1  # how many requests one use makes
    python: tuple[int, int] = (3, 9)  # the oldest that it works on

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


def _point_hub_at(url: str) -> None:
    constants: Any = importlib.import_module("huggingface_hub.constants")
    constants.ENDPOINT, constants.INFERENCE_PROXY_TEMPLATE = url, url + "/{provider}"
    with contextlib.suppress(ImportError):  # a look-up that goes to the hub, once a day: this server is none
        from huggingface_hub.utils import _detect_agent

        _detect_agent._fetch_registry = lambda: None
    importlib.import_module(
        "huggingface_hub.inference._providers._common"
    )._fetch_inference_provider_mapping.cache_clear()


def _hugging_face(path: str, **more: Any) -> dict[str, Any]:
    """Both clients of huggingface_hub; before 1.0 they ride on requests and aiohttp."""

    def make(name: str) -> Callable[[str], Any]:
        def client(url: str) -> Any:
            _point_hub_at(url)
            return getattr(sdk("huggingface_hub"), name)(model=f"{url}{path}", token=KEY, **more)

        return client

    return {
        "module": "huggingface_hub",
        "client": make("InferenceClient"),
        "async_client": make("AsyncInferenceClient"),
        "backends": "all",
    }


def _hugging_face_router(make: str) -> Callable[[str], Any]:
    """A client that asks the Hub which provider serves a model, and the router for an answer."""

    def client(url: str) -> Any:
        _point_hub_at(url)
        return getattr(sdk("huggingface_hub"), make)("some/model", provider="together", token=f"hf_{KEY}")

    return client


async def _hf_chat(client: Any) -> Any:
    return dict((await client.chat_completion(PROMPT)).choices[0].message)


async def _hf_chat_stream(client: Any) -> Any:
    return _deltas([chunk async for chunk in await client.chat_completion(PROMPT, stream=True)])


async def _list(stream: Any) -> list[Any]:
    return [each async for each in await stream]


async def _pixels(image: Any) -> list[Any]:
    return list((await image).tobytes())


async def _numbers(array: Any) -> Any:
    return (await array).tolist()


def _litellm(**more: Any) -> Any:
    return {"model": "openai/test-model", "messages": PROMPT, "num_retries": 0, **more}


def _litellm_text(answer: Any) -> Any:
    return [(choice.message.content, choice.finish_reason) for choice in answer.choices]


def _deltas(chunks: Any) -> Any:
    return [choice.delta.content for chunk in chunks for choice in chunk.choices]


async def _litellm_async(url: str) -> Any:
    return _litellm_text(await sdk("litellm").acompletion(**_litellm(api_base=f"{url}/v1", api_key=KEY)))


async def _litellm_async_stream(url: str) -> Any:
    stream = await sdk("litellm").acompletion(**_litellm(api_base=f"{url}/v1", api_key=KEY, stream=True))
    return _deltas([chunk async for chunk in stream])


def _over_aiohttp(url: str) -> Any:
    openai = sdk("openai")
    return openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key=KEY, max_retries=0, http_client=openai.DefaultAioHttpClient()
    )


async def _langchain(call: Any) -> Any:
    return (await call).content


async def _langchain_stream(stream: Any) -> Any:
    return [chunk.content async for chunk in stream]


def _with_langchain(module: str, make: Callable[[str], Any], **more: Any) -> Entry:
    return Entry(
        module,
        make,
        make,
        plain=lambda model: model.invoke("six times seven?").content,
        stream=lambda model: [chunk.content for chunk in model.stream("six times seven?")],
        a_plain=lambda model: _langchain(model.ainvoke("six times seven?")),
        a_stream=lambda model: _langchain_stream(model.astream("six times seven?")),
        **more,
    )


def _langchain_bedrock(url: str) -> Any:
    return sdk("langchain_aws").ChatBedrockConverse(
        model="anthropic.claude-v2:1", region_name="us-east-1", endpoint_url=url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key=KEY,
    )  # fmt: skip


def _pydantic_ai(url: str) -> Any:
    provider = sdk("pydantic_ai.providers.openai").OpenAIProvider(base_url=f"{url}/v1", api_key=KEY)
    return sdk("pydantic_ai").Agent(sdk("pydantic_ai.models.openai").OpenAIChatModel("test-model", provider=provider))


async def _pydantic_ai_run(agent: Any) -> Any:
    return (await agent.run("six times seven?")).output


async def _pydantic_ai_stream(agent: Any) -> Any:
    async with agent.run_stream("six times seven?") as result:
        return [text async for text in result.stream_text(delta=True, debounce_by=None)]


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
    "openai-transcription": _with_openai(
        lambda client: client.audio.transcriptions.create,
        streams=False,
        model="whisper-1",
        file=("a.wav", b"RIFF\x00\xff", "audio/wav"),
    ),
    "openai-file": _with_openai(
        lambda client: client.files.create, streams=False, purpose="batch", file=("a.jsonl", b'{"a": 1}\n')
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
        backends="all",  # its async client rides on aiohttp where that is installed
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
    "hf-chat": Entry(
        **_hugging_face("/v1/chat/completions"),
        plain=lambda client: dict(client.chat_completion(PROMPT).choices[0].message),
        stream=lambda client: _deltas(client.chat_completion(PROMPT, stream=True)),
        a_plain=_hf_chat,
        a_stream=_hf_chat_stream,
    ),
    "hf-router": Entry(
        "huggingface_hub",
        _hugging_face_router("InferenceClient"),
        _hugging_face_router("AsyncInferenceClient"),
        plain=lambda client: dict(client.chat_completion(PROMPT).choices[0].message),
        stream=lambda client: _deltas(client.chat_completion(PROMPT, stream=True)),
        a_plain=_hf_chat,
        a_stream=_hf_chat_stream,
        backends="all",
        calls=2,
    ),
    "hf-text-generation": Entry(
        **_hugging_face("/hf/text-generation"),
        plain=lambda client: client.text_generation("six times seven?"),
        stream=lambda client: list(client.text_generation("six times seven?", stream=True)),
        a_plain=lambda client: client.text_generation("six times seven?"),
        a_stream=lambda client: _list(client.text_generation("six times seven?", stream=True)),
    ),
    "hf-feature-extraction": Entry(
        **_hugging_face("/hf/feature-extraction"),
        plain=lambda client: client.feature_extraction("some text").tolist(),
        a_plain=lambda client: _numbers(client.feature_extraction("some text")),
    ),
    "hf-text-to-image": Entry(
        **_hugging_face("/hf/text-to-image"),
        plain=lambda client: list(client.text_to_image("a cat").tobytes()),
        a_plain=lambda client: _pixels(client.text_to_image("a cat")),
    ),
    "litellm": Entry(
        "litellm",
        str,
        str,
        plain=lambda url: _litellm_text(sdk("litellm").completion(**_litellm(api_base=f"{url}/v1", api_key=KEY))),
        stream=lambda url: _deltas(
            sdk("litellm").completion(**_litellm(api_base=f"{url}/v1", api_key=KEY, stream=True))
        ),
        a_plain=_litellm_async,
        a_stream=_litellm_async_stream,
    ),
    "openai-aiohttp": Entry(
        "openai",
        str,
        _over_aiohttp,
        a_plain=lambda client: awaited(client.chat.completions.create(**CHAT)),
        a_stream=lambda client: collect(client.chat.completions.create(**CHAT, stream=True)),
        python=(3, 10),
    ),
    "langchain-openai": _with_langchain(
        "langchain_openai",
        lambda url: sdk("langchain_openai").ChatOpenAI(
            base_url=f"{url}/v1", api_key=KEY, model="test-model", max_retries=0
        ),
    ),
    "langchain-aws": _with_langchain("langchain_aws", _langchain_bedrock, backends=["urllib3"]),
    "pydantic-ai": Entry(
        "pydantic_ai",
        _pydantic_ai,
        _pydantic_ai,
        plain=lambda agent: agent.run_sync("six times seven?").output,
        a_plain=_pydantic_ai_run,
        a_stream=_pydantic_ai_stream,
    ),
}


def is_installed(entry: Entry) -> bool:
    if sys.version_info < entry.python:
        return False
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
        client = entry.async_client(url)  # some clients close their streams when they are collected
        return await make(client)

    return asyncio.run(main())


if __name__ == "__main__":
    import promptecho

    name, *addresses = sys.argv[1:]
    results = {}
    for variant, _, url in (address.partition("=") for address in addresses):
        path = os.path.join(os.environ["CASSETTES"], f"{variant}.yaml")  # noqa: PTH118
        with promptecho.use_cassette(path, mode="none", backends=ENTRIES[name].backends):
            results[variant] = call(name, variant, url)
    sys.stdout.write(json.dumps(results))
