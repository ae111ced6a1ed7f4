"""What is asked and what is answered: made from numbers, so that every run and every contender has the same.

Only the standard library is used: the server and the workers of all environments import this.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

KB = 1000
EVENTS = 500  # of a stream
MODEL = "gpt-5"
BEDROCK_MODEL = "us.amazon.nova-lite-v1:0"
WORDS = tuple(
    word
    for line in (
        "the report of a small town on a river says that its mill bakery bridge school and harbour were built again",
        "after each flood by people who knew what water does with wood stone iron and clay so they kept records and",
        "letters maps prices for every winter spring summer autumn and wrote down which plan had failed why and who",
    )
    for word in line.split()
)
ANSWER_CHARACTERS = 1250
_QUESTION = re.compile(rb"Question (\d+)")
_ANSWER_POOL = " ".join(random.Random(0).choices(WORDS, k=2000))


def prompt(number: int, size: int = KB) -> str:
    """A text of some size in lines, different for each number."""
    words = random.Random(number).choices(WORDS, k=size // 3)
    lines = [" ".join(words[start : start + 14]) for start in range(0, len(words), 14)]
    return (f"Question {number}: " + "\n".join(lines))[:size]


def payload(number: int, size: int = KB, *, stream: bool = False) -> dict[str, Any]:
    """The body of a chat request."""
    body: dict[str, Any] = {"model": MODEL, "messages": turns(prompt(number, size)), "temperature": 0.2}
    if stream:
        body["stream"] = True
    return body


def turns(*texts: str) -> list[dict[str, str]]:
    """A conversation that begins with a system message; user and assistant take turns."""
    roles = ["user", "assistant"]
    said = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return [{"role": "system", "content": "You answer questions about a report, in plain words."}, *said]


def unknown(number: int, size: int, variant: int) -> dict[str, Any]:
    """A request like that of a number, with another last line: nothing was recorded for it."""
    body = payload(number, size)
    lines = body["messages"][1]["content"].split("\n")
    body["messages"][1]["content"] = "\n".join([*lines[:-1], f"and this line was changed for the {variant}th time"])
    return body


def number_of(body: bytes) -> int:
    """The number of the question that a request body asks last."""
    found = _QUESTION.findall(body)
    return int(found[-1]) if found else 0


def answer_text(number: int) -> str:
    start = number * 53 % (len(_ANSWER_POOL) - ANSWER_CHARACTERS)
    return f"Answer {number}: " + _ANSWER_POOL[start : start + ANSWER_CHARACTERS]


def chat_answer(number: int) -> bytes:
    usage = {"prompt_tokens": 212, "completion_tokens": 240, "total_tokens": 452}
    message: dict[str, Any] = {"role": "assistant", "content": answer_text(number), "refusal": None, "annotations": []}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1790000000, "model": MODEL}
    return json.dumps({**head, "choices": choices, "usage": usage, "service_tier": "default"}).encode()


def bedrock_answer(number: int) -> bytes:
    message = {"role": "assistant", "content": [{"text": answer_text(number)}]}
    usage = {"inputTokens": 212, "outputTokens": 240, "totalTokens": 452}
    whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    return json.dumps(whole).encode()


def stream_events(number: int) -> list[bytes]:
    """A streamed chat answer: one event for each word, and the end."""
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1790000000, "model": MODEL}
    words = ["Answer ", f"{number}: ", *(word + " " for word in _ANSWER_POOL.split()[: EVENTS - 3])]
    events = []
    for word in words:
        choice = {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
        events.append(b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n")
    return [*events, b"data: [DONE]\n\n"]


def response_headers(kind: str, number: int = 0) -> list[tuple[str, str]]:
    """The fields that a provider sends, without those of the framing."""
    return [
        ("date", "Tue, 24 Nov 2026 20:10:38 GMT"),
        ("content-type", kind),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", "412"),
        ("x-request-id", f"req_{number:032x}"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("server", "loopback"),
    ]


def answer(path: str, body: bytes) -> tuple[list[tuple[str, str]], list[bytes]]:
    """Headers and chunks of the answer to a request; several chunks are a stream."""
    number = number_of(body)
    if b'"stream": true' in body or b'"stream":true' in body:
        return response_headers("text/event-stream", number), stream_events(number)
    data = bedrock_answer(number) if path.startswith("/model/") else chat_answer(number)
    return response_headers("application/json", number), [data]
