"""Names of cassettes that nobody named: after a test, a function, a class, a module.

Rule: a name is one path component that is safe on every system, and two tests of one module never share one. What is
not named after one test has an ``@`` that no test's name can have outside of its parameters.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from promptecho._secrets.masked_names import masked_name

FOLDER = "cassettes"
STYLES = ("test", "module")
_MAX_NAME = 120
# Parameter ids that differ in case only are one file on macOS and Windows; test names follow Python's conventions.
_CASED_PARAMETER = re.compile(r"\[.*[^\W\d_a-z].*\]", re.DOTALL)
_PARAMETERS = re.compile(r"(?P<test>[^\[]*)\[(?P<parameters>.*)\]", re.DOTALL)

style = "test"  # "module" puts the module's name into the path; set for a pytest run


def file_safe(name: str) -> str:
    """A name that is one path component on every system; what had to be changed is told apart by a short hash."""
    safe = re.sub(r"[^\w.\-\[\]=,+@ ]", "_", name).strip(" .")
    return _hashed(safe, name) if safe != name or _may_be_another(safe, name) else safe


def plain(name: str) -> str:
    """The same without brackets and blanks: ``test_cities[paris]`` is ``test_cities-paris``."""
    found = _PARAMETERS.fullmatch(name)
    short = f"{found['test']}-{found['parameters']}" if found else name
    safe = re.sub(r"[^\w.\-]", "_", short).strip(".")
    return _hashed(safe, name) if safe != short or _may_be_another(safe, name) else safe


def _may_be_another(safe: str, name: str) -> bool:
    """Whether a name is cut, or another one may differ from it in case only."""
    return len(safe.encode("utf-8")) > _MAX_NAME or (name != name.lower() and _CASED_PARAMETER.search(name) is not None)


def _hashed(safe: str, name: str) -> str:
    shown = safe.encode("utf-8")[:_MAX_NAME].decode("utf-8", "ignore")
    return f"{shown.strip(' .')}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def paths_for_test(name: str, file: Path) -> tuple[Path, ...]:
    """Where the cassette of a test may be, by the name of the test in its file; the first is where a new one goes."""
    folder, masked = file.parent / FOLDER, masked_name(name)
    older = tuple(folder / f"{file_safe(each)}.yaml" for each in dict.fromkeys((masked, name)))
    return (folder / plain(file.stem) / f"{plain(masked)}.yaml", *older) if style == "module" else older


def path_for_class(name: str, file: Path, style_of_project: str | None = None) -> Path:
    """The cassette of the fixtures of class scope: ``cassettes/TestShop@class.yaml``."""
    folder = file.parent / FOLDER
    if (style_of_project or style) == "module":
        folder /= plain(file.stem)
    return folder / f"{plain(name)}@class.yaml"


def path_for_module(file: Path) -> Path:
    """The cassette of the fixtures of module scope: ``cassettes/test_shop@module.yaml``."""
    return file.parent / FOLDER / f"{plain(file.stem)}@module.yaml"


def path_for_folder(folder: Path, scope: str) -> Path:
    """The cassette of the fixtures of package or session scope: ``cassettes/@session.yaml``."""
    return folder / FOLDER / f"@{scope}.yaml"


def first_existing(paths: tuple[Path, ...]) -> Path:
    """The first that is there, else the first."""
    return next((path for path in paths if os.path.exists(path)), paths[0])  # noqa: PTH110 - False for a wrong name
