"""google"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from promptecho.providers._answer import Answer, Usage, from_pieces, with_alternatives
from promptecho.providers._fields import KNOWN_APIS, Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import WORD, key_rule, sample
from promptecho.providers._messages import rename_ids
from promptecho.providers._pieces import read_message
from promptecho.providers._provider import Call, Provider, Reader, Sdk, Shape
from promptecho.providers._tools import tools, with_schemas_in_order
from promptecho.providers._trees import count, entries, first_text, index, mapping, mappings, ordered, text

Json = Any

_PATH = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)$")
_OTHER_PATH = re.compile(
    r"/models/[^/:]+:(?:embedContent|batchEmbedContents|asyncBatchEmbedContent|countTokens|batchGenerateContent)$"
)
_SPELLINGS = {
    "system_instruction": "systemInstruction",
    "generation_config": "generationConfig",
    "safety_settings": "safetySettings",
    "tool_config": "toolConfig",
    "cached_content": "cachedContent",
}
# Fields of generationConfig that other providers have at the top.
_SAMPLING = {
    "temperature": "temperature", "topP": "top_p", "topK": "top_k", "maxOutputTokens": "max_tokens",
    "stopSequences": "stop", "seed": "seed", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty", "candidateCount": "n", "thinkingConfig": "thinking",
}  # fmt: skip
_OUTPUT = ("responseMimeType", "responseSchema", "responseJsonSchema")
_CAMEL = re.compile(r"(?<=[a-z0-9])_([a-z])")
_ROLES = {"model": "assistant"}
# Types of the API's own schemas are in upper case; some SDKs send JSON Schema's, and both are taken.
_TYPES = {name: name.lower() for name in ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")}


def detect(call: Call) -> bool:
    return _PATH.search(call.path) is not None


def _streams(call: Call) -> bool:
    return call.path.endswith(":streamGenerateContent")


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body of a generateContent call."""
    found = _PATH.search(call.path)
    changed: dict[str, Json] = {"model": unquote(found["model"])} if found and "model" not in call.body else {}
    if any(spelling in call.body and known in call.body for spelling, known in _SPELLINGS.items()):
        return {**changed, **call.body}  # which of the two counts is not known, so it is matched whole
    body = {_SPELLINGS.get(key, key): _in_camel_case(key, value) for key, value in call.body.items()}
    for key, value in body.items():
        if key == "contents" and isinstance(value, list) and "messages" not in body:
            changed["messages"] = [_message(each) for each in value]
        elif key == "systemInstruction" and "system" not in body:
            changed["system"] = _content(value.get("parts")) if _has_only_parts(value) else value
        elif key == "toolConfig" and "tool_choice" not in body:
            changed["tool_choice"] = value
        elif key == "generationConfig" and isinstance(value, dict):
            changed.update(_generation(value, body))
        elif key == "tools" and isinstance(value, list):
            changed["tools"] = tools(_declarations(value), _TYPES)
        else:
            changed[key] = value
    changed["messages"] = rename_ids(changed.get("messages"), ("functionCall", "functionResponse"), ("id",))
    if changed["messages"] is None:
        del changed["messages"]
    if "response_format" in changed:
        changed["response_format"] = with_schemas_in_order(changed["response_format"], _TYPES)
    return changed


# Google's APIs take each name in snake_case too (https://protobuf.dev/programming-guides/json). Names below these
# are the program's own.
_OWN_NAMES = (
    "args", "response", "parametersJsonSchema", "responseJsonSchema", "schema", "labels", "metadata", "default",
    "example", "text")  # fmt: skip
_NAMED_SCHEMAS = ("properties", "defs")
_HAVE_SUCH_NAMES = (
    "contents", "messages", "system", "systemInstruction", "system_instruction", "tools", "tool_choice", "toolConfig",
    "tool_config", "generationConfig", "generation_config", "safetySettings", "safety_settings", "response_format",
    "thinking")  # fmt: skip


def _in_camel_case(field: str, value: Json) -> Json:
    return _respelled(value, 0) if field in _HAVE_SUCH_NAMES else value


def _respelled(tree: Json, depth: int) -> Json:
    if isinstance(tree, list):
        return [_respelled(each, depth + 1) for each in tree]
    if not isinstance(tree, dict) or depth > 60:
        return tree
    names = {key: _CAMEL.sub(lambda found: found[1].upper(), key) for key in tree}
    if len(set(names.values())) < len(names):
        return tree  # which of two spellings counts is not known
    changed: dict[str, Json] = {}
    for key, value in tree.items():
        name = names[key]
        if name in _NAMED_SCHEMAS and isinstance(value, dict):
            changed[name] = {own: _respelled(each, depth + 1) for own, each in value.items()}
        elif value is not None:  # null is what isn't there
            changed[name] = value if name in _OWN_NAMES else _respelled(value, depth + 1)
    return changed


def _has_only_parts(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("parts"), list) and set(value) <= {"parts", "role"}


def _message(value: Json) -> Json:
    if not isinstance(value, dict) or set(value) - {"role", "parts"} or not isinstance(value.get("parts"), list):
        return value
    role = value.get("role", "user")
    return {"role": _ROLES.get(role, role) if isinstance(role, str) else role, "content": _content(value["parts"])}


def _content(parts: list[Json]) -> Json:
    blocks = [{"type": "text", **part} if isinstance(part, dict) and set(part) == {"text"} else part for part in parts]
    if len(blocks) == 1 and isinstance(parts[0], dict) and set(parts[0]) == {"text"}:
        return parts[0]["text"]
    return blocks


def _generation(config: Mapping[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
    """Sampling under the names of the other providers, the output's format, and the rest as it was."""
    changed: dict[str, Json] = {}
    output = {name: config[name] for name in _OUTPUT if name in config}
    rest = {key: value for key, value in config.items() if key not in output}
    for name, known in _SAMPLING.items():
        if name in rest and known not in body:
            changed[known] = rest.pop(name)
    if output and "response_format" not in body:
        changed["response_format"] = _format(output)
    else:
        rest.update(output)
    if rest:
        changed["generationConfig"] = rest
    return changed


def _format(output: dict[str, Json]) -> Json:
    """JSON by a JSON schema, or JSON of any kind, as other providers say it; Gemini's own schemas as they are."""
    if output == {"responseMimeType": "application/json"}:
        return {"type": "json_object"}
    if set(output) == {"responseMimeType", "responseJsonSchema"} and output["responseMimeType"] == "application/json":
        return {"type": "json_schema", "schema": output["responseJsonSchema"]}
    return output


def _declarations(value: list[Json]) -> list[Json]:
    """The functions of all tool entries; other tools (search, code execution) as they are."""
    found: list[Json] = []
    for each in value:
        declared = each.get("functionDeclarations") if isinstance(each, dict) else None
        if not isinstance(declared, list):
            found.append(each)
            continue
        found += declared
        rest = {key: other for key, other in each.items() if key != "functionDeclarations"}
        if rest:
            found.append(rest)
    return found


def _is_other(call: Call) -> bool:
    return _OTHER_PATH.search(call.path) is not None


def _respelled_body(call: Call) -> dict[str, Json]:
    changed: dict[str, Json] = _respelled(dict(call.body), 0)
    return changed


# JSON of Go and of protocol buffers has null for what isn't there (https://protobuf.dev/programming-guides/json).
REQUESTS = Shape("gemini", detect, normalize, _streams, nullable=lambda name: True)
OTHER_REQUESTS = Shape("gemini", _is_other, _respelled_body, is_chat=lambda call: False, nullable=lambda name: True)


_FIELDS = ("candidates", "promptFeedback", "usageMetadata")


def read(tree: Json) -> Answer | None:
    """The answer in a body with ``candidates``, a blocked prompt, or an embedding."""
    body = mapping(tree)
    if "response" in body and "candidates" in mapping(body.get("response")):  # Code Assist wraps the body
        body = mapping(body["response"])
    model = text(body.get("modelVersion"))
    if isinstance(body.get("candidates"), list) or "promptFeedback" in body:
        blocked = mapping(body.get("promptFeedback"))
        refusal = first_text(blocked, "blockReasonMessage", "blockReason") or None
        answers = [
            from_pieces(
                "gemini",
                read_message({"role": "model", **mapping(candidate, "content")}),
                model=model,
                finish_reason=text(mapping(candidate).get("finishReason")),
                refusal=refusal,
            )
            for candidate in entries(body.get("candidates"))
        ]
        return with_alternatives(answers or [Answer("gemini", model, refusal=refusal)], usage(body))
    if "values" in mapping(body.get("embedding")) or any(
        "values" in mapping(each) for each in entries(body.get("embeddings"))
    ):
        return Answer("gemini", model, usage=usage(body))
    return None


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; Gemini counts thoughts apart from the candidates', and results of its own tools apart from the prompt."""
    tree = mapping(body.get("usageMetadata"))
    prompt = count(tree, "promptTokenCount")
    if prompt is None:
        return None
    thoughts = count(tree, "thoughtsTokenCount") or 0
    return Usage(
        prompt + (count(tree, "toolUsePromptTokenCount") or 0),
        (count(tree, "candidatesTokenCount", "responseTokenCount") or 0) + thoughts,
        count(tree, "cachedContentTokenCount") or 0,
        0,
        thoughts,
    )


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the chunks of a stream make up."""
    chunks = [event for event in mappings(events) if any(name in event for name in _FIELDS)]
    if not chunks:
        return None
    body: dict[str, Json] = {}
    candidates: dict[int, dict[str, Json]] = {}
    for chunk in chunks:
        body.update((name, value) for name, value in chunk.items() if name not in ("candidates", "usageMetadata"))
        body["usageMetadata"] = {**mapping(body.get("usageMetadata")), **mapping(chunk.get("usageMetadata"))}
        for each in map(mapping, entries(chunk.get("candidates"))):
            candidate = candidates.setdefault(index(each.get("index")), {"content": {"parts": []}})
            if isinstance(each.get("finishReason"), str):
                candidate["finishReason"] = each["finishReason"]
            for part in entries(mapping(each, "content").get("parts")):
                _add_part(candidate["content"]["parts"], part)
    return {**body, "candidates": ordered(candidates)}


def _add_part(parts: list[Json], part: Json) -> None:
    """Pieces of one text are one part again; a thought and a text are two."""
    last = mapping(parts[-1]) if parts else {}
    new = mapping(part)
    both_texts = isinstance(new.get("text"), str) and isinstance(last.get("text"), str)
    if both_texts and bool(last.get("thought")) == bool(new.get("thought")):
        parts[-1] = {**last, "text": last["text"] + new["text"]}
    else:
        parts.append(part)


ANSWERS = Reader("gemini", read, assemble)


PROVIDER = Provider(
    "google",
    "Google",
    hosts=(
        "generativelanguage.googleapis.com",
        "aiplatform.googleapis.com",
        "*-aiplatform.googleapis.com",
        "aiplatform.*.rep.googleapis.com",
    ),
    logins=("oauth2.googleapis.com", "sts.googleapis.com"),
    shapes=(REQUESTS, OTHER_REQUESTS),
    readers=(ANSWERS,),
    headers=(
        Selecting(("x-goog-request-params",), "the model or the resource"),
        Selecting(("x-goog-fieldmask", "x-goog-field-mask"), "the fields of the answer"),
        Selecting(
            (
                "x-goog-upload-command",
                "x-goog-upload-offset",
                "x-goog-upload-protocol",
                "x-goog-upload-header-content-type",
            ),
            "the step of an upload",
        ),
    ),
    neutral=(Neutral(("labels",), "Vertex AI: for the bill", ("gemini",), where=KNOWN_APIS),),
    keys=(
        key_rule("GOOGLE_KEY", "AIza", WORD + "{35}", 35),
        key_rule("GOOGLE_AUTH_KEY", "AQ.", WORD + "{40,}", "Ab8" + sample(45)),
        key_rule("GOOGLE_CLIENT_TOKEN", "auth_tokens/", WORD + "{16,}", 32, random=True),
        key_rule("GOOGLE_CLIENT_SECRET", "GOCSPX-", WORD + "{20,}", 28),
        key_rule("GOOGLE_TOKEN", "ya29.", WORD + r"{20,}(?:\." + WORD + "+)*", "a0Af_" + sample(60)),
        key_rule("GOOGLE_REFRESH_TOKEN", "1//0", WORD + "{30,}", 60),
    ),
    sdks=(
        Sdk("google-genai", "google.genai", clients=("Client",), optional="aiohttp"),
        Sdk(
            "google-cloud-aiplatform",
            "vertexai",
            sync="grpcio",
            asynchronous="grpcio",
            way_out="Or let it ride on requests: vertexai.init(api_transport='rest').",
        ),
        Sdk(
            "langchain-google-genai",
            clients=("*Chat*", "*Embeddings", "GoogleGenerativeAI"),
            way_out="Or let it ride on requests: transport='rest'.",
        ),
    ),
    price_id="google",
)
