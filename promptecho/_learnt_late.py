"""Credentials that are learnt after they were written: a login's answer has a token before any call carries it.

They are masked in what was written already: in the recording that is under way, and in the files that this process
wrote before. A process looks for each credential once, however many cassettes it opens.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from promptecho import _forks

if TYPE_CHECKING:
    from promptecho._recorder import Recorder
    from promptecho._redaction import Redactor

_lock = _forks.new_lock()
_looked_for: set[str] = set()
_written: dict[Path, weakref.ref[Recorder]] = {}


def note(recorder: Recorder) -> None:
    """A recorder wrote to its file."""
    path = recorder.journal.path
    if path not in _written:
        _written[path] = weakref.ref(recorder)


def mask(values: Sequence[str], recorder: Recorder | None, redactor: Redactor) -> None:
    """Mask credentials that were just learnt wherever this process wrote them.

    Raises:
        CassetteWriteError: the file of the recording that is under way can't be replaced.
    """
    if recorder is not None:
        recorder.mask_again(values, redactor)
    with _lock:
        fresh = [value for value in values if value not in _looked_for]
        _looked_for.update(fresh)
    if fresh:
        for path, writer in list(_written.items()):
            other = writer()
            if other is None or other is not recorder:
                _mask_in(path, fresh, other)


def _mask_in(path: Path, values: Sequence[str], writer: Recorder | None) -> None:
    from promptecho import _store
    from promptecho._redaction import Redactor
    from promptecho.errors import PromptechoError

    redactor = Redactor({}, known=values)
    if writer is not None:
        writer.mask_again(values, redactor)
        path = path if path.exists() else writer.cassette.file
    try:
        text = _store.read_text(path)
        if text is not None and redactor.is_in(values, text):
            from promptecho._lint._masking import mask_file

            mask_file(path, redactor=redactor)
    except PromptechoError:
        return  # what became of another test's file is said where it is used
