"""A small agent under test: it calls a model, runs the tool the model asks for, and calls again.

Its recording is in ``cassettes/``; ``pytest examples`` replays it, with no key and no network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import promptecho

openai: Any = pytest.importorskip("openai", reason="this example shows the openai SDK")
CASSETTE = Path(__file__).parent / "cassettes" / "weather_agent.yaml"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def weather(city: str) -> str:
    return f"18 degrees and dry in {city}"


def answer(client: Any, question: str) -> str:
    """Ask, run one round of tools, ask again."""
    messages: list[Any] = [{"role": "user", "content": question}]
    first = client.chat.completions.create(model="gpt-5", messages=messages, tools=TOOLS).choices[0].message
    for call in first.tool_calls or []:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call.model_dump()]})
        result = weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return str(client.chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content)


@promptecho.use_cassette(CASSETTE, mode="none")
def test_the_agent_uses_its_tool() -> None:
    client = openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="not-needed-for-a-replay")
    assert answer(client, "How is the weather in Paris?") == "It is 18 degrees and dry in Paris."
