"""What is known of the tests of a project: which there are, which calls they reach, which cassettes they open."""

from __future__ import annotations

from dataclasses import dataclass, field

from promptecho._lint._follow._frames import Call
from promptecho._lint._follow._values import ClassValue, Function
from promptecho._lint._project import Module
from promptecho._lint._uses import Use


@dataclass(frozen=True)
class Test:
    """A test function, with the classes that it stands in, the outermost first."""

    __test__ = False  # pytest would take it for one

    module: Module
    name: str
    function: Function
    classes: tuple[ClassValue, ...] = ()

    @property
    def title(self) -> str:
        return "::".join((*(cls.name for cls in self.classes), self.name))

    @property
    def is_unittest(self) -> bool:
        return bool(self.classes) and self.classes[-1].is_unittest

    @property
    def site(self) -> tuple[str, int, int]:
        """The file, line and column of its ``def``."""
        function = self.function.inner
        return (str(function.module.path), function.node.lineno, function.node.col_offset + 1)


@dataclass
class Reached:
    """A call that nothing covers, and the tests that reach it; without any it is made at import."""

    call: Call
    tests: list[Test] = field(default_factory=list)
    module: Module | None = None
    is_of_wider_scope: bool = False  # a fixture makes it that a cassette of the test does not cover


@dataclass
class Suite:
    """What is known of all tests of a project."""

    reached: list[Reached] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    broken: list[Module] = field(default_factory=list)
