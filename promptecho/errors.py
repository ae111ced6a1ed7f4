"""Every error and warning of the library.

Rule: whatever can be raised inside a call of the user's SDK derives from ``BaseException`` alone. SDKs wrap each
``Exception`` of their transport into a "Connection error." and try again; a miss or a full disk must end the call at
once, under its own name. Where no SDK can rewrap it any more it becomes an ``Exception`` (``as_exception``; when that
is, ``promptecho/_misses/workers.py`` says), and under pytest it is a failure of pytest's own from the start. What is
raised where the user's own code is (opening a cassette, a wrong argument) adds the usual ``ValueError``, ``OSError`` or
``RuntimeError``.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from promptecho._harmless import harmless

if TYPE_CHECKING:
    from promptecho._models import Request

__all__ = [
    "AmbiguousCassetteError",
    "BackendError",
    "CassetteExpiredError",
    "CassetteFileError",
    "CassetteFormatError",
    "CassetteMiss",
    "CassetteNestingError",
    "CassetteWarning",
    "CassetteWriteError",
    "ChildProcessCassetteError",
    "IncompleteRecordingError",
    "LiveBudgetError",
    "PromptechoError",
    "PromptechoRecordingWarning",
    "PromptechoWarning",
    "RecordedErrorResponse",
    "SettingsError",
    "SnapshotError",
    "UninterceptedCallError",
    "UninterceptedCallWarning",
    "UnknownFieldError",
]


_follow: Callable[[BaseException], None] | None = None  # given where calls are intercepted
_outcome: type[BaseException] | None = None  # what a test runner understands as a failure, given by the plugin

WAY_OUT = "restore the file from version control, or delete it and record again"  # for a file that can't be used


class PromptechoError(BaseException):
    """Base of every error that promptecho raises; a ``BaseException``, so that no SDK's ``except Exception`` eats it.

    >>> try:
    ...     promptecho.use_cassette("cassettes/answer.yaml", mode="onse")
    ... except promptecho.PromptechoError as problem:
    ...     print(problem)
    use_cassette: mode='onse' is not one of 'once', 'none', 'new_episodes', 'all' (did you mean 'once'?)
    """

    is_of_child = False  # a child process of this one has reported it
    _coloured = False

    def __new__(cls, *args: Any, **kwargs: Any) -> PromptechoError:
        args = cls._made_harmless(args)  # an OSError keeps what it is made with, whatever __init__ says
        if issubclass(cls, Exception):
            return super().__new__(cls, *args, **kwargs)
        error: PromptechoError = super().__new__(_form(cls, _outcome) if _outcome is not None else cls, *args, **kwargs)
        made_in = str(sys._getframe(1).f_globals.get("__name__"))
        if _follow is not None and made_in.startswith("promptecho") and made_in != __name__:  # raised now, in a call
            _follow(error)
        return error

    def __init__(self, *arguments: object) -> None:
        super().__init__(*self._made_harmless(arguments))

    @classmethod
    def _made_harmless(cls, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(harmless(each, coloured=cls._coloured) if isinstance(each, str) else each for each in arguments)

    def __reduce__(self) -> Any:
        plain = _plain(type(self))
        if plain is type(self) and isinstance(self, Exception):
            return super().__reduce__()
        return _restored, (plain, self.args, isinstance(self, Exception)), self.__dict__


class CassetteMiss(PromptechoError):
    """No recording answers a request, and the mode allows no live call.

    The text explains the difference to the nearest recording. If the prompt has changed for good, record it: run once
    with ``PROMPTECHO_MODE=new_episodes`` (adds it) or ``all`` (records the file again). A miss that the code under
    test swallows fails the test at its end, or is raised when the cassette closes, unless an ``except`` or
    ``pytest.raises`` names it. In the program's own code in a worker (a thread, a task, a child process), and when a
    cassette closes, it is an ``Exception`` too, so that nobody waits for a worker that has died of it.

    ``request`` is what was asked (a :class:`~promptecho.backend.Request`, credentials included: do not print it),
    ``path`` the cassette, ``mode`` the mode in force, ``summary`` the text in one line.

    >>> with promptecho.use_cassette("cassettes/answer.yaml", mode="none"):
    ...     try:
    ...         ask("What is six times eight?")
    ...     except promptecho.CassetteMiss as miss:
    ...         print(str(miss).splitlines()[0])
    no recording answers POST http://127.0.0.1:.../v1/chat/completions
    """

    _coloured = True

    def __init__(
        self,
        message: str,
        *,
        request: Request | None = None,
        path: os.PathLike[str] | None = None,
        mode: str = "",
        summary: str = "",
    ) -> None:
        super().__init__(message)
        self.request = request
        self.path = path
        self.mode = mode
        self.summary = summary


class RecordedErrorResponse(PromptechoError):
    """The server answered with a status of 400 or more while recording under ``on_record_error="raise"``.

    Nothing was written: mend the call and run again, or record the error with ``on_record_error="record"``. ``status``
    is that status, ``url`` the redacted address.

    >>> with promptecho.use_cassette("cassettes/refused.yaml", on_record_error="raise"):
    ...     try:
    ...         client.models.list()
    ...     except promptecho.RecordedErrorResponse as refused:
    ...         print(refused.status)
    404
    """

    def __init__(self, message: str, *, status: int = 0, url: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.url = url


class IncompleteRecordingError(PromptechoError):
    """The program read further into a response than was received when it was recorded.

    The recording was cut off: the program stopped reading, or the connection broke, and ``incomplete:`` in the file
    says which. Record it again with a program that reads to the end.
    """


class AmbiguousCassetteError(PromptechoError):
    """A call came from a thread or task with no cassette of its own while several are open.

    Enter the cassette in that thread or task, or start the thread in the context of the cassette:
    ``contextvars.copy_context().run``, ``asyncio.to_thread``.
    """


class CassetteWriteError(PromptechoError):
    """A finished call could not be written to its cassette; what stood in the file before is unchanged.

    The disk is full, the folder is read-only, the file was removed while it was recorded, or ``on_secret="fail"`` found
    what looks like a key. The text says which.
    """


class ChildProcessCassetteError(PromptechoError):
    """A child process can't go on with the cassette in which it was started; its call was not sent.

    The cassette is closed by now, several were open where it was started, or a setting that is a function can't be
    brought into another process. The text says which.
    """


class LiveBudgetError(PromptechoError):
    """One live call more than ``max_live_calls`` or ``max_live_usd`` allow for the run; it was not sent.

    Record in smaller steps, or raise the limit. What was recorded before is kept.
    """


class UninterceptedCallError(PromptechoError):
    """In mode ``none``, a call to an LLM provider went around the cassette, or came after it closed; nothing was sent.

    With ``block_network``, a call to any host, in any mode; with ``--promptecho-strict``, a call to a provider where no
    cassette is open. The text names the backend to add to ``backends``, or where to open a cassette. ``host`` is
    where the call was to go, ``library`` what made it, as far as that is known.

    >>> import urllib.request
    >>> with promptecho.use_cassette("cassettes/answer.yaml", mode="none") as cassette:
    ...     try:
    ...         urllib.request.urlopen("https://api.openai.com/v1/models")
    ...     except promptecho.errors.UninterceptedCallError as stopped:
    ...         print(stopped.host)
    api.openai.com
    """

    def __init__(self, message: str, *, host: str = "", library: str = "") -> None:
        super().__init__(message)
        self.host = host
        self.library = library


class UnknownFieldError(PromptechoError):
    """``match_on`` or ``ignore`` names a field that nothing has and that looks like a mistyped known one.

    It is raised at the first call, before anything is replayed or sent, since a list without the field that was meant
    would let a wrong recording answer.

    >>> with promptecho.use_cassette("cassettes/answer.yaml", match_on=["modle", "messages"]) as cassette:
    ...     try:
    ...         answer = ask("What is six times seven?")
    ...     except promptecho.errors.UnknownFieldError as problem:
    ...         print(str(problem).partition(". ")[2])
    Did you mean 'model'?
    """


class CassetteFormatError(PromptechoError, ValueError):
    """A cassette file is damaged, foreign or of another version; it is never overwritten because of that.

    The text names the file and the place. Restore the file from version control, or delete it and record again.

    >>> import pathlib
    >>> damaged = pathlib.Path("damaged.yaml")
    >>> damaged.write_text("version: 2\\ninteractions: {}\\n") and None
    >>> try:
    ...     promptecho.Cassette.load(damaged)
    ... except promptecho.errors.CassetteFormatError as problem:
    ...     print(problem)
    damaged.yaml: interactions is {}, expected a list of recordings; restore the file ...
    """


class CassetteFileError(PromptechoError, OSError):
    """A cassette cannot be opened, read or replaced (permissions, a folder in its place, a full disk).

    >>> try:
    ...     promptecho.Cassette.load("nowhere.yaml")
    ... except OSError as problem:
    ...     print(problem)
    nowhere.yaml doesn't exist; record it first, with use_cassette('nowhere.yaml')
    """


class CassetteExpiredError(PromptechoError, ValueError):
    """In CI, a cassette is older than its ``max_age``; elsewhere that is a :class:`CassetteWarning`.

    Record it again with ``PROMPTECHO_MODE=all``.
    """


class CassetteNestingError(PromptechoError, RuntimeError):
    """A second cassette was entered inside another one of the same context; a call could belong to either.

    The text says what opened the first (a fixture and a decorator on one test, say, or a fixture that has not ended).
    Leave the first one before, enter the second in a thread or task of its own, or give it ``nest=True``.

    >>> with promptecho.use_cassette("cassettes/outer.yaml"):
    ...     try:
    ...         with promptecho.use_cassette("cassettes/inner.yaml"):
    ...             pass
    ...     except RuntimeError as problem:
    ...         print(type(problem).__name__)
    CassetteNestingError
    """


class SettingsError(PromptechoError, ValueError):
    """A mode, policy, field, backend or marker argument is wrong; the text lists the right ones.

    >>> try:
    ...     promptecho.configure(match="all")
    ... except ValueError as problem:
    ...     print(str(problem).partition(";")[0])
    configure: there is no setting 'match' (did you mean 'match_on'?)
    """


class SnapshotError(PromptechoError, ValueError):
    """A snapshot can't be compared: its file is damaged, or a value, a matcher or an argument is wrong.

    >>> try:
    ...     snapshot.similar("a text", at_least=2)
    ... except ValueError as problem:
    ...     print(problem)
    similar: at_least is 2, expected a number above 0, up to 1
    """


class BackendError(PromptechoError, RuntimeError):
    """The library of a backend is missing, the backend can't be loaded, or its library lacks what it patches.

    The text says what to install or upgrade. A name that no backend has is a :class:`SettingsError`.
    """


class ProviderError(PromptechoError, RuntimeError):
    """A provider of another package (entry point ``promptecho.providers``) can't be loaded, or is none.

    The text names it and says what to upgrade or uninstall.
    """


class PromptechoWarning(UserWarning):
    """Base of every warning that promptecho emits; a ``UserWarning``.

    >>> import warnings
    >>> warnings.filterwarnings("error", category=promptecho.PromptechoWarning)
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(harmless(each) if isinstance(each, str) else each for each in arguments))


class PromptechoRecordingWarning(PromptechoWarning):
    """A response with a status of 400 or more was recorded and will replay like any other.

    Delete the recording and run again, or say with ``on_record_error="record"`` that it is meant.
    """


class CassetteWarning(PromptechoWarning):
    """Something about a cassette deserves a look; the text says what to do.

    It is older than ``max_age``, unfinished, was cut off, is matched by other fields than it names, or holds what
    looked like a key and was masked.
    """


class UninterceptedCallWarning(PromptechoWarning):
    """A call went around the cassette, and out: to an LLM provider, or in mode ``none`` to any other host.

    In mode ``none`` a call to a provider is an error instead. The text names the backend to add to ``backends``.
    """


def of_a_child(name: str, text: str, path: os.PathLike[str]) -> PromptechoError:
    """The error that a child process reports."""
    kind = globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, PromptechoError)):
        kind = ChildProcessCassetteError
    error = kind(text, path=path) if issubclass(kind, CassetteMiss) else kind(text)
    error.is_of_child = True
    return error


# --- forms ------------------------------------------------------------------------------------------------------------


def be_followed(function: Callable[[BaseException], None]) -> None:
    """Let a function look at each error that is raised inside a call (``promptecho/_misses/workers.py``)."""
    global _follow
    _follow = function


def be_outcome(kind: type[BaseException] | None) -> None:
    """Let what is raised inside a call from now on be a failure to a test runner too: ``pytest.fail.Exception``."""
    global _outcome
    _outcome = kind


def as_exception(error: BaseException) -> BaseException:
    """The same error, an ``Exception`` from now on: to be used where no SDK can rewrap it any more."""
    if not isinstance(error, Exception):
        error.__class__ = _form(type(error), Exception)
    return error


_forms: dict[tuple[type, type], Any] = {}


def _form(kind: type[BaseException], more: type[BaseException]) -> Any:
    """The class of an error in another form: the same to the eye, derived from one more class."""
    if issubclass(kind, more):
        return kind
    if (kind, more) in _forms:
        return _forms[kind, more]
    names = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__str__": BaseException.__str__,
        "__repr__": BaseException.__repr__,
        "pytrace": True,  # of pytest's failures; one that comes from a child process has none of its own
        "_plain": _plain(kind),
    }
    return _forms.setdefault((kind, more), type(kind.__name__, (kind, more), names))


def _plain(kind: type[BaseException]) -> Any:
    return vars(kind).get("_plain", kind)


def _restored(kind: type[PromptechoError], args: tuple[Any, ...], is_exception: bool) -> BaseException:
    error = kind.__new__(kind, *args)
    _arrived.append(error)
    return as_exception(error) if is_exception else error


_arrived: deque[PromptechoError] = deque(maxlen=100)


def forget_arrived() -> None:
    """A test is over, and what came in it says nothing of the next one."""
    _arrived.clear()


def arrived(reported: BaseException) -> BaseException:
    """The error as a pool has brought it from a child process, where it is one that the child has reported too.

    One that came stands for one report: the next call may miss with the same text, and be swallowed.
    """
    if not getattr(reported, "is_of_child", False):
        return reported
    known: dict[str, BaseException] = reported.__dict__
    if "_came_as" not in known:
        came = next((error for error in list(_arrived) if str(error) == str(reported)), None)
        if came is None:
            return reported
        _arrived.remove(came)
        known["_came_as"] = came
    return known["_came_as"]
