"""What stands between a test and the network, other than promptecho: recorders, doubles, marks, fixtures, switches.

Rule: a word that may mean a double is taken for one. Nothing is said of a test that has one.
"""

from __future__ import annotations

import ast
import re

_WORDS = re.compile(
    r"(?:^|[_.\W])(?:mock(?:ed|s|er)?|fake[sd]?|stub(?:bed|s|ber)?|cassettes?|vcr|replay(?:ed)?|dummy|override|raises)"
    r"(?=$|[_.\W])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LIBRARIES = re.compile(
    r"(?:aioresponses|betamax|cassetter|gock|httpretty|mocket|moto|placebo|pook|pytest_(?:httpx|socket)|requests_mock"
    r"|respx|responses|urllib3_mock)(?:\.|$)|pytest\.(?:skip|xfail|fail)|unittest\.skip|.*override_"
)
_NAMES = re.compile(r"promptecho|aresponses|betamax_\w+|block_network|disable_socket|socket_disabled|httpx2?_mock")
# Variables that lead SDKs elsewhere.
_ROUTES = re.compile(r"(?:_BASE_URL|_API_BASE|_ENDPOINT(?:_URL\w*)?|_HOST|_PROXY|_API_URL)$", re.IGNORECASE)
_SWITCH = re.compile(r"environ|getenv|getoption|API_KEY|TOKEN|(?:^|\W|_)(?:LIVE|OFFLINE|MOCK|FAKE|CI)\b", re.IGNORECASE)


def says_double(name: str) -> bool:
    """Whether a name says that what bears it is a double or a recorder: ``mock_llm``, ``FakeServer``."""
    return _WORDS.search(_CAMEL.sub("_", name).lower()) is not None


def is_cover(name: str) -> bool:
    """Whether what a name stands for keeps calls in, when it is called or entered."""
    own = name.rpartition(":")[2]  # the folders of a project say nothing
    return _LIBRARIES.match(own) is not None or says_double(own)


def is_covering(name: str) -> bool:
    """Whether a mark, or a fixture that is not the project's own, keeps calls in, by its name."""
    return _NAMES.fullmatch(name) is not None or is_cover(name)


def is_switch(condition: ast.expr) -> bool:
    """Whether a condition asks if calls may go out."""
    return _SWITCH.search(ast.unparse(condition)) is not None


def sets_route(nodes: list[ast.expr]) -> bool:
    """Whether names of environment variables, as they stand in the code, lead calls elsewhere, or may."""
    return any(not isinstance(each, ast.Constant) or _ROUTES.search(str(each.value)) for each in nodes)
