"""Branches that each recorded: what git does with the file, with the merge driver and without, and what is read of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, CassetteMiss, use_cassette
from promptecho._cassette import store
from promptecho._cassette.mending.merging import join, read_side
from promptecho._matching.identity import MatchOptions
from promptecho.errors import CassetteFormatError
from tests.command_line import environment, promptecho
from tests.conformance.server import ScriptedServer

PATH = Path("c.yaml")
DIGEST = MatchOptions().digest


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


TURNS = [{"role": "user", "content": f"turn {number}: " + "some words of a conversation. " * 10} for number in range(8)]


def ask(server: ScriptedServer, *turns: int) -> bytes:
    body = {"model": "m", "messages": [TURNS[turn] for turn in turns]}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).content


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        env={**environment(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def two_branches(server: ScriptedServer, folder: Path, attribute: str) -> dict[tuple[int, ...], bytes]:
    """A repository in which ``ours`` (checked out) and ``theirs`` each recorded on top of ``main``; all the answers."""
    live: dict[tuple[int, ...], bytes] = {}

    def record(*calls: tuple[int, ...]) -> None:
        with use_cassette(folder / "c.yaml", "new_episodes"):
            for call in calls:
                live.setdefault(call, ask(server, *call))
        assert git(folder, "add", "-A").returncode == 0
        assert git(folder, "commit", "-qm", "recorded").returncode == 0

    git(folder, "init", "-q")
    (folder / ".gitattributes").write_text(f"*.yaml {attribute}\n", encoding="utf-8")
    driver = f"{shlex.quote(sys.executable)} -m promptecho merge %O %A %B"
    git(folder, "config", "merge.promptecho.driver", driver)
    record((0,), (0, 1))
    git(folder, "checkout", "-qb", "theirs")
    record((0, 1, 2), (3,))
    git(folder, "checkout", "-q", "-b", "ours", "main")
    record((0, 1, 4), (5,), (0, 1, 4, 6))
    return live


def replays(server: ScriptedServer, folder: Path, live: dict[tuple[int, ...], bytes]) -> None:
    hits = server.hits
    with use_cassette(folder / "c.yaml", "none") as cassette:
        assert {call: ask(server, *call) for call in live} == live
        assert not cassette.unused
    assert server.hits == hits


def test_the_driver_joins_what_two_branches_recorded(server: ScriptedServer, tmp_path: Path) -> None:
    live = two_branches(server, tmp_path, "merge=promptecho")
    done = git(tmp_path, "merge", "theirs")
    assert done.returncode == 0, done.stdout + done.stderr
    replays(server, tmp_path, live)
    text = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    assert text.count("- request:") == 7
    assert text.count("same_as:") == 4
    with use_cassette(tmp_path / "c.yaml", "none") as cassette:  # opened by its marks
        assert all(hasattr(found, "bounds") for _, found in cassette.look_through())


def test_without_it_the_conflict_is_named_and_one_command_joins(server: ScriptedServer, tmp_path: Path) -> None:
    live = two_branches(server, tmp_path, "text")
    assert git(tmp_path, "merge", "theirs").returncode == 1
    conflicted = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    for mode in ("none", "once", "new_episodes"):
        with (
            pytest.raises(CassetteFormatError, match=r"c\.yaml, line \d+: .*conflict markers.*: promptecho merge "),
            use_cassette(tmp_path / "c.yaml", mode),
        ):
            pass
    done = promptecho(tmp_path, "merge", "c.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    replays(server, tmp_path, live)
    joined = (tmp_path / "c.yaml").read_bytes()
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "joined")
    (tmp_path / "c.yaml").write_text(conflicted, encoding="utf-8")  # git holds the three versions no longer
    assert promptecho(tmp_path, "merge", "c.yaml").returncode == 0
    assert (tmp_path / "c.yaml").read_bytes() == joined
    done = promptecho(tmp_path, "merge", "c.yaml")
    assert (done.returncode, done.stdout) == (0, "c.yaml: no conflict in it\n")


def test_a_union_that_runs_many_recordings_into_one_another_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    live = two_branches(server, tmp_path, "merge=union")
    assert git(tmp_path, "merge", "theirs").returncode == 0
    with pytest.raises(CassetteFormatError, match="merge=union of git"):
        replays(server, tmp_path, live)


def item(key: int, answer: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "url": "http://h/x",
            "match_key": f"{key:016x}",
            "matched_on": "all",
            "body": {"q": key} if body is None else body,
        },
        "response": {"status": 200, "headers": {}, "streaming": False, "body": answer},
        "duration": 0.1,
        **more,
    }


def file(*items: dict[str, Any], **header: Any) -> str:
    head = "".join(f"{name}: {value}\n" for name, value in header.items())
    return f"version: 2\n{head}interactions:\n" + "".join(store.item_text(each, DIGEST) for each in items)


def joined(base: str | None, ours: str, theirs: str, prefer: str | None = None) -> Any:
    sides = [None if text is None else read_side(text, PATH) for text in (base, ours, theirs)]
    return join(sides[0], sides[1], sides[2], PATH, prefer)  # type: ignore[arg-type]


A, B, C, D = (item(number, f"answer {number}") for number in range(4))


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ([A], [A, B], [A, C], [A, B, C]),
        ([A], [A, B], [A], [A, B]),
        ([A], [A], [A, C], [A, C]),
        ([A, B], [A], [A, B, C], [A, C]),  # deleted here
        ([A, B], [A, B, C], [B], [B, C]),  # deleted there
        ([A], [item(0, "again")], [A, C], [item(0, "again"), C]),  # recorded again here
        ([A], [A, C], [item(0, "again")], [item(0, "again"), C]),
        ([], [A, B], [A, C], [A, B, C]),  # the file is new on both sides
        ([A], [A, B], [A, item(1, "answer 1", duration=0.2)], [A, B]),  # the same answer, later
        ([A], [A, B], [A, item(1, "another")], [A, B, item(1, "another")]),  # two answers
        ([A, A], [A, A, A], [A, A, B], [A, A, A, B]),
    ],
)
def test_recordings_are_joined(base: list[Any], ours: list[Any], theirs: list[Any], expected: list[Any]) -> None:
    made = joined(file(*base) if base else "", file(*ours), file(*theirs))
    assert made.conflicts == ()
    assert made.text == file(*expected)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ([A, B], [item(0, "one"), B], [item(0, "other"), B]),
        ([A, B], [B], [item(0, "other"), B]),
        (None, [A, item(1, "one")], [A, item(1, "other")]),
    ],
)
def test_a_recording_that_both_sides_changed_is_a_conflict_with_a_way_out(
    base: list[Any] | None, ours: list[Any], theirs: list[Any]
) -> None:
    texts = None if base is None else file(*base), file(*ours), file(*theirs)
    made = joined(*texts)
    assert len(made.conflicts) == 1
    assert made.text.count("<<<<<<< ours\n") == made.text.count(">>>>>>> theirs\n") == 1
    with pytest.raises(CassetteFormatError, match="conflict markers"):
        store.parse(made.text, PATH)
    for prefer, side in (("ours", ours), ("theirs", theirs)):
        found = store.parse(joined(*texts, prefer=prefer).text, PATH).items
        assert sorted(map(str, found)) == sorted(map(str, side))


def test_the_headers_are_joined_key_by_key() -> None:
    base = file(A, match_on="[model]", recorded_at="2026-01-02T00:00:00Z")
    ours = file(A, match_on="[model]", unfinished="true", recorded_at="2026-03-01T00:00:00Z")
    theirs = file(A, B, match_on="all", recorded_at="2026-02-01T00:00:00Z")
    header = store.parse(joined(base, ours, theirs).text, PATH).header
    assert header == {"version": 2, "match_on": "all", "unfinished": True, "recorded_at": "2026-02-01T00:00:00Z"}
    other = file(A, match_on="[messages]", recorded_at="2026-01-02T00:00:00Z")
    assert joined(base, other, theirs).conflicts == ("match_on: ['messages'] and all",)


def test_what_is_kept_is_whole_where_the_other_side_deleted_what_it_refers_to() -> None:
    bodies = [{"messages": TURNS[:count]} for count in (2, 4, 6)]
    one, two, three = (item(number, f"answer {number}", body) for number, body in enumerate(bodies))
    base = store.document_text({}, [one, two], unfinished=False)
    ours = store.document_text({}, [one, two, three], unfinished=False)
    theirs = store.document_text({}, [two], unfinished=False)
    assert store.parse(joined(base, ours, theirs).text, PATH).items == [two, three]


def test_a_side_that_has_no_recordings_at_all_is_a_side() -> None:
    head = file(A).partition("- request")[0]
    assert joined(None, file(A, B), head).text == file(A, B)
    assert joined(None, head, file(A, B)).text == file(A, B)
    assert joined(None, head, head).text == head.replace("interactions:", "interactions: []")


def test_an_unfinished_side_with_a_torn_end_gives_what_is_whole() -> None:
    ours = file(A, B, unfinished="true")
    made = joined(file(A, unfinished="true"), ours[:-30], file(A, C, unfinished="true"))
    assert store.parse(made.text, PATH).items == [A, C]


def test_the_command_says_what_it_did_and_what_is_wrong(tmp_path: Path) -> None:
    for name, text in (("base", file(A)), ("ours", file(item(0, "one"))), ("theirs", file(item(0, "two")))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = promptecho(tmp_path, "merge", "base", "ours", "theirs")
    assert done.returncode == 1
    assert "changed on both sides: POST http://h/x, key 0000000000000000" in done.stdout
    assert (tmp_path / "ours").read_text(encoding="utf-8").count("<<<<<<<") == 1
    assert promptecho(tmp_path, "merge", "--theirs", "ours").returncode == 0
    assert (tmp_path / "ours").read_text(encoding="utf-8") == file(item(0, "two"))
    for wrong, said in (
        (["ours", "theirs"], "name one file with conflict markers, or three"),
        (["nowhere"], "nowhere doesn't exist"),
        (["base", "ours", "nowhere"], "nowhere doesn't exist"),
    ):
        done = promptecho(tmp_path, "merge", *wrong)
        assert (done.returncode, said in done.stderr) == (2, True)


CALLS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=4)


@settings(deadline=None)
@given(CALLS, CALLS, CALLS)
def test_nothing_that_a_side_added_is_lost(
    base: list[tuple[int, int]], ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    sides = [[item(key, f"answer {answer}") for key, answer in calls] for calls in (base, base + ours, base + theirs)]
    made = joined(*(store.document_text({}, side, unfinished=False) for side in sides))
    assert made.conflicts == ()
    found = store.parse(made.text, PATH).items
    assert all(each in found for side in sides for each in side)
    assert found[: len(sides[1])] == sides[1]


def union(folder: Path, *texts: str) -> str:
    for name, text in zip(("base", "ours", "theirs"), texts):
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["git", "merge-file", "-p", "--union", "ours", "base", "theirs"],
        cwd=folder, capture_output=True, encoding="utf-8", check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


WORDS = st.lists(st.sampled_from(["one", "two", "a b", "x: y", "- z"]), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_the_union_of_two_sides_is_never_read_as_something_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()

    def drawn(key: int) -> dict[str, Any]:
        words = data.draw(WORDS)
        messages = [{"role": "user", "content": word} for word in data.draw(WORDS)]
        return item(key, data.draw(st.sampled_from([" ", "\n"])).join(words), {"messages": messages})

    base = [drawn(0)]
    ours = base + [drawn(key) for key in range(1, data.draw(st.integers(2, 3)))]
    theirs = base + [drawn(key) for key in range(5, data.draw(st.integers(6, 7)))]
    text = union(folder, file(*base), file(*ours), file(*theirs))
    try:
        found = store.parse(text, PATH).items
    except CassetteFormatError:
        return
    assert found == [*ours, *theirs[1:]]


def test_a_leftover_of_a_conflict_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(file(A) + "=======\n" + file(B).partition("interactions:\n")[2], encoding="utf-8")
    with pytest.raises(CassetteFormatError, match=r"line \d+: .* conflict markers"):
        Cassette.load(path)


def test_a_call_that_neither_side_recorded_is_still_a_miss(server: ScriptedServer, tmp_path: Path) -> None:
    two_branches(server, tmp_path, "merge=promptecho")
    git(tmp_path, "merge", "theirs")
    with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none"):
        ask(server, 7)


def test_a_key_that_a_hook_put_behind_the_duration_is_no_second_recording() -> None:
    items = [item(number, "answer", note="seen") for number in range(2)]
    text = store.document_text({}, items, unfinished=False)
    assert "  duration: 0.1\n  note: seen\n" in text
    assert store.parse(text, PATH).items == items
    assert store.parse(text.replace("version: 2\n", "version: 2\nunfinished: true\n"), PATH).items == items
