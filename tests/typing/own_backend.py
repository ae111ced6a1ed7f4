"""A backend as somebody else would publish it, built from ``promptecho.backend`` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, Callable, Optional

from typing_extensions import assert_type

from promptecho.backend import (
    Backend,
    Forward,
    Headers,
    PatchPoint,
    Replay,
    Request,
    Response,
    ResponseHead,
    Session,
    session_for,
    suppressed,
)

Send = Callable[[str, bytes], "list[bytes]"]


class MyBackend:
    name = "mylib"
    rides_on = ("urllib3",)

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        library: Any = module
        return [PatchPoint(library.Client, "send", wrapped)]


def wrapped(original: Send) -> Send:
    def send(url: str, body: bytes) -> list[bytes]:
        session = session_for("mylib")
        assert_type(session, Optional[Session])
        if session is None:
            return original(url, body)
        request = Request("POST", url, Headers([("content-type", "application/json")]), body)
        decision = session.decide(request)
        assert_type(decision, "Replay | Forward | None")
        if isinstance(decision, Replay):
            return list(replayed(decision))
        with suppressed(request.host):
            chunks = original(url, body)
        if decision is not None:
            record(decision, chunks)
        return chunks

    return send


def replayed(replay: Replay) -> Iterator[bytes]:
    assert_type(replay.response, Response)
    assert_type(replay.response.head.status_code, int)
    for number, chunk in enumerate(replay.response.chunks):
        assert_type(replay.seconds(number), float)
        yield chunk
    replay.check_end()


def record(forward: Forward, chunks: list[bytes]) -> None:
    forward.start(ResponseHead(200, Headers({"content-type": "application/json"}), reason="OK"))
    try:
        for chunk in chunks:
            forward.feed(chunk)
    except GeneratorExit:
        forward.abandon()
        raise
    except BaseException as error:
        forward.abort(error)
        raise
    forward.finish()


class Nameless:
    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        return []


def registered() -> Backend:
    return MyBackend()


def mistakes() -> Backend:
    return Nameless()  # type: ignore[return-value]
