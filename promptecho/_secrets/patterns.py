"""Passes over a text that know a credential by what stands around it: one value each, in the order in which they run.

Each says what it finds and why. What it finds is masked if ``spans`` takes it for a credential: never by an everyday
word, and in an answer of a model never by the name of a field alone.
"""

from __future__ import annotations

import base64
import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from promptecho._secrets.credentials import (
    CREDENTIAL_FIELDS,
    TOKEN_FIELDS,
    is_carried,
    is_of_others,
    may_name_a_credential,
)
from promptecho._secrets.jwt import is_token
from promptecho._secrets.look import looks_like_credential
from promptecho._secrets.named_fields import REDACTED

Span = tuple[int, int, str]  # where a credential is, and the name of the field that is to be told of


class Fields(enum.Enum):
    """When the value of a field with the name of a credential is masked."""

    ALWAYS = "always"  # requests that log in: the name says it
    UNLESS_EVERYDAY = "unless everyday"  # other requests: words are matched, and two of them are not one request
    IN_A_CONVERSATION = "conversation"  # of a request: what a field is called there is what people call it
    OF_A_LOGIN = "login"  # answers that hand out tokens: those fields always, others as in the next
    IF_IT_LOOKS_LIKE_ONE = "look"  # answers of models: what a field is called there is only what the model calls it


@dataclass(frozen=True)
class Pattern:
    """``may_be_in``: a quick test of a text and of the same in small letters. ``spans``: what of a match is masked."""

    name: str
    why: str
    expressions: tuple[re.Pattern[str], ...]
    may_be_in: Callable[[str, str, Fields], bool]
    spans: Callable[[re.Match[str], Fields], Iterator[Span]]

    def find(self, text: str, lowered: str, fields: Fields) -> Iterator[tuple[re.Pattern[str], Pattern]]:
        """The expressions that may find something in a text."""
        if self.may_be_in(text, lowered, fields):
            for expression in self.expressions:
                yield expression, self


def _json_field(names: str, quote: str, value: str) -> re.Pattern[str]:
    """A field of JSON whose quotes are ``quote``, with its text, which may be cut off at the end of all.

    The text stands there itself, or as the ``value`` of an object (client secrets of OpenAI's realtime API).
    """
    return re.compile(
        rf"(?<!\\){quote}(?P<name>{names}){quote}\s*:\s*(?:\{{[^{{}}]*?{quote}value{quote}\s*:\s*)?{quote}"
        rf"(?P<value>{value})(?={quote}|\\*\Z)",
        re.IGNORECASE,
    )


_TEXT = r'(?!")[^"\\]*(?:\\.[^"\\]*)*'  # of JSON, between its quotes
# The same in JSON, in JSON inside JSON, and deeper, where a quote in a value can't be told from its end.
_QUOTED = (
    ('"', _TEXT),
    (r'\\"', r'(?:[^"\\]|\\[^"\\]|\\\\(?:\\.|[^"\\]))+'),
    (r'\\{2,}"', r'[^"\\]+(?:\\+[^"\\]+)*'),
)
_ENDING = "[a-z0-9_.-]{1,40}?(?:token|secret|password|passwd|passphrase|key)"
_CREDENTIAL_FIELD = tuple(
    _json_field("|".join([*sorted(CREDENTIAL_FIELDS), _ENDING]), quote, value) for quote, value in _QUOTED
)
_JWK_FIELD = tuple(_json_field("d|p|q|dp|dq|qi|k", quote, value) for quote, value in _QUOTED)
_XML_FIELD = re.compile(r"<(?P<name>AccessKeyId|SecretAccessKey|SessionToken)>(?P<value>[^<]{4,})(?=</(?P=name)>)")
_METADATA_TOKEN = _json_field("Token", '"', _TEXT)
_LOGIN_FIELD = _json_field("token|secret|key|jwt|session|sid|session_id|ticket|code|secretid", '"', _TEXT)
_FORM = re.compile(r"[\w.%+-]+=[^&\s]*(?:&[\w.%+-]+=[^&\s]*)*\s*\Z")
_FORM_FIELD = re.compile(
    r"(?:\A|&)(?P<name>" + "|".join(sorted(CREDENTIAL_FIELDS)) + r")=(?P<value>[^&\s]+)", re.IGNORECASE
)
# The part of a URL that lets its holder in: signatures and tokens of clouds and their networks, OAuth.
# A value of under 16 signs or without a digit is one of an example.
_SIGNING = (
    r"(?:[\w-]*-)?signature|(?:[\w-]*-)?security-token|access_token|sig|hdnts|hdnea|hdntl|__token__|authorization"
    r"|auth_key|hmac|hm|(?:[\w-]*-)?sign|policy"
)
_LETTING_IN = (
    r"(?:[\w-]*[_-])?(?:api_?key|token|secret|password|auth|jwt|key)|code|session|pwd|verify|code_verifier"
    r"|id_token_hint"
)
_SIGNED_URL = re.compile(
    r"(?:[?&;]|\\u0026|&amp;|%(?:25)*(?:26|3F))(?:(?P<signing>" + _SIGNING + ")|(?P<letting>" + _LETTING_IN + "))"
    r"(?:=|%(?:25)*3D)(?P<value>[^\s\"'<>\\)&?]{16,})",
    re.IGNORECASE,
)
SIGNED = tuple(
    name + sign
    for name in ("signature", "token", "sig", "hdnts", "hdnea", "hdntl", "token__", "authorization", "key", "hmac",
                 "hm", "sign", "policy", "secret", "password", "auth", "jwt", "code", "session", "pwd", "verify",
                 "verifier", "hint")
    for sign in ("=", "%3d", "%253d", "%25253d")
)  # fmt: skip
_USERINFO = re.compile(r"://(?P<user>[^\s/:@\"'<>\\]{0,256})(?::(?P<value>[^\s/@\"'<>\\]{0,256}))?@")
_SPACE = r"(?:\s{1,4}|\+|%(?:25)*20|\\+u0020)"
_SCHEME = re.compile(
    rf"(?<![A-Za-z])(?:bearer{_SPACE}(?P<value>[A-Za-z0-9._~+/=%-]{{16,4000}})|basic{_SPACE}(?P<basic>[A-Za-z0-9+/_-]{{12,}}={{0,2}}))",
    re.IGNORECASE,
)
# Arguments of commands and variables set for them, in a shell's line or a list of JSON.
_ARGUMENT = re.compile(
    r"(?<![\w?&;-])(?:--?(?:[a-z0-9_]{1,20}-){0,3}?(?:api-?_?key|access-?_?key|token|secret|password|passwd|key|auth|pat|bearer)"
    r"(?:=|\s{1,4}|\\*\"\s{0,20},\s{0,20}\\*\")|(?P<variable>[a-z0-9_]{0,40}(?:key|token|secret|password|passwd))=)"
    r"\\*[\"']?(?P<value>[^\s\"'<>\\,;&|()\[\]{}]{8,2000})",
    re.IGNORECASE,
)
ARGUMENT_WORDS = ("key", "token", "secret", "passw", "auth", "pat", "bearer")
_AUTHORIZATION = re.compile(
    r"authorization[\"']{0,2}\s{0,4}[:=,]\s{0,4}\\*[\"']?(?:bearer|basic|token|apikey)\s{1,4}(?P<value>[^\s\"'<>\\,;)]{16,})",
    re.IGNORECASE,
)


# --- what of a match is a credential ----------------------------------------------------------------------------------


def _value(found: re.Match[str], group: str = "value", told: str = "") -> Iterator[Span]:
    value = found[group]
    if value and (REDACTED not in value or is_token(value)):  # else it is masked as a whole, or as what it is
        yield (*found.span(group), told)


def _if_it_looks(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    if looks_like_credential(found["value"]):
        yield from _value(found)


def _always(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    yield from _value(found)


def _of_field(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    name, value = found["name"], found["value"]
    lowered = name.lower()
    if lowered not in CREDENTIAL_FIELDS:
        if may_name_a_credential(name, value):
            yield from _value(found, told=name)
    elif fields is Fields.UNLESS_EVERYDAY:
        if is_carried((lowered,), value):
            yield from _value(found)
    elif fields is Fields.ALWAYS or (fields is Fields.OF_A_LOGIN and lowered in TOKEN_FIELDS):
        yield from _value(found)
    elif looks_like_credential(value):
        yield from _value(found, told=name)


def _of_login(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    if found["name"].lower() in TOKEN_FIELDS:
        yield from _value(found)
    elif looks_like_credential(found["value"]):
        yield from _value(found, told=found["name"])


def _of_url(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    value = found["value"]
    is_one = any(map(str.isdigit, value)) and (found["signing"] or looks_like_credential(value))
    if is_one and not (found["letting"] and is_of_others(found["letting"])):
        yield from _value(found)


def _of_user(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    for part in ("user", "value"):
        if found[part] and looks_like_credential(found[part]):
            yield (*found.span(part), "")


def _of_scheme(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    if found["value"]:
        yield from _if_it_looks(found, fields)
    elif _is_basic(found["basic"]):
        yield from _value(found, "basic")


def _of_argument(found: re.Match[str], fields: Fields) -> Iterator[Span]:
    variable = found["variable"]
    if variable is None or variable.lower() in ("secret", "password", "passwd"):
        yield from _if_it_looks(found, fields)
    elif may_name_a_credential(variable, found["value"]):
        yield from _value(found)


def _is_basic(text: str) -> bool:
    """Whether a text is a user and a password as RFC 7617 writes them."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8")
    except ValueError:
        return False
    return ":" in plain and plain.isprintable()


# --- the patterns -----------------------------------------------------------------------------------------------------

PATTERNS = (
    Pattern(
        "fields", "a field of JSON is named like a credential",
        _CREDENTIAL_FIELD[:1], lambda text, lowered, fields: '"' in text, _of_field,
    ),
    Pattern(
        "fields in JSON in JSON", "the same in a text of JSON, such as the arguments of a tool",
        _CREDENTIAL_FIELD[1:], lambda text, lowered, fields: '\\"' in text, _of_field,
    ),
    Pattern(
        "JWK", "the private parts of a key as RFC 7517 writes it",
        _JWK_FIELD, lambda text, lowered, fields: '"kty' in text, _if_it_looks,
    ),
    Pattern(
        "instance metadata", "AWS calls the session token of a role just Token",
        (_METADATA_TOKEN,), lambda text, lowered, fields: '"SecretAccessKey"' in text, _always,
    ),
    Pattern(
        "fields of a login", "an answer that hands out tokens has them under short names, too",
        (_LOGIN_FIELD,), lambda text, lowered, fields: fields is Fields.OF_A_LOGIN and '"' in text, _of_login,
    ),
    Pattern(
        "forms", "a field of a form is named like a credential",
        (_FORM_FIELD,), lambda text, lowered, fields: '"' not in text and _FORM.match(text) is not None, _of_field,
    ),
    Pattern(
        "signed URLs", "who has the signature of a URL is let in",
        (_SIGNED_URL,), lambda text, lowered, fields: any(word in lowered for word in SIGNED), _of_url,
    ),
    Pattern(
        "users of URLs", "the password of a URL, or a token in the place of its user",
        (_USERINFO,), lambda text, lowered, fields: "://" in text and "@" in text, _of_user,
    ),
    Pattern(
        "authorization", "the header as programs and logs print it",
        (_AUTHORIZATION,), lambda text, lowered, fields: "uthorization" in lowered, _if_it_looks,
    ),
    Pattern(
        "schemes", "what follows Bearer and Basic, wherever it is (RFC 6750, RFC 7617)",
        (_SCHEME,), lambda text, lowered, fields: "bearer" in lowered or "basic" in lowered, _of_scheme,
    ),
    Pattern(
        "arguments", "options of commands and variables set for them",
        (_ARGUMENT,),
        lambda text, lowered, fields: ("-" in text or "=" in text) and any(word in lowered for word in ARGUMENT_WORDS),
        _of_argument,
    ),
    Pattern(
        "XML", "the answers of AWS's token service",
        (_XML_FIELD,), lambda text, lowered, fields: "<" in text, _always,
    ),
)  # fmt: skip


def patterns_for(text: str, fields: Fields) -> Iterator[tuple[re.Pattern[str], Pattern]]:
    """The expressions that may find something in a text, in order, each with its pattern."""
    lowered = text.lower()
    for pattern in PATTERNS:
        yield from pattern.find(text, lowered, fields)
