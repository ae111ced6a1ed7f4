"""``promptecho demo``: the main job, to be seen: record with real SDKs, stop the server, replay."""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptecho import use_cassette
from promptecho._cli import _screen
from promptecho._cli._model_server import ModelServer

if TYPE_CHECKING:
    from rich.console import Console

KEY = "sk-demo-key-that-must-not-be-written-0123456789"
_MESSAGES: Any = [{"role": "user", "content": "What is six times seven?"}]
_PARAMETERS = {"type": "object", "properties": {"number": {"type": "integer"}}}

Step = tuple[str, Callable[[], str]]


def _openai_steps(url: str) -> list[Step]:
    openai: Any = importlib.import_module("openai")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY)
    tool = {"type": "function", "function": {"name": "look_up", "parameters": _PARAMETERS}}

    def plain() -> str:
        return str(client.chat.completions.create(model="gpt-demo", messages=_MESSAGES).choices[0].message.content)

    def streamed() -> str:
        chunks = client.chat.completions.create(model="gpt-demo", messages=_MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip()

    def tool_call() -> str:
        answer = client.chat.completions.create(model="gpt-demo", messages=_MESSAGES, tools=[tool])
        function = answer.choices[0].message.tool_calls[0].function
        return f"{function.name}({function.arguments})"

    return [("openai", plain), ("openai, streamed", streamed), ("openai, tool call", tool_call)]


def _anthropic_steps(url: str) -> list[Step]:
    anthropic: Any = importlib.import_module("anthropic")
    client = anthropic.Anthropic(base_url=url, api_key=KEY)
    tool = {"name": "look_up", "input_schema": _PARAMETERS}
    asked: Any = {"model": "claude-demo", "max_tokens": 100, "messages": _MESSAGES}

    def plain() -> str:
        return str(client.messages.create(**asked).content[0].text)

    def streamed() -> str:
        with client.messages.stream(**asked) as stream:
            return "".join(stream.text_stream).strip()

    def tool_call() -> str:
        block = client.messages.create(**asked, tools=[tool]).content[0]
        return f"{block.name}({json.dumps(block.input)})"

    return [("anthropic", plain), ("anthropic, streamed", streamed), ("anthropic, tool call", tool_call)]


def _bare_steps(url: str, library: str) -> list[Step]:
    httpx: Any = importlib.import_module(library)
    headers = {"authorization": f"Bearer {KEY}"}
    body = {"model": "gpt-demo", "messages": _MESSAGES}

    def post(**more: Any) -> Any:
        return httpx.post(f"{url}/v1/chat/completions", json={**body, **more}, headers=headers, trust_env=False)

    def plain() -> str:
        return str(post().json()["choices"][0]["message"]["content"])

    def streamed() -> str:
        lines = [line[6:] for line in post(stream=True).text.split("\n\n") if line.startswith("data: {")]
        return "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines).strip()

    def tool_call() -> str:
        tool = {"type": "function", "function": {"name": "look_up", "parameters": _PARAMETERS}}
        function = post(tools=[tool]).json()["choices"][0]["message"]["tool_calls"][0]["function"]
        return f"{function['name']}({function['arguments']})"

    return [(library, plain), (f"{library}, streamed", streamed), (f"{library}, tool call", tool_call)]


def _steps(url: str, console: Console) -> list[Step]:
    found: list[Step] = []
    for name, steps in (("openai", _openai_steps), ("anthropic", _anthropic_steps)):
        if importlib.util.find_spec(name) is None:
            console.print(f"The {name} SDK is not installed here, so its part is left out (pip install {name}).")
        else:
            found += steps(url)
    if found:
        return found
    for library in ("httpx2", "httpx"):
        if importlib.util.find_spec(library) is not None:
            console.print(f"No SDK is installed: the same calls are made with {library}.")
            return _bare_steps(url, library)
    console.print("Neither an SDK nor httpx is installed; try: pip install openai anthropic")
    return []


def _run(steps: list[Step]) -> list[tuple[str, float]]:
    results = []
    for _, step in steps:
        started = time.perf_counter()
        answer = step()
        results.append((answer, (time.perf_counter() - started) * 1000))
    return results


def run_demo(keep: Path | None) -> int:
    """Run the demo and print what it did; 0 if the replay gave what was recorded and nothing went out."""
    console = _screen.console()
    folder = keep if keep is not None else Path(tempfile.mkdtemp(prefix="promptecho-demo-"))
    path = folder / "demo.yaml"
    path.unlink(missing_ok=True)
    with ModelServer() as server:
        steps = _steps(server.url, console)
        if not steps:
            return 2
        console.print(f"Model server at {server.url}; recording ...")
        with use_cassette(path, mode="once"):
            recorded = _run(steps)
        hits = len(server.hits)
    console.print("The server is stopped; replaying in mode 'none' ...")
    with use_cassette(path, mode="none"):
        replayed = _run(steps)
    rows = [
        (name, answer, f"{took:.1f}", again, f"{took_again:.1f}")
        for (name, _), (answer, took), (again, took_again) in zip(steps, recorded, replayed)
    ]
    _screen.table(
        console, ("call", "recorded", "ms", "replayed", "ms"), rows, right=("ms",), folding=("recorded", "replayed")
    )
    equal = [answer for answer, _ in recorded] == [answer for answer, _ in replayed]
    leaked = KEY in path.read_text(encoding="utf-8")
    console.print(
        f"Requests that reached the server: {hits} while recording, {len(server.hits) - hits} while replaying."
    )
    console.print(f"Answers equal: {'yes' if equal else 'NO'}. API key in the cassette: {'YES' if leaked else 'no'}.")
    console.print(f"The cassette: {path}", soft_wrap=True)
    return 0 if equal and not leaked and len(server.hits) == hits else 1


@click.command("demo")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the cassette; without it, a temporary one that is kept as well.",
)
def command(keep: Path | None) -> None:
    """Record calls of real SDKs against a local model server, stop it, and replay them."""
    raise SystemExit(run_demo(keep))
