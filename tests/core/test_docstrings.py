"""The examples in the docstrings of public names run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho import backend, errors, snapshot
from promptecho._cli._model_server import ModelServer
from promptecho.snapshot._fixture import LLMSnapshot, Test

MODULES = {"promptecho": promptecho, "backend": backend, "errors": errors, "snapshot": snapshot}
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_VALUES = ("__version__", "LAST_CHUNK")
# What they are about can't be shown in a few lines, or stands in the example of the name that is told here.
_SHOWN_ELSEWHERE = {"Forward": "Session", "Replay": "Session", "Ended": "ResponseWatcher"}


def public_names() -> Iterator[tuple[str, str, Any]]:
    for place, module in MODULES.items():
        for name in module.__all__:
            if name not in _VALUES:
                yield place, name, getattr(module, name)


def examples() -> list[tuple[str, Any]]:
    """Each public name with its methods that have examples, once."""
    found: dict[int, tuple[str, Any]] = {}
    for place, name, value in public_names():
        found.setdefault(id(value), (f"{place}.{name}", value))
        for method, member in vars(value).items() if isinstance(value, type) else ():
            member = getattr(member, "__func__", member)
            if ">>>" in (getattr(member, "__doc__", None) or "") and not method.startswith("_"):
                found.setdefault(id(member), (f"{place}.{name}.{method}", member))
    return [entry for entry in found.values() if ">>>" in (entry[1].__doc__ or "")]


def reply(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"object": "chat.completion", "id": "chatcmpl-1", "choices": [choice]}


def chunk(text: str, reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "id": "chatcmpl-1", "choices": [choice]}


def llm_snapshot(folder: Path) -> LLMSnapshot:
    """The fixture in a run that updates, where all that a rule accepts is accepted."""
    file = folder / "__llm_snapshots__" / "test_weather.yaml"
    return LLMSnapshot(Test("test_weather", "test_weather.py::test_weather", file, folder, True, False, []))


@pytest.mark.parametrize(("name", "value"), [pytest.param(*entry, id=entry[0]) for entry in examples()])
def test_an_example_does_what_it_shows(name: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openai: Any = pytest.importorskip("openai", reason="the examples call it")
    if "promptecho[snapshot]" in value.__doc__:
        pytest.importorskip("rapidfuzz", reason="needs promptecho[snapshot]")
        pytest.importorskip("jsonschema", reason="needs promptecho[snapshot]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with ModelServer() as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-of-the-examples-0123456789", max_retries=0)

        def ask(text: str) -> str:
            messages = [{"role": "user", "content": text}]
            return str(client.chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content)

        known = {
            **MODULES,
            "ask": ask,
            "client": client,
            "llm_snapshot": llm_snapshot(tmp_path),
            "reply": reply("It is sunny in Paris."),
            "replies": [reply("It is sunny in Paris.")],
            "structured_reply": reply('{"city": "Paris", "degrees": 18}'),
            "chunks": [chunk("It is ", None), chunk("sunny.", "stop")],
            "wrap": lambda original: original,
        }
        test = doctest.DocTestParser().get_doctest(value.__doc__, known, name, None, 0)
        runner = doctest.DocTestRunner(optionflags=_FLAGS)
        said: list[str] = []
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_every_public_name_says_what_it_gives_and_shows_it() -> None:
    lacking = []
    for place, name, value in public_names():
        text = value.__doc__ or ""
        is_error = isinstance(value, type) and issubclass(value, (errors.PromptechoError, Warning))
        if not text.split("\n")[0].strip():
            lacking.append(f"{place}.{name}: no sentence")
        elif ">>>" not in text and not is_error and name not in _SHOWN_ELSEWHERE:
            lacking.append(f"{place}.{name}: no example")
    assert lacking == []
    for name, place in _SHOWN_ELSEWHERE.items():
        assert place in getattr(backend, name).__doc__ or name in getattr(backend, place).__doc__


def test_the_modules_export_what_they_say() -> None:
    for module in MODULES.values():
        importlib.import_module(module.__name__)
        assert [name for name in module.__all__ if not hasattr(module, name)] == []
