"""Notices calls that go around the cassette, and calls to LLM providers where none is open.

It looks at two places. Libraries that promptecho knows but that weren't chosen have its wrappers too while a cassette
is open: these see the address of each call, whatever proxy, resolver or kept connection carries it (``look_at``). For
all others it listens to the interpreter's audit events (PEP 578) for name lookups and connections, so an SDK that moves
to a library that no backend knows is noticed on its first run.

In mode ``none`` a call to a provider raises before anything is sent, and a connection to any other host but loopback is
a warning; in the other modes a call to a provider warns. ``block_network`` raises for every host but loopback.
"""

from __future__ import annotations

import errno
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from promptecho import _forks
from promptecho._backends import probe, suppression
from promptecho._backends.adapters import known_backends
from promptecho._guard import background, callers, lookups
from promptecho._guard.hosts import is_llm_host, is_loopback
from promptecho._telling import run
from promptecho._warning import warn
from promptecho.errors import UninterceptedCallError, UninterceptedCallWarning

__all__ = ["Watch", "is_llm_host", "is_loopback", "listen", "look_at", "refuse"]

_lock = _forks.new_lock()
_listening = False


def note_nothing(error: BaseException) -> None:
    pass


def _none_let_out(host: str) -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """What holds for calls around a cassette, or where none is open.

    ``provider``: what a call to a provider does: ``"raise"``, ``"warn"`` or ``"note"`` (it is kept for the summary).
    ``other``: what a connection to another host does, loopback aside: the same, or ``""``. ``holds_background``: traces
    and look-ups don't go out. ``cassette`` is the path of the one that is open (``is_open``) or was, ``libraries`` what
    it intercepts. ``note`` keeps an error that the program may swallow; ``lets_out`` knows the hosts that are let out.
    """

    provider: str
    other: str = ""
    holds_background: bool = False
    cassette: str = ""
    is_open: bool = False
    libraries: tuple[str, ...] = ()
    note: Callable[[BaseException], None] = note_nothing
    lets_out: Callable[[str], bool] = _none_let_out
    told: set[tuple[str, str]] = field(default_factory=set, compare=False)

    @property
    def closed(self) -> str:
        """The cassette of which this is all that is left."""
        return "" if self.is_open else self.cassette


def _nobody() -> Watch | None:
    return None


_watch: Callable[[], Watch | None] = _nobody  # replaced when the first cassette opens
_left_over: weakref.WeakKeyDictionary[threading.Thread, Watch] = weakref.WeakKeyDictionary()  # by note_left_over


def listen(watch: Callable[[], Watch | None]) -> None:
    """Start listening, once; ``watch`` says what holds where it is called, ``None``: nothing does."""
    global _listening, _watch
    _watch = watch
    with _lock:
        if not _listening:
            _listening = True
            sys.addaudithook(_hook)  # can't be taken away again, so it does nothing while no cassette is open


def note_left_over(watch: Watch, before: Iterable[threading.Thread]) -> None:
    """Keep which threads go on after a cassette has closed: those that weren't there ``before``."""
    threads = set(threading.enumerate())
    for thread in threads.difference(before, (threading.current_thread(),)):
        _left_over[thread] = watch


def left_over() -> Watch | None:
    """What the cassette asked for that was open when this thread began, where it is closed by now."""
    return _left_over.get(threading.current_thread()) if _left_over else None


# --- libraries that aren't chosen -------------------------------------------------------------------------------------


def look_at(watch: Watch, library: str, method: str, url: str) -> bool:
    """Look at a call of a library that isn't chosen; gives whether it is background traffic that must not go out.

    Raises:
        UninterceptedCallError: it must not go out.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if watch.lets_out(host) or probe.current.get() is not None:  # a tried call is stopped before it reaches anything
        return False
    if background.find(method, url) is not None:
        return watch.holds_background
    _judge(watch, host, library)
    return False


def refuse(host: str) -> ConnectionRefusedError:
    """For background traffic that can't be answered: its sender sees a server that is down."""
    return ConnectionRefusedError(
        errno.ECONNREFUSED, f"promptecho keeps background traffic to {host} from going out: no call goes out here"
    )


# --- audit events -----------------------------------------------------------------------------------------------------


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _EVENTS or event not in _EVENTS:  # nothing is left of a module as the interpreter ends
        return
    probe.notice(event, arguments, suppression.allowed_hosts)
    watch = _watch()
    host = _EVENTS[event](arguments)
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or suppression.is_let_out():
        return
    host = host.lower()
    if (watch is None or not watch.is_open) and event == "socket.getaddrinfo" and not is_loopback(host):
        lookups.note_last(host)  # in a worker thread, perhaps for a task that outlived its cassette
    if watch is None:
        return
    if event == "socket.connect":
        host = lookups.name_of(host, guess=bool(watch.closed) and not is_loopback(host))
    if (
        host in suppression.allowed_hosts
        or watch.lets_out(host)
        or (event == "socket.getaddrinfo" and host == socket.gethostname())
    ):
        return
    if is_loopback(host):
        if watch.closed and event == "socket.connect":
            _note_late(watch, host)
        return
    if watch.holds_background and callers.sends_background():
        run.note_call("background", host, "")
        raise refuse(host)
    _judge(watch, host)


def _address(arguments: tuple[object, ...]) -> object:
    """The host of ``socket.connect`` and ``socket.sendto``; ``None`` for a socket that is none of the internet."""
    address = arguments[1]
    return address[0] if isinstance(address, tuple) and len(address) in (2, 4) else None


_EVENTS: dict[str, Callable[[tuple[object, ...]], object]] = {
    "socket.getaddrinfo": lambda arguments: arguments[0],
    "socket.gethostbyname": lambda arguments: arguments[0],
    "http.client.connect": lambda arguments: arguments[1],
    "socket.connect": _address,
    "socket.sendto": _address,
}


# --- judging ----------------------------------------------------------------------------------------------------------


def _judge(watch: Watch, host: str, library: str = "") -> None:
    is_provider = is_llm_host(host)
    if not is_provider and (is_loopback(host) or not watch.other):
        return
    does = watch.provider if is_provider else watch.other
    once = (host, run.place() if does == "note" else str(watch.is_open))
    if does != "raise" and once in watch.told:
        return
    watch.told.add(once)
    library = callers.library(library)
    run.note_call(_kind(watch, does), host, library, watch.closed)
    if does == "note":
        return
    text = _text(watch, host, library, is_provider)
    if does == "raise":
        problem = UninterceptedCallError(text, host=host, library=library)
        watch.note(problem)
        raise problem
    warn(text + " It was sent, and is not recorded.", UninterceptedCallWarning)


def _kind(watch: Watch, does: str) -> str:
    """How the summary calls it; ``""`` for what fails a test, and for what a warning is enough for."""
    if does == "raise":
        return ""
    if watch.closed:
        return "late"
    return "around" if watch.is_open else "uncovered"


def _note_late(watch: Watch, host: str) -> None:
    """A call to this machine from a thread that outlived its cassette, by a library that the cassette intercepted."""
    library = callers.library()
    if library in watch.libraries and (host, "late") not in watch.told:
        watch.told.add((host, "late"))
        if run.watching:
            run.note_call("late", host, library, watch.closed)
        else:  # the summary of the run is out, or there is none
            text = _text(watch, host, library, is_provider=False)
            warn(f"{text} It was sent, and is not recorded.", UninterceptedCallWarning)


def _text(watch: Watch, host: str, library: str, is_provider: bool) -> str:
    if watch.closed:
        return (
            f"a call to {host} by {library} came after the cassette {watch.closed} was closed, from a thread or task "
            "that was started in it. Wait for it (join, await) before the cassette closes."
        )
    if not watch.is_open:
        place = run.place()
        where = f" in {place}, which called {host} by {library}" if place else f" for a call to {host} by {library}"
        return f"no cassette is open{where}. Open one there (use_cassette), or before it (a fixture of its scope)."
    what = "goes around the cassette: no chosen backend intercepts it."
    if watch.other == "raise" and not is_provider:
        what = "goes around the cassette, and the network is blocked (block_network)."
    advice = " ".join(filter(None, (_advice(library), callers.way_out())))
    if not is_provider:
        advice += " If it is meant, name the host in ignore_hosts."
    return f"a call to {host} by {library} {what} {advice}"


def _advice(library: str) -> str:
    backend = {"botocore": "urllib3"}.get(library, library)
    if backend in known_backends():
        return f"Add it: use_cassette(..., backends=[..., {backend!r}]), or PROMPTECHO_BACKENDS={backend}."
    return "promptecho has no backend for it; use a client on a library it knows (see SUPPORT.md)."
