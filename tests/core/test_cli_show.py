"""ls, show, stats, diff and completion, run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import promptecho
from promptecho._cassette.store import document_text
from promptecho._cli._model_server import ModelServer
from tests import command_line

Json = Any
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "cassettes" / "weather_agent.yaml"
COMMANDS = ("ls", "show", "stats", "diff")


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return command_line.promptecho(folder, *arguments, **{"COLUMNS": "100", **more})


def data(done: subprocess.CompletedProcess[str]) -> Json:
    return json.loads(done.stdout)


def recording(messages: Json, answer: Json, *, url: str = "https://api.openai.com/v1/chat/completions", status: int = 200,
              **body: Json) -> Json:  # fmt: skip
    """An interaction as the file holds it."""
    return {
        "request": {"method": "POST", "url": url, "query": "", "body": {"model": "gpt-5", "messages": messages, **body}},
        "response": {"status": status, "headers": {"content-type": "application/json"}, "streaming": False,
                     "body": answer, "json": "compact"},
        "duration": 0.5,
    }  # fmt: skip


def said(text: str | None, *calls: Json, reason: str = "stop", tokens: tuple[int, int] = (20, 9)) -> Json:
    message: Json = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = list(calls)
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return {"model": "gpt-5", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}


def call(name: str, arguments: Json, identity: str = "call_1") -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def cassette(path: Path, *items: Json, unfinished: bool = False, **header: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {"recorded_at": "2026-11-24T22:14:32Z", **header}
    path.write_text(document_text(given, list(items), unfinished=unfinished), encoding="utf-8")
    return path


def user(text: Json) -> Json:
    return {"role": "user", "content": text}


def assistant(text: str | None, *calls: Json) -> Json:
    return {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}


def tool(text: str, identity: str = "call_1") -> Json:
    return {"role": "tool", "tool_call_id": identity, "content": text}


# --- show -------------------------------------------------------------------------------------------------------------


def agent(path: Path) -> Path:
    """Three rounds of an agent, each request with the whole history."""
    first = [user("Compare Paris and Rome.")]
    second = [*first, assistant(None, call("weather", {"city": "Paris"})), tool("18 degrees")]
    third = [*second, assistant("And Rome.", call("weather", {"city": "Rome"}, "call_2")), tool("25 degrees", "call_2")]
    tools = [{"name": "weather", "parameters": {"type": "object"}}]
    return cassette(
        path,
        recording(first, said(None, call("weather", {"city": "Paris"}, "call_x")), system="Be brief.", tools=tools),
        recording(
            second, said("And Rome.", call("weather", {"city": "Rome"}, "call_y")), system="Be brief.", tools=tools
        ),
        recording(third, said("Rome is warmer."), system="Be brief.", tools=tools),
    )


def test_a_history_that_is_repeated_is_shown_once(tmp_path: Path) -> None:
    shown = run(tmp_path, "show", str(agent(tmp_path / "a.yaml"))).stdout
    for once in ("Compare Paris and Rome.", "Be brief.", "tools: weather", '-> weather(city="Paris")', "18 degrees",
                 "And Rome.", '-> weather(city="Rome")', "weather <- 25 degrees", "Rome is warmer."):  # fmt: skip
        assert shown.count(once) == 1, once
    assert "(2 earlier messages as in [0])" in shown
    assert "(4 earlier messages as in [1])" in shown


def test_full_shows_each_request_whole_and_so_does_a_single_recording(tmp_path: Path) -> None:
    path = str(agent(tmp_path / "a.yaml"))
    assert run(tmp_path, "show", path, "--full").stdout.count("Compare Paris and Rome.") == 3
    alone = run(tmp_path, "show", path, "2").stdout
    assert alone.count("Compare Paris and Rome.") == 1
    assert "earlier message" not in alone


def test_what_an_agent_changed_in_its_history_is_not_taken_for_repeated(tmp_path: Path) -> None:
    first = [user("one")]
    path = cassette(
        tmp_path / "a.yaml",
        recording(first, said("the answer")),
        recording([*first, assistant("another answer"), user("two")], said("fine")),
    )
    shown = run(tmp_path, "show", str(path)).stdout
    assert "another answer" in shown
    assert "(1 earlier message as in [0])" in shown


def test_the_same_question_asked_twice_is_shown_twice(tmp_path: Path) -> None:
    path = cassette(tmp_path / "a.yaml", recording([user("hi?")], said("a")), recording([user("hi?")], said("b")))
    assert run(tmp_path, "show", str(path)).stdout.count("hi?") == 2


def test_a_recording_is_named_by_its_number_or_the_start_of_its_key(tmp_path: Path) -> None:
    path = str(agent(tmp_path / "a.yaml"))
    key = data(run(tmp_path, "show", path, "1", "--json"))["recordings"][0]["key"]
    by_key = data(run(tmp_path, "show", path, key[:6], "--json"))["recordings"]
    assert [each["number"] for each in by_key] == [1]
    for wrong in ("3", "-1", "zzzz", "12345678901234567890"):
        done = run(tmp_path, "show", path, "--", wrong)
        assert done.returncode == 2
        assert "3 recordings, numbered from 0" in done.stderr


def test_streams_are_put_together_and_shown_as_a_recording_has_them(tmp_path: Path) -> None:
    path = tmp_path / "real.yaml"
    httpx = pytest.importorskip("httpx", reason="needs httpx")
    with ModelServer() as server, promptecho.use_cassette(path), httpx.Client() as client:
        for body in (
            {"model": "gpt-5", "messages": [user("streamed?")], "stream": True},
            {"model": "gpt-5", "messages": [user("plain?")]},
        ):
            client.post(f"{server.url}/v1/chat/completions", json=body)
        claude = {"model": "claude-x", "messages": [user("think")], "max_tokens": 9, "stream": True,
                  "thinking": {"type": "enabled", "budget_tokens": 1024}}  # fmt: skip
        client.post(f"{server.url}/v1/messages", json=claude)
        client.post(f"{server.url}/v1/embeddings", json={"model": "e", "input": ["one"]})
    shown = run(tmp_path, "show", str(path)).stdout
    assert "Answer 1 to: streamed?" in shown
    assert "Answer 2 to: plain?" in shown
    assert "(thinking) thought 3" in shown
    assert 'input: ["one"]' in shown
    raw = run(tmp_path, "show", str(path), "0", "--raw").stdout
    assert raw.startswith("POST http://127.0.0.1")
    assert 'data: {"id": "chatcmpl-1"' in raw
    assert raw.rstrip().endswith("data: [DONE]")
    listed = data(run(tmp_path, "ls", str(path), "--json"))["cassettes"][0]
    assert (listed["calls"], listed["streams"], listed["models"]) == (4, 2, ["gpt-5", "claude-x", "e"])


def test_pictures_are_notes_and_thinking_and_errors_are_said(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 16384}}
    path = cassette(
        tmp_path / "a.yaml",
        recording([user([{"type": "text", "text": "What is it?"}, picture])], said("A cat."), temperature=0.5),
        recording([user("again")], {"error": {"message": "slow down"}}, status=429),
    )
    shown = run(tmp_path, "show", str(path)).stdout
    assert "[image/png, 12 KB]" in shown
    assert "AAAA" not in shown
    assert "temperature: 0.5" in shown
    assert "error 429: slow down" in shown
    listed = run(tmp_path, "ls", str(path)).stdout
    assert "finished, 1 error" in " ".join(listed.split())


def test_long_texts_are_wrapped_and_nothing_is_cut(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(400))
    unbroken = "x" * 500
    path = cassette(tmp_path / "a.yaml", recording([user(words)], said(unbroken)))
    shown = run(tmp_path, "show", str(path), COLUMNS="60").stdout
    assert max(map(len, shown.splitlines())) <= 60
    assert words in " ".join(shown.split())
    assert unbroken in "".join(shown.split())


def test_the_json_of_show_has_the_conversation(tmp_path: Path) -> None:
    tree = data(run(tmp_path, "show", str(agent(tmp_path / "a.yaml")), "--json"))
    assert set(tree) == {"cassette", "recorded_at", "recorded_with", "unfinished", "recordings"}
    second = tree["recordings"][1]
    assert second["repeats"] == {"recording": 0, "messages": 2}
    assert second["messages"][2] == {
        "role": "tool", "pieces": [{"kind": "tool_result", "text": "18 degrees", "name": "weather", "id": "call_1"}]}  # fmt: skip
    assert second["answer"]["tool_calls"] == [{"name": "weather", "arguments": {"city": "Rome"}, "id": "call_y"}]
    assert second["answer"]["usage"]["input_tokens"] == 20
    assert (second["system"], second["tools"]) == ("Be brief.", ["weather"])


# --- a cassette from a stranger ---------------------------------------------------------------------------------------

EVIL = "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red] [link=http://x]y[/link] :boom: \x9b31m\u202etxt\u2028\ud800\x00\r"


def hostile(path: Path) -> Path:
    answer = said(EVIL, call(EVIL, {EVIL: EVIL}), reason=EVIL)
    answer["model"] = EVIL
    item = recording([user(EVIL), {"role": EVIL, "content": EVIL}], answer, system=EVIL, tools=[{"name": EVIL}])
    failed = recording([user("x")], {"error": {"message": EVIL}}, status=500, model=EVIL)
    half = recording([user("half a character")], None)
    half["response"]["body"] = json.dumps(said("\ud800"))  # a lone surrogate: YAML can't hold it, JSON text can
    del half["response"]["json"]
    text = json.dumps(
        {"version": 2, "recorded_at": EVIL, "recorded_with": {EVIL: EVIL}, "interactions": [item, failed, half]}
    )
    path.write_text(re.sub(r"(?<!\\)\\ud800", "", text), encoding="utf-8")
    return path


def test_a_cassette_from_a_stranger_does_not_drive_the_terminal(tmp_path: Path) -> None:
    path = str(hostile(tmp_path / "evil.yaml"))
    other = str(cassette(tmp_path / "other.yaml", recording([user("x")], said("x"))))
    for arguments in (["ls", path], ["show", path], ["show", path, "--raw"], ["show", path, "--json"], ["stats", path],
                      ["stats", path, "--json"], ["diff", path, other], ["diff", other, path, "--json"]):  # fmt: skip
        done = run(tmp_path, *arguments)
        assert done.stdout, arguments
        for character in done.stdout:
            assert character == "\n" or (character.isprintable() and not 0x7F <= ord(character) < 0xA0), (
                arguments, character)  # fmt: skip
    shown = run(tmp_path, "show", path).stdout
    assert "[bold red]x[/bold red] [link=http://x]y[/link] :boom:" in " ".join(shown.split())
    assert "\\x1b" in shown
    assert "\\u202e" in shown
    assert "\\ud800" in shown


def test_in_colour_the_only_sequences_are_those_of_colour(tmp_path: Path) -> None:
    path = str(hostile(tmp_path / "evil.yaml"))
    other = str(cassette(tmp_path / "other.yaml", recording([user("x")], said("x"))))
    coloured = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm-256color"}
    for arguments in (["ls", path], ["show", path], ["stats", path], ["diff", path, other]):
        shown = run(tmp_path, *arguments, **coloured).stdout
        assert "\x1b[" in shown, arguments
        assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", shown), arguments


def test_text_is_written_in_any_encoding_of_the_terminal(tmp_path: Path) -> None:
    path = str(cassette(tmp_path / "a.yaml", recording([user("h\u00e9llo \u4f60\u597d \U0001f600")], said("\u20ac"))))
    for arguments in (["ls", path], ["show", path], ["show", path, "--raw"], ["stats", path], ["diff", path, path]):
        assert run(tmp_path, *arguments, PYTHONIOENCODING="ascii").returncode == 0
    assert "\u4f60\u597d" in run(tmp_path, "show", path).stdout


# --- files that can't be read -----------------------------------------------------------------------------------------


def broken(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    good = EXAMPLE.read_text(encoding="utf-8")
    texts = {
        "empty": "", "version1": "version: 1\ninteractions: []\n", "future": "version: 99\n", "foreign": "a: 1\n",
        "not_yaml": "version: 2\ninteractions: [\n", "cut": good[: len(good) // 2] + "\n\t&",
        "tag": "version: 2\ninteractions: !!python/object/apply:os.system [id]\n",
        "bomb": "version: 2\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")),
        "list": "- 1\n", "interactions": "version: 2\ninteractions: 7\n",
        "item": "version: 2\ninteractions: [7]\n",
        "types": good.replace("status: 200", "status: soon", 1),
        "url": good.replace("http://127.0.0.1:9", "http://[broken", 1),
        "body": good.replace("json: spaced", "json: sideways", 1),
    }  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    return {path.stem: path for path in folder.iterdir()}


def test_files_that_cannot_be_read_are_rows_and_exit_code_1(tmp_path: Path) -> None:
    files = broken(tmp_path / "cassettes")
    shutil.copy(EXAMPLE, tmp_path / "cassettes")
    (tmp_path / "cassettes" / "folder.yaml").mkdir()
    done = run(tmp_path, "ls", "--json")
    assert done.returncode == 1
    rows = {Path(row["path"]).stem: row for row in data(done)["cassettes"]}
    assert set(rows) == {*files, "weather_agent"}
    assert {name for name, row in rows.items() if row["state"] == "unreadable"} == set(files)
    assert all(row["path"].rpartition("/")[2] in row["problem"] for row in rows.values() if row["problem"])
    assert run(tmp_path, "ls").returncode == 1
    assert run(tmp_path, "stats").returncode == 1
    assert data(run(tmp_path, "stats", "--json"))["total"]["calls"] == 2


def test_each_command_says_in_one_line_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    for name, path in broken(tmp_path / "cassettes").items():
        for arguments in (["show", str(path)], ["diff", str(path), str(EXAMPLE)]):
            done = run(tmp_path, *arguments)
            assert done.returncode == 2, name
            assert done.stderr.startswith("Error: "), name
            assert path.name in done.stderr, name


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = Path(shutil.copy(EXAMPLE, tmp_path))
    path.chmod(0)
    assert run(tmp_path, "ls", str(path)).returncode == 1
    assert run(tmp_path, "show", str(path)).returncode == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_without_permission_is_an_error_and_not_empty(tmp_path: Path) -> None:
    folder = cassette(tmp_path / "closed" / "a.yaml", recording([user("x")], said("y"))).parent
    folder.chmod(0)
    done = run(tmp_path, "ls", "closed")
    folder.chmod(0o700)
    assert done.returncode == 2
    assert "closed can't be listed" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_no_cassette_and_nothing_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "no regular file" in " ".join(run(tmp_path, "ls", "pipe.yaml").stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_use_is_exit_code_2_and_says_what_to_do(tmp_path: Path, command: str) -> None:
    for arguments in (["nowhere.yaml"], ["--no-such-option"], [str(tmp_path / "a" / "b.yaml"), "x"]):
        done = run(tmp_path, command, *arguments)
        assert done.returncode == 2
        assert "Error" in done.stderr
    folder = run(tmp_path, "show", str(tmp_path))
    assert folder.returncode == 2
    assert "is a folder" in folder.stderr


def test_an_unfinished_cassette_with_a_torn_end_is_read_up_to_it(tmp_path: Path) -> None:
    path = cassette(tmp_path / "a.yaml", *[recording([user(str(n))], said(str(n))) for n in range(3)], unfinished=True)
    path.write_text(path.read_text(encoding="utf-8")[:-60], encoding="utf-8")
    row = data(run(tmp_path, "ls", str(path), "--json"))["cassettes"][0]
    assert (row["state"], row["calls"]) == ("unfinished", 2)
    assert "unfinished" in run(tmp_path, "show", str(path)).stdout


# --- ls and stats -----------------------------------------------------------------------------------------------------


def test_without_paths_the_cassettes_folders_below_are_meant(tmp_path: Path) -> None:
    for place in ("cassettes/a.yaml", "tests/cassettes/deep/b.yml", "other/c.yaml", ".hidden/cassettes/d.yaml"):
        cassette(tmp_path / place, recording([user("x")], said("y")))
    listed = [row["path"] for row in data(run(tmp_path, "ls", "--json"))["cassettes"]]
    assert listed == ["cassettes/a.yaml", "tests/cassettes/deep/b.yml"]
    named = [row["path"] for row in data(run(tmp_path, "ls", "other", "cassettes/a.yaml", "--json"))["cassettes"]]
    assert named == ["cassettes/a.yaml", "other/c.yaml"]
    nothing = run(tmp_path / "other", "ls")
    assert (nothing.returncode, nothing.stderr) == (0, "No cassettes found here.\n")
    assert data(run(tmp_path / "other", "ls", "--json")) == {"cassettes": []}


def test_the_list_fits_into_80_columns(tmp_path: Path) -> None:
    for number in range(3):
        cassette(
            tmp_path / "cassettes" / f"a_test_with_a_rather_long_name_{number}.yaml", recording([user("x")], said("y"))
        )
    done = run(tmp_path, "ls", COLUMNS="80")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "finished" in done.stdout
    assert "2026-11-24" in done.stdout
    assert " ago" not in done.stdout


def test_the_age_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    path = cassette(tmp_path / "a.yaml", recording([user("x")], said("y")), recorded_at="2020-01-01T00:00:00Z")
    assert "years" in run(tmp_path, "ls", "--age", str(path)).stdout


def test_statistics_add_up(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices", reason="a model without a price is told of")
    cheap = {**said("y", tokens=(1000, 10)), "model": "model-of-nobody"}
    cassette(tmp_path / "cassettes" / "a.yaml", recording([user("x")], said("y")), recording([user("z")], said("y")))
    cassette(tmp_path / "cassettes" / "b.yaml", recording([user("x")], cheap))
    tree = data(run(tmp_path, "stats", "--json"))
    assert tree["total"]["calls"] == 3
    assert (tree["total"]["input_tokens"], tree["total"]["output_tokens"]) == (1040, 28)
    assert tree["total"]["seconds"] == 1.5
    assert {each["model"]: each["calls"] for each in tree["models"]} == {"gpt-5": 2, "model-of-nobody": 1}
    assert [Path(each["path"]).name for each in tree["files"]] == ["a.yaml", "b.yaml"]
    listed = data(run(tmp_path, "ls", "--json"))["cassettes"]
    assert sum(row["input_tokens"] for row in listed) == tree["total"]["input_tokens"]
    shown = run(tmp_path, "stats").stdout
    assert "3 calls in 2 cassettes" in shown
    assert "1 call without a known price" in shown


# --- diff -------------------------------------------------------------------------------------------------------------


def test_equal_cassettes_have_no_differences_whatever_their_order(tmp_path: Path) -> None:
    one, other = recording([user("one")], said("1")), recording([user("other")], said("2"))
    before, after = cassette(tmp_path / "a.yaml", one, other), cassette(tmp_path / "b.yaml", other, one)
    done = run(tmp_path, "diff", str(before), str(after))
    assert (done.returncode, done.stdout) == (0, "0 removed, 0 added, 0 changed, 2 same\n")


def test_ids_dates_and_durations_are_no_difference(tmp_path: Path) -> None:
    one = recording([user("one")], {**said(None, call("f", {}, "call_a")), "id": "a", "created": 1})
    other = {
        **recording([user("one")], {**said(None, call("f", {}, "call_b")), "id": "b", "created": 2}),
        "duration": 9.0,
    }
    before, after = cassette(tmp_path / "a.yaml", one), cassette(tmp_path / "b.yaml", other)
    assert run(tmp_path, "diff", str(before), str(after)).returncode == 0


def test_each_kind_of_difference_is_named(tmp_path: Path) -> None:
    question = [user("What is the weather like in the city of Paris today?")]
    before = cassette(
        tmp_path / "a.yaml",
        recording(question, said("It is dry.", call("weather", {"city": "Paris"}))),
        recording([user("only in the first")], said("x")),
        recording([user("Tell me all about the history of the old town of Rome")], said("Long.")),
    )
    after = cassette(
        tmp_path / "b.yaml",
        recording(question, said("It is wet.", call("weather", {"city": "Rome"}), reason="length", tokens=(20, 30))),
        recording([user("Tell me all about the history of the old town of Oslo")], said("Long.")),
        recording(
            [{"role": "user", "content": "quite another thing"}], said("z"), url="https://api.openai.com/v2/chat"
        ),
    )
    done = run(tmp_path, "diff", str(before), str(after))
    assert done.returncode == 1
    for expected in ("It is [-dry-]{+wet+}.", '- -> weather(city="Paris")', '+ -> weather(city="Rome")',
                     "finish_reason: stop -> length", "output_tokens: 9 -> 30", "town of [-Rome-]{+Oslo+}",
                     "- [1] POST /v1/chat/completions removed", "+ [2] POST /v2/chat added",
                     "1 removed, 1 added, 2 changed, 0 same"):  # fmt: skip
        assert expected in done.stdout, expected
    tree = data(run(tmp_path, "diff", str(before), str(after), "--json"))
    assert [each["number"] for each in tree["removed"] + tree["added"]] == [1, 2]
    assert [change["path"] for change in tree["changed"][0]["answer"]] == [
        "text",
        "tool_calls",
        "finish_reason",
        "usage",
    ]
    assert tree["changed"][1]["request"][0]["path"] == "messages[0].content"


def test_long_texts_are_compared_by_lines(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(30)]
    before = cassette(tmp_path / "a.yaml", recording([user("x")], said("\n".join(lines))))
    lines[15] = "another line"
    after = cassette(tmp_path / "b.yaml", recording([user("x")], said("\n".join(lines))))
    shown = run(tmp_path, "diff", str(before), str(after)).stdout
    assert "- line 15\n" in shown
    assert "+ another line\n" in shown
    assert "line 20" not in shown


def test_the_kth_of_identical_calls_is_compared_with_the_kth(tmp_path: Path) -> None:
    before = cassette(tmp_path / "a.yaml", *[recording([user("x")], said(text)) for text in ("a", "b", "c")])
    after = cassette(tmp_path / "b.yaml", *[recording([user("x")], said(text)) for text in ("a", "B", "c")])
    tree = data(run(tmp_path, "diff", str(before), str(after), "--json"))
    assert [(pair["before"]["number"], pair["after"]["number"]) for pair in tree["changed"]] == [(1, 1)]


def test_bodies_of_no_known_shape_are_compared_by_their_leaves(tmp_path: Path) -> None:
    before = cassette(tmp_path / "a.yaml", recording([user("x")], {"ok": True, "deep": [{"n": 1}]}))
    after = cassette(tmp_path / "b.yaml", recording([user("x")], {"ok": True, "deep": [{"n": 2}]}))
    assert "body.deep[0].n: 1 -> 2" in run(tmp_path, "diff", str(before), str(after)).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_cassette_is_compared_with_what_git_has_of_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    path = cassette(tmp_path / "tests" / "a.yaml", recording([user("x")], said("old")))
    git("add", "-A")
    git("commit", "-qm", "first")
    assert run(tmp_path / "tests", "diff", "a.yaml").returncode == 0
    cassette(path, recording([user("x")], said("new")))
    for arguments in (
        ["diff", "tests/a.yaml"],
        ["diff", "tests/a.yaml", "--git"],
        ["diff", "tests/a.yaml", "--git", "HEAD"],
    ):
        done = run(tmp_path, *arguments)
        assert done.returncode == 1
        assert "[-old-]{+new+}" in done.stdout
    for wrong in (["diff", "tests/a.yaml", "--git=nonsense"], ["diff", "tests/a.yaml", "--git=--output=x"]):
        done = run(tmp_path, *wrong)
        assert done.returncode == 2
        assert "Error: " in done.stderr
    assert not (tmp_path / "tests" / "x").exists()


def test_without_a_repository_the_error_says_so(tmp_path: Path) -> None:
    cassette(tmp_path / "a.yaml", recording([user("x")], said("y")))
    done = run(tmp_path, "diff", "a.yaml", GIT_CEILING_DIRECTORIES=str(tmp_path.parent), PATH=os.environ["PATH"])
    assert done.returncode == 2
    assert "a.yaml can't be read from git" in done.stderr or "git can't be asked" in done.stderr
    nothing = run(tmp_path, "diff", "a.yaml", PATH=str(tmp_path))
    assert nothing.returncode == 2
    assert "git can't be asked" in nothing.stderr


# --- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete "), ("zsh", "compdef"), ("fish", "complete ")])
def test_a_completion_script_is_printed(tmp_path: Path, shell: str, word: str) -> None:
    done = run(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert word in done.stdout
    assert "_PROMPTECHO_COMPLETE" in done.stdout


def test_a_shell_is_told_the_commands() -> None:
    code = "from promptecho._cli import main; main(prog_name='promptecho')"
    environment = {"_PROMPTECHO_COMPLETE": "bash_complete", "COMP_WORDS": "promptecho s", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert {"plain,show", "plain,stats"} <= set(done.stdout.split())


def test_the_core_does_not_load_what_only_commands_need() -> None:
    code = (
        "import sys, promptecho, promptecho.pytest_plugin;"
        "print([name for name in ('rich', 'click', 'genai_prices', 'promptecho._telling.answers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
