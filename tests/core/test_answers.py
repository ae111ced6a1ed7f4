"""Every provider shape says the same, plain and streamed, and odd input never raises."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import promptecho
from promptecho._cassette.interaction import Interaction, read_interaction
from promptecho._matching.identity import MatchOptions
from promptecho._telling.answers import (
    Answer,
    ToolCall,
    Usage,
    read_answer,
    read_bytes,
    read_events,
    read_message,
    read_tree,
)
from tests.backends.bedrock import MODELS, frame

Json = Any
SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"
AWS = "application/vnd.amazon.eventstream"
CALL = ToolCall("weather", {"city": "Paris"}, "call_1")
ARGUMENTS = '{"city": "Paris"}'


def sse(*events: Json, done: bool = False) -> bytes:
    named = [f"event: {event['type']}\n" if "type" in event else "" for event in events]
    lines = [f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(named, events)]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def lines(*events: Json) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def chunks(*events: Json) -> bytes:
    """What InvokeModelWithResponseStream sends: the model's own JSON in base64 in a frame."""
    inner = [base64.b64encode(json.dumps(event).encode()).decode() for event in events]
    return b"".join(frame("chunk", {"bytes": each, "p": "ab"}) for each in inner)


def chat_chunk(delta: Json, reason: str | None = None, **more: Json) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-5", "choices": [choice], **more}


CHAT_USAGE = {
    "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 4},
}  # fmt: skip
CHAT = (
    {"id": "c1", "object": "chat.completion", "model": "gpt-5", "usage": CHAT_USAGE, "choices": [{
        "index": 0, "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": "Let me look.", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}]}}]},
    SSE,
    sse(
        chat_chunk({"role": "assistant", "content": ""}),
        chat_chunk({"content": "Let me "}),
        chat_chunk({"content": "look."}),
        chat_chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                                    "function": {"name": "weather", "arguments": ""}}]}),
        chat_chunk({"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[:7]}}]}),
        chat_chunk({"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[7:]}}]}),
        chat_chunk({}, "tool_calls"),
        {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-5", "choices": [], "usage": CHAT_USAGE},
        done=True,
    ),
    Answer("openai-chat", "gpt-5", "Let me look.", "", (CALL,), "tool_calls", None, Usage(20, 9, 8, 0, 4)),
)  # fmt: skip

MISTRAL_TEXT = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm, yes."}]},
    {"type": "text", "text": "Hi"},
]
MISTRAL_USAGE = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
MISTRAL = (
    {"id": "m1", "object": "chat.completion", "model": "magistral", "usage": MISTRAL_USAGE, "choices": [{
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": MISTRAL_TEXT, "tool_calls": [
            {"id": "call_1", "function": {"name": "weather", "arguments": ARGUMENTS}, "index": 0}]}}]},
    SSE,
    sse(
        chat_chunk({"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm, "}]}]}, model="magistral"),
        chat_chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "yes."}]}]}, model="magistral"),
        chat_chunk({"content": "H"}, model="magistral"),
        chat_chunk({"content": "i"}, model="magistral"),
        chat_chunk({"tool_calls": [{"id": "call_1", "function": {"name": "weather", "arguments": ARGUMENTS}, "index": 0}]},
                   "stop", model="magistral", usage=MISTRAL_USAGE),
        done=True,
    ),
    Answer("openai-chat", "magistral", "Hi", "Hmm, yes.", (CALL,), "stop", None, Usage(5, 6)),
)  # fmt: skip

REASONING_ITEM = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Think."}]}
TEXT_ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}]}  # fmt: skip
CALL_ITEM = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS,
             "status": "completed"}  # fmt: skip
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5",
    "output": [REASONING_ITEM, TEXT_ITEM, CALL_ITEM],
    "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 3},
              "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 29},
}  # fmt: skip
RESPONSE_EVENTS: list[Json] = [
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {**REASONING_ITEM, "summary": []}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Thi"},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "nk."},
    {"type": "response.output_item.added", "output_index": 1, "item": {**TEXT_ITEM, "content": []}},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Let me "},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "look."},
    {"type": "response.output_item.added", "output_index": 2, "item": {**CALL_ITEM, "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ARGUMENTS[:5]},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ARGUMENTS[5:]},
]
RESPONSES = (
    RESPONSE,
    SSE,
    sse(*RESPONSE_EVENTS, {"type": "response.completed", "response": RESPONSE}),
    Answer("openai-responses", "gpt-5", "Let me look.", "Think.", (CALL,), "completed", None, Usage(20, 9, 8, 3, 4)),
)

CLAUDE_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30,
                "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 2}}  # fmt: skip
CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-8", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "Hmm, Paris.", "signature": "s"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}},
    ],
    "usage": CLAUDE_USAGE,
}  # fmt: skip
CLAUDE_EVENTS: list[Json] = [
    {"type": "message_start", "message": {**CLAUDE, "content": [], "stop_reason": None,
                                          "usage": {**CLAUDE_USAGE, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hmm, Paris."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Let me "}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "look."}},
    {"type": "content_block_start", "index": 2,
     "content_block": {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"city": '}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '"Paris"}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]  # fmt: skip
CLAUDE_SAYS = Answer(
    "anthropic", "claude-opus-4-8", "Let me look.", "Hmm, Paris.", (CALL,), "tool_use", None, Usage(142, 7, 100, 30, 2)
)
ANTHROPIC = (CLAUDE, SSE, sse(*CLAUDE_EVENTS), CLAUDE_SAYS)
CLAUDE_ON_BEDROCK = (CLAUDE, AWS, chunks(*CLAUDE_EVENTS), CLAUDE_SAYS)

METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4}}
CLAUDE_2 = (
    {"type": "completion", "completion": " Hi you", "stop_reason": "stop_sequence", "model": "claude-2.1", **METRICS},
    AWS,
    chunks(
        {"type": "completion", "completion": " Hi ", "stop_reason": None, "model": "claude-2.1"},
        {"type": "completion", "completion": "you", "stop_reason": "stop_sequence", **METRICS},
    ),
    Answer("anthropic", "claude-2.1", " Hi you", finish_reason="stop_sequence", usage=Usage(3, 4)),
)

GEMINI_USAGE = {"promptTokenCount": 20, "cachedContentTokenCount": 8, "candidatesTokenCount": 6,
                "thoughtsTokenCount": 4, "totalTokenCount": 30}  # fmt: skip


def gemini_chunk(*parts: Json, **candidate: Json) -> Json:
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **candidate}],
        "usageMetadata": {"promptTokenCount": 20},
        "modelVersion": "gemini-2.5-pro",
    }


GEMINI_CALL = {"functionCall": {"name": "weather", "args": {"city": "Paris"}, "id": "call_1"}}
GEMINI_PARTS = ({"text": "Hmm, Paris.", "thought": True}, {"text": "Let me look."}, GEMINI_CALL)
GEMINI_CHUNKS = [
    gemini_chunk({"text": "Hmm, ", "thought": True}),
    gemini_chunk({"text": "Paris.", "thought": True}, {"text": "Let me "}),
    gemini_chunk({"text": "look."}),
    {**gemini_chunk(GEMINI_CALL, finishReason="STOP"), "usageMetadata": GEMINI_USAGE},
]
GEMINI_SAYS = Answer(
    "gemini", "gemini-2.5-pro", "Let me look.", "Hmm, Paris.", (CALL,), "STOP", None, Usage(20, 10, 8, 0, 4)
)
GEMINI_WHOLE = {**gemini_chunk(*GEMINI_PARTS, finishReason="STOP"), "usageMetadata": GEMINI_USAGE}
GEMINI = (GEMINI_WHOLE, SSE, sse(*GEMINI_CHUNKS), GEMINI_SAYS)
GEMINI_ARRAY = (GEMINI_WHOLE, JSON, json.dumps(GEMINI_CHUNKS, indent=1).encode(), GEMINI_SAYS)

CONVERSE_USAGE = {"inputTokens": 12, "outputTokens": 7, "totalTokens": 149, "cacheReadInputTokens": 100,
                  "cacheWriteInputTokens": 30}  # fmt: skip
CONVERSE = (
    {"output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Hmm.", "signature": "s"}}},
        {"text": "Let me look."},
        {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Paris"}}}]}},
     "stopReason": "tool_use", "usage": CONVERSE_USAGE, "metrics": {"latencyMs": 1}},
    AWS,
    b"".join([
        frame("messageStart", {"role": "assistant"}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "m."}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Let me "}}),
        frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "look."}}),
        frame("contentBlockStop", {"contentBlockIndex": 1}),
        frame("contentBlockStart", {"contentBlockIndex": 2,
                                    "start": {"toolUse": {"toolUseId": "call_1", "name": "weather"}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city": '}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"Paris"}'}}}),
        frame("messageStop", {"stopReason": "tool_use"}),
        frame("metadata", {"usage": CONVERSE_USAGE, "metrics": {"latencyMs": 1}}),
    ]),
    Answer("bedrock", "", "Let me look.", "Hmm.", (CALL,), "tool_use", None, Usage(142, 7, 100, 30)),
)  # fmt: skip

LLAMA = (
    {"generation": "Hi you", "prompt_token_count": 3, "generation_token_count": 4, "stop_reason": "stop"},
    AWS,
    chunks(
        {"generation": "Hi ", "prompt_token_count": 3, "generation_token_count": 1, "stop_reason": None},
        {"generation": "you", "prompt_token_count": None, "generation_token_count": 4, "stop_reason": "stop"},
    ),
    Answer("bedrock", text="Hi you", finish_reason="stop", usage=Usage(3, 4)),
)
TITAN = (
    {"inputTextTokenCount": 3, "results": [{"tokenCount": 4, "outputText": "Hi you", "completionReason": "FINISH"}]},
    AWS,
    chunks(
        {"outputText": "Hi ", "index": 0, "completionReason": None, "inputTextTokenCount": 3},
        {"outputText": "you", "index": 0, "completionReason": "FINISH", "totalOutputTextTokenCount": 4, **METRICS},
    ),
    Answer("bedrock", text="Hi you", finish_reason="FINISH", usage=Usage(3, 4)),
)
NOVA = (
    {"output": {"message": {"role": "assistant", "content": [{"text": "Hi you"}]}}, "stopReason": "end_turn",
     "usage": {"inputTokens": 3, "outputTokens": 4}},
    AWS,
    chunks(
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hi "}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "you"}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 4}}, **METRICS},
    ),
    Answer("bedrock", text="Hi you", finish_reason="end_turn", usage=Usage(3, 4)),
)  # fmt: skip

COHERE_USAGE = {"billed_units": {"input_tokens": 3.0, "output_tokens": 4.0},
                "tokens": {"input_tokens": 20.0, "output_tokens": 9.0}, "cached_tokens": 8.0}  # fmt: skip
COHERE = (
    {"id": "c1", "finish_reason": "TOOL_CALL", "usage": COHERE_USAGE, "message": {
        "role": "assistant", "tool_plan": "I will look.", "content": [{"type": "text", "text": "Let me look."}],
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}]}},
    SSE,
    sse(
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will "}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "look."}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Let me "}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "look."}}}},
        {"type": "content-end", "index": 0},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {
            "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}}}},
        {"type": "tool-call-delta", "index": 0,
         "delta": {"message": {"tool_calls": {"function": {"arguments": ARGUMENTS}}}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": COHERE_USAGE}},
    ),
    Answer("cohere", "", "Let me look.", "I will look.", (CALL,), "TOOL_CALL", None, Usage(20, 9, 8)),
)  # fmt: skip
COHERE_1 = (
    {"text": "Hi you", "generation_id": "g", "finish_reason": "COMPLETE",
     "meta": {"tokens": {"input_tokens": 3, "output_tokens": 4}}},
    "application/stream+json",
    lines(
        {"is_finished": False, "event_type": "stream-start", "generation_id": "g"},
        {"is_finished": False, "event_type": "text-generation", "text": "Hi "},
        {"is_finished": False, "event_type": "text-generation", "text": "you"},
        {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE", "response": {
            "text": "Hi you", "meta": {"tokens": {"input_tokens": 3, "output_tokens": 4}}}},
    ),
    Answer("cohere", text="Hi you", finish_reason="COMPLETE", usage=Usage(3, 4)),
)  # fmt: skip

OLLAMA_CALL = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
OLLAMA_END = {"model": "llama3.2", "done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 9}
OLLAMA = (
    {**OLLAMA_END, "message": {"role": "assistant", "content": "Let me look.", "thinking": "Hmm.",
                               "tool_calls": [OLLAMA_CALL]}},
    NDJSON,
    lines(
        {"model": "llama3.2", "done": False, "message": {"role": "assistant", "content": "", "thinking": "Hm"}},
        {"model": "llama3.2", "done": False, "message": {"role": "assistant", "content": "", "thinking": "m."}},
        {"model": "llama3.2", "done": False, "message": {"role": "assistant", "content": "Let me "}},
        {"model": "llama3.2", "done": False, "message": {"role": "assistant", "content": "look."}},
        {"model": "llama3.2", "done": False,
         "message": {"role": "assistant", "content": "", "tool_calls": [OLLAMA_CALL]}},
        {**OLLAMA_END, "message": {"role": "assistant", "content": ""}},
    ),
    Answer("ollama", "llama3.2", "Let me look.", "Hmm.", (replace(CALL, id=""),), "stop", None, Usage(20, 9)),
)  # fmt: skip
OLLAMA_GENERATE = (
    {**OLLAMA_END, "response": "Hi you"},
    NDJSON,
    lines({"model": "llama3.2", "response": "Hi ", "done": False}, {**OLLAMA_END, "response": "you"}),
    Answer("ollama", "llama3.2", "Hi you", finish_reason="stop", usage=Usage(20, 9)),
)

TGI_DETAILS = {"finish_reason": "eos_token", "generated_tokens": 2, "input_length": 5}
TGI = (
    [{"generated_text": "Hi you", "details": TGI_DETAILS}],
    SSE,
    sse(
        {"index": 1, "token": {"id": 1, "text": "Hi", "special": False}, "generated_text": None, "details": None},
        {"index": 2, "token": {"id": 2, "text": " you", "special": False}, "generated_text": None, "details": None},
        {"index": 3, "token": {"id": 3, "text": "</s>", "special": True}, "generated_text": None,
         "details": TGI_DETAILS},
    ),
    Answer("huggingface", text="Hi you", finish_reason="eos_token", usage=Usage(5, 2)),
)  # fmt: skip
COMPLETIONS = (
    {"object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "Hi you", "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
    SSE,
    sse(
        {"object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "Hi ", "finish_reason": None}]},
        {"object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "you", "finish_reason": "stop"}],
         "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
        done=True,
    ),
    Answer("openai-chat", "m", "Hi you", finish_reason="stop", usage=Usage(3, 4)),
)  # fmt: skip

SHAPES = {
    "openai-chat": CHAT, "mistral": MISTRAL, "openai-responses": RESPONSES, "anthropic": ANTHROPIC, "bedrock-claude-2": CLAUDE_2,
    "bedrock-claude": CLAUDE_ON_BEDROCK, "gemini": GEMINI, "gemini-array": GEMINI_ARRAY, "bedrock-converse": CONVERSE,
    "bedrock-llama": LLAMA, "bedrock-titan": TITAN, "bedrock-nova": NOVA, "cohere": COHERE, "cohere-v1": COHERE_1,
    "ollama": OLLAMA, "ollama-generate": OLLAMA_GENERATE, "tgi": TGI, "completions": COMPLETIONS,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plain_answer_and_a_streamed_one_say_the_same(shape: str) -> None:
    plain, content_type, streamed, expected = SHAPES[shape]
    assert read_bytes(json.dumps(plain).encode(), JSON) == expected
    assert read_bytes(streamed, content_type) == expected
    assert read_tree(plain) == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_that_was_cut_off_says_what_had_come(shape: str) -> None:
    _, content_type, streamed, whole = SHAPES[shape]
    for size in range(0, len(streamed), 37):
        answer = read_bytes(streamed[:size], content_type)
        if answer is not None and content_type != JSON:
            assert whole.text.startswith(answer.text)
            assert whole.thinking.startswith(answer.thinking)


def test_a_response_stream_without_its_last_event_is_put_together_from_its_deltas() -> None:
    answer = read_bytes(sse(*RESPONSE_EVENTS), SSE)
    assert answer is not None
    assert (answer.text, answer.thinking, answer.tool_calls) == ("Let me look.", "Think.", (CALL,))


def test_further_choices_are_alternatives() -> None:
    body = {"choices": [{"index": n, "message": {"content": f"choice {n}"}, "finish_reason": "stop"} for n in range(3)]}
    answer = read_tree(body)
    assert answer is not None
    assert [answer.text, *(each.text for each in answer.alternatives)] == ["choice 0", "choice 1", "choice 2"]


def test_a_refusal_is_told_apart_from_the_text() -> None:
    chat = read_tree({"choices": [{"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}]})
    claude = read_tree(
        {"type": "message", "content": [], "stop_reason": "refusal", "stop_details": {"category": "bio"}}
    )
    gemini = read_tree({"promptFeedback": {"blockReason": "SAFETY"}})
    answers = [(answer.text, answer.refusal) for answer in (chat, claude, gemini) if answer]
    assert answers == [("", "I can't."), ("", "bio"), ("", "SAFETY")]


def test_reasoning_that_a_provider_counts_beside_the_output_is_counted_in() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
             "completion_tokens_details": {"reasoning_tokens": 100}}  # fmt: skip
    answer = read_tree({"choices": [], "usage": usage})
    assert answer is not None
    assert answer.usage == Usage(10, 105, reasoning_tokens=100)


def test_json_in_the_text_is_structured() -> None:
    answer = read_tree({"choices": [{"message": {"content": ' {"n": 42}\n'}}]})
    assert answer is not None
    assert answer.structured == {"n": 42}


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"embedding": [0.5]}], "object": "list", "usage": {"prompt_tokens": 3, "total_tokens": 3}},
        {"embedding": [0.5], "inputTextTokenCount": 3},
        {"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 3}}},
        {"embeddings": [[0.5]], "prompt_eval_count": 3, "model": "nomic"},
    ],
)
def test_an_embedding_has_usage_and_no_text(body: Json) -> None:
    answer = read_tree(body)
    assert answer is not None
    assert (answer.text, answer.usage) == ("", Usage(3, 0))


@pytest.mark.parametrize(
    ("status", "content_type", "body", "message"),
    [
        (429, JSON, {"error": {"message": "slow down", "type": "rate_limit"}}, "slow down"),
        (401, JSON, {"type": "error", "error": {"type": "authentication_error", "message": "no key"}}, "no key"),
        (400, JSON, [{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}], "bad"),
        (400, JSON, {"message": "model is wrong"}, "model is wrong"),
        (404, JSON, {"error": "model 'x' not found"}, "model 'x' not found"),
        (422, JSON, {"detail": [{"loc": ["body"]}]}, '[{"loc": ["body"]}]'),
        (502, "text/html", "<html>", '"<html>"'),
        (500, JSON, None, "null"),
    ],
)
def test_an_error_gives_its_message(status: int, content_type: str, body: Json, message: str) -> None:
    answer = read_bytes(json.dumps(body).encode(), content_type, status=status)
    assert answer is not None
    assert answer.error == message


def test_an_error_in_the_middle_of_a_stream_stands_beside_what_had_come() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    answer = read_bytes(sse(*CLAUDE_EVENTS[:8], overloaded), SSE)
    assert answer is not None
    assert (answer.text, answer.error) == ("Let me ", "Overloaded")


def test_pictures_and_sounds_are_notes() -> None:
    data = base64.b64encode(bytes(12 * 1024)).decode()
    gemini = read_tree(gemini_chunk({"inlineData": {"mimeType": "image/png", "data": data}}))
    images = read_tree({"created": 1, "data": [{"b64_json": data}]})
    speech = read_bytes(bytes(2000), "audio/mpeg")
    item = {"type": "image_generation_call", "id": "ig_1", "result": data, "output_format": "webp"}
    drawn = read_tree({**RESPONSE, "output": [item]})
    notes = [answer.attachments for answer in (gemini, images, speech, drawn) if answer]
    assert notes == [("image/png, 12 KB",), ("image/png, 12 KB",), ("audio/mpeg, 2 KB",), ("image/webp, 12 KB",)]


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ({"role": "user", "content": "hi"}, ["text"]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
         ["attachment"]),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test/a.png"}]}, ["attachment"]),
        ({"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]},
         ["attachment"]),
        ({"role": "user", "content": [{"document": {"format": "pdf", "source": {"bytes": "AAAA"}}}]}, ["attachment"]),
        ({"role": "user", "content": "what is it?", "images": ["AAAA"]}, ["text", "attachment"]),
        ({"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"}, ["tool_result"]),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "18"}]},
         ["tool_result"]),
        ({"role": "user", "content": [{"functionResponse": {"name": "weather", "response": {"t": 18}}}]},
         ["tool_result"]),
        ({"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"json": {"t": 18}}]}}]},
         ["tool_result"]),
        ({"type": "function_call_output", "call_id": "call_1", "output": "18"}, ["tool_result"]),
        ({"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS}, ["tool_call"]),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "s"},
                                           {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}]},
         ["thinking", "tool_call"]),
        ({"role": "assistant", "content": None, "refusal": "no"}, ["refusal"]),
        ({"role": "user", "content": [{"type": "something_new", "x": 1}]}, ["other"]),
    ],
)  # fmt: skip
def test_the_messages_of_a_request_are_pieces(message: Json, kinds: list[str]) -> None:
    assert [piece.kind for piece in read_message(message)] == kinds


@pytest.mark.parametrize("model", MODELS)
def test_bedrock_names_the_model_in_the_path_and_the_tokens_in_headers(model: str) -> None:
    tree = {
        "request": {"method": "POST", "url": f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{model}/invoke",
                    "body": MODELS[model][0]},
        "response": {"status": 200, "body": MODELS[model][1]("Hi you"),
                     "headers": {"content-type": JSON, "x-amzn-bedrock-input-token-count": "3",
                                 "x-amzn-bedrock-output-token-count": "4"}},
    }  # fmt: skip
    answer = read_answer(interaction(tree))
    assert answer is not None
    assert (answer.provider, answer.model, answer.text, answer.usage) == ("bedrock", model, "Hi you", Usage(3, 4))


def test_what_is_no_answer_of_a_model_is_none() -> None:
    for body in ({}, [], {"ok": True}, "text", 5, None, {"object": "list", "data": [{"id": "gpt-5"}]}):
        assert read_tree(body) is None


def interaction(tree: Json) -> Interaction:
    return read_interaction(tree, Path("a.yaml"), 0, MatchOptions())


def test_the_recordings_of_the_example_are_read(tmp_path: Path) -> None:
    cassette = promptecho.Cassette.load(Path(__file__).parents[2] / "examples" / "cassettes" / "weather_agent.yaml")
    first, second = (read_answer(each) for each in cassette.interactions)
    assert first is not None
    assert second is not None
    assert first.tool_calls == (ToolCall("weather", {"city": "Paris"}, "call_w1"),)
    assert (second.text, second.finish_reason, second.usage) == (
        "It is 18 degrees and dry in Paris.", "stop", Usage(20, 9))  # fmt: skip


# Trees that look like answers: the names that the readers look for, with anything at all in their places.
NAMES = st.sampled_from(
    ["choices", "message", "delta", "content", "text", "tool_calls", "function", "arguments", "name", "id", "index",
     "type", "usage", "prompt_tokens", "completion_tokens_details", "output", "object", "status", "item", "response",
     "output_index", "content_index", "summary", "candidates", "parts", "usageMetadata", "promptTokenCount",
     "functionCall", "inlineData", "data", "stop_reason", "content_block", "thinking", "input", "partial_json",
     "contentBlockDelta", "contentBlockStart", "contentBlockIndex", "messageStop", "metadata", "toolUse", "start",
     "reasoningContent", "reasoningText", "image", "source", "bytes", "done", "embeddings", "error", "tokens", "meta",
     "token", "generated_text", "details", "generation", "results", "outputText", "images", "audio", "event_type",
     "is_finished", "inputTokens", "input_tokens", "summary_index", "refusal", "role", "finish_reason"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["message", "text", "response", "tool_use", "thinking", "reasoning", "image", "function_call", "message_start",
     "content_block_start", "content_block_delta", "message_delta", "text_delta", "input_json_delta", "tool",
     "response.output_text.delta", "response.output_item.added", "response.function_call_arguments.delta",
     "response.reasoning_summary_text.delta", "response.completed", "content-delta", "content-start", "message-end",
     "tool-call-start", "tool-call-delta", "data:image/png;base64,AA", "https://x.test/", "", "\ud800", "{", "assistant"]
)  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=5))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=30,
)


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_no_tree_makes_a_reader_raise(tree: Json) -> None:
    read_tree(tree)
    read_message(tree)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.dictionaries(NAMES, TREES, max_size=5), max_size=6))
def test_no_stream_of_events_makes_a_reader_raise(events: list[Json]) -> None:
    read_events(events)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([SSE, NDJSON, JSON, AWS, "", "text/html"]), st.integers(100, 599))
def test_no_bytes_make_a_reader_raise(data: bytes, content_type: str, status: int) -> None:
    read_bytes(data, content_type, status=status)
    read_bytes(b"data: " + data + b"\n\n", content_type)


def test_a_stream_of_openai_assistants_has_its_text_and_its_tokens() -> None:
    run = {"id": "run_1", "object": "thread.run", "model": "gpt-4o", "status": "in_progress", "usage": None}
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    events = [
        ("thread.run.created", run),
        ("thread.message.created", {"id": "msg_1", "object": "thread.message", "content": []}),
        *(
            ("thread.message.delta", {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [
                {"index": 0, "type": "text", "text": {"value": word}}]}})
            for word in ("Hello", " there")
        ),
        ("thread.message.completed", {"id": "msg_1", "object": "thread.message", "status": "completed", "content": [
            {"type": "text", "text": {"value": "Hello there", "annotations": []}}]}),
        ("thread.run.completed", {**run, "status": "completed", "usage": usage}),
    ]  # fmt: skip
    data = (
        "".join(f"event: {name}\ndata: {json.dumps(tree)}\n\n" for name, tree in events)
        + "event: done\ndata: [DONE]\n\n"
    )
    for cut in (len(data), data.index("event: thread.message.completed")):
        answer = read_bytes(data[:cut].encode(), "text/event-stream")
        assert answer is not None
        assert (answer.provider, answer.model, answer.text) == ("openai-assistants", "gpt-4o", "Hello there")
    assert read_bytes(data.encode(), "text/event-stream").usage == Usage(20, 5)  # type: ignore[union-attr]
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    waiting = {**run, "status": "requires_action", "required_action": {"submit_tool_outputs": {"tool_calls": [call]}}}
    answer = read_bytes(json.dumps(waiting).encode(), "application/json")
    assert answer is not None
    assert [(each.name, each.arguments) for each in answer.tool_calls] == [("f", {"a": 1})]
