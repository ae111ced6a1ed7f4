"""The reference has every setting, option, variable and public name, and its examples are accepted."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promptecho
from promptecho import backend, errors, provider, pytest_plugin, snapshot
from promptecho._defaults import DEFAULT_BACKENDS
from promptecho._matching.identity import DEFAULT_MATCH_ON
from promptecho._matching.volatile import VOLATILE
from promptecho._settings import settings
from promptecho.snapshot import _plugin as snapshot_plugin

from .pages import ROOT, Project, blocks
from .test_docs import needs_shell

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

REFERENCE = ROOT / "docs" / "reference"
SETTINGS = (REFERENCE / "settings.md").read_text(encoding="utf-8")
PYTEST = (REFERENCE / "pytest.md").read_text(encoding="utf-8")
_NOT_FOR_USERS = {
    "PROMPTECHO_CHILD",
    "PROMPTECHO_CHILD_START",
    "PROMPTECHO_SOAK",
    "PROMPTECHO_LEDGER",
    "_PROMPTECHO_COMPLETE",
}


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word, without it."""
    start = page.index(f"| {first} |")
    lines = page[start:].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def options() -> tuple[set[str], set[str]]:
    """The command line options and ini options that the plugins register."""
    given: list[str] = []
    ini: list[str] = []

    class Parser:
        def getgroup(self, *_: object) -> Parser:
            return self

        def addoption(self, name: str, **_: Any) -> None:
            given.append(name)

        def addini(self, name: str, *_: Any, **__: Any) -> None:
            ini.append(name)

    for plugin in (pytest_plugin, snapshot_plugin):
        plugin.pytest_addoption(Parser())  # type: ignore[arg-type]  # it notes what it is told
    return set(given), set(ini)


def test_each_setting_is_there_with_its_values_and_its_default() -> None:
    rows = {row[0].strip("`"): row for row in table(SETTINGS, "name")}
    assert set(rows) == set(settings.NAMES)
    parameters = set(inspect.signature(promptecho.use_cassette).parameters) - {"path", "nest"}
    assert set(rows) == parameters
    words = {
        "mode": [mode.value for mode in settings.Mode],
        "repeats": settings.REPEATS,
        "on_record_error": settings.ON_RECORD_ERROR,
        "on_secret": settings.ON_SECRET,
        "volatile": VOLATILE,
    }
    for name, known in words.items():
        assert re.findall(r'"(\w+)"', rows[name][1]) == list(known), name
    defaults = settings.Settings()
    special = {"match_on": list(DEFAULT_MATCH_ON), "backends": list(DEFAULT_BACKENDS), "ignore": [], "volatile": []}
    for name, row in rows.items():
        shown = row[2].partition(";")[0].partition(":")[0]
        default = special[name] if name in special else getattr(defaults, name)
        if default is None:
            assert shown == "none", name
        elif isinstance(default, tuple):
            assert shown == "`[]`", name
        else:
            assert ast.literal_eval(shown.strip("`").replace("false", "False")) == default, name


def test_each_setting_is_told_at_use_cassette() -> None:
    text = inspect.getdoc(promptecho.use_cassette) or ""  # Python 3.13 takes the indent away by itself
    assert re.findall(r"^    (\w+): ", text.partition("Args:")[2].partition("Raises:")[0], re.MULTILINE) == list(
        inspect.signature(promptecho.use_cassette).parameters
    )


def test_each_option_of_the_command_line_and_the_ini_file_is_there() -> None:
    given, ini = options()
    rows = table(PYTEST, "option")
    assert {row[0].strip("`").split()[0] for row in rows} == given
    assert {row[0].strip("`") for row in table(PYTEST[PYTEST.index("## Ini options") :], "option")} == ini
    also = " ".join(row[3] for row in table(SETTINGS, "name"))
    of_settings = {name for name in given if name.rpartition("promptecho-")[2].replace("-", "_") in settings.NAMES}
    assert set(re.findall(r"--[\w-]+", also)) == of_settings
    assert set(re.findall(r"`(promptecho_\w+)`", also)) == {
        name for name in ini if name.partition("_")[2] in settings.NAMES
    }


def test_each_environment_variable_is_there() -> None:
    named: set[str] = set()
    for file in [*(ROOT / "promptecho").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.update(re.findall(r"^_?PROMPTECHO_[A-Z_]+$|^(?:CI|NO_COLOR|FORCE_COLOR)$", node.value))
    shown = {name for row in table(SETTINGS, "variable") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert named - _NOT_FOR_USERS == shown


def test_each_public_name_has_its_entry() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    entries = set(re.findall(r"^\.\. auto(?:class|function|exception|data):: ([\w.]+)", pages, re.MULTILINE))
    entries = {entry.rpartition(".")[2] for entry in entries}
    public = {*promptecho.__all__, *errors.__all__, *backend.__all__, *snapshot.__all__, *provider.__all__} - {
        "__version__"
    }
    assert public - entries == set()
    scopes = {f"promptecho_{scope}_cassette" for scope in ("class", "module", "package", "session")}
    assert entries - public == {"promptecho_cassette", *scopes, "llm_snapshot"}


@needs_shell
def test_the_markers_of_the_page_are_accepted(tmp_path: Path) -> None:
    with Project(tmp_path) as project:
        project.write("test_page.py", next(block.text for block in blocks(PYTEST) if block.kind == "python"))
        assert "2 passed" in project.run("pytest -q")


def test_names_of_cassettes_are_as_the_page_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        class TestShop:
            def test_refund(self): ...

        @pytest.mark.parametrize("city", ["Paris"])
        def test_cities(city): ...

        def test_answer(): ...
        """
    )
    items = pytester.getitems(pytester.path.joinpath(f"{pytester._name}.py").read_text())
    names = {pytest_plugin.cassette_path(item).name for item in items}
    said = PYTEST[PYTEST.index("## Marker") : PYTEST.index("## Command line options")]
    assert set(re.findall(r"`cassettes/(test_answer\.yaml|Test\S+\.yaml|test_cities\S+\.yaml)`", said)) == names
