"""http.client, through a backend that is installed as a third party's: found by its entry point."""

from __future__ import annotations

import http.client
import json
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from . import Call, Observed

sys.path.append(str(Path(__file__).resolve().parents[1] / "third_party"))


class HttpClientDriver:
    name = backend = "http.client"

    def send(self, call: Call) -> Observed:
        url, history = call.url, []
        while True:
            observed = self._send(call, url)
            if not (call.follow_redirects and observed.status == 302):
                return Observed(observed.status, observed.headers, observed.chunks, observed.reason, tuple(history))
            history.append(observed.status)
            url = urljoin(url, observed.header("location")[0])

    def _send(self, call: Call, url: str) -> Observed:
        parts = urlsplit(url)
        headers = dict(call.headers)
        body: Any = call.content
        if call.json is not None:
            body, headers["content-type"] = json.dumps(call.json).encode(), "application/json"
        connection = http.client.HTTPConnection(parts.netloc, timeout=call.timeout)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(call.method, target, body, headers)
            response = connection.getresponse()
            coding = response.getheader("content-encoding")
            decoder = zlib.decompressobj(47) if coding else None  # gzip or zlib, whichever it is
            chunks: list[bytes] = []
            while call.stream and len(chunks) != call.read:
                chunk = response.read1()
                if not chunk:
                    if response.length:  # read1() says nothing of a body that ends too early
                        raise http.client.IncompleteRead(b"", response.length)
                    break
                chunks.append(decoder.decompress(chunk) if decoder else chunk)
            if not call.stream:
                whole = response.read()
                chunks = [decoder.decompress(whole) if decoder else whole]
            response.close()
        finally:
            connection.close()
        return Observed(response.status, tuple(response.getheaders()), tuple(chunks), response.reason)
