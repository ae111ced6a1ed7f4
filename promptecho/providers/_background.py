"""Background traffic, as a value: what an SDK sends or looks up on its own, and no test asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptecho._models import Headers, Request, Response, ResponseHead
from promptecho.providers._host_names import pattern

ANY = ("*",)
WRITES = ("POST", "PATCH", "PUT")
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Background:
    """One kind of background traffic, told by host and path, never by its query.

    ``hosts``: names and patterns; ``path``: an expression for the path behind its first slash, or behind any where the
    host is ``ANY``. ``status`` and ``body`` are the answer that its sender takes calmly; that to protobuf has no body.
    ``senders``: how names of modules begin that send it, for connections of which no path is known.
    """

    hosts: tuple[str, ...]
    path: str
    methods: tuple[str, ...] = ("POST",)
    status: int = 200
    body: str = "{}"
    senders: tuple[str, ...] = ()
    why: str = "traces"
    _host: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _path: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        any_host = re.compile(r".*", re.DOTALL)
        object.__setattr__(self, "_host", any_host if self.hosts == ANY else pattern(self.hosts))
        prefix = r"(?:/[^?#]*)?" if self.hosts == ANY else ""  # what is sent anywhere is sent below any path
        object.__setattr__(self, "_path", re.compile(rf"{prefix}/(?:{self.path})/?"))

    def fits(self, method: str, host: str, path: str) -> bool:
        return (
            method in self.methods and self._path.fullmatch(path) is not None and self._host.fullmatch(host) is not None
        )

    def answer(self, request: Request) -> Response:
        """What the sender gets where nothing may go out."""
        kind = request.headers.get("content-type").partition(";")[0].strip().lower()
        if "protobuf" in kind and self.status == 200:
            return _response(200, {"content-type": kind}, b"")
        if self.status == 204 or request.method == "HEAD":
            return _response(self.status, {}, b"")
        return _response(self.status, {"content-type": "application/json"}, self.body.encode())


def _response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    length = {} if status == 204 else {"content-length": str(len(body))}
    return Response(ResponseHead(status, Headers({**headers, **length})), (body,) if body else ())
