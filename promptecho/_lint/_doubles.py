"""What stands between a test and the network, other than promptecho: recorders, doubles, marks, fixtures, switches.

Rule: a word that may mean a double is taken for one. Nothing is said of a test that has one.
"""

from __future__ import annotations

import ast
import re

_WORDS = re.compile(
    r"(?:^|[_.\W])(?:mock(?:ed|s|er)?|fake[sd]?|stub(?:bed|s|ber)?|cassettes?|vcr|replay(?:ed)?|dummy|overridden|override"
    r"|raises)(?=$|[_.\W])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PACKAGES = frozenset(
    ("aioresponses", "betamax", "cassetter", "gock", "httpretty", "mock", "mocket", "moto", "placebo", "pook",
     "pytest_httpx", "pytest_socket", "requests_mock", "respx", "responses", "urllib3_mock", "vcr")
)  # fmt: skip
_MARKS = frozenset(("block_network", "disable_socket", "httpx_mock", "moto", "promptecho", "respx", "responses"))
_FIXTURES = frozenset(("aresponses", "betamax_recorder", "betamax_session", "httpretty", "pook", "socket_disabled"))
_NAMES = re.compile(r"unittest\.mock\.|pytest\.(?:skip|xfail|fail)$|\w+\.ALLOW_|.*override_")
# Variables that lead SDKs elsewhere.
_ROUTES = re.compile(r"(?:_BASE_URL|_API_BASE|_ENDPOINT(?:_URL\w*)?|_HOST|_PROXY|_API_URL)$", re.IGNORECASE)
_SWITCH = re.compile(r"environ|getenv|getoption|API_KEY|TOKEN|(?:^|\W|_)(?:LIVE|OFFLINE|MOCK|FAKE|CI)\b", re.IGNORECASE)


def says_double(name: str) -> bool:
    """Whether a name says that what bears it is a double or a recorder: ``mock_llm``, ``FakeServer``."""
    return _WORDS.search(_CAMEL.sub("_", name).lower()) is not None


def is_cover(name: str) -> bool:
    """Whether calling a library's name, or entering it, keeps calls in."""
    return name.partition(".")[0] in _PACKAGES or _NAMES.match(name) is not None or says_double(name)


def is_covering_mark(name: str) -> bool:
    return name in _MARKS or says_double(name)


def is_covering_fixture(name: str) -> bool:
    """Whether a fixture that is not the project's own keeps calls in, by its name."""
    return name in _FIXTURES or name in _PACKAGES or says_double(name)


def is_switch(condition: ast.expr) -> bool:
    """Whether a condition asks if calls may go out."""
    return _SWITCH.search(ast.unparse(condition)) is not None


def sets_route(nodes: list[ast.expr]) -> bool:
    """Whether names of environment variables, as they stand in the code, lead calls elsewhere, or may."""
    return any(not isinstance(each, ast.Constant) or _ROUTES.search(str(each.value)) for each in nodes)


def is_harmless_patch(node: ast.Call) -> bool:
    """Whether this only sets variables, such as a key: ``patch.dict(os.environ, {"OPENAI_API_KEY": "x"})``."""
    is_dict = isinstance(node.func, ast.Attribute) and node.func.attr == "dict" and len(node.args) > 1
    values = node.args[1] if is_dict else None
    return isinstance(values, ast.Dict) and not sets_route([key for key in values.keys if key is not None])
