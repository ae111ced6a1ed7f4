"""anthropic"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptecho.providers._answer import Answer, Usage, from_pieces
from promptecho.providers._headers import Selecting, features
from promptecho.providers._key_rule import WORD, key_rule, sample
from promptecho.providers._messages import content, message, rename_call_ids
from promptecho.providers._pieces import Piece, read_blocks
from promptecho.providers._provider import BY_BODY, Call, Provider, Reader, Sdk, Shape
from promptecho.providers._tools import tools, with_schemas_in_order
from promptecho.providers._trees import append_text, count, entries, index, mapping, mappings, ordered, parsed, text

Json = Any


def detect(call: Call) -> bool:
    return isinstance(call.body.get("messages"), list) and (
        call.path.endswith("/messages")
        or call.path.endswith((":rawPredict", ":streamRawPredict"))  # Vertex AI
        or "anthropic_version" in call.body
    )


def _streams(call: Call) -> bool:
    return call.body.get("stream") is True or call.path.endswith(":streamRawPredict")


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body of a messages call."""
    changed = {key: value for key, value in body.items() if key != "cache_control"}
    if "system" in changed:
        changed["system"] = content(changed["system"])
    if isinstance(changed.get("messages"), list):
        changed["messages"] = rename_call_ids([message(each) for each in changed["messages"]])
    if "tools" in changed:
        changed["tools"] = tools(changed["tools"])
    if isinstance(changed.get("anthropic_beta"), list) and all(
        isinstance(each, str) for each in changed["anthropic_beta"]
    ):
        changed["anthropic_beta"] = features(changed["anthropic_beta"])
    config = changed.get("output_config")
    if isinstance(config, dict) and "format" in config and "response_format" not in changed:
        changed["response_format"] = config["format"]
        rest = {key: value for key, value in config.items() if key != "format"}
        changed = {key: (rest if key == "output_config" else value) for key, value in changed.items()
                   if key != "output_config" or rest}  # fmt: skip
    if "output_format" in changed and "response_format" not in changed:
        changed["response_format"] = changed.pop("output_format")
    if "response_format" in changed:
        changed["response_format"] = with_schemas_in_order(changed["response_format"])
    return changed


REQUESTS = Shape("anthropic", detect, normalize, _streams, told_by=BY_BODY)


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def read(tree: Json) -> Answer | None:
    """The answer in a message."""
    body = mapping(tree)
    if isinstance(body.get("completion"), str) and "stop_reason" in body:  # text completions, before messages
        said = [Piece("text", body["completion"])]
        reason = text(body["stop_reason"])
        return from_pieces("anthropic", said, model=text(body.get("model")), finish_reason=reason, usage=usage(body))
    if not isinstance(body.get("content"), list) or not (body.get("type") == "message" or "stop_reason" in body):
        return None
    pieces: list[Piece] = []
    for block in body["content"]:
        if not text(mapping(block).get("type")).endswith("_tool_result"):  # of a tool that ran at the provider
            pieces.extend(read_blocks([block]))
    reason = text(body.get("stop_reason"))
    details = mapping(body.get("stop_details"))
    refusal = text(details.get("explanation")) or text(details.get("category")) or "refused"
    return from_pieces(
        "anthropic",
        pieces,
        model=text(body.get("model")),
        finish_reason=reason,
        refusal=refusal if reason == "refusal" else None,
        usage=usage(body),
    )


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; Anthropic's ``input_tokens`` leave out what was read from a cache or written to one."""
    tree = mapping(body.get("usage"))
    metrics = mapping(body.get("amazon-bedrock-invocationMetrics"))
    plain = count(tree, "input_tokens")
    if plain is None:
        plain = count(metrics, "inputTokenCount")
    if plain is None:
        return None
    read_from = count(tree, "cache_read_input_tokens") or 0
    written = count(tree, "cache_creation_input_tokens") or 0
    output = count(tree, "output_tokens")
    if output is None:
        output = count(metrics, "outputTokenCount") or 0
    thinking = count(tree.get("output_tokens_details"), "thinking_tokens") or 0
    return Usage(plain + read_from + written, output, read_from, written, thinking)


def assemble(events: Sequence[Json]) -> Json:
    """The plain message that the events of a stream make up."""
    steps = mappings(events)
    completions = [step for step in steps if isinstance(step.get("completion"), str)]
    if completions:
        return _completion(completions)
    if not any(step.get("type") in ("message_start", "content_block_delta", "message_delta") for step in steps):
        return None
    body: dict[str, Json] = {"type": "message"}
    blocks: dict[int, dict[str, Json]] = {}
    for step in steps:
        kind, place = step.get("type"), index(step.get("index"))
        if kind == "message_start":
            body.update({**mapping(step.get("message")), "type": "message"})
        elif kind == "content_block_start":
            blocks[place] = dict(mapping(step.get("content_block")))
        elif kind == "content_block_delta":
            _add_delta(blocks.setdefault(place, {"type": "text"}), mapping(step.get("delta")))
        elif kind == "message_delta":
            delta = mapping(step.get("delta"))
            body.update((name, value) for name, value in delta.items() if value is not None)
            new = {name: value for name, value in mapping(step.get("usage")).items() if value is not None}
            body["usage"] = {**mapping(body.get("usage")), **new}
        if "amazon-bedrock-invocationMetrics" in step:
            body["amazon-bedrock-invocationMetrics"] = step["amazon-bedrock-invocationMetrics"]
    for block in blocks.values():
        if isinstance(block.get("partial_json"), str):
            block["input"] = parsed(block.pop("partial_json"))
    body["content"] = ordered(blocks) or entries(body.get("content"))
    return body


def _completion(steps: Sequence[dict[str, Json]]) -> Json:
    """The answer of the text completions that came before messages."""
    whole: dict[str, Json] = {"stop_reason": None}
    for step in steps:
        whole.update((name, value) for name, value in step.items() if value is not None)
    return {**whole, "completion": "".join(step["completion"] for step in steps)}


def _add_delta(block: dict[str, Json], delta: dict[str, Json]) -> None:
    kind = text(delta.get("type"))
    if kind in _DELTAS:
        append_text(block, _DELTAS[kind], delta.get(_DELTAS[kind]))
    elif kind == "input_json_delta":
        append_text(block, "partial_json", delta.get("partial_json"))


ANSWERS = Reader("anthropic", read, assemble)


PROVIDER = Provider(
    "anthropic",
    "Anthropic",
    hosts=("api.anthropic.com",),
    shapes=(REQUESTS,),
    readers=(ANSWERS,),
    headers=(
        Selecting(("anthropic-version",), "the version of the API"),
        Selecting(("anthropic-beta",), "features", is_list=True),
    ),
    keys=(key_rule("ANTHROPIC_KEY", "sk-ant-", WORD + "{20,}", "api03-" + sample(40)),),
    sdks=(
        Sdk("anthropic", clients=("Anthropic*", "AsyncAnthropic*", "Client", "AsyncClient")),
        Sdk("langchain-anthropic", clients=("*Chat*", "*Embeddings", "*LLM"), below="anthropic"),
    ),
    price_id="anthropic",
)
