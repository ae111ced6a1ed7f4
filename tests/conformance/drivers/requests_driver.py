"""requests."""

from __future__ import annotations

from typing import Any

import requests

from . import Call, Observed


class RequestsDriver:
    name = backend = "requests"

    def send(self, call: Call) -> Observed:
        with requests.Session() as session:
            session.trust_env = False
            response: Any = session.request(
                call.method,
                call.url,
                json=call.json,
                data=call.content,
                headers=dict(call.headers),
                stream=call.stream,
                allow_redirects=call.follow_redirects,
                timeout=call.timeout,
            )
            chunks: list[bytes] = []
            if call.stream:
                for chunk in response.iter_content(None):
                    chunks.append(chunk)
                    if len(chunks) == call.read:
                        break
                response.close()
            else:
                chunks = [response.content]
        return Observed(
            response.status_code,
            tuple(response.raw.headers.iteritems()),
            tuple(chunks),
            response.reason,
            tuple(each.status_code for each in response.history),
        )
