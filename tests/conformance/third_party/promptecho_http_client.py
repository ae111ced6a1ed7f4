"""A backend for http.client, as somebody else would write and publish it."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from promptecho.backend import (
    Forward,
    Headers,
    PatchPoint,
    Replay,
    ReplayFile,
    Request,
    ResponseHead,
    TeeFile,
    session_for,
    suppressed,
    usual_reason,
)

_DECISION = "_promptecho_decision"


class HttpClientBackend:
    name = "http.client"

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        library: Any = module
        return [
            PatchPoint(library.HTTPConnection, "request", _wrap_request),
            PatchPoint(library.HTTPConnection, "getresponse", functools.partial(_wrap_getresponse, library)),
        ]


def _wrap_request(original: Any) -> Any:
    def request(connection: Any, method: str, url: str, body: Any = None, headers: Any = None, **named: Any) -> None:
        headers = headers or {}
        session = session_for("http.client")
        if session is None:
            original(connection, method, url, body, headers, **named)
            return
        data = body if body is None or isinstance(body, bytes) else b"".join(body)
        scheme = "https" if connection.default_port == 443 else "http"
        address = f"{scheme}://{connection.host}:{connection.port}{url}"
        asked = Request(method, address, Headers(headers.items()), data or b"")
        decision = session.decide(asked)
        if not isinstance(decision, Replay):
            try:
                with suppressed(asked.host):
                    original(connection, method, url, data, headers, **named)
            except BaseException as error:
                if decision is not None:
                    decision.abort(error)
                raise
        setattr(connection, _DECISION, (method, decision))

    return request


def _wrap_getresponse(library: Any, original: Any) -> Any:
    def getresponse(connection: Any) -> Any:
        method, decision = connection.__dict__.pop(_DECISION, ("", None))
        if isinstance(decision, Replay):
            response = library.HTTPResponse(_Socket(decision), method=method)
            response.begin()
            return response
        try:
            response = original(connection)
        except BaseException as error:
            if decision is not None:
                decision.abort(error)
            raise
        return response if decision is None else _recorded(response, decision)

    return getresponse


def _recorded(response: Any, forward: Forward) -> Any:
    unusual = None if response.reason == usual_reason(response.status) else response.reason
    forward.start(ResponseHead(response.status, Headers(response.getheaders()), unusual))
    if response.fp is None or (response.length == 0 and not response.chunked):
        forward.finish()
    else:
        response.fp = TeeFile(response.fp, forward, response.chunked, response.length)
    return response


class _Socket:
    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def makefile(self, mode: str) -> Any:
        return io.BufferedReader(ReplayFile(self._replay))
