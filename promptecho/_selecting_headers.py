"""Request headers that select what is answered: they are matched, and are the only ones that a file holds.

Rule: a header that is not in this table doesn't count. ``Accept``, ``Content-Type`` and ``Content-Encoding`` count
where they say what the body doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from promptecho._models import FORM, MULTIPART, Headers

Json = Any


@dataclass(frozen=True)
class Selecting:
    """Headers that count (in lower case), whose they are, and what they select."""

    names: tuple[str, ...]
    provider: str
    selects: str
    is_list: bool = False  # its order, its spacing and how it is cut into lines don't matter


SELECTING = (
    Selecting(("x-amz-target",), "AWS", "the operation"),
    Selecting(("x-amzn-bedrock-guardrailidentifier", "x-amzn-bedrock-guardrailversion"), "Bedrock", "the guardrail"),
    Selecting(("x-ms-oai-image-generation-deployment",), "Azure OpenAI", "the model of the image tool"),
    Selecting(("groq-model-version",), "Groq", "the version of a system"),
    Selecting(("x-dashscope-async",), "DashScope", "an answer, or a task to ask for"),
    Selecting(("x-return-format", "x-respond-with"), "Jina", "the format, or the model that reads"),
    Selecting(("x-http-method", "x-method-override"), "gateways", "the operation"),
    Selecting(("x-amzn-bedrock-accept",), "Bedrock", "the format"),
    Selecting(
        ("x-amzn-sagemaker-target-model", "x-amzn-sagemaker-target-variant", "x-amzn-sagemaker-inference-component",
         "x-amzn-sagemaker-target-container-hostname", "x-amzn-sagemaker-custom-attributes",
         "x-amzn-sagemaker-inputlocation"),
        "SageMaker", "the model, or what it is given",
    ),
    Selecting(("x-amz-copy-source", "x-goog-copy-source", "x-ms-copy-source"), "S3 and others", "the source of a copy"),
    Selecting(("x-goog-request-params",), "Google", "the model or the resource"),
    Selecting(("x-goog-fieldmask", "x-goog-field-mask"), "Google", "the fields of the answer"),
    Selecting(
        ("x-goog-upload-command", "x-goog-upload-offset", "x-goog-upload-protocol",
         "x-goog-upload-header-content-type"),
        "Google", "the step of an upload",
    ),
    Selecting(("anthropic-version",), "Anthropic", "the version of the API"),
    Selecting(("anthropic-beta",), "Anthropic", "features", is_list=True),
    Selecting(("openai-beta",), "OpenAI", "features", is_list=True),
    Selecting(("foundry-features",), "Azure AI Foundry", "features", is_list=True),
    Selecting(("extra-parameters",), "Azure AI", "what becomes of unknown fields"),
    Selecting(
        ("azureml-model-deployment", "x-ms-model-mesh-model-name", "x-policy-id"),
        "Azure", "the deployment, or the content filter",
    ),
    Selecting(
        ("x-portkey-config", "x-portkey-provider", "x-portkey-custom-host", "helicone-target-url", "helicone-fallbacks",
         "helicone-prompt-id", "ai-model-id", "ai-language-model-id", "ai-embedding-model-id", "ai-image-model-id",
         "ai-language-model-streaming", "cf-aig-backend", "x-bt-use-gateway"),
        "gateways (Portkey, Helicone, Vercel, Cloudflare)", "the provider and the model",
    ),
    Selecting(
        ("x-model", "x-model-id", "x-model-name", "x-model-version", "x-deployment", "x-deployment-id",
         "x-deployment-name", "x-provider", "x-target-url", "x-target-model", "x-guardrail-id"),
        "gateways of one's own", "the provider, the model or the deployment",
    ),
    Selecting(("nvcf-input-asset-references", "nvcf-function-asset-ids"), "NVIDIA", "the input"),
    Selecting(("x-mcp-toolsets", "x-mcp-tools", "x-mcp-readonly"), "MCP servers", "the tools"),
    Selecting(
        ("api-version", "x-api-version", "x-ms-version", "x-goog-api-version", "x-github-api-version", "notion-version",
         "stripe-version", "mcp-protocol-version"),
        "many", "the version of the API",
    ),
    Selecting(("x-http-method-override", "soapaction"), "HTTP", "the operation"),
    Selecting(("range", "x-ms-range", "content-range"), "HTTP (RFC 9110, section 14)", "a part"),
    Selecting(
        ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range"),
        "HTTP (RFC 9110, section 13)", "whether there is an answer at all",
    ),
    Selecting(("prefer",), "HTTP (RFC 7240)", "whether the answer is waited for, and its form", is_list=True),
    Selecting(("accept-language",), "HTTP", "the language", is_list=True),
)  # fmt: skip
_BY_NAME = {name: entry for entry in SELECTING for name in entry.names}
_DEPENDING = frozenset(("accept", "content-type", "content-encoding"))

# Features of Anthropic that change the price, the time or who may ask, and not the answer.
_NEUTRAL_FEATURES = re.compile(r"(?:prompt-caching|extended-cache-ttl|cache-diagnosis|oauth|message-batches)-[\d-]+\Z")
_STREAMS = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")
_UNTYPED = ("", "application/octet-stream")  # some libraries say it of whatever they send
_JSON_TYPE = re.compile(r"(?:application|text)/(?:json|[\w.-]+\+json|x-amz-json-[\d.]+)\Z")


def may_count(name: str) -> bool:
    """Whether a header can be part of a key; ``name`` in lower case."""
    return name in _BY_NAME or name in _DEPENDING


def features(values: Iterable[str]) -> list[str]:
    """A list of features without those that leave the answer alone, in a fixed order."""
    named = {name.strip() for value in values for name in value.split(",")}
    return sorted(name for name in named if name and not _NEUTRAL_FEATURES.match(name))


def selecting(
    headers: Headers, body: Mapping[str, Json], *, is_json: bool, is_chat: bool, stream: bool
) -> dict[str, str]:
    """What counts of the headers of a request, by their names in lower case.

    ``body``: the tree that it is matched by; ``is_json``: it is the client's JSON. ``is_chat``: it is one of a known
    API, which answers with JSON unless it is asked for something else.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers.pairs:
        lowered = name.lower()
        if lowered in _BY_NAME or lowered in _DEPENDING:
            found.setdefault(lowered, []).append(value.strip())
    counts: dict[str, str] = {}
    for name, values in found.items():
        if name == "accept":
            text = _formats(", ".join(values), is_chat, stream)
        elif name == "content-type":
            text = _type_of(values[0], body, is_json)
        elif name == "content-encoding":
            text = values[0].lower() if body else ""  # still there: the body could not be decoded
        elif _BY_NAME[name].is_list:
            text = ", ".join(features(values))
            text = "" if text == "*" else text
        else:
            text = ", ".join(values)
        if text:
            counts[name] = text
    return dict(sorted(counts.items()))


@lru_cache(maxsize=256)
def _formats(value: str, is_chat: bool, stream: bool) -> str:
    """The media types that are asked for. None and any are one; a chat is JSON, or the stream that it asks for."""
    kinds = sorted({re.sub(r"\s*;\s*q=[\d.]+", "", kind).strip().lower() for kind in value.split(",")} - {""})
    if kinds == ["*/*"]:
        return ""
    if is_chat:
        kinds = [kind for kind in kinds if kind not in ("*/*", "application/json", *(_STREAMS if stream else ()))]
    return ", ".join(kinds)


def _type_of(value: str, body: Mapping[str, Json], is_json: bool) -> str:
    """The content type, where it says more than the tree of the body does."""
    kind, parameters = _media_type(value)
    if not body or kind in _UNTYPED or FORM in body or (kind == "multipart/form-data" and MULTIPART in body):
        return ""
    if MULTIPART in body:
        return kind
    if is_json and _JSON_TYPE.match(kind):
        return ""
    return "; ".join([kind, *parameters])


@lru_cache(maxsize=256)
def _media_type(value: str) -> tuple[str, tuple[str, ...]]:
    kind, *rest = (part.strip() for part in value.split(";"))
    parameters = sorted(part.replace(" ", "").replace('"', "").lower() for part in rest if part)
    return kind.lower(), tuple(
        part for part in parameters if not part.startswith(("boundary=", "start=")) and part != "charset=utf-8"
    )
