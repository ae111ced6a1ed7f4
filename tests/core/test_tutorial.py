"""Every recipe of the tutorial, as a reader runs it: its files, its commands, a model server that goes away."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from .pages import ROOT, Block, Project, blocks, steps
from .test_docs import needs_shell


@dataclass(frozen=True)
class Recipe:
    """A section of the page."""

    title: str
    blocks: tuple[Block, ...]


def recipes() -> list[Recipe]:
    page = (ROOT / "TUTORIAL.md").read_text(encoding="utf-8")
    sections = [section.partition("\n") for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]]
    return [Recipe(title, tuple(blocks(text))) for title, _, text in sections]


def matches(shown: str, printed: str) -> bool:
    """Whether an output is the shown one, where ``...`` may be anything."""
    parts = [re.escape(part) for part in shown.rstrip("\n").split("...")]
    return re.fullmatch(".*?".join(parts), printed.rstrip("\n"), re.DOTALL) is not None


@needs_shell
@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_does_what_the_page_says(recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the recipes call it")
    pytest.importorskip("genai_prices", reason="the page shows what calls cost")
    if any(block.kind == "toml" for block in recipe.blocks) and sys.version_info < (3, 11):
        pytest.importorskip("tomli", reason="needs tomli")
    with Project(tmp_path, columns=100) as project:
        for block in recipe.blocks:
            if block.kind == "offline":
                project.go_offline()
            elif block.kind == "installed":
                project.install()
            elif block.kind == "console":
                for command, shown in steps(block.text):
                    printed = project.run(command)
                    assert matches(shown, printed), f"$ {command}\n{printed}\n--- shown:\n{shown}"
            else:
                project.write(block.text.partition("\n")[0].removeprefix("# file: "), block.text)


def test_the_page_has_recipes_with_files_and_commands() -> None:
    for recipe in recipes():
        assert {"python", "console"} <= {block.kind for block in recipe.blocks}, recipe.title
        for block in recipe.blocks:
            assert block.kind in ("console", "offline", "installed") or block.text.startswith("# file: "), block.text
