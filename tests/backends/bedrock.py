"""Bedrock's wire format on loopback, and the calls that the tests make; as a program: replays one call.

``python -m tests.backends.bedrock OPERATION MODEL URL`` prints the result of a replay from the cassette in ``CASSETTE``.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import struct
import sys
import zlib
from typing import Any
from urllib.parse import unquote

from promptecho._cli._loopback import LoopbackServer, send, send_piece, start_stream

MODELS = {
    "anthropic.claude-v2:1": (
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
        lambda text: {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"},
        lambda text: [
            {"type": "message_start", "message": {"role": "assistant", "content": []}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "message_stop"},
        ],
    ),
    "amazon.titan-text-express-v1": (
        {"inputText": "hi", "textGenerationConfig": {"maxTokenCount": 9}},
        lambda text: {"results": [{"outputText": text, "completionReason": "FINISH"}]},
        lambda text: [{"outputText": text, "index": 0, "completionReason": "FINISH"}],
    ),
    "us.amazon.nova-lite-v1:0": (
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"maxTokens": 9}},
        lambda text: {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}},
        lambda text: [{"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}}],
    ),
    "meta.llama3-8b-instruct-v1:0": (
        {"prompt": "hi", "max_gen_len": 9},
        lambda text: {"generation": text, "stop_reason": "stop"},
        lambda text: [{"generation": text, "stop_reason": "stop"}],
    ),
    "cohere.command-r-v1:0": (
        {"message": "hi", "max_tokens": 9},
        lambda text: {"text": text, "finish_reason": "COMPLETE"},
        lambda text: [{"event_type": "text-generation", "text": text}, {"is_finished": True}],
    ),
}


def frame(event_type: str, payload: Any) -> bytes:
    """One message of an AWS event stream: prelude, headers, payload, and the two checksums."""
    headers = b""
    for name, value in ((":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


USAGE = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}


def answer(model: str, operation: str, text: str) -> tuple[list[bytes], str]:
    """The pieces of an answer, and their content type."""
    if operation == "converse":
        message = {"role": "assistant", "content": [{"text": text}]}
        whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE}
        return [json.dumps({**whole, "metrics": {"latencyMs": 1}}).encode()], "application/json"
    if operation == "invoke":
        return [json.dumps(MODELS[model][1](text)).encode()], "application/json"
    if operation == "converse-stream":
        frames = [
            frame("messageStart", {"role": "assistant"}),
            frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}),
            frame("messageStop", {"stopReason": "end_turn"}),
            frame("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
        ]
    else:
        frames = [
            frame("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abcdef"})
            for event in MODELS[model][2](text)
        ]
    return frames, "application/vnd.amazon.eventstream"


class Bedrock(LoopbackServer):
    """Answers ``converse``, ``invoke_model`` and their streams; ``hits`` counts, ``damaged`` spoils the frames."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0
        self.damaged = False

    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers["content-length"]))
        self.hits += 1
        _, _, model, operation = unquote(handler.path).split("/")
        pieces, kind = answer(model, operation, f"answer {self.hits}")
        if kind == "application/json":
            send(handler, 200, kind, pieces[0])
            return
        if self.damaged:
            pieces[-1] = pieces[-1][:-1] + bytes([pieces[-1][-1] ^ 1])
        start_stream(handler, kind)
        for piece in [*pieces, b""]:
            send_piece(handler, piece)


def client(url: str, **credentials: str) -> Any:
    import boto3

    return boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, **credentials)


def call(client: Any, operation: str, model: str, text: str = "hi") -> Any:
    """The result of one operation as plain JSON."""
    if operation.startswith("converse"):
        arguments: Any = {"modelId": model, "messages": [{"role": "user", "content": [{"text": text}]}]}
    else:
        arguments = {"modelId": model, "body": json.dumps(MODELS[model][0]).replace('"hi"', json.dumps(text))}
    answer = getattr(client, operation)(**arguments)
    if operation == "converse":
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    if operation == "converse_stream":
        return list(answer["stream"])
    if operation == "invoke_model":
        return json.loads(answer["body"].read())
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]


if __name__ == "__main__":
    import promptecho

    with promptecho.use_cassette(os.environ["CASSETTE"], "none", backends=["urllib3"]):
        result = call(client(sys.argv[3]), sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps(result))
