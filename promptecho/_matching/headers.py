"""Request headers that select what is answered: they are matched, and are the only ones that a file holds.

Rule: a header that is not in this table doesn't count. ``Accept``, ``Content-Type`` and ``Content-Encoding`` count
where they say what the body doesn't.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from promptecho import providers
from promptecho._models import FORM, MULTIPART, Headers
from promptecho.providers._headers import Selecting, features

Json = Any


# Of no provider alone; those of one are with it.
SELECTING = (
    Selecting(("x-http-method", "x-method-override"), "the operation"),  # gateways
    Selecting(("x-amz-copy-source", "x-goog-copy-source", "x-ms-copy-source"), "the source of a copy"),  # S3 and others
    Selecting(("x-ai-eg-model", "x-gateway-model-name"), "the model"),  # Envoy and Kubernetes gateways
    # gateways of one's own
    Selecting(
        ("x-model", "x-model-id", "x-model-name", "x-model-version", "x-deployment", "x-deployment-id",
         "x-deployment-name", "x-provider", "x-target-url", "x-target-model", "x-guardrail-id", "x-model-provider",
         "x-llm-model", "x-llm-provider", "x-ai-model", "x-ai-provider", "x-target-provider", "x-backend"),
        "the provider, the model or the deployment",
    ),
    # APIs of one's own
    Selecting(
        ("x-tenant", "x-tenant-id", "x-workspace-id"),
        "whose data is answered from",
    ),
    Selecting(("x-mcp-toolsets", "x-mcp-tools", "x-mcp-readonly"), "the tools"),  # MCP servers
    # many
    Selecting(
        ("api-version", "x-api-version", "x-ms-version", "x-goog-api-version", "x-github-api-version", "notion-version",
         "stripe-version", "mcp-protocol-version", "x-pinecone-api-version"),
        "the version of the API",
    ),
    Selecting(("x-http-method-override", "soapaction"), "the operation"),  # HTTP
    Selecting(("range", "x-ms-range", "content-range"), "a part"),  # HTTP (RFC 9110, section 14)
    # HTTP (RFC 9110, section 13)
    Selecting(
        ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range"),
        "whether there is an answer at all",
    ),
    Selecting(("prefer",), "whether the answer is waited for, and its form", is_list=True),  # HTTP (RFC 7240)
    Selecting(("accept-language",), "the language", is_list=True),  # HTTP
)  # fmt: skip
_DEPENDING = frozenset(("accept", "content-type", "content-encoding"))

_STREAMS = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")
_UNTYPED = ("", "application/octet-stream")  # some libraries say it of whatever they send
_JSON_TYPE = re.compile(r"(?:application|text)/(?:json|[\w.-]+\+json|x-amz-json-[\d.]+)\Z")
_QUALITY = re.compile(r"q\s*=")
_UTF8 = ("charset=utf-8", "charset=utf8", "charset=us-ascii")
_PATCH_TYPE = re.compile(r"[\w/.-]*patch\+json\Z")  # the same JSON is another change under each (RFC 6902, RFC 7396)


def all_selecting() -> tuple[Selecting, ...]:
    """Every entry: of each provider, and of none alone."""
    return (*providers.headers(), *SELECTING)


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, Selecting]:
    return {name: entry for entry in all_selecting() for name in entry.names}


def may_count(name: str) -> bool:
    """Whether a header can be part of a key; ``name`` in lower case."""
    return name in _by_name() or name in _DEPENDING


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
        if lowered in _by_name() or lowered in _DEPENDING:
            found.setdefault(lowered, []).append(value.strip())
    counts: dict[str, str] = {}
    for name, values in found.items():
        if name == "accept":
            text = _formats(", ".join(values), is_chat, stream)
        elif name == "content-type":
            text = _type_of(values[0], body, is_json)
        elif name == "content-encoding":
            text = values[0].lower() if body else ""  # still there: the body could not be decoded
        elif _by_name()[name].is_list:
            text = ", ".join(features(values))
            text = "" if text == "*" else text
        else:
            text = ", ".join(values)
        if text and name in _by_name() and _by_name()[name].as_digest:
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
