"""Which recording answers a request: the neutral request, brought to a canonical form and a fingerprint.

Rule: everything that can change the answer is in the key unless the user took it out. The host is not in the key (a
recording made against one gateway replays through another); the cassette prefers the same host when it looks up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Callable, Union
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit, urlunsplit

from promptecho._credentials import without_credentials
from promptecho._models import FORM, MULTIPART, Request
from promptecho._volatile import mask_volatile
from promptecho.normalizers import Call, Canonical, canonicalize, normalized_by

Json = Any
MatchOn = Union[str, Sequence[str], None]

DEFAULT_MATCH_ON = (
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "response_format",
)
WHOLE_BODY = "all"
KEYS_VERSION = 1  # to be raised whenever a change of this code or of a normalizer gives a request another key
RAW_BODY = "__raw_body_sha256__"  # the name that 0.1.3 gives to a body it could not read


@dataclass(frozen=True)
class MatchOptions:
    """What a cassette matches by: the fields (``None``: the whole body), paths left out, and masks for comparison."""

    fields: tuple[str, ...] | None = DEFAULT_MATCH_ON
    explicit: bool = False
    ignore: tuple[str, ...] = ()
    volatile: tuple[re.Pattern[str], ...] = ()

    @property
    def digest(self) -> str:
        """Stands for all that a key depends on beside the request; keys made with another digest are not trusted."""
        return _digest_of(self)

    @property
    def names(self) -> list[str] | str:
        """The form in which the file says it."""
        return WHOLE_BODY if self.fields is None else list(self.fields)


@lru_cache(maxsize=64)
def _digest_of(options: MatchOptions) -> str:
    patterns = [[pattern.pattern, pattern.flags] for pattern in options.volatile]
    return _digest(canonical_json([KEYS_VERSION, options.names, options.ignore, patterns]))[:8]


def recorded_options(match_on: Json) -> MatchOptions:
    """The options by which a cassette says (``match_on:``) that its keys were made; the usual ones if it doesn't."""
    if match_on == WHOLE_BODY:
        return MatchOptions(None, explicit=True)
    if isinstance(match_on, list) and match_on and all(isinstance(name, str) for name in match_on):
        return MatchOptions(tuple(match_on), explicit=True)
    return MatchOptions()


@dataclass(frozen=True)
class Identity:
    """A request as matching sees it.

    ``body`` is the canonical body, ``matched`` the part of it that went into ``key`` (the full sha256, in hex);
    ``query`` is the digest of the query without credentials, in the short form that the file holds; ``unmasked_key``
    is the key that the request would have if nothing in it had been masked, where something was.
    """

    key: str
    method: str
    host: str
    path: str
    query: str
    stream: bool
    body: dict[str, Json]
    matched: dict[str, Json]
    whole: bool
    provider: str
    url: str
    registered: bool = False
    unmasked_key: str = ""

    @property
    def short_key(self) -> str:
        return self.key[:16]


def canonical_json(tree: Json) -> str:
    """JSON with sorted keys, no spacing and ASCII escapes: equal trees give equal text."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def canonical_path(path: str) -> str:
    """One spelling for each path: libraries differ in what they percent-encode (RFC 3986 section 6.2.2)."""
    if "%" not in path and path.isascii():
        return path or "/"
    return "/".join(quote(unquote_to_bytes(part), safe=":@!$&'()*+,;=~") for part in path.split("/"))


def query_digest(query: str) -> str:
    """Names and values of a query without its credentials; the order of different names doesn't matter."""
    if not query:
        return ""
    pairs = sorted(without_credentials(query), key=lambda pair: pair[0])
    return _digest(canonical_json(pairs))[:16] if pairs else ""


def _query_names(query: str) -> str:
    names = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)})
    return "names:" + ",".join(names) if names else ""


@lru_cache(maxsize=1024)
def address(url: str) -> tuple[str, str, str]:
    """Host (with its port, in lower case), canonical path and query of a URL."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower(), canonical_path(parts.path), parts.query


# --- bodies -----------------------------------------------------------------------------------------------------------


def _multipart(body: bytes, content_type: str) -> Json | None:
    """Parts by name, file name, type and content; the boundary, random in each run, is left out (RFC 2046)."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not found:
        return None
    pieces = (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode("latin-1"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    parts: list[Json] = []
    for piece in pieces[1:-1]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator:
            return None
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
        }
        disposition = fields.get("content-disposition", "")
        part: dict[str, Json] = dict(re.findall(r';\s*(name|filename)\*?="?([^";]*)"?', disposition))
        if "content-type" in fields:
            part["type"] = fields["content-type"]
        text = None if "filename" in part else _clean_text(content)
        if text is not None and len(text) <= 200:
            part["value"] = text
        else:
            part["sha256"] = hashlib.sha256(content).hexdigest()
        parts.append(part)
    return {MULTIPART: parts}


def _clean_text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parse(body: bytes) -> Json:
    return json.loads(body.decode("utf-8"))


def readable_body(body: bytes, content_type: str) -> tuple[dict[str, Json], bool]:
    """The tree to match by, and whether it is a JSON object as the client sent it."""
    if not body:
        return {}, False
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        parts = _multipart(body, content_type)
        if parts is not None:
            return parts, False
    elif kind == "application/x-www-form-urlencoded":
        text = _clean_text(body)
        if text is not None:
            return {FORM: [list(pair) for pair in parse_qsl(text, keep_blank_values=True)]}, False
    else:
        try:
            tree = _parse(body)
            if isinstance(tree, dict):
                return tree, bool(tree)  # the file tells an empty object from no body as little
            if isinstance(tree, list):
                canonical_json(tree)
                return {"__json__": tree}, False
        except (ValueError, RecursionError):
            pass
    return {RAW_BODY: hashlib.sha256(body).hexdigest()}, False


# --- selecting --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def path_parts(dotted: str) -> tuple[str, ...]:
    """``messages[0].content`` and ``messages.0.content`` are one path; ``*`` stands for any key or index."""
    return tuple(part for part in re.split(r"\.|\[|\]", dotted) if part)


def _pick(tree: Json, parts: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
    if not parts:
        yield "", tree
        return
    head, rest = parts[0], parts[1:]
    children: Iterable[tuple[str, Json]]
    if isinstance(tree, dict):
        children = tree.items() if head == "*" else ([(head, tree[head])] if head in tree else [])
    elif isinstance(tree, list):
        indexed = [(str(index), child) for index, child in enumerate(tree)]
        children = indexed if head == "*" else [pair for pair in indexed if pair[0] == head]
    else:
        return
    for name, child in children:
        for below, value in _pick(child, rest):
            yield f"{name}.{below}" if below else name, value


def _drop(tree: Json, parts: tuple[str, ...]) -> Json:
    head, rest = parts[0], parts[1:]
    if isinstance(tree, dict):
        return {
            key: (_drop(value, rest) if rest else None) if head in ("*", key) else value
            for key, value in tree.items()
            if rest or head not in ("*", key)
        }
    if isinstance(tree, list):
        return [
            (_drop(value, rest) if rest else None) if head in ("*", str(index)) else value
            for index, value in enumerate(tree)
            if rest or head not in ("*", str(index))
        ]
    return tree


def _selected(canonical: Canonical, options: MatchOptions) -> tuple[dict[str, Json], bool]:
    body = canonical.body
    fields = options.fields
    if fields is not None and not canonical.has_prompt:
        # A list made for chat says nothing about an embedding: it applies only where it names what carries the input.
        carries_input = options.explicit and any(
            isinstance(value, (str, list, dict))
            for field in fields
            if field not in DEFAULT_MATCH_ON
            for _, value in _pick(body, path_parts(field))
        )
        if not carries_input:
            fields = None
    if fields is None:
        chosen = body
    else:
        chosen = {}
        # Who matches by the messages means the prompt, and these fields are part of it under another name.
        wanted = (*fields, *canonical.always_matched) if "messages" in fields else fields
        for field in wanted:
            if "." in field or "[" in field:
                chosen.update((f"{field}:{path}", value) for path, value in _pick(body, path_parts(field)))
            elif field in body:
                chosen[field] = body[field]
    for path in options.ignore:
        chosen = _drop(chosen, path_parts(path))
    if options.volatile:
        chosen = mask_volatile(chosen, options.volatile)
    return chosen, fields is None


# --- identities -------------------------------------------------------------------------------------------------------


def _identity(method: str, url: str, query: str, canonical: Canonical, options: MatchOptions) -> Identity:
    host, path, _ = address(url)
    matched, whole = _selected(canonical, options)
    key = _digest(
        canonical_json(
            {"method": method.upper(), "path": path, "query": query, "stream": canonical.stream, "body": matched}
        )
    )
    return Identity(
        key=key,
        method=method.upper(),
        host=host,
        path=path,
        query=query,
        stream=canonical.stream,
        body=canonical.body,
        matched=matched,
        whole=whole,
        provider=canonical.provider,
        url=url,
        registered=canonical.registered,
    )


def _canonical(method: str, url: str, tree: Mapping[str, Json]) -> Canonical:
    host, path, _ = address(url)
    return canonicalize(Call(method=method.upper(), host=host.partition(":")[0], path=path, body=tree))


def identify(
    request: Request,
    options: MatchOptions,
    mask: Callable[[Json], Json],
    *,
    mask_sent: Callable[[Json], Json] | None = None,
) -> Identity:
    """The identity of a request on its way out. ``mask`` takes credentials out of the body, as they are in the file;
    ``mask_sent`` takes out what is named as the client spells it, which the canonical body may have by another name.
    """
    sent_to = request.url.partition("#")[0]
    url = _masked_path(sent_to, mask)
    query = query_digest(address(url)[2])
    sent = canonical = _sent(request, url, mask_sent)
    masked = mask(canonical.body)
    if masked is not canonical.body:
        # Read again as it will be from the file: what is masked may change the order of what is sorted.
        canonical = _recorded(request.method, url, masked, canonical.provider if canonical.registered else None)
    identity = _identity(request.method, url, query, canonical, options)
    is_as_sent = url == sent_to and mask_sent is None
    if is_as_sent and canonical is sent:
        return identity
    plain = sent if is_as_sent else _sent(request, sent_to)
    key = _identity(request.method, sent_to, query, plain, options).key
    return identity if key == identity.key else replace(identity, unmasked_key=key)


def _sent(request: Request, url: str, mask: Callable[[Json], Json] | None = None) -> Canonical:
    """The canonical form of a request's body as the client sent it, to a URL."""
    tree, is_object = readable_body(request.body, request.headers.get("content-type"))
    if is_object:
        try:
            canonical = _canonical(request.method, url, tree if mask is None else mask(tree))
            if request.body.count(b"{") + request.body.count(b"[") > 100:  # it could be too deep to be written
                canonical_json(canonical.body)
            return canonical
        except RecursionError:
            tree = {RAW_BODY: hashlib.sha256(request.body).hexdigest()}
    return _opaque(tree)


def _masked_path(url: str, mask: Callable[[Json], Json]) -> str:
    """The URL with its path as the file will have it: a credential may stand in it."""
    parts = urlsplit(url)
    path = mask(parts.path)
    return url if path == parts.path else urlunsplit(parts._replace(path=path))


def is_opaque(body: Mapping[str, Json]) -> bool:
    """Whether a canonical body is not the client's JSON object, but what stands for another kind of body."""
    return len(body) == 1 and next(iter(body)) in (RAW_BODY, "__json__", FORM, MULTIPART)


def identify_recorded(
    method: str,
    url: str,
    query: str | None,
    body: Mapping[str, Json],
    options: MatchOptions,
    *,
    normalizer: str | None = None,
) -> Identity:
    """The identity of a recording, from what its file holds; ``query`` is ``None`` in a file of promptecho 0.1.3.

    ``normalizer``: the registered one that made the body.
    """
    if query is None:
        query = _query_names(address(url)[2])
    return _identity(method, url, query, _recorded(method, url, body, normalizer), options)


def _recorded(method: str, url: str, body: Mapping[str, Json], normalizer: str | None) -> Canonical:
    """The canonical form of a body that is one already."""
    if not body or is_opaque(body):
        return _opaque(body)
    if normalizer is not None:
        return normalized_by(normalizer, dict(body))
    return _canonical(method, url, body)


def _opaque(body: Mapping[str, Json]) -> Canonical:
    return Canonical(body=dict(body), provider="unknown", has_prompt=False, always_matched=(), stream=False)


def older_keys(request: Request, identity: Identity, options: MatchOptions) -> list[str]:
    """The keys under which a recording of promptecho 0.1.3 could stand: it kept the names of a query and no values."""
    bodies: list[Mapping[str, Json]] = [identity.body, {RAW_BODY: hashlib.sha256(request.body).hexdigest()}]
    return [identify_recorded(identity.method, identity.url, None, body, options).key for body in bodies]
