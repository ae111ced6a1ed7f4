"""``promptecho lint``: tests that call models unrecorded, and cassettes that something is wrong with."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import click

from promptecho import _lint
from promptecho._cli import _screen
from promptecho._lint import _fixes, _report
from promptecho._lint._rules import check_names
from promptecho.errors import SettingsError

_FINDING = re.compile(rf"^(?P<place>\S.*?:\d+:\d+:) (?P<rule>{'|'.join(_lint.RULES)}) ", re.MULTILINE)
_Done = list[tuple[Path, int, str]]


@click.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: also delete cassettes that no test opens.")
@click.option(
    "--format", "form", type=click.Choice(_report.FORMATS), default="text", show_default=True, help="How to print."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--select", multiple=True, metavar="RULES", help="Look for these rules only, with commas between.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out, with commas between.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@click.option("--statistics", is_flag=True, help="Say how many findings each rule has.")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules.")
def command(
    paths: tuple[Path, ...],
    fix: bool,
    unsafe_fixes: bool,
    form: str,
    as_json: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    output: Path | None,
    statistics: bool,
    list_rules: bool,
) -> None:
    """Look through the tests and cassettes below PATHS (default: the working folder).

    A comment '# promptecho: ignore[rule]' on the line of a finding, or above the interactions of a cassette,
    suppresses it; [tool.promptecho.lint] in pyproject.toml takes 'select', 'ignore' and 'exclude' for a whole project.
    Exit code 1: something was found.
    """
    form = "json" if as_json else form
    if list_rules:
        click.echo(_rules(form))
        return
    if unsafe_fixes and not fix:
        raise SettingsError("--unsafe-fixes needs --fix, which it widens")
    chosen, left_out = check_names(select, "--select"), check_names(ignore, "--ignore")
    wanted = paths or (Path(),)
    report = _lint.examine(wanted, select=chosen, ignore=left_out)
    done: _Done = []
    if fix:
        done = _mended(report, unsafe=unsafe_fixes)
        if done:
            report = _lint.examine(wanted, select=chosen, ignore=left_out)
    _print(_rendered(report, done, form, statistics=statistics), output)
    raise SystemExit(1 if report.findings else 0)


def _mended(report: _lint.Report, *, unsafe: bool) -> _Done:
    fixes = [finding.fix for finding in report.findings if finding.fix is not None]
    try:
        return _fixes.apply(fixes, unsafe=unsafe)
    except OSError as problem:
        raise SettingsError(
            f"{problem.filename or 'a file'} can't be changed: {problem.strerror or problem}; make it writable"
        ) from None


def _print(text: str, output: Path | None) -> None:
    if output is None:
        if text:
            to = _screen.console()
            in_colour = to.color_system is not None and not to.no_color
            click.echo(_FINDING.sub(_coloured, _screen.harmless(text)) if in_colour else _screen.harmless(text))
        return
    try:
        output.write_text(text + "\n" if text else "", encoding="utf-8")
    except OSError as problem:
        raise SettingsError(f"--output: {output} can't be written: {problem.strerror or problem}") from None


def _coloured(found: re.Match[str]) -> str:
    colour = {"error": "red", "warning": "yellow"}.get(_lint.RULES[found["rule"]].severity, "cyan")
    return f"{click.style(found['place'], bold=True)} {click.style(found['rule'], fg=colour, bold=True)} "


def _rules(form: str) -> str:
    rules = list(_lint.RULES.values())
    if form == "json":
        return json.dumps([asdict(rule) for rule in rules], indent=2)
    return "\n".join(
        f"{rule.name:16} {rule.severity:8} {rule.summary}" + (f" ({rule.fix})" if rule.fix else "") for rule in rules
    )


def _rendered(report: _lint.Report, done: _Done, form: str, *, statistics: bool) -> str:
    base = Path.cwd().resolve()
    if form == "json":
        tree = {
            "findings": _report.to_json(report.findings, base),
            "fixed": [{"path": _report.shown(path, base), "line": line, "what": what} for path, line, what in done],
            "notes": list(report.notes),
            "statistics": dict(_report.as_statistics(report.findings)),
        }
        return json.dumps(tree, indent=2)
    if form == "sarif":
        return _report.as_sarif(report.findings, base)
    if form == "github":
        return _report.as_github(report.findings, base)
    return _text(report, done, base, statistics=statistics)


def _text(report: _lint.Report, done: _Done, base: Path, *, statistics: bool) -> str:
    lines = [f"{_report.shown(path, base)}:{line}: fixed: {what}" for path, line, what in done]
    if statistics:
        lines += [f"{count:5}  {rule}" for rule, count in _report.as_statistics(report.findings)]
    elif report.findings:
        lines.append(_report.as_text(report.findings, base))
    lines += [f"note: {note}" for note in report.notes]
    looked = f"in {report.tests} test(s) and {report.cassettes} cassette(s)"
    if not report.findings:
        return "\n".join([*lines, f"Nothing found {looked}."])
    safe = sum(finding.fix is not None and finding.fix.is_safe for finding in report.findings)
    mendable = f"; {safe} can be mended with --fix" if safe else ""
    return "\n".join([*lines, f"{len(report.findings)} finding(s) {looked}{mendable}."])
