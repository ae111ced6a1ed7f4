"""What must not reach the disk, and how it is masked before anything is written.

Rule: redaction works on what is about to be written, never on what the running program receives.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, AnyStr, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from promptecho import _forks
from promptecho._bodies.streams._text import Lines, edit_text
from promptecho._models import FORM, MULTIPART, Headers, Request
from promptecho._secrets.across import OF_A_LIST, disjoint, leaves, readings, with_leaves
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
    is_session_header,
    may_hold_fields,
    may_name_a_credential,
    names_a_setting,
)
from promptecho._secrets.jwt import is_masked_token, is_token, masked_token
from promptecho._secrets.key_formats import (
    BASE64,
    HIDING_LENGTH,
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
from promptecho._secrets.patterns import ARGUMENT_WORDS, SIGNED, Pattern, patterns_for
from promptecho._secrets.patterns import Fields as Fields
from promptecho._secrets.spelling import pattern_of, probes_of

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


_DIGIT = re.compile(r"\d")
_SCHEME_BYTES = re.compile(rb"(?:[Bb]earer|[Bb]asic|BEARER|BASIC)[ \t\n\r+%\\]")
_OF_JWK = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))
_ARGUMENT_BYTES = tuple(map(str.encode, ARGUMENT_WORDS))
_SIGNED_BYTES = tuple(map(str.encode, SIGNED))
# Where the whole answer is a token (instance metadata service, version 2).
_TOKEN_PATHS = ("/latest/api/token",)
_HEX_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_ESCAPED_SIGN = re.compile(rb"\\u00[2-7]")  # of a sign that a credential may have; letters are seldom escaped


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
            self._pattern = pattern_of(tuple(self._known))
            probes = [probes_of(value) for value in self._known]
            self._in_runs = tuple({probe for found, _ in probes for probe in found})
            self._anywhere = tuple({probe for _, found in probes for probe in found})
            self._masked = {}
            self.version += 1
        return fresh

    def is_in(self, values: Sequence[str], text: str) -> bool:
        """Whether a text has one of some credentials in it, in any spelling."""
        data = text.encode("utf-8", "surrogatepass")
        probes = [probe for value in values for found in probes_of(value) for probe in found]
        return _holds_any(data, probes) and pattern_of(tuple(values)).search(text) is not None

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
        for each in PASSES:
            text = each.mask(self, text, fields)
        return text

    def _mask_named(self, text: str, fields: Fields) -> str:
        return self.named.mask_text(text)

    def _mask_known(self, text: str, fields: Fields) -> str:
        return text if self._pattern is None else self._pattern.sub(_masked_known, text)

    def _mask_signatures(self, text: str, fields: Fields) -> str:
        return _HEX_SIGNATURE.sub(self._masked_signature, text) if self._signatures else text

    def _mask_keys(self, text: str, fields: Fields) -> str:
        return mask_keys(text, self._placeholder_for(fields))

    def _mask_patterns(self, text: str, fields: Fields) -> str:
        for expression, pattern in patterns_for(text, fields):
            text = _replaced(text, self._spans(text, expression, pattern, fields))
        return text

    def _mask_base64(self, text: str, fields: Fields) -> str:
        return mask_in_base64(text, self._placeholder_for(fields), self._pattern)

    def _mask_by_own(self, text: str, fields: Fields) -> str:
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

    def _spans(
        self, text: str, expression: re.Pattern[str], pattern: Pattern, fields: Fields
    ) -> Iterator[tuple[int, int, str]]:
        """What is masked of what a pattern finds."""
        for found in expression.finditer(text):
            for start, end, told in pattern.spans(found, fields):
                if told:
                    self._tell_of_field(told, fields)
                yield start, end, REDACTED

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
                for place, indexes, text in leaves(tree):
                    texts[count, place] = text
                    for group in readings(place, indexes):
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
            for at, text in self._masked_parts(
                [texts[each] for each in members], place, fields, reading[0] == OF_A_LIST
            ):
                number, path = members[at]
                texts[number, path] = text
                fresh.setdefault(number, {})[path] = text
        if read:
            self.assembled.append("\n".join(read))
        changed = list(pieces)
        for at, numbers in enumerate(trees):
            if not fresh.keys().isdisjoint(numbers):
                each = iter(numbers)
                changed[at] = edited(pieces[at], lambda tree, each=each: with_leaves(tree, fresh.get(next(each), {})))  # type: ignore[misc]
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
        for expression, pattern in patterns_for(whole, fields):
            spans += self._spans(whole, expression, pattern, fields)
        spans += [(*found.span(), REDACTED) for own in self._patterns for found in own.finditer(whole) if found.group()]
        base64_texts = (
            (found, masked_base64(found.group(), mask_key, self._pattern)) for found in BASE64.finditer(whole)
        )
        spans += [(*found.span(), masked) for found, masked in base64_texts if masked != found.group()]
        spans += self.named.spans(whole, place)
        spans = disjoint(spans)
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


class Pass(NamedTuple):
    """A pass over a text, and why it is at its place."""

    name: str
    why: str
    mask: Callable[[Redactor, str, Fields], str]


PASSES = (
    Pass("named", "what the user names is masked whole, before a part of it is", Redactor._mask_named),
    Pass(
        "known",
        "credentials that were carried, in any spelling",
        Redactor._mask_known,
    ),
    Pass(
        "signatures",
        "those of requests signed for AWS, each good for one request",
        Redactor._mask_signatures,
    ),
    Pass("keys", "formats say what they are, so that a placeholder can name them", Redactor._mask_keys),
    Pass("patterns", "what has no format, by what stands around it; keys are masked by now", Redactor._mask_patterns),
    Pass("base64", "the same keys inside it; what is masked by now is no base64 any more", Redactor._mask_base64),
    Pass("own", "expressions and functions of the user see what would be written", Redactor._mask_by_own),
)


def _holds_any(text: AnyStr, words: Sequence[AnyStr]) -> bool:
    return any(word in text for word in words)


def _is_long(value: Json) -> bool:
    return isinstance(value, str) and len(value) >= 20 and REDACTED not in value


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


def _replaced(text: str, spans: Iterator[tuple[int, int, str]]) -> str:
    pieces, done = [], 0
    for start, end, fresh in spans:
        pieces += [text[done:start], fresh]
        done = end
    return "".join([*pieces, text[done:]]) if done else text


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
