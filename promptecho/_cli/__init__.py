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


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def doctor(as_json: bool) -> None:
    """Say which HTTP library each installed SDK rides on, and whether this project's settings intercept it.

    Exit code 1: calls of an installed SDK would go around the cassette.
    """
    import json

    from promptecho._cli import _doctor
    from promptecho.errors import PromptechoError

    try:
        report = _doctor.examine(Path.cwd())
    except PromptechoError as problem:
        raise click.UsageError(str(problem)) from None
    if as_json:
        click.echo(json.dumps(_doctor.as_json(report), indent=2))
    else:
        _doctor.show(report)
    raise SystemExit(0 if all(sdk.intercepted for sdk in report.sdks) else 1)
