"""A model server for the demo and the tests: the wire formats of OpenAI and Anthropic, on loopback, without a model.

Its answers are made from the prompt and a counter, so two live calls never give the same answer: an equal one was
replayed.
"""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

from promptecho._cli._loopback import LoopbackServer, send, send_piece, start_stream

Json = Any


class ModelServer(LoopbackServer):
    """``with ModelServer() as server``: ``server.url`` is its address, ``server.hits`` what reached it."""

    def __init__(self) -> None:
        super().__init__()
        self.hits: list[str] = []
        self._lock = threading.Lock()

    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Count one call and answer it."""
        data = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        with self._lock:
            self.hits.append(f"{handler.command} {handler.path}")
            number = len(self.hits)
        try:
            body = json.loads(data or b"{}")
        except ValueError:
            body = {}
        self.answer(handler, handler.path.partition("?")[0], body, number)

    # --- answers ---

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Json, number: int) -> None:
        """Answer one call; a test server extends it with further providers."""
        if path.endswith("/chat/completions"):
            self._chat(handler, body, number)
        elif path.endswith("/responses"):
            self._responses(handler, body, number)
        elif path.endswith("/embeddings"):
            self._embeddings(handler, body, number)
        elif path.endswith("/messages"):
            self._messages(handler, body, number)
        else:
            self.send_json(handler, {"error": {"message": f"no such path: {path}", "type": "not_found"}}, 404)

    def send_json(self, handler: http.server.BaseHTTPRequestHandler, tree: Json, status: int = 200) -> None:
        send(handler, status, "application/json", json.dumps(tree).encode())

    def send_events(
        self, handler: http.server.BaseHTTPRequestHandler, events: list[str], content_type: str = "text/event-stream"
    ) -> None:
        """Send the events of a stream one by one."""
        start_stream(handler, content_type)
        for event in events:
            send_piece(handler, event.encode())
        send_piece(handler, b"")

    def _chat(self, handler: http.server.BaseHTTPRequestHandler, body: Json, number: int) -> None:
        text = answer_text(body.get("messages"), number)
        base = {"id": f"chatcmpl-{number}", "created": 1_700_000_000 + number, "model": body.get("model", "m")}
        usage = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
        if body.get("stream"):
            pieces: list[Json] = [{"role": "assistant", "content": ""}]
            pieces += [{"content": word + " "} for word in text.split()]
            chunks = [
                {
                    **base,
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": piece, "finish_reason": None}],
                }
                for piece in pieces
            ]
            chunks.append(
                {
                    **base,
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                }
            )
            self.send_events(handler, [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"])
            return
        message: Json = {"role": "assistant", "content": text}
        reason = "stop"
        tools = body.get("tools") or []
        if tools:
            name = tools[0].get("function", {}).get("name", "tool")
            call = {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps({"number": number})},
            }
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        self.send_json(handler, {**base, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _responses(self, handler: http.server.BaseHTTPRequestHandler, body: Json, number: int) -> None:
        text = answer_text(body.get("input"), number)
        item = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
        whole = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 1_700_000_000 + number,
            "status": "completed",
            "model": body.get("model", "m"),
            "output": [item],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 12,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 19,
            },
        }
        if not body.get("stream"):
            self.send_json(handler, whole)
            return
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        steps: list[Json] = [
            {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            {
                "type": "response.content_part.added",
                **place,
                "part": {"type": "output_text", "text": "", "annotations": []},
            },
            *(
                {"type": "response.output_text.delta", **place, "delta": word + " ", "logprobs": []}
                for word in text.split()
            ),
            {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
            {"type": "response.completed", "response": whole},
        ]
        events = [
            f"event: {step['type']}\ndata: {json.dumps({**step, 'sequence_number': index})}\n\n"
            for index, step in enumerate(steps)
        ]
        self.send_events(handler, events)

    def _embeddings(self, handler: http.server.BaseHTTPRequestHandler, body: Json, number: int) -> None:
        texts = body.get("input")
        texts = texts if isinstance(texts, list) else [texts]
        if body.get("encoding_format") == "base64":
            import base64
            import struct

            vectors: list[Json] = [
                base64.b64encode(struct.pack("<3f", number, index, 0.5)).decode() for index, _ in enumerate(texts)
            ]
        else:
            vectors = [[number, index, 0.5] for index, _ in enumerate(texts)]
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        self.send_json(handler, {"object": "list", "data": data, "model": body.get("model", "m"), "usage": usage})

    def _messages(self, handler: http.server.BaseHTTPRequestHandler, body: Json, number: int) -> None:
        text = answer_text(body.get("messages"), number)
        blocks: list[Json] = []
        if body.get("thinking", {}).get("type") == "enabled":
            blocks.append({"type": "thinking", "thinking": f"thought {number}", "signature": f"signed{number}"})
        reason = "end_turn"
        if body.get("tools"):
            tool = {
                "type": "tool_use",
                "id": f"toolu_{number}",
                "name": body["tools"][0]["name"],
                "input": {"n": number},
            }
            blocks.append(tool)
            reason = "tool_use"
        else:
            blocks.append({"type": "text", "text": text})
        message: Json = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "m"),
            "content": blocks,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 12, "output_tokens": 7},
        }
        if not body.get("stream"):
            self.send_json(handler, message)
            return
        steps: list[Json] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        ]
        for index, block in enumerate(blocks):
            steps += _anthropic_block(index, block)
        delta = {"stop_reason": reason, "stop_sequence": None}
        steps += [
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}},
            {"type": "message_stop"},
        ]
        self.send_events(handler, [f"event: {step['type']}\ndata: {json.dumps(step)}\n\n" for step in steps])


def _anthropic_block(index: int, block: Json) -> list[Json]:
    kind = block["type"]
    deltas: list[Json]
    if kind == "text":
        start: Json = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": word + " "} for word in block["text"].split()]
    elif kind == "thinking":
        start = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    else:
        start = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def answer_text(prompt: Json, number: int) -> str:
    """An answer that tells which call it is and what was asked."""
    last = prompt[-1] if isinstance(prompt, list) and prompt else prompt
    content = last.get("content", last) if isinstance(last, dict) else last
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return f"Answer {number} to: {content}"
