"""What must not reach the disk, and how it is masked before anything is written.

Rule: redaction works on what is about to be written, never on what the running program receives.
"""

from __future__ import annotations

import base64
import enum
import functools
import hashlib
import html
import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, AnyStr
from urllib.parse import urlsplit, urlunsplit

from promptecho import _forks
from promptecho._bodies.streams._text import Lines, edit_text
from promptecho._models import FORM, MULTIPART, Headers, Request
from promptecho._secrets.credentials import (
    CREDENTIAL_FIELDS,
    TOKEN_FIELDS,
    carried_credentials,
    environment_credentials,
    formerly_masked,
    in_a_conversation,
    is_carried,
    is_credential_place,
    is_flag,
    is_login,
    is_of_others,
    is_session_header,
    may_hold_fields,
    may_name_a_credential,
    names_a_setting,
)
from promptecho._secrets.jwt import is_masked_token, is_token, masked_token
from promptecho._secrets.key_formats import (
    BASE64,
    HIDING_LENGTH,
    RUN,
    check_others,
    find_keys,
    mask_in_base64,
    mask_keys,
    masked_base64,
    may_hold_key,
    runs,
)
from promptecho._secrets.look import looks_like_credential
from promptecho._secrets.named_fields import REDACTED as REDACTED
from promptecho._secrets.named_fields import NamedFields, Place, below, is_path

Json = Any
Path = tuple[Any, ...]
_REMEMBERED = 256

_SECRET_RESPONSE_HEADERS = frozenset(
    ("set-cookie", "set-cookie2", "cookie", "authorization", "proxy-authorization", "x-api-key", "api-key",
     "x-goog-api-key", "x-amz-security-token", "openai-organization", "openai-project", "anthropic-organization-id",
     "x-auth-token", "x-csrf-token", "x-xsrf-token", "authentication-info", "proxy-authentication-info",
     "ocp-apim-subscription-key", "x-amz-cf-id", "x-amzn-remapped-authorization", "x-session-id", "session-id")
)  # fmt: skip
_URL_HEADERS = frozenset(
    ("location", "content-location", "link", "refresh", "operation-location", "azure-asyncoperation")
)


class Fields(enum.Enum):
    """When the value of a field with the name of a credential is masked."""

    ALWAYS = "always"  # requests that log in: the name says it
    UNLESS_EVERYDAY = "unless everyday"  # other requests: words are matched, and two of them are not one request
    IN_A_CONVERSATION = "conversation"  # of a request: what a field is called there is what people call it
    OF_A_LOGIN = "login"  # answers that hand out tokens: those fields always, others as in the next
    IF_IT_LOOKS_LIKE_ONE = "look"  # answers of models: what a field is called there is only what the model calls it


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
_DIGIT = re.compile(r"\d")
# The reading of texts that are items of one list.
_LIST = "list"
_ENDING = "[a-z0-9_.-]{1,40}?(?:token|secret|password|passwd|passphrase|key)"
_FIELDS = tuple(_json_field("|".join([*sorted(CREDENTIAL_FIELDS), _ENDING]), quote, value) for quote, value in _QUOTED)
_JWK_FIELDS = tuple(_json_field("d|p|q|dp|dq|qi|k", quote, value) for quote, value in _QUOTED)
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
_SIGNED = tuple(
    name + sign
    for name in ("signature", "token", "sig", "hdnts", "hdnea", "hdntl", "token__", "authorization", "key", "hmac",
                 "hm", "sign", "policy", "secret", "password", "auth", "jwt", "code", "session", "pwd", "verify",
                 "verifier", "hint")
    for sign in ("=", "%3d", "%253d", "%25253d")
)  # fmt: skip
_SIGNED_BYTES = tuple(map(str.encode, _SIGNED))
_USERINFO = re.compile(r"://(?P<user>[^\s/:@\"'<>\\]{0,256})(?::(?P<value>[^\s/@\"'<>\\]{0,256}))?@")
_SPACE = r"(?:\s{1,4}|\+|%(?:25)*20|\\+u0020)"
_SCHEME = re.compile(
    rf"(?<![A-Za-z])(?:bearer{_SPACE}(?P<value>[A-Za-z0-9._~+/=%-]{{16,4000}})|basic{_SPACE}(?P<basic>[A-Za-z0-9+/_-]{{12,}}={{0,2}}))",
    re.IGNORECASE,
)
_SCHEME_BYTES = re.compile(rb"(?:[Bb]earer|[Bb]asic|BEARER|BASIC)[ \t\n\r+%\\]")
# Arguments of commands and variables set for them, in a shell's line or a list of JSON.
_ARGUMENT = re.compile(
    r"(?<![\w?&;-])(?:--?(?:[a-z0-9_]{1,20}-){0,3}?(?:api-?_?key|access-?_?key|token|secret|password|passwd|key|auth|pat|bearer)"
    r"(?:=|\s{1,4}|\\*\"\s{0,20},\s{0,20}\\*\")|(?P<variable>[a-z0-9_]{0,40}(?:key|token|secret|password|passwd))=)"
    r"\\*[\"']?(?P<value>[^\s\"'<>\\,;&|()\[\]{}]{8,2000})",
    re.IGNORECASE,
)
_OF_JWK = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))
_ARGUMENT_WORDS = ("key", "token", "secret", "passw", "auth", "pat", "bearer")
_AUTHORIZATION = re.compile(
    r"authorization[\"']{0,2}\s{0,4}[:=,]\s{0,4}\\*[\"']?(?:bearer|basic|token|apikey)\s{1,4}(?P<value>[^\s\"'<>\\,;)]{16,})",
    re.IGNORECASE,
)
_ARGUMENT_BYTES = tuple(map(str.encode, _ARGUMENT_WORDS))
# Where the whole answer is a token (instance metadata service, version 2).
_TOKEN_PATHS = ("/latest/api/token",)
_HEX_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_ESCAPED_SIGN = re.compile(rb"\\u00[2-7]")  # of a sign that a credential may have; letters are seldom escaped
_CHANGING = ("index", "output_index", "content_index", "summary_index", "contentBlockIndex", "item_id")


@lru_cache(maxsize=256)
def _probes(value: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What each spelling of a credential has in it: what to look for in runs, and what to look for everywhere."""
    found = max(re.findall("[A-Za-z0-9]+", value), key=len, default="")
    hidden = [max(re.findall("[A-Za-z0-9]+", form), key=len, default="") for form in _base64_forms(value)]
    probes = tuple({probe.encode() for probe in (found, *hidden)})
    return (probes, ()) if len(found) >= RUN else ((), probes)


@lru_cache(maxsize=64)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    plain = ["".join(map(_spellings, value)) for value in sorted(values, key=len, reverse=True)]
    hidden = sorted({form for value in values for form in _base64_forms(value)}, key=len, reverse=True)
    return re.compile("|".join([*plain, *map(re.escape, hidden)]))


@lru_cache(maxsize=256)
def _spellings(sign: str) -> str:
    """A pattern for how a character may be written: as it is, in a URL, in JSON (also inside JSON), in HTML."""
    if sign.isascii() and (sign.isalnum() or sign in "-._~"):  # nobody escapes these (RFC 3986, section 2.3)
        return re.escape(sign)
    octets = "".join(f"%(?:25)*{octet:02x}" for octet in _octets(sign))
    printable = "".join(f"={octet:02x}" for octet in _octets(sign))  # quoted-printable (RFC 2045, section 6.7)
    units = memoryview(sign.encode("utf-16-le", "surrogatepass")).cast("H")
    codes = "".join(rf"\\+u{unit:04x}" for unit in units)
    found = [
        re.escape(sign),
        f"(?i:{octets}|{printable}|{codes}|&(?:amp;)*#0*{ord(sign)};|&(?:amp;)*#x0*{ord(sign):x};)",
        re.escape(html.escape(sign)),
    ]
    in_json = json.dumps(sign)[1:-1]
    if in_json[0] == "\\" or sign == "/":
        found.append(r"\\+" + re.escape(in_json[-1]))
    if sign == " ":
        found.append(r"\+")
    return "(?:" + "|".join(found) + ")"


def _octets(value: str) -> bytes:
    """The bytes of a value; those of a variable of the environment need not be UTF-8."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _base64_forms(value: str) -> Iterator[str]:
    data = _octets(value)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):  # inside a longer base64 text, a value may begin at any of three places
            text = encode(b"\0" * shift + data).decode("ascii").rstrip("=")
            skip = 0 if shift == 0 else shift + 1
            end = len(text) if (shift + len(data)) % 3 == 0 else len(text) - 1
            if end - skip >= 8:
                yield text[skip:end]


class Redactor:
    """Masks known credentials, key formats and what the user names; one per session, for any thread."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        redact: Sequence[str | re.Pattern[str] | Callable[[str], str]] = (),
        known: Sequence[str] = (),
    ) -> None:
        check_others()
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self._in_runs: tuple[bytes, ...] = ()
        self._anywhere: tuple[bytes, ...] = ()
        self.version: int = 0  # raised with each credential that is learnt
        self._formerly: frozenset[str] = frozenset()
        self._signatures: set[str] = set()  # of each request one: too many for a pattern
        self._lock = _forks.new_lock()
        self._found: dict[str, None] = {}
        self.assembled: list[str] = []  # what answers said in pieces, to look for credentials that are learnt late
        self._functions: list[Callable[[str], str]] = []
        names: list[str] = []
        patterns: list[re.Pattern[str]] = []
        for entry in redact:
            if isinstance(entry, re.Pattern):
                patterns.append(entry)
            elif isinstance(entry, str):
                if is_path(entry):
                    names.append(entry)
                else:
                    patterns.append(re.compile(entry))
            else:
                self._functions.append(entry)
        self._patterns = tuple(patterns)
        self.named: NamedFields = NamedFields(names)
        self._environ: Mapping[str, str] | None = environ  # looked through when the first request comes
        self._seen: set[tuple[str, str]] = set()
        self._masked: dict[tuple[str, str], str] = {}  # URLs (by an empty name) and headers, as they were masked lately
        self._add(known)

    @property
    def found(self) -> tuple[str, ...]:
        """The names of the key formats that turned up in bodies."""
        return tuple(self._found)

    def learn(self, request: Request, *, only_headers: bool = False) -> tuple[str, ...]:
        """Take note of the credentials that a request carries; they are masked from now on.

        Gives those that are new. ``only_headers``: its URL and body have been seen before.
        """
        self._look_at_environment()
        fresh = [pair for pair in request.headers.pairs if pair not in self._seen]
        learnt: tuple[str, ...] = ()
        if fresh or not only_headers:
            learnt = self._add(carried_credentials(request, fresh, only_headers=only_headers))
            self._seen.update(fresh)
        for _, value in fresh:
            found = re.search(r"Signature=([0-9a-fA-F]{64})", value)
            if found:
                self._signatures.add(found.group(1).lower())
        return learnt

    def _look_at_environment(self) -> None:
        environ, self._environ = self._environ, None
        if environ is not None:
            self._add(environment_credentials(environ))
            self._formerly = frozenset(formerly_masked(environ))

    def _add(self, values: Sequence[str]) -> tuple[str, ...]:
        fresh = tuple(value for value in values if value not in self._known)
        if not fresh:
            return ()
        with self._lock:
            for value in fresh:
                self._known[value] = None
            self._pattern = _pattern(tuple(self._known))
            probes = [_probes(value) for value in self._known]
            self._in_runs = tuple({probe for found, _ in probes for probe in found})
            self._anywhere = tuple({probe for _, found in probes for probe in found})
            self._masked = {}
            self.version += 1
        return fresh

    def is_in(self, values: Sequence[str], text: str) -> bool:
        """Whether a text has one of some credentials in it, in any spelling."""
        data = text.encode("utf-8", "surrogatepass")
        probes = [probe for value in values for found in _probes(value) for probe in found]
        return _holds_any(data, probes) and _pattern(tuple(values)).search(text) is not None

    def may_be_masked(self, value: str, placeholder: str) -> bool:
        """Whether a placeholder in a recording may be for a value that nothing says to mask today."""
        self._look_at_environment()
        digest = placeholder.rpartition("_")[2]
        if len(digest) == 6 and placeholder != REDACTED:
            return value.rstrip("_").endswith(placeholder) or _digest(value) == digest
        return REDACTED in value or value in self._formerly or looks_like_credential(value)

    # --- masking ---

    def is_clean(self, data: bytes) -> bool:
        """Whether ``mask`` would surely change nothing in a text: quick, and never wrongly yes."""
        self._look_at_environment()
        if self._patterns or self._functions or self.named or b"\\/" in data:
            return False
        if b"\\u00" in data and _ESCAPED_SIGN.search(data):
            return False
        found = runs(data)
        if may_hold_key(data, found):
            return False
        if found:
            if len(max(found, key=len)) >= HIDING_LENGTH:
                return False
            text = b" ".join(found)
            if _holds_any(text, self._in_runs):
                return False
        if _holds_any(data, self._anywhere) or (b"@" in data and b"://" in data):
            return False
        lowered = data.lower()
        if b"uthorization" in lowered or _SCHEME_BYTES.search(data) or b'"kty' in data:
            return False
        if b"--" in data and _holds_any(lowered, _ARGUMENT_BYTES):
            return False
        if (b"=" in data or b"%" in data) and _holds_any(lowered, _SIGNED_BYTES):
            return False
        return not may_hold_fields(data)

    def mask(self, text: str, fields: Fields = Fields.ALWAYS) -> str:
        """The text without anything that must not be written."""
        self._look_at_environment()
        text = self.named.mask_text(text)
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(_masked_known, text)
        if self._signatures:
            text = _HEX_SIGNATURE.sub(self._masked_signature, text)
        mask_key = self._placeholder_for(fields)
        text = mask_keys(text, mask_key)
        for passing in _field_patterns(text, fields):
            text = _replaced(text, self._field_spans(text, passing, fields))
        text = mask_in_base64(text, mask_key, pattern)
        for own in self._patterns:
            text = own.sub(REDACTED, text)
        for function in self._functions:
            text = function(text)
        return text

    def _placeholder_for(self, fields: Fields) -> Callable[[str, str], str]:
        """What makes placeholders: a key in a login's answer is where it belongs, and nothing to tell of."""
        return _placeholder if fields is Fields.OF_A_LOGIN else self._placeholder

    def _placeholder(self, name: str, key: str) -> str:
        self._found.setdefault(name)
        return _placeholder(name, key)

    def _field_spans(self, text: str, pattern: re.Pattern[str], fields: Fields) -> Iterator[tuple[int, int, str]]:
        """What is masked of the fields that a pattern finds."""
        for found in pattern.finditer(text):
            if pattern is _USERINFO:
                yield from self._userinfo_spans(found)
                continue
            value = found["value"] or (found["basic"] if pattern is _SCHEME else "")
            if REDACTED in value and not is_token(value):
                continue  # masked as a whole, or as what it is
            if pattern in _FIELDS or pattern is _FORM_FIELD or pattern is _LOGIN_FIELD:
                name = found["name"].lower()
                if name not in CREDENTIAL_FIELDS and pattern is not _LOGIN_FIELD:
                    if not may_name_a_credential(found["name"], value):
                        continue
                    self._tell_of_field(found["name"], fields)
                elif fields is Fields.UNLESS_EVERYDAY:
                    if not is_carried((name,), value):
                        continue
                elif fields is not Fields.ALWAYS and not (fields is Fields.OF_A_LOGIN and name in TOKEN_FIELDS):
                    if not looks_like_credential(value):
                        continue
                    self._tell_of_field(found["name"], fields)
            elif pattern is _SIGNED_URL:
                if not any(map(str.isdigit, value)) or not (found["signing"] or looks_like_credential(value)):
                    continue
                if found["letting"] and is_of_others(found["letting"]):
                    continue
            elif pattern is _AUTHORIZATION and not looks_like_credential(value):
                continue
            elif pattern is _ARGUMENT:
                variable = found["variable"]
                if variable is None or variable.lower() in ("secret", "password", "passwd"):
                    if not looks_like_credential(value):
                        continue
                elif not may_name_a_credential(variable, value):
                    continue
            elif pattern is _SCHEME:
                if not (looks_like_credential(value) if found["value"] else _is_basic(value)):
                    continue
                yield (*found.span("value" if found["value"] else "basic"), REDACTED)
                continue
            elif pattern in _JWK_FIELDS and not looks_like_credential(value):
                continue
            yield (*found.span("value"), REDACTED)

    def _userinfo_spans(self, found: re.Match[str]) -> Iterator[tuple[int, int, str]]:
        """The password of a URL, and its user where that is a token."""
        for part in ("user", "value"):
            if found[part] and looks_like_credential(found[part]):
                yield (*found.span(part), REDACTED)

    def _tell_of_field(self, name: str, fields: Fields) -> None:
        if fields is Fields.IF_IT_LOOKS_LIKE_ONE:
            self._found.setdefault(f"the field {name!r}")

    def _masked_signature(self, found: re.Match[str]) -> str:
        return REDACTED if found.group().lower() in self._signatures else found.group()

    def mask_bytes(self, data: bytes, fields: Fields = Fields.ALWAYS) -> bytes:
        """The same for bytes; those that are no UTF-8 stay as they are."""
        if self.is_clean(data):
            return data
        text = data.decode("utf-8", "surrogateescape")
        masked = self.mask(text, fields)
        return data if masked is text or masked == text else masked.encode("utf-8", "surrogateescape")

    def mask_tree(self, tree: Json, place: Place = (), fields: Fields = Fields.ALWAYS) -> Json:
        """A tree with every text masked, and the values of fields that hold credentials or that the user names.

        ``place``: where the tree stands in what is masked.
        """
        names = tuple(str(part) for part in place if not isinstance(part, int))
        if fields is Fields.UNLESS_EVERYDAY and in_a_conversation(names):
            fields = Fields.IN_A_CONVERSATION
        return self._masked_tree(self.named.mask_tree(tree, place) if self.named else tree, names, fields)

    def _masked_tree(self, tree: Json, place: tuple[str, ...], fields: Fields) -> Json:
        if isinstance(tree, str):
            return self.mask(tree, fields)
        if isinstance(tree, dict):
            if "kty" in tree:  # a key as RFC 7517 writes it
                tree = {
                    name: REDACTED if name in _OF_JWK and _is_long(value) else value for name, value in tree.items()
                }
            changed = {
                self.mask(key, fields): self._masked_value(key, value, place, fields) for key, value in tree.items()
            }
            return changed if changed != tree else tree
        if isinstance(tree, list):
            items = [
                REDACTED
                if is_flag(before) and isinstance(value, str) and looks_like_credential(value)
                else self._masked_tree(value, place, fields)
                for before, value in zip([None, *tree], tree)
            ]
            return items if items != tree else tree
        return tree

    def _masked_value(self, name: str, value: Json, place: tuple[str, ...], fields: Fields) -> Json:
        place = (*place, name.lower())
        if fields is Fields.UNLESS_EVERYDAY and in_a_conversation(place):
            fields = Fields.IN_A_CONVERSATION
        if isinstance(value, str):
            if value and (self._is_credential(place, value, fields) or may_name_a_credential(name, value)):
                self._tell_of_field(name, fields)
                return self._masked_text(value)
        elif fields in (Fields.ALWAYS, Fields.UNLESS_EVERYDAY) and is_credential_place(place):
            if isinstance(value, dict) and isinstance(value.get("value"), str):
                if self._is_credential(place, value["value"], fields):
                    value = {**value, "value": REDACTED}
            elif isinstance(value, list) and place[-1] not in CREDENTIAL_FIELDS:
                value = [REDACTED if isinstance(each, str) and each else each for each in value]
        if name == FORM and isinstance(value, list):
            value = [self._masked_pair(pair[0], pair[1], fields) if _is_pair(pair) else pair for pair in value]
        elif name == MULTIPART and isinstance(value, list):
            value = [self._masked_part(part, fields) for part in value]
        return self._masked_tree(value, place, fields)

    def _is_credential(self, place: tuple[str, ...], value: str, fields: Fields) -> bool:
        if fields in (Fields.ALWAYS, Fields.UNLESS_EVERYDAY) and is_credential_place(place):
            if names_a_setting(place):
                return looks_like_credential(value)
            return fields is Fields.ALWAYS or is_carried(place, value)
        if place[-1] not in CREDENTIAL_FIELDS:
            return False
        return (fields is Fields.OF_A_LOGIN and place[-1] in TOKEN_FIELDS) or looks_like_credential(value)

    def _masked_text(self, value: str) -> str:
        """What is written for a credential: a token is still one."""
        if is_token(value):
            return self._placeholder("JWT", value)
        return value if is_masked_token(value) else REDACTED

    def _masked_pair(self, name: str, value: str, fields: Fields) -> list[str]:
        return [name, self.mask_tree({name: value}, (), fields).get(name, value)]

    def _masked_part(self, part: Json, fields: Fields) -> Json:
        if not isinstance(part, dict) or not _is_pair([part.get("name"), part.get("value")]):
            return part
        return {**part, "value": self._masked_pair(part["name"], part["value"], fields)[1]}

    def mask_chunks(
        self,
        chunks: Sequence[bytes],
        masked_in: Callable[[bytes, Callable[[bytes], bytes]], bytes] | None = None,
        fields: Fields = Fields.ALWAYS,
    ) -> tuple[bytes, ...]:
        """Chunks masked as one body, so that a value cut across two is found; other cuts stay where they were.

        ``masked_in`` masks a body of a stream format (``StreamFormat.masked``).
        """

        def mask(data: bytes) -> bytes:
            by_fields = functools.partial(self.mask_bytes, fields=fields)
            return by_fields(data) if masked_in is None else masked_in(data, by_fields)

        whole = b"".join(chunks)
        masked = mask(whole)
        if masked == whole:
            return tuple(chunks)
        if len(chunks) < 2:
            return (masked,)
        # A cut is carried over by what its chunk is when masked alone, or where that isn't what stands there, by what
        # is equal before it.
        cuts: list[int] = []
        at = 0
        for chunk, end in zip(chunks[:-1], accumulate(map(len, chunks))):
            alone = mask(chunk)
            if masked.startswith(alone, at):
                at += len(alone)
            else:
                before = mask(whole[:end])
                at = max(at, _common(before, masked))
            cuts.append(at)
        bounds = [0, *cuts, len(masked)]
        return tuple(masked[a:b] for a, b in zip(bounds, bounds[1:]) if b > a)

    def mask_across(
        self,
        pieces: Sequence[bytes],
        edited: Callable[[bytes, Callable[[Json], Json]], bytes],
        fields: Fields = Fields.ALWAYS,
    ) -> list[bytes]:
        """The events of a stream, without credentials that are spelled token by token over several of them.

        ``edited`` changes the JSON of an event (``StreamFormat.edited``). The texts at one place in the events
        (``choices[0].delta.content``) are read one after the other, those of each choice for themselves and those of a
        list too (log probabilities); of a credential that spans several, the first keeps the placeholder.
        """
        texts: dict[tuple[int, Path], str] = {}
        groups: dict[tuple[Hashable, ...], list[tuple[int, Path]]] = {}
        trees: list[list[int]] = []  # of each piece, by number: an event may have several
        count = 0
        for piece in pieces:
            numbers: list[int] = []

            def collect(tree: Json, numbers: list[int] = numbers) -> Json:
                nonlocal count
                for place, indexes, text in _leaves(tree):
                    texts[count, place] = text
                    for group in _readings(place, indexes):
                        groups.setdefault(group, []).append((count, place))
                numbers.append(count)
                count += 1
                return tree

            edited(piece, collect)
            trees.append(numbers)
        seen: set[tuple[tuple[int, Path], ...]] = set()
        read: list[str] = []
        fresh: dict[int, dict[Path, str]] = {}
        for reading, where in groups.items():
            members = tuple(where)
            if len(members) < 2 or members in seen:
                continue
            seen.add(members)
            root: Place = ()
            place = functools.reduce(below, members[0][1], root)
            read.append("".join([texts[each] for each in members]))
            for at, text in self._masked_parts([texts[each] for each in members], place, fields, reading[0] == _LIST):
                number, path = members[at]
                texts[number, path] = text
                fresh.setdefault(number, {})[path] = text
        if read:
            self.assembled.append("\n".join(read))
        changed = list(pieces)
        for at, numbers in enumerate(trees):
            if not fresh.keys().isdisjoint(numbers):
                each = iter(numbers)
                changed[at] = edited(pieces[at], lambda tree, each=each: _with_leaves(tree, fresh.get(next(each), {})))  # type: ignore[misc]
        return changed

    def mask_pieces(self, data: bytes, fields: Fields) -> bytes:
        """A body that is no stream by its type, without credentials in pieces: over items of a list, or over lines."""
        if data.lstrip()[:1] in (b"{", b"["):
            data = self.mask_across([data], edit_text, fields)[0]
        lines = Lines()
        pieces = lines.split(data)
        return b"".join(self.mask_across(pieces, lines.edited, fields)) if len(pieces) > 1 else data

    def _masked_parts(
        self, parts: Sequence[str], place: Place, fields: Fields, of_a_list: bool
    ) -> Iterator[tuple[int, str]]:
        """The texts that change, of those that make up one text, by their number."""
        whole = "".join(parts)
        if not self.named and self.is_clean(whole.encode("utf-8", "surrogatepass")):
            return
        spans = (
            [(found.start(), found.end(), _masked_known(found)) for found in self._pattern.finditer(whole)]
            if self._pattern
            else []
        )
        mask_key = self._placeholder_for(fields)
        ends = set(accumulate(map(len, parts)))
        spans += [
            (key.start, key.end, mask_key(key.name, whole[key.start : key.end]))
            for key in find_keys(whole)
            # Words that stand beside each other in a list may look like a key put together.
            if not of_a_list
            or ends.isdisjoint(range(key.start + 1, key.end))
            or len(_DIGIT.findall(whole, key.start, key.end)) >= 2
        ]
        for passing in _field_patterns(whole, fields):
            spans += self._field_spans(whole, passing, fields)
        spans += [(*found.span(), REDACTED) for own in self._patterns for found in own.finditer(whole) if found.group()]
        base64_texts = (
            (found, masked_base64(found.group(), mask_key, self._pattern)) for found in BASE64.finditer(whole)
        )
        spans += [(*found.span(), masked) for found, masked in base64_texts if masked != found.group()]
        spans += self.named.spans(whole, place)
        spans = _disjoint(spans)
        start = first = 0
        for number, text in enumerate(parts):
            end = start + len(text)
            kept, at = "", start
            while first < len(spans) and spans[first][1] <= start:
                first += 1
            for begin, stop, placeholder in spans[first:]:
                if begin >= end:
                    break
                if stop <= at:
                    continue
                kept += whole[at : max(at, begin)] + (placeholder if begin >= start else "")
                at = min(stop, end)
            kept += whole[at:end]
            if kept != text:
                yield number, kept
            start = end

    def url(self, url: str) -> str:
        """A URL without userinfo and fragment, every query value masked."""
        return self._remembered("", url, self._url)

    def _remembered(self, name: str, value: str, mask: Callable[[str, str], str]) -> str:
        masked = self._masked
        found = masked.get((name, value))
        if found is None:
            found = mask(name, value)
            if len(masked) >= _REMEMBERED:
                masked.clear()
            masked[name, value] = found
        return found

    def _url(self, _: str, url: str) -> str:
        parts = urlsplit(url)
        query = "&".join(
            name + ("=" + REDACTED if separator else "")
            for name, separator, _ in (pair.partition("=") for pair in parts.query.split("&") if pair)
        )
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], self.mask(parts.path), self.mask(query), ""))

    def response_headers(self, headers: Headers) -> Headers:
        """Response headers as they may be written: order, case and repeats kept."""
        return Headers([(name, self._remembered(name, value, self._header_value)) for name, value in headers])

    def _header_value(self, name: str, value: str) -> str:
        lowered = name.lower()
        if lowered in _SECRET_RESPONSE_HEADERS or is_session_header(lowered) or self.named.have(below((), name)):
            return REDACTED
        if lowered in _URL_HEADERS or lowered.endswith("url"):
            value = re.sub(r"(?<=://)[^/@\s]+@", "", value)
            value = re.sub(r"([?&#][^=&#>;,\s]+=)[^&#>;,\s]*", rf"\g<1>{REDACTED}", value)
        return value if self.is_clean(value.encode("utf-8", "surrogateescape")) else self.mask(value)


def _holds_any(text: AnyStr, words: Sequence[AnyStr]) -> bool:
    return any(word in text for word in words)


def _is_long(value: Json) -> bool:
    return isinstance(value, str) and len(value) >= 20 and REDACTED not in value


def _is_basic(text: str) -> bool:
    """Whether a text is a user and a password as RFC 7617 writes them."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8")
    except ValueError:
        return False
    return ":" in plain and plain.isprintable()


def _is_pair(pair: Json) -> bool:
    return isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(each, str) for each in pair)


def request_fields(method: str, path: str, tree: Json) -> Fields:
    """When fields with the names of credentials are masked in a request: ``tree`` is its canonical body, or a part."""
    has_prompt = isinstance(tree, dict) and "messages" in tree
    sent = b"" if has_prompt or not isinstance(tree, dict) else json.dumps(tree, default=str).encode()
    return Fields.ALWAYS if is_login(method, path, sent, has_prompt) else Fields.UNLESS_EVERYDAY


def answer_fields(method: str, path: str, has_prompt: bool, request_body: bytes = b"") -> Fields:
    """When fields with the names of credentials are masked in the answer to a request."""
    return Fields.OF_A_LOGIN if is_login(method, path, request_body, has_prompt) else Fields.IF_IT_LOOKS_LIKE_ONE


def is_token_answer(path: str) -> bool:
    """Whether all that a path answers with is a token."""
    return path in _TOKEN_PATHS


def _leaves(tree: Json, place: Path = (), indexes: Path = ()) -> Iterator[tuple[Path, Path, str]]:
    """The texts of a tree with their places, and with what tells the choices and blocks apart that they belong to."""
    if isinstance(tree, str):
        yield place, indexes, tree
    elif isinstance(tree, dict):
        own = tuple(tree[name] for name in _CHANGING if isinstance(tree.get(name), (int, str)))
        for key, value in tree.items():
            if isinstance(value, (str, dict, list)):
                yield from _leaves(value, (*place, key), (*indexes, *own))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            if isinstance(value, (str, dict, list)):
                yield from _leaves(value, (*place, number), indexes)


def _readings(place: Path, indexes: Path) -> Iterator[tuple[Hashable, ...]]:
    """The texts that a text may be part of: those at its place, those of its choice, those of each list it is in."""
    yield "place", place
    if indexes:
        yield "choice", place, indexes
    for at, step in enumerate(place):
        if isinstance(step, int):
            yield _LIST, (*place[:at], "*", *place[at + 1 :]), indexes


def _with_leaves(tree: Json, texts: Mapping[Path, str], place: Path = ()) -> Json:
    if not texts:
        return tree
    if isinstance(tree, str):
        return texts.get(place, tree)
    if isinstance(tree, dict):
        changed = {key: _with_leaves(value, texts, (*place, key)) for key, value in tree.items()}
        if (*place, "token") in texts and isinstance(tree.get("bytes"), list):  # of log probabilities
            changed["bytes"] = list(changed["token"].encode("utf-8", "surrogatepass"))
        return changed
    if isinstance(tree, list):
        return [_with_leaves(value, texts, (*place, key)) for key, value in enumerate(tree)]
    return tree


def _field_patterns(text: str, fields: Fields) -> Iterator[re.Pattern[str]]:
    """The patterns that may find something in a text."""
    lowered = text.lower()
    if '"' in text:
        yield from _FIELDS if '\\"' in text else _FIELDS[:1]
        if '"kty' in text:
            yield from _JWK_FIELDS
        if '"SecretAccessKey"' in text:
            yield _METADATA_TOKEN
        if fields is Fields.OF_A_LOGIN:
            yield _LOGIN_FIELD
    elif _FORM.match(text):
        yield _FORM_FIELD
    if _holds_any(lowered, _SIGNED):
        yield _SIGNED_URL
    if "://" in text and "@" in text:
        yield _USERINFO
    if "uthorization" in lowered:
        yield _AUTHORIZATION
    if "bearer" in lowered or "basic" in lowered:
        yield _SCHEME
    if ("-" in text or "=" in text) and _holds_any(lowered, _ARGUMENT_WORDS):
        yield _ARGUMENT
    if "<" in text:
        yield _XML_FIELD


def _replaced(text: str, spans: Iterator[tuple[int, int, str]]) -> str:
    pieces, done = [], 0
    for start, end, fresh in spans:
        pieces += [text[done:start], fresh]
        done = end
    return "".join([*pieces, text[done:]]) if done else text


def _disjoint(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order; of those that overlap, the first names what is masked as far as any of them reaches."""
    found: list[tuple[int, int, str]] = []
    for begin, stop, placeholder in sorted(spans, key=lambda span: (span[0], -span[1])):
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]), found[-1][2])
        else:
            found.append((begin, stop, placeholder))
    return found


def _digest(key: str) -> str:
    """What tells equal keys, and nothing else of them."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:6]


def _placeholder(name: str, key: str) -> str:
    placeholder = f"{REDACTED}_{name}_{_digest(key)}"
    return masked_token(key, placeholder) if name == "JWT" else placeholder


def _masked_known(found: re.Match[str]) -> str:
    """What is written for a known credential: a token is still one."""
    value = found.group()
    if value.startswith("e") and is_token(value):
        return _placeholder("JWT", value)
    return REDACTED


def _common(left: bytes, right: bytes) -> int:
    """How many bytes two texts have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
