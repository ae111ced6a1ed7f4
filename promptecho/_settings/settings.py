"""Settings: where they come from, and what a right value is.

Order: the mode variable ``PROMPTECHO_MODE`` above all; then argument, marker, other variables, ini, ``configure``,
``[tool.promptecho]``, default. Every wrong value is a ``SettingsError`` that lists the right ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional, TypedDict, Union

from promptecho._matching.identity import DEFAULT_MATCH_ON, WHOLE_BODY, MatchOn, MatchOptions
from promptecho._matching.volatile import VOLATILE, volatile_patterns
from promptecho._typos import mistyped
from promptecho._warning import warn
from promptecho.errors import CassetteFileError, PromptechoWarning, SettingsError

if TYPE_CHECKING:
    from typing_extensions import Unpack  # type checkers bring it; nothing of it is needed at run time

PathLike = Union[str, "os.PathLike[str]"]
Volatile = Sequence[Union[str, "re.Pattern[str]"]]
Redaction = Union[str, "re.Pattern[str]", Callable[[str], str]]
Redactions = Union[Redaction, Sequence[Redaction]]
Hook = Callable[[dict[str, Any]], Optional[dict[str, Any]]]
Hooks = Union[Hook, Sequence[Hook]]


class Mode(str, Enum):
    """When a call is answered from the cassette, and when it goes out and is recorded.

    Wherever a mode is asked for, its name as a text will do.

    >>> promptecho.Mode("new_episodes") is promptecho.Mode.NEW_EPISODES
    True
    >>> print(promptecho.Mode.ONCE)
    once
    """

    ONCE = "once"
    """Record if there is no file yet; else replay, and an unknown call is a miss."""
    NONE = "none"
    """Replay; an unknown call is a miss. No call goes out."""
    NEW_EPISODES = "new_episodes"
    """Replay, and record what is new."""
    ALL = "all"
    """Record everything again; the old file stays until the new one is complete."""

    def __str__(self) -> str:
        return self.value


_MODES = tuple(mode.value for mode in Mode)
REPEATS = ("sequence", "reuse", "strict")
ON_RECORD_ERROR = ("warn", "raise", "record")
ON_SECRET = ("warn", "fail", "ignore")


@dataclass(frozen=True)
class Settings:
    """The settings of one cassette, checked."""

    mode: Mode = Mode.ONCE
    match: MatchOptions = field(default_factory=MatchOptions)
    on_record_error: str = "warn"
    repeats: str = "sequence"
    backends: tuple[str, ...] | None = None
    ignore_hosts: tuple[str, ...] = ()
    ignore_localhost: bool = False
    only_hosts: tuple[str, ...] = ()
    block_network: bool = False
    redact: tuple[Any, ...] = ()
    on_secret: str = "warn"
    before_record: tuple[Callable[[dict[str, Any]], Any], ...] = ()
    timing: bool = False
    replay_speed: float | None = None
    max_age: float | None = None  # days
    max_live_calls: int | None = None
    max_live_usd: float | None = None


_MATCH_ARGUMENTS = ("match_on", "ignore", "volatile")
NAMES = tuple(
    name for entry in fields(Settings) for name in (_MATCH_ARGUMENTS if entry.name == "match" else (entry.name,))
)
RUN_SETTINGS = ("strict",)  # in [tool.promptecho] too, of a pytest run as a whole
_configured: dict[str, Any] = {}


class Given(TypedDict, total=False):
    """The settings as a user gives them, ``None`` for one that isn't given."""

    mode: str | Mode | None
    match_on: MatchOn
    ignore: Sequence[str] | None
    volatile: Volatile | None
    on_record_error: str | None
    repeats: str | None
    backends: str | Sequence[str] | None
    ignore_hosts: Sequence[str] | None
    ignore_localhost: bool | None
    only_hosts: Sequence[str] | None
    block_network: bool | None
    redact: Redactions | None
    on_secret: str | None
    before_record: Hooks | None
    timing: bool | None
    replay_speed: float | None
    max_age: float | str | timedelta | None
    max_live_calls: int | None
    max_live_usd: float | None


def configure(**settings: Unpack[Given]) -> None:
    """Set defaults for every cassette opened from now on in this process; ``None`` takes one back.

    It takes every argument of :class:`use_cassette` but the path. What an argument, a marker, a variable or a pytest
    option says stands above it.

    >>> promptecho.configure(repeats="reuse", match_on=["model", "messages", "temperature"])
    >>> promptecho.configure(repeats=None, match_on=None)

    Raises:
        SettingsError: a name or a value is wrong; then nothing is changed.
    """
    _check_names(settings, "configure")
    resolve({name: value for name, value in settings.items() if value is not None}, environ={}, project={})
    for name, value in settings.items():
        if value is None:
            _configured.pop(name, None)
        else:
            _configured[name] = value


def configured() -> dict[str, Any]:
    """What ``configure`` has set, checked."""
    return check(_configured, "configure") if _configured else {}


def _check_names(settings: Mapping[str, Any], place: str) -> None:
    for name in settings:
        if name not in NAMES:
            raise SettingsError(
                f"{place}: there is no setting {name!r}{_near(name, NAMES)}; there are {', '.join(NAMES)}"
            )


def _near(word: object, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _one_of(value: object, allowed: Sequence[str], name: str, place: str) -> str:
    text = value.value if isinstance(value, Enum) else value
    text = text.strip().lower() if isinstance(text, str) else text
    if not isinstance(text, str) or text not in allowed:
        raise SettingsError(
            f"{place}: {name}={value!r} is not one of {', '.join(map(repr, allowed))}{_near(text, allowed)}"
        )
    return text


def _strings(value: object, name: str, place: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise SettingsError(f"{place}: {name} takes a list of names, not {value!r}")
    items = tuple(value)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise SettingsError(f"{place}: {name} takes a list of names; {item!r} is not one")
    return items


def _match_fields(value: object, place: str) -> tuple[str, ...] | None:
    if value == WHOLE_BODY:
        return None
    if isinstance(value, (list, tuple)) and [str(each).lower() for each in value] == [WHOLE_BODY]:
        raise SettingsError(f"{place}: match_on={value!r} names a field 'all'; for the whole body, pass 'all' itself")
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise SettingsError(
            f"{place}: match_on takes a list of body fields such as {list(DEFAULT_MATCH_ON)}, or 'all', not {value!r}"
        )
    names = _strings(sorted(value) if isinstance(value, (set, frozenset)) else value, "match_on", place)
    if not names:
        raise SettingsError(f"{place}: match_on is empty, so any recording would answer any call; name the fields")
    return names


def _flag(value: object, name: str, place: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("1", "true", "yes", "on"):
        return True
    if isinstance(value, str) and value.lower() in ("0", "false", "no", "off", ""):
        return False
    raise SettingsError(f"{place}: {name}={value!r} is neither true nor false")


def _speed(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise SettingsError(f"{place}: replay_speed={value!r} is not a number above 0 (1.0: as recorded)")
    return float(value)


_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(d|day|days|h|hour|hours|w|week|weeks)?\s*")
_DAYS = {"d": 1.0, "h": 1 / 24, "w": 7.0}


def _days(value: object, place: str) -> float:
    """An age in days: a number, a text such as ``"30 days"``, ``"12h"`` or ``"2 weeks"``, or a timedelta."""
    if isinstance(value, timedelta) and value > timedelta(0):
        return value.total_seconds() / 86400
    found = _AGE.fullmatch(str(value)) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    if found is None or not float(found[1]):
        raise SettingsError(
            f"{place}: max_age={value!r} isn't a duration; pass days as a number, '12h', '30d', '2 weeks', a timedelta"
        )
    return float(found[1]) * _DAYS[(found[2] or "d")[0]]


def _limit(value: object, name: str, place: str, *, whole: bool = False) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not number >= 0 or (whole and number != int(number)):
        raise SettingsError(f"{place}: {name}={value!r} is not a {'whole ' if whole else ''}number from 0 up")
    return number


def _hooks(value: object, place: str) -> tuple[Any, ...]:
    hooks = (value,) if callable(value) else value
    if not isinstance(hooks, (list, tuple)) or not all(callable(hook) for hook in hooks):
        raise SettingsError(f"{place}: before_record takes a function or a list of functions, not {value!r}")
    return tuple(hooks)


def _redactions(value: object, place: str) -> tuple[Any, ...]:
    entries = (value,) if isinstance(value, (str, re.Pattern)) or callable(value) else value
    if not isinstance(entries, (list, tuple)) or not all(
        isinstance(entry, (str, re.Pattern)) or callable(entry) for entry in entries
    ):
        raise SettingsError(f"{place}: redact takes field paths, regular expressions and functions, not {value!r}")
    for entry in entries:
        if entry == "":
            raise SettingsError(f"{place}: redact has an empty text, which would mask every place; leave it out")
        try:
            re.compile(entry if isinstance(entry, str) else "")
        except re.error as problem:
            raise SettingsError(
                f"{place}: redact has {entry!r}, which isn't a valid regular expression: {problem}"
            ) from None
    return tuple(entries)


def backend_names(value: object, place: str) -> tuple[str, ...]:
    """``"all"`` or a list of backend names, checked against those that exist."""
    from promptecho._backends.adapters import known_backends

    known = known_backends()
    names = ("all",) if value == "all" else _strings(value, "backends", place)
    for name in names:
        if name != "all" and name not in known:
            raise SettingsError(
                f"{place}: there is no backend {name!r}{_near(name, known)}; there are {', '.join(known)}, or 'all'"
            )
    return names


def _in_capitals(name: str) -> str | None:
    """The name of a mask that is written in capitals."""
    return name.lower() if name not in VOLATILE and name.lower() in VOLATILE else None


def _volatile(value: object, place: str) -> tuple[re.Pattern[str], ...]:
    if isinstance(value, (str, re.Pattern)) or not isinstance(value, Iterable):
        raise SettingsError(f"{place}: volatile takes a list of names and regular expressions, not {value!r}")
    entries = list(value)
    for entry in entries:
        if not isinstance(entry, (str, re.Pattern)):
            raise SettingsError(f"{place}: volatile has {entry!r}, which is neither a name nor a regular expression")
        if entry == "":
            raise SettingsError(f"{place}: volatile has an empty text, which would mask every place; leave it out")
        close = mistyped(entry.lower(), VOLATILE) or _in_capitals(entry) if isinstance(entry, str) else None
        if close is not None:
            raise SettingsError(
                f"{place}: volatile has no name {entry!r} (did you mean {close!r}?); there are "
                f"{', '.join(map(repr, VOLATILE))}. To mask this very word, pass re.compile({entry!r})"
            )
        try:
            re.compile(entry)
        except re.error as problem:
            raise SettingsError(
                f"{place}: volatile has {entry!r}, which isn't a valid regular expression: {problem}"
            ) from None
    return volatile_patterns(entries)


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "mode": lambda value, place: Mode(_one_of(value, _MODES, "mode", place)),
    "match_on": _match_fields,
    "ignore": lambda value, place: _strings(value, "ignore", place),
    "volatile": _volatile,
    "on_record_error": lambda value, place: _one_of(value, ON_RECORD_ERROR, "on_record_error", place),
    "repeats": lambda value, place: _one_of(value, REPEATS, "repeats", place),
    "backends": backend_names,
    "ignore_hosts": lambda value, place: _strings(value, "ignore_hosts", place),
    "ignore_localhost": lambda value, place: _flag(value, "ignore_localhost", place),
    "only_hosts": lambda value, place: _strings(value, "only_hosts", place),
    "block_network": lambda value, place: _flag(value, "block_network", place),
    "redact": _redactions,
    "on_secret": lambda value, place: _one_of(value, ON_SECRET, "on_secret", place),
    "before_record": _hooks,
    "timing": lambda value, place: _flag(value, "timing", place),
    "replay_speed": _speed,
    "max_age": _days,
    "max_live_calls": lambda value, place: int(_limit(value, "max_live_calls", place, whole=True)),
    "max_live_usd": lambda value, place: _limit(value, "max_live_usd", place),
}


def check(settings: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The settings with every value checked; ``place`` names where they stand."""
    _check_names(settings, place)
    return {name: _CHECKS[name](value, place) for name, value in settings.items() if value is not None}


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """``PROMPTECHO_MODE`` and ``PROMPTECHO_BACKENDS`` (names with commas), where set."""
    _check_variables(environ)
    found: dict[str, Any] = {}
    if environ.get("PROMPTECHO_MODE", "").strip():
        found.update(check({"mode": environ["PROMPTECHO_MODE"].strip()}, "PROMPTECHO_MODE"))
    if environ.get("PROMPTECHO_BACKENDS", "").strip():
        found.update(check({"backends": split_names(environ["PROMPTECHO_BACKENDS"])}, "PROMPTECHO_BACKENDS"))
    return found


_VARIABLES = ("PROMPTECHO_MODE", "PROMPTECHO_BACKENDS")
_INTERNAL = (
    "PROMPTECHO_LEDGER",
    "PROMPTECHO_CHILD",
    "PROMPTECHO_CHILD_START",
    "PROMPTECHO_SOAK",
)  # set by promptecho itself, and by its own tests
_reported: set[str] = set()


def _check_variables(environ: Mapping[str, str]) -> None:
    """Warn once of each variable that is named like one of ours and is none."""
    for name in environ:
        if name.startswith("PROMPTECHO_") and name not in (*_VARIABLES, *_INTERNAL) and name not in _reported:
            _reported.add(name)
            warn(
                f"the variable {name} is set, and promptecho has none of that name"
                f"{_near(name, _VARIABLES)}; it reads {' and '.join(_VARIABLES)}",
                PromptechoWarning,
            )


def split_names(text: str) -> list[str] | str:
    """Names as a variable or a command line gives them: with commas or spaces between."""
    names = [name for name in re.split(r"[,\s]+", text) if name]
    return "all" if names == ["all"] else names


_project_cache: dict[str, dict[str, Any]] = {}


def from_project(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """``[tool.promptecho]`` of the nearest ``pyproject.toml`` at or above a folder."""
    name = os.fspath(folder)
    if name not in _project_cache:
        _project_cache[name] = _read_project(Path(name))
    return _project_cache[name]


def _read_project(folder: Path) -> dict[str, Any]:
    file, table = project_table(folder)
    of_the_run = ("lint", *RUN_SETTINGS)
    named = {name.replace("-", "_"): value for name, value in table.items() if name not in of_the_run}
    named.pop("cassette_names", None)  # for the pytest plugin alone
    return check(named, f"{file} [tool.promptecho]")


def run_flag(folder: Path, name: str) -> bool:
    """What ``[tool.promptecho]`` says of a setting of the run, ``False`` if it says nothing."""
    file, table = project_table(folder)
    return _flag(table.get(name, False), name, f"{file} [tool.promptecho]")


def project_table(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The nearest ``pyproject.toml`` at or above a folder, and ``[tool.promptecho]`` in it as it stands there.

    Raises:
        SettingsError: it is not readable.
    """
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if "promptecho" not in text:
            return file, {}
        from promptecho._settings import toml

        try:
            table = toml.loads(text).get("tool", {}).get("promptecho", {})
        except ValueError as problem:
            raise SettingsError(f"{file} is not readable TOML: {problem}") from None
        if not isinstance(table, dict):
            raise SettingsError(f"{file}: [tool.promptecho] is no table")
        return file, table
    return folder / "pyproject.toml", {}


def current_folder() -> Path:
    """The current folder.

    Raises:
        CassetteFileError: it was removed.
    """
    try:
        return Path.cwd()
    except OSError:
        raise CassetteFileError(
            "the current folder doesn't exist any more; change into one that does, or give an absolute path"
        ) from None


def _of_current_folder() -> Mapping[str, Any]:
    try:
        return from_project(os.getcwd())  # noqa: PTH109 - quicker
    except FileNotFoundError:  # it was removed: it has no settings
        return {}


def resolve(
    arguments: Mapping[str, Any],
    *,
    place: str = "use_cassette",
    lower: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    project: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a cassette that opens now.

    ``project`` and ``lower`` hold checked values: the one stands below ``configure``, the other between it and the
    variables.
    """
    variables = from_environment(os.environ if environ is None else environ)
    merged: dict[str, Any] = dict(_of_current_folder() if project is None else project)
    merged.update(configured())
    merged.update(lower or {})
    merged.update(variables)
    merged.update(check(arguments, place))
    if "mode" in variables:
        merged["mode"] = variables["mode"]
    fields_given = "match_on" in merged
    match = MatchOptions(
        fields=merged.pop("match_on", DEFAULT_MATCH_ON),
        explicit=fields_given,
        ignore=merged.pop("ignore", ()),
        volatile=merged.pop("volatile", ()),
    )
    return Settings(match=match, **merged)
