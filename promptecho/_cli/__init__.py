"""The command line. click and rich are loaded here and nowhere else."""

from __future__ import annotations

from pathlib import Path

import click

from promptecho._version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="promptecho")
def main() -> None:
    """Record and replay LLM API calls.

    Exit codes: 0 fine, 1 something was found, 2 wrong use.
    """


@main.command()
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the cassette; without it, a temporary one that is kept as well.",
)
def demo(keep: Path | None) -> None:
    """Record calls of real SDKs against a local model server, stop it, and replay them."""
    from promptecho._cli._demo import run_demo

    raise SystemExit(run_demo(keep))
