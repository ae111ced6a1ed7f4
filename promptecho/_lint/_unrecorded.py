"""The rule ``unrecorded-call``: a finding for each test that calls a provider with no cassette open, at the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from promptecho import _sdks
from promptecho._lint._calls import OWN, Call, Calls
from promptecho._lint._fixes import AddMarks
from promptecho._lint._ignores import Ignores
from promptecho._lint._project import Module
from promptecho._lint._rules import Finding
from promptecho._lint._tests import Test

_RULE = "unrecorded-call"
_MARK = "run the test in a cassette (@pytest.mark.promptecho, the fixture promptecho_cassette, use_cassette)"
_WIDER = "let the fixture that makes it ask for promptecho_module_cassette, or that of its scope"
_IMPORT = "make it in a test or a fixture that has a cassette"


class Unrecorded:
    """Files findings for tests; calls with an ignore comment of their own are none."""

    def __init__(self, calls: Calls, ignores: Ignores, root: Path) -> None:
        self._calls = calls
        self._ignores = ignores
        self._root = root

    def of_tests(self, tests: Sequence[Test]) -> Iterator[Finding]:
        wider: dict[Call, list[Test]] = {}
        for test in tests:
            found = [call for call in self._calls.of_test(test) if not self._is_ignored(call)]
            for call in found:
                if call.scope < OWN:
                    wider.setdefault(call, []).append(test)
            own = [call for call in found if call.scope == OWN]
            if own:
                yield self._at(test, own)
        for call, reaching in wider.items():
            more = len(reaching) - 1
            others = f"; so {'does' if more == 1 else 'do'} {more} more test{'s' * (more > 1)}" if more else ""
            yield self._finding(reaching[0], call, f"{self._said(call, reaching[0])}{others}", _WIDER)

    def at_import(self, module: Module) -> Iterator[Finding]:
        for call in self._calls.at_import(module):
            if not self._is_ignored(call):
                text = f"{call.what}() is called when the module is imported"
                yield Finding(_RULE, call.path, call.line, call.column, text, _IMPORT, call.end_line)

    def _is_ignored(self, call: Call) -> bool:
        return self._ignores.suppress(_RULE, call.path, call.line, call.end_line)

    def _at(self, test: Test, calls: Sequence[Call]) -> Finding:
        more = len(calls) - 1
        text = self._said(calls[0], test) + (f", and {more} more call{'s' * (more > 1)}" if more else "")
        path = Path(test.site[0])
        is_fixable = not self._calls.is_unittest(test) and self._root in path.parents
        sdks = [_sdks.of_client(call.name) for call in calls]
        fix = AddMarks(((path, test.site[1]),), any(sdk is not None and sdk.opt_in for sdk in sdks))
        return self._finding(test, calls[0], text, _MARK, fix if is_fixable else None)

    def _said(self, call: Call, test: Test) -> str:
        place = f"line {call.line}"
        if str(call.path) != test.site[0]:
            inside = self._root in call.path.parents
            shown = call.path.relative_to(self._root) if inside else call.path
            place = f"{shown.as_posix()}:{call.line}"
        way = f" by way of {', '.join(call.via)}" if call.via else ""
        return f"calls {call.what}() with no cassette open{way} ({place})"

    def _finding(self, test: Test, call: Call, text: str, hint: str, fix: AddMarks | None = None) -> Finding:
        path, line, column = test.site
        end = max(line, test.function.node.body[0].lineno - 1)
        return Finding(_RULE, Path(path), line, column, text, hint, end, fix, (call.path, call.line))
