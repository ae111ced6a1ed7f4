"""The demo's model server, with the wire formats of further providers. Runnable: prints its address, ends with stdin."""

from __future__ import annotations

import http.server
import json
import struct
import zlib
from typing import Any
from urllib.parse import unquote

from promptecho._cli._loopback import send
from promptecho._cli._model_server import ModelServer, answer_text
from tests.backends import bedrock


def png(shade: int) -> bytes:
    """A picture of one grey pixel (https://www.w3.org/TR/png-3/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade % 256]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class ProviderServer(ModelServer):
    """Adds Gemini, Cohere v2, Ollama, Bedrock and Hugging Face; Mistral and Groq speak the OpenAI shape."""

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        if ":generateContent" in path or ":streamGenerateContent" in path:
            self._gemini(handler, path, body, number)
        elif path.endswith("/v2/chat"):
            self._cohere(handler, body, number)
        elif path.endswith("/api/chat"):
            self._ollama(handler, body, number)
        elif path.endswith("/audio/transcriptions"):
            self.send_json(handler, {"text": f"heard it {number} times"})
        elif path.endswith("/files"):
            about = {"id": f"file-{number}", "object": "file", "bytes": 9, "created_at": 1, "filename": "a.jsonl"}
            self.send_json(handler, {**about, "purpose": "batch", "status": "processed"})
        elif path.startswith("/model/"):
            _, _, model, operation = unquote(path).split("/")
            pieces, kind = bedrock.answer(model, operation, answer_text(json.dumps(body), number))
            send(handler, 200, kind, b"".join(pieces))
        elif path.startswith(("/hf/", "/api/models/")):
            self._hugging_face(handler, path, body, number)
        else:
            super().answer(handler, path, body, number)

    def _gemini(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        text = answer_text(body["contents"][-1]["parts"][0]["text"], number)

        def chunk(part: str, last: bool) -> Any:
            candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": part}]}, "index": 0}
            if last:
                candidate["finishReason"] = "STOP"
            usage = {"promptTokenCount": 5, "candidatesTokenCount": 6, "totalTokenCount": 11}
            return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-test"}

        if ":streamGenerateContent" in path:
            words = text.split()
            chunks = [chunk(word + " ", word is words[-1]) for word in words]
            self.send_events(handler, [f"data: {json.dumps(each)}\r\n\r\n" for each in chunks])
        else:
            self.send_json(handler, chunk(text, True))

    def _cohere(self, handler: http.server.BaseHTTPRequestHandler, body: Any, number: int) -> None:
        text = answer_text(body["messages"], number)
        usage = {
            "billed_units": {"input_tokens": 3, "output_tokens": 4},
            "tokens": {"input_tokens": 3, "output_tokens": 4},
        }
        if not body.get("stream"):
            message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
            self.send_json(
                handler, {"id": f"c{number}", "finish_reason": "COMPLETE", "message": message, "usage": usage}
            )
            return
        start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
        steps: list[Any] = [
            {"type": "message-start", "id": f"c{number}", "delta": start},
            {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
            *(
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": word + " "}}}}
                for word in text.split()
            ),
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
        ]
        self.send_events(handler, [f"event: {step['type']}\ndata: {json.dumps(step)}\n\n" for step in steps])

    def _ollama(self, handler: http.server.BaseHTTPRequestHandler, body: Any, number: int) -> None:
        text = answer_text(body["messages"], number)

        def line(part: str, done: bool) -> Any:
            head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": done}
            more: dict[str, Any] = {"done_reason": "stop", "eval_count": 4} if done else {}
            return {**head, "message": {"role": "assistant", "content": part}, **more}

        if body.get("stream"):
            lines = [line(word + " ", False) for word in text.split()] + [line("", True)]
            self.send_events(handler, [json.dumps(each) + "\n" for each in lines], "application/x-ndjson")
        else:
            self.send_json(handler, line(text, True))

    def _hugging_face(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        """The Inference API's tasks, and the Hub's answer to which provider serves a model."""
        if path.startswith("/api/models/"):
            served = {"status": "live", "providerId": "served-model", "task": "conversational"}
            self.send_json(handler, {"id": path[12:], "inferenceProviderMapping": {"together": served}})
        elif path.endswith("/feature-extraction"):
            self.send_json(handler, [[0.25, float(number), -1.5]])
        elif path.endswith("/text-to-image"):
            send(handler, 200, "image/png", png(number))
        elif body.get("stream"):
            words = answer_text(body["inputs"], number).split()
            tokens = [
                {"id": at, "text": f"{word} ", "logprob": -0.5, "special": False} for at, word in enumerate(words)
            ]
            events = [
                {"index": token["id"], "token": token, "generated_text": None, "details": None} for token in tokens
            ]
            self.send_events(handler, [f"data:{json.dumps(event)}\n\n" for event in events])
        else:
            self.send_json(handler, [{"generated_text": answer_text(body["inputs"], number)}])
