"""urllib3."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from . import Call, Observed


class Urllib3Driver:
    name = backend = "urllib3"

    def send(self, call: Call) -> Observed:
        headers = urllib3.HTTPHeaderDict(call.headers)
        body: Any = call.content
        if call.json is not None:
            body = json.dumps(call.json).encode()
            headers["content-type"] = "application/json"
        with urllib3.PoolManager(retries=urllib3.Retry(3, connect=0, read=0, status=0), timeout=call.timeout) as pool:
            response: Any = pool.request(
                call.method,
                call.url,
                body=body,
                headers=headers,
                redirect=call.follow_redirects,
                preload_content=not call.stream,
            )
            chunks: list[bytes] = []
            if call.stream:
                for chunk in response.stream(65536, decode_content=True):
                    chunks.append(chunk)
                    if len(chunks) == call.read:
                        break
                response.close()
            else:
                chunks = [response.data]
            history = tuple(each.status for each in response.retries.history) if response.retries else ()
        return Observed(response.status, tuple(response.headers.iteritems()), tuple(chunks), response.reason, history)
