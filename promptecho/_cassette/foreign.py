"""Files of other tools: told by what is in them, and vcrpy's YAML read without its objects."""

from __future__ import annotations

from typing import Any

import yaml

from promptecho._cassette import layout

VCRPY, CASSETTER, HAR = "vcrpy", "cassetter", "har"


def tool_of(tree: object) -> str | None:
    """Which other tool wrote a parsed file, ``None`` if none that is known here, or ours."""
    name = format_of(tree)
    if name in (None, "promptecho") or (isinstance(tree, dict) and tree.get("interactions") == []):
        return None
    return name


def format_of(tree: object) -> str | None:
    """Which tool wrote a parsed file, ours included; ``None`` if none that is known here."""
    if is_har(tree):
        return HAR
    if is_cassetter(tree):
        return CASSETTER
    if _is_ours(tree):
        return "promptecho"
    return VCRPY if is_vcrpy(tree) else None


def _is_ours(tree: object) -> bool:
    if not isinstance(tree, dict) or "version" not in tree or not isinstance(tree.get("interactions"), list):
        return False
    first = next(iter(tree["interactions"]), None)
    request = first.get("request") if isinstance(first, dict) else None
    return tree["version"] == 2 if request is None else isinstance(request, dict) and "url" in request


def is_vcrpy(tree: object) -> bool:
    """Whether a parsed file has the shape of a vcrpy cassette, of any version."""
    if isinstance(tree, list):
        return bool(tree) and isinstance(tree[0], dict) and "request" in tree[0] and "response" in tree[0]
    if not isinstance(tree, dict) or not isinstance(tree.get("interactions"), list):
        return False
    first = next(iter(tree["interactions"]), None)
    request = first.get("request") if isinstance(first, dict) else None
    return first is None or (isinstance(request, dict) and "uri" in request)


def is_cassetter(tree: object) -> bool:
    """Whether a parsed file has the shape of a cassetter cassette."""
    if not isinstance(tree, dict) or "version" not in tree:
        return False
    if "grpc_interactions" in tree or "ws_interactions" in tree:
        return True
    items = tree.get("interactions")
    first = items[0] if isinstance(items, list) and items else None
    if not isinstance(first, dict) or not isinstance(first.get("request"), dict):
        return False
    request = first["request"]
    body = request.get("body")
    return "recorded_at" in first and ("body_type" in request or (isinstance(body, dict) and "type" in body))


def is_har(tree: object) -> bool:
    """Whether a parsed file has the shape of a HAR."""
    return isinstance(tree, dict) and isinstance(tree.get("log"), dict) and "entries" in tree["log"]


class _Reader(layout._BASE):  # type: ignore[misc]  # libyaml's loader where it is there
    """YAML 1.1 as PyYAML writes it, without repeated keys; of Python's tags only the ones of plain data.

    Those are the tags that vcrpy's own reader takes, and nothing of Python is called for them.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names: set[object] = set()
        for key_node, _ in node.value:
            name = _name_of(key_node)
            if name is not None and name in names and name != "<<":
                raise layout.problem_at(key_node, f"the key {name!r} stands twice in one mapping")
            names.add(name)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found

    def construct_plain(self, node: Any) -> str:
        return str(self.construct_scalar(node))

    def construct_name(self, kind: str, node: Any) -> str:
        """The name of a header as aiohttp has it: a kind of text."""
        name = _name_of(node)
        if not kind.endswith("istr") or name is None:
            return str(self.refuse(node))
        return name

    def construct_tuple(self, node: Any) -> list[Any]:
        return list(self.construct_sequence(node, deep=True))

    def construct_file(self, node: Any) -> bytes:
        """What a file-like body held: the first item of the state of an ``io.BytesIO``."""
        state = self.construct_mapping(node, deep=True).get("state") or [b""]
        return _joined(state[0] if isinstance(state, list) else state)

    def construct_iterator(self, node: Any) -> bytes:
        arguments = self.construct_mapping(node, deep=True).get("args") or [[]]
        return _joined(arguments[0] if isinstance(arguments, list) else arguments)

    def refuse(self, node: Any) -> Any:
        raise layout.problem_at(
            node, f"the tag {node.tag!r} would make a Python object, and is not read; record this cassette again"
        )


_TAG = "tag:yaml.org,2002:"
for _name, _make in {
    f"{_TAG}timestamp": _Reader.construct_plain,
    f"{_TAG}value": _Reader.construct_plain,
    f"{_TAG}python/str": _Reader.construct_plain,
    f"{_TAG}python/unicode": _Reader.construct_plain,
    f"{_TAG}python/tuple": _Reader.construct_tuple,
    f"{_TAG}python/object/new:_io.BytesIO": _Reader.construct_file,
    f"{_TAG}python/object/apply:builtins.iter": _Reader.construct_iterator,
}.items():
    _Reader.add_constructor(_name, _make)
_Reader.add_constructor(None, _Reader.refuse)
for _name in ("apply", "new"):
    _Reader.add_multi_constructor(f"{_TAG}python/object/{_name}:multidict.", _Reader.construct_name)


def _name_of(node: Any) -> str | None:
    """The text of a key: a scalar, or the one argument of multidict's ``istr``; ``None`` for anything else."""
    if isinstance(node, yaml.SequenceNode) and len(node.value) == 1:
        node = node.value[0]
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def load_vcrpy(text: str) -> object:
    """The tree of a YAML cassette of vcrpy.

    Raises:
        YamlProblem: bad syntax, repeated keys, tags that make objects, aliases that explode.
    """
    return layout.load_by(text, _Reader, lambda loader, _: loader.get_single_data())


def _joined(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list) and all(isinstance(each, (str, bytes, int)) for each in value):
        if all(isinstance(each, int) for each in value):
            return bytes(value)  # an iterator over bytes gives numbers
        return b"".join(_joined(each) for each in value)
    raise layout.YamlProblem("the content of a request body is neither text nor bytes")
