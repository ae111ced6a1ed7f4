"""Child processes of a process in which a cassette is open: they are in that cassette too.

Forked ones have it with their memory. Python programs that are started get a ticket: a file that says which cassette,
with which settings, named by a variable, and read by a ``sitecustomize`` that is first there; processes of
multiprocessing get it with what they are sent. Only the process that opened a cassette closes it.

Two things put that ``sitecustomize`` first. ``promptecho_child.pth``, which is installed with promptecho, reads a
variable of ours, so it works whatever a shell command does with ``PYTHONPATH``, and with ``-I`` and ``-E``.
``PYTHONPATH`` works where promptecho is not installed: run from its sources, or in another Python.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import pickle
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from promptecho import _forks, errors
from promptecho._backends.adapters import PatchPoint
from promptecho._cassette.relay import Relay
from promptecho._matching import canonical
from promptecho._telling import run
from promptecho._version import __version__
from promptecho._warning import warn

if TYPE_CHECKING:
    from promptecho._session.activation import _Entry

VARIABLE = "PROMPTECHO_CHILD"
START_VARIABLE = "PROMPTECHO_CHILD_START"  # the folder of our sitecustomize, for promptecho_child.pth
# What starts Python programs, as patching knows them; loky (joblib's usual pool) starts its workers by itself.
LAYERS = (
    "subprocess", "os", "multiprocessing.spawn", "joblib.externals.loky.backend.spawn", "loky.backend.spawn",
)  # fmt: skip
_START = str(Path(__file__).with_name("child_start"))
_PTH = "promptecho_child.pth"
_FUNCTIONS = ("redact", "before_record")  # the settings that may be functions
# A fork while another thread imports one of them would leave that import unfinished for ever.
_IMPORTED_BEFORE_FORK = (
    "portalocker", "platform", "importlib.metadata", "difflib", "json",
    "promptecho._telling.tally", "promptecho._misses.explanation", "promptecho._bodies.streams.sse",
    "promptecho._bodies.streams.ndjson", "promptecho._bodies.streams.eventstream",
)  # fmt: skip


# --- forks ------------------------------------------------------------------------------------------------------------


def _before_fork() -> None:
    opened = _activation()._open
    if opened:
        for name in _IMPORTED_BEFORE_FORK:
            import_module(name)
        for entry in opened:
            entry.session.share()


def _after_fork() -> None:
    for entry in _activation()._open:
        entry.is_inherited = True
        relay = entry.session.cassette.relay
        if relay is not None:
            entry.session.join(Relay(relay.folder, opener=False))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
_forks.in_child(_after_fork)


def _activation() -> Any:
    return sys.modules["promptecho._session.activation"]  # which imports this module


# --- starting a program -----------------------------------------------------------------------------------------------


class StartingLayer:
    """Gives the Python programs that a module of the standard library starts a ticket."""

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        if self.name == "subprocess":
            return [PatchPoint(module.Popen, "__init__", _starts_with_ticket)]
        if self.name == "os":
            names = [name for name in ("posix_spawn", "posix_spawnp", "execve") if hasattr(module, name)]
            return [PatchPoint(module, name, _passes_ticket) for name in names]
        return [PatchPoint(module, "get_preparation_data", _sends_ticket)]


_STARTS = frozenset(("os.system", "os.exec", "os.spawn"))
_before: dict[str, str | None] | None = None  # what was in this process's variables before
_is_watching = False


def watch_starts() -> None:
    """Watch for programs that are started with this process's variables."""
    global _is_watching
    if not _is_watching:
        _is_watching = True
        sys.addaudithook(_on_event)


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    global _before
    if not _STARTS or event not in _STARTS or not _activation()._open:  # the interpreter may be ending
        return
    ticket = _ticket()
    if ticket is None:
        return
    if event == "os.system":
        _warn_if_outside(arguments[0], ticket)
    if _before is None:
        _before = {name: os.environ.get(name) for name in (VARIABLE, START_VARIABLE, "PYTHONPATH")}
    made = environment(None, ticket)
    os.environ.update({name: made[name] for name in _before})


def take_variables_back() -> None:
    """When the last cassette closes: programs that are started from now on are in none."""
    global _before
    before, _before = _before, None
    for name, value in (before or {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _cassette_of(ticket: Path) -> str:
    return str(json.loads(ticket.read_text(encoding="ascii"))["cassette"])


_ENV = 10  # the place of env= among the arguments of Popen


def _starts_with_ticket(original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807 - it stands for Popen's own
        ticket = _ticket()
        if ticket is not None:
            _warn_if_outside(args[0] if args else options.get("args"), ticket)
            if len(args) > _ENV:
                args = (*args[:_ENV], environment(args[_ENV], ticket), *args[_ENV + 1 :])
            else:
                options["env"] = environment(options.get("env"), ticket)
        original(self, *args, **options)

    return __init__


def _passes_ticket(original: Any) -> Any:
    @functools.wraps(original)
    def start(path: Any, argv: Any, env: Any, **options: Any) -> Any:
        ticket = _ticket()
        return original(path, argv, env if ticket is None else environment(env, ticket), **options)

    return start


def environment(env: Mapping[Any, Any] | None, ticket: Path) -> dict[Any, Any]:
    """The variables of a program that is started, with the ticket; ``None`` are those of this process."""
    made = dict(os.environ if env is None else env)
    made[VARIABLE], made[START_VARIABLE] = str(ticket), _START
    before = made.pop("PYTHONPATH", None) or os.fsdecode(made.pop(b"PYTHONPATH", b""))
    parts = [part for part in str(before).split(os.pathsep) if part and part != _START] if before else []
    made["PYTHONPATH"] = os.pathsep.join([_START, *parts])
    return made


def _sends_ticket(original: Any) -> Any:
    @functools.wraps(original)
    def get_preparation_data(*args: Any, **options: Any) -> dict[str, Any]:
        data: dict[str, Any] = original(*args, **options)
        ticket = _ticket()
        if ticket is not None:
            data = {"promptecho": _Ticket(ticket), **data}
        return data

    return get_preparation_data


class _Ticket:
    """What a process of multiprocessing is sent: it joins the cassette as it reads this."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        import runpy

        start = os.path.join(_START, "sitecustomize.py")  # noqa: PTH118 - text only
        return runpy.run_path, (start, {"TICKET": str(self._path)}, "promptecho_child")


_PYTHON = re.compile(r"(?:python|pypy)[\d.]*w?(?:\.exe)?", re.IGNORECASE)


def _warn_if_outside(command: object, ticket: Path) -> None:
    """Tell of a Python program that reads neither of the two ways to join, as far as its command shows it."""
    words = [os.fsdecode(word) for word in command] if isinstance(command, (list, tuple)) else _words(command)
    if len(words) == 3 and words[1] == "-c" and os.path.basename(words[0]) in _SHELLS:  # noqa: PTH119 - text only
        words = _words(words[2])
    place = next((n for n, word in enumerate(words) if _PYTHON.fullmatch(os.path.basename(word))), None)  # noqa: PTH119
    why = None if place is None else _outside_by(words[:place], words[place], words[place + 1 :])
    if why is not None:
        warn(
            f"a Python program was started with {why[0]} inside {_cassette_of(ticket)}: it {why[1]}, so it can't join "
            "the cassette, and its calls go around it. Start it without that",
            errors.UninterceptedCallWarning,
        )


_SHELLS = frozenset(("sh", "bash", "dash", "zsh"))


def _words(command: object) -> list[str]:
    text = os.fsdecode(command) if isinstance(command, (str, bytes, os.PathLike)) else str(command)
    return [word.strip("'\"();&|") for word in text.split()]


def _outside_by(before: Sequence[str], python: str, after: Sequence[str]) -> tuple[str, str] | None:
    """What keeps a program from joining, and how."""
    if "env" in map(os.path.basename, before):
        for word in before:
            if word in ("-", "-i", "--ignore-environment"):
                return f"env {word}", "gets no variables"
    installed = _has_pth(python)
    if not installed:
        for word in before:
            if word.endswith("PYTHONPATH") or word.startswith("PYTHONPATH="):  # env -u, unset
                return word, "reads another PYTHONPATH"
    for word in after:
        if not word.startswith("-") or word in ("-c", "-m", "-"):
            break
        found = None if word.startswith(("--", "-X", "-W")) else re.search("S" if installed else "[IES]", word)
        if found:
            return word, "doesn't look for what is installed" if installed else "reads no PYTHONPATH"
    return None


@functools.cache
def _has_pth(python: str) -> bool:
    """Whether a Python that is named like that runs what is installed with promptecho, as it starts."""
    import shutil
    import site

    path = shutil.which(python)
    if path is None or os.path.abspath(path) not in (sys.executable, os.path.abspath(sys.executable)):  # noqa: PTH100
        return False
    return any(os.path.exists(os.path.join(folder, _PTH)) for folder in site.getsitepackages())  # noqa: PTH110, PTH118


# --- tickets ----------------------------------------------------------------------------------------------------------


def _ticket() -> Path | None:
    """The ticket for a program that is started here, if a cassette is open."""
    try:
        entry = _activation().active_entry()
    except errors.AmbiguousCassetteError as problem:
        return _refusal(str(problem))
    return None if entry is None else _ticket_of(entry)


def _ticket_of(entry: _Entry) -> Path:
    if entry.ticket is not None:
        return entry.ticket
    ticket = entry.session.share().ticket
    if not ticket.exists():
        _write(ticket, _content(entry))
    return ticket


def _refusal(problem: str) -> Path:
    """A ticket with which no call goes out: nobody can tell which cassette is meant."""
    opened = _activation()._open
    strictest = next((each for each in opened if each.settings.mode == "none"), opened[0])
    names = sorted({name for each in opened for name in each.backends})
    content = {**_content(strictest), "problem": f"{problem}; the program was started in none of them"}
    ticket = strictest.session.share().folder / f"refusal-{os.getpid()}.json"
    _write(ticket, {**content, "backends": names})
    return Path(ticket)


def _write(ticket: Path, content: Mapping[str, Any]) -> None:
    from promptecho._cassette.store import write_atomically

    write_atomically(ticket, json.dumps(content))


def _content(entry: _Entry) -> dict[str, Any]:
    import promptecho
    import promptecho_backends

    session, settings = entry.session, entry.settings
    functions = {name: getattr(settings, name) for name in _FUNCTIONS}
    functions["normalizers"] = tuple(canonical._registered)
    left_out = session.recorder.journal.left_out if session.recorder is not None else ()
    problem, carried = "", b""
    try:
        carried = pickle.dumps(functions)
    except Exception as error:  # a lambda, a function inside a function: whatever pickle says of it
        names = ", ".join(name for name in functions if functions[name])
        problem = f"a function of {names} can't be sent: {error}; it must be one of a module that can be imported"
    return {
        "version": __version__,
        "python": [sys.prefix, *sys.version_info[:2]],
        "packages": {package.__name__: package.__file__ for package in (promptecho, promptecho_backends)},
        "cassette": str(session.cassette.path),
        "backends": list(entry.backends),
        "settings": _text(pickle.dumps(replace(settings, redact=(), before_record=()))),
        "functions": _text(carried),
        "problem": problem,
        "ledger": run.ledger(),
        "journal": None if session.recorder is None else str(session.recorder.journal.path),
        "known": session.cassette.loaded_count + len(left_out),
        "left_out": bool(left_out),
        "resuming": session.resuming,
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
