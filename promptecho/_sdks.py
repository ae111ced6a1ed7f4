"""The SDKs and frameworks that promptecho knows by name: what they are called, and what in them makes a client.

Rule: one row for each, and no method of any client in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sdk:
    """``package`` is imported, ``distribution`` installed. ``clients`` and ``functions``, regular expressions, are the
    names of what makes a client, and of functions of the package that call a provider themselves.

    ``takes``: the first argument of a client, by its name, and what it must be like. ``below``: the distribution on
    whose client it rides. ``opt_in``: it rides on a library that is intercepted only if asked for.
    """

    package: str
    distribution: str
    clients: str = ""
    functions: str = ""
    takes: tuple[str, str] = ("", "")
    below: str = ""
    opt_in: bool = False


_LANGCHAIN = r"(?:Azure)?(?:Chat|OpenAI|VertexAI|GoogleGenerativeAI|Bedrock)\w*|\w+(?:Embeddings|LLM|Rerank|Endpoint)"
_BEDROCK = ("service_name", r"bedrock(?:-agent)?-runtime")

SDKS = (
    Sdk("openai", "openai", r"(?:Async)?(?:Azure)?OpenAI|(?:Async)?Client",
        r"(?:audio|beta|chat|completions|embeddings|files|images|models|moderations|responses)\.[a-z_.]+"),
    Sdk("anthropic", "anthropic", r"(?:Async)?Anthropic(?:Bedrock|Vertex|Foundry)?|(?:Async)?Client"),
    Sdk("mistralai", "mistralai", r"Mistral"),
    Sdk("google.genai", "google-genai", r"Client"),
    Sdk("cohere", "cohere", r"(?:Async)?Client(?:V2)?"),
    Sdk("groq", "groq", r"(?:Async)?(?:Groq|Client)"),
    Sdk("together", "together", r"(?:Async)?Together"),
    Sdk("ollama", "ollama", r"(?:Async)?Client", r"[a-z_]+"),
    Sdk("huggingface_hub", "huggingface-hub", r"(?:Async)?InferenceClient"),
    Sdk("litellm", "litellm", r"Router",
        r"(?:a|batch_)?(?:text_)?completion|a?(?:embedding|responses|rerank|image_generation|transcription|speech)"
        r"|a?moderation"),
    Sdk("boto3", "boto3", r"client", takes=_BEDROCK, opt_in=True),
    Sdk("aioboto3", "aioboto3", r"client", takes=_BEDROCK, opt_in=True),
    Sdk("langchain", "langchain", r"init_(?:chat_model|embeddings)"),
    Sdk("langchain_openai", "langchain-openai", _LANGCHAIN, below="openai"),
    Sdk("langchain_anthropic", "langchain-anthropic", _LANGCHAIN, below="anthropic"),
    Sdk("langchain_aws", "langchain-aws", _LANGCHAIN, below="boto3", opt_in=True),
    *(Sdk(f"langchain_{name}", f"langchain-{name.replace('_', '-')}", _LANGCHAIN)
      for name in ("google_genai", "google_vertexai", "mistralai", "groq", "cohere", "ollama", "huggingface",
                   "deepseek", "xai", "together", "fireworks")),
    Sdk("pydantic_ai", "pydantic-ai-slim", r"Agent", takes=("model", r"[\w-]+:.+")),
    Sdk("agents", "openai-agents", below="openai"),
    Sdk("fireworks", "fireworks-ai", r"(?:Async)?Fireworks"),
    Sdk("voyageai", "voyageai", r"(?:Async)?Client"),
    Sdk("replicate", "replicate", functions=r"a?(?:sync_)?(?:run|stream)"),
    Sdk("cerebras.cloud.sdk", "cerebras-cloud-sdk", r"(?:Async)?Cerebras"),
    Sdk("writerai", "writer-sdk", r"(?:Async)?Writer"),
    Sdk("ai21", "ai21", r"(?:Async)?AI21Client"),
    Sdk("instructor", "instructor", r"from_\w+|patch"),
)  # fmt: skip


def of_client(name: str) -> Sdk | None:
    """The SDK whose client the call of a dotted name makes."""
    last = name.rpartition(".")[2]
    return next((sdk for sdk in _of(name) if sdk.clients and re.fullmatch(sdk.clients, last)), None)


def of_function(name: str) -> Sdk | None:
    """The SDK whose provider the call of a dotted name asks."""
    return next((sdk for sdk in _of(name) if re.fullmatch(sdk.functions, name[len(sdk.package) + 1 :])), None)


def _of(name: str) -> list[Sdk]:
    return [sdk for sdk in SDKS if name.startswith(sdk.package + ".")]
