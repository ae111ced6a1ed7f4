"""Credentials that are learnt after they were written: a login's answer has a token before any call carries it.

They are masked in what was written already: in the recording that is under way, and in the files that this process
wrote before. A process looks for each credential once in what it wrote, however many cassettes it opens.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from promptecho import _forks

if TYPE_CHECKING:
    from promptecho._secrets.passes import Redactor
    from promptecho._session.recorder import Recorder

_lock = _forks.new_lock()
_writes = 0
_looked_for: dict[str, int] = {}  # after how many writes of this process
_written: dict[Path, _Writing] = {}


class _Writing(NamedTuple):
    """By whom a file was written, after how many writes the last time, and what was read in pieces."""

    recorder: weakref.ref[Recorder]
    last: int
    assembled: tuple[list[str], ...]


def note(recorder: Recorder) -> None:
    """A recorder wrote to its file."""
    global _writes
    with _lock:
        _writes += 1
        path = recorder.journal.path
        known = _written.get(path)
        if known is not None and known.recorder() is recorder:
            _written[path] = known._replace(last=_writes)
        else:
            before = () if known is None else known.assembled
            _written[path] = _Writing(weakref.ref(recorder), _writes, (*before, recorder.redactor.assembled))


def mask(values: Sequence[str], recorder: Recorder | None, redactor: Redactor) -> None:
    """Mask credentials that were just learnt wherever this process wrote them.

    Raises:
        CassetteWriteError: the file of the recording that is under way can't be replaced.
    """
    if recorder is not None:
        recorder.mask_again(values, redactor)
    with _lock:
        before = {value: _looked_for.get(value, 0) for value in values}
        _looked_for.update(dict.fromkeys(values, _writes))
        written = list(_written.items())
    for path, (writer, last, assembled) in written:
        fresh = [value for value in values if before[value] < last]
        other = writer()
        if fresh and (other is None or other is not recorder):
            _mask_in(path, fresh, other, [text for read in assembled for text in read])


def _mask_in(path: Path, values: Sequence[str], writer: Recorder | None, assembled: Sequence[str]) -> None:
    from promptecho._cassette import store
    from promptecho._secrets.passes import Redactor
    from promptecho.errors import PromptechoError

    redactor = Redactor({}, known=values)
    if writer is not None:
        writer.mask_again(values, redactor)
        path = path if path.exists() else writer.cassette.file
    try:
        text = store.read_text(path)
        if text is not None and redactor.is_in(values, "\n".join((text, *assembled))):
            from promptecho._cassette.mending.masking import mask_file

            mask_file(path, redactor=redactor)
    except PromptechoError:
        return  # what became of another test's file is said where it is used
