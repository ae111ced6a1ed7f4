"""Which cassettes a test opens, by its marks, its fixture and the code it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from promptecho._lint._follow._values import NONE, UNKNOWN, Cover, Mark, Value, text
from promptecho._lint._suite import Test
from promptecho._lint._uses import NamedUse, NamelessUse, Use

_Options = tuple[tuple[str, Value], ...]
_Site = tuple[str, int, int]


def by_code(test: Test, cover: Cover, root: Path) -> Use:
    """A cassette that the code of a test names."""
    return _named(test, cover.path or UNKNOWN, cover.site, cover.options, root)


def by_fixture(test: Test, marks: Iterable[Mark], site: _Site, *, may_have_parameters: bool) -> Use:
    """The cassette of the fixture: the one its mark names, else the one named after the test."""
    marks = list(marks)
    options: dict[str, Value] = {}
    path: Value | None = None
    for mark in marks:
        if mark.name == "promptecho":
            given = dict(mark.options)
            named = mark.args[0] if mark.args else given.get("path")
            if path is None and named is not None:
                path, site = named, mark.site
            options = {**given, **options}
    folder = test.module.path.parent
    if path is not None and path != NONE:
        return _named(test, path, site, tuple(options.items()), folder)
    by_mark = any(mark.name in ("parametrize", "anyio") for mark in marks)
    return NamelessUse(
        _title(test),
        test.site,
        _means_errors(options),
        str(folder / "cassettes"),
        test.title.replace("::", "."),
        parametrised=by_mark or may_have_parameters,
        plain=not by_mark,
    )


def _named(test: Test, path: Value, site: _Site, options: _Options, folder: Path) -> NamedUse:
    return NamedUse(_title(test), site, _means_errors(dict(options)), path, str(folder))


def _means_errors(options: dict[str, Value]) -> bool:
    return options.get("on_record_error") == text("record")


def _title(test: Test) -> str:
    return f"{test.module.path}::{test.title}"
