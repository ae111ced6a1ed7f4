"""One recorded call of another tool, in the neutral model: what every format is read into and written from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Union
from urllib.parse import urlsplit

from promptecho._bodies.content import ContentProblem, decode_chunks
from promptecho._matching.identity import Query
from promptecho._models import Headers, Request, ResponseHead
from promptecho._session.http1 import usual_reason
from promptecho.errors import CassetteFormatError

Json = Any


@dataclass(frozen=True)
class Kept:
    """What a promptecho cassette knew of a call beyond the call itself; only our own exports carry it.

    ``body`` is the canonical request body, ``query`` and ``headers`` are what else it is matched by, which can't be
    made again from what the export shows.
    """

    body: dict[str, Json]
    query: Query = ""
    headers: Mapping[str, str] | None = None
    repeat: int | None = None
    delays: tuple[float, ...] = ()
    incomplete: str | None = None


@dataclass(frozen=True)
class Exchange:
    """A request and its response. ``chunks`` have the content coding that ``head`` names."""

    request: Request
    head: ResponseHead
    chunks: tuple[bytes, ...] = ()
    duration: float = 0.0
    recorded_at: datetime | None = None
    kept: Kept | None = None
    warnings: tuple[str, ...] = ()
    has_headers: bool = True  # the request's are all there, so that one that is missing was not sent


@dataclass(frozen=True)
class Skipped:
    """An entry that is no recorded HTTP call, or none that could be replayed."""

    reason: str
    warning: str = ""  # what to tell about this very entry, where counting it by its reason is not enough


Entry = Union[Exchange, Skipped]


@dataclass(frozen=True)
class Source:
    """A file of another tool: who wrote it, its calls in order, and the header keys that our own exports carry."""

    format: str
    written_by: str
    entries: Iterator[Entry]
    header: Mapping[str, Json] = field(default_factory=dict)


class Place:
    """A value in a foreign file and the path to it; each check that fails gives an error that names both."""

    def __init__(self, file: Path, path: str, value: object) -> None:
        self.file = file
        self.path = path
        self.value: Any = value

    def wrong(self, expected: str) -> CassetteFormatError:
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return CassetteFormatError(
            f"{self.file}: {self.path} is {shown}, expected {expected}; mend the entry or take it out, and import again"
        )

    def child(self, name: str) -> Place:
        return Place(self.file, f"{self.path}.{name}" if self.path else name, self.mapping().get(name))

    def mapping(self) -> dict[str, Json]:
        if not isinstance(self.value, dict):
            raise self.wrong("a mapping")
        return self.value

    def items(self) -> list[Place]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Place(self.file, f"{self.path}[{number}]", value) for number, value in enumerate(self.value)]

    def text(self, expected: str = "a text") -> str:
        if not isinstance(self.value, str):
            raise self.wrong(expected)
        return self.value

    def url(self) -> str:
        text = self.text("a URL")
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError as problem:
            raise self.wrong(f"a URL ({problem})") from None
        if not parts.scheme or not parts.netloc:
            raise self.wrong("a URL with scheme and host, such as https://api.openai.com/v1/embeddings")
        return text

    def status(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not 100 <= self.value <= 599:
            raise self.wrong("a status code from 100 to 599")
        return self.value

    def headers(self) -> Headers:
        """A mapping of names to a text or a list of texts."""
        pairs: list[tuple[str, str]] = []
        for name, entry in ({} if self.value is None else self.mapping()).items():
            for each in entry if isinstance(entry, (list, tuple)) else [entry]:
                if isinstance(each, bytes):
                    each = each.decode("latin-1")
                if isinstance(each, bool) or not isinstance(each, (str, int, float)):
                    raise Place(self.file, f"{self.path}.{name}", each).wrong("a text or a list of texts")
                pairs.append((name, str(each)))
        return Headers(pairs)


def to_bytes(text: str) -> bytes:
    """A text as a body; a lone surrogate, which JSON may hold, stays one."""
    return text.encode("utf-8", "surrogatepass")


def json_bytes(tree: Json) -> bytes:
    """A tree as the body of a request: how it is spaced makes no difference to matching."""
    return to_bytes(json.dumps(tree, ensure_ascii=False, separators=(",", ":")))


def replayed_json(tree: Json) -> bytes:
    """A parsed body as the tools that store it parsed replay it: as ``json.dumps`` writes it."""
    return json.dumps(tree).encode("ascii")


def head_of(status: int, headers: Headers, reason: str | None, http_version: str | None = None) -> ResponseHead:
    """A head that names reason and version only where they are not the usual ones, as recordings do."""
    return ResponseHead(
        status,
        headers,
        None if not reason or reason == usual_reason(status) else reason,
        None if http_version in (None, "", "HTTP/1.1") else http_version,
    )


def with_fitting_coding(method: str, head: ResponseHead, body: bytes) -> tuple[ResponseHead, tuple[str, ...]]:
    """The head, less a content coding that the stored body no longer has; and what to warn of.

    Tools that store the decoded body often keep the header of the coding that it came with.
    """
    coding = head.headers.get("content-encoding").strip().lower()
    if not body or not coding or coding == "identity" or method.upper() == "HEAD":
        return head, ()
    try:
        decode_chunks((body,), coding)
    except ContentProblem as problem:
        if _is_plain(body, coding):
            return without_coding(head), ()
        return head, (f"the response body is kept as it is, since it can't be decoded ({problem})",)
    return head, ()


def without_coding(head: ResponseHead) -> ResponseHead:
    headers = head.headers.without("content-encoding")
    return ResponseHead(head.status_code, headers, head.reason, head.http_version)


def _is_plain(body: bytes, coding: str) -> bool:
    if coding in ("gzip", "x-gzip"):
        return not body.startswith(b"\x1f\x8b")  # RFC 1952 section 2.3.1
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def changed_body(request: Request) -> tuple[str, ...]:
    """A warning if a body is not as long as its header says: it was scrubbed, and a real call will have another key."""
    said = request.headers.get("content-length")
    if not said.isdigit() or int(said) in _lengths(request.body):
        return ()
    return (
        "the request body is not as long as its Content-Length says: it was changed when it was recorded, so a call "
        "that sends the original finds no recording",
    )


def _lengths(body: bytes) -> Iterator[int]:
    """How long a body may have been when it was sent: tools that store it parsed lose how its JSON was spaced."""
    yield len(body)
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return
    for separators in (None, (",", ":")):
        for ascii_only in (True, False):
            yield len(to_bytes(json.dumps(tree, separators=separators, ensure_ascii=ascii_only)))


def date_of(headers: Headers) -> datetime | None:
    """The time in a response's Date field."""
    try:
        return parsedate_to_datetime(headers.get("date"))
    except (TypeError, ValueError, IndexError):
        return None


def time_of(text: object) -> datetime | None:
    """A time in ISO 8601; ``None`` if it is none."""
    if not isinstance(text, str):
        return None
    text = text.strip().replace("Z", "+00:00").replace("z", "+00:00")
    head, dot, rest = text.partition(".")
    if dot:  # Python < 3.11 takes three or six digits only
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
