"""Request headers that select what is answered: they are matched, and are the only ones that a file holds.

Rule: a header that is not in this table doesn't count. ``Accept``, ``Content-Type`` and ``Content-Encoding`` count
where they say what the body doesn't.
"""

from __future__ import annotations

import hashlib
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
    as_digest: bool = False  # it may be a credential as well, so a file holds its digest


SELECTING = (
    Selecting(("x-amz-target",), "AWS", "the operation"),
    Selecting(("x-amzn-bedrock-guardrailidentifier", "x-amzn-bedrock-guardrailversion"), "Bedrock", "the guardrail"),
    Selecting(("x-ms-oai-image-generation-deployment",), "Azure OpenAI", "the model of the image tool"),
    Selecting(("groq-model-version",), "Groq", "the version of a system"),
    Selecting(("x-dashscope-async", "x-dashscope-sse"), "DashScope", "an answer, a stream, or a task to ask for"),
    Selecting(
        ("x-dashscope-workspace", "x-dashscope-ossresourceresolve", "x-dashscope-datainspection"),
        "DashScope", "the models and files that are there, and the filter of content",
    ),
    Selecting(
        ("x-return-format", "x-respond-with", "x-engine", "x-target-selector", "x-remove-selector",
         "x-wait-for-selector", "x-with-links-summary", "x-with-images-summary", "x-with-generated-alt",
         "x-retain-images", "x-with-iframe", "x-with-shadow-dom", "x-token-budget", "x-locale", "x-site"),
        "Jina", "the format, the parts of a page, or what reads them",
    ),
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
        ("x-ms-continuation", "x-ms-max-item-count", "x-ms-documentdb-partitionkey", "x-ms-documentdb-isquery",
         "consistencylevel"),
        "Azure and Microsoft Graph", "the operation, or the page of a list",
    ),
    Selecting(
        ("x-portkey-config", "x-portkey-provider", "x-portkey-custom-host", "x-portkey-azure-resource-name",
         "x-portkey-azure-deployment-id", "x-portkey-azure-api-version", "x-portkey-azure-model-name",
         "x-portkey-azure-endpoint-name", "x-portkey-huggingface-base-url", "x-portkey-anthropic-version"),
        "Portkey", "the provider and the model",
    ),
    Selecting(("x-portkey-virtual-key",), "Portkey", "the provider, with its key", as_digest=True),
    Selecting(("x-portkey-anthropic-beta",), "Portkey", "features", is_list=True),
    Selecting(("x-portkey-strict-open-ai-compliance",), "Portkey", "the form of the answer"),
    Selecting(
        ("x-portkey-default-input-guardrails", "x-portkey-default-output-guardrails"), "Portkey", "the guardrails"
    ),
    Selecting(
        ("helicone-target-url", "helicone-openai-api-base", "helicone-fallbacks", "helicone-prompt-id"),
        "Helicone", "the provider, or the prompt",
    ),
    Selecting(
        ("helicone-token-limit-exception-handler", "helicone-moderations-enabled", "helicone-llm-security-enabled"),
        "Helicone", "what becomes of a prompt that is too long or not allowed",
    ),
    Selecting(("cf-aig-backend", "cf-aig-gateway-id"), "Cloudflare", "the provider, or the gateway with its rules"),
    Selecting(("x-litellm-model", "x-litellm-model-id"), "LiteLLM", "the model"),
    Selecting(("x-litellm-tags",), "LiteLLM", "the deployments to choose from", is_list=True),
    Selecting(
        ("ai-model-id", "ai-language-model-id", "ai-embedding-model-id", "ai-image-model-id",
         "ai-language-model-streaming"),
        "Vercel", "the model",
    ),
    Selecting(("x-bt-use-gateway", "x-bt-endpoint-name"), "Braintrust", "the provider"),
    Selecting(("x-ai-eg-model", "x-gateway-model-name"), "Envoy and Kubernetes gateways", "the model"),
    Selecting(("x-tfy-provider-name",), "TrueFoundry", "the provider"),
    Selecting(("ai-resource-group",), "SAP AI Core", "the deployments that are there"),
    Selecting(
        ("x-openai-baseurl", "x-azure-deployment-id", "x-azure-resource-name"), "Weaviate", "the model of a search"
    ),
    Selecting(
        ("x-model", "x-model-id", "x-model-name", "x-model-version", "x-deployment", "x-deployment-id",
         "x-deployment-name", "x-provider", "x-target-url", "x-target-model", "x-guardrail-id", "x-model-provider",
         "x-llm-model", "x-llm-provider", "x-ai-model", "x-ai-provider", "x-target-provider", "x-backend"),
        "gateways of one's own", "the provider, the model or the deployment",
    ),
    Selecting(
        ("x-tenant", "x-tenant-id", "x-workspace-id"),
        "APIs of one's own", "whose data is answered from",
    ),
    Selecting(("nvcf-input-asset-references", "nvcf-function-asset-ids"), "NVIDIA", "the input"),
    Selecting(("x-mcp-toolsets", "x-mcp-tools", "x-mcp-readonly"), "MCP servers", "the tools"),
    Selecting(
        ("api-version", "x-api-version", "x-ms-version", "x-goog-api-version", "x-github-api-version", "notion-version",
         "stripe-version", "mcp-protocol-version", "x-pinecone-api-version"),
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
_QUALITY = re.compile(r"q\s*=")
_UTF8 = ("charset=utf-8", "charset=utf8", "charset=us-ascii")
_PATCH_TYPE = re.compile(r"[\w/.-]*patch\+json\Z")  # the same JSON is another change under each (RFC 6902, RFC 7396)


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
        if text and name in _BY_NAME and _BY_NAME[name].as_digest:
            text = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if text:
            counts[name] = text
    return dict(sorted(counts.items()))


@lru_cache(maxsize=256)
def _formats(value: str, is_chat: bool, stream: bool) -> str:
    """The media types that are asked for, the preferred ones first (RFC 9110, section 12.5), in a fixed order.

    None and any are one. A chat is JSON, or the stream that it asks for; and what would rather have JSON gets it.
    """
    ranks: dict[float, set[str]] = {}
    for accepted in value.split(","):
        kind, *given = (part.strip().lower() for part in accepted.split(";"))
        weights = [_weight(part) for part in given if _QUALITY.match(part)]
        named = "; ".join([kind, *sorted(part for part in given if part and not _QUALITY.match(part))])
        if kind and (not weights or weights[0] > 0):
            ranks.setdefault(weights[0] if weights else 1.0, set()).add("*/*" if named == "*" else named)
    told = ("*/*", "application/json", *(_STREAMS if stream else ())) if is_chat else ()
    ordered = [sorted(ranks[weight].difference(told)) for weight in sorted(ranks, reverse=True)]
    ordered = [kinds for kinds in ordered if kinds]
    if ordered[1:] == [["*/*"]] and ordered[0] == ["application/json"]:
        del ordered[1:]
    if ordered == [["*/*"]]:
        return ""
    return ", ".join(
        kind + (f";q=0.{999 - rank}" if rank else "") for rank, kinds in enumerate(ordered) for kind in kinds
    )


def _weight(parameter: str) -> float:
    try:
        return float(parameter.partition("=")[2])
    except ValueError:
        return 1.0


def _type_of(value: str, body: Mapping[str, Json], is_json: bool) -> str:
    """The content type, where it says more than the tree of the body does."""
    kind, parameters = _media_type(value)
    if not body or kind in _UNTYPED or FORM in body or (kind == "multipart/form-data" and MULTIPART in body):
        return ""
    if MULTIPART in body:
        return kind
    if is_json and _JSON_TYPE.match(kind):
        parameters = tuple(part for part in parameters if part.startswith("charset="))
        if not parameters and not _PATCH_TYPE.match(kind):
            return ""
    return "; ".join([kind, *parameters])


@lru_cache(maxsize=256)
def _media_type(value: str) -> tuple[str, tuple[str, ...]]:
    kind, *rest = (part.strip() for part in value.split(";"))
    parameters = sorted(part.replace(" ", "").replace('"', "").lower() for part in rest if part)
    return kind.lower(), tuple(
        part for part in parameters if not part.startswith(("boundary=", "start=")) and part not in _UTF8
    )
