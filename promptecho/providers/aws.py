"""aws"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from promptecho.providers import anthropic, cohere
from promptecho.providers._answer import Answer, Usage, from_pieces, with_alternatives
from promptecho.providers._fields import KNOWN_APIS, Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import BASE64, PADDING, UPPER, UPPER_SIGNS, key_rule, sample
from promptecho.providers._messages import rename_ids
from promptecho.providers._pieces import Piece, read_message
from promptecho.providers._provider import Call, Provider, Reader, Sdk, Shape
from promptecho.providers._tools import tools
from promptecho.providers._trees import append_text, count, entries, first_text, index, mapping, mappings, ordered, text

Json = Any

_PATH = re.compile(r"/model/(?P<model>.+)/(?P<verb>converse|converse-stream|invoke|invoke-with-response-stream)$")
_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
# Models that answer with something else than text, and fields that only those take.
_NO_CHAT = re.compile(
    r"embed|image|canvas|reel|stability\.|stable-|luma\.|ray-|twelvelabs|rerank|sonic|video", re.IGNORECASE
)
_NO_CHAT_FIELDS = (
    "taskType",
    "text_prompts",
    "aspect_ratio",
    "negative_prompt",
    "output_format",
    "mode",
    "image",
    "input_type",
)


def detect(call: Call) -> bool:
    return _PATH.search(call.path) is not None


def _streams(call: Call) -> bool:
    return call.path.endswith("-stream")


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body of a converse or invoke call."""
    found = _PATH.search(call.path)
    model, verb = (unquote(found["model"]), found["verb"]) if found else ("", "")
    body = dict(call.body)
    if verb.startswith("converse"):
        body = _converse(body)
    elif "anthropic_version" in body:
        body = anthropic.normalize_body(body)
    elif _is_chat(call):
        body = _invoke(body)
        if "schemaVersion" in body or "inferenceConfig" in body:  # Nova: as for Converse
            body = _converse(body)
    return body if "model" in body else {"model": model, **body}


def _is_chat(call: Call) -> bool:
    found = _PATH.search(call.path)
    if found is None or found["verb"].startswith("converse"):
        return True
    return "messages" in call.body or not (
        _NO_CHAT.search(unquote(found["model"])) or any(name in call.body for name in _NO_CHAT_FIELDS)
    )


def _converse(body: Mapping[str, Json]) -> dict[str, Json]:
    changed: dict[str, Json] = {}
    for key, value in body.items():
        if value is None:  # AWS's services take null for what isn't there
            continue
        if key == "messages" and isinstance(value, list):
            messages = [_message(each) for each in value]
            changed[key] = rename_ids(messages, ("toolUse", "toolResult"), ("toolUseId",))
        elif key == "system" and isinstance(value, list):
            changed[key] = _content(value)
        elif key == "inferenceConfig" and isinstance(value, dict):
            rest = dict(value)
            for name, known in _INFERENCE.items():
                if name in rest and known not in body:
                    changed[known] = rest.pop(name)
            if rest:
                changed[key] = rest
        elif key == "toolConfig" and isinstance(value, dict) and isinstance(value.get("tools"), list):
            changed.update(_tool_config(value, body))
        else:
            changed[key] = value
    return changed


def _tool_config(config: Mapping[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
    if "tools" in body or "tool_choice" in body:
        return {"toolConfig": config}
    changed: dict[str, Json] = {"tools": tools([_tool(each) for each in config["tools"] if not _is_cache_point(each)])}
    if "toolChoice" in config:
        changed["tool_choice"] = config["toolChoice"]
    rest = {key: value for key, value in config.items() if key not in ("tools", "toolChoice")}
    return {**changed, "toolConfig": rest} if rest else changed


def _tool(value: Json) -> Json:
    spec = value.get("toolSpec") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(spec, dict):
        return value
    schema = spec.get("inputSchema")
    if isinstance(schema, dict) and set(schema) == {"json"} and "parameters" not in spec:
        return {("parameters" if key == "inputSchema" else key): (schema["json"] if key == "inputSchema" else each)
                for key, each in spec.items()}  # fmt: skip
    return spec


def _is_cache_point(value: Json) -> bool:
    return isinstance(value, dict) and set(value) == {"cachePoint"}


def _message(value: Json) -> Json:
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        return {**value, "content": _content(value["content"])}
    return value


def _content(blocks: list[Json]) -> Json:
    kept = [block for block in blocks if not _is_cache_point(block)]
    if len(kept) == 1 and isinstance(kept[0], dict) and set(kept[0]) == {"text"} and isinstance(kept[0]["text"], str):
        return kept[0]["text"]
    return kept


def _invoke(body: Mapping[str, Json]) -> dict[str, Json]:
    """Titan's ``inputText``, Cohere's ``message``, and the ``prompt`` of Llama, Mistral and the like, as messages."""
    if "messages" in body:
        return dict(body)
    if isinstance(body.get("message"), str):
        return cohere.normalize_body(body)
    for name in ("inputText", "prompt"):
        if isinstance(body.get(name), str):
            messages = [{"role": "user", "content": body[name]}]
            return {"messages": messages, **{key: value for key, value in body.items() if key != name}}
    return dict(body)


REQUESTS = Shape("bedrock", detect, normalize, _streams, is_chat=_is_chat)


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
        return _assemble_converse(steps)
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


def _assemble_converse(steps: list[dict[str, Json]]) -> dict[str, Json]:
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


ANSWERS = Reader("bedrock", read, assemble)


PROVIDER = Provider(
    "aws",
    "Amazon Bedrock",
    hosts=(
        "bedrock*.amazonaws.com",
        "bedrock*.amazonaws.com.cn",
        "bedrock*.api.aws",
        "*.vpce.amazonaws.com",
        "runtime.sagemaker.*.amazonaws.com",
        "runtime.sagemaker.*.amazonaws.com.cn",
    ),
    logins=("sts.amazonaws.com", "sts.*.amazonaws.com", "sts.*.amazonaws.com.cn"),
    shapes=(REQUESTS,),
    readers=(ANSWERS,),
    headers=(
        Selecting(("x-amz-target",), "the operation"),
        Selecting(("x-amzn-bedrock-guardrailidentifier", "x-amzn-bedrock-guardrailversion"), "the guardrail"),
        Selecting(("x-amzn-bedrock-accept",), "the format"),
        Selecting(
            (
                "x-amzn-sagemaker-target-model",
                "x-amzn-sagemaker-target-variant",
                "x-amzn-sagemaker-inference-component",
                "x-amzn-sagemaker-target-container-hostname",
                "x-amzn-sagemaker-custom-attributes",
                "x-amzn-sagemaker-inputlocation",
            ),
            "the model, or what it is given",
        ),
    ),
    neutral=(
        Neutral(("performance_config",), "Bedrock: latency of the same model", ("bedrock",)),
        Neutral(("request_metadata",), "Bedrock: for the caller's own logs", ("bedrock",), where=KNOWN_APIS),
    ),
    keys=(
        key_rule("AWS_KEY_ID", "AKIA ASIA ABIA ACCA", UPPER + "{16}", sample(16, UPPER_SIGNS)),
        key_rule("AWS_BEDROCK_KEY", "ABSK", BASE64 + "{60,}" + PADDING, 96),
        key_rule("AWS_BEDROCK_KEY", "bedrock-api-key-", BASE64 + "{40,}" + PADDING, 120),
    ),
    sdks=(
        Sdk("boto3", clients=("client(bedrock*)",), sync="urllib3", asynchronous="-"),
        Sdk("aioboto3", clients=("client(bedrock*)",), sync="-", asynchronous="aiohttp"),
        Sdk("langchain-aws", clients=("*Chat*", "*Embeddings", "*LLM"), sync="urllib3", asynchronous="urllib3"),
    ),
    price_id="aws",
)
