"""Which cassettes a test opens, by its marks, its fixture and the code it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from promptecho import _cassette_names
from promptecho._lint._follow._values import NONE, UNKNOWN, Cover, Mark, Value, text
from promptecho._lint._suite import Test
from promptecho._lint._uses import NamedUse, NamelessUse, Use

_Options = tuple[tuple[str, Value], ...]
_Site = tuple[str, int, int]


def by_code(test: Test, cover: Cover, root: Path) -> Use:
    """A cassette that the code of a test names."""
    return _named(test, cover.path or UNKNOWN, cover.site, cover.options, root)


def by_scope(test: Test, scope: str, root: Path, names_modules: bool) -> Use:
    """The cassette of the fixtures of a scope, which all tests of the scope name in one place."""
    file = test.module.path
    if scope == "class":
        name = test.title.rpartition("::")[0].replace("::", ".") or test.title
        path = _cassette_names.path_for_class(name, file, "module" if names_modules else "test")
    elif scope == "module":
        path = _cassette_names.path_for_module(file)
    else:
        path = _cassette_names.path_for_folder(root if scope == "session" else file.parent, scope)
    return NamedUse(_title(test), (str(path), 1, 1), False, text(str(path)), str(file.parent))


def by_fixture(
    test: Test, marks: Iterable[Mark], site: _Site, names_modules: bool, *, may_have_parameters: bool
) -> Use:
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
        module=test.module.path.stem if names_modules else None,
    )


def _named(test: Test, path: Value, site: _Site, options: _Options, folder: Path) -> NamedUse:
    return NamedUse(_title(test), site, _means_errors(dict(options)), path, str(folder))


def _means_errors(options: dict[str, Value]) -> bool:
    return options.get("on_record_error") == text("record")


def _title(test: Test) -> str:
    return f"{test.module.path}::{test.title}"
