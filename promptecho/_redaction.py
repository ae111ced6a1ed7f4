"""What must not reach the disk, and how it is masked before anything is written.

Rule: redaction works on what is about to be written, never on what the running program receives.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, AnyStr
from urllib.parse import urlsplit, urlunsplit

from promptecho import _forks
from promptecho._credentials import CREDENTIAL_FIELDS, carried_credentials, environment_credentials, may_hold_fields
from promptecho._key_formats import (
    BASE64,
    HIDING_LENGTH,
    KEY,
    RUN,
    mask_in_base64,
    masked_base64,
    may_hold_key,
    runs,
)
from promptecho._models import FORM, MULTIPART, Headers, Request
from promptecho._named_fields import REDACTED as REDACTED
from promptecho._named_fields import NamedFields, Place, below, is_path

Json = Any
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


def _json_field(names: str, quote: str, value: str) -> re.Pattern[str]:
    """A field of JSON whose quotes are ``quote``, with its text, which may be cut off at the end of all.

    The text stands there itself, or as the ``value`` of an object (client secrets of OpenAI's realtime API).
    """
    return re.compile(
        rf"(?P<open>(?<!\\){quote}(?:{names}){quote}\s*:\s*(?:\{{[^{{}}]*?{quote}value{quote}\s*:\s*)?{quote})"
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
_FIELDS = tuple(_json_field("|".join(sorted(CREDENTIAL_FIELDS)), quote, value) for quote, value in _QUOTED)
_XML_FIELD = re.compile(
    r"(?P<open><(?P<name>AccessKeyId|SecretAccessKey|SessionToken)>)(?P<value>[^<]{4,})(?=</(?P=name)>)"
)
_METADATA_TOKEN = _json_field("Token", '"', _TEXT)
_FORM = re.compile(r"[\w.%+-]+=[^&\s]*(?:&[\w.%+-]+=[^&\s]*)*\s*\Z")
_FORM_FIELD = re.compile(
    r"(?P<open>(?:\A|&)(?:" + "|".join(sorted(CREDENTIAL_FIELDS)) + r")=)(?P<value>[^&\s]+)", re.IGNORECASE
)
# The part of a URL that lets its holder in: AWS, Google Cloud, Azure, OAuth.
# A value of under 16 signs or without a digit is one of an example.
_SIGNED_URL = re.compile(
    r"(?P<open>(?:[?&]|\\u0026|&amp;|%26)(?:X-(?:Amz|Goog)-(?:Signature|Security-Token)|Signature|access_token|sig)"
    r"(?:=|%3D))(?=[^\s\"'<>\\)&\d]*\d)(?P<value>[^\s\"'<>\\)&]{16,})",
    re.IGNORECASE,
)
_SIGNED = tuple(name + sign for name in ("signature", "security-token", "access_token", "sig") for sign in ("=", "%3d"))
_SIGNED_BYTES = tuple(map(str.encode, _SIGNED))
# Where the whole answer is a token (instance metadata service, version 2).
_TOKEN_PATHS = ("/latest/api/token",)
_HEX_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")


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
    octets = "".join(f"%{octet:02x}" for octet in _octets(sign))
    units = memoryview(sign.encode("utf-16-le", "surrogatepass")).cast("H")
    codes = "".join(rf"\\+u{unit:04x}" for unit in units)
    found = [
        re.escape(sign),
        f"(?i:{octets}|{codes}|&#0*{ord(sign)};|&#x0*{ord(sign):x};)",
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
    ) -> None:
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self._in_runs: tuple[bytes, ...] = ()
        self._anywhere: tuple[bytes, ...] = ()
        self.version: int = 0  # raised with each credential that is learnt
        self._signatures: set[str] = set()  # of each request one: too many for a pattern
        self._lock = _forks.new_lock()
        self._found: dict[str, None] = {}
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

    @property
    def found(self) -> tuple[str, ...]:
        """The names of the key formats that turned up in bodies."""
        return tuple(self._found)

    def learn(self, request: Request, *, only_headers: bool = False) -> None:
        """Take note of the credentials that a request carries; they are masked from now on.

        ``only_headers``: its URL and body have been seen before.
        """
        self._look_at_environment()
        fresh = [pair for pair in request.headers.pairs if pair not in self._seen]
        if fresh or not only_headers:
            self._add(carried_credentials(request, fresh))
            self._seen.update(fresh)
        for _, value in fresh:
            found = re.search(r"Signature=([0-9a-fA-F]{64})", value)
            if found:
                self._signatures.add(found.group(1).lower())

    def _look_at_environment(self) -> None:
        environ, self._environ = self._environ, None
        if environ is not None:
            self._add(environment_credentials(environ))

    def _add(self, values: Sequence[str]) -> None:
        fresh = [value for value in values if value not in self._known]
        if not fresh:
            return
        with self._lock:
            for value in fresh:
                self._known[value] = None
            self._pattern = _pattern(tuple(self._known))
            probes = [_probes(value) for value in self._known]
            self._in_runs = tuple({probe for found, _ in probes for probe in found})
            self._anywhere = tuple({probe for _, found in probes for probe in found})
            self._masked = {}
            self.version += 1

    # --- masking ---

    def is_clean(self, data: bytes) -> bool:
        """Whether ``mask`` would surely change nothing in a text: quick, and never wrongly yes."""
        self._look_at_environment()
        if self._patterns or self._functions or self.named or b"\\u00" in data or b"\\/" in data:
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
        if _holds_any(data, self._anywhere):
            return False
        return not (_holds_any(data.lower(), _SIGNED_BYTES) or may_hold_fields(data))

    def mask(self, text: str) -> str:
        """The text without anything that must not be written."""
        self._look_at_environment()
        text = self.named.mask_text(text)
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(REDACTED, text)
        if self._signatures:
            text = _HEX_SIGNATURE.sub(self._masked_signature, text)
        text = KEY.sub(self._placeholder, text)
        if '"' in text:
            for field in _FIELDS if '\\"' in text else _FIELDS[:1]:
                text = field.sub(_masked_field, text)
            if '"SecretAccessKey"' in text:
                text = _METADATA_TOKEN.sub(_masked_field, text)
        elif _FORM.match(text):
            text = _FORM_FIELD.sub(_masked_field, text)
        if _holds_any(text.lower(), _SIGNED):
            text = _SIGNED_URL.sub(_masked_field, text)
        if "<" in text:
            text = _XML_FIELD.sub(_masked_field, text)
        text = mask_in_base64(text, self._placeholder, pattern)
        for own in self._patterns:
            text = own.sub(REDACTED, text)
        for function in self._functions:
            text = function(text)
        return text

    def _placeholder(self, found: re.Match[str]) -> str:
        name = str(found.lastgroup)
        self._found.setdefault(name)
        return f"{REDACTED}_{name}_{hashlib.sha256(found.group().encode('utf-8')).hexdigest()[:6]}"

    def _masked_signature(self, found: re.Match[str]) -> str:
        return REDACTED if found.group().lower() in self._signatures else found.group()

    def mask_bytes(self, data: bytes) -> bytes:
        """The same for bytes; those that are no UTF-8 stay as they are."""
        if self.is_clean(data):
            return data
        text = data.decode("utf-8", "surrogateescape")
        masked = self.mask(text)
        return data if masked is text or masked == text else masked.encode("utf-8", "surrogateescape")

    def mask_tree(self, tree: Json, place: Place = ()) -> Json:
        """A tree with every text masked, and the values of fields that hold credentials or that the user names.

        ``place``: where the tree stands in what is masked.
        """
        return self._masked_tree(self.named.mask_tree(tree, place) if self.named else tree)

    def _masked_tree(self, tree: Json) -> Json:
        if isinstance(tree, str):
            return self.mask(tree)
        if isinstance(tree, dict):
            changed = {self.mask(key): self._masked_value(key, value) for key, value in tree.items()}
            return changed if changed != tree else tree
        if isinstance(tree, list):
            items = [self._masked_tree(value) for value in tree]
            return items if items != tree else tree
        return tree

    def _masked_value(self, name: str, value: Json) -> Json:
        if value and name.lower() in CREDENTIAL_FIELDS:
            if isinstance(value, str):
                return REDACTED
            if isinstance(value, dict) and isinstance(value.get("value"), str):
                value = {**value, "value": REDACTED}
        if name == FORM and isinstance(value, list):
            value = [self._masked_pair(*pair) if _is_pair(pair) else pair for pair in value]
        elif name == MULTIPART and isinstance(value, list):
            value = [self._masked_part(part) for part in value]
        return self._masked_tree(value)

    def _masked_pair(self, name: str, value: str) -> list[str]:
        return [name, self.mask_tree({name: value}).get(name, value)]

    def _masked_part(self, part: Json) -> Json:
        if not isinstance(part, dict) or not _is_pair([part.get("name"), part.get("value")]):
            return part
        return {**part, "value": self._masked_pair(part["name"], part["value"])[1]}

    def mask_chunks(
        self, chunks: Sequence[bytes], masked_in: Callable[[bytes, Callable[[bytes], bytes]], bytes] | None = None
    ) -> tuple[bytes, ...]:
        """Chunks masked as one body, so that a value cut across two is found; other cuts stay where they were.

        ``masked_in`` masks a body of a stream format (``StreamFormat.masked``).
        """

        def mask(data: bytes) -> bytes:
            return self.mask_bytes(data) if masked_in is None else masked_in(data, self.mask_bytes)

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
        self, pieces: Sequence[bytes], edited: Callable[[bytes, Callable[[Json], Json]], bytes]
    ) -> list[bytes]:
        """The events of a stream, without credentials that are spelled token by token over several of them.

        ``edited`` changes the JSON of an event (``StreamFormat.edited``). The texts at one place in the events
        (``choices[0].delta.content``) are read one after the other; of a credential that spans several, the first event
        keeps the placeholder.
        """
        places: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
        for number, piece in enumerate(pieces):

            def collect(tree: Json, number: int = number) -> Json:
                for place, text in _leaves(tree):
                    places.setdefault(place, []).append((number, text))
                return tree

            edited(piece, collect)
        fresh: dict[int, dict[tuple[Any, ...], str]] = {}
        for place, parts in places.items():
            for number, text in self._masked_parts(parts, functools.reduce(below, place, ())):
                fresh.setdefault(number, {})[place] = text
        changed = list(pieces)
        for number, texts in fresh.items():
            changed[number] = edited(pieces[number], functools.partial(_with_leaves, texts=texts))
        return changed

    def _masked_parts(self, parts: Sequence[tuple[int, str]], place: Place) -> Iterator[tuple[int, str]]:
        """The texts that change, of those that make up one text in several events."""
        if len(parts) < 2:
            return
        whole = "".join(text for _, text in parts)
        spans = (
            [(found.start(), found.end(), REDACTED) for found in self._pattern.finditer(whole)] if self._pattern else []
        )
        spans += [(found.start(), found.end(), self._placeholder(found)) for found in KEY.finditer(whole)]
        spans += [(*found.span("value"), REDACTED) for field in _FIELDS for found in field.finditer(whole)]
        spans += [(*found.span(), REDACTED) for own in self._patterns for found in own.finditer(whole) if found.group()]
        base64_texts = (
            (found, masked_base64(found.group(), self._placeholder, self._pattern)) for found in BASE64.finditer(whole)
        )
        spans += [(*found.span(), masked) for found, masked in base64_texts if masked != found.group()]
        spans += self.named.spans(whole, place)
        start = 0
        for number, text in parts:
            end = start + len(text)
            kept, at = "", start
            for begin, stop, placeholder in sorted(spans):
                if stop <= at or begin >= end:
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
        if lowered in _SECRET_RESPONSE_HEADERS or self.named.have(below((), name)):
            return REDACTED
        if lowered in _URL_HEADERS or lowered.endswith("url"):
            value = re.sub(r"(?<=://)[^/@\s]+@", "", value)
            value = re.sub(r"([?&][^=&#>;,\s]+=)[^&#>;,\s]*", rf"\g<1>{REDACTED}", value)
        return value if self.is_clean(value.encode("utf-8", "surrogateescape")) else self.mask(value)


def _holds_any(text: AnyStr, words: Sequence[AnyStr]) -> bool:
    return any(word in text for word in words)


def _is_pair(pair: Json) -> bool:
    return isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(each, str) for each in pair)


def is_token_answer(path: str) -> bool:
    """Whether all that a path answers with is a token."""
    return path in _TOKEN_PATHS


def _leaves(tree: Json, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(tree, str):
        yield place, tree
    elif isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, (*place, key))


def _with_leaves(tree: Json, texts: Mapping[tuple[Any, ...], str], place: tuple[Any, ...] = ()) -> Json:
    if isinstance(tree, str):
        return texts.get(place, tree)
    if isinstance(tree, dict):
        return {key: _with_leaves(value, texts, (*place, key)) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_with_leaves(value, texts, (*place, key)) for key, value in enumerate(tree)]
    return tree


def _masked_field(found: re.Match[str]) -> str:
    return found.group("open") + REDACTED


def _common(left: bytes, right: bytes) -> int:
    """How many bytes two texts have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
