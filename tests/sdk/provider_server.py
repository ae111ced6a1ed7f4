"""The demo's model server, with the wire formats of further providers. Runnable: prints its address, ends with stdin."""

from __future__ import annotations

import http.server
import json
from typing import Any

from promptecho._cli._model_server import ModelServer, answer_text


class ProviderServer(ModelServer):
    """Adds Gemini, Cohere v2 and Ollama; Mistral and Groq speak the OpenAI shape."""

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        if ":generateContent" in path or ":streamGenerateContent" in path:
            self._gemini(handler, path, body, number)
        elif path.endswith("/v2/chat"):
            self._cohere(handler, body, number)
        elif path.endswith("/api/chat"):
            self._ollama(handler, body, number)
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
