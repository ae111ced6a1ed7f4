"""huggingface"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho.providers._answer import Answer, Usage, from_pieces
from promptecho.providers._background import Background
from promptecho.providers._fields import Neutral
from promptecho.providers._key_rule import ALNUM, WORD, key_rule
from promptecho.providers._pieces import Piece
from promptecho.providers._provider import BY_BODY, Call, Provider, Reader, Sdk, Shape
from promptecho.providers._trees import count, entries, mapping, mappings, text

Json = Any


def detect(call: Call) -> bool:
    return "inputs" in call.body and "messages" not in call.body


def _streams(call: Call) -> bool:
    return call.path.endswith("/generate_stream") or call.body.get("stream") is True


def normalize(call: Call) -> dict[str, Json]:
    return dict(call.body)


REQUESTS = Shape("huggingface", detect, normalize, _streams, told_by=BY_BODY)


def read(tree: Json) -> Answer | None:
    """The answer in a body with ``generated_text``, alone or in a list."""
    first = entries(tree)[:1]
    body = mapping(first[0] if first else tree)
    if not isinstance(body.get("generated_text"), str):
        return None
    details = mapping(body.get("details"))
    output = count(details, "generated_tokens")
    prompt = count(details, "input_length")
    if prompt is None and isinstance(details.get("prefill"), list):
        prompt = len(details["prefill"])
    return from_pieces(
        "huggingface",
        [Piece("text", body["generated_text"])],
        finish_reason=text(details.get("finish_reason")),
        usage=None if output is None else Usage(prompt or 0, output),
    )


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the tokens of a stream make up."""
    tokens = [event for event in mappings(events) if isinstance(event.get("token"), dict)]
    if not tokens:
        return None
    said = "".join(text(event["token"].get("text")) for event in tokens if event["token"].get("special") is not True)
    last = tokens[-1]
    return {"generated_text": text(last.get("generated_text")) or said, "details": last.get("details")}


ANSWERS = Reader("huggingface", read, assemble)


PROVIDER = Provider(
    "huggingface",
    "Hugging Face",
    hosts=("router.huggingface.co", "api-inference.huggingface.co", "*.endpoints.huggingface.cloud"),
    background=(
        Background(("huggingface.co",), "api/telemetry/.*", methods=("HEAD", "GET"), why="usage counters"),
        Background(("huggingface.co",), "api/agent-harnesses", methods=("GET",), status=404, why="names of agents"),
    ),
    shapes=(REQUESTS,),
    readers=(ANSWERS,),
    neutral=(Neutral(("wait_for_model",), "Hugging Face: wait for a model to load, or be told to", is_setting=True),),
    keys=(
        key_rule("HUGGINGFACE_TOKEN", "hf_oauth_ hf_jwt_ api_org_", WORD + r"{24,}(?:\." + WORD + "+)*", 48),
        key_rule("HUGGINGFACE_TOKEN", "hf_", ALNUM + "{30,}", 34),
    ),
    sdks=(
        Sdk("huggingface-hub", clients=("InferenceClient", "AsyncInferenceClient")),
        Sdk("langchain-huggingface", clients=("HuggingFaceEndpoint*",), below="huggingface-hub"),
    ),
)
