"""``promptecho repair``: entries that were edited, moved, deleted or formatted are whole again, or what is lost is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import Cassette, use_cassette
from promptecho._cassette import store
from tests.command_line import promptecho
from tests.conformance.server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


TURNS = [{"role": "user", "content": f"turn {number}: " + "some words of a conversation. " * 10} for number in range(6)]


def ask(server: ScriptedServer, turns: int) -> bytes:
    body = {"model": "m", "messages": TURNS[:turns]}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).content


def conversation(server: ScriptedServer, path: Path) -> tuple[str, list[str], dict[int, bytes]]:
    with use_cassette(path):
        live = {turns: ask(server, turns) for turns in (2, 4, 6)}
    head, *entries = re.split(r"(?m)^(?=- request:)", path.read_text(encoding="utf-8"))
    return head, entries, live


def parsed(cassette: Cassette) -> int:
    return sum(not hasattr(found, "bounds") for _, found in cassette.look_through())


def test_entries_that_were_moved_are_written_whole_and_in_order(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    head, entries, live = conversation(server, path)
    path.write_text(head + "".join(reversed(entries)), encoding="utf-8")
    before = store.parse(path.read_text(encoding="utf-8"), path).items
    done = promptecho(tmp_path, "repair", "c.yaml")
    assert (done.returncode, done.stdout) == (0, "c.yaml: wrote 3 recordings anew, of 3\n1 of 1 cassette repaired\n")
    text = path.read_text(encoding="utf-8")
    assert store.parse(text, path).items == before
    assert "same_as" not in text.partition("\n- request:")[0] + text.split("\n- request:")[1]
    with use_cassette(path, "none") as cassette:
        assert parsed(cassette) == 0
        assert {turns: ask(server, turns) for turns in live} == live
    done = promptecho(tmp_path, "repair", "c.yaml")
    assert (done.returncode, done.stdout) == (0, "0 of 1 cassette repaired\n")


def test_what_a_deleted_recording_took_with_it_is_listed_and_the_others_replay(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    head, entries, live = conversation(server, path)
    path.write_text(head + "".join(entries[1:]), encoding="utf-8")
    before = path.read_bytes()
    done = promptecho(tmp_path, "repair", "c.yaml")
    assert done.returncode == 1
    assert path.read_bytes() == before
    assert re.search(
        r"c\.yaml: \[0\] POST .*: messages\[0:2\] is lost; it was in a recording with the key \w{16}\n", done.stdout
    )
    assert re.search(r"c\.yaml: \[1\] POST .*: messages\[0:4\] is lost", done.stdout)
    with use_cassette(path, "none"):
        assert [ask(server, 4), ask(server, 6)] == [live[4], live[6]]
    found = json.loads(promptecho(tmp_path, "repair", "--json", "c.yaml").stdout)["cassettes"][0]
    assert [(loss["number"], loss["place"]) for loss in found["lost"]] == [(0, "messages[0:2]"), (1, "messages[0:4]")]


def test_an_edited_and_a_formatted_file_is_opened_by_its_marks_again(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    head, entries, live = conversation(server, path)
    text = head + "".join(f"  {line}\n" for line in "".join(entries).replace("turn 5", "TURN 5").splitlines())
    path.write_text(text, encoding="utf-8")
    done = promptecho(tmp_path, "repair", "--dry-run")
    assert done.stdout == "0 of 0 cassettes to repair\n"
    assert promptecho(tmp_path, "repair", "--dry-run", ".").stdout.endswith("1 of 1 cassette to repair\n")
    assert path.read_text(encoding="utf-8") == text
    assert promptecho(tmp_path, "repair", ".").returncode == 0
    with use_cassette(path, "none") as cassette:
        assert parsed(cassette) == 0
        assert [ask(server, 2), ask(server, 4)] == [live[2], live[4]]
        body: Any = {
            "model": "m",
            "messages": [*TURNS[:5], {**TURNS[5], "content": TURNS[5]["content"].replace("turn", "TURN")}],
        }
        assert httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).status_code == 200


def test_a_file_that_cant_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("version: 9\n", encoding="utf-8")
    done = promptecho(tmp_path, "repair", "c.yaml")
    assert done.returncode == 1
    assert "c.yaml: can't be repaired: c.yaml: version 9" in done.stdout
