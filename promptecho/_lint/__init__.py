"""Looks for tests that call models unrecorded, and for cassettes that something is wrong with.

Tests are read, never imported or run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptecho._lint import _cassettes, _ignores
from promptecho._lint._collect import Collector
from promptecho._lint._fixes import AddMarks
from promptecho._lint._follow._sdks import needs_all_backends
from promptecho._lint._live_calls import live_calls
from promptecho._lint._project import Module, Project, find_root
from promptecho._lint._rules import RULES, Finding, Rule
from promptecho._lint._settings import LintSettings, settings_of
from promptecho._lint._suite import Reached, Suite
from promptecho.errors import SettingsError

__all__ = ["RULES", "Finding", "Report", "Rule", "examine", "lint"]


@dataclass(frozen=True)
class Report:
    """What was found, and what could not be looked for."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    tests: int = 0
    cassettes: int = 0


def lint(
    paths: Sequence[Path], *, select: frozenset[str] = frozenset(), ignore: frozenset[str] = frozenset()
) -> list[Finding]:
    """The findings in files and folders, in the order of their places; ``select`` and ``ignore`` are names of rules.

    Without them, what ``[tool.promptecho.lint]`` says.

    Raises:
        SettingsError: a path doesn't exist, or that table is wrong.
    """
    return list(examine(paths, select=select, ignore=ignore).findings)


def examine(
    paths: Sequence[Path], *, select: frozenset[str] = frozenset(), ignore: frozenset[str] = frozenset()
) -> Report:
    """What ``lint`` finds, with notes on what it could not look for.

    The whole project of each path is read, as a cassette may belong to a test elsewhere in it; only findings in the
    paths are reported, and none in what the project leaves out, unless it is named itself.

    Raises:
        SettingsError: a path doesn't exist, or the settings of its project are wrong.
    """
    scopes: dict[Path, _Scope] = {}
    for path in paths:
        absolute = Path.cwd() / path
        if not absolute.exists():
            raise SettingsError(f"{path} doesn't exist; name a file or folder of tests and cassettes")
        absolute = absolute.resolve()
        root, options = find_root(absolute)
        if root not in scopes:
            scopes[root] = _Scope(Project(root, options), settings_of(root))
        scopes[root].paths.append(absolute)
    findings: list[Finding] = []
    notes: list[str] = []
    tests = cassettes = 0
    for scope in scopes.values():
        scope.look(scope.settings.rules(select, ignore))
        findings += scope.findings
        notes += scope.notes
        tests += scope.tests
        cassettes += scope.cassettes
    ordered = sorted(dict.fromkeys(findings), key=lambda each: (str(each.path), each.line, each.column, each.rule))
    return Report(tuple(ordered), tuple(dict.fromkeys(notes)), tests, cassettes)


@dataclass
class _Scope:
    """One project, and the paths in it that are asked about."""

    project: Project
    settings: LintSettings
    paths: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tests: int = 0
    cassettes: int = 0

    def _holds(self, path: Path) -> bool:
        below = any(path == each or each in path.parents for each in self.paths)
        return below and not self._is_left_out(path)

    def _is_left_out(self, path: Path) -> bool:
        return self.settings.excludes(path) and path not in self.paths

    def _reached(self, suite: Suite) -> Iterator[Reached]:
        """The calls that are made at import, or by tests that aren't left out."""
        for reached in suite.reached:
            tests = [test for test in reached.tests if not self._is_left_out(test.module.path)]
            if tests or not reached.tests:
                yield replace(reached, tests=tests)

    def look(self, wanted: frozenset[str]) -> None:
        suite = Collector(self.project).collect()
        files = _cassettes.cassette_files(self.project, suite.uses)
        named = [path for path in self.paths if path.suffix in (".yaml", ".yml") and path not in files]
        played = _cassettes.last_run(self.project.root)
        looked_for = wanted
        if "never-played" in wanted and played is None and files:
            looked_for -= {"never-played"}
            self.notes.append(
                f"no record of a test run ({_cassettes.LAST_RUN.as_posix()}): never-played was not looked for"
            )
        found = [_unrecorded(reached, self.project.root) for reached in self._reached(suite)]
        found += [_broken(module) for module in suite.broken]
        found += live_calls(self.project.root, suite.tests)
        found += _cassettes.shared(suite.uses)
        unused, note = _cassettes.unused(self.project, files, suite.uses, suite.broken)
        found += unused
        if note and "unused-cassette" in wanted:
            looked_for -= {"unused-cassette"}
            self.notes.append(note)
        chosen = [path for path in (*files, *named) if self._holds(path)]
        for path in chosen:
            found += _cassettes.check_file(path, suite.uses, (played or {}).get(path))
        found = [finding for finding in found if finding.rule in wanted and self._holds(finding.path)]
        sources = [path for path in self.project.files if path.suffix == ".py" and self._holds(path)]
        ignores = [ignore for path in (*sources, *chosen) for ignore in _ignores.read(path)]
        self.findings = _ignores.split(found, ignores)
        if "stale-ignore" in wanted:
            self.findings += _ignores.stale(ignores, looked_for)
        self.tests = sum(self._holds(test.module.path) for test in suite.tests)
        self.cassettes = len(chosen)


def _broken(module: Module) -> Finding:
    line, problem = module.problem or (1, "no Python")
    return Finding("unreadable", module.path, line, 1, f"not readable as Python: {problem}", "mend the file")


def _unrecorded(reached: Reached, root: Path) -> Finding:
    call = reached.call
    fixable = tuple(
        (test.function.inner.module.path, test.function.inner.node.lineno)
        for test in reached.tests
        if not reached.is_of_wider_scope
        and not test.is_unittest
        and test.function.inner.module.path.is_relative_to(root)
    )
    return Finding(
        "unrecorded-call",
        Path(call.path),
        call.line,
        call.column,
        f"{call.what}() goes out unrecorded: {_way(reached)}",
        "let the fixture that makes it ask for promptecho_module_cassette, or that of its scope"
        if reached.is_of_wider_scope
        else "run the test in a cassette (@pytest.mark.promptecho, the fixture promptecho_cassette, use_cassette)",
        end_line=call.end_line,
        fix=AddMarks(fixable, needs_all_backends(call.kind)) if fixable else None,
    )


def _way(reached: Reached) -> str:
    """From which test a call is reached, and through what."""
    if not reached.tests:
        return "it is made when the module is imported"
    first = reached.tests[0]
    chain = [step for step in reached.call.chain if step != first.name]
    via = f" by way of {', '.join(chain)}" if chain else ""
    more = len(reached.tests) - 1
    others = f", and from {more} more test{'s' if more > 1 else ''}" if more else ""
    return f"reached from {first.title}{via}{others}"
