"""urllib3, and with it what is built on it: requests, botocore (boto3, Bedrock).

Where calls are caught: at ``_make_request``, which runs once for each real exchange, below urllib3's own retries and
redirects. A pool of the program's own may send past that; then the call is caught at the connection. On replay the
library's own code runs over a socket that holds the recorded answer, so every response is made by http.client and
urllib3 themselves. While recording, the file that http.client reads from is wrapped: each piece goes to the program as
it is read.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Iterable
from types import FrameType, ModuleType
from typing import Any

from promptecho.backend import (
    Forward,
    Headers,
    PatchPoint,
    Replay,
    ReplayFile,
    Request,
    ResponseHead,
    Session,
    TeeFile,
    is_guarded,
    session_for,
    suppressed,
    usual_reason,
)
from promptecho.errors import BackendError

# Private names of the library, all here.
_EXCHANGE = "_make_request"  # HTTPConnectionPool: one exchange over one connection
_TUNNEL = "_prepare_proxy"  # HTTPConnectionPool: connects to a proxy before an exchange
_OPTIONS = "_response_options"  # HTTPConnection: how its next response is to be made
_KEPT = "_promptecho_call"  # set by us on a connection between its request and its response
_FILE = "fp"  # http.client.HTTPResponse: what the body is read from
_ORIGINAL = "_original_response"  # urllib3.HTTPResponse: http.client's response


class Urllib3Backend:
    """The adapter for urllib3 2."""

    rides_on = ("botocore.credentials",)

    def __init__(self, name: str) -> None:
        self.name = name

    def patch_points(self, module: ModuleType) -> Iterable[PatchPoint]:
        version = str(getattr(module, "__version__", "0"))
        if int(version.partition(".")[0]) < 2:
            raise BackendError(f"urllib3 {version} is too old to be intercepted: pip install 'urllib3>=2'")
        pools: Any = importlib.import_module("urllib3.connectionpool")
        connections: Any = importlib.import_module("urllib3.connection")
        return [
            PatchPoint(connections.HTTPConnection, "request", _wrap_request),
            PatchPoint(connections.HTTPConnection, "getresponse", _wrap_response),
            PatchPoint(pools.HTTPConnectionPool, _EXCHANGE, _wrap_exchange),
            PatchPoint(pools.HTTPConnectionPool, _TUNNEL, _wrap_tunnel),
            PatchPoint(pools.HTTPSConnectionPool, _TUNNEL, _wrap_tunnel),
        ]


def _session(sender: Any, method: str, url: str) -> Session | None:
    session = session_for("urllib3")
    if session is None and "requests" in sys.modules:
        session = session_for("requests")
        if session is not None and not _is_by_requests():
            session = None
    if session is None and is_guarded():
        return session_for("urllib3", method, _whole_address(sender, url))
    return session


def _is_by_requests() -> bool:
    """Whether a network adapter of requests makes this call. The stack tells, whoever has patched requests."""
    adapter: Any = sys.modules["requests.adapters"].HTTPAdapter
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        names = frame.f_code.co_varnames[: min(1, frame.f_code.co_argcount)]
        if names and isinstance(frame.f_locals.get(names[0]), adapter):
            return True
        frame = frame.f_back
    return False


def _wrap_tunnel(original: Any) -> Any:
    def prepare_proxy(pool: Any, connection: Any) -> Any:
        # Nothing is connected before it is known whether the call goes out; ``exchange`` connects then.
        return None if is_guarded() else original(pool, connection)

    return prepare_proxy


def _wrap_exchange(original: Any) -> Any:
    def exchange(pool: Any, connection: Any, method: str, url: str, **arguments: Any) -> Any:
        session = _session(pool, method, url)
        if session is None:
            if is_guarded():
                _open_tunnel(pool, connection)
            return original(pool, connection, method, url, **arguments)
        data, arguments["body"] = _read_body(arguments.get("body"))
        request = to_request(pool, method, url, arguments.get("headers"), data)
        decision = session.decide(request)
        if isinstance(decision, Replay):
            return _replayed(original, decision, pool, connection, method, url, arguments)
        with suppressed(request.host):
            try:
                _open_tunnel(pool, connection)
                if decision is None:
                    return original(pool, connection, method, url, **arguments)
                preload = arguments.pop("preload_content", True)
                response = original(pool, connection, method, url, preload_content=False, **arguments)
            except BaseException as error:
                if decision is not None:
                    decision.abort(error)
                raise
        return _recorded(decision, response, preload, arguments.get("decode_content", True))

    return exchange


def _wrap_request(original: Any) -> Any:
    def request(connection: Any, method: str, url: str, body: Any = None, headers: Any = None, **named: Any) -> None:
        session = _session(connection, method, url)
        if session is None:
            original(connection, method, url, body, headers, **named)
            return
        data, body = _read_body(body)
        neutral = to_request(connection, method, url, headers, data)
        decision = session.decide(neutral)
        kept = connection.sock
        if isinstance(decision, Replay):
            connection.sock = _ReplaySocket(decision)
        try:
            with suppressed(neutral.host):
                original(connection, method, url, body, headers, **named)
        except BaseException as error:
            if isinstance(decision, Forward):
                decision.abort(error)
            raise
        setattr(connection, _KEPT, (decision, kept))

    return request


def _wrap_response(original: Any) -> Any:
    def getresponse(connection: Any) -> Any:
        decision, kept = connection.__dict__.pop(_KEPT, (None, None))
        if isinstance(decision, Replay):
            try:
                return original(connection)
            finally:
                connection.sock = kept
        if decision is None:
            return original(connection)
        options = getattr(connection, _OPTIONS)
        setattr(connection, _OPTIONS, options._replace(preload_content=False))
        try:
            response = original(connection)
        except BaseException as error:
            decision.abort(error)
            raise
        return _recorded(decision, response, options.preload_content, options.decode_content)

    return getresponse


def _open_tunnel(pool: Any, connection: Any) -> None:
    """Connect to where a call goes through a proxy, now that it is known to go out."""
    from urllib3.util.proxy import connection_requires_http_tunnel

    if pool.proxy is None or not connection.is_closed:
        return
    if connection_requires_http_tunnel(pool.proxy, pool.proxy_config, pool.scheme):
        with suppressed():
            getattr(type(pool), _TUNNEL)(pool, connection)


def _read_body(body: Any) -> tuple[bytes, Any]:
    """The bytes of a body, and a body to send that still has them."""
    if body is None:
        return b"", None
    if isinstance(body, str):
        return body.encode("utf-8"), body
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), body
    if hasattr(body, "read"):
        data = body.read()
    else:
        data = b"".join(part.encode("utf-8") if isinstance(part, str) else bytes(part) for part in body)
    data = data.encode("utf-8") if isinstance(data, str) else data
    return data, data


def to_request(sender: Any, method: str, url: str, headers: Any, body: bytes) -> Request:
    """The neutral request of a pool or a connection; ``url`` is a path, or whole where a proxy is spoken to."""
    fields = Headers(list(headers.items()) if headers is not None else [])
    return Request(method.upper(), _whole_address(sender, url), fields, body)


def _whole_address(sender: Any, url: str) -> str:
    if "://" in url:
        return url
    scheme = getattr(sender, "scheme", None) or ("https" if sender.default_port == 443 else "http")
    port = "" if sender.port in (None, {"http": 80, "https": 443}.get(scheme)) else f":{sender.port}"
    host = f"[{sender.host}]" if ":" in sender.host and not sender.host.startswith("[") else sender.host
    return f"{scheme}://{host}{port}{url}"


def _recorded(forward: Forward, response: Any, preload: bool, decode: bool) -> Any:
    native = getattr(response, _ORIGINAL)
    try:
        forward.start(
            ResponseHead(
                native.status,
                Headers(native.getheaders()),
                None if native.reason == usual_reason(native.status) else native.reason,
                None if native.version == 11 else "HTTP/1.0",
            )
        )
    except BaseException:
        response.close()
        raise
    if (native.length == 0 and not native.chunked) or getattr(native, _FILE) is None:
        forward.finish()
    else:
        setattr(native, _FILE, TeeFile(getattr(native, _FILE), forward, native.chunked, native.length))
    if preload:
        response.read(decode_content=decode, cache_content=True)
    return response


# --- replaying --------------------------------------------------------------------------------------------------------


def _replayed(
    original: Any, replay: Replay, pool: Any, connection: Any, method: str, url: str, arguments: dict[str, Any]
) -> Any:
    """Let the library work over a socket that holds the answer; the connection's own socket is put back after."""
    kept = connection.sock
    verified = getattr(connection, "is_verified", None)
    connection.sock = _ReplaySocket(replay)
    if verified is not None:
        connection.is_verified = True  # nothing is sent, so there is nothing to warn of
    try:
        with suppressed():
            return original(pool, connection, method, url, **arguments)
    finally:
        connection.sock = kept
        if verified is not None:
            connection.is_verified = verified


class _ReplaySocket:
    """A socket that swallows what is sent and answers with a recording."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def sendall(self, data: Any) -> None:
        pass

    def settimeout(self, seconds: Any) -> None:
        pass

    def setsockopt(self, *arguments: Any) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        pass

    def makefile(self, mode: str, *arguments: Any, **named: Any) -> io.BufferedReader:
        return io.BufferedReader(ReplayFile(self._replay))
