"""The command line. click and rich are loaded here and nowhere else."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click

from promptecho._harmless import harmless
from promptecho._settings.settings import current_folder
from promptecho._version import __version__
from promptecho.errors import PromptechoError

# Each command is the ``command`` of a module here, which is imported when it is asked for.
_COMMANDS = {
    "completion": "_completion",
    "demo": "_demo",
    "diff": "_diff",
    "doctor": "_doctor",
    "export": "_export",
    "import": "_import",
    "lint": "_lint",
    "ls": "_ls",
    "merge": "_merge",
    "prune": "_prune",
    "redact": "_redact",
    "repair": "_repair",
    "rerecord": "_rerecord",
    "review": "_review",
    "show": "_show",
    "stats": "_stats",
}


class _Failure(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"promptecho._cli.{_COMMANDS[name]}").command
        return found

    def invoke(self, context: click.Context) -> Any:
        _prepare_output()
        try:
            current_folder()
            try:
                return super().invoke(context)
            finally:
                sys.stdout.flush()  # what can't be written is said here, not by the interpreter as it ends
        except click.ClickException as problem:  # it quotes what it was given
            problem.message = harmless(problem.message)  # type: ignore[misc]  # final in its annotations alone
            raise
        except PromptechoError as problem:  # a user's mistake or an unusable file: said without a traceback
            raise _Failure(str(problem)) from None
        except OSError as problem:
            if problem.errno == errno.EPIPE:  # `| head` has read enough; click ends quietly
                raise
            raise _Failure(harmless(_unusable(problem))) from None


def _prepare_output() -> None:
    """Write an escape where the encoding of the output lacks a character, and nothing where there is no output."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")  # open as long as the program runs


def _unusable(problem: OSError) -> str:
    said = problem.strerror or str(problem)
    if problem.filename is not None:
        return f"{problem.filename} can't be used: {said}"
    sys.stdout = _nowhere()  # what is left to write would fail again at the end
    return f"the output can't be written: {said}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="promptecho")
def main() -> None:
    """Record and replay LLM API calls.

    Exit codes: 0 fine, 1 something was found, 2 wrong use.
    """
