"""``promptecho lint`` finds what is planted in ``lint_suite``, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptecho import Cassette
from promptecho._lint import RULES, lint
from promptecho._lint._cassettes import LAST_RUN
from tests.command_line import promptecho

SUITE = Path(__file__).parent / "lint_suite"
CHECKOUT = Path(__file__).parents[2]
PLANTED = re.compile(r"# FINDING: ([a-z-]+)")
LOOK_ALIKES = ("test_clean.py",)
Place = tuple[str, int, str]


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return promptecho(folder, "lint", *arguments, **more)


def planted(root: Path) -> set[Place]:
    found = set()
    for path in root.rglob("*"):
        if path.suffix in (".py", ".yaml"):
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                found |= {(path.relative_to(root).as_posix(), number, rule) for rule in PLANTED.findall(line)}
    return found


def found_in(root: Path) -> set[Place]:
    return {(each.path.relative_to(root.resolve()).as_posix(), each.line, each.rule) for each in lint([root])}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The seeded suite, with the record that pytest would keep of a run of it."""
    copy = Path(shutil.copytree(SUITE, tmp_path / "suite"))
    (copy / LAST_RUN).parent.mkdir(parents=True)
    (copy / "last-run.json").rename(copy / LAST_RUN)
    return copy


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


CALL = "from openai import OpenAI\n\n\ndef test_it():\n    OpenAI().responses.create(model='m', input='hi')\n"
CASSETTE = """\
version: 2
recorded_with:
  promptecho: "0.2.0"
interactions:
- request:
    method: POST
    url: https://api.openai.com/v1/responses
    match_key: "0123456789abcdef"
    matched_on: [model]
    body:
      model: m
  response:
    status: 200
    headers:
      content-type: application/json
    streaming: false
    body:
      output: fine
    json: compact
  duration: 0.5
"""


def test_all_that_is_planted_is_found_and_nothing_else(suite: Path) -> None:
    wanted = planted(suite)
    assert found_in(suite) == wanted
    assert len(wanted) >= 30
    assert {rule for _, _, rule in wanted} == set(RULES)


def test_there_are_at_least_as_many_look_alikes_as_findings_asked_for() -> None:
    tree = ast.parse((SUITE / "tests" / "test_clean.py").read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if getattr(node, "name", "").startswith("test_")]
    clean = [
        path for path in (SUITE / "tests" / "cassettes").rglob("*.yaml") if "FINDING" not in path.read_text("utf-8")
    ]
    assert len(tests) >= 30
    assert len(clean) >= 20


def test_a_call_in_the_application_is_filed_at_the_test_that_reaches_it() -> None:
    messages = {each.message for each in lint([SUITE / "tests" / "test_openai.py"])}
    lines = (SUITE / "src" / "shop" / "assistant.py").read_text(encoding="utf-8").split("\n")
    number = 1 + next(number for number, line in enumerate(lines) if "self.client.chat.completions.create" in line)
    assert (
        "calls OpenAI.chat.completions.create() with no cassette open by way of answer "
        f"(src/shop/assistant.py:{number})"
    ) in messages
    assert lint([SUITE / "src"]) == []


HELPER = """\
from promptecho import use_cassette


def ask(client):
    client.responses.create(input='hi')


class Tape:
    def __init__(self):
        self.inner = use_cassette('a.yaml')

    def __enter__(self):
        self.inner.__enter__()

    def __exit__(self, *error):
        self.inner.__exit__(*error)
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("ask(OpenAI())", True),
        ("ask(client=OpenAI())", True),
        ("ask(OpenAI(base_url='http://localhost:8000/v1'))", False),
        ("ask(OpenAI(http_client=some_client))", False),
        ("ask(OpenAI(**options))", False),
        ("ask(object())", False),
        ("ask(FakeOpenAI())", False),
        ("OpenAI().close()", False),
        ("OpenAI().with_options(timeout=3).models.list()", True),
        ("with use_cassette('a.yaml'):\n        ask(OpenAI())", False),
        ("with use_cassette('a.yaml'):\n        pass\n    ask(OpenAI())", True),
        ("monkeypatch.setenv('OPENAI_API_KEY', 'x')\n    ask(OpenAI())", True),
        ("monkeypatch.setenv('OPENAI_BASE_URL', 'x')\n    ask(OpenAI())", False),
        ("monkeypatch.setattr('openai.OpenAI', None)\n    ask(OpenAI())", False),
        ("if os.environ.get('LIVE'):\n        ask(OpenAI())", False),
        ("return\n    ask(OpenAI())", False),
        ("ask.client = client = OpenAI()\n    ask(client)", False),
        ("client = OpenAI()\n    client = load()\n    ask(client)", False),
        ("client = OpenAI()\n    client = client.with_options(timeout=3)\n    ask(client)", True),
        ("OpenAI().api_key.strip()", False),
        ("tape = Tape()\n    with tape:\n        ask(OpenAI())", False),
        ("tape = Tape()\n    tape.__enter__()\n    ask(OpenAI())", False),
        ("with functools.partial(use_cassette, mode='none')('a.yaml'):\n        ask(OpenAI())", False),
        ("tape = lambda name: use_cassette(name)\n    with tape('a.yaml'):\n        ask(OpenAI())", False),
    ],
)
def test_a_call_is_found_one_level_deep_and_only_where_it_is_sure(project: Path, body: str, found: bool) -> None:
    write(project / "helper.py", HELPER)
    imports = "import functools, os\nfrom openai import OpenAI\nfrom promptecho import use_cassette\nfrom helper import Tape, ask\n"
    write(project / "test_a.py", f"{imports}\n\ndef test_it(monkeypatch):\n    {body}\n")
    assert found_in(project) == ({("test_a.py", 7, "unrecorded-call")} if found else set())


def test_models_that_are_switched_off_make_no_calls(project: Path) -> None:
    write(
        project / "test_a.py",
        "from pydantic_ai import Agent\nfrom pydantic_ai.models import override_allow_model_requests\n\n\n"
        "def test_it():\n    with override_allow_model_requests(False):\n        Agent('openai:gpt-5').run_sync('hi')\n",
    )
    assert found_in(project) == set()


def test_no_finding_shows_a_secret() -> None:
    done = run(SUITE, "--select", "secret", "--json")
    assert done.returncode == 1
    assert "ANTHROPIC_KEY" in done.stdout
    for secret in ("sk-ant-api03", "ghp_", "hunter2", "tr0ub4dor", "abcdefgh12345678"):
        assert secret not in done.stdout


def test_the_examples_of_promptecho_are_clean() -> None:
    done = run(CHECKOUT, "examples")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing found in 1 test(s) and 1 cassette(s)." in done.stdout


# --- the command ------------------------------------------------------------------------------------------------------


def test_exit_codes_say_fine_found_and_wrong_use(project: Path) -> None:
    write(project / "test_a.py", "def test_it():\n    pass\n")
    assert run(project).returncode == 0
    write(project / "test_b.py", CALL)
    done = run(project)
    assert done.returncode == 1
    assert done.stdout.startswith(
        "test_b.py:4:1: unrecorded-call calls OpenAI.responses.create() with no cassette open (line 5)"
    )
    assert run(project, "--ignore", "unrecorded-call").returncode == 0
    assert run(project, "--select", "secret,unused-cassette").returncode == 0
    assert run(project, "test_a.py").returncode == 0
    for wrong in (["--select", "unrecorded-cal"], ["missing"], ["--unsafe-fixes"], ["--format", "html"]):
        done = run(project, *wrong)
        assert done.returncode == 2, wrong
        assert "Traceback" not in done.stderr
    assert "did you mean 'unrecorded-call'?" in run(project, "--select", "unrecorded-cal").stderr


def test_the_rules_are_listed_and_statistics_count_them(suite: Path) -> None:
    listed = run(suite, "--rules")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(RULES)
    counted = run(suite, "--statistics")
    wanted = sum(rule == "unrecorded-call" for _, _, rule in planted(suite))
    assert counted.stdout.splitlines()[0].split() == [str(wanted), "unrecorded-call"]


def test_json_has_each_finding_with_its_place(suite: Path) -> None:
    done = run(suite, "--json")
    tree = json.loads(done.stdout)
    places = {(each["path"], each["line"], each["rule"]) for each in tree["findings"]}
    assert places == planted(suite)
    assert {each["severity"] for each in tree["findings"]} == {"error", "warning", "note"}


def test_sarif_has_the_rules_and_a_location_for_each_result(suite: Path) -> None:
    done = run(suite, "--format", "sarif", "--output", "found.sarif")
    assert done.returncode == 1
    assert done.stdout == ""
    log = json.loads((suite / "found.sarif").read_text(encoding="utf-8"))
    assert log["version"] == "2.1.0"
    [only] = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    places = set()
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        [location] = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uriBaseId"] == "SRCROOT"
        assert physical["region"]["startColumn"] >= 1
        places.add((physical["artifactLocation"]["uri"], physical["region"]["startLine"], result["ruleId"]))
    escaped = {(path.replace("[", "%5B").replace("]", "%5D"), line, rule) for path, line, rule in planted(suite)}
    assert places == escaped


def test_github_annotations_are_escaped(project: Path) -> None:
    write(project / "100%, a:b" / "test_a.py", CALL)
    done = run(project, "--format", "github")
    [line] = done.stdout.splitlines()
    assert line.startswith(
        "::error file=100%25%2C a%3Ab/test_a.py,line=4,col=1,title=promptecho unrecorded-call::calls OpenAI."
    )


def test_a_file_that_is_no_python_is_a_finding_and_hides_nothing_else(project: Path) -> None:
    write(project / "test_broken.py", "def test_it(:\n    pass\n")
    (project / "test_bytes.py").write_bytes(b"x = '\xff\xfe'\n")
    write(project / "test_null.py", "x = 1\0\n")
    write(project / "test_deep.py", "x = " + "(" * 300 + ")" * 300 + "\n")
    write(project / "test_fine.py", CALL)
    write(project / "cassettes" / "test_of_a_broken_file.yaml", CASSETTE)
    done = run(project)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = [line.split(" ")[:2] for line in done.stdout.splitlines() if line.startswith("test_")]
    assert found == [
        ["test_broken.py:1:1:", "unreadable"],
        ["test_bytes.py:1:1:", "unreadable"],
        ["test_deep.py:1:1:", "unreadable"],
        ["test_fine.py:4:1:", "unrecorded-call"],
        ["test_null.py:1:1:", "unreadable"],
    ]
    assert "unused-cassette" not in done.stdout


def test_nothing_of_the_suite_is_imported(project: Path) -> None:
    write(project / "test_a.py", "import pathlib\npathlib.Path('imported').touch()\n" + CALL)
    write(project / "conftest.py", "raise SystemExit('imported')\n")
    assert run(project).returncode == 1
    assert not (project / "imported").exists()


# --- ignoring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "rules"),
    [
        ("# promptecho: ignore[unrecorded-call]", set()),
        ("# promptecho: ignore", set()),
        ("# noqa  # promptecho: ignore[secret, unrecorded-call]", {"stale-ignore"}),
        ("# promptecho: ignore[secret]", {"unrecorded-call", "stale-ignore"}),
        ("# promptecho: ignored", {"unrecorded-call"}),
    ],
)
def test_a_comment_on_the_line_suppresses_the_rules_it_names(project: Path, comment: str, rules: set[str]) -> None:
    write(project / "test_a.py", CALL.rstrip("\n") + f"  {comment}\n")
    assert {each.rule for each in lint([project])} == rules


def test_a_comment_at_the_test_suppresses_all_calls_of_it_and_one_at_a_call_only_that(project: Path) -> None:
    two = CALL + "    OpenAI().models.list()\n"
    write(project / "test_a.py", two.replace("test_it():", "test_it():  # promptecho: ignore[unrecorded-call]"))
    assert lint([project]) == []
    write(project / "test_a.py", two.rstrip("\n") + "  # promptecho: ignore[unrecorded-call]\n")
    [finding] = lint([project])
    assert finding.message == "calls OpenAI.responses.create() with no cassette open (line 5)"


def test_a_comment_above_the_interactions_holds_for_the_whole_cassette(project: Path) -> None:
    text = CASSETTE.replace("status: 200", "status: 500")
    write(
        project / "test_a.py",
        "from promptecho import use_cassette\n\n\ndef test_a():\n    with use_cassette('cassettes/a.yaml'):\n        pass\n",
    )
    cassette = write(project / "cassettes" / "a.yaml", text)
    assert [each.rule for each in lint([project])] == ["recorded-error"]
    cassette.write_text(text.replace("version: 2\n", "version: 2\n# promptecho: ignore[recorded-error]\n"))
    assert lint([project]) == []


# --- fixing -----------------------------------------------------------------------------------------------------------


def test_fix_marks_the_tests_whose_calls_go_out(project: Path) -> None:
    source = write(
        project / "test_a.py",
        '"""Docstring."""\r\nfrom __future__ import annotations\r\n\r\nimport boto3\r\nfrom openai import OpenAI\r\n\r\n\r\n'
        "class TestIt:\r\n    @staticmethod\r\n    def test_a():\r\n        OpenAI().models.list()\r\n\r\n"
        "    async def test_b(self):\r\n        boto3.client('bedrock-runtime').converse()\r\n",
    )
    done = run(project, "--fix")
    assert done.returncode == 0, done.stdout
    assert "test_a.py:10: fixed: added @pytest.mark.promptecho" in done.stdout
    assert source.read_bytes().decode() == (
        '"""Docstring."""\r\nfrom __future__ import annotations\r\n\r\nimport pytest\r\nimport boto3\r\n'
        "from openai import OpenAI\r\n\r\n\r\nclass TestIt:\r\n    @pytest.mark.promptecho\r\n    @staticmethod\r\n"
        "    def test_a():\r\n        OpenAI().models.list()\r\n\r\n"
        '    @pytest.mark.promptecho(backends="all")\r\n    async def test_b(self):\r\n'
        "        boto3.client('bedrock-runtime').converse()\r\n"
    )


def test_fix_uses_the_name_that_pytest_has_and_leaves_unittest_alone(project: Path) -> None:
    source = write(
        project / "test_a.py",
        "import unittest\nimport pytest as pt\nfrom openai import OpenAI\n\n\ndef test_a():\n    OpenAI().models.list()\n\n\n"
        "class Old(unittest.TestCase):\n    def test_b(self):\n        OpenAI().files.list()\n",
    )
    done = run(project, "--fix")
    assert done.returncode == 1
    assert "@pt.mark.promptecho\ndef test_a" in source.read_text()
    assert "1 finding(s)" in done.stdout


def test_fix_masks_secrets_and_keeps_the_rest_of_the_file(suite: Path) -> None:
    folder = suite / "tests" / "cassettes"
    before = Cassette.load(folder / "secrets.yaml")
    done = run(suite, "--fix", "--select", "secret")
    assert done.returncode == 0, done.stdout
    for path in (folder / "secrets.yaml", folder / "sentence.yaml"):
        text = path.read_text(encoding="utf-8")
        for secret in ("sk-ant-api03", "ghp_", "hunter2", "tr0ub4dor", "abcdefgh12345678"):
            assert secret not in text
    after = Cassette.load(folder / "secrets.yaml")
    assert len(after.interactions) == len(before.interactions)
    assert "REDACTED_ANTHROPIC_KEY_" in b"".join(after.interactions[0].response.chunks).decode()
    assert "REDACTED_GITHUB_TOKEN_" in after.interactions[1].body["messages"][0]["content"]
    assert after.interactions[2].response.head.headers.get("set-cookie") == "REDACTED"
    assert after.interactions[3].url == "https://gateway.example.com/v1/responses"
    assert "say # promptecho: ignore[secret] and REDACTED" in (folder / "sentence.yaml").read_text(encoding="utf-8")
    assert "# FINDING: stale-ignore" in (folder / "sentence.yaml").read_text(encoding="utf-8")


def test_fix_takes_away_ignore_comments_that_suppress_nothing(project: Path) -> None:
    source = write(
        project / "test_a.py",
        "def test_a():\n    # promptecho: ignore\n    x = 1  # promptecho: ignore[secret]\n    assert x  # why  # promptecho: ignore\n",
    )
    assert run(project, "--fix").returncode == 0
    assert source.read_text() == "def test_a():\n    x = 1\n    assert x  # why\n"


def test_only_unsafe_fixes_delete_unused_cassettes(suite: Path) -> None:
    forgotten = suite / "tests" / "cassettes" / "forgotten.yaml"
    kept = suite / "tests" / "cassettes" / "kept_for_later.yaml"
    assert run(suite, "--fix", "--select", "unused-cassette").returncode == 1
    assert forgotten.exists()
    done = run(suite, "--fix", "--unsafe-fixes", "--select", "unused-cassette")
    assert done.returncode == 0
    assert "forgotten.yaml:1: fixed: deleted the cassette" in done.stdout
    assert not forgotten.exists()
    assert kept.exists()


def test_fixing_again_changes_nothing(suite: Path) -> None:
    run(suite, "--fix")
    first = {path: path.read_bytes() for path in suite.rglob("*") if path.is_file()}
    run(suite, "--fix")
    assert {path: path.read_bytes() for path in suite.rglob("*") if path.is_file()} == first


# --- cassettes and their tests ----------------------------------------------------------------------------------------


def test_what_was_never_played_is_told_from_the_record_of_the_last_run(project: Path) -> None:
    write(project / "test_a.py", "def test_a(promptecho_cassette):\n    pass\n")
    write(project / "cassettes" / "test_a.yaml", CASSETTE)
    done = run(project)
    assert done.returncode == 0
    assert "never-played was not looked for" in done.stdout
    entry = {"recordings": 1, "played": [], "complete": True}
    record = {"version": 1, "cassettes": {"cassettes/test_a.yaml": entry}}
    write(project / LAST_RUN, json.dumps(record))
    [finding] = lint([project])
    assert (finding.rule, finding.path.name, finding.line) == ("never-played", "test_a.yaml", 5)
    write(project / LAST_RUN, "{broken")
    assert lint([project]) == []


def test_a_path_that_can_not_be_told_keeps_every_cassette(project: Path) -> None:
    write(project / "cassettes" / "old.yaml", CASSETTE)
    write(
        project / "test_a.py",
        "import promptecho, sys\n\n\ndef test_a():\n    with promptecho.use_cassette(sys.argv[1]):\n        pass\n",
    )
    done = run(project)
    assert done.returncode == 0
    assert "unused cassettes are not looked for" in done.stdout


def test_a_cassette_that_another_part_of_the_project_mentions_is_not_unused(project: Path) -> None:
    write(project / "cassettes" / "old.yaml", CASSETTE)
    assert [each.rule for each in lint([project])] == ["unused-cassette"]
    write(project / "benchmarks" / "replay.py", "PATH = 'cassettes/old.yaml'\n")
    assert lint([project]) == []


def test_a_single_cassette_can_be_asked_about(suite: Path) -> None:
    cassette = suite / "tests" / "cassettes" / "errors.yaml"
    assert {each.rule for each in lint([cassette])} == {"recorded-error"}


def test_a_value_of_the_environment_in_a_cassette_is_a_secret(project: Path) -> None:
    write(project / "test_a.py", "def test_a(promptecho_cassette):\n    pass\n")
    write(project / "cassettes" / "test_a.yaml", CASSETTE.replace("fine", "my 0dd-kEy-0f-the-h0use-72x"))
    assert run(project).returncode == 0
    done = run(project, HOUSE_API_KEY="0dd-kEy-0f-the-h0use-72x")
    assert "the value of an environment variable" in done.stdout
    assert "0dd-kEy-0f-the-h0use-72x" not in done.stdout


# --- many files, and who runs it --------------------------------------------------------------------------------------


def test_a_suite_of_a_thousand_files_is_read_once(project: Path) -> None:
    body = "\n".join(
        f"def test_{number}(promptecho_cassette, client):\n    assert ask(client, '{number}')\n" for number in range(4)
    )
    for number in range(1000):
        write(project / f"part{number % 10}" / f"test_{number}.py", f"from shop import ask\n\n\n{body}")
    write(project / "shop.py", "def ask(client, question):\n    return client.responses.create(input=question)\n")
    write(
        project / "conftest.py",
        "import pytest\nfrom openai import OpenAI\n\n\n@pytest.fixture\ndef client():\n    return OpenAI()\n",
    )
    write(project / "part3" / "test_last.py", CALL)
    found = lint([project])
    assert [(each.path.name, each.rule) for each in found if each.rule != "shared-cassette"] == [
        ("test_last.py", "unrecorded-call")
    ]


def test_the_pre_commit_hook_runs_the_command(suite: Path) -> None:
    [hook] = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("promptecho-lint", "python", False)
    assert_finds(suite, hook["entry"])


def test_the_example_of_a_github_action_runs_the_command(suite: Path) -> None:
    workflow: Any = yaml.safe_load((CHECKOUT / "examples" / "github-action.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["tests"]["steps"]
    [entry] = [step["run"] for step in steps if step.get("run", "").startswith("promptecho ")]
    assert_finds(suite, entry)
    assert any(step.get("env", {}).get("CI") == "true" for step in steps)


def assert_finds(suite: Path, entry: str) -> None:
    command, subcommand, *arguments = shlex.split(entry)
    assert (command, subcommand) == ("promptecho", "lint")
    done = run(suite, *arguments)
    assert done.returncode == 1
    assert "unrecorded-call" in done.stdout


_WORDS = """
import openai, pytest

@pytest.fixture(scope="{scope}")
def words({asks}):
    client = openai.OpenAI()
    return client.chat.completions.create(model="gpt-5", messages=[])
"""


@pytest.mark.parametrize(
    ("scope", "asks", "found"),
    [
        ("session", "", True),
        ("module", "", True),
        ("function", "", False),
        ("module", "promptecho_module_cassette", False),
    ],
)
def test_a_fixture_that_is_set_up_before_the_cassette_of_the_test_is_not_covered_by_it(
    project: Path, scope: str, asks: str, found: bool
) -> None:
    (project / "conftest.py").write_text(_WORDS.format(scope=scope, asks=asks))
    (project / "test_words.py").write_text(
        "import pytest\n\n@pytest.mark.promptecho\ndef test_words(words):\n    assert words\n"
    )
    findings = lint([project])
    assert [each.rule for each in findings] == ["unrecorded-call"] * found
    assert all("promptecho_module_cassette" in each.hint and each.fix is None for each in findings)


def test_live_calls_of_the_last_run_are_told_at_their_tests(project: Path) -> None:
    (project / "test_it.py").write_text("def test_other():\n    pass\n\ndef test_live(n):\n    pass\n")
    (project / LAST_RUN).parent.mkdir(parents=True)
    calls = [
        {"kind": "uncovered", "host": "api.openai.com", "library": "httpx", "test": f"test_it.py::test_live[{n}]",
         "fixture": "", "cassette": ""}
        for n in range(2)
    ]  # fmt: skip
    (project / LAST_RUN).write_text(json.dumps({"version": 1, "cassettes": {}, "calls": calls}))
    assert found_in(project) == {("test_it.py", 4, "live-call")}


@pytest.mark.parametrize("calls", ['[1, {"test": 3}]', "{}", "null", '"x"'])
def test_a_record_that_is_odd_says_nothing_of_live_calls(project: Path, calls: str) -> None:
    (project / LAST_RUN).parent.mkdir(parents=True)
    (project / LAST_RUN).write_text(f'{{"version": 1, "cassettes": {{}}, "calls": {calls}}}')
    assert found_in(project) == set()
