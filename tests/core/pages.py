"""Pages of the documentation as a reader follows them: their files, their commands, a model server that goes away."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._cli._model_server import ModelServer
from promptecho._settings import toml

ROOT = Path(__file__).parents[2]
PROVIDER = "https://api.openai.com"  # what stands in a page for the address of the local server
ANSWERS = {
    "What is six times seven?": "Six times seven is 42.",
    "I want my money back": "I have sent your 30 euros back. They arrive within three days.",
}
_BLOCK = re.compile(r"^(?:```(\w+)\n(.*?)^```$|<!-- (.+?) -->$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of a page by its language, or a comment by its text in ``kind``; ``start`` and ``end`` are its place."""

    kind: str
    text: str
    line: int
    start: int
    end: int


def blocks(page: str) -> list[Block]:
    """The blocks and the comments of a page, in order."""
    return [
        Block(found[1] or found[3], found[2] or "", page.count("\n", 0, found.start()) + 1, found.start(), found.end())
        for found in _BLOCK.finditer(page)
    ]


def steps(text: str) -> tuple[tuple[str, str], ...]:
    """The commands of a console block, each with the lines below it."""
    made: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            made.append([line[2:]])
        else:
            made[-1].append(line)  # a block that begins with anything but a command is a mistake
    return tuple((command, "".join(f"{line}\n" for line in lines)) for command, *lines in made)


class PageServer(ModelServer):
    """The model server with answers that read well, and without headers that name it."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._answers = answers

    def answer(self, handler: http.server.BaseHTTPRequestHandler, path: str, body: Any, number: int) -> None:
        handler.send_response = handler.send_response_only  # type: ignore[method-assign,assignment]
        super().answer(handler, path, body, number)

    def send_json(self, handler: http.server.BaseHTTPRequestHandler, tree: Any, status: int = 200) -> None:
        for choice in tree.get("choices", ()):
            question = str(choice["message"]["content"]).partition(" to: ")[2]
            if question.startswith("promptecho judge"):
                choice["message"]["content"] = "PASS\nIt is polite and names the amount."
            elif question in self._answers:
                choice["message"]["content"] = self._answers[question]
        super().send_json(handler, tree, status)


class Project:
    """A folder in which a page is followed; ``with Project(folder) as project``. ``answers`` can be changed."""

    def __init__(self, folder: Path, *, columns: int = 80, keeps_cache: bool = False) -> None:
        self.answers = dict(ANSWERS)
        self.folder = folder / "project"
        self._code = folder / "code"
        programs = folder / "bin"
        for each in (self.folder, programs):
            each.mkdir()
        for name in ("promptecho", "pytest", "python"):
            module = "" if name == "python" else f"-m {name}"
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', encoding="utf-8")
            (programs / name).chmod(0o755)
        unwanted = ("CI", "FORCE_COLOR", "PROMPTECHO_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(unwanted)},
            "COLUMNS": str(columns),
            "NO_COLOR": "1",
            "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
            "PYTHONIOENCODING": "utf-8",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins take seconds to start
            "PYTEST_ADDOPTS": " ".join(
                ["-p promptecho.pytest_plugin -p promptecho.snapshot._plugin"]
                + ([] if keeps_cache else ["-p no:cacheprovider"])
            ),
            "OPENAI_API_KEY": "sk-of-the-pages-0123456789abcdef",
            "NO_PROXY": "*",
            "GIT_CEILING_DIRECTORIES": str(folder),
            **{f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self._addresses: list[str] = []
        self.go_online()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_offline()

    def go_online(self) -> None:
        self._server = PageServer(self.answers)
        self._server.__enter__()
        self._addresses.append(self._server.url)
        self.environment["OPENAI_BASE_URL"] = f"{self._server.url}/v1"

    def go_offline(self) -> None:
        self._server.stop()

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        # A file that is written twice in a second would be taken for the old one.
        shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)

    def install(self) -> None:
        """What ``pip install -e .`` makes known of a project: its entry points."""
        project = toml.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        information = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
        lines = []
        for group, entries in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
        (information / "entry_points.txt").write_text("\n".join(lines))
        self.environment["PYTHONPATH"] += os.pathsep + str(self.folder)

    def run(self, command: str) -> str:
        """What a command prints; ``echo $?`` after it gives its exit code."""
        if command == "echo $?":
            return self._code.read_text(encoding="utf-8")
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self._code.write_text(f"{done.returncode}\n", encoding="utf-8")
        printed = done.stdout.replace(f"{self.folder}{os.sep}", "").replace(str(self.folder), "~/project")
        for address in self._addresses:
            printed = printed.replace(address, PROVIDER)
        return printed


_VARYING = (
    (r"(?m)(?<=\d), [\d.,]+ s$", ""),  # a summary tells time from a twentieth of a second
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?", "DATE"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "DATE"),
    (r"(?<=recorded_with:\n)(  .*\n)+", "  VERSIONS\n"),
    (r"(?<=recorded DATE UTC, )with .*\n(?:\w.*\n)*", "VERSIONS\n"),
    (r"127\.0\.0\.1:\d+", "LOOPBACK"),
    (r"\b\d+\.\d+\.\d+\b", "VERSION"),
    (r"(?<=duration: )[\d.e-]+  # [0-9a-f]{8}", "SECONDS  # MARK"),
    (r"\b[\d.]+ ?s\b", "SECONDS"),
    (r"={3,}|-{3,}|_{3,}", "==="),
)


def masked(text: str) -> str:
    """A text without what differs from run to run: dates, times, versions, ports, the length of rules."""
    for pattern, stand_in in _VARYING:
        text = re.sub(pattern, stand_in, text)
    return text


def as_shown(printed: str, shown: str) -> str:
    """What was printed, cut where the page cuts it: at a last line of ``...``."""
    if not shown.endswith("...\n"):
        return printed
    kept = shown.count("\n") - 1
    return "".join(printed.splitlines(keepends=True)[:kept]) + "...\n"
