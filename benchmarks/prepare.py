"""Makes the cassettes that are replayed: each contender records its own, from the local server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import corpus
from benchmarks.contenders import NotReplayed, Samples, Task
from benchmarks.scenario import VCRPY


def record(task: Task) -> Samples:
    """Record some calls into a new cassette; one sample with nothing in it says that it is there."""
    path = task.path()
    stream = bool(task.options.get("stream"))
    # vcrpy's recording is quadratic: the first call is recorded, the others are written by its own serializer.
    recorded = 1 if task.contender == VCRPY else task.calls
    with task.opened(path, "once"):
        call = task.caller()
        for number in range(recorded):
            call(corpus.payload(number, task.size, stream=stream))
    if not path.exists():
        raise NotReplayed("not intercepted")
    if recorded < task.calls:
        _continue_vcrpy(path, task)
    yield {}


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


def _with_prompt(body: bytes, old: str, new: str) -> bytes:
    return body.replace(json.dumps(old).encode(), json.dumps(new).encode())


MEASURES = {"record": record}
