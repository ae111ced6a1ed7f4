"""The credentials that a request carries, and those of the environment: what is to be masked wherever it turns up."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from promptecho import providers
from promptecho._models import Request
from promptecho._secrets.look import could_be_credential, is_everyday, looks_like_credential
from promptecho._secrets.named_fields import REDACTED
from promptecho._secrets.query import credentials_of_query

Json = Any

# Values that people give where a key is asked for and none is needed: masking them would change ordinary text.
_PLACEHOLDERS = frozenset(
    ("ollama", "lm-studio", "not-needed", "none", "null", "empty", "dummy", "unused", "no-key", "no-key-required",
     "sk-no-key-required", "bearer", "basic", "false", "redacted")
)  # fmt: skip
_MIN_LENGTH = 6

_CREDENTIAL_WORD = re.compile(
    r"(?:^|[-_.])(?:x?api-?key|key|(?:auth|api|access|session)?token|secret|password|passwd|passphrase|pwd|auth"
    r"|authorization|authentication|credentials?|signature|sig|jwt|assertion|session-?id|sid|bearer)$"
    r"|^(?:authorization|proxy-authorization|cookie|x-amz-security-token)$",
    re.IGNORECASE,
)
# Elsewhere in a name such a word says less: only what looks like a credential is one.
_CREDENTIAL_PART = re.compile(
    r"(?:^|[-_.])x?(?:api-?key|auth(?:n|z|entication|orization|token|header|key)?|token|secret|password|passwd|passphrase|credentials?|jwt|assertion|session\w*"
    r"|cookie\w*|bearer|key)(?=$|[-_.])|(?:token|secret|password|apikey)$",
    re.IGNORECASE,
)
_HARMLESS_HEADERS = frozenset(("idempotency-key", "sec-websocket-key", "x-idempotency-key"))
# Fields that a login answers with; in such an answer any value of theirs is one.
TOKEN_FIELDS = frozenset(
    ("client_secret", "access_token", "refresh_token", "id_token", "session_token", "security_token", "accesstoken",
     "refreshtoken", "idtoken", "sessiontoken", "clientsecret", "secret_access_key", "secretaccesskey", "secretkey",
     "securitytoken", "accesskeysecret", "device_code", "api_key", "apikey", "private_key", "assertion", "auth_token",
     "authtoken", "bearer_token", "login_token", "logintoken", "oauth_token", "oauth_token_secret", "id_jag",
     "registration_access_token", "ephemeral_key", "app_secret", "appsecret", "tenant_access_token",
     "app_access_token", "user_access_token", "api_token", "apitoken", "federatedtoken", "federated_token",
     "access_key_secret", "temporary_token", "subject_token", "client_assertion")
)  # fmt: skip
CREDENTIAL_FIELDS = TOKEN_FIELDS | frozenset(
    ("password", "authorization", "authorization_token", "authorizationtoken", "connection_string", "connectionstring",
     "api_key_string", "apikeystring", "api_key_secret", "aws_secret_access_key", "aws_session_token",
     "aws_access_key_id", "aws_bearer_token_bedrock", "aws_web_identity_token", "encoded_api_key", "encodedapikey",
     "actor_token", "passphrase", "private_key_id", "hf_token", "azure_ad_token", "vertex_credentials",
     "credential_secret", "credentialsecret", "code_verifier", "client_id_secret", "secret_key", "bearertoken",
     "webhook_secret", "signing_secret", "access_key", "accesskey", "account_key", "accountkey", "sas_token",
     "sastoken", "personal_access_token", "github_token", "oauth_access_token", "x-api-key", "x-goog-api-key",
     "xi-api-key", "subscription_key", "subscriptionkey", "proxy_password", "api-key")
)  # fmt: skip
_AMBIGUOUS = frozenset(("password", "passphrase"))
# Where providers document a credential under a name that says little: the names of the fields above it, nearest last.
# ``*`` is any name; a list adds none.
_PLACES: tuple[tuple[str, ...], ...] = (
    ("authentication", "key"),  # Azure OpenAI data sources, and their embedding dependency
    ("authentication", "access_key"),
    ("authentication", "token"),
    ("auth", "token"),
    ("auth", "key"),
    ("authentication", "value"),
    ("domain_secrets", "value"),  # OpenAI containers: secrets by domain
    ("authconfig", "*", "apikey"),
    ("auth_config", "*", "api_key"),
    ("env", "*"),  # MCP servers over stdio
)
_HEADER_PLACES = ("headers", "extra_headers", "request_headers", "default_headers", "http_headers")
_SERVER_PLACES = ("tools", "mcp_servers", "mcpservers", "connectors", "data_sources", "datasources", "plugins",
                  "toolsets", "tool_configuration", "servers")  # fmt: skip
_PLAIN_HEADERS = frozenset(
    ("accept", "accept-encoding", "accept-language", "content-type", "user-agent", "mcp-protocol-version", "host")
)
_SCHEMAS = frozenset(("parameters", "properties", "input_schema", "inputschema", "schema", "json_schema"))
# Texts of people and models: what a field is called in them is no sign of what the request carries.
_CONVERSATION = ("messages", "contents", "input", "prompt", "system", "instructions", "documents", "chat_history",
                 "system_instruction", "systeminstruction", "history", "conversation", "tool_results")  # fmt: skip


# Paths of calls that log in, or hand out a key.
_LOGIN = re.compile(
    r"(?:^|[/:._-])(?:token|tokens|login|signin|sign-in|sso|sts|authenticate|authorize|refresh|client_secrets|oauth2?"
    r"|access_?tokens?|generate(?:access|id)token|devicecode|device_code|security-credentials|api-?keys?|session"
    r"|realtime/sessions|assume\w*|auth|auth_tokens|register|credentials)(?:/[^/]*)?/?$",
    re.IGNORECASE,
)
_LOGIN_ITSELF = re.compile(r"/(?:oauth2?|tokens?|login|signin|access_?token|client_secrets)/?$", re.IGNORECASE)
_LOGIN_FIELD = re.compile(
    rb"(?:^|[&\"])(?:grant_type|client_secret|client_assertion|refresh_token|subject_token)(?:\"\s*[:,]|=)"
)


def is_login(method: str, path: str, request_body: bytes, has_prompt: bool) -> bool:
    """Whether a call is a login, or asks for a token: by its path, or by what it sends."""
    if has_prompt:
        return _LOGIN_ITSELF.search(path) is not None
    return _LOGIN.search(path) is not None or _LOGIN_FIELD.search(request_body[:20_000]) is not None


_NAME_WORDS = re.compile("[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
# What else a token or a key is of, or where: places in lists, marks of texts, rows and caches.
_OF_OTHERS = frozenset(
    ("page", "paging", "pagination", "next", "prev", "previous", "continuation", "continue", "sync", "cursor", "start",
     "resume", "skip", "delta", "scroll", "marker", "query", "change", "watch", "list", "last", "request", "eos", "bos",
     "pad", "unk", "sep", "cls", "mask", "stop", "special", "end", "begin", "design", "cache", "idempotency", "sort",
     "partition", "primary", "foreign", "dedup", "dedupe", "deduplication", "public", "object", "s3", "storage",
     "group", "row", "lookup", "hash", "index", "range", "routing", "message", "event", "map", "json", "order",
     "search", "translation", "unique", "natural", "composite", "shard", "file", "blob", "image", "asset", "document",
     "doc", "thread", "conversation", "room", "issue", "value", "correlation", "trace", "item", "entity", "node")
)  # fmt: skip
_OF_KEYS = frozenset(
    ("api", "access", "secret", "private", "session", "signing", "sign", "encryption", "master", "auth", "license",
     "service", "admin", "account", "shared", "client", "app", "webhook", "subscription", "ssh", "hmac", "jwt")
)  # fmt: skip
_DIGEST = re.compile(r"[0-9a-fA-F-]+")


@lru_cache(maxsize=1024)
def _name_words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _NAME_WORDS.findall(name[:80]))


def is_of_others(name: str) -> bool:
    """Whether the key or token of a name is one of pages, rows, caches: it selects what is answered."""
    return not _OF_OTHERS.isdisjoint(_name_words(name))


def may_name_a_credential(name: str, value: str) -> bool:
    """Whether a field whose name ends in Token, Secret, Password or Key holds what looks like a credential.

    ``name`` is as it is written: ``participantToken`` has two words.
    """
    words = _name_words(name)
    if len(words) < 2 or words[-1] not in ("token", "secret", "password", "passwd", "passphrase", "key"):
        return False
    if is_of_others(name):
        return False
    if words[-1] == "key" and words[-2] not in _OF_KEYS and _DIGEST.fullmatch(value.strip()):
        return False  # of a cache, or a row
    return looks_like_credential(value)


_FLAG = re.compile(
    r"--?(?:[\w-]{0,40}-)?(?:(?:api|access|secret|private|auth)?-?_?key|[\w-]{0,20}token|secret|password|passwd|pat|auth|bearer)",
    re.IGNORECASE,
)


def is_flag(text: Json) -> bool:
    """Whether an argument of a command says that a credential comes next: ``--api-key``."""
    return isinstance(text, str) and text.startswith("-") and _FLAG.fullmatch(text) is not None


def in_a_conversation(path: tuple[str, ...]) -> bool:
    """Whether a place of a request is in texts of people and models, where a field's name says nothing."""
    return bool(path) and path[0] in _CONVERSATION


def is_carried(path: tuple[str, ...], value: str) -> bool:
    """Whether a value at a credential's place of a request (which logs nobody in) is one.

    An ``api_key`` is there for nothing else, whatever it is; a ``password`` may be what is asked about.
    """
    return path[-1] not in _AMBIGUOUS or could_be_credential(path[-1], value)


def is_credential_place(path: tuple[str, ...]) -> bool:
    """Whether the field at a place of a request holds a credential: by its name, or as the providers document it.

    ``path`` has the names on the way to it, in lower case; lists add none.
    """
    name = path[-1]
    if name in CREDENTIAL_FIELDS:
        return True
    if (
        len(path) < 2
        or path[0] in _CONVERSATION
        or (any(part in _SCHEMAS for part in path) and path[0] not in ("data_sources", "datasources"))
    ):
        return False
    if path[-2] in _HEADER_PLACES and (len(path) == 2 or any(part in _SERVER_PLACES for part in path[:-2])):
        return name not in _PLAIN_HEADERS
    return any(_ends_with(path, place) for place in _PLACES) and any(part in _SERVER_PLACES for part in path[:-1])


def names_a_setting(path: tuple[str, ...]) -> bool:
    """Whether a place takes names of all kinds (headers, variables) and this one says nothing of a credential.

    ``X-MCP-Toolsets`` selects what is answered: there only a value that looks like a credential is one.
    """
    is_open = len(path) > 1 and (path[-2] in _HEADER_PLACES or path[-2] == "env")
    return is_open and path[-1] not in CREDENTIAL_FIELDS and not _could_be_credential_header(path[-1])


def _ends_with(path: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return len(path) > len(place) and all(want in ("*", part) for want, part in zip(reversed(place), reversed(path)))


def _is_worth_masking(value: str) -> bool:
    return len(value) >= _MIN_LENGTH and value.lower() not in _PLACEHOLDERS and REDACTED not in value


@lru_cache(maxsize=512)
def _is_credential_header(lowered: str) -> bool:
    return lowered not in _HARMLESS_HEADERS and (lowered == "cookie" or _CREDENTIAL_WORD.search(lowered) is not None)


@lru_cache(maxsize=512)
def _could_be_credential_header(lowered: str) -> bool:
    return lowered not in _HARMLESS_HEADERS and _CREDENTIAL_PART.search(lowered) is not None


# Headers of responses that hand out a session: the names of credentials, less those of caches and of signatures.
_SESSION_HEADER = re.compile(
    r"(?:^|[-_.])(?:(?:auth|api|access|session|refresh|id)?token|secret|password|jwt|assertion|session(?:-?id)?|sid"
    r"|cookie2?|csrf|xsrf|authorization|credentials?|api-?key|ticket|nonce)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def is_session_header(lowered: str) -> bool:
    """Whether a header of a response hands out a credential or a session, by its name."""
    return _SESSION_HEADER.search(lowered) is not None


def _header_values(name: str, value: str) -> Iterator[str]:
    lowered = name.lower()
    if not _is_credential_header(lowered):
        if _could_be_credential_header(lowered):
            yield from _parts_like_credentials(value)
        elif value[:7].lower().startswith(("bearer ", "basic ")):
            yield from filter(looks_like_credential, [value.partition(" ")[2].strip()])
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
        yield from (plain, password)
        if not password or looks_like_credential(user):  # some keys are sent as the name
            yield user
    elif "=" in rest:  # Digest, OAuth 1, signatures, shared access signatures
        yield from _parts_like_credentials(rest)


def _parts_like_credentials(value: str) -> Iterator[str]:
    whole = value.strip()
    if looks_like_credential(whole):
        yield whole
    for part in re.split(r"[\s,;\"'&]+", whole):
        for piece in (part, part.partition("=")[2]):
            if piece != whole and looks_like_credential(piece):
                yield piece


def _tree_values(tree: Json, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            below = (*path, str(name).lower())
            if isinstance(value, str):
                if is_credential_place(below) and not (
                    is_everyday(value) or (names_a_setting(below) and not looks_like_credential(value))
                ):
                    yield from _parts_of_value(value)
                elif may_name_a_credential(str(name), value):
                    yield value
                elif value.startswith("http") and ("?" in value or "@" in value) and len(value) < 4096:
                    yield from filter(looks_like_credential, _url_values(value))
            elif isinstance(value, dict) and below[-1] in CREDENTIAL_FIELDS and isinstance(value.get("value"), str):
                if not is_everyday(value["value"]):
                    yield value["value"]
            elif isinstance(value, (dict, list)) and below[-1] not in _CONVERSATION:
                yield from _tree_values(value, below)
    elif isinstance(tree, list):
        for before, value in zip([None, *tree], tree):
            if isinstance(value, str) and value.startswith("-") and "=" in value:
                before, _, value = value.partition("=")
            if is_flag(before) and isinstance(value, str) and looks_like_credential(value):
                yield value
            yield from _tree_values(value, path)


def _parts_of_value(value: str) -> Iterator[str]:
    """What a field, or a variable, of a credential holds: the value, or those in it."""
    value = value.strip()
    scheme, _, rest = value.partition(" ")
    if scheme.lower() in ("bearer", "basic", "token", "apikey") and rest:
        yield from (value, rest.strip())
        return
    yield value
    if "=" in value or ";" in value:  # a connection string, a cookie
        yield from (part.partition("=")[2] for part in re.split(r"[;&\s]+", value) if "=" in part)


# How the names of fields end that hold credentials; what follows in JSON, in JSON inside JSON, in forms and in XML.
_FIELD_WORDS = (b"token", b"secret", b"password", b"passwd", b"key", b"accesskeyid", b"assertion", b"authorization",
                b"headers",
                b"_string", b"connectionstring", b"keystring", b"phrase", b"credentials", b"device_code", b"verifier",
                b"key_id", b"_jag", b"token_bedrock", b"secrets", b'"env')  # fmt: skip
_URL_WITH_QUERY = re.compile(rb'"https?:[^"\s?@]{4,2000}[?@]')
_ENDS = (b'"', b"\\", b"=", b">")


def may_hold_fields(data: bytes) -> bool:
    """Whether a field for credentials may be in a text: quick, and never wrongly no."""
    lowered = data.lower()
    return any(word in lowered and any(word + end in lowered for end in _ENDS) for word in _FIELD_WORDS)


def _body_values(request: Request) -> Iterator[str]:
    if not request.body or len(request.body) > 1_000_000:
        return
    if not may_hold_fields(request.body) and _URL_WITH_QUERY.search(request.body) is None:
        return
    try:
        text = request.body.decode("utf-8")
        if not text.lstrip().startswith(("{", "[")):
            yield from (
                value for name, value in parse_qsl(text) if name.lower() in CREDENTIAL_FIELDS and not is_everyday(value)
            )
        else:
            yield from _tree_values(json.loads(text))
    except (ValueError, RecursionError):
        return


@lru_cache(maxsize=256)
def _url_values(url: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    values: list[str] = []
    userinfo = parts.netloc.rpartition("@")[0]
    if userinfo:
        user, _, password = userinfo.partition(":")
        values += [unquote(password), userinfo]
        if not password or looks_like_credential(unquote(user)):
            values.append(unquote(user))
    values += credentials_of_query(url)
    return tuple(values)


def carried_credentials(
    request: Request, headers: Iterable[tuple[str, str]] | None = None, *, only_headers: bool = False
) -> tuple[str, ...]:
    """The values of the credentials that a request carries, in headers (all, or the given ones), URL and body."""
    values: list[str] = []
    for name, value in request.headers if headers is None else headers:
        values.extend(_header_values(name, value))
    if not only_headers:
        values.extend(_url_values(request.url))
        values.extend(_body_values(request))
    return tuple(dict.fromkeys(value for value in values if _is_worth_masking(value)))


# --- the environment --------------------------------------------------------------------------------------------------

# A word of a name, whatever number or version is at its end.
_VARIABLE = re.compile(
    r"(?:(?<!MON)(?<!TUR)(?<!HOC)(?<!DON)(?<!JOC)(?<!HOT)KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASSCODE|PWD|PASS|CREDENTIALS?|CREDS?|AUTH|AUTHORIZATION|PAT|JWT"
    r"|COOKIES?|BEARER|DSN|SAS|CONNECTIONSTRING|CONNSTR|HEADERS?)\Z",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:^|_)(?:URL|URI|DSN|STRING|BROKER|ENDPOINT|PROXY|CONN\w*)S?\d*$", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _is_credential_variable(name: str) -> bool:
    words = re.split(r"[_.\-]+|(?<=[a-z])(?=[A-Z])", name)
    return any(_VARIABLE.search(word.rstrip("0123456789")) for word in words)


def environment_credentials(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of environment variables that look like credentials, whose names say key, token, secret or password.

    A value may be a list, have a scheme before it or an end of line behind it; of an address it is the password.
    """
    found: dict[str, None] = {}
    for name in environ:  # a value costs more to get than a name
        if _is_credential_variable(name) or name in providers.environment():
            for value in _in_variable(environ.get(name, ""), is_list=_HEADERS.search(name) is not None):
                found.setdefault(value)
        if _ADDRESS.search(name):
            for value in _url_values(environ.get(name, "").strip()):
                if looks_like_credential(value):
                    found.setdefault(value)
    return tuple(value for value in found if _is_worth_masking(value))


_NAMED_PART = re.compile(r"[\w.-]{1,40}(?:=(?=[^=])|:)")  # of a list: k1:VALUE, name=VALUE
_BASIC = re.compile(r"\bbasic\s+([A-Za-z0-9+/_-]{8,}={0,2})", re.IGNORECASE)
_HEADERS = re.compile(r"HEADERS?\d*$", re.IGNORECASE)


def _in_variable(value: str, *, is_list: bool) -> Iterator[str]:
    value = value.strip().strip("\"'")
    if "PRIVATE KEY" in value:
        return  # masked by its form
    if looks_like_credential(value) and not is_list:
        yield value
    if "://" in value:
        yield from filter(looks_like_credential, _url_values(value))
    elif len(value) < 20_000:
        for text in dict.fromkeys((value, unquote(value))):
            for part in re.split(r"[\s,;|\"'{}\[\]]+", text):
                named = _NAMED_PART.match(part)
                for piece in (part[named.end() :],) if named else (part,):
                    if piece != value and looks_like_credential(piece):
                        yield piece
            for found in _BASIC.finditer(text):
                yield from filter(looks_like_credential, _header_values("authorization", f"Basic {found[1]}"))


def formerly_masked(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the environment that earlier versions masked, words too: what may be masked in their cassettes."""
    names = [name for name in environ if _FORMER_VARIABLE.search(name)]
    return tuple(
        value
        for value in (environ.get(name, "") for name in names)
        if len(value) >= 8 and _is_worth_masking(value) and not _FORMERLY_NOT.match(value)
    )


_FORMER_VARIABLE = re.compile(r"(?:^|_)(?:API)?_?KEY(?:_|$)|TOKEN(?!IZ|S(?:_|$))|SECRET|PASSWORD|PASSWD", re.IGNORECASE)
_FORMERLY_NOT = re.compile(r"^(?:[/~.]|[A-Za-z]:\\|\d+$|https?://)")
