"""``promptecho export``: a cassette as HAR, for the tools that read it (browsers, proxies, viewers)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from promptecho._cassette import store
from promptecho._cassette.cassette import Cassette
from promptecho._harmless import harmless
from promptecho._import.har_export import har_text, to_har
from promptecho.errors import CassetteFileError


def export_text(path: Path) -> tuple[str, bool]:
    """The HAR of a cassette, and whether the cassette says when it was recorded.

    Raises:
        CassetteFileError: there is none, or it can't be read.
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    cassette = Cassette.load(path)
    document = store.parse(store.read_text(path) or "", path)
    tree = to_har(cassette, document.header)
    return har_text(tree), "comment" not in tree["log"]


def _write(path: Path, text: str, force: bool) -> None:
    if path.is_dir():
        raise CassetteFileError(f"{path} is a folder; name a file in it")
    if not force and os.path.lexists(path):
        raise CassetteFileError(f"{path} is there already; pass --force to replace it, or another name with -o")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_atomically(path, text)
    except OSError as problem:
        raise CassetteFileError(f"{path} can't be written: {problem.strerror or problem}") from None


@click.command("export")
@click.argument("cassette", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The HAR file to write.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def command(cassette: Path, output: Path | None, force: bool) -> None:
    """Write a cassette as HAR 1.2, to standard output or a file.

    Request headers are not in a cassette, so they are not in the HAR, and request bodies are in canonical form. What
    HAR has no field for stands in private fields (_promptecho), by which 'promptecho import' makes the same cassette
    again.
    """
    text, is_dated = export_text(cassette)
    if output is None:
        with click.open_file("-", "wb") as stdout:
            stdout.write(text.encode("utf-8"))
    else:
        _write(output, text, force)
    if not is_dated:
        click.echo(
            f"{harmless(str(cassette))} doesn't say when it was recorded: every entry starts at 1970-01-01", err=True
        )
