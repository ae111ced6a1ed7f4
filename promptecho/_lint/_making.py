"""Which calls make a client of an SDK, and which calls on one, or of the SDK itself, go to a provider.

Rule: a client that is given an address or a transport which can't be told to be a provider's is no known client.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from promptecho import _sdks
from promptecho._hosts import is_llm_host, is_loopback
from promptecho._lint._doubles import says_double

IsClient = Callable[[ast.expr], bool]
SESSIONS = ("boto3.Session", "boto3.session.Session", "aioboto3.Session")
_PLUGGED = re.compile(
    r"(?:^|_)(?:url|host|endpoint|base|client|transport|provider|app|mounts|connector|options|models?_list)(?:$|_)"
)
# What sets a client up, looks at it or puts it away, and asks nobody; what it gives can ask.
_QUIET = re.compile(
    r"_.*|a?close|copy|(?:with|get|set|is|has|can|add|as|to|model|register|output|tool|bind|verify|configurable)_\w+"
    r"|bind|pipe|map|pick|assign|dict|json|tool|toolset|instructions|system_prompt|unwrap|generate_presigned_url|\w+_schema"
)
_HTTP = re.compile(r"(?:httpx2?|requests)\.(?:get|post|put|patch|delete|request|stream)")


def makes_client(name: str, call: ast.Call, is_client: IsClient) -> bool:
    """Whether a call of a library's name gives a client that calls a provider."""
    sdk = _sdks.of_client(name)
    if sdk is None or not is_real(call, is_client):
        return False
    option, pattern = sdk.takes
    given = [*call.args[:1], *(each.value for each in call.keywords if each.arg == option)]
    return not option or (bool(given) and re.fullmatch(pattern, _text(given[0])) is not None)


def is_real(call: ast.Call, is_client: IsClient) -> bool:
    """Whether nothing that a client is given leads elsewhere."""
    plain = all((isinstance(each, ast.Constant) and _is_far(_text(each))) or is_client(each) for each in call.args)
    return plain and not any(_text(each) == "test" for each in call.args) and is_same(call, is_client)


def is_same(call: ast.Call, is_client: IsClient) -> bool:
    """Whether no option of a call leads a client elsewhere."""
    return all(each.arg is not None and _leaves_alone(each.arg, each.value, is_client) for each in call.keywords)


def _leaves_alone(name: str, value: ast.expr, is_client: IsClient) -> bool:
    if says_double(name):
        return False
    if not _PLUGGED.search(name) or is_client(value):
        return True
    if not isinstance(value, ast.Constant):
        return False
    return value.value is None or (_is_far(_text(value)) and ("://" in _text(value) or name.endswith("provider")))


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_far(address: str) -> bool:
    """Whether a text is no address, or one on another machine."""
    host = _host(address)
    return "://" not in address or not (is_loopback(host) or host.endswith((".test", ".example", ".invalid")))


def is_quiet(path: tuple[str, ...]) -> bool:
    """Whether calling an attribute of a client asks nobody."""
    return not path or path[-2:] == ("chats", "create") or _QUIET.fullmatch(path[-1]) is not None


def asks(path: tuple[str, ...], call: ast.Call) -> bool:
    """Whether a call of an attribute of a client goes out; one that is given a model of its own may not."""
    return not is_quiet(path) and not any(
        each.arg is not None and (says_double(each.arg) or (each.arg == "model" and isinstance(each.value, ast.Call)))
        for each in call.keywords
    )


def asks_by_itself(name: str, call: ast.Call) -> bool:
    """Whether a call of a library's function goes out: ``litellm.completion(...)``, ``httpx.post("https://...")``."""
    if _HTTP.fullmatch(name):
        return any(is_llm_host(_host(_text(each))) for each in (*call.args[:2], *(one.value for one in call.keywords)))
    return _sdks.of_function(name) is not None and all(
        each.arg is None or _leaves_alone(each.arg, each.value, lambda node: False) for each in call.keywords
    )
