"""The commands that change cassettes: ``redact``, ``prune`` and ``rerecord``, run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptecho import Cassette, use_cassette
from promptecho._cassette import store
from promptecho._cli._model_server import ModelServer
from promptecho.errors import CassetteMiss
from tests.command_line import environment, promptecho

ROOT = Path(__file__).parents[2]
KEY = "sk-ant-api03-AbCd1234AbCd1234AbCd1234AbCd1234"
TOKEN = "ghp_a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4"
SECRETS = (KEY, TOKEN, "hunter2hunter2", "someone@example.org", "tr0ub4dor-and-3")


def run_pytest(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def broken_ones(folder: Path) -> Path:
    """A folder with all sorts of files that are no cassettes, or no longer."""
    write(folder / "empty.yaml", "")
    write(folder / "truncated.yaml", "version: 2\ninteractions:\n- request:\n    url: [")
    write(folder / "foreign.yaml", "services:\n  web: {}\n")
    write(folder / "version1.yaml", "version: 1\ninteractions: []\n")
    write(folder / "list.yaml", "version: 2\ninteractions: 5\n")
    write(folder / "shape.yaml", "version: 2\ninteractions:\n- request: 5\n")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    (folder / "folder.yaml").mkdir()
    return folder


# --- redact -----------------------------------------------------------------------------------------------------------

OLD = f"""version: 2
match_on: [model, messages]
recorded_at: "2026-11-24T22:14:32Z"  # a comment
interactions:
- request:
    method: POST
    url: https://api.openai.com/v1/chat/completions
    match_key: "0123456789abcdef"
    matched_on: [model, messages]
    body:
      model: gpt-5
      messages:
      - role: user
        content: |-
          Is this a key?
          {KEY}
          I think so.
  response:
    status: 200
    headers:
      content-type: application/json
    streaming: false
    body:
      choices:
      - message:
          role: assistant
          content: "It is one: {TOKEN}."  # kept
          password: hunter2hunter2
      email: someone@example.org
    json: spaced
  duration: 0.5
- request:
    method: POST
    url: https://api.openai.com/v1/chat/completions
    match_key: "00000000000000ff"
    matched_on: [model, messages]
    body:
      model: gpt-5
      messages:
      - {{role: user, content: "hello"}}
  response:
    status: 200
    headers:
      content-type: text/event-stream
    streaming: true
    events:
    - |+
      data: {{"delta":"sk-ant-api03"}}

    - |+
      data: {{"delta":"-AbCd1234AbCd1234A"}}

    - |+
      data: {{"delta":"bCd1234AbCd1234"}}

  duration: 0.5
"""


def test_redact_masks_what_today_s_rules_know_and_keeps_the_rest_byte_for_byte(tmp_path: Path) -> None:
    file = write(tmp_path / "cassettes" / "old.yaml", OLD)
    check = promptecho(tmp_path, "redact", "--check")
    assert check.returncode == 1
    assert "cassettes/old.yaml: would mask" in check.stdout
    assert file.read_text(encoding="utf-8") == OLD
    done = promptecho(tmp_path, "redact")
    assert done.returncode == 0, done.stdout
    assert "ANTHROPIC_KEY" in done.stdout
    assert "GITHUB_TOKEN" in done.stdout
    text = file.read_text(encoding="utf-8")
    for secret in (KEY, TOKEN, "hunter2hunter2"):
        assert secret not in text + check.stdout + done.stdout
    old_lines, new_lines = OLD.splitlines(), text.splitlines()
    assert len(old_lines) == len(new_lines)
    changed = {old.strip().split(":")[0] for old, new in zip(old_lines, new_lines) if old != new}
    assert changed == {KEY, "content", "password", "match_key", "data"}
    assert sum(old != new for old, new in zip(old_lines, new_lines)) == 7
    streamed = b"".join(Cassette.load(file).interactions[1].response.chunks).decode()
    assert "AbCd1234" not in streamed
    assert "REDACTED_ANTHROPIC_KEY_" in streamed
    assert promptecho(tmp_path, "redact", "--check").returncode == 0


def test_the_key_of_a_masked_request_is_written_anew(tmp_path: Path) -> None:
    file = write(tmp_path / "old.yaml", OLD)
    assert promptecho(tmp_path, "redact", "old.yaml").returncode == 0
    tree = store.parse(file.read_text(encoding="utf-8"), file)
    first, second = Cassette.load(file, ["model", "messages"]).interactions
    assert tree.items[0]["request"]["match_key"] == first.match_key
    assert tree.items[1]["request"]["match_key"] == "00000000000000ff", second


def test_redact_takes_patterns_fields_and_the_settings_of_the_project(tmp_path: Path) -> None:
    file = write(tmp_path / "cassettes" / "old.yaml", OLD)
    assert promptecho(tmp_path, "redact").returncode == 0
    assert "someone@example.org" in file.read_text(encoding="utf-8")
    write(tmp_path / "pyproject.toml", "[tool.promptecho]\nredact = ['[a-z]+@example\\.org']\n")
    done = promptecho(tmp_path, "redact", "--json")
    (found,) = json.loads(done.stdout)["cassettes"]
    assert (found["texts"], found["kinds"]) == (1, {"what redact= names": 1})
    assert "email: REDACTED\n" in file.read_text(encoding="utf-8")

    done = promptecho(tmp_path, "redact", "--redact", "role", "--redact", "I th.nk")
    assert done.returncode == 0
    text = file.read_text(encoding="utf-8")
    assert "role: assistant" not in text
    assert "role: user" not in text
    assert "REDACTED so." in text
    assert "add redact = ['role', 'I th.nk'] to [tool.promptecho]" in done.stdout


def test_what_stands_where_no_text_can_be_changed_alone_is_masked_all_the_same(tmp_path: Path) -> None:
    url = "https://api.example.org/v1/x?key=hunter2hunter2"
    one = OLD.replace("https://api.openai.com/v1/chat/completions", url, 1)
    one = one.replace("      email: someone@example.org", f"      ? {TOKEN}\n      : 1")
    file = write(tmp_path / "keyed.yaml", one)
    assert promptecho(tmp_path, "redact", "keyed.yaml").returncode == 0
    text = file.read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS[:3] if secret in text]
    assert len(Cassette.load(file).interactions) == 2


def record(server: ModelServer, path: Path, prompts: list[str], secret: str = "") -> list[Any]:
    """Record a conversation, then put a secret in the file as a version without the rule for it would have."""
    answers = []
    with use_cassette(path, on_secret="ignore"):
        answers = [ask(server, prompts[: count + 1]) for count in range(len(prompts))]
    if secret:
        text = path.read_text(encoding="utf-8")
        masked = "the key STAND-IN"
        assert masked in text
        write(path, text.replace(masked, f"the key {secret}"))
    return answers


def ask(server: ModelServer, prompts: list[str], **more: Any) -> Any:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": prompt} for prompt in prompts], **more}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).json()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in ("CI", "PROMPTECHO_MODE", "PROMPTECHO_BACKENDS"):
        monkeypatch.delenv(name, raising=False)
    with ModelServer() as running:
        yield running


def test_a_call_whose_request_held_a_secret_replays_before_and_after_redacting(
    server: ModelServer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.yaml"
    history = [f"the key STAND-IN. {'Some words on it. ' * 20}", "And now?", "Is that all?"]
    record(server, path, history, KEY)
    assert "same_as" in path.read_text(encoding="utf-8")  # the later requests refer to the first, by its key
    asked = [history[0].replace("STAND-IN", KEY), *history[1:]]
    with use_cassette(path, mode="none"):
        assert "Answer 3" in str(ask(server, asked))
    with pytest.raises(CassetteMiss), use_cassette(path, mode="none"):
        ask(server, [*asked[:2], "Is it?"])
    assert promptecho(tmp_path, "redact", "talk.yaml").returncode == 0
    text = path.read_text(encoding="utf-8")
    assert KEY not in text
    assert "same_as" in text
    hits = len(server.hits)
    with use_cassette(path, mode="none") as cassette:
        for count in range(1, 4):
            answer = ask(server, asked[:count])["choices"][0]["message"]["content"]
            assert answer.startswith(f"Answer {count} to: ")
    assert len(server.hits) == hits
    assert not cassette.unused


def test_a_call_masked_by_a_rule_of_the_project_replays_under_that_rule(server: ModelServer, tmp_path: Path) -> None:
    path = tmp_path / "mail.yaml"
    record(server, path, ["Write to someone@example.org"])
    pattern = r"\w+@example\.org"
    assert promptecho(tmp_path, "redact", "mail.yaml", "--redact", pattern).returncode == 0
    assert "someone" not in path.read_text(encoding="utf-8")
    server.stop()
    with use_cassette(path, mode="none", redact=[pattern]):
        assert ask(server, ["Write to anyone@example.org"])["model"] == "gpt-5"


def test_redact_goes_on_past_files_that_it_cannot_read(tmp_path: Path) -> None:
    folder = broken_ones(tmp_path / "cassettes")
    good = write(folder / "good.yaml", OLD)
    before = {path: path.read_bytes() for path in folder.glob("*.yaml") if path.is_file() and path != good}
    done = promptecho(tmp_path, "redact")
    assert done.returncode == 1
    assert "good.yaml: masked" in done.stdout
    assert KEY not in good.read_text(encoding="utf-8")
    assert done.stdout.count("not looked through") == len(before)
    assert {path: path.read_bytes() for path in before} == before
    tree = json.loads(promptecho(tmp_path, "redact", "--check", "--json").stdout)
    assert sum(each["problem"] is not None for each in tree["cassettes"]) == len(before)


def test_redact_refuses_wrong_use_with_one_line(tmp_path: Path) -> None:
    for arguments in (["missing.yaml"], ["--redact", "("], ["--chekc"]):
        done = promptecho(tmp_path, "redact", *arguments)
        assert done.returncode == 2, (arguments, done.stdout)
        assert "Error: " in done.stderr


# --- suites -----------------------------------------------------------------------------------------------------------

SUITE = """
import os
import httpx, promptecho, pytest

URL = os.environ["SERVER"] + "/v1/chat/completions"

def ask(*prompts):
    messages = [{"role": "user", "content": prompt} for prompt in prompts]
    body = {"model": "gpt-5", "messages": messages}
    return httpx.post(URL, json=body, trust_env=False).json()["choices"][0]["message"]["content"]
"""
LONG = "A long story, told in full. " * 20


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "pytest.ini", "[pytest]\n")
    return tmp_path


def suite(project: Path, source: str, name: str = "test_it.py") -> Path:
    return write(project / name, SUITE + source)


def test_prune_drops_what_the_last_run_did_not_play_and_keeps_the_text_of_the_rest(
    project: Path, server: ModelServer
) -> None:
    suite(
        project,
        f"def test_a(promptecho_cassette):\n    ask('one'), ask({LONG!r}), ask({LONG!r}, 'two'), ask('three')\n",
    )
    assert run_pytest(project, SERVER=server.url).returncode == 0
    file = project / "cassettes" / "test_a.yaml"
    assert "same_as" in file.read_text(encoding="utf-8")
    write(file, file.read_text(encoding="utf-8").replace("recorded_with:", "# kept by hand\nrecorded_with:"))
    suite(project, f"def test_a(promptecho_cassette):\n    ask('one'), ask({LONG!r}, 'two')\n")
    assert run_pytest(project, SERVER=server.url).returncode == 0
    before = file.read_text(encoding="utf-8")

    dry = promptecho(project, "prune", "--dry-run")
    assert dry.returncode == 0
    assert "would drop [1] POST" in dry.stdout
    assert "2 recordings to drop from 1 of 1 cassette" in dry.stdout
    assert file.read_text(encoding="utf-8") == before

    done = promptecho(project, "prune", "cassettes")
    assert done.returncode == 0
    assert "cassettes/test_a.yaml: dropped [1] POST" in done.stdout
    left = Cassette.load(file)
    assert [each.body["messages"][-1]["content"] for each in left.interactions] == ["one", "two"]
    assert left.interactions[1].body["messages"][0]["content"] == LONG  # what it referred to is gone: written out
    assert left.interactions[0].document["request"] in [each["request"] for each in store.parse(before, file).items]
    assert "recorded_with:\n  promptecho:" in file.read_text(encoding="utf-8")
    assert "the last run" not in done.stdout
    server.stop()
    assert (
        run_pytest(project, "--promptecho-mode=none", "--promptecho-fail-on-unused", SERVER=server.url).returncode == 0
    )
    assert promptecho(project, "prune").stdout.startswith("0 recordings dropped")


def test_prune_keeps_comments_where_nothing_refers_to_what_goes(project: Path, server: ModelServer) -> None:
    suite(project, "def test_a(promptecho_cassette):\n    ask('one'), ask('two'), ask('three')\n")
    run_pytest(project, SERVER=server.url)
    file = project / "cassettes" / "test_a.yaml"
    write(file, file.read_text(encoding="utf-8").replace("recorded_with:", "# kept by hand\nrecorded_with:"))
    suite(project, "def test_a(promptecho_cassette):\n    ask('one'), ask('three')\n")
    run_pytest(project, SERVER=server.url)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert promptecho(project, "prune").returncode == 0
    left = file.read_text(encoding="utf-8").splitlines()
    assert "# kept by hand" in left
    start = [number for number, line in enumerate(lines) if line.startswith("- ")]
    assert left == lines[: start[1]] + lines[start[2] :]


def test_prune_touches_nothing_of_which_the_record_does_not_tell_enough(project: Path, server: ModelServer) -> None:
    source = """
@pytest.mark.parametrize("word", ["one", "two"])
@pytest.mark.promptecho("cassettes/shared.yaml", mode="new_episodes")
def test_a(word):
    ask(word)

@pytest.mark.promptecho("cassettes/shared.yaml", mode="new_episodes")
def test_b():
    ask("three")
"""
    suite(project, source)
    file = project / "cassettes" / "shared.yaml"
    run_pytest(project, SERVER=server.url)
    before = file.read_bytes()
    assert before.count(b"- request:") == 3

    def left_alone(said: str) -> None:
        done = promptecho(project, "prune")
        assert done.returncode == 0
        assert said in done.stdout
        assert file.read_bytes() == before

    left_alone("0 recordings dropped from 0 of 1 cassette")
    for selection in (
        ["-k", "test_b"],
        ["test_it.py::test_b"],
        ["test_it.py::test_a[one]"],
        ["--deselect", "test_it.py::test_b"],
    ):
        run_pytest(project, *selection, SERVER=server.url)
        left_alone("left as it is: the last run was not all of its tests")
    suite(project, source + "    assert False\n")
    run_pytest(project, SERVER=server.url)
    left_alone("left as it is: the last run was not all of its tests, or not all passed")
    suite(
        project,
        source.replace('ask("three")', 'ask("one")')
        + "\n@promptecho.use_cassette('cassettes/shared.yaml')\ndef test_c(): ...\n",
    )
    run_pytest(project, "-k", "not test_c", SERVER=server.url)
    left_alone("test_it.py::test_c may use it, and was not in the last run")
    (project / ".pytest_cache" / "d" / "promptecho" / "last-run.json").unlink()
    left_alone("left as it is: no test run left a record of it; run pytest first")
    suite(project, source.replace('ask("three")', 'ask("one")'))
    run_pytest(project, SERVER=server.url)
    os.utime(file, (2_000_000_000, 2_000_000_000))
    left_alone("left as it is: it has changed since the last run; run pytest first")


def test_prune_deletes_cassettes_that_no_test_opens_only_if_asked(project: Path, server: ModelServer) -> None:
    suite(project, "def test_a(promptecho_cassette):\n    ask('one')\n")
    run_pytest(project, SERVER=server.url)
    gone = write(project / "cassettes" / "test_gone.yaml", OLD)
    assert promptecho(project, "prune").returncode == 0
    assert "would delete" in promptecho(project, "prune", "--unused-cassettes", "--dry-run").stdout
    assert gone.exists()
    done = promptecho(project, "prune", "--unused-cassettes", "--json")
    assert [each["path"] for each in json.loads(done.stdout)["cassettes"] if each["deleted"]] == [
        "cassettes/test_gone.yaml"
    ]
    assert not gone.exists()
    assert (project / "cassettes" / "test_a.yaml").exists()


def test_prune_goes_on_past_files_that_it_cannot_read(project: Path) -> None:
    folder = broken_ones(project / "cassettes")
    write(folder / "good.yaml", OLD)
    done = promptecho(project, "prune", "--json")
    assert done.returncode == 1
    tree = {each["path"]: each for each in json.loads(done.stdout)["cassettes"]}
    assert "run pytest first" in tree.pop("cassettes/good.yaml")["kept"]
    assert len(tree) == 7
    assert all(each["problem"] and not each["dropped"] for each in tree.values())
    assert promptecho(project, "prune", "missing").returncode == 2


# --- rerecord ---------------------------------------------------------------------------------------------------------

THREE = """
def test_a(promptecho_cassette):
    ask("one")

@promptecho.use_cassette("cassettes/decorated.yaml", mode="none")
def test_b():
    ask("two")

@pytest.mark.parametrize("word", ["x/y", "z"])
def test_c(promptecho_cassette, word):
    ask(word)
"""


@pytest.fixture
def recorded(project: Path, server: ModelServer) -> Path:
    """A project of three tests, recorded."""
    suite(project, THREE)
    assert run_pytest(project, SERVER=server.url, PROMPTECHO_MODE="once").returncode == 0
    assert len(server.hits) == 4
    return project


def test_rerecord_runs_exactly_the_tests_of_a_cassette_and_says_what_changed(
    recorded: Path, server: ModelServer
) -> None:
    others = {path: path.read_bytes() for path in (recorded / "cassettes").iterdir() if path.name != "decorated.yaml"}
    done = promptecho(recorded, "rerecord", "cassettes/decorated.yaml", "--", "-v", SERVER=server.url)
    assert done.returncode == 0, done.stdout
    assert len(server.hits) == 5
    assert "test_it.py::test_b RECORDED 1 call" in done.stdout
    assert "test_it.py::test_a" not in done.stdout
    assert "mode all" in done.stdout
    assert "~ [0] POST /v1/chat/completions answer changed" in done.stdout
    assert "Answer [-2-]{+5+} to: two" in done.stdout
    assert "0 removed, 0 added, 1 changed, 0 same" in done.stdout
    assert {path: path.read_bytes() for path in others} == others


def test_rerecord_without_cassettes_takes_all_of_the_record(recorded: Path, server: ModelServer) -> None:
    suite(recorded, THREE.replace('ask("one")', 'ask("one"), ask("one more, about another matter")'))
    done = promptecho(recorded, "rerecord", "--json", SERVER=server.url)
    assert done.returncode == 0, done.stderr
    tree = json.loads(done.stdout)
    assert len(tree["tests"]) == 4
    assert len(server.hits) == 4 + 5
    assert "4 passed" in done.stderr
    by_path = {each["path"]: each["differences"] for each in tree["cassettes"]}
    assert len(by_path["cassettes/test_a.yaml"]["added"]) == 1
    assert by_path["cassettes/decorated.yaml"]["changed"][0]["answer"][0]["path"] == "text"


def test_rerecord_gives_pytest_s_exit_code_and_leaves_the_cassette_of_a_failed_test(
    recorded: Path, server: ModelServer
) -> None:
    before = (recorded / "cassettes" / "test_a.yaml").read_bytes()
    suite(recorded, THREE.replace('ask("one")', 'ask("one")\n    assert False'))
    done = promptecho(recorded, "rerecord", "cassettes/test_a.yaml", SERVER=server.url)
    assert done.returncode == 1
    assert "cassettes/test_a.yaml: as it was: its tests did not record it to the end" in done.stdout
    assert "test_a.rerecording.yaml" in done.stdout
    assert (recorded / "cassettes" / "test_a.yaml").read_bytes() == before


def test_rerecord_passes_limits_on(recorded: Path, server: ModelServer) -> None:
    done = promptecho(recorded, "rerecord", "--max-live-calls", "2", SERVER=server.url)
    assert done.returncode in (1, 2)
    assert len(server.hits) == 4 + 2
    assert "LiveBudgetError" in done.stdout
    assert "max_live_calls is 2" in done.stdout


def test_rerecord_makes_a_deleted_or_damaged_cassette_anew(recorded: Path, server: ModelServer) -> None:
    (recorded / "cassettes" / "test_a.yaml").unlink()
    write(recorded / "cassettes" / "decorated.yaml", "version: 2\ninteractions: [")
    done = promptecho(recorded, "rerecord", "cassettes/test_a.yaml", "cassettes/decorated.yaml", SERVER=server.url)
    assert done.returncode == 0, done.stdout
    assert "0 removed, 1 added, 0 changed, 0 same" in done.stdout
    assert "recorded anew, 1 recording; the old file could not be read" in done.stdout
    assert len(Cassette.load(recorded / "cassettes" / "decorated.yaml").interactions) == 1


def test_rerecord_refuses_what_would_be_a_surprise(recorded: Path, server: ModelServer) -> None:
    write(recorded / "cassettes" / "stranger.yaml", OLD)
    for arguments, variables, said in (
        (["cassettes/stranger.yaml"], {}, "so its tests are not known; run pytest first"),
        (["cassettes/missing.yaml"], {}, "so its tests are not known; run pytest first"),
        ([], {"CI": "true"}, "pass --even-in-ci"),
        (["--max-live-calls", "many"], {}, "max_live_calls='many' is not a whole number"),
    ):
        done = promptecho(recorded, "rerecord", *arguments, SERVER=server.url, **variables)
        assert done.returncode in (2, 4), (arguments, done.stdout, done.stderr)
        assert said in done.stderr, arguments
    assert len(server.hits) == 4
    done = promptecho(recorded, "rerecord", "cassettes/test_a.yaml", "--even-in-ci", SERVER=server.url, CI="true")
    assert done.returncode == 0
    assert len(server.hits) == 5


def test_rerecord_without_a_record_says_to_run_pytest_first(project: Path) -> None:
    done = promptecho(project, "rerecord")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: no test run left a record")
    (project / "empty").mkdir()
    assert promptecho(project, "rerecord", "empty").returncode == 2


def test_a_warning_of_a_damaged_re_recording_is_no_traceback(recorded: Path, server: ModelServer) -> None:
    write(recorded / "cassettes" / "test_a.rerecording.yaml", "version: 2\nunfinished: true\ninteractions:\n- requ")
    done = promptecho(recorded, "rerecord", "cassettes/test_a.yaml", SERVER=server.url)
    assert "Internal" not in done.stdout + done.stderr
    assert done.returncode in (0, 1)
