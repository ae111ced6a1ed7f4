"""One recording: its tree in the file, checked, and the response in it; and back, from a response to its tree."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from promptecho._bodies import streams
from promptecho._bodies.body import BodyProblem, decode_body, encode_body
from promptecho._cassette.layout import Flow
from promptecho._cassette.references import is_incomplete
from promptecho._cassette.shape import ITEM, REQUEST, RESPONSE, Shape
from promptecho._matching.identity import Identity, MatchOptions, Query, identify_recorded
from promptecho._models import Headers, Response, ResponseHead
from promptecho._secrets.query import from_tree

Json = Any


@dataclass(frozen=True, eq=False)
class Interaction:
    """One recorded call: the plain tree of the file, checked, and the response it holds.

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     answer = ask("What is six times seven?")
    >>> interaction = cassette.interactions[0]
    >>> interaction.method, interaction.status, interaction.streaming
    ('POST', 200, False)
    >>> interaction.body["messages"]
    [{'role': 'user', 'content': 'What is six times seven?'}]
    >>> answer.encode() in interaction.response.body
    True

    ``document`` is the tree of the file, ``number`` the place in it from 0, ``response`` the neutral
    :class:`~promptecho.backend.Response`.
    """

    document: Mapping[str, Json]
    identity: Identity
    response: Response
    number: int = -1  # its place in the file, from 0

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.identity.method

    @property
    def url(self) -> str:
        """The address as it stands in the file, without userinfo, the values of the query masked."""
        return str(self.document["request"]["url"])

    @property
    def body(self) -> dict[str, Json]:
        """The canonical request body, with ``model``, ``messages``, ``tools`` and so on, whichever SDK was used."""
        return self.identity.body

    @property
    def match_key(self) -> str:
        """The key by which calls find it, 16 hex digits, under the options it was read with."""
        return self.identity.short_key

    @property
    def status(self) -> int:
        """The status code of the response."""
        return self.response.head.status_code

    @property
    def streaming(self) -> bool:
        """Whether the response is kept as the events of a stream."""
        return bool(self.document["response"].get("streaming", False))

    @property
    def incomplete(self) -> str | None:
        """Why the body did not arrive whole, or ``None`` if it did."""
        return self.response.incomplete

    @property
    def duration(self) -> float | None:
        """Seconds the recorded call took, or ``None`` where the file doesn't say."""
        value = self.document.get("duration")
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def is_incomplete(self) -> bool:
        """Whether the request lost a part that was written once, in a recording that isn't in the file any more."""
        return is_incomplete(self.document["request"])

    def __repr__(self) -> str:
        return f"<Interaction {self.method} {self.url} -> {self.status}, key {self.match_key}>"


def read_interaction(tree: object, path: Path, index: int, options: MatchOptions) -> Interaction:
    """An interaction from its tree in the file."""
    shape = Shape(path, index)
    if not isinstance(tree, dict):
        raise shape.wrong("", "a mapping with 'request' and 'response'", tree)
    shape.check(tree, ITEM, "")
    request, response = tree["request"], tree["response"]
    shape.check(request, REQUEST, "request")
    shape.check(response, RESPONSE, "response")
    method, url, body, headers = request["method"], request["url"], request.get("body") or {}, request.get("headers")
    if request.get("body_json") is not None:  # text that YAML cannot hold (lone surrogates)
        body = _json_body(request["body_json"], shape)
    query = _query(request, headers is not None, "duration" in tree, shape)
    normalizer = request.get("normalized_by")
    try:
        identity = identify_recorded(method, url, query, body, options, headers=headers, normalizer=normalizer)
    except ValueError as problem:
        raise shape.wrong("request.url", f"a URL ({problem})", url) from None
    if is_incomplete(request):  # what is left of the body makes another key
        identity = replace(identity, key=str(request.get("match_key")), unmasked_key="")
    return Interaction(tree, identity, _response(response, shape, method), index)


def _query(request: Mapping[str, Json], has_headers: bool, written_by_us: bool, shape: Shape) -> Query | None:
    """The parameters that count; in a file of before, what it has in their place."""
    query = request.get("query")
    if query is None:
        return () if has_headers else "" if written_by_us else None
    if isinstance(query, str):
        return query
    try:
        return from_tree(query)
    except ValueError as problem:
        raise shape.wrong("request.query", str(problem), query) from None


def _json_body(text: str, shape: Shape) -> dict[str, Json]:
    import json

    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise shape.wrong("request.body_json", "the JSON of a mapping", text)
    return body


def _headers(tree: Mapping[str, Json]) -> Headers:
    if tree.get("header_list") is not None:
        return Headers([(name, text) for name, text in tree["header_list"]])
    return Headers(
        [
            (name, str(each))
            for name, entry in (tree.get("headers") or {}).items()
            for each in (entry if isinstance(entry, list) else [entry])
        ]
    )


def _response(tree: Mapping[str, Json], shape: Shape, method: str) -> Response:
    headers = _headers(tree)
    if tree.get("streaming"):
        pieces = _event_bytes(tree, headers, shape)
    else:
        try:
            pieces = [decode_body(tree)]
        except BodyProblem as problem:
            raise shape.wrong(
                "response.body", f"a body as promptecho writes it ({problem})", tree.get("body")
            ) from None
    status = tree["status"]
    chunks, waits = _cut(pieces, tree.get("chunks"), tree.get("delays") or [])
    if chunks or (method.upper() != "HEAD" and status != 304):  # these two tell the length of what they don't have
        headers = _replayed_headers(headers, sum(map(len, chunks)), tree)
    head = ResponseHead(status, headers, tree.get("reason"), tree.get("http_version"))
    return Response(head, chunks, waits, tree.get("incomplete"))


def _replayed_headers(headers: Headers, length: int, tree: Mapping[str, Json]) -> Headers:
    """The recorded fields, less what described the coding that the stored body no longer has."""
    if tree.get("encoded"):
        return headers
    plain = headers.without("content-encoding") if "content-encoding" in headers else headers
    if "content-length" not in plain or tree.get("incomplete") or plain.get("content-length") == str(length):
        return plain
    return plain.replaced("content-length", str(length))  # the coding is gone, or the body was edited by hand


def _event_bytes(tree: Mapping[str, Json], headers: Headers, shape: Shape) -> list[bytes]:
    events = tree.get("events")
    if not isinstance(events, list):
        raise shape.wrong("response.events", "a list of events (streaming is true)", events)
    stream = streams.format_of(headers.get("content-type"))
    pieces = []
    for number, event in enumerate(events):
        try:
            pieces.append(
                event.encode("utf-8") if stream is None and isinstance(event, str) else _decode(stream, event)
            )
        except (ValueError, TypeError) as problem:
            raise shape.wrong(f"response.events[{number}]", f"an event of the stream ({problem})", event) from None
    return pieces


def _decode(stream: Any, event: Json) -> bytes:
    if stream is not None:
        return bytes(stream.decode(event))
    if isinstance(event, dict) and isinstance(event.get("base64"), str):
        return base64.b64decode(event["base64"], validate=True)
    raise ValueError("a text was expected")


def _cut(
    pieces: list[bytes], sizes: list[int] | None, delays: list[float]
) -> tuple[tuple[bytes, ...], tuple[float, ...]]:
    """Chunks that end wherever an event or a chunk of the recording ended, and the seconds before each of them."""
    whole = tuple(piece for piece in pieces if piece)
    if sizes is None:
        return whole, tuple(map(float, delays)) if len(delays) == len(whole) else ()
    data = b"".join(pieces)
    if sum(sizes) != len(data):
        return whole, ()  # the body was edited by hand: its old cuts mean nothing
    starts = [0, *accumulate(sizes)]
    ends = sorted({*starts, *accumulate(len(piece) for piece in pieces)})
    chunks = tuple(data[start:end] for start, end in zip(ends, ends[1:]))
    if len(delays) != len(sizes):
        return chunks, ()
    before = dict(zip(starts, map(float, delays)))  # what came within one chunk came at once
    return chunks, tuple(before.get(start, 0.0) for start in ends[:-1])


def response_tree(
    head: ResponseHead, chunks: tuple[bytes, ...], *, delays: list[float], incomplete: str | None, encoded: bool
) -> dict[str, Json]:
    """The part of an interaction that holds its response; ``encoded``: the body still has its content coding."""
    tree: dict[str, Json] = {"status": head.status_code}
    if head.reason is not None:
        tree["reason"] = head.reason
    headers: dict[str, Json] = {}
    for name, value in head.headers:
        if name in headers:
            known = headers[name]
            headers[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            headers[name] = value
    flat = [(name, text) for name, entry in headers.items() for text in (entry if isinstance(entry, list) else [entry])]
    if tuple(flat) == head.headers.pairs:
        tree["headers"] = headers
    else:  # repeats of a name that stand apart from one another: a mapping would lose their order
        tree["header_list"] = [Flow(pair) for pair in head.headers]
    content_type = head.headers.get("content-type")
    stream = None if encoded else streams.format_of(content_type)
    body = b"".join(chunks)
    if stream is not None and body:
        pieces = stream.split(body)
        tree["streaming"] = True
        if incomplete:
            tree["incomplete"] = incomplete
        tree["events"] = [stream.encode(piece) for piece in pieces]
        cuts = set(accumulate(map(len, chunks))) - set(accumulate(map(len, pieces)))
        if cuts or delays:
            tree["chunks"] = Flow(map(len, chunks))
    else:
        tree["streaming"] = False
        if incomplete:
            tree["incomplete"] = incomplete
        if encoded:
            tree["encoded"] = True
            tree.update({"body": base64.b64encode(body).decode("ascii"), "binary": True})
        else:
            tree.update(encode_body(body, content_type))
        if len(chunks) > 1 and ("json" not in tree or delays):
            tree["chunks"] = Flow(map(len, chunks))
    if delays:
        tree["delays"] = Flow(delays)
    return tree
