"""Makes the cassettes that are replayed: each contender records its own, from the local server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import corpus
from benchmarks.contenders import NotReplayed, Samples, Task
from benchmarks.scenario import CASSETTER, VCRPY

_AT_ONCE = 200  # calls


def record(task: Task) -> Samples:
    """Record some calls into a new cassette; the sample with nothing in it says that it is there."""
    path = task.path()
    # vcrpy and cassetter record in quadratic time. The first call of vcrpy is recorded, the others are written by its
    # own serializer; cassetter records a few at a time, and the lists of its files are put together.
    if task.contender == VCRPY:
        _record(task, path, range(1))
        if task.calls > 1:
            _continue_vcrpy(path, task)
    elif task.contender == CASSETTER and task.calls > _AT_ONCE:
        _record_in_parts(path, task)
    else:
        _record(task, path, range(task.calls))
    yield {}


def _record(task: Task, path: Path, numbers: range) -> None:
    stream = bool(task.options.get("stream"))
    with task.opened(path, "once"):
        call = task.caller()
        for number in numbers:
            call(corpus.payload(number, task.size, stream=stream))
    if not path.exists():
        raise NotReplayed("not intercepted")


def _record_in_parts(path: Path, task: Task) -> None:
    begin = "interactions:\n"
    with path.open("w", encoding="utf-8") as whole:
        for start in range(0, task.calls, _AT_ONCE):
            part = path.with_name("part-" + path.name)
            part.unlink(missing_ok=True)
            _record(task, part, range(start, min(start + _AT_ONCE, task.calls)))
            head, _, items = part.read_text("utf-8").partition(begin)
            whole.write(items if start else head + begin + items)


def _continue_vcrpy(path: Path, task: Task) -> None:
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.request import Request
    from vcr.serializers import yamlserializer

    (request,), (response,) = FilesystemPersister.load_cassette(str(path), yamlserializer)
    is_bedrock = task.library == "boto3"
    first = corpus.prompt(0, task.size)
    requests, responses = [], []
    for number in range(task.calls):
        body = _with_prompt(request.body, first, corpus.prompt(number, task.size))
        answer = corpus.bedrock_answer(number) if is_bedrock else corpus.chat_answer(number)
        headers = {**response["headers"], "content-length": [str(len(answer))]}
        requests.append(Request(request.method, request.uri, body, request.headers))
        responses.append({**response, "headers": headers, "body": {"string": answer}})
    tree: Any = {"requests": requests, "responses": responses}
    FilesystemPersister.save_cassette(str(path), tree, yamlserializer)


def _with_prompt(body: Any, old: str, new: str) -> Any:
    """A body with another prompt; the one that vcrpy keeps of aiohttp's calls is a tree, not bytes."""
    if isinstance(body, dict):
        return json.loads(json.dumps(body).replace(json.dumps(old), json.dumps(new)))
    return body.replace(json.dumps(old).encode(), json.dumps(new).encode())


MEASURES = {"record": record}
