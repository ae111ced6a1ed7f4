"""Which calls make a client of an SDK, and which go to a provider.

Rule: a client that is given an address or a transport which can't be told to be a provider's is no known client.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from urllib.parse import urlsplit

from promptecho import providers
from promptecho._guard.hosts import is_llm_host, is_loopback
from promptecho._lint._doubles import says_double

_IsClient = Callable[[ast.expr], bool]
_PLUGGED = re.compile(
    r"(?:^|_)(?:url|host|endpoint|base|client|transport|provider|app|mounts|connector|options|list)(?:$|_)"
)
# What sets a client up, looks at it or puts it away, and asks nobody; what it gives can ask.
_QUIET = re.compile(
    r"(?:.*\.)?(?:chats\.create|_.*|a?close|copy|bind|pipe|map|pick|assign|dict|json|tool|toolset|instructions|unwrap"
    r"|\w+_schema|(?:with|get|set|is|has|can|add|as|to|model|register|output|tool|bind|verify|configurable|system"
    r"|presigned)_\w+)|(?:.*_?headers|api_key|base_url|config|exceptions|meta|model|name|organization|timeout)\..*"
)
_HTTP = re.compile(r"(?:httpx2?|requests)\.(?:get|post|put|patch|delete|request|stream)")


@cache
def maker(name: str) -> tuple[providers.Sdk, str] | None:
    """The SDK whose client the call of a dotted name makes, and what the first argument is like."""
    for sdk in providers.sdks():
        for pattern in sdk.clients if name.startswith(f"{sdk.imported}.") else ():
            client, _, first = pattern.partition("(")
            if fnmatchcase(name.rpartition(".")[2], client):
                return sdk, first.rstrip(")")
    return None


@cache
def _is_function(name: str) -> bool:
    """Whether a dotted name is of a function of an SDK that makes a call itself."""
    return any(name.startswith(f"{sdk.imported}.") and fnmatchcase(name[len(sdk.imported) + 1 :], pattern)
               for sdk in providers.sdks() for pattern in sdk.functions)  # fmt: skip


@cache
def is_client(name: str) -> bool:
    """Whether a name stands for a client of an SDK, or an attribute of one."""
    return "()" in name and maker(name.partition("()")[0]) is not None


def made(called: str, call: ast.Call, is_one: _IsClient) -> str:
    """What calling a name of a library gives."""
    called = called.replace(".Session()", "")  # of boto3
    made_by, _, path = called.partition("().")
    if is_client(called):
        return f"{made_by}()" if _QUIET.fullmatch(path) and _leaves_alone(call, is_one) else "~"
    known = maker(called)
    if known is None:
        return f"{called}()"
    given = [*call.args, *(each.value for each in call.keywords if each.arg in ("model", "service_name"))]
    fits = not known[1] or (bool(given) and fnmatchcase(_text(given[0]), known[1]))
    plain = all((isinstance(each, ast.Constant) and _is_far(_text(each))) or is_one(each) for each in call.args)
    return f"{called}()" if fits and plain and _leaves_alone(call, is_one) else "~"


def asks(name: str, call: ast.Call) -> bool:
    """Whether calling a name goes out; what is given a model or an answer of its own may not."""
    if any(each.arg and (says_double(each.arg) or (each.arg == "model" and isinstance(each.value, ast.Call)))
           for each in call.keywords):  # fmt: skip
        return False
    if is_client(name):
        path = name.partition("().")[2]
        return bool(path) and _QUIET.fullmatch(path) is None
    if _HTTP.fullmatch(name):
        return any(is_llm_host(_host(_text(each))) for each in (*call.args[:2], *(one.value for one in call.keywords)))
    return _is_function(name) and _leaves_alone(call, lambda node: False, spread=True)


def shown(name: str) -> str:
    """A call as a message names it: ``OpenAI.responses.create()``."""
    made_by, dot, path = name.partition("().")
    last = made_by.rpartition(".")[2]
    return f"{(made_by if last.islower() or not dot else last)}{'.' if dot else ''}{path}()"


def _leaves_alone(call: ast.Call, is_one: _IsClient, *, spread: bool = False) -> bool:
    """Whether no option of a call leads elsewhere."""
    for each in call.keywords:
        text = _text(each.value)
        if each.arg is None:
            if not spread:
                return False
        elif says_double(each.arg):
            return False
        elif _PLUGGED.search(each.arg) and not is_one(each.value):
            is_none = isinstance(each.value, ast.Constant) and each.value.value is None
            if not is_none and not (text and _is_far(text) and ("://" in text or each.arg.endswith("provider"))):
                return False
    return True


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
