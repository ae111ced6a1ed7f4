"""vcrpy cassettes (format 1, as YAML or JSON) to exchanges.

Bodies are a text, bytes (``!!binary``), base64, what a file or an iterator gave, or a tree (its aiohttp stub stores
what was passed as ``json=``; serializers that people wrote for LLM suites store ``parsed_body``). Response bodies have
their content coding unless the suite asked for ``decode_compressed_response``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promptecho._cassette.foreign import VCRPY
from promptecho._import.exchange import (
    Entry,
    Exchange,
    Place,
    Source,
    changed_body,
    date_of,
    head_of,
    json_bytes,
    replayed_json,
    to_bytes,
    with_fitting_coding,
)
from promptecho._models import Headers, Request, ResponseHead
from promptecho.errors import CassetteFormatError

Json = Any


def read(tree: object, file: Path) -> Source:
    """The calls of a parsed cassette.

    Raises:
        CassetteFormatError: another version; while the calls are gone through, an entry of another shape.
    """
    if isinstance(tree, list):
        raise CassetteFormatError(
            f"{file} was written by vcrpy before 1.0, a format without a version; bring it to format 1 with "
            "'python -m vcr.migration', or record it again"
        )
    top = Place(file, "", tree)
    version = top.mapping().get("version", 1)
    if version != 1 or isinstance(version, bool):
        raise CassetteFormatError(f"{file}: version {version!r} of a vcrpy cassette is not known here (expected 1)")
    items = top.child("interactions").items()
    return Source(VCRPY, "vcrpy", _entries(items))


def _entries(items: list[Place]) -> Iterator[Entry]:
    for item in items:
        yield _exchange(item)


def _exchange(item: Place) -> Exchange:
    place = item.child("request")
    headers = place.child("headers").headers()
    body, warnings = _request_body(place, headers)
    request = Request(
        place.child("method").text("an HTTP method such as POST"), place.child("uri").url(), headers, body
    )
    answer = item.child("response")
    head, data = _response(answer)
    head, more = with_fitting_coding(request.method, head, data)
    return Exchange(
        request,
        head,
        (data,) if data else (),
        recorded_at=date_of(head.headers),
        warnings=(*(warnings or changed_body(request)), *more),
    )


def _response(answer: Place) -> tuple[ResponseHead, bytes]:
    fields = answer.mapping()
    headers = answer.child("headers").headers()
    if "status_code" in fields:  # the httpx stub of vcrpy before 6
        version = fields.get("http_version")
        head = head_of(
            answer.child("status_code").status(), headers, None, version if isinstance(version, str) else None
        )
        return head, _response_body(answer.child("content"))
    status = answer.child("status")
    reason = status.mapping().get("message")
    head = head_of(status.child("code").status(), headers, reason if isinstance(reason, str) else None)
    if "parsed_body" in fields:
        return head, replayed_json(fields["parsed_body"])
    return head, _response_body(answer.child("body"))


def _response_body(place: Place) -> bytes:
    value = place.value
    if value is None or value == {}:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return to_bytes(value)
    fields = place.mapping()
    if "base64_string" in fields:
        return _from_base64(place.child("base64_string"))
    if "string" not in fields:
        raise place.wrong("a mapping with 'string' or 'base64_string'")
    if fields.get("encoding") == "base64":
        return _from_base64(place.child("string"))
    inner = place.child("string")
    if isinstance(inner.value, (dict, list)):
        raise inner.wrong("a text or bytes")
    return _response_body(inner)


def _from_base64(place: Place) -> bytes:
    value = place.value
    try:
        return base64.b64decode("".join(value.split()) if isinstance(value, str) else value, validate=True)
    except (ValueError, TypeError) as problem:
        raise place.wrong(f"base64 ({problem})") from None


def _request_body(place: Place, headers: Headers) -> tuple[bytes, tuple[str, ...]]:
    """The body as it would be sent; the second value tells that its length was not to be looked at, and why."""
    fields = place.mapping()
    if "parsed_body" in fields:
        return json_bytes(fields["parsed_body"]), ()
    body = place.child("body")
    value = body.value
    if isinstance(value, dict) and not value.keys().isdisjoint({"string", "base64_string"}) and value.keys() <= {
        "string", "base64_string", "encoding",
    }:  # fmt: skip
        return _response_body(body), ()
    if isinstance(value, (dict, list)):
        if isinstance(value, list) and value and all(isinstance(each, bytes) for each in value):
            return b"".join(value), ()  # the chunks of an iterator
        return _passed_data(body, headers)
    if value is None or isinstance(value, (str, bytes)):
        return _response_body(body), ()
    return json_bytes(value), ()


def _passed_data(body: Place, headers: Headers) -> tuple[bytes, tuple[str, ...]]:
    """What was passed to aiohttp as ``json=`` or ``data=``: the cassette doesn't say which."""
    value = body.value
    if "form" in headers.get("content-type"):
        from urllib.parse import urlencode

        return urlencode(value, doseq=True).encode("ascii"), ()
    try:
        data = json_bytes(value)
    except (TypeError, ValueError) as problem:
        raise body.wrong(f"a body of JSON values ({problem})") from None
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        return data, ("the request body is taken for JSON; if it was sent as a form, it finds no recording",)
    return data, ()
