"""Bedrock: Converse and its stream, and the bodies of InvokeModel that no provider's own API has (Titan, Nova, Llama).

Claude's bodies behind InvokeModel are Anthropic's, Command's Cohere's; their readers know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces, with_alternatives
from promptecho._answers._pieces import Piece, read_message
from promptecho._answers._trees import append_text, count, entries, first_text, index, mapping, mappings, ordered, text

Json = Any

_EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata")
_REFUSALS = ("guardrail_intervened", "content_filtered")


def read(tree: Json) -> Answer | None:
    """The answer of Converse, or of a model behind InvokeModel."""
    body = mapping(tree)
    if isinstance(mapping(body, "output").get("message"), dict):
        reason = text(body.get("stopReason"))
        pieces = read_message(body["output"]["message"])
        refusal = reason if reason in _REFUSALS else None
        return from_pieces("bedrock", pieces, finish_reason=reason, refusal=refusal, usage=usage(body))
    for name, said, reason in (("results", "outputText", "completionReason"), ("outputs", "text", "stop_reason")):
        results = entries(body.get(name))
        if results and all(said in mapping(result) for result in results):  # Titan; Mistral
            answers = [
                from_pieces("bedrock", [Piece("text", text(result[said]))], finish_reason=text(result.get(reason)))
                for result in results
            ]
            return with_alternatives(answers, usage(body))
    if isinstance(body.get("generation"), str):  # Llama
        pieces = (Piece("text", body["generation"]),)
        return from_pieces("bedrock", pieces, finish_reason=text(body.get("stop_reason")), usage=usage(body))
    if isinstance(body.get("embedding"), list) and "inputTextTokenCount" in body:
        return Answer("bedrock", usage=usage(body))
    return None


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; Converse's ``inputTokens`` leave out what was read from a cache or written to one."""
    tree = {**mapping(body.get("amazon-bedrock-invocationMetrics")), **body, **mapping(body.get("usage"))}
    plain = count(tree, "inputTokens", "inputTextTokenCount", "prompt_token_count", "inputTokenCount")
    if plain is None:
        return None
    read_from = count(tree, "cacheReadInputTokens", "cacheReadInputTokenCount") or 0
    written = count(tree, "cacheWriteInputTokens", "cacheWriteInputTokenCount") or 0
    output = count(tree, "outputTokens", "generation_token_count", "outputTokenCount", "totalOutputTextTokenCount")
    if output is None:
        output = sum(count(result, "tokenCount") or 0 for result in entries(body.get("results")))
    return Usage(plain + read_from + written, output, read_from, written)


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the events of ConverseStream, or the chunks of InvokeModel's, make up."""
    steps = mappings(events)
    if any(name in step for step in steps for name in _EVENTS):
        return _converse(steps)
    metrics = next((step for step in steps if "amazon-bedrock-invocationMetrics" in step), {})
    rest = {name: value for name, value in metrics.items() if name == "amazon-bedrock-invocationMetrics"}
    generated = [step for step in steps if isinstance(step.get("generation"), str)]
    if generated:
        return {**_last(generated), **rest, "generation": "".join(step["generation"] for step in generated)}
    titan = [step for step in steps if isinstance(step.get("outputText"), str)]
    if titan:
        last = _last(titan)
        said = "".join(step["outputText"] for step in titan)
        return {**last, **rest, "results": [{"outputText": said, "completionReason": last.get("completionReason")}]}
    outputs = [mapping(each) for step in steps for each in entries(step.get("outputs")) if "text" in mapping(each)]
    if outputs:
        return {**rest, "outputs": [{**_last(outputs), "text": "".join(text(each["text"]) for each in outputs)}]}
    return None


def _last(steps: list[dict[str, Json]]) -> dict[str, Json]:
    """What the steps say together, the last one's word for each field."""
    together: dict[str, Json] = {}
    for step in steps:
        together.update((name, value) for name, value in step.items() if value is not None)
    return together


def _converse(steps: list[dict[str, Json]]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    blocks: dict[int, dict[str, Json]] = {}
    for step in steps:
        start, delta = mapping(step.get("contentBlockStart")), mapping(step.get("contentBlockDelta"))
        if start:
            blocks[index(start.get("contentBlockIndex"))] = {
                name: dict(mapping(value)) for name, value in mapping(start.get("start")).items()
            }
        if delta:
            _add_delta(blocks.setdefault(index(delta.get("contentBlockIndex")), {}), mapping(delta.get("delta")))
        if "messageStop" in step:
            body["stopReason"] = first_text(step["messageStop"], "stopReason")
        body.update(mapping(step.get("metadata")))
        if "amazon-bedrock-invocationMetrics" in step:
            body["amazon-bedrock-invocationMetrics"] = step["amazon-bedrock-invocationMetrics"]
    return {**body, "output": {"message": {"role": "assistant", "content": ordered(blocks)}}}


def _add_delta(block: dict[str, Json], delta: dict[str, Json]) -> None:
    append_text(block, "text", delta.get("text"))
    if isinstance(delta.get("toolUse"), dict):
        call = block.setdefault("toolUse", {})
        if not isinstance(call.get("input", ""), str):
            call["input"] = ""
        append_text(call, "input", delta["toolUse"].get("input"))
    if isinstance(delta.get("reasoningContent"), dict):
        thought = block.setdefault("reasoningContent", {})
        if not isinstance(thought.get("reasoningText"), dict):
            thought["reasoningText"] = {}
        append_text(thought["reasoningText"], "text", delta["reasoningContent"].get("text"))
    if isinstance(delta.get("image"), dict):
        block.setdefault("image", {}).update(delta["image"])


SHAPE = Reader("bedrock", read, assemble)
