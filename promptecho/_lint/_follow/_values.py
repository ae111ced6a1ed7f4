"""What an expression of a test suite may be, as far as it can be told without running it.

Rule: what can't be told is ``UNKNOWN``, and nothing is ever reported about an unknown value.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from promptecho._lint._follow._frames import Frame
    from promptecho._lint._project import Module


_MOST_CHOICES = 300
_MOST_BASES = 20
Piece = Union[str, "tuple[str, ...]", None]


@dataclass(frozen=True)
class Value:
    """Base of all; ``UNKNOWN`` is the only plain one."""


UNKNOWN = Value()


@dataclass(frozen=True)
class Constant(Value):
    """``None``, a number or a truth value."""

    value: Any
    kind: str = ""  # True equals 1: the type tells them apart


NONE = Constant(None, "NoneType")


@dataclass(frozen=True)
class Text(Value):
    """A text or a path, in pieces: known ones, one of several known ones, and ``None`` for what can't be told."""

    pieces: tuple[Piece, ...]
    is_path: bool = False

    @property
    def exact(self) -> str | None:
        """The whole text, where all of it is known."""
        known = [piece for piece in self.pieces if isinstance(piece, str)]
        return "".join(known) if len(known) == len(self.pieces) else None

    @property
    def start(self) -> str:
        """The part before the first unknown one."""
        known = []
        for piece in self.pieces:
            if not isinstance(piece, str):
                break
            known.append(piece)
        return "".join(known)

    @property
    def choices(self) -> tuple[str, ...]:
        """What the whole text may be, where that can be told."""
        if self.exact is not None:
            return (self.exact,)
        only = self.pieces[0] if len(self.pieces) == 1 else None
        return only if isinstance(only, tuple) else ()


def text(value: str, is_path: bool = False) -> Text:
    """A text of which all is known."""
    return Text((value,), is_path)


@dataclass(frozen=True)
class Sequence(Value):
    items: tuple[Value, ...]


@dataclass(frozen=True)
class Mapping(Value):
    items: tuple[tuple[Any, Value], ...]

    def get(self, key: Any) -> Value | None:
        return next((value for name, value in self.items if name == key), None)


@dataclass(frozen=True)
class ModuleValue(Value):
    """A module of the project."""

    module: Module


@dataclass(frozen=True)
class External(Value):
    """A name of a library, such as ``openai.OpenAI``: not called yet."""

    name: str


@dataclass(frozen=True)
class Instance(Value):
    """What a known name of a library gave when it was called, and the attributes taken since.

    ``OpenAI().chat.completions`` has kind ``openai.OpenAI`` and path ``("chat", "completions")``. ``base`` is the
    address that the client was given.
    """

    kind: str
    path: tuple[str, ...] = ()
    base: str = ""

    @property
    def name(self) -> str:
        return ".".join((self.kind, *self.path))


@dataclass(frozen=True)
class Cover(Value):
    """What keeps the calls inside it from going out: a cassette, another recorder, a double.

    ``path`` is the cassette's, if it is one of promptecho; ``patches`` are the names that are replaced inside it.
    """

    kind: str
    site: tuple[str, int, int] = ("", 0, 0)
    path: Value | None = None
    options: tuple[tuple[str, Value], ...] = ()
    patches: frozenset[str] = frozenset()
    blocks: bool = True  # no call goes out at all; ``False``: only the patched names are covered


@dataclass(frozen=True)
class Mark(Value):
    """``pytest.mark.name(...)``."""

    name: str
    args: tuple[Value, ...] = ()
    options: tuple[tuple[str, Value], ...] = ()
    site: tuple[str, int, int] = ("", 0, 0)
    node: ast.AST | None = None


@dataclass(frozen=True)
class Fixture(Value):
    """``pytest.fixture(...)``: the decorator, and then what it says about the function."""

    name: str = ""
    scope: str = "function"
    autouse: bool = False
    params: Value | None = None


FunctionNode = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]


@dataclass(frozen=True)
class Function(Value):
    """A function of the project, and what its decorators say."""

    module: Module
    node: FunctionNode
    closure: Frame | None = None
    owner: ClassValue | None = None
    covers: tuple[Cover, ...] = ()
    marks: tuple[Mark, ...] = ()
    flags: frozenset[str] = frozenset()
    fixture: Fixture | None = None
    wraps: Function | None = None

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "<lambda>")

    @property
    def parameters(self) -> list[ast.arg]:
        """The parameters that arguments can be given to by their position."""
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def inner(self) -> Function:
        """The function that was decorated, whose parameters pytest sees."""
        return self if self.wraps is None else self.wraps.inner


@dataclass(frozen=True)
class ClassValue(Value):
    """A class of the project."""

    module: Module
    node: ast.ClassDef
    bases: tuple[Value, ...] = ()
    covers: tuple[Cover, ...] = ()
    marks: tuple[Mark, ...] = ()
    flags: frozenset[str] = frozenset()
    body: Frame | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def names(self) -> dict[str, Value]:
        """What stands in its body."""
        return self.body.names if self.body is not None else {}

    @property
    def lineage(self) -> list[ClassValue]:
        """The class and its bases of the project, in the order in which attributes are looked up."""
        found: list[ClassValue] = []
        waiting = [self]
        while waiting:
            each = waiting.pop(0)
            if each in found or len(found) > _MOST_BASES:
                continue
            found.append(each)
            waiting = [base for base in each.bases if isinstance(base, ClassValue)] + waiting
        return found

    @property
    def library_bases(self) -> list[str]:
        """The library classes that the class is derived from."""
        return [base.name for each in self.lineage for base in each.bases if isinstance(base, External)]

    @property
    def is_unittest(self) -> bool:
        return any(name.endswith("TestCase") for name in self.library_bases)

    def covers_method(self, name: str) -> bool:
        """Whether its decorators reach a method: its tests, or all of its methods if it has no tests."""
        tests = (each for each, value in self.names.items() if each.startswith("test") and isinstance(value, Function))
        return bool(self.covers) and (name.startswith("test") or not any(tests))


@dataclass(frozen=True)
class Object(Value):
    """An instance of a class of the project, with the attributes that were set on it."""

    cls: ClassValue
    attributes: tuple[tuple[str, Value], ...] = ()

    def get(self, name: str) -> Value | None:
        return next((value for key, value in self.attributes if key == name), None)

    def having(self, name: str, value: Value) -> Object:
        kept = tuple(pair for pair in self.attributes if pair[0] != name)
        return replace(self, attributes=(*kept, (name, value)))


@dataclass(frozen=True)
class Bound(Value):
    """A method with the object it is called on."""

    function: Function
    owner: Value


@dataclass(frozen=True)
class Partial(Value):
    function: Value
    args: tuple[Value, ...] = ()
    options: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Managed(Value):
    """What a context manager function of the project does: the value it yields, and what holds while it is open."""

    value: Value
    covered: bool = False
    patches: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Method(Value):
    """A method of a text, a list or a cover."""

    owner: Value
    name: str


@dataclass(frozen=True)
class ModuleGlobal(Value):
    """An imported name of another module of the project, looked up when it is used."""

    module: Module
    name: str


def plain(value: Value) -> Any:
    """A key of a mapping as it is written, where it can be told."""
    if isinstance(value, Text):
        return value.exact
    return value.value if isinstance(value, Constant) else None


def join(left: Value, right: Value) -> Value:
    """What holds after two ways through the code, of which one was taken.

    ``None`` gives way to the other, as in clients that are made when first asked for. Two clients stay one; all else
    that differs is unknown.
    """
    if left == right or right == NONE:
        return left
    if left == NONE:
        return right
    if isinstance(left, Text) and isinstance(right, Text):
        options = tuple(dict.fromkeys(left.choices + right.choices))
        known = left.choices and right.choices and len(options) <= _MOST_CHOICES
        return Text((options if known else None,), left.is_path or right.is_path)
    if isinstance(left, (Instance, External)) and type(left) is type(right):
        return left
    if isinstance(left, Object) and isinstance(right, Object) and left.cls == right.cls:
        merged = dict(left.attributes)
        for name, value in right.attributes:
            merged[name] = join(merged[name], value) if name in merged else value
        return Object(left.cls, tuple(merged.items()))
    return UNKNOWN


def join_all(values: list[Value] | tuple[Value, ...]) -> Value:
    """What holds after several ways through the code."""
    if not values:
        return NONE
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
    return found


def element(value: Value) -> Value:
    """What the elements of a collection have in common."""
    return join_all(value.items) if isinstance(value, Sequence) and value.items else UNKNOWN


def depth(value: Value, limit: int = 8) -> int:
    """How deep values are nested in one another, counted up to a limit."""
    if limit <= 0:
        return 1
    if isinstance(value, Object):
        children: tuple[Value, ...] = tuple(child for _, child in value.attributes)
    elif isinstance(value, Sequence):
        children = value.items
    elif isinstance(value, Mapping):
        children = tuple(child for _, child in value.items)
    elif isinstance(value, Bound):
        children = (value.owner,)
    elif isinstance(value, Partial):
        children = (value.function, *value.args)
    else:
        return 1
    return 1 + max((depth(child, limit - 1) for child in children), default=0)
