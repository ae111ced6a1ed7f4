"""What a recording of an earlier version holds for a request, where today's reading of the request is another.

Its key is made again from that, without headers, so that nothing recorded before is lost.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

Json = Any

# By these a name was taken for that of a credential, and its value was left out.
_CREDENTIALS = re.compile(
    r"^(?:key|api[-_]?key|access[-_]?(?:token|key)|.*[-_]?token|sig|.*signature|code|client[-_]?secret|password|secret"
    r"|auth|authorization|x-amz-(?:credential|security-token|signature|date|expires|signedheaders|algorithm)"
    r"|x-goog-(?:credential|signature|date|expires|signedheaders|algorithm)|awsaccesskeyid|subscription-key)$",
    re.IGNORECASE,
)
_PAGE_TOKENS = frozenset(("page_token", "pagetoken", "next_token", "nexttoken", "continuation_token", "starting_token"))


def query_digest(query: str) -> str:
    """What stood in ``query:`` before its values did."""
    pairs = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name.lower() in _PAGE_TOKENS or not _CREDENTIALS.match(name)
    ]
    if not pairs:
        return ""
    text = json.dumps(sorted(pairs, key=lambda pair: pair[0]), separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def query_names(query: str) -> str:
    """What promptecho 0.1.3 knew of a query: its names."""
    names = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)})
    return "names:" + ",".join(names) if names else ""


def bodies(body: Mapping[str, Json], path: str) -> Iterator[dict[str, Json]]:
    """The canonical bodies that were stored for a request whose canonical body is another now."""
    tools = body.get("tools")
    if isinstance(tools, list) and any(isinstance(tool, dict) and tool.get("type") == "custom" for tool in tools):
        yield {**body, "tools": [_without_custom_type(tool) for tool in tools]}
    if path.startswith("/model/") and "messages" not in body:  # an image that Bedrock was asked for, as a chat
        for name in ("inputText", "prompt"):
            if isinstance(body.get(name), str):
                rest = {key: value for key, value in body.items() if key != name}
                yield {"messages": [{"role": "user", "content": body[name]}], **rest}


def _without_custom_type(tool: Json) -> Json:
    if isinstance(tool, dict) and tool.get("type") == "custom" and "name" in tool and "format" not in tool:
        return {name: value for name, value in tool.items() if name != "type"}
    return tool
