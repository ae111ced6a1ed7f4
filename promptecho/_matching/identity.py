"""Which recording answers a request: the neutral request, brought to a canonical form and a fingerprint.

Rule: everything that can change the answer is in the key unless the user took it out: the method, the path, the query
without credentials, headers that select, whether a stream is asked for, and the canonical body without what is known to
be neutral. The host is not in the key (a recording made against one gateway replays through another); the cassette
prefers the same host when it looks up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Callable, Union
from urllib.parse import quote, urlsplit, urlunsplit

from promptecho._matching import older_keys as _older_keys
from promptecho._matching.bodies import (
    JSON_BODY,
    RAW_BODY,
    as_read_before,
    digest_of,
    is_opaque,
    readable_body,
    without_coding,
)
from promptecho._matching.canonical import canonicalize, normalized_by
from promptecho._matching.fields import counting_settings, is_neutral
from promptecho._matching.headers import selecting
from promptecho._matching.volatile import mask_volatile, without_temporary_names
from promptecho._models import MULTIPART, Request
from promptecho._secrets.query import Pairs, from_tree, in_order, parameters, to_tree, with_bare_names
from promptecho.providers import Call, Canonical
from promptecho.providers._fields import ANYWHERE, SETTINGS

Json = Any
MatchOn = Union[str, Sequence[str], None]
Query = Union[Pairs, str]  # a text: what a file of before has in its place

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
_OLDER_DEFAULTS = (DEFAULT_MATCH_ON, DEFAULT_MATCH_ON[:-1])  # as a file says them: ours, and those of 0.1.3
KEYS_VERSION = 3  # to be raised whenever a change of this code or of a normalizer gives a request another key


@dataclass(frozen=True)
class MatchOptions:
    """What a cassette matches by: the fields (``None``: the whole body), paths left out, and masks for comparison.

    ``explicit``: the fields are exactly these; otherwise every field counts that is not known to be neutral.
    ``ignore`` names paths of the body, parameters of the query (``?start_time``) and headers (``anthropic-beta:``).
    """

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
    is_open = not options.explicit and options.fields == DEFAULT_MATCH_ON
    return _digest(canonical_json([KEYS_VERSION, is_open, options.names, options.ignore, patterns]))[:8]


def recorded_options(match_on: Json) -> MatchOptions:
    """The options by which a cassette says (``match_on:``) that its keys were made; the usual ones if it doesn't."""
    if match_on == WHOLE_BODY:
        return MatchOptions(None, explicit=True)
    if isinstance(match_on, list) and match_on and all(isinstance(name, str) for name in match_on):
        if tuple(match_on) in _OLDER_DEFAULTS:
            return MatchOptions()
        return MatchOptions(tuple(match_on), explicit=True)
    return MatchOptions()


@dataclass(frozen=True)
class Identity:
    """A request as matching sees it.

    ``body`` is the canonical body, ``matched`` the part of it that went into ``key`` (the full sha256, in hex), and
    ``matched_on`` the names of that. ``query`` and ``headers`` are those that may count, as the file holds them
    (``headers`` is ``None`` where they are not known), ``selected`` the part of both that went into the key, by
    ``?name`` and ``name:``. ``unmasked_key`` is the key that the request would have if nothing in it had been masked,
    where something was.
    """

    key: str
    method: str
    host: str
    path: str
    query: Query
    stream: bool
    body: dict[str, Json]
    matched: dict[str, Json]
    whole: bool
    provider: str
    url: str
    headers: dict[str, str] | None = None
    selected: Mapping[str, Json] = field(default_factory=dict)
    registered: bool = False
    unmasked_key: str = ""

    @property
    def short_key(self) -> str:
        return self.key[:16]

    @property
    def matched_on(self) -> list[str]:
        """The fields that went into the key; of an object of settings its own fields, unless all of them did."""
        return [
            place
            for name, value in self.matched.items()
            for place in (
                [f"{name}.{below}" for below in value] if name in SETTINGS and self._counts_in_part(name) else [name]
            )
        ]

    def _counts_in_part(self, name: str) -> bool:
        whole, part = self.body.get(name), self.matched[name]
        return isinstance(whole, dict) and isinstance(part, dict) and len(part) < len(whole)


def canonical_json(tree: Json) -> str:
    """JSON with sorted keys, no spacing and ASCII escapes: equal trees give equal text."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~:@!$&'()*+,;=/]*")
_ESCAPED = re.compile("%([0-9a-fA-F]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MODEL_PATH = re.compile(r"/models?/")


def canonical_path(path: str) -> str:
    """One spelling for each path: libraries differ in what they percent-encode that says nothing (RFC 3986, 6.2.2).

    A reserved character and its escape are not the same (2.2), but for the colon in the id of a model: clients of
    Bedrock differ in it.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path or "/"
    path = quote(_ESCAPED.sub(_canonical_escape, path), safe="%/:@!$&'()*+,;=~", errors="surrogatepass")
    return path.replace("%3A", ":") if _MODEL_PATH.search(path) else path


def _canonical_escape(found: re.Match[str]) -> str:
    if found[1] is None:
        return "%25"
    sign = chr(int(found[1], 16))
    return sign if sign in _UNRESERVED else found[0].upper()


@lru_cache(maxsize=1024)
def address(url: str) -> tuple[str, str, str]:
    """Host (with its port, in lower case), canonical path and query of a URL."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower(), canonical_path(parts.path), parts.query


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
        if head != "*" and not head.isdigit():  # "messages.content" is "messages[*].content"
            return (yield from _pick(tree, ("*", *parts)))
        indexed = [(str(index), child) for index, child in enumerate(tree)]
        children = indexed if head == "*" else [pair for pair in indexed if pair[0] == head]
    else:
        return
    for name, child in children:
        for below, value in _pick(child, rest):
            yield f"{name}.{below}" if below else name, value


def has_path(tree: Json, dotted: str) -> bool:
    """Whether a tree has anything at a path."""
    return next(_pick(tree, path_parts(dotted)), None) is not None


def _drop(tree: Json, parts: tuple[str, ...]) -> Json:
    """A tree without what is at a path, whose parts are names, numbers or ``*``; a name means that of every item."""
    head, *rest = parts
    if isinstance(tree, list) and head != "*" and not head.isdigit():
        return [_drop(value, parts) for value in tree]

    def without(names_and_values: Iterable[tuple[Any, Json]]) -> Iterator[tuple[Any, Json]]:
        for name, value in names_and_values:
            if head not in ("*", str(name)):
                yield name, value
            elif rest:
                yield name, _drop(value, tuple(rest))

    if isinstance(tree, dict):
        return dict(without(tree.items()))
    if isinstance(tree, list):
        return [value for _, value in without(enumerate(tree))]
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
    elif options.explicit:
        chosen = {}
        for name in fields:
            if "." in name or "[" in name:
                chosen.update((f"{name}:{path}", value) for path, value in _pick(body, path_parts(name)))
            elif name in body:
                chosen[name] = body[name]
        if not chosen:  # of a list that names nothing of a body, any recording would answer
            chosen, fields = body, None
    else:
        chosen = {name: body[name] for name in fields if name in body}
        chosen.update(_beside_the_default(canonical))
    for path in options.ignore:
        if not path.startswith("?") and not path.endswith(":"):
            chosen = _drop(chosen, path_parts(path))
    if MULTIPART in chosen:
        chosen = {**chosen, MULTIPART: without_temporary_names(chosen[MULTIPART])}
    if options.volatile:
        chosen = mask_volatile(chosen, options.volatile)
    return chosen, fields is None


def _beside_the_default(canonical: Canonical) -> Iterator[tuple[str, Json]]:
    """The fields of a chat that are not in the default list and not known to be neutral."""
    for name, value in canonical.body.items():
        if name in DEFAULT_MATCH_ON or is_neutral(name, canonical.provider, canonical.where):
            continue
        if name in SETTINGS and isinstance(value, dict) and canonical.where < ANYWHERE:
            counts = counting_settings(value, canonical.provider)
            if counts:
                yield name, counts
        else:
            yield name, value


# --- identities -------------------------------------------------------------------------------------------------------


def _identity(
    method: str, url: str, query: Query, headers: dict[str, str] | None, canonical: Canonical, options: MatchOptions
) -> Identity:
    host, path, _ = address(url)
    matched, whole = _selected(canonical, options)
    selected = dict(_selected_beside(url, query, headers, options))
    parts = {
        "method": method.upper(),
        "path": mask_volatile(path, options.volatile),
        # No query is one thing, whichever version says it.
        "query": (query if isinstance(query, str) else "") or [pair for pair in selected.items() if pair[0][:1] == "?"],
        "stream": canonical.stream,
        "body": matched,
    }
    if headers is not None:
        parts["headers"] = {name: value for name, value in selected.items() if name[:1] != "?"}
    return Identity(
        key=_digest(canonical_json(parts)),
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
        headers=headers,
        selected=selected,
        registered=canonical.registered,
    )


def _selected_beside(
    url: str, query: Query, headers: dict[str, str] | None, options: MatchOptions
) -> Iterator[tuple[str, Json]]:
    """What counts of query and headers, by the names that ``ignore`` has for them."""
    found: list[tuple[str, Json]] = []
    if not isinstance(query, str):
        found += [(f"?{name}", value) for name, value in with_bare_names(to_tree(query), url).items()]
    found += [(f"{name}:", value) for name, value in (headers or {}).items()]
    for name, value in found:
        if name not in options.ignore:
            yield name, mask_volatile(value, options.volatile)


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
    pairs = in_order(parameters(sent_to))
    query = from_tree(mask(to_tree(pairs))) if pairs else pairs
    sent, counting = _sent(request, url, mask_sent)
    canonical, headers = sent, mask(counting) if counting else counting
    masked = mask(canonical.body)
    if masked is not canonical.body:
        # Read again as it will be from the file: what is masked may change the order of what is sorted.
        canonical = _recorded(request.method, url, masked, canonical.provider if canonical.registered else None)
    identity = _identity(request.method, url, query, headers, canonical, options)
    is_as_sent = url == sent_to and mask_sent is None and query == pairs and headers == counting
    if is_as_sent and canonical is sent:
        return identity
    plain = sent if is_as_sent else _sent(request, sent_to)[0]
    key = _identity(request.method, sent_to, pairs, counting, plain, options).key
    return identity if key == identity.key else replace(identity, unmasked_key=key)


def _sent(request: Request, url: str, mask: Callable[[Json], Json] | None = None) -> tuple[Canonical, dict[str, str]]:
    """The canonical form of a request's body as the client sent it, to a URL, and the headers that count with it."""
    tree, is_object = readable_body(request.body, request.headers.get("content-type"))
    canonical = None
    if is_object:
        try:
            canonical = _canonical(request.method, url, tree if mask is None else mask(tree))
            if request.body.count(b"{") + request.body.count(b"[") > 100:  # it could be too deep to be written
                canonical_json(canonical.body)
        except RecursionError:
            canonical, tree, is_object = None, {RAW_BODY: digest_of(request.body)}, False
    if canonical is None:
        canonical = _opaque(tree)
    headers = selecting(
        request.headers,
        tree,
        is_json=is_object or JSON_BODY in tree,
        is_chat=canonical.has_prompt and canonical.where < ANYWHERE,
        stream=canonical.stream,
    )
    return canonical, headers


def _masked_path(url: str, mask: Callable[[Json], Json]) -> str:
    """The URL with its path as the file will have it: a credential may stand in it."""
    parts = urlsplit(url)
    path = mask(parts.path)
    return url if path == parts.path else urlunsplit(parts._replace(path=path))


def identify_recorded(
    method: str,
    url: str,
    query: Query | None,
    body: Mapping[str, Json],
    options: MatchOptions,
    *,
    headers: Mapping[str, str] | None = None,
    normalizer: str | None = None,
) -> Identity:
    """The identity of a recording, from what its file holds.

    ``query`` is ``None`` in a file of promptecho 0.1.3, and a digest in one of before ``headers`` were kept.
    ``normalizer``: the registered one that made the body.
    """
    if query is None:
        query = _older_keys.query_names(address(url)[2])
    known = None if headers is None else dict(sorted(headers.items()))
    return _identity(method, url, query, known, _recorded(method, url, body, normalizer), options)


def _recorded(method: str, url: str, body: Mapping[str, Json], normalizer: str | None) -> Canonical:
    """The canonical form of a body that is one already."""
    if not body or is_opaque(body):
        return _opaque(body)
    if normalizer is not None:
        return normalized_by(normalizer, dict(body))
    return _canonical(method, url, body)


def _opaque(body: Mapping[str, Json]) -> Canonical:
    return Canonical(body=dict(body), provider="unknown", has_prompt=False, stream=False)


def older_keys(request: Request, identity: Identity, options: MatchOptions) -> Iterator[str]:
    """The keys under which a recording of before could be, the surest first.

    It has no headers, its query is a digest or (promptecho 0.1.3) only names, and its body may have been read in
    another way, or masked less.
    """
    sent_to = request.url.partition("#")[0]
    query = address(sent_to)[2]
    bodies: list[Mapping[str, Json]] = [identity.body]
    if identity.unmasked_key:
        bodies.append(_sent(without_coding(request), sent_to)[0].body)
    bodies += [older for body in bodies for older in _older_keys.bodies(body, address(sent_to)[1])]
    bodies += as_read_before(request.body, request.headers.get("content-type"))
    normalizer = identity.provider if identity.registered else None
    for known in dict.fromkeys((_older_keys.query_digest(query), _older_keys.query_names(query), identity.query)):
        for body in bodies:
            for url in dict.fromkeys((identity.url, sent_to)):
                yield identify_recorded(identity.method, url, known, body, options, normalizer=normalizer).key
