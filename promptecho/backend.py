"""What the adapter of an HTTP library is built from; the adapters that come with promptecho use nothing else.

An adapter is a class with the import name of its library in ``name`` and a method ``patch_points``. It is registered as
an entry point of the group ``promptecho.backends`` under that name, and is made without arguments. Each wrapper that it
puts in place asks ``session_for(name)``:

- ``None``: no cassette is open for this backend; call the original.
- a ``Session``: translate the library's request to a ``Request`` and ask ``session.decide(request)``, which gives
    - ``None``: not a call to record; call the original, inside ``suppressed(request.host)``.
    - a ``Replay``: build the library's own response from ``replay.response``, chunk by chunk, wait
      ``replay.seconds(i)`` before chunk ``i``, and call ``replay.check_end()`` when the program reads past the last.
    - a ``Forward``: call the original inside ``suppressed(request.host)``, then ``forward.start(head)``, for each chunk
      that goes to the program ``forward.feed(chunk)``, and at the end ``finish()``; ``abandon()`` if the program stops
      reading, ``abort(error)`` if the call or the connection breaks. Chunks keep their content coding.

The library's own functions are taken over, below tracers, spies and test doubles that stand on them; what a double
answers never reaches a wrapper. ``place`` adds a function that is only found as calls are made; ``Probe`` tells whether
a call that may be answered in process reaches the network.

``decide`` raises ``CassetteMiss``; let it pass. For libraries that work on HTTP/1.1 bytes there are ``ReplayFile``,
``TeeFile`` and ``ResponseWatcher``. CONTRIBUTING.md walks through a whole adapter.
"""

from __future__ import annotations

from promptecho._backends.adapters import Backend, PatchPoint
from promptecho._backends.patching import place
from promptecho._backends.probe import Probe
from promptecho._backends.suppression import suppressed
from promptecho._models import Headers, Request, Response, ResponseHead
from promptecho._session.activation import guard_call, is_guarded, session_for
from promptecho._session.http1 import (
    LAST_CHUNK,
    Ended,
    ReplayFile,
    ResponseWatcher,
    TeeFile,
    chunk_bytes,
    head_bytes,
    is_chunked,
    usual_reason,
)
from promptecho._session.recorder import Forward
from promptecho._session.session import Replay, Session

__all__ = [
    "LAST_CHUNK",
    "Backend",
    "Ended",
    "Forward",
    "Headers",
    "PatchPoint",
    "Probe",
    "Replay",
    "ReplayFile",
    "Request",
    "Response",
    "ResponseHead",
    "ResponseWatcher",
    "Session",
    "TeeFile",
    "chunk_bytes",
    "guard_call",
    "head_bytes",
    "is_chunked",
    "is_guarded",
    "place",
    "session_for",
    "suppressed",
    "usual_reason",
]
