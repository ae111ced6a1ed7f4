"""Reading HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/).

It takes what browsers, mitmproxy, Charles and the like write: bodies without content coding, binary ones in base64.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from promptecho._cassette.foreign import HAR
from promptecho._import.exchange import (
    Entry,
    Exchange,
    Kept,
    Place,
    Skipped,
    Source,
    changed_body,
    head_of,
    time_of,
    to_bytes,
    with_fitting_coding,
    without_coding,
)
from promptecho._models import Headers, Request
from promptecho._secrets.query import from_tree
from promptecho._session.http1 import usual_reason
from promptecho.errors import CassetteFormatError

Json = Any
OURS = "_promptecho"
# What Chrome says about an entry: these belong to the page, and no call of an API is one of them.
_PAGE_TYPES = frozenset(
    ("document", "stylesheet", "image", "font", "script", "media", "manifest", "texttrack", "ping", "preflight",
     "csp-violation-report", "prefetch")
)  # fmt: skip
NEVER = "1970-01-01T00:00:00.000Z"


# --- reading ----------------------------------------------------------------------------------------------------------


def read(tree: object, file: Path) -> Source:
    """The calls of a parsed HAR.

    Raises:
        CassetteFormatError: another version; while the calls are gone through, an entry of another shape.
    """
    log = Place(file, "", tree).child("log")
    version = log.mapping().get("version")
    if version not in (None, "1.1", "1.2", "1.3"):
        raise CassetteFormatError(f"{file}: version {version!r} of HAR is not known here (expected '1.2')")
    creator = log.mapping().get("creator")
    names = [str(creator[key]) for key in ("name", "version") if creator.get(key)] if isinstance(creator, dict) else []
    ours = log.mapping().get(OURS)
    header = {key: ours[key] for key in ("match_on", "recorded_at") if key in ours} if isinstance(ours, dict) else {}
    return Source(HAR, " ".join(["HAR of", *names]) if names else "HAR", _entries(log.child("entries").items()), header)


def _entries(items: list[Place]) -> Iterator[Entry]:
    for item in items:
        yield _skipped(item) or _exchange(item)


def _skipped(item: Place) -> Skipped | None:
    request, answer = item.child("request"), item.child("response")
    url = request.child("url").text("a URL")
    scheme = url.partition(":")[0].lower()
    kind = item.mapping().get("_resourceType")
    if scheme in ("ws", "wss") or kind == "websocket" or answer.mapping().get("status") == 101:
        return Skipped("WebSocket")
    if scheme not in ("http", "https") or request.mapping().get("method") == "CONNECT":
        return Skipped("not HTTP")
    if kind in _PAGE_TYPES:
        return Skipped("part of a web page")
    status = answer.mapping().get("status")
    if isinstance(status, int) and status not in (0, -1) and not 200 <= status <= 599:
        return Skipped("status that can't be replayed")
    where = f"{request.mapping().get('method')} {url.partition('?')[0]}"
    if status in (0, -1, None):
        return Skipped("no response", f"{item.path} ({where}) has no response: it was blocked, cut off or not recorded")
    if _lacks_body(request, answer):
        return Skipped(
            "response body not in the file",
            f"{item.path} ({where}) has a response whose body is not in the file; save the HAR with content",
        )
    return None


def _lacks_body(request: Place, answer: Place) -> bool:
    content = answer.mapping().get("content")
    fields = content if isinstance(content, dict) else {}
    method = str(request.mapping().get("method")).upper()
    if fields.get("text") or method == "HEAD" or answer.mapping().get("status") in (204, 304):
        return False
    size = _whole(fields.get("size"))
    if size + _whole(fields.get("compression")) > 0 or "_file" in fields:
        return True
    # A stream that a browser has not kept has no size; that there was no body, only a size of 0 says.
    return "text" not in fields and "event-stream" in str(fields.get("mimeType", "")) and fields.get("size") != 0


def _exchange(item: Place) -> Exchange:
    place = item.child("request")
    headers = _headers(place.child("headers"))
    body, content_type, warnings = _request_body(place, headers)
    if content_type and "content-type" not in headers:
        headers = Headers([*headers, ("content-type", content_type)])
    request = Request(
        place.child("method").text("an HTTP method such as POST"), place.child("url").url(), headers, body
    )
    ours = item.mapping().get(OURS)
    answer = item.child("response")
    version = answer.mapping().get("httpVersion")
    reason = answer.mapping().get("statusText")
    head = head_of(
        answer.child("status").status(),
        _headers(answer.child("headers")),
        reason if isinstance(reason, str) and not isinstance(ours, dict) else None,
        version if isinstance(version, str) and version == "HTTP/1.0" else None,
    )
    if isinstance(ours, dict) and isinstance(reason, str) and reason != usual_reason(head.status_code):
        head = replace(head, reason=reason)  # an empty one too, which HTTP/2 gives to other tools' every response
    data, is_text = _content(answer, head.headers, ours=isinstance(ours, dict))
    if is_text and data:
        head = without_coding(head)
    elif data and not isinstance(ours, dict):  # our own says so only where the body still has it
        head, more = with_fitting_coding(request.method, head, data)
        warnings = (*warnings, *more)
    kept, sizes = _kept(item.child(OURS), request) if isinstance(ours, dict) else (None, [])
    return Exchange(
        request,
        head,
        _cut(data, sizes),
        duration=_number(item.mapping().get("time")) / 1000,
        recorded_at=_started(item),
        kept=kept,
        warnings=() if kept else warnings,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: object) -> float:
    """A number of 0 or more; 0 for what is none or unknown (-1)."""
    return max(0.0, float(value)) if _is_number(value) and isinstance(value, (int, float)) else 0.0


def _whole(value: object) -> int:
    return int(value) if _is_number(value) and isinstance(value, (int, float)) else 0


def _started(item: Place) -> datetime | None:
    text = item.mapping().get("startedDateTime")
    return None if text == NEVER else time_of(text)


def _headers(place: Place) -> Headers:
    pairs = []
    for each in place.items() if place.value is not None else []:
        name, value = each.child("name").text(), each.mapping().get("value")
        if name.startswith(":"):
            continue  # pseudo-header fields of HTTP/2 (RFC 9113 section 8.3)
        pairs.append((name, value if isinstance(value, str) else "" if value is None else str(value)))
    return Headers(pairs)


def _request_body(place: Place, headers: Headers) -> tuple[bytes, str, tuple[str, ...]]:
    """The body, its media type, and what to warn of."""
    data = place.mapping().get("postData")
    size = place.mapping().get("bodySize")
    declared = headers.get("content-length")
    if not isinstance(data, dict):
        if _number(size) > 0 or (declared.isdigit() and int(declared) > 0):
            return b"", "", ("the request body is not in the file, so a call that sends it finds no recording",)
        return b"", "", ()
    post = place.child("postData")
    kind = str(data.get("mimeType") or "")
    text, params = data.get("text"), data.get("params")
    if isinstance(text, str) and (text or not params):
        if "base64" in (data.get("encoding"), data.get("_encoding")):
            return _from_base64(post.child("text")), kind, ()
        length = int(declared) if declared.isdigit() else int(_number(size))
        body = _encoded(text, headers.get("content-type") or kind, {length})
        request = Request("POST", "", headers if "content-encoding" not in headers else Headers(), body)
        return body, kind, changed_body(request)
    if not isinstance(params, list) or not params:
        return b"", kind, ()
    return _from_params(post.child("params"), headers.get("content-type") or kind, kind)


def _from_params(params: Place, content_type: str, kind: str) -> tuple[bytes, str, tuple[str, ...]]:
    fields = [(each.child("name").text(), each) for each in params.items()]
    if "multipart/form-data" not in content_type:
        pairs = [(name, str(each.mapping().get("value") or "")) for name, each in fields]
        return urlencode(pairs).encode("ascii"), kind, ()
    boundary = content_type.partition("boundary=")[2].partition(";")[0].strip().strip('"') or "promptecho"
    lines: list[bytes] = []
    missing = False
    for name, each in fields:
        part = each.mapping()
        disposition = f'form-data; name="{name}"'
        if part.get("fileName"):
            disposition += f'; filename="{part["fileName"]}"'
            missing = missing or not part.get("value")
        lines += [to_bytes(f"--{boundary}"), to_bytes(f"Content-Disposition: {disposition}")]
        if part.get("contentType"):
            lines.append(to_bytes(f"Content-Type: {part['contentType']}"))
        lines += [b"", to_bytes(str(part.get("value") or ""))]
    body = b"\r\n".join([*lines, to_bytes(f"--{boundary}--"), b""])
    if "boundary=" not in content_type:
        content_type = f"multipart/form-data; boundary={boundary}"
    lost = ("a file that it sent is not in the HAR, so a call that sends it finds no recording",) if missing else ()
    return body, content_type, lost


def _content(answer: Place, headers: Headers, *, ours: bool) -> tuple[bytes, bool]:
    """The response body, and whether it is a text, which has no content coding."""
    content = answer.child("content")
    text = content.mapping().get("text") if content.value is not None else None
    if text is None:
        return b"", True
    if content.mapping().get("encoding") == "base64":
        return _from_base64(content.child("text")), False
    text = content.child("text").text()
    if ours:
        return to_bytes(text), True
    # mitmproxy gives the size of the compressed body as ``size``, others that of the decoded one.
    size, saved = (_whole(content.mapping().get(name)) for name in ("size", "compression"))
    return _encoded(text, headers.get("content-type"), {size, size + saved}), True


def _encoded(text: str, content_type: str, lengths: set[int]) -> bytes:
    """The bytes of which a tool made a text. It decoded them by the charset, as UTF-8, or a byte to a character.

    Of the ways in which it could have been, the one that gives as many bytes as the file says there were; mitmproxy
    takes what names no charset for Latin-1, binary request bodies and event streams among it. JSON is always UTF-8.
    """
    if "json" in content_type.lower():
        return to_bytes(text)
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip().strip('"')
    found = []
    for name in (charset, "utf-8", "latin-1"):
        try:
            found.append(text.encode(name) if name else to_bytes(text))
        except (LookupError, UnicodeEncodeError):
            continue
    return next((data for data in found if len(data) in lengths), found[0] if found else to_bytes(text))


def _from_base64(place: Place) -> bytes:
    try:
        return base64.b64decode("".join(place.text().split()), validate=True)
    except ValueError as problem:
        raise place.wrong(f"base64 ({problem})") from None


def _kept(place: Place, request: Request) -> tuple[Kept, list[int]]:
    fields = place.mapping()
    body = fields.get("body")
    if body is None:
        try:
            body = json.loads(request.body or b"{}")
        except (ValueError, RecursionError):
            body = None
    if not isinstance(body, dict):
        raise Place(place.file, f"{place.path}.body", body).wrong("the body of a request, as promptecho exports it")
    headers = fields.get("headers")
    if headers is not None and not all(isinstance(text, str) for text in place.child("headers").mapping().values()):
        raise place.child("headers").wrong("a mapping of names to texts")
    query, repeat, incomplete = fields.get("query"), fields.get("repeat"), fields.get("incomplete")
    if query is None:
        query = "" if headers is None else ()
    elif not isinstance(query, str):
        try:
            query = from_tree(query)
        except ValueError as problem:
            raise place.child("query").wrong(str(problem)) from None
    if repeat is not None and (not isinstance(repeat, int) or isinstance(repeat, bool)):
        raise place.child("repeat").wrong("a number")
    if incomplete is not None and not isinstance(incomplete, str):
        raise place.child("incomplete").wrong("a text")
    delays, sizes = fields.get("delays", []), fields.get("chunks", [])
    if not isinstance(delays, list) or not all(map(_is_number, delays)):
        raise place.child("delays").wrong("a list of seconds")
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise place.child("chunks").wrong("a list of sizes in bytes")
    return Kept(body, query, headers, repeat, tuple(map(float, delays)), incomplete), sizes


def _cut(data: bytes, sizes: list[int]) -> tuple[bytes, ...]:
    if sum(sizes) != len(data):
        return (data,) if data else ()
    ends = list(accumulate(sizes, initial=0))
    return tuple(data[start:end] for start, end in zip(ends, ends[1:]))
