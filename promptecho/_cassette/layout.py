"""The only module that knows YAML: a fast writer of the form that cassettes have, and a strict reader.

The writer is our own because PyYAML's costs four times as much, writes U+0085 so that it comes back as a space, and
can't choose literal blocks where they hold a text exactly. What it writes reads the same under YAML 1.1 and 1.2.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml

Json = Any

_MAX_DEPTH = 200
_MAX_EXPANDED = 1_000_000


class UnwritableText(ValueError):
    """A text holds a lone surrogate, which YAML can't carry."""


class YamlProblem(ValueError):
    """What is wrong with a YAML text; ``line`` and ``column`` count from 1, or are ``None``."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


class Flow(list):  # type: ignore[type-arg]  # a list of short scalars of any kind
    """A list to be written on one line, ``[a, b]``."""


# --- writing ----------------------------------------------------------------------------------------------------------

# Plain scalars: begin with a letter, so no reader takes them for a number or a date; end without a colon or a space.
_PLAIN = re.compile(r"[A-Za-z_/](?:[\w ./()@+=*$%^;!?<>~-]|:(?=[^\s:]))*(?<! )\Z", re.ASCII)
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z_/][\w./()@+=*-]*\Z", re.ASCII)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", ".inf", ".nan"))
# What a literal block can't hold: control characters, other line breaks, BOM, and non-characters.
_NOT_LITERAL = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NOT_LITERAL_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_plain_ascii(text: str) -> bool:
    """Whether a text has nothing that needs a look: a quick test that most texts pass."""
    return text.isascii() and text.isprintable()


def _double_quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if _NOT_LITERAL.search(quoted):
        quoted = _NOT_LITERAL.sub(_escape, quoted)
    return quoted


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _scalar(value: Json, in_flow: bool = False) -> str:
    if isinstance(value, str):
        return _short_text(value, in_flow) if len(value) <= _SHORT else _text(value, in_flow)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)  # a member of an enumeration, which a hook may bring, has a name for its text
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"{type(value).__name__} can't be written into a cassette")


def _text(value: str, in_flow: bool = False) -> str:
    if len(value) < 1000 and (_PLAIN_IN_FLOW if in_flow else _PLAIN).match(value) and value.lower() not in _WORDS:
        return str.__str__(value)
    if _is_plain_ascii(value):
        return json.dumps(value)
    if _NOT_LITERAL_SURROGATE.search(value):
        raise UnwritableText("a text with a lone surrogate can't be written as YAML")
    return _double_quoted(value)


_SHORT = 64
_short_text = lru_cache(maxsize=4096)(_text)  # names of fields, roles, models: the same in every recording


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = float.__repr__(value)
    if "e" in text:  # YAML 1.1 wants a point and a signed exponent
        mantissa, _, exponent = text.partition("e")
        mantissa = mantissa if "." in mantissa else mantissa + ".0"
        exponent = exponent if exponent[0] in "+-" else "+" + exponent
        return f"{mantissa}e{exponent}"
    return text


def _literal(text: str, pad: str) -> str | None:
    """The text as a literal block, or ``None`` where a block would not hold it exactly."""
    if "\n" not in text or text[0] == "\n":
        return None
    lines = text.split("\n")
    if not _is_plain_ascii("".join(lines)) and _NOT_LITERAL.search(text):
        return None
    # Editors trim the ends of lines and blank lines at the end, formatters the space before the first word.
    if text[0] in " \t" or text.endswith("\n\n\n") or any(line[-1:] in (" ", "\t") for line in lines if line):
        return None
    is_event = text.endswith("\n\n")  # of a stream: one blank line at its end is a part of it
    chomp = "+" if is_event else "" if text[-1] == "\n" else "-"
    body = "\n".join(pad + line if line else "" for line in text.rstrip("\n").split("\n"))
    return f"|{chomp}\n{body}\n" + ("\n" if is_event else "")


def emit_block(value: Json, indent: int) -> str:
    """A tree as block YAML, each line indented by ``indent`` spaces.

    Raises:
        UnwritableText: a text holds a lone surrogate.
        TypeError: something in the tree is no JSON value.
    """
    out: list[str] = []
    pad = " " * indent
    if isinstance(value, dict) and value:
        _emit_mapping(value, indent, out, pad)
    elif isinstance(value, list) and value and not isinstance(value, Flow) and not _are_numbers(value):
        _emit_sequence(value, indent, out, pad)
    else:
        out.append(pad + _inline(value, indent))
    return "".join(out)


def _emit_mapping(tree: dict[str, Json], indent: int, out: list[str], lead: str) -> None:
    """A mapping whose first line begins with ``lead``, where the dash of a list may stand."""
    pad = " " * indent
    for key, child in tree.items():
        if not isinstance(key, str):
            raise TypeError(f"a key of a cassette is a text, not {key!r}")
        name = _short_text(key, False) if len(key) <= _SHORT else _text(key)
        start = f"{lead}{name}:" if len(name) <= 120 else f"{lead}? {name}\n{pad}:"
        lead = pad
        kind = type(child)
        if kind is str and len(child) <= _SHORT and "\n" not in child:
            out.append(f"{start} {_short_text(child, False)}\n")
        elif child and isinstance(child, dict):
            out.append(start + "\n")
            _emit_mapping(child, indent + 2, out, pad + "  ")
        elif child and kind is list and not _are_numbers(child):
            out.append(start + "\n")
            _emit_sequence(child, indent, out, pad)
        else:
            out.append(f"{start} {_inline(child, indent)}")


def _emit_sequence(items: list[Json], indent: int, out: list[str], lead: str) -> None:
    pad = " " * indent
    for child in items:
        if child and isinstance(child, dict):
            _emit_mapping(child, indent + 2, out, lead + "- ")
        elif child and type(child) is list and not _are_numbers(child):
            _emit_sequence(child, indent + 2, out, lead + "- ")
        else:
            out.append(f"{lead}- {_inline(child, indent)}")
        lead = pad


def _are_numbers(items: list[Json]) -> bool:
    """Whether a list is one of numbers, such as an embedding, which goes on one line."""
    return type(items[0]) in _NUMBERS and all(type(item) in _NUMBERS for item in items)


_NUMBERS = (int, float)


def _inline(value: Json, indent: int) -> str:
    if isinstance(value, str):
        block = _literal(value, " " * (indent + 2)) if "\n" in value else None
        if block is not None and not _NOT_LITERAL_SURROGATE.search(value):
            return block
        return _scalar(value) + "\n"
    if isinstance(value, Flow) or (value and isinstance(value, list)):
        return "[" + ", ".join(_scalar(each, in_flow=True) for each in value) + "]\n"
    if isinstance(value, dict):
        return "{}\n"
    if isinstance(value, list):
        return "[]\n"
    return _scalar(value) + "\n"


# --- reading ----------------------------------------------------------------------------------------------------------

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's loader where it is there


_NULL, _BOOL, _INT, _FLOAT, _STR, _SEQ, _MAP = (
    f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")
)
_SCALARS: dict[str, Callable[[str], Json]] = {
    _STR: lambda text: text,
    _NULL: lambda text: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: int,
    _FLOAT: lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
}
_PLAIN_SCALARS = tuple(
    (tag, re.compile(pattern))
    for tag, pattern in (
        (_NULL, r"~|null|Null|NULL|"),
        (_BOOL, r"true|True|TRUE|false|False|FALSE"),
        (_INT, r"[-+]?[0-9]+"),
        (_FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"),
    )
)
_FIRST_OF_NO_STRING = frozenset("~nNtTfF-+.0123456789")


_AMBIGUOUS = "ambiguous"


@lru_cache(maxsize=1024)
def _plain_tag(text: str) -> str:
    """The tag of a plain scalar in YAML 1.2's core schema (YAML 1.2.2, section 10.3.2), without octal and hex."""
    return next((tag for tag, pattern in _PLAIN_SCALARS if pattern.fullmatch(text)), _STR)


@lru_cache(maxsize=1024)
def _certain_tag(text: str) -> str:
    """The same for a file that any tool may have written again.

    What is a number there and a text in YAML 1.1 (``1e3``) is ambiguous. A decimal with leading zeros is a text: PyYAML
    writes ``08901`` so, and nobody writes numbers so.
    """
    tag = _plain_tag(text)
    if tag in (_INT, _FLOAT) and not any(
        pattern.match(text) for older, pattern in yaml.SafeLoader.yaml_implicit_resolvers[text[0]] if older in _YAML_1_1
    ):
        return _STR if _LEADING_ZEROS.fullmatch(text) else _AMBIGUOUS
    return _STR if tag == _INT and _LEADING_ZEROS.fullmatch(text) else tag


_YAML_1_1 = (_INT, _FLOAT)
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9]+")


def _reader(base: Any, tag_of: Callable[[str], str] = _certain_tag) -> Any:
    class Reader(base):  # type: ignore[misc]  # one of two classes
        """Composes nodes, whose scalars are those of YAML 1.2."""

        def resolve(self, kind: type, value: str, implicit: tuple[bool, bool]) -> str:
            if kind is not yaml.ScalarNode:
                return _SEQ if kind is yaml.SequenceNode else _MAP
            if not implicit[0] or (value and value[0] not in _FIRST_OF_NO_STRING):
                return _STR
            return tag_of(value)

    return Reader


_READER = _reader(_BASE, _certain_tag)
_READER_OF_1_2 = _reader(_BASE, _plain_tag)


def _value(node: Any, shared: dict[int, Json] | None) -> Json:
    """The value of a composed node: PyYAML's own constructor takes ten times as long.

    ``shared``: what has been made of nodes so far, where aliases make one node stand in several places.
    """
    if isinstance(node, yaml.ScalarNode):
        make = _SCALARS.get(node.tag)
        if node.tag == _AMBIGUOUS:
            raise problem_at(
                node,
                f"{node.value} is a number to some YAML tools and a text to others: write it as "
                f'{_float(float(node.value))} or as "{node.value}"',
            )
        if make is None:
            raise _wrong_tag(node)
        if not node.value.isascii() and _NOT_LITERAL_SURROGATE.search(node.value):  # libyaml says so itself
            raise problem_at(node, "a text has half of a surrogate pair, which YAML can't carry")
        try:
            return make(node.value)
        except ValueError as problem:
            raise problem_at(node, str(problem)) from None
    if shared is not None:
        if id(node) in shared:
            if shared[id(node)] is _UNDER_WAY:
                raise problem_at(node, "it contains itself by an alias")
            return shared[id(node)]
        shared[id(node)] = _UNDER_WAY
    made: Json
    if isinstance(node, yaml.MappingNode):
        if node.tag != _MAP:
            raise _wrong_tag(node)
        made = {}
        for key_node, value_node in node.value:
            key = _value(key_node, shared)
            if not isinstance(key, str):
                raise problem_at(key_node, f"a key is {key!r}, expected a text")
            if key in made:
                raise problem_at(key_node, f"the key {key!r} stands twice in one mapping")
            if key in _HEX and value_node.tag in (_AMBIGUOUS, _FLOAT, _INT):  # digits that PyYAML left without quotes
                made[key] = value_node.value
            else:
                made[key] = _value(value_node, shared)
    else:
        if node.tag != _SEQ:
            raise _wrong_tag(node)
        made = [_value(child, shared) for child in node.value]
    if shared is not None:
        shared[id(node)] = made
    return made


_UNDER_WAY = object()
_HEX = ("match_key", "query")


def _wrong_tag(node: Any) -> YamlProblem:
    return problem_at(node, f"the tag {node.tag!r} is not allowed here")


def problem_at(node: Any, problem: str) -> YamlProblem:
    """The problem, with the place where a node begins."""
    return YamlProblem(problem, node.start_mark.line + 1, node.start_mark.column + 1)


_DEEP = " " * 400


def load(text: str) -> object:
    """The one document in a text, which any tool may have written again.

    Raises:
        YamlProblem: bad syntax, tags, repeated keys, aliases that explode, nesting of more than 200 levels, a scalar
            that is a number or a text, depending on who reads it.
    """
    return load_by(text, _READER, _tree)


def load_1_2(text: str) -> object:
    """The same for what is YAML 1.2 for sure, or written by hand: ``1e3`` is a number."""
    return load_by(text, _READER_OF_1_2, _tree)


def _tree(loader: Any, has_aliases: bool) -> Json:
    node = loader.get_single_node()
    return None if node is None else _value(node, {} if has_aliases else None)


def load_by(text: str, loader_class: Any, make: Callable[[Any, bool], object]) -> object:
    """The same by a loader of PyYAML's; ``make`` gets the loader, and whether the text may have aliases."""
    _check_depth(text)
    has_aliases = "&" in text and "*" in text
    loader = None
    try:
        loader = loader_class(text)
        tree = make(loader, has_aliases)
    except YamlProblem:
        raise
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        what = problem.problem or problem.context or "not YAML"
        raise YamlProblem(
            f"not readable YAML ({what})", mark.line + 1 if mark else None, mark.column + 1 if mark else None
        ) from None
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1 if isinstance(problem.position, int) else None
        raise YamlProblem(f"not readable YAML ({problem.reason})", line) from None
    except (ValueError, RecursionError) as problem:
        raise YamlProblem(f"not readable YAML ({problem})") from None
    finally:
        if loader is not None:
            loader.dispose()
    if has_aliases:
        _check_aliases(tree)
    return tree


def _check_depth(text: str) -> None:
    """Deep nesting would overflow the C stack of libyaml's composer, so it is looked for before."""
    if _DEEP not in text and "- - - - - " not in text and _bracket_depth(text) < _MAX_DEPTH:
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_BASE):
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
                if depth > _MAX_DEPTH:
                    mark = event.start_mark
                    raise YamlProblem(f"nested more than {_MAX_DEPTH} levels deep", mark.line + 1 if mark else None)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
    except yaml.YAMLError:
        return  # the reader that follows says what and where


def _bracket_depth(text: str) -> int:
    """At least as deep as flow collections can be nested; brackets inside texts only add to it."""
    if text.count("[") + text.count("{") < _MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth -= 1
    return deepest


def _check_aliases(tree: object) -> None:
    """Refuse aliases that explode; one that refers to what it stands in is refused already."""
    sizes: dict[int, int] = {}

    def size(node: object) -> int:
        if not isinstance(node, (dict, list)):
            return 1
        known = sizes.get(id(node))
        if known is not None:
            return known
        total = 1 + sum(size(child) for child in (node.values() if isinstance(node, dict) else node))
        sizes[id(node)] = total
        if total > _MAX_EXPANDED:
            raise YamlProblem("its aliases expand to more than a million values")
        return total

    size(tree)
