"""ollama"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho.providers._answer import Answer, Usage, from_pieces
from promptecho.providers._fields import CHATS, Neutral
from promptecho.providers._pieces import Piece, attachment, read_message
from promptecho.providers._provider import Call, Provider, Reader, Sdk, Shape
from promptecho.providers._trees import append_text, count, entries, mapping, mappings, text
from promptecho.providers.openai import chat

Json = Any


def detect(call: Call) -> bool:
    return call.path.endswith(("/api/chat", "/api/generate")) and not call.path.endswith("/v1/api/chat")


def _streams(call: Call) -> bool:
    return call.body.get("stream") is not False


def normalize(call: Call) -> dict[str, Json]:
    """The canonical body: of generate, the ``prompt`` with its ``images`` is one user message."""
    body = dict(call.body)
    prompt = body.get("prompt")
    if isinstance(prompt, str) and "messages" not in body and call.path.endswith("/api/generate"):
        del body["prompt"]
        message: dict[str, Json] = {"role": "user", "content": prompt}
        if "images" in body:
            message["images"] = body.pop("images")
        body["messages"] = [message]
    wanted = body.get("format")
    if "response_format" not in body and (wanted == "json" or isinstance(wanted, dict)):
        del body["format"]
        body["response_format"] = (
            {"type": "json_object"} if wanted == "json" else {"type": "json_schema", "schema": wanted}
        )
    return chat.normalize_body(body)


# JSON of Go and of protocol buffers has null for what isn't there (https://protobuf.dev/programming-guides/json).
REQUESTS = Shape("ollama", detect, normalize, _streams, where=lambda call: CHATS, nullable=lambda name: True)


def read(tree: Json) -> Answer | None:
    """The answer in a body of chat, generate or embed."""
    body = mapping(tree)
    model = text(body.get("model"))
    if "done" in body and isinstance(body.get("message"), dict):
        pieces = read_message(body["message"])
    elif "done" in body and isinstance(body.get("response"), str):
        pieces = (Piece("thinking", text(body.get("thinking"))), Piece("text", body["response"]))
        if text(body.get("image")):
            pieces = (*pieces, attachment("image", body["image"]))
    elif isinstance(body.get("embeddings"), list) and "prompt_eval_count" in body:
        return Answer("ollama", model, usage=usage(body))
    else:
        return None
    return from_pieces("ollama", pieces, model=model, finish_reason=text(body.get("done_reason")), usage=usage(body))


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens evaluated; a prompt that was cached in the server's memory is left out of its count by the server."""
    prompt, output = count(body, "prompt_eval_count"), count(body, "eval_count")
    return None if prompt is None and output is None else Usage(prompt or 0, output or 0)


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the lines of a stream make up."""
    lines = [event for event in mappings(events) if "done" in event and ("message" in event or "response" in event)]
    if not lines:
        return None
    body: dict[str, Json] = {}
    message: dict[str, Json] = {"role": "assistant", "tool_calls": [], "images": []}
    whole: dict[str, Json] = {}
    for line in lines:
        body.update(line)
        piece = mapping(line.get("message"))
        for name in ("content", "thinking"):
            append_text(message, name, piece.get(name))
        for name in ("tool_calls", "images"):
            message[name].extend(entries(piece.get(name)))
        for name in ("response", "thinking"):
            append_text(whole, name, line.get(name))
    return {**body, **whole, "message": message} if "message" in body else {**body, **whole}


ANSWERS = Reader("ollama", read, assemble)


PROVIDER = Provider(
    "ollama",
    "Ollama",
    hosts=("ollama.com",),
    shapes=(REQUESTS,),
    readers=(ANSWERS,),
    neutral=(
        Neutral(("keep_alive",), "Ollama: how long the model stays in memory", ("ollama",)),
        Neutral(
            ("num_gpu", "main_gpu", "num_thread", "num_batch", "low_vram", "use_mmap", "use_mlock", "numa", "f16_kv"),
            "Ollama: the hardware that a model runs on",
            ("ollama",),
            is_setting=True,
        ),
    ),
    sdks=(
        Sdk("ollama", clients=("Client", "AsyncClient"), functions=("chat", "embed*", "generate")),
        Sdk("langchain-ollama", clients=("*Chat*", "*Embeddings", "*LLM"), below="ollama"),
    ),
    is_free=True,
)
