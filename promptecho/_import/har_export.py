"""Writing HAR 1.2: a cassette for the tools that read it.

What HAR has no field for (see ``Kept``) stands in private fields ``_promptecho``, which readers ignore, so that an
export imports as the cassette that it was.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from promptecho._cassette.cassette import Cassette
from promptecho._cassette.interaction import Interaction
from promptecho._harmless import json_escaped
from promptecho._import.exchange import (
    time_of,
    to_bytes,
)
from promptecho._import.har import NEVER, OURS
from promptecho._matching.bodies import RAW_BODY
from promptecho._secrets.query import to_tree
from promptecho._session.http1 import usual_reason
from promptecho._version import __version__

Json = Any


def to_har(cassette: Cassette, header: Mapping[str, Json]) -> dict[str, Json]:
    """A cassette as the tree of a HAR; ``header`` holds the keys above its interactions."""
    recorded_at = time_of(header.get("recorded_at"))
    started = recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if recorded_at else NEVER
    log: dict[str, Json] = {"version": "1.2", "creator": {"name": "promptecho", "version": __version__}}
    if recorded_at is None:
        log["comment"] = "The cassette doesn't say when it was recorded."
    log[OURS] = {key: header[key] for key in ("match_on", "recorded_at") if key in header}
    log["entries"] = [_entry(interaction, started) for interaction in cassette.interactions]
    return {"log": log}


def har_text(tree: Mapping[str, Json]) -> str:
    """A HAR as the text of its file."""
    return json_escaped(json.dumps(tree, indent=1, ensure_ascii=False)) + "\n"


def _entry(interaction: Interaction, started: str) -> dict[str, Json]:
    milliseconds = round((interaction.duration or 0.0) * 1000, 4)
    receive = min(milliseconds, round(sum(interaction.response.delays) * 1000, 4))
    request, ours = _request_tree(interaction)
    entry: dict[str, Json] = {
        "startedDateTime": started,
        "time": milliseconds,
        "request": request,
        "response": _response_tree(interaction),
        "cache": {},
        "timings": {"send": 0, "wait": round(milliseconds - receive, 4), "receive": receive},
    }
    if interaction.incomplete:
        entry["comment"] = f"The response did not arrive whole: {interaction.incomplete}."
    entry[OURS] = ours
    return entry


def _request_tree(interaction: Interaction) -> tuple[dict[str, Json], dict[str, Json]]:
    document = interaction.document
    tree: dict[str, Json] = {
        "method": interaction.method,
        "url": interaction.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(interaction.url).query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": 0,
    }
    ours: dict[str, Json] = {}
    query, headers = interaction.identity.query, interaction.identity.headers
    if query:
        ours["query"] = query if isinstance(query, str) else to_tree(query)
    if headers is not None:
        ours["headers"] = headers
    if "repeat" in document:
        ours["repeat"] = document["repeat"]
    response = document["response"]
    for name in ("incomplete", "delays", "chunks"):
        if response.get(name):
            ours[name] = response[name]
    if interaction.body:
        post, is_whole = _post_data(interaction.body)
        if not is_whole:
            ours["body"] = interaction.body
        tree["headers"] = [{"name": "content-type", "value": post["mimeType"]}]
        tree["bodySize"] = len(to_bytes(post["text"])) if is_whole or post["text"] else -1
        tree["postData"] = post
    return tree, ours


def _post_data(body: dict[str, Json]) -> tuple[dict[str, Json], bool]:
    """The body of a request, and whether the text of it is the body that the recording is matched by."""
    if len(body) == 1:
        name, value = next(iter(body.items()))
        if name == "__form__" and _are_pairs(value):
            params = [{"name": key, "value": text} for key, text in value]
            text = urlencode([(key, text) for key, text in value], errors="surrogatepass")
            return {"mimeType": "application/x-www-form-urlencoded", "params": params, "text": text}, False
        if name == "__json__":
            return {"mimeType": "application/json", "params": [], "text": json.dumps(value, ensure_ascii=False)}, False
        if name == "__multipart__" and isinstance(value, list):
            params = [_multipart_param(part) for part in value if isinstance(part, dict)]
            comment = "The cassette holds the digests of larger parts and of files, not their content."
            return {"mimeType": "multipart/form-data", "params": params, "text": "", "comment": comment}, False
        if name == RAW_BODY:
            comment = f"The cassette holds the digest of this body, not its content: sha256 {value}."
            return {"mimeType": "application/octet-stream", "params": [], "text": "", "comment": comment}, False
    return {"mimeType": "application/json", "params": [], "text": json.dumps(body, ensure_ascii=False)}, True


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in value
    )


def _multipart_param(part: Mapping[str, Json]) -> dict[str, Json]:
    names = {"name": "name", "filename": "fileName", "type": "contentType", "value": "value"}
    found = {theirs: str(part[ours]) for ours, theirs in names.items() if ours in part}
    if "sha256" in part:
        found["comment"] = f"sha256 {part['sha256']}"
    return {"name": "", **found}


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _response_tree(interaction: Interaction) -> dict[str, Json]:
    response = interaction.response
    head, body = response.head, response.body
    content_type = head.headers.get("content-type")
    content: dict[str, Json] = {"size": len(body), "mimeType": content_type or "x-unknown"}
    text = None if interaction.document["response"].get("encoded") else _text(body)
    if text is not None:
        content["text"] = text
    else:
        content["text"] = base64.b64encode(body).decode("ascii")
        content["encoding"] = "base64"
    return {
        "status": head.status_code,
        "statusText": head.reason if head.reason is not None else usual_reason(head.status_code),
        "httpVersion": head.http_version or "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in head.headers],
        "content": content,
        "redirectURL": head.headers.get("location"),
        "headersSize": -1,
        "bodySize": len(body),
    }
