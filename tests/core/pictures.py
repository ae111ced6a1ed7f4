"""The pictures of the README: what real runs print, as SVG that loads nothing from anywhere.

``python -m tests.core.pictures`` draws those that have changed in ``docs/pictures/``, with ``--anew`` all.
"""

from __future__ import annotations

import re
import sys
import tempfile
import xml.etree.ElementTree as Xml
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from .pages import ROOT, Project, masked

FOLDER = ROOT / "docs" / "pictures"
_SVG = "{http://www.w3.org/2000/svg}"

_BACKGROUND, _FOREGROUND, _BAR, _EDGE = "#1b1f27", "#d7dae0", "#272c36", "#59606d"
_THEME = TerminalTheme(
    (27, 31, 39),
    (215, 218, 224),
    [(60, 66, 77), (240, 113, 120), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (215, 218, 224)],
    [(127, 132, 142), (255, 138, 145), (181, 222, 150), (246, 213, 155), (130, 197, 255), (218, 152, 238),
     (120, 208, 219), (255, 255, 255)],
)  # fmt: skip
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_SIZE, _WIDTH, _HEIGHT, _PAD, _TITLE = 14, 8.4, 20, 16, 34


@dataclass(frozen=True)
class Step:
    """A command, or a remark, and what was printed; ``seconds``: how long an animated picture stays at it."""

    command: str
    printed: str
    seconds: float = 3.0

    def lines(self) -> list[Text]:
        if self.command.startswith("#"):
            return [Text.assemble((self.command, "bright_black")), *self._output()]
        return [Text.assemble(("$ ", "bold green"), (self.command, "bold")), *self._output()]

    def _output(self) -> list[Text]:
        return [Text.from_ansi(line) for line in self.printed.rstrip("\n").splitlines()]


@dataclass(frozen=True)
class Picture:
    """``take`` carries out what is shown."""

    name: str
    title: str
    take: Callable[[Project], Sequence[Step]]
    columns: int = 80
    animated: bool = False

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.svg"

    def steps(self) -> Sequence[Step]:
        with tempfile.TemporaryDirectory() as folder, Project(Path(folder), columns=self.columns) as project:
            del project.environment["NO_COLOR"]
            project.environment.update(FORCE_COLOR="1", PY_COLORS="1", TERM="xterm-256color")
            return self.take(project)


# --- what is shown ----------------------------------------------------------------------------------------------------

_TEST = """\
from openai import OpenAI


def test_answer(promptecho_cassette):
    reply = OpenAI().chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": "What is six times seven?"}]
    )
    assert "42" in reply.choices[0].message.content
"""
_SUITE = """\
import pytest
from openai import OpenAI

QUESTIONS = ["What is six times seven?", "I want my money back", "Where is my parcel?", "Thank you!"]


def ask(text):
    messages = [{"role": "user", "content": text}]
    return OpenAI().chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content


@pytest.mark.promptecho("cassettes/questions.yaml", mode="new_episodes")
@pytest.mark.parametrize("question", QUESTIONS)
def test_question(question):
    assert ask(question)


def test_refund(promptecho_cassette):
    assert "30 euros" in ask("I want my money back")
    assert ask("When?")
"""


def _first_run(project: Project) -> Sequence[Step]:
    project.write("test_answer.py", _TEST)
    recorded = Step("pytest -q", project.run("pytest -q"))
    project.go_offline()
    replayed = Step("pytest -q", project.run("pytest -q"), 6.0)
    return [recorded, Step("# no network, no key, no cost from here on:", "", 1.5), replayed]


def _miss(project: Project) -> Sequence[Step]:
    project.write("test_answer.py", _TEST)
    project.run("pytest -q")
    project.write("test_answer.py", _TEST.replace("seven", "eight"))
    return [Step("pytest -q", _as_far_as(project.run("pytest -q"), "to record it"))]


def _as_far_as(printed: str, text: str) -> str:
    """The lines up to the one that holds a text."""
    lines = printed.splitlines(keepends=True)
    last = next(number for number, line in enumerate(lines) if text in line)
    return "".join(lines[: last + 1])


def _demo(project: Project) -> Sequence[Step]:
    return [Step("promptecho demo", project.run("promptecho demo --keep demo"))]


def _show(project: Project) -> Sequence[Step]:
    name = "cassettes/weather_agent.yaml"
    project.write(name, (ROOT / "examples" / name).read_text(encoding="utf-8"))
    return [Step(f"promptecho show {name}", project.run(f"promptecho show {name}"))]


def _summary(project: Project) -> Sequence[Step]:
    project.write("test_shop.py", _SUITE)
    project.run("pytest -q")
    project.write("test_shop.py", _SUITE.replace('    assert ask("When?")\n', ""))
    project.go_offline()
    return [Step("pytest", project.run("pytest"))]


PICTURES = (
    Picture("first-run", "record once, replay for ever", _first_run, 80, animated=True),
    Picture("demo", "promptecho demo", _demo, 132),
    Picture("miss", "a miss explains itself", _miss, 104),
    Picture("show", "a cassette as a conversation", _show, 88),
    Picture("summary", "the summary of a run", _summary, 80),
)


# --- drawing ----------------------------------------------------------------------------------------------------------


def draw(picture: Picture, steps: Sequence[Step]) -> str:
    """A terminal window with the steps below one another."""
    lines = [(number, line) for number, step in enumerate(steps) for line in [*step.lines(), Text()]][:-1]
    columns = max(line.cell_len for _, line in lines)
    width = round(columns * _WIDTH + 2 * _PAD)
    height = _TITLE + len(lines) * _HEIGHT + 2 * _PAD - 6
    said = escape("; ".join(step.command for step in steps))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'fill="{_FOREGROUND}" role="img" aria-label="{escape(picture.title)}">',
        f"<title>{escape(picture.title)}: {said}</title>",
        f"<style>text {{ font-family: {_FONT}; font-size: {_SIZE}px; white-space: pre; }}"
        f"{_animation(steps) if picture.animated else ''}</style>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{_BACKGROUND}" '
        f'stroke="{_EDGE}"/>',
        f'<path d="M1 {_TITLE} V9 a8 8 0 0 1 8 -8 H{width - 9} a8 8 0 0 1 8 8 V{_TITLE} Z" fill="{_BAR}"/>',
        *(f'<circle cx="{18 + 18 * place}" cy="17" r="5.5" fill="{colour}"/>'
          for place, colour in enumerate(("#f07178", "#e5c07b", "#98c379"))),
        f'<text class="title" x="{width // 2}" y="22" text-anchor="middle" opacity="0.75">'
        f"{escape(picture.title)}</text>",
    ]  # fmt: skip
    for place, (number, line) in enumerate(lines):
        y = _TITLE + _PAD + place * _HEIGHT + 10
        drawn = "".join(_pieces(line, y))
        if drawn:
            parts.append(f'<g class="s{number}">{drawn}</g>' if picture.animated else drawn)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _animation(steps: Sequence[Step]) -> str:
    """The first step is there, the others come in turn; what shows no animations, or is asked for none, shows all."""
    whole = sum(step.seconds for step in steps)
    rules, passed = [], steps[0].seconds
    for number, step in enumerate(steps[1:], 1):
        start = 100 * passed / whole
        rules.append(
            f"@keyframes s{number} {{ 0%, {start:.1f}% {{ opacity: 0 }} {start + 1.5:.1f}%, 99% {{ opacity: 1 }} "
            f"100% {{ opacity: 0 }} }} .s{number} {{ animation: s{number} {whole:g}s infinite }}"
        )
        passed += step.seconds
    return " " + " ".join(rules) + " @media (prefers-reduced-motion: reduce) { g { animation: none !important } }"


def _pieces(line: Text, y: int) -> Iterator[str]:
    """The runs of one style, each stretched to the columns that it takes, whatever font there is."""
    column = 0
    for run, style in _runs(line):
        for found in re.finditer(r"\S+(?: \S+)*", run):
            x = _PAD + (column + found.start()) * _WIDTH
            length = len(found[0]) * _WIDTH
            yield (
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"{style}>'
                f"{escape(found[0], quote=False)}</text>"
            )
        column += len(run)


def _runs(line: Text) -> Iterator[tuple[str, str]]:
    for segment in line.render(Console(width=500)):
        style = segment.style
        if segment.text == "\n" or not segment.text:
            continue
        said = ""
        if style is not None and style.color is not None and not style.color.is_default:
            said += f' fill="{style.color.get_truecolor(_THEME).hex}"'
        if style is not None and style.bold:
            said += ' font-weight="bold"'
        if style is not None and style.dim:
            said += ' opacity="0.65"'
        yield segment.text, said


# --- reading ----------------------------------------------------------------------------------------------------------


def shown(picture: Picture) -> list[str]:
    """The lines of text in a picture."""
    lines: dict[int, dict[int, str]] = {}
    for text in Xml.parse(picture.file).getroot().iter(f"{_SVG}text"):
        if text.get("class") != "title":
            column = round((float(text.attrib["x"]) - _PAD) / _WIDTH)
            lines.setdefault(int(text.attrib["y"]), {})[column] = text.text or ""
    return ["".join(_placed(lines[y])) for y in sorted(lines)]


def _placed(pieces: dict[int, str]) -> Iterator[str]:
    end = 0
    for column in sorted(pieces):
        yield " " * (column - end) + pieces[column]
        end = column + len(pieces[column])


def printed(steps: Sequence[Step]) -> list[str]:
    """The lines that the steps print, without colour."""
    return [line.plain for step in steps for line in step.lines() if line.plain.strip()]


def comparable(lines: Sequence[str]) -> list[str]:
    """Lines without what differs from run to run, and without the widths that depend on it."""
    whole = masked("\n".join(lines) + "\n")
    whole = re.sub(r"(?<=  )\d+\.\d(?=  |\n)", "MS", whole)
    return [re.sub(r"[ ━─=]+", " ", line).strip() for line in whole.splitlines()]


if __name__ == "__main__":
    for each in PICTURES:
        taken = each.steps()
        if "--anew" in sys.argv or not each.file.exists() or comparable(shown(each)) != comparable(printed(taken)):
            each.file.write_text(draw(each, taken), encoding="utf-8")
