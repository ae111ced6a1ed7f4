"""The query of a URL: which of its parameters are credentials, and one spelling for the others.

Rules: what is a credential is told by exact names, by the host or the parameters beside it where a name is ambiguous
(``key`` of Google, ``code`` of a login), or by a value that is a key of a known format. A ``token`` or ``code`` that is
an everyday word is none. Every other value is matched;
one that could be a credential all the same (a random text, a long value under such a name) is known by its digest.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from promptecho._secrets.key_formats import is_key
from promptecho._secrets.look import could_be_credential, looks_like_credential
from promptecho._secrets.named_fields import REDACTED

Json = Any
Pairs = tuple[tuple[str, str], ...]

# Compared in lower case, without "-" and "_".
_CREDENTIALS = frozenset(
    ("apikey", "xapikey", "apitoken", "accesskey", "accesstoken", "authtoken", "token", "idtoken", "refreshtoken",
     "sessiontoken", "securitytoken", "clientsecret", "clientassertion", "password", "passwd", "secret", "secretkey",
     "secretaccesskey", "privatekey", "auth", "authorization", "jwt", "sig", "signature", "subscriptionkey",
     "ocpapimsubscriptionkey", "awsaccesskeyid", "xgoogapikey",
     *(f"x{vendor}{name}" for vendor in ("amz", "goog") for name in ("credential", "securitytoken", "signature")))
)  # fmt: skip
_AMBIGUOUS = frozenset(("token", "code", "password", "passwd", "secret", "auth"))
# What a signature brings along, which is new with each of them.
_OF_SIGNATURES = frozenset(
    f"x{vendor}{name}" for vendor in ("amz", "goog") for name in ("date", "expires", "signedheaders", "algorithm")
)
_SIGNATURES = frozenset(("sig", "signature"))
_SIGNED_ALONG = frozenset(("expires", "expiry", "se", "st", "ske", "skt", "policy", "keypairid", "googleaccessid"))
_BESIDE_A_LOGIN_CODE = frozenset(("clientid", "clientsecret", "granttype", "redirecturi", "codeverifier"))
_GOOGLE_PATH = re.compile(
    r"/models/[^/]+:\w+$|/v\d+(?:alpha|beta)?\d*/(?:models|tunedModels)\b"
    r"|/v\d+(?:alpha|beta)\d*/(?:files|cachedContents|corpora|batches|fileSearchStores)\b"
)
_COULD_BE_ONE = re.compile(
    r"key|token|secret|pass|pwd|auth|code|sig|cred|session|sid|ticket|hash|hmac|cookie|otp|pin|jwt|appid|nonce|cursor",
    re.IGNORECASE,
)
_PLAIN_WORD = re.compile(r"[A-Za-z]{0,12}|\d{0,10}|.{0,8}", re.DOTALL)
_OF_PAGES = re.compile("page|pagin|next|prev|continu|sync|skip|start|resume|delta|cursor|marker|query")
_EVERYDAY = re.compile(r"[A-Za-z]*(?:[-_. ][A-Za-z]*)*|\d{0,10}")
_RUN = re.compile(r"[A-Za-z0-9_+=-]{16,}")
_TOLD_APART = re.compile(  # ids that say no more than themselves, and times
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{8}T\d{6}Z?"
)
_ESCAPES = re.compile("(?:%[0-9a-fA-F]{2})+")


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _spelled(text: str) -> str:
    """A name or value as a person reads it; what is no UTF-8, and an escaped percent sign, stays an escape."""
    return _ESCAPES.sub(_unescaped, text.replace("+", " "))


def _unescaped(found: re.Match[str]) -> str:
    text = unquote_to_bytes(found.group()).replace(b"%", b"%25").decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(sign) - 0xDC00:02X}" if "\udc80" <= sign <= "\udcff" else sign for sign in text)


@lru_cache(maxsize=1024)
def _split(url: str) -> tuple[tuple[str, str, bool], ...]:
    """The parameters of a URL in order, and whether each is a credential, or what a signature brings along."""
    parts = urlsplit(url)
    pairs = [
        (_spelled(name), _spelled(value))
        for name, _, value in (piece.partition("=") for piece in parts.query.split("&") if piece)
    ]
    names = {_plain(name) for name, _ in pairs}
    host = (parts.hostname or "").lower()
    secret = set(_CREDENTIALS)
    if host.endswith("googleapis.com") or _GOOGLE_PATH.search(parts.path):
        secret.add("key")
    ambiguous = _AMBIGUOUS
    if host.endswith("azurewebsites.net"):
        secret.add("code")
        ambiguous = ambiguous - {"code"}
    elif names & _BESIDE_A_LOGIN_CODE:
        secret.add("code")
    along = _OF_SIGNATURES | (_SIGNED_ALONG if names & _SIGNATURES else frozenset())
    return tuple(
        (
            name,
            value,
            _plain(name) in along
            or is_key(value)
            or (_plain(name) in secret and (_plain(name) not in ambiguous or not _selects(name, value))),
        )
        for name, value in pairs
    )


def _selects(name: str, value: str) -> bool:
    """Whether a value under the name of a credential says what to answer: an everyday word."""
    return bool(value) and REDACTED not in value and not could_be_credential(name, value)


def _is_readable(name: str, value: str) -> bool:
    """Whether a value can be shown and written as it is."""
    if _COULD_BE_ONE.search(name):
        return _PLAIN_WORD.fullmatch(value) is not None
    return not looks_like_credential(_TOLD_APART.sub(" ", value)) and all(
        len(word) <= 8 or word.isalpha() or word.isdigit()
        for run in _RUN.findall(_TOLD_APART.sub(" ", value))
        for word in re.split(r"[-_+=]", run)
    )


def _digest(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def parameters(url: str) -> Pairs:
    """Names and values of the query that may change the answer, in order.

    >>> parameters("https://h/list?page_token=b%2B&code=US&api_key=x")
    (('page_token', 'b+'), ('code', 'US'))
    """
    return tuple(
        (name, value if _is_readable(name, value) else _digest(value))
        for name, value, is_secret in _split(url)
        if not is_secret
    )


def credentials_of_query(url: str) -> tuple[str, ...]:
    """The values of the query that are credentials, or could be: what is no word and no number, under such a name."""
    return tuple(
        value
        for name, value, is_secret in _split(url)
        if (
            _plain(name) not in _SIGNED_ALONG | _OF_SIGNATURES
            if is_secret
            else _may_be_credential(_plain(name)) and not _EVERYDAY.fullmatch(value)
        )
    )


def _may_be_credential(name: str) -> bool:
    return name == "key" or (name.endswith("token") and not _OF_PAGES.search(name))


def in_order(pairs: Pairs) -> Pairs:
    """The order of different names doesn't matter, that of the values of one name does."""
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


def to_tree(pairs: Pairs) -> dict[str, str | list[str]]:
    """The parameters as a file holds them: a text, or a list for a name that is repeated."""
    tree: dict[str, str | list[str]] = {}
    for name, value in pairs:
        known = tree.get(name)
        tree[name] = value if known is None else [*([known] if isinstance(known, str) else known), value]
    return tree


def with_bare_names(tree: dict[str, str | list[str]], url: str) -> dict[str, Json]:
    """The parameters as they are matched: ``None`` is the value of one that has no ``=`` in the URL, of ours or as it
    is in a file.
    """
    query = urlsplit(url).query
    if all("=" in piece for piece in query.split("&")):
        return dict(tree)
    bare: dict[str, list[bool]] = {}
    for piece in query.split("&"):
        if piece:
            bare.setdefault(_spelled(piece.partition("=")[0]), []).append("=" not in piece)
    found: dict[str, Json] = dict(tree)
    for name, are_bare in bare.items():
        values = tree.get(name)
        each = [values] if isinstance(values, str) else values or []
        if any(are_bare) and len(each) == len(are_bare):
            given = [None if is_bare and not value else value for value, is_bare in zip(each, are_bare)]
            found[name] = given[0] if isinstance(values, str) else given
    return found


def from_tree(tree: object) -> Pairs:
    """The parameters that a file holds.

    Raises:
        ValueError: it is no mapping of names to texts.
    """
    if not isinstance(tree, dict):
        raise ValueError("a mapping of names to texts")
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bool) or not isinstance(each, (str, int, float)):
                raise ValueError(f"a text or a list of texts for {name}")
            pairs.append((str(name), str(each)))
    return in_order(tuple(pairs))
