"""Every recipe of the tutorial, as a reader runs it: its files, its commands, a model server that goes away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptecho._cli._model_server import ModelServer

from .test_docs import needs_shell, steps

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^(?:```(\w+)\n(.*?)^```$|<!-- (offline) -->$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """A section of the page: its blocks as (kind, text), where the kind ``offline`` has no text."""

    title: str
    blocks: tuple[tuple[str, str], ...]


def recipes() -> list[Recipe]:
    page = (ROOT / "TUTORIAL.md").read_text(encoding="utf-8")
    sections = [section.partition("\n") for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]]
    return [
        Recipe(title, tuple((found[1] or found[3], found[2] or "") for found in _BLOCK.finditer(text)))
        for title, _, text in sections
    ]


def environment(folder: Path, url: str) -> dict[str, str]:
    programs = folder.with_name("bin")
    programs.mkdir()
    for name in ("promptecho", "pytest", "python"):
        module = "" if name == "python" else f"-m {name}"
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    unwanted = ("CI", "FORCE_COLOR", "PROMPTECHO_", "PYTEST_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(unwanted)},
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins take seconds to start
        "PYTEST_ADDOPTS": "-p no:cacheprovider -p promptecho.pytest_plugin",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "sk-of-the-tutorial-0123456789abcdef",
        "NO_PROXY": "*",
    }


def matches(shown: str, printed: str) -> bool:
    """Whether an output is the shown one, where ``...`` may be anything."""
    parts = [re.escape(part) for part in shown.rstrip("\n").split("...")]
    return re.fullmatch(".*?".join(parts), printed.rstrip("\n"), re.DOTALL) is not None


@needs_shell
@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_does_what_the_page_says(recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the recipes call it")
    pytest.importorskip("genai_prices", reason="the page shows what calls cost")
    if any(kind == "toml" for kind, _ in recipe.blocks) and sys.version_info < (3, 11):
        pytest.importorskip("tomli", reason="needs tomli")
    folder = tmp_path / "project"
    folder.mkdir()
    with ModelServer() as server:
        variables = environment(folder, server.url)
        for kind, text in recipe.blocks:
            if kind == "offline":
                server.stop()
            elif kind == "console":
                for command, shown in steps(text):
                    done = subprocess.run(
                        ["sh", "-c", f"{command}; code=$?; echo $code > ../code; exit $code"]
                        if command != "echo $?"
                        else ["cat", "../code"],
                        cwd=folder,
                        env=variables,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        encoding="utf-8",
                        timeout=120,
                        check=False,
                    )
                    assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- shown:\n{shown}"
            else:
                name = text.partition("\n")[0].removeprefix("# file: ")
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
                shutil.rmtree(folder / "__pycache__", ignore_errors=True)


def test_the_page_has_recipes_with_files_and_commands() -> None:
    for recipe in recipes():
        assert {"python", "console"} <= {kind for kind, _ in recipe.blocks}, recipe.title
        for kind, text in recipe.blocks:
            assert kind in ("console", "offline") or text.startswith("# file: "), text
