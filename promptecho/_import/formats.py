"""Which tool wrote a file: told by its content."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho._cassette.foreign import CASSETTER, HAR, VCRPY, format_of, is_cassetter, load_vcrpy
from promptecho._cassette.layout import YamlProblem
from promptecho._import import cassetter, har, vcrpy
from promptecho._import.exchange import Source
from promptecho.errors import CassetteFileError, CassetteFormatError

Json = Any
FORMATS = (VCRPY, CASSETTER, HAR)


class UnknownFormatError(CassetteFormatError):
    """A file is readable and is no recording of a tool that is known here."""


def read_source(path: Path, format: str | None = None) -> Source:
    """The calls in a file of another tool; which tool, its content says unless ``format`` does.

    Raises:
        CassetteFileError: it can't be read.
        UnknownFormatError: it is a file of another kind.
        CassetteFormatError: it is empty, damaged, of another version.
    """
    data = store.read_bytes(path)
    if data is None:
        raise CassetteFileError(f"{path} doesn't exist; name a cassette of vcrpy or cassetter, a HAR, or a folder")
    if data.startswith(_GZIP):
        data = _decompressed(data, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise CassetteFormatError(f"{path}, line {line}: not UTF-8 text; restore the file and import again") from None
    if not text.strip():
        raise CassetteFormatError(f"{path} is empty; there is nothing to import")
    tree = _parse(text, path, format)
    found = format_of(tree)
    if found is None and format is None:
        raise UnknownFormatError(
            f"{path} is no cassette of vcrpy or cassetter and no HAR, which hold 'interactions' or 'log.entries'; "
            "name the format with --from to see where it differs"
        )
    if found == "promptecho":
        raise UnknownFormatError(f"{path} is a cassette of promptecho already; use it as it is")
    if format is not None and found is not None and found != format:
        raise CassetteFormatError(f"{path} was to be read as {format} and looks like {found}; leave --from out")
    readers = {VCRPY: vcrpy.read, CASSETTER: cassetter.read, HAR: har.read}
    return readers[format or found or ""](tree, path)


_GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_LARGEST = 2_000_000_000


def _decompressed(data: bytes, path: Path) -> bytes:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = decoder.decompress(data, _LARGEST)
    except zlib.error as problem:
        raise CassetteFormatError(f"{path}: not readable gzip ({problem}); restore the file and import again") from None
    if not decoder.eof:
        raise CassetteFormatError(
            f"{path}: the gzip data is cut off or far too large; restore the file and import again"
        )
    return text


def _parse(text: str, path: Path, format: str | None) -> object:
    suffix = path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix == ".toml":
        return cassetter.load_toml(text, path)
    if suffix in (".json", ".har") or text.lstrip()[:1] in ("{", "["):
        try:
            tree: object = json.loads(text, object_pairs_hook=_without_repeats)
            return tree
        except (ValueError, RecursionError) as problem:
            if suffix in (".json", ".har"):
                raise CassetteFormatError(
                    f"{path}: not readable JSON ({problem}); restore the file and import again"
                ) from None
    return _parse_yaml(text, path, format)


def _without_repeats(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {name!r} stands twice in one mapping")
    return found


def _parse_yaml(text: str, path: Path, format: str | None) -> object:
    """vcrpy writes YAML 1.1 and cassetter 1.2, so that a plain ``1e5`` or ``no`` is not the same in both."""
    try:
        if format != CASSETTER:
            with contextlib.suppress(YamlProblem):
                tree = load_vcrpy(text)
                if not is_cassetter(tree):
                    return tree
        if format != VCRPY:
            with contextlib.suppress(YamlProblem):
                tree = cassetter.load_yaml(text)
                if is_cassetter(tree):
                    return tree
        return cassetter.load_yaml(text) if format == CASSETTER else load_vcrpy(text)
    except YamlProblem as problem:
        place = f", line {problem.line}" if problem.line else ""
        raise CassetteFormatError(f"{path}{place}: {problem.problem}; restore the file and import again") from None
