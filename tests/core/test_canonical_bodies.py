"""Request bodies and the canonical body of each, spelled out: what is brought to one form, and what is left as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promptecho._matching.identity import MatchOptions, identify, identify_recorded
from promptecho._models import Headers, Request

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
CLAUDE = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"
CONVERSE = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"
INVOKE = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/invoke"
COHERE = "https://api.cohere.com/v1/chat"
OLLAMA = "http://localhost:11434/api/chat"
GENERATE = "http://localhost:11434/api/generate"

HI: Any = {"role": "user", "content": "hi"}
CACHE: Any = {"cache_control": {"type": "ephemeral"}}


def text(value: Any, **more: Any) -> Any:
    return {"type": "text", "text": value, **more}


def messages(*each: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(each), **more}


def user(content: Any, **more: Any) -> Any:
    return {"role": "user", "content": content, **more}


def calls(*identifiers: str) -> list[Any]:
    """Turns of a chat that have the ids of tool calls at each place where they may be."""
    one, two = identifiers
    return [
        HI,
        {"role": "assistant", "id": "msg_9", "tool_calls": [
            {"type": "function", "id": two, "function": {"id": "kept", "name": "f"}},
            {"type": "function", "id": one}, {"type": "other", "id": "kept"}, {"id": "kept"}]},
        {"role": "tool", "tool_call_id": one, "content": "1"},
        user([{"type": "tool_result", "tool_use_id": two, "content": [text("2"), text("3")]}, {"type": "tool_use", "id": one}]),
        {"type": "function_call_output", "call_id": one, "output": {"call_id": "kept"}},
        {"tool_call_id": 7},
    ]  # fmt: skip


CANONICAL: list[tuple[str, Any, Any]] = [
    # contents
    (CHAT, messages(user([text("hi")])), messages(HI)),
    (CHAT, messages(user([text("hi", **CACHE)])), messages(HI)),
    (CHAT, messages(user([text("hi", annotations=[])])), messages(user([text("hi", annotations=[])]))),
    (CHAT, messages(user([text("a"), text("b")])), messages(user([text("a"), text("b")]))),
    (CHAT, messages(user([text(5)])), messages(user([text(5)]))),
    (CHAT, messages(user(["hi"])), messages(user(["hi"]))),
    (CHAT, messages(user([{"text": "hi"}])), messages(user([{"text": "hi"}]))),
    (CHAT, messages(user([{"type": "image", "text": "hi"}])), messages(user([{"type": "image", "text": "hi"}]))),
    (CHAT, messages(user([])), messages(user([]))),
    (CHAT, messages(user({"type": "text", "text": "hi"})), messages(user({"type": "text", "text": "hi"}))),
    (CHAT, messages("hi", {**HI, **CACHE}), messages("hi", HI)),
    (CHAT, messages({"role": "user"}), messages({"role": "user"})),
    (RESPONSES, {"input": [user([{"type": "input_text", "text": "hi"}])]}, messages(HI)),
    (RESPONSES, {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}]},
     messages({"role": "assistant", "content": "hi"})),
    (RESPONSES, {"input": [user([{"type": "input_text", "text": 5}])]}, messages(user([{"type": "input_text", "text": 5}]))),
    (CLAUDE, messages(user([{"type": "tool_result", "content": [text("a", **CACHE)]}])),
     messages(user([{"type": "tool_result", "content": "a"}]))),
    (CLAUDE, messages(user([{"type": "tool_result", "content": "a"}])), messages(user([{"type": "tool_result", "content": "a"}]))),
    (CLAUDE, messages(user([{"type": "document", "content": [text("a")]}])),
     messages(user([{"type": "document", "content": [text("a")]}]))),
    # the system prompt
    (CHAT, messages({"role": "system", "content": "s"}, HI), messages(HI, system="s")),
    (CHAT, messages({"role": "developer", "content": [text("s")]}, HI), messages(HI, system="s")),
    (CHAT, messages({"role": "system", "content": "s", "name": "n"}, HI), messages({"role": "system", "content": "s", "name": "n"}, HI)),
    (CHAT, messages(HI, {"role": "system", "content": "s"}), messages(HI, {"role": "system", "content": "s"})),
    (CHAT, messages({"role": "system", "content": "s"}, HI, system="t"), messages({"role": "system", "content": "s"}, HI, system="t")),
    (CHAT, messages({"role": "system"}, HI), messages({"role": "system"}, HI)),
    (CHAT, messages("system", HI), messages("system", HI)),
    (CHAT, messages({"role": "system", "content": "s"}), messages(system="s")),
    (CHAT, messages(), messages()),
    (CHAT, messages(HI, system=[text("s")]), messages(HI, system="s")),
    (CLAUDE, messages(HI, system=[text("s", **CACHE)], **CACHE), messages(HI, system="s")),
    (CLAUDE, messages({"role": "system", "content": "s"}, HI), messages({"role": "system", "content": "s"}, HI)),
    # ids of tool calls
    (CHAT, messages(*calls("toolu_x", "toolu_y")), messages(
        HI,
        {"role": "assistant", "id": "msg_9", "tool_calls": [
            {"type": "function", "id": "call_1", "function": {"id": "kept", "name": "f"}},
            {"type": "function", "id": "call_2"}, {"type": "other", "id": "kept"}, {"id": "kept"}]},
        {"role": "tool", "tool_call_id": "call_2", "content": "1"},
        user([{"type": "tool_result", "tool_use_id": "call_1", "content": [text("2"), text("3")]}, {"type": "tool_use", "id": "call_2"}]),
        {"type": "function_call_output", "call_id": "call_2", "output": {"call_id": "kept"}},
        {"tool_call_id": 7})),
    (CHAT, messages("x", user(["y", {"type": "tool_use", "id": "a"}])), messages("x", user(["y", {"type": "tool_use", "id": "call_1"}]))),
    *((CLAUDE, messages({"content": [{"type": kind, "id": "a"}]}), messages({"content": [{"type": kind, "id": "call_1"}]}))
      for kind in ("tool_use", "server_tool_use", "function", "function_call", "custom", "custom_tool_call", "tool_call")),
    # tools
    (CHAT, messages(HI, tools=[{"type": "function", "function": {"name": "f", "strict": True}, **CACHE}]),
     messages(HI, tools=[{"name": "f", "strict": True}])),
    (CHAT, messages(HI, tools=[{"type": "function", "function": {"name": "f"}, "name": "g"}]),
     messages(HI, tools=[{"function": {"name": "f"}, "name": "g"}])),
    (CHAT, messages(HI, tools=[{"type": "x", "function": {"name": "f"}}]), messages(HI, tools=[{"type": "x", "function": {"name": "f"}}])),
    (CHAT, messages(HI, tools=[{"type": "function", "function": "f"}]), messages(HI, tools=[{"type": "function", "function": "f"}])),
    (CHAT, messages(HI, tools=[{"type": "custom", "name": "f"}]), messages(HI, tools=[{"type": "custom", "name": "f"}])),
    (CLAUDE, messages(HI, tools=[{"type": "custom", "name": "f", "input_schema": {}}]), messages(HI, tools=[{"name": "f", "parameters": {}}])),
    (CHAT, messages(HI, tools=[{"type": "custom", "name": "f", "format": "g"}]), messages(HI, tools=[{"type": "custom", "name": "f", "format": "g"}])),
    (CHAT, messages(HI, tools=[{"type": "web_search", "name": "f"}]), messages(HI, tools=[{"type": "web_search", "name": "f"}])),
    (CLAUDE, messages(HI, tools=[{"name": "f", "input_schema": {"a": 1}}]), messages(HI, tools=[{"name": "f", "parameters": {"a": 1}}])),
    (CLAUDE, messages(HI, tools=[{"name": "f", "input_schema": 1, "parameters": 2}]), messages(HI, tools=[{"name": "f", "input_schema": 1, "parameters": 2}])),
    (CHAT, messages(HI, tools=[{"name": "b"}, "a", {"name": "a"}]), messages(HI, tools=["a", {"name": "a"}, {"name": "b"}])),
    (CHAT, messages(HI, tools=[{"b": 1, "a": 2}, {"a": 1, "b": 2}]), messages(HI, tools=[{"a": 1, "b": 2}, {"a": 2, "b": 1}])),
    (CHAT, messages(HI, tools=[{"a": 2}, {"b": 1, "a": 1}]), messages(HI, tools=[{"a": 1, "b": 1}, {"a": 2}])),
    (CHAT, messages(HI, tools=[{"type": "function", "function": {"type": "function", "name": "f"}}]), messages(HI, tools=[{"name": "f"}])),
    (CHAT, messages(HI, tools={"b": 1}), messages(HI, tools={"b": 1})),
    # structured output
    (CHAT, messages(HI, response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
     messages(HI, response_format={"type": "json_schema", "name": "n", "schema": {}})),
    *((CHAT, messages(HI, response_format=given), messages(HI, response_format=given))
      for given in ({"type": "json_schema", "json_schema": {"type": "x"}}, {"type": "json_schema", "json_schema": "x"},
                    {"type": "json_schema", "json_schema": {"a": 1}, "b": 2}, {"type": "x", "json_schema": {"a": 1}},
                    {"type": "json_object"}, "json")),
    (CLAUDE, messages(HI, output_config={"format": {"a": 1}}), messages(HI, response_format={"a": 1})),
    (CLAUDE, messages(HI, output_config={"format": {"a": 1}, "effort": "high"}),
     messages(HI, output_config={"effort": "high"}, response_format={"a": 1})),
    (CLAUDE, messages(HI, output_config={"format": {"a": 1}}, response_format="r"), messages(HI, output_config={"format": {"a": 1}}, response_format="r")),
    (CLAUDE, messages(HI, output_config={"effort": "low"}), messages(HI, output_config={"effort": "low"})),
    (CLAUDE, messages(HI, output_config="format"), messages(HI, output_config="format")),
    (CLAUDE, messages(HI, output_format={"a": 1}), messages(HI, response_format={"a": 1})),
    (CLAUDE, messages(HI, output_format={"a": 1}, response_format="r"), messages(HI, output_format={"a": 1}, response_format="r")),
    # OpenAI
    (CHAT, messages(HI, max_completion_tokens=5), messages(HI, max_tokens=5)),
    (CHAT, messages(HI, max_completion_tokens=5, max_tokens=6), messages(HI, max_completion_tokens=5, max_tokens=6)),
    (RESPONSES, {"input": "hi", "instructions": "s", "max_output_tokens": 5}, messages(HI, system="s", max_tokens=5)),
    (RESPONSES, {"input": "hi", "instructions": "s", "system": "t"}, messages(HI, instructions="s", system="t")),
    (RESPONSES, {"input": "hi", "instructions": ["s"]}, messages(HI, instructions=["s"])),
    (RESPONSES, {"input": "hi", "max_output_tokens": 5, "max_tokens": 6}, messages(HI, max_output_tokens=5, max_tokens=6)),
    (RESPONSES, {"input": {"a": 1}}, {"input": {"a": 1}}),
    (RESPONSES, {"input": "a", "messages": [HI]}, messages(HI, input="a")),
    (RESPONSES, {"messages": "a", "prompt": 1}, {"messages": "a", "prompt": 1}),
    (RESPONSES, {"input": [{"type": "message", **HI}]}, messages(HI)),
    (RESPONSES, {"messages": [{"type": "message", **HI}]}, messages(HI)),
    (RESPONSES, {"input": [{"type": "message", "id": "m", **HI}]}, messages({"type": "message", "id": "call_1", **HI})),
    (RESPONSES, {"input": [{"type": "message", "content": "hi"}]}, messages({"type": "message", "content": "hi"})),
    (RESPONSES, {"input": [{"type": "x", "role": "user"}]}, messages({"type": "x", "role": "user"})),
    (RESPONSES, {"input": [{"type": "function_call", "call_id": "a", "id": "b"}, {"type": "function_call_output", "call_id": "a"}]},
     messages({"type": "function_call", "call_id": "call_1", "id": "call_2"}, {"type": "function_call_output", "call_id": "call_1"})),
    (RESPONSES, {"input": "hi", "text": {"format": {"a": 1}}}, messages(HI, response_format={"a": 1})),
    (RESPONSES, {"input": "hi", "text": {"format": {"a": 1}, "verbosity": "low"}}, messages(HI, text={"verbosity": "low"}, response_format={"a": 1})),
    (RESPONSES, {"input": "hi", "text": {"verbosity": "low"}}, messages(HI, text={"verbosity": "low"})),
    (RESPONSES, {"input": "hi", "text": "format"}, messages(HI, text="format")),
    (RESPONSES, {"input": "hi", "text": {"format": 1}, "response_format": 2}, messages(HI, text={"format": 1}, response_format=2)),
    (RESPONSES, {"input": "hi", "system": [text("s")]}, messages(HI, system="s")),
    (RESPONSES, {"input": "hi", "tools": [{"type": "function", "name": "f"}]}, messages(HI, tools=[{"name": "f"}])),
    # Gemini
    (GEMINI, {"contents": [{"parts": [{"text": "hi"}]}]}, messages(HI, model="m")),
    (GEMINI, {"contents": [{"role": "model", "parts": [{"text": "a"}, {"text": "b"}]}]},
     messages({"role": "assistant", "content": [text("a"), text("b")]}, model="m")),
    (GEMINI, {"contents": [{"role": 5, "parts": []}]}, messages({"role": 5, "content": []}, model="m")),
    (GEMINI, {"contents": [{"role": ["r"], "parts": []}]}, messages({"role": ["r"], "content": []}, model="m")),
    (GEMINI, {"contents": [{"parts": [{"text": "a", "thought": True}]}]}, messages(user([{"text": "a", "thought": True}]), model="m")),
    (GEMINI, {"contents": [{"parts": ["a", {"text": "b"}]}]}, messages(user(["a", text("b")]), model="m")),
    (GEMINI, {"contents": [{"parts": ["text"]}]}, messages(user(["text"]), model="m")),
    (GEMINI, {"contents": [{"parts": [{"text": "a"}], "x": 1}, {"parts": "a"}, "a"]},
     messages({"parts": [{"text": "a"}], "x": 1}, {"parts": "a"}, "a", model="m")),
    (GEMINI, {"contents": "hi"}, {"model": "m", "contents": "hi"}),
    (GEMINI, {"contents": ["a"], "messages": [HI]}, messages(HI, model="m", contents=["a"])),
    (GEMINI, {"contents": [], "model": "n"}, messages(model="n")),
    (GEMINI, {"x": 1}, {"model": "m", "x": 1}),
    (GEMINI, {"system_instruction": {"parts": [{"text": "s"}]}}, {"model": "m", "system": "s"}),
    (GEMINI, {"systemInstruction": {"role": "user", "parts": [{"text": "s"}]}}, {"model": "m", "system": "s"}),
    (GEMINI, {"systemInstruction": {"parts": [{"text": "s"}], "x": 1}}, {"model": "m", "system": {"parts": [{"text": "s"}], "x": 1}}),
    (GEMINI, {"systemInstruction": {"parts": "s"}}, {"model": "m", "system": {"parts": "s"}}),
    (GEMINI, {"systemInstruction": "s"}, {"model": "m", "system": "s"}),
    (GEMINI, {"systemInstruction": "s", "system": "t"}, {"model": "m", "systemInstruction": "s", "system": "t"}),
    (GEMINI, {"system_instruction": "s", "systemInstruction": "t", "contents": []},
     {"model": "m", "system_instruction": "s", "systemInstruction": "t", "contents": []}),
    (GEMINI, {"tool_config": {"a": 1}}, {"model": "m", "tool_choice": {"a": 1}}),
    (GEMINI, {"toolConfig": 1, "tool_choice": 2}, {"model": "m", "toolConfig": 1, "tool_choice": 2}),
    (GEMINI, {"safety_settings": 1, "cached_content": 2}, {"model": "m", "safetySettings": 1, "cachedContent": 2}),
    (GEMINI, {"generation_config": {"temperature": 0, "topP": 1, "topK": 2, "maxOutputTokens": 3, "stopSequences": ["x"],
                                    "seed": 4, "presencePenalty": 5, "frequencyPenalty": 6, "candidateCount": 7,
                                    "thinkingConfig": {"a": 1}}},
     {"model": "m", "temperature": 0, "top_p": 1, "top_k": 2, "max_tokens": 3, "stop": ["x"], "seed": 4, "presence_penalty": 5,
      "frequency_penalty": 6, "n": 7, "thinking": {"a": 1}}),
    (GEMINI, {"generationConfig": {"topK": 2, "x": 3}, "top_k": 1}, {"model": "m", "generationConfig": {"topK": 2, "x": 3}, "top_k": 1}),
    (GEMINI, {"generationConfig": "x"}, {"model": "m", "generationConfig": "x"}),
    (GEMINI, {"generationConfig": {"responseMimeType": "application/json"}}, {"model": "m", "response_format": {"type": "json_object"}}),
    (GEMINI, {"generationConfig": {"responseMimeType": "text/x"}}, {"model": "m", "response_format": {"responseMimeType": "text/x"}}),
    (GEMINI, {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": {"a": 1}}},
     {"model": "m", "response_format": {"type": "json_schema", "schema": {"a": 1}}}),
    *((GEMINI, {"generationConfig": given}, {"model": "m", "response_format": given})
      for given in ({"responseMimeType": "text/x", "responseJsonSchema": {}}, {"responseJsonSchema": {"a": 1}},
                    {"responseMimeType": "application/json", "responseSchema": {"a": 1}})),
    (GEMINI, {"generationConfig": {"responseMimeType": "text/x", "x": 1}, "response_format": 2},
     {"model": "m", "generationConfig": {"responseMimeType": "text/x", "x": 1}, "response_format": 2}),
    (GEMINI, {"tools": [{"functionDeclarations": [{"name": "b"}], "x": 1}, {"functionDeclarations": [{"name": "a"}]}, {"googleSearch": {}}, "t"]},
     {"model": "m", "tools": ["t", {"googleSearch": {}}, {"name": "a"}, {"name": "b"}, {"x": 1}]}),
    (GEMINI, {"tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "a"}]}]}, {"model": "m", "tools": [{"googleSearch": {}}, {"name": "a"}]}),
    (GEMINI, {"tools": [{"functionDeclarations": "f"}]}, {"model": "m", "tools": [{"functionDeclarations": "f"}]}),
    (GEMINI, {"tools": "t"}, {"model": "m", "tools": "t"}),
    (GEMINI, {"contents": [{"parts": [{"functionCall": {"id": "a", "name": "f"}}, {"functionResponse": {"id": "b"}}, {"x": {"id": "c"}},
                                      {"functionCall": "a"}, {"functionCall": {"id": 5}}, "p"]}]},
     messages(user([{"functionCall": {"id": "call_1", "name": "f"}}, {"functionResponse": {"id": "call_2"}}, {"x": {"id": "c"}},
                    {"functionCall": "a"}, {"functionCall": {"id": 5}}, "p"]), model="m")),
    # Bedrock
    (CONVERSE, messages(user([{"text": "hi"}])), messages(HI, model="m")),
    (CONVERSE, messages(user([{"text": "a"}, {"text": "b"}])), messages(user([{"text": "a"}, {"text": "b"}]), model="m")),
    (CONVERSE, messages(user([{"text": 5}])), messages(user([{"text": 5}]), model="m")),
    (CONVERSE, messages(user(["hi"])), messages(user(["hi"]), model="m")),
    (CONVERSE, messages(user([{"text": "hi", "x": 1}])), messages(user([{"text": "hi", "x": 1}]), model="m")),
    (CONVERSE, messages(user([{"text": "hi"}, {"cachePoint": {}}])), messages(HI, model="m")),
    (CONVERSE, messages(user([{"text": "hi"}, {"cachePoint": {}, "x": 1}])), messages(user([{"text": "hi"}, {"cachePoint": {}, "x": 1}]), model="m")),
    (CONVERSE, messages("hi", HI), messages("hi", HI, model="m")),
    (CONVERSE, {"messages": "hi", "system": "s", "model": "n"}, {"messages": "hi", "system": "s", "model": "n"}),
    (CONVERSE, messages({"content": [{"toolUse": {"toolUseId": "a", "x": "a"}}, {"toolResult": {"toolUseId": "a"}}]}),
     messages({"content": [{"toolUse": {"toolUseId": "call_1", "x": "a"}}, {"toolResult": {"toolUseId": "call_1"}}]}, model="m")),
    (CONVERSE, {"system": [{"text": "a"}, {"text": "b"}]}, {"model": "m", "system": [{"text": "a"}, {"text": "b"}]}),
    (CONVERSE, {"inferenceConfig": {"maxTokens": 1, "temperature": 2, "topP": 3, "stopSequences": ["x"]}},
     {"model": "m", "max_tokens": 1, "temperature": 2, "top_p": 3, "stop": ["x"]}),
    (CONVERSE, {"inferenceConfig": {"topP": 3, "topK": 4}, "top_p": 5}, {"model": "m", "inferenceConfig": {"topP": 3, "topK": 4}, "top_p": 5}),
    (CONVERSE, {"inferenceConfig": "x"}, {"model": "m", "inferenceConfig": "x"}),
    (CONVERSE, {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"a": 1}}}}, {"cachePoint": {}}], "toolChoice": {"any": {}}, "x": 1}},
     {"model": "m", "tools": [{"name": "f", "parameters": {"a": 1}}], "tool_choice": {"any": {}}, "toolConfig": {"x": 1}}),
    (CONVERSE, {"toolConfig": {"tools": []}}, {"model": "m", "tools": []}),
    (CONVERSE, {"toolConfig": {"tools": "t"}}, {"model": "m", "toolConfig": {"tools": "t"}}),
    (CONVERSE, {"toolConfig": "t"}, {"model": "m", "toolConfig": "t"}),
    (CONVERSE, {"toolConfig": {"tools": []}, "tools": 1}, {"model": "m", "toolConfig": {"tools": []}, "tools": 1}),
    (CONVERSE, {"toolConfig": {"tools": []}, "tool_choice": 1}, {"model": "m", "toolConfig": {"tools": []}, "tool_choice": 1}),
    *((CONVERSE, {"toolConfig": {"tools": [given]}}, {"model": "m", "tools": [given]})
      for given in ("t", {"toolSpec": "s"}, {"toolSpec": {"name": "f"}, "x": 1}, {"systemTool": {"name": "f"}}, ["toolSpec"])),
    *((CONVERSE, {"toolConfig": {"tools": [{"toolSpec": given}]}}, {"model": "m", "tools": [given]})
      for given in ({"inputSchema": {"json": 1}, "parameters": 2}, {"inputSchema": {"json": 1, "x": 2}}, {"inputSchema": "json"}, {"name": "f"})),
    (INVOKE, messages(user([text("hi")]), anthropic_version="v"), messages(HI, model="m", anthropic_version="v")),
    (INVOKE, messages(user([text("hi")])), messages(user([text("hi")]), model="m")),
    (INVOKE, {"prompt": "hi", "x": 1}, messages(HI, model="m", x=1)),
    (INVOKE, {"inputText": "hi", "x": 1}, messages(HI, model="m", x=1)),
    (INVOKE, {"prompt": 5}, {"model": "m", "prompt": 5}),
    (INVOKE, {"inputText": "hi", "prompt": "ho"}, messages(HI, model="m", prompt="ho")),
    (INVOKE, {"message": "hi", "preamble": "s"}, messages(HI, model="m", system="s")),
    (INVOKE, {"message": 5, "prompt": "hi"}, messages(HI, model="m", message=5)),
    (INVOKE, {"prompt": "a", **messages(HI)}, messages(HI, model="m", prompt="a")),
    (INVOKE, {"schemaVersion": "v", **messages(user([{"text": "hi"}]))}, messages(HI, model="m", schemaVersion="v")),
    (INVOKE, {"inferenceConfig": {"maxTokens": 1}, **messages(user([{"text": "hi"}]))}, messages(HI, model="m", max_tokens=1)),
    (INVOKE.replace("/m/", "/x-embed/"), {"inputText": "hi"}, {"model": "x-embed", "inputText": "hi"}),
    # Cohere
    (COHERE, {"message": "hi", "chat_history": [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}, {"role": "SYSTEM", "message": "c"}]},
     messages(user("a"), {"role": "assistant", "content": "b"}, {"role": "system", "content": "c"}, HI)),
    (COHERE, {"message": "hi", "chat_history": [{"role": "TOOL", "message": "a"}, {"role": "USER", "message": "a", "x": 1}, "USER"]},
     messages({"role": "TOOL", "message": "a"}, {"role": "USER", "message": "a", "x": 1}, "USER", HI)),
    (COHERE, {"message": "hi", "chat_history": [{"role": ["USER"], "message": "a"}]}, messages({"role": ["USER"], "message": "a"}, HI)),
    (COHERE, {"message": "hi", "chat_history": "h"}, {"message": "hi", "chat_history": "h"}),
    (COHERE, {"message": "hi", "preamble": "s", "system": "t"}, messages(HI, preamble="s", system="t")),
    (COHERE, {"message": "a", **messages(HI)}, messages(HI, message="a")),
    (COHERE, {"message": 5}, {"message": 5}),
    # Ollama
    (GENERATE, {"prompt": "hi", "images": ["i"]}, messages({**HI, "images": ["i"]})),
    (GENERATE, {"prompt": "hi"}, messages(HI)),
    (GENERATE, {"prompt": 5, "images": ["i"]}, {"prompt": 5, "images": ["i"]}),
    (GENERATE, {"prompt": "a", **messages(HI)}, messages(HI, prompt="a")),
    (OLLAMA, {"prompt": "a"}, {"prompt": "a"}),
    (OLLAMA, messages(HI, format="json"), messages(HI, response_format={"type": "json_object"})),
    (OLLAMA, messages(HI, format={"a": 1}), messages(HI, response_format={"type": "json_schema", "schema": {"a": 1}})),
    (OLLAMA, messages(HI, format=""), messages(HI, format="")),
    (OLLAMA, messages(HI, format="json", response_format=1), messages(HI, format="json", response_format=1)),
]  # fmt: skip


def identity(url: str, body: Any) -> Any:
    request = Request("POST", url, Headers([("content-type", "application/json")]), json.dumps(body).encode())
    return identify(request, MatchOptions(), lambda tree: tree)


@pytest.mark.parametrize(("url", "body", "expected"), CANONICAL)
def test_the_canonical_body_is_this(url: str, body: Any, expected: Any) -> None:
    found = identity(url, body)
    assert found.body == expected
    stored = identify_recorded("POST", url, (), expected, MatchOptions(), headers={})
    assert (stored.body, stored.key) == (expected, found.key)


def test_calls_in_a_message_are_renamed_as_deep_as_messages_go_and_no_deeper() -> None:
    def nested(levels: int, name: str) -> Any:
        inner: Any = {"type": "tool_use", "id": name}
        for _ in range(levels):
            inner = {"content": [inner]}
        return messages(inner)

    assert identity(CHAT, nested(6, "x")).body == nested(6, "call_1")
    assert identity(CHAT, nested(7, "x")).body == nested(7, "x")

    def used(levels: int, name: str) -> Any:
        inner: Any = {"toolUse": {"toolUseId": name}}
        for _ in range(levels):
            inner = {"content": [inner, inner]}
        return messages(inner, model="m")

    assert identity(CONVERSE, used(4, "x")).body == used(4, "call_1")
    assert identity(CONVERSE, used(5, "x")).body == used(5, "x")


DETECTED: list[tuple[str, Any, str, bool]] = [
    (CHAT, messages(HI), "openai-chat", False),
    (CHAT + "/", messages(HI, stream=True), "openai-chat", True),
    (CHAT, messages(HI, stream="true"), "openai-chat", False),
    ("http://localhost/any", messages(HI), "openai-chat", False),
    ("http://localhost/any", {"messages": "x"}, "unknown", False),
    ("http://localhost/any", {"x": 1, "stream": True}, "unknown", True),
    ("http://localhost/any", {"inputs": "x"}, "huggingface", False),
    ("http://localhost/any", {"inputs": "x", "stream": True}, "huggingface", True),
    ("http://localhost/any", {"inputs": "x", **messages(HI)}, "openai-chat", False),
    ("http://localhost/generate_stream", {"inputs": "x"}, "huggingface", True),
    (RESPONSES, {"input": "x"}, "openai-responses", False),
    (RESPONSES, {"prompt": {"id": "x"}, "stream": True}, "openai-responses", True),
    (RESPONSES, messages(HI), "openai-responses", False),
    (RESPONSES, {"x": 1}, "unknown", False),
    (RESPONSES + "/x", {"input": "x"}, "unknown", False),
    (CLAUDE, messages(HI, stream=True), "anthropic", True),
    (CLAUDE, {"messages": "x"}, "unknown", False),
    ("http://h/v1/projects/p/models/m:rawPredict", messages(HI), "anthropic", False),
    ("http://h/v1/projects/p/models/m:streamRawPredict", messages(HI), "anthropic", True),
    ("http://h/x", messages(HI, anthropic_version="v"), "anthropic", False),
    (GEMINI, {"contents": []}, "gemini", False),
    (GEMINI.replace(":g", ":streamG"), {"contents": []}, "gemini", True),
    (GEMINI.replace("generateContent", "countTokens"), {"contents": []}, "gemini", False),
    (CONVERSE, messages(), "bedrock", False),
    (CONVERSE + "-stream", messages(), "bedrock", True),
    (INVOKE, {"prompt": "x"}, "bedrock", False),
    (INVOKE + "-with-response-stream", {"prompt": "x"}, "bedrock", True),
    (INVOKE + "-async", {"prompt": "x"}, "unknown", False),
    (COHERE, {"message": "x"}, "cohere", False),
    (COHERE, {"x": 1}, "cohere", False),
    ("http://gateway/v1/chat", {"message": "x", "stream": True}, "cohere", True),
    ("http://gateway/v1/chat", {"x": 1}, "unknown", False),
    ("http://gateway/v2/chat", messages(HI), "cohere", False),
    ("https://api.mistral.ai/v1/chat/completions", messages(HI), "mistral", False),
    ("https://api.mistral.ai/v1/embeddings", {"messages": "x"}, "unknown", False),
    (OLLAMA, messages(HI), "ollama", True),
    (OLLAMA, messages(HI, stream=False), "ollama", False),
    (OLLAMA, messages(HI, stream=True), "ollama", True),
    (GENERATE, {"prompt": "x"}, "ollama", True),
    ("http://h/v1/api/chat", messages(HI), "openai-chat", False),
]  # fmt: skip


@pytest.mark.parametrize(("url", "body", "provider", "stream"), DETECTED)
def test_the_provider_is_told_and_whether_a_stream_is_asked_for(
    url: str, body: Any, provider: str, stream: bool
) -> None:
    found = identity(url, body)
    assert (found.provider, found.stream) == (provider, stream)


@pytest.mark.parametrize(
    ("url", "body", "matched"),
    [
        (CHAT, messages(HI, model="m", temperature=1, seed=2), {"model", "messages"}),
        (CHAT, {"messages": []}, {"messages"}),
        (CHAT, {"messages": [], "x": 1}, {"messages", "x"}),
        (RESPONSES, {"input": {"a": 1}, "temperature": 1}, {"input"}),
        (RESPONSES, {"prompt": {"id": 1}, "temperature": 1}, {"prompt"}),
        ("http://h/x", {"x": 1, "model": "m"}, {"x", "model"}),
        (CHAT, messages(HI, functions=1, function_call=2, modalities=3, audio=4, web_search_options=5, documents=6, prediction=7, seed=8),
         {"messages", "functions", "function_call", "modalities", "audio", "web_search_options", "documents", "prediction"}),
        (CLAUDE, messages(HI, mcp_servers=1, container=2, output_config=3, context_management=4, service_tier=5),
         {"messages", "mcp_servers", "container", "output_config", "context_management"}),
        (RESPONSES, {"input": "hi", "previous_response_id": 1, "conversation": 2, "include": 3, "truncation": 4, "background": 5, "store": 6},
         {"messages", "previous_response_id", "conversation", "include", "truncation", "background"}),
        (GEMINI, {"contents": [{"parts": []}], "safetySettings": 1, "cachedContent": 2, "generationConfig": {"x": 1}, "labels": 3},
         {"model", "messages", "safetySettings", "cachedContent", "generationConfig"}),
        (CONVERSE, messages(HI, additionalModelRequestFields=1, guardrailConfig=2, promptVariables=3, toolConfig=4, inferenceConfig=5, requestMetadata=6),
         {"model", "messages", "additionalModelRequestFields", "guardrailConfig", "promptVariables", "toolConfig", "inferenceConfig"}),
        (COHERE, messages(HI, citation_options=1, safety_mode=2, strict_tools=3, tool_results=4, connectors=5, p=6),
         {"messages", "citation_options", "safety_mode", "strict_tools", "tool_results", "connectors"}),
        (OLLAMA, messages(HI, think=1, suffix=2, template=3, raw=4, context=5, keep_alive=6), {"messages", "think", "suffix", "template", "raw", "context"}),
        ("https://api.mistral.ai/v1/chat/completions", messages(HI, prompt_mode=1, guardrails=2, random_seed=3), {"messages", "prompt_mode", "guardrails"}),
    ],
)  # fmt: skip
def test_these_fields_are_matched(url: str, body: Any, matched: set[str]) -> None:
    assert identity(url, body).matched.keys() == matched
    whole = identity(url, body).whole
    assert identity(url, {**body, "new_of_a_vendor": 1}).matched.keys() == {*matched, "new_of_a_vendor"}
    assert identity(url, {**body, "request_id": 1}).matched.keys() == ({*matched, "request_id"} if whole else matched)
