"""The walk of one request in DESIGN.md: each step is called, in that order."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType

import httpx

from promptecho import use_cassette
from promptecho._cli._model_server import ModelServer

CHECKOUT = Path(__file__).parents[2]
_STEP = re.compile(r"^\d+\. `(?P<file>[^`]+\.py)` `(?P<function>[^`]+)`", re.MULTILINE)


def steps(title: str) -> list[tuple[str, str]]:
    text = (CHECKOUT / "DESIGN.md").read_text(encoding="utf-8")
    (part,) = re.findall(rf"^### {title}\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
    return [(found["file"], found["function"].rpartition(".")[2]) for found in _STEP.finditer(part)]


def calls_of(url: str, path: Path) -> list[tuple[str, str]]:
    """File and function of each call that one request in a cassette makes."""
    called: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(CHECKOUT):
                called.append((file.relative_to(CHECKOUT).as_posix(), frame.f_code.co_name))

    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}
    sys.setprofile(note)
    try:
        with use_cassette(path, "none" if path.exists() else "once"):
            httpx.post(f"{url}/chat/completions", json=body, headers={"authorization": "Bearer sk-1234567890"})
    finally:
        sys.setprofile(None)
    return called


def test_each_step_of_the_walk_in_the_design_is_taken_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "cassette.yaml"
    with ModelServer() as server:
        recorded = calls_of(server.url, path)
    replayed = calls_of(server.url, path)
    for called, expected in ((recorded, steps("Recorded")), (replayed, steps("Replayed"))):
        assert len(expected) > 15
        at = 0
        for step in expected:
            assert step in called[at:], f"{step} is not called after {called[at - 1]}"
            at = called.index(step, at) + 1
