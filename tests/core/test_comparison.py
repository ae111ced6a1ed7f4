"""What the README's table says of promptecho and its peers is what they do, where they are installed."""

from __future__ import annotations

import http.server
import importlib
import json
import re
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss
from promptecho._cli._loopback import LoopbackServer, send, send_piece, start_stream

from .pages import ROOT

KEY = "sk-ant-api03-AbCd1234AbCd1234AbCd1234"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("first", "second")]
_PATIENCE = {"promptecho": 30.0}  # seconds for which the server waits for the reader of its stream
_BODY_MATCHED = {"promptecho": {}, "vcrpy": {"match_on": ["method", "uri", "body"]}}
_BODY_MATCHED["cassetter"] = {"match_on": ["method", "uri", "json_body"]}


class Server(LoopbackServer):
    """Answers with the prompt turned round; the second event of a stream comes once the first was read, or late."""

    def __init__(self, patience: float) -> None:
        super().__init__()
        self.url += "/v1/chat/completions"
        self.patience = patience
        self.first_was_read = threading.Event()
        self.was_read_early = False

    def handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        if not body.get("stream"):
            answer = {"answer": body["messages"][0]["content"][::-1], "note": f"your key is {KEY}"}
            send(handler, 200, "application/json", json.dumps(answer).encode())
            return
        start_stream(handler, "text/event-stream")
        send_piece(handler, b"data: {}\n\n")
        self.was_read_early = self.first_was_read.wait(self.patience)
        send_piece(handler, b"data: [DONE]\n\n")
        send_piece(handler, b"")


def cassette(recorder: str, path: Path, mode: str, **more: Any) -> AbstractContextManager[Any]:
    module: Any = importlib.import_module({"vcrpy": "vcr"}.get(recorder, recorder))
    argument = "mode" if recorder == "promptecho" else "record_mode"
    opened: AbstractContextManager[Any] = module.use_cassette(str(path), **{argument: mode}, **more)
    return opened


def observed(recorder: str, folder: Path, httpx: Any) -> dict[str, str]:
    """What a recorder does, in the words of the table."""

    def ask(text: str, tools: Any = None) -> str:
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **({"tools": tools} if tools else {})}
        headers = {"authorization": "Bearer sk-secret-0123456789abcdef"}
        return str(httpx.post(server.url, json=body, headers=headers, trust_env=False).json()["answer"])

    def asked(path: Path, text: str, tools: Any = None, **more: Any) -> str | None:
        answers: list[str] = []
        try:
            with cassette(recorder, path, "none", **more):
                answers.append(ask(text, tools))
        except (Exception, CassetteMiss):
            pass
        return answers[0] if answers else None

    with Server(_PATIENCE.get(recorder, 0.5)) as server:
        plain, tools, stream = (folder / f"{name}.yaml" for name in ("plain", "tools", "stream"))
        with cassette(recorder, plain, "once"):
            ask("one")
            ask("two")
        with cassette(recorder, tools, "once", **_BODY_MATCHED[recorder]):
            ask("one", TOOLS)
        with cassette(recorder, stream, "once"), httpx.Client(trust_env=False) as client:
            with client.stream("POST", server.url, json={"stream": True, "messages": []}) as response:
                for _ in response.iter_bytes():
                    server.first_was_read.set()
        text = plain.read_text(encoding="utf-8")
        another, reordered = asked(plain, "three"), asked(tools, "one", TOOLS[::-1], **_BODY_MATCHED[recorder])
        return {
            "another prompt to the same URL, by default": "a miss" if another is None else "gets the first recording",
            "tools in another order": "a miss, if the body is matched" if reordered is None else "replays",
            "`Authorization` header in the file": "yes, unless filtered" if "sk-secret" in text else "no",
            "a key in a response body, in the file": "as it came" if KEY in text else "masked",
            "while recording, a stream": "passes through event by event"
            if server.was_read_early
            else "arrives when it is complete",
        }


@pytest.mark.filterwarnings("ignore::promptecho.errors.CassetteWarning")
@pytest.mark.parametrize("recorder", ["promptecho", "vcrpy", "cassetter"])
def test_the_table_says_what_a_recorder_does(recorder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"vcrpy": "vcr"}.get(recorder, recorder), reason=f"{recorder} is not installed here")
    httpx = pytest.importorskip("httpx", reason="the table is about httpx")
    monkeypatch.delenv("CI", raising=False)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = page[page.index("| | promptecho | vcrpy |") :].partition("\n\n")[0].splitlines()
    head, _, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    said = {row[0]: row[head.index(recorder)] for row in rows}
    for row, cell in observed(recorder, tmp_path, httpx).items():
        assert said[row] == cell, row
