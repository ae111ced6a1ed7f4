"""The credentials that a request carries, and those of the environment: what is to be masked wherever it turns up."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from promptecho._models import Request
from promptecho._named_fields import REDACTED
from promptecho._query import credentials_of_query

Json = Any

# Values that people give where a key is asked for and none is needed: masking them would change ordinary text.
_PLACEHOLDERS = frozenset(
    ("ollama", "lm-studio", "not-needed", "none", "null", "empty", "dummy", "unused", "no-key", "no-key-required",
     "sk-no-key-required", "bearer", "basic", "false", "REDACTED")
)  # fmt: skip
_MIN_LENGTH = 6

_CREDENTIAL_WORD = re.compile(
    r"(?:^|[-_.])(?:api-?key|apikey|key|token|secret|password|passwd|auth|authorization|credentials?|signature|sig)$"
    r"|^(?:authorization|proxy-authorization|cookie|x-amz-security-token)$",
    re.IGNORECASE,
)
CREDENTIAL_FIELDS = frozenset(
    ("client_secret", "api_key", "apikey", "password", "refresh_token", "access_token", "id_token", "assertion",
     "subject_token", "client_assertion", "secret_access_key", "secretaccesskey", "sessiontoken", "session_token",
     "accesstoken", "refreshtoken", "idtoken", "clientsecret", "private_key", "authorization", "security_token")
)  # fmt: skip


def _is_worth_masking(value: str) -> bool:
    return len(value) >= _MIN_LENGTH and value.lower() not in _PLACEHOLDERS and value != REDACTED


@lru_cache(maxsize=512)
def _is_credential_header(lowered: str) -> bool:
    return lowered == "cookie" or _CREDENTIAL_WORD.search(lowered) is not None


def _header_values(name: str, value: str) -> Iterator[str]:
    lowered = name.lower()
    if not _is_credential_header(lowered):
        return
    if lowered == "cookie":
        for pair in value.split(";"):
            yield pair.partition("=")[2].strip()
        return
    if value.startswith("AWS4-HMAC-SHA256 "):  # new each second: only the key id stays; signatures are noted apart
        yield from re.findall(r"Credential=([^/,\s]+)", value)
        return
    yield value
    scheme, _, rest = value.partition(" ")
    if not rest:
        return
    yield rest.strip()
    if scheme.lower() == "basic":
        try:
            plain = base64.b64decode(rest.strip()).decode("utf-8")
        except ValueError:
            return
        user, _, password = plain.partition(":")
        yield from (plain, user, password)


def _tree_values(tree: Json) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            if isinstance(value, str) and str(name).lower() in CREDENTIAL_FIELDS:
                yield value
            elif isinstance(value, (dict, list)):
                yield from _tree_values(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _tree_values(value)


# How the names of fields end that hold credentials; what follows in JSON, in JSON inside JSON, in forms and in XML.
_FIELD_WORDS = (b"token", b"secret", b"password", b"key", b"accesskeyid", b"assertion", b"authorization")
_ENDS = (b'"', b"\\", b"=", b">")


def may_hold_fields(data: bytes) -> bool:
    """Whether a field for credentials may be in a text: quick, and never wrongly no."""
    lowered = data.lower()
    return any(word in lowered and any(word + end in lowered for end in _ENDS) for word in _FIELD_WORDS)


def _body_values(request: Request) -> Iterator[str]:
    if not request.body or len(request.body) > 1_000_000 or not may_hold_fields(request.body):
        return
    try:
        text = request.body.decode("utf-8")
        if not text.lstrip().startswith(("{", "[")):
            yield from (value for name, value in parse_qsl(text) if name.lower() in CREDENTIAL_FIELDS)
        else:
            yield from _tree_values(json.loads(text))
    except (ValueError, RecursionError):
        return


@lru_cache(maxsize=256)
def _url_values(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    values: list[str] = []
    userinfo = parts.netloc.rpartition("@")[0]
    if userinfo:
        user, _, password = userinfo.partition(":")
        values += [unquote(user), unquote(password), userinfo]
    values += credentials_of_query(url)
    return tuple(values)


def carried_credentials(request: Request, headers: Iterable[tuple[str, str]] | None = None) -> tuple[str, ...]:
    """The values of the credentials that a request carries, in headers (all, or the given ones), URL and body."""
    values: list[str] = []
    for name, value in request.headers if headers is None else headers:
        values.extend(_header_values(name, value))
    values.extend(_url_values(request.url))
    values.extend(_body_values(request))
    return tuple(dict.fromkeys(value for value in values if _is_worth_masking(value)))


@lru_cache(maxsize=1024)
def _is_credential_variable(name: str) -> bool:
    return _VARIABLE.search(name) is not None


_VARIABLE = re.compile(r"(?:^|_)(?:API)?_?KEY(?:_|$)|TOKEN(?!IZ|S(?:_|$))|SECRET|PASSWORD|PASSWD", re.IGNORECASE)


def environment_credentials(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of environment variables whose names say key, token, secret or password."""
    names = [name for name in environ if _is_credential_variable(name)]  # a value costs more to get than a name
    return tuple(
        value
        for value in (environ.get(name, "") for name in names)
        if len(value) >= 8
        and _is_worth_masking(value)
        and not re.match(r"^(?:[/~.]|[A-Za-z]:\\|\d+$|https?://)", value)
    )
