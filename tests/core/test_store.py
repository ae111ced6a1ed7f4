"""The file: what is refused, what is kept, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from promptecho import Cassette, CassetteMiss, use_cassette
from promptecho._cassette.store import FileLock, Journal, document_text, item_text, parse, read_text, side_path
from promptecho.errors import (
    CassetteFileError,
    CassetteFormatError,
    CassetteWarning,
    CassetteWriteError,
    PromptechoError,
)
from tests.conformance.server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def ask(server: ScriptedServer, text: str = "hi") -> bytes:
    return httpx.post(f"{server.url}/echo", json={"prompt": text}, trust_env=False).content


HEAD = "version: 2\nmatch_on: [model]\ninteractions:\n"
ITEM = """\
- request:
    method: POST
    url: http://h/echo
    body: {prompt: hi}
  response:
    status: 200
    headers: {content-type: text/plain}
    streaming: false
    body: hello
"""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("just a text", "no 'version:'"),
        ("- 1\n- 2\n", "no 'version:'"),
        ("another version\n", "no 'version:'"),
        ("- version\n- interactions\n", "no 'version:'"),
        ("version: 1\ninteractions: []\n", "PROMPTECHO_MODE=all"),
        ("version: 99\ninteractions: []\n", "version 99"),
        ("version: true\n", "version True"),
        ("version: 2\ninteractions: 7\n", r"interactions is 7(?:\.5)?, expected a list"),
        ("version: 2\ninteractions: 7.5\n", r"interactions is 7(?:\.5)?, expected a list"),
        ("version: 2\ninteractions: {a: 1}\n", "interactions is {'a': 1}, expected a list"),
        ("version: 2\ninteractions: none yet\n", "interactions is 'none yet', expected a list"),
        ("version: 2\ninteractions: true\n", "interactions is True, expected a list"),
        (HEAD + ITEM[:40], r"interactions\[0\].response is None"),
        (HEAD + ITEM.replace("{prompt: hi}", "{prompt: hi"), "line"),
        (HEAD + ITEM.replace("hello", "!!python/object/apply:os.system [ls]"), "line 12"),
        (HEAD + ITEM.replace("    status: 200\n", ""), r"interactions\[0\].response.status"),
        (HEAD + ITEM.replace("200", "'200'"), r"response.status is '200', expected a status code"),
        (HEAD + ITEM.replace("200", "9000"), r"response.status is 9000"),
        (HEAD + ITEM.replace("{content-type: text/plain}", "7"), r"response.headers is 7, expected a mapping"),
        (HEAD + ITEM.replace("streaming: false", "streaming: perhaps"), r"response.streaming is 'perhaps'"),
        (HEAD + ITEM.replace("streaming: false", "streaming: true"), r"response.events is None, expected a list"),
        (HEAD + ITEM.replace("streaming: false", "binary: true"), "base64 is damaged"),
        (HEAD + ITEM.replace("method: POST", "method: 5"), r"request.method is 5"),
        (HEAD + ITEM.replace("    url: http://h/echo\n", ""), r"request.url is None"),
        (HEAD + ITEM.replace("body: {prompt: hi}", "body: [1]"), r"request.body is \[1\]"),
        (HEAD + ITEM + "  response: {status: 200}\n", "stands twice"),
        (HEAD + "- 5\n", r"interactions\[0\] is 5"),
        ("a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" + "".join(
            f"{chr(99 + n)}: &{chr(99 + n)} [{', '.join(['*' + chr(98 + n)] * 10)}]\n" for n in range(9)
        ), "aliases expand"),
        (HEAD.replace("[model]", "[" * 5000), r"nested more than 200|nesting depth"),
    ],
)  # fmt: skip
def test_a_broken_cassette_is_one_error_that_names_file_and_place_and_stays_as_it_was(
    server: ScriptedServer, tmp_path: Path, text: str, place: str
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    for mode in ("once", "none", "new_episodes"):
        with pytest.raises(CassetteFormatError, match=place) as caught, use_cassette(path, mode):
            ask(server)
        assert str(path) in str(caught.value)
        assert "line None" not in str(caught.value)
        assert isinstance(caught.value, ValueError)
    assert path.read_text(encoding="utf-8") == text
    assert server.hits == 0


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\x00\x01\x02\xff", 1),
        (b"\xff\n", 1),
        (b"version: 2\nx: \xff\ny: \xff\n", 2),
        (b"version: 2\nx: y\n\xc3", 3),
        (b"version: 2\nx: \x00\n", 2),
    ],
)
def test_a_binary_file_is_no_cassette(server: ScriptedServer, tmp_path: Path, data: bytes, line: int) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(data)
    with pytest.raises(CassetteFormatError, match=rf"binary\.yaml, line {line}: "), use_cassette(path):
        ask(server)
    assert path.read_bytes() == data
    assert server.hits == 0


def test_mode_all_does_not_need_to_read_the_old_file(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("version: 1\ninteractions: []\n", encoding="utf-8")
    with use_cassette(path, "all"):
        ask(server)
    assert len(Cassette.load(path).interactions) == 1


def test_a_folder_a_fifo_and_a_path_below_a_file_are_clear_errors(server: ScriptedServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "fifo", "no regular file"),
        (tmp_path / "file/c.yaml", "not a folder"),
    ):
        with pytest.raises(CassetteFileError, match=said) as caught, use_cassette(path):
            ask(server)
        assert isinstance(caught.value, OSError)
    assert server.hits == 0


def test_a_place_that_cannot_be_written_to_is_an_error_before_the_call(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root, whom no permission stops
    with pytest.raises(CassetteWriteError, match="no permission"), use_cassette(tmp_path / "c.yaml"):
        ask(server)
    assert server.hits == 0


def test_a_full_disk_leaves_the_file_as_it_was(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "first")
    old = path.read_bytes()
    program = f"""
        import httpx, promptecho, resource, signal, sys
        from promptecho.errors import CassetteWriteError
        sys.dont_write_bytecode = True  # the limit would cut it too, and trip the processes that read it later
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({len(old) + 100}, {len(old) + 100}))
        try:
            with promptecho.use_cassette({str(path)!r}, "new_episodes"):
                httpx.post({server.url!r} + "/echo", json={{"prompt": "x" * 500}}, trust_env=False)
        except CassetteWriteError as error:
            assert "can't be written" in str(error) and "c.yaml" in str(error), error
        else:
            raise SystemExit("no error")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"]


def test_a_disk_that_fills_up_takes_back_the_half_of_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    program = f"""
        import resource, signal
        from pathlib import Path
        from promptecho._cassette.store import Journal
        from promptecho.errors import CassetteWriteError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        path = Path({str(path)!r})
        journal = Journal(path, {{}})
        entry = {entry(1)!r}
        journal.append(entry)
        old = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) + 100, resource.RLIM_INFINITY))
        try:
            journal.append({{**entry, "more": "x" * 500}})
        except CassetteWriteError as error:
            assert "c.yaml: the recording can't be written: No space left" in str(error), error
        else:
            raise SystemExit("no error")
        assert path.read_bytes() == old
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.append(entry)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
    assert parse(path.read_text(encoding="utf-8"), path).items == [entry(1), entry(1)]


def test_every_finished_call_survives_a_kill_and_the_next_run_records_the_rest(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    program = f"""
        import httpx, os, promptecho, signal
        with promptecho.use_cassette({str(path)!r}):
            for number in range(5):
                httpx.post({server.url!r} + "/echo", json={{"prompt": str(number)}}, trust_env=False)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert "unfinished: true" in path.read_text(encoding="utf-8")
    assert len(Cassette.load(path).interactions) == 5
    with use_cassette(path) as cassette:
        for number in range(7):
            ask(server, str(number))
    assert (len(cassette.played), len(cassette.recorded)) == (5, 2)
    assert "unfinished" not in path.read_text(encoding="utf-8")
    assert len(Cassette.load(path).interactions) == 7


def test_a_recording_that_ends_in_an_exception_is_marked_and_resumed(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ZeroDivisionError), use_cassette(path):
        ask(server, "one")
        raise ZeroDivisionError
    assert "unfinished: true" in path.read_text(encoding="utf-8")
    with pytest.warns(CassetteWarning, match="unfinished"), use_cassette(path, "none"):
        ask(server, "one")
    with use_cassette(path):
        ask(server, "one")
        ask(server, "two")
    assert server.hits == 2
    assert "unfinished" not in path.read_text(encoding="utf-8")
    with pytest.raises(CassetteMiss), use_cassette(path, "none"):
        ask(server, "three")


def test_a_call_whose_retry_was_cut_off_is_made_again_on_resuming(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"

    def status() -> int:
        return httpx.get(f"{server.url}/flaky?kind=r", trust_env=False).status_code

    with pytest.raises(ZeroDivisionError), use_cassette(path, on_record_error="record"):
        assert status() == 429
        raise ZeroDivisionError
    with use_cassette(path, on_record_error="record"):
        assert status() == 200
    with use_cassette(path, "none"):
        assert status() == 200


@pytest.mark.parametrize("cut", range(20, 400, 20))
def test_a_torn_last_entry_is_left_out_and_the_rest_kept(server: ScriptedServer, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ZeroDivisionError), use_cassette(path):
        live = [ask(server, "one"), ask(server, "two")]
        raise ZeroDivisionError
    text = path.read_text(encoding="utf-8")
    begin = text.rindex("\n- request")
    path.write_text(text[: min(len(text) - 1, begin + cut)], encoding="utf-8")
    with pytest.warns(CassetteWarning, match="cut off"), use_cassette(path):
        assert ask(server, "one") == live[0]
        ask(server, "two")
    assert server.hits == 3
    with use_cassette(path, "none") as cassette:
        ask(server, "two")
    assert len(cassette.interactions) == 2


def test_processes_that_record_into_one_file_lose_nothing(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    program = f"""
        import httpx, promptecho, sys
        with promptecho.use_cassette({str(path)!r}, "new_episodes"):
            for number in range(8):
                httpx.post({server.url!r} + "/echo", json={{"prompt": sys.argv[1] + str(number)}}, trust_env=False)
    """
    running = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), f"process {number} call "])
        for number in range(4)
    ]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    prompts = sorted(each.body["prompt"] for each in Cassette.load(path).interactions)
    assert prompts == sorted(f"process {a} call {b}" for a in range(4) for b in range(8))
    assert "unfinished" not in path.read_text(encoding="utf-8")


def test_a_pure_replay_never_writes(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server)
    before = path.stat()
    for mode in ("once", "none", "new_episodes"):
        with use_cassette(path, mode):
            ask(server)
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"]


def test_replacing_keeps_the_mode_of_a_file_and_follows_a_link(server: ScriptedServer, tmp_path: Path) -> None:
    path, link = tmp_path / "c.yaml", tmp_path / "link.yaml"
    with use_cassette(path):
        ask(server)
    path.chmod(0o640)
    link.symlink_to(path)
    with use_cassette(link, "all"):
        ask(server)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert "call" in path.read_text(encoding="utf-8")


NOTED = """\
# which calls these are
version: 2
# why these
interactions:
# by hand
""" + ITEM.replace("hello", "hello  # a note")  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        HEAD + ITEM,
        NOTED,
        HEAD + ITEM + "\n\n",
        HEAD + ITEM.rstrip("\n"),
        HEAD.replace("version: 2", "version:  2") + ITEM,
        HEAD.replace("\n", "\r\n") + ITEM.replace("\n", "\r\n"),
        HEAD.replace("interactions", "unfinished: false\ninteractions") + ITEM,
        "version: 2\ninteractions: []\n",
        "version: 2\nunfinished: true\ninteractions:\n",
        "interactions:\n" + ITEM + "version: 2\n",
    ],
)
def test_what_was_written_by_hand_stays_and_is_marked_while_a_recording_goes_on_in_it(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode("utf-8"))
    before = parse(text, path)
    journal = Journal(path, before.header)
    for number in range(2):
        journal.append(entry(number))
        now = parse(path.read_text(encoding="utf-8"), path)
        assert now.unfinished
        assert now.items == [*before.items, *map(entry, range(number + 1))]
    journal.complete()
    now = parse(path.read_text(encoding="utf-8"), path)
    assert now.items == [*before.items, entry(0), entry(1)]
    assert not now.unfinished
    assert not now.torn
    if text == NOTED:
        assert path.read_text(encoding="utf-8") == text + item_text(entry(0)) + item_text(entry(1))


def entry(number: int, text: str = "é") -> dict[str, Any]:
    body = {"prompt": f"call {number}: {text}", "more": f"a line\nunfinished: true\n{number}\n"}
    return {
        "request": {"method": "POST", "url": "http://h/x", "match_key": f"{number:016x}", "body": body},
        "response": {"status": 200, "headers": {}, "streaming": False, "body": text * 3},
        "duration": 0.1,
    }


def test_a_recording_that_was_cut_off_anywhere_keeps_what_was_whole_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    journal = Journal(path, {"match_on": ["model"]})
    ends = []
    for number in range(4):
        journal.append(entry(number))
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    for cut in range(ends[1], len(data)):
        path.write_bytes(data[:cut])
        whole = [entry(number) for number, end in enumerate(ends) if end <= cut]
        found = parse(read_text(path) or "", path)
        assert (found.items, found.torn) == (whole, cut not in ends)
        ends_a_line, is_a_dash, is_in_a_letter = data[cut - 1] == 10, cut - 1 in ends, data[cut - 1] > 127
        if cut in ends or ends_a_line or is_a_dash or is_in_a_letter:
            Journal(path, {}).complete()
            assert parse(read_text(path) or "", path).items == whole
            assert path.read_bytes().endswith(b"\n")
            path.write_bytes(data[:cut])
            again = Journal(path, {})
            again.append(entry(9))
            again.complete()
            found = parse(path.read_text(encoding="utf-8"), path)
            assert found.items == [*whole, entry(9)]
            assert found.header == {"version": 2, "match_on": ["model"]}


def test_a_recording_without_a_duration_that_was_just_written_is_no_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    older = {name: part for name, part in entry(2).items() if name != "duration"}
    journal = Journal(path, {})
    journal.append(entry(1))
    journal.append(older)  # taken over from a cassette of promptecho 0.1.3
    journal.complete()
    assert parse(path.read_text(encoding="utf-8"), path).items == [entry(1), older]


def test_a_line_of_a_prompt_is_never_taken_for_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(document_text({}, [entry(1), {**entry(2), "duration": "?"}], unfinished=False), encoding="utf-8")
    old = path.read_bytes()
    assert b"  unfinished: true\n" in old
    Journal(path, {}).complete()  # another process has taken the mark away
    assert path.read_bytes() == old
    path.write_bytes(old.replace(b'  duration: "?"\n', b""))
    assert len(parse(path.read_text(encoding="utf-8"), path).items) == 2


def test_a_cassette_that_is_taken_away_while_it_is_recorded_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "below" / "more" / "c.yaml"
    journal = Journal(path, {})
    journal.prepare()
    journal.append(entry(1))
    path.unlink()
    for step in (journal.prepare, lambda: journal.append(entry(2))):
        with pytest.raises(CassetteWriteError, match=r"c\.yaml was removed while .* is gone with it; run again"):
            step()
    journal.complete()
    assert not path.exists()
    path.parent.rmdir()
    with pytest.raises(CassetteWriteError, match="can't be written: No such file or directory"):
        Journal(path, {}).append(entry(1))


def access_by(modes: dict[Path, int]) -> Any:
    return lambda path, asked: modes[Path(path)] >> 6 & asked == asked


@pytest.mark.parametrize(
    ("place", "mode", "said"),
    [
        ("c.yaml", 0o444, "the file is read-only"),
        ("", 0o555, "no permission to write in the folder"),
        ("", 0o666, "no permission to write in the folder"),
        ("c.yaml", 0o644, None),
    ],
)
def test_what_may_not_be_written_to_is_said_before_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, mode: int, said: str | None
) -> None:
    path = tmp_path / "c.yaml"
    for old in (False, True):
        if old:
            path.write_text(HEAD + ITEM, encoding="utf-8")
        elif place:
            continue
        modes = {tmp_path: 0o755, path: 0o644, tmp_path / place: mode}
        monkeypatch.setattr(os, "access", access_by(modes))  # root, as whom tests may run, has access to all
        if said is None:
            Journal(path, {}).prepare()
            continue
        with pytest.raises(CassetteWriteError, match=said) as caught:
            Journal(path, {}).prepare()
        assert isinstance(caught.value.__cause__, PermissionError)


def test_what_can_take_no_place_leaves_both_files_as_they_were(tmp_path: Path) -> None:
    side, target = tmp_path / "c.rerecording.yaml", tmp_path / "c.yaml"
    journal = Journal(side, {})
    journal.append(entry(1))
    (target / "x").mkdir(parents=True)
    with pytest.raises(
        CassetteFileError, match=r"c\.yaml: the new recording can't take its place: .*irectory.*; it is in "
    ):
        journal.move_to(target)
    with pytest.raises(
        CassetteFileError, match=r"the finished recording can't be written: .*is a folder.*stays, marked"
    ):
        Journal(target, {}).complete()
    assert len(parse(side.read_text(encoding="utf-8"), side).items) == 1
    journal.move_to(tmp_path / "new.yaml")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.yaml", "new.yaml"]


def test_the_file_beside_a_cassette_has_a_name_of_its_own_that_any_folder_takes() -> None:
    for name, expected in (
        ("c.yaml", "c.rerecording.yaml"),
        ("a.b.yml", "a.b.rerecording.yml"),
        ("plain", "plain.rerecording.yaml"),
    ):
        assert side_path(Path("f") / name) == Path("f") / expected
    long = [side_path(Path("f") / (letter * size + ".yaml")) for letter in "xé" for size in (120, 240, 245, 250)]
    assert len(set(long)) == len(long)
    assert all(len(path.name.encode()) <= 255 and path.name.endswith(".rerecording.yaml") for path in long)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are text")
@pytest.mark.parametrize("length", [1, 245])
def test_a_name_that_is_no_utf8_works(server: ScriptedServer, tmp_path: Path, length: int) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + b"\xe9" * length + b".yaml"))
    for mode in ("once", "all", "none"):
        with use_cassette(path, mode):
            ask(server)
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_of_the_locks_is_made_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with FileLock(tmp_path / "c.yaml"):
        [folder] = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.name.endswith(f"-{os.getuid()}")
    with FileLock(tmp_path / "c.yaml"), FileLock(tmp_path / "other.yaml"):
        assert len(list(folder.iterdir())) == 2


def test_a_name_of_250_characters_works(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 245 + ".yaml")
    for mode in ("once", "all", "none"):
        with use_cassette(path, mode):
            ask(server)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_another_layout_is_appended_to_without_losing_anything(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    indented = "".join(f"  {line}\n" for line in ITEM.splitlines())
    path.write_text(HEAD + indented, encoding="utf-8")
    with use_cassette(path, "new_episodes") as cassette:
        ask(server, "new")
    assert len(cassette.recorded) == 1
    assert len(Cassette.load(path).interactions) == 2


def test_the_file_reads_the_same_with_any_yaml_reader(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    hostile = [
        "on",
        "1e3",
        "2020-01-01",
        "---",
        "a: b",
        "\u0085 nel",
        "tab\tend ",
        "multi\nline\n",
        " lead",
        "#no",
        "12:30",
    ]
    with use_cassette(path):
        for text in hostile:
            ask(server, text)
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [item["request"]["body"]["prompt"] for item in tree["interactions"]] == hostile
    assert tree["version"] == 2
    with use_cassette(path, "none") as cassette:
        for text in hostile:
            ask(server, text)
    assert not cassette.unused


def test_every_error_of_the_library_has_one_base() -> None:
    from promptecho import errors

    for name in errors.__all__:
        if not name.endswith("Warning"):
            assert issubclass(getattr(errors, name), PromptechoError)


def test_before_record_can_change_and_drop_an_interaction(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"

    def hook(interaction: dict[str, object]) -> object:
        request = interaction["request"]
        assert isinstance(request, dict)
        if request["body"]["prompt"] == "drop me":
            return None
        return {**interaction, "note": "seen"}

    with use_cassette(path, before_record=hook) as cassette:
        ask(server, "drop me")
        ask(server, "keep me")
    assert [each.body["prompt"] for each in cassette.recorded] == ["keep me"]
    assert "note: seen" in path.read_text(encoding="utf-8")


def test_a_secret_in_a_body_under_fail_is_not_written(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(CassetteWriteError, match="OPENAI_KEY"), use_cassette(path, on_secret="fail"):
        ask(server, "my key is sk-proj-" + "a1B2" * 12)
    assert not path.exists()
