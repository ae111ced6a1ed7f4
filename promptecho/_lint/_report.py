"""Findings as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import linecache
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from promptecho._lint._rules import RULES, Finding, Rule
from promptecho._secrets.passes import Redactor
from promptecho._version import __version__

Json = Any
_WIDEST = 100  # characters of a line of source
FORMATS = ("text", "json", "github", "sarif")
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def shown(path: Path, base: Path) -> str:
    """A path as it is printed: from the working folder, if it is below it."""
    try:
        return path.relative_to(base).as_posix()
    except ValueError:
        return path.as_posix()


def _said(finding: Finding) -> str:
    return f"{finding.message}; {finding.hint}" if finding.hint else finding.message


def as_text(findings: Sequence[Finding], base: Path) -> str:
    """For each finding ``path:line:column: rule message``, and below it the line of Python that it is about."""
    redactor, lines = Redactor(os.environ), []
    for each in findings:
        place = f"{shown(each.path, base)}:{each.line}:{each.column}"
        lines.append(f"{place}: {each.rule} {_one_line(_said(each))}")
        path, number = each.call or (each.path, each.line)
        source = linecache.getline(str(path), number).strip() if path.suffix == ".py" else ""
        if source:
            elsewhere = f"{shown(path, base)}:" if path != each.path else ""
            cut = source if len(source) <= _WIDEST else f"{source[:_WIDEST]}..."
            lines.append(f"    {elsewhere}{number} | {redactor.mask(cut)}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def as_statistics(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    """How many findings each rule has, most first."""
    return sorted(Counter(each.rule for each in findings).items(), key=lambda pair: (-pair[1], pair[0]))


def to_json(findings: Sequence[Finding], base: Path) -> list[dict[str, Json]]:
    """The findings as plain data."""
    return [
        {
            "rule": each.rule,
            "severity": each.severity,
            "path": shown(each.path, base),
            "line": each.line,
            "column": each.column,
            "message": each.message,
            "hint": each.hint,
            "call": None if each.call is None else {"path": shown(each.call[0], base), "line": each.call[1]},
            "fix": None if each.fix is None else "safe" if each.fix.is_safe else "unsafe",
        }
        for each in findings
    ]


def as_github(findings: Sequence[Finding], base: Path) -> str:
    """Workflow commands that GitHub Actions shows as annotations of the files."""
    return "\n".join(
        f"::{_GITHUB[each.severity]} file={_property(shown(each.path, base))},line={each.line},col={each.column},"
        f"title={_property(f'promptecho {each.rule}')}::{_data(_said(each))}"
        for each in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(findings: Sequence[Finding], base: Path) -> str:
    """A SARIF 2.1.0 log, as code scanning services read it."""
    rules = list(RULES.values())
    run = {
        "tool": {
            "driver": {"name": "promptecho", "version": __version__, "rules": [_sarif_rule(rule) for rule in rules]}
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": base.as_uri() + "/"}},
        "results": [_sarif_result(each, rules, base) for each in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2)


def _sarif_rule(rule: Rule) -> Json:
    return {
        "id": rule.name,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "defaultConfiguration": {"level": rule.severity},
    }


def _sarif_result(finding: Finding, rules: Sequence[Rule], base: Path) -> Json:
    place = {
        "artifactLocation": _artifact(finding.path, base),
        "region": {"startLine": finding.line, "startColumn": finding.column},
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": [rule.name for rule in rules].index(finding.rule),
        "level": finding.severity,
        "message": {"text": _said(finding)},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(path: Path, base: Path) -> dict[str, str]:
    try:
        return {"uri": quote(path.relative_to(base).as_posix()), "uriBaseId": "SRCROOT"}
    except ValueError:
        return {"uri": path.as_uri()}
