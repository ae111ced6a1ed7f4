"""What the parts of the follower ask of one another.

Each part is a class of its own that knows one thing (statements, calls, attributes ...); ``Follower`` is all of them.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from promptecho._lint._follow._arguments import Arguments
from promptecho._lint._follow._frames import Frame, Summary
from promptecho._lint._follow._values import UNKNOWN, Bound, ClassValue, Cover, Function, Instance, Value
from promptecho._lint._project import Module, Project

EVERYTHING = "*"  # something that can't be told was replaced: no call is reported behind it
MAX_NESTING = 6  # values nested deeper in one another are not told apart


class TooMuch(Exception):
    """Following a test takes too long; nothing is said about it."""


class Following(ABC):
    """The state that the parts share, and what each offers to the others.

    ``steps`` counts statements, so that a test can be given up; ``get_fixture`` is pytest's ``getfixturevalue``.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.steps = 0
        self.get_fixture: Callable[[Frame, str], Value] = lambda frame, name: UNKNOWN

    # Names

    @abstractmethod
    def namespace(self, module: Module) -> Frame:
        """The names at the top level of a module."""

    @abstractmethod
    def key(self, module: Module, name: str) -> str:
        """How a replaced global of the project is named among ``patches``."""

    @abstractmethod
    def module_global(self, module: Module, name: str, patches: frozenset[str]) -> Value:
        """A global of a module of the project, ``UNKNOWN`` where it was replaced."""

    @abstractmethod
    def lookup(self, frame: Frame, name: str) -> Value:
        """What a name stands for in a frame."""

    @abstractmethod
    def import_module(self, name: str, asking: Module) -> Value:
        """The module of the project or library with a dotted name."""

    # Statements and expressions

    @abstractmethod
    def block(self, frame: Frame, statements: Iterable[ast.stmt]) -> bool:
        """Follow statements; whether the code after them is never reached."""

    @abstractmethod
    def statement(self, frame: Frame, node: ast.stmt) -> bool:
        """Follow one statement; whether the code after it is never reached."""

    @abstractmethod
    def evaluate(self, frame: Frame, node: ast.expr) -> Value:
        """What an expression is; calls in it are noted."""

    @abstractmethod
    def truth(self, frame: Frame, node: ast.expr) -> bool | None:
        """Whether a condition holds, ``None`` where that can't be told."""

    # Attributes

    @abstractmethod
    def attribute(self, frame: Frame, owner: Value, name: str) -> Value:
        """``owner.name``."""

    @abstractmethod
    def class_attribute(self, cls: ClassValue, name: str, patches: frozenset[str]) -> Value | None:
        """``cls.name`` as it stands in the body of the class or of a base; ``None`` if it isn't there."""

    # Assignments and replacements

    @abstractmethod
    def store(self, frame: Frame, target: ast.AST, value: Value) -> None:
        """Assign a value to a target."""

    @abstractmethod
    def set_attribute(self, frame: Frame, owner: ast.AST, name: str, value: Value) -> None:
        """``owner.name = value``."""

    @abstractmethod
    def replaced(self, owner: Value, name: str) -> frozenset[str]:
        """What stands for a replaced attribute among ``patches``."""

    @abstractmethod
    def patcher(self, frame: Frame, passed: Arguments, *, by_object: bool) -> Cover:
        """``patch("module.name")`` and ``patch.object(owner, "name")``."""

    @abstractmethod
    def call_monkeypatch(self, frame: Frame, callee: Instance, passed: Arguments) -> Value:
        """A call of a method of pytest's ``monkeypatch``."""

    @abstractmethod
    def call_mocker(self, frame: Frame, callee: Instance, passed: Arguments) -> Value:
        """A call of a method of pytest-mock's ``mocker``."""

    # What covers calls

    @abstractmethod
    def enter(self, frame: Frame, value: Value, node: ast.AST | None) -> Value:
        """What ``with value`` gives; what it covers is covered from here on."""

    @abstractmethod
    def decorate(self, frame: Frame, decorator: Value, value: Value, node: ast.AST | None) -> Value:
        """A function or class with a decorator applied."""

    @abstractmethod
    def call_cover(self, frame: Frame, cover: Cover, name: str) -> None:
        """A call of a method of a recorder or patcher: ``start``, ``stop``, ``__enter__``."""

    # Calls

    @abstractmethod
    def apply(self, frame: Frame, callee: Value, passed: Arguments) -> Value:
        """Call a value."""

    @abstractmethod
    def report(self, frame: Frame, node: ast.AST | None, what: Value, kind: str) -> None:
        """A call goes out, if nothing covers it."""

    @abstractmethod
    def construct(self, frame: Frame, cls: ClassValue, passed: Arguments) -> Value:
        """An object of a class of the project."""

    @abstractmethod
    def call_function(self, frame: Frame, function: Function, passed: Arguments) -> Value:
        """Call a function of the project, with all that it does here."""

    @abstractmethod
    def call_bound(self, frame: Frame, method: Bound, passed: Arguments) -> Value:
        """Call a method of an object of the project, with all that it does here."""

    @abstractmethod
    def invoke(self, function: Function, passed: Arguments, patches: frozenset[str]) -> Summary:
        """Follow a function for arguments."""

    @abstractmethod
    def absorb(self, frame: Frame, summary: Summary, name: str) -> None:
        """What a called function did, as something that happened here."""

    @abstractmethod
    def call_library(self, frame: Frame, callee: Value, passed: Arguments) -> Value:
        """Call what belongs to a library, or what one gave."""
