"""The clients: each HTTP library as it is, or on an in-process transport that returns a constant (the floor).

A floor does all that the library does for a call, apart from the network and what only a connection needs.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import time
from collections.abc import Iterable
from typing import Any, Callable
from urllib.parse import urlsplit

from benchmarks import corpus

Json = Any
KEY = "sk-benchmark-0123456789abcdef0123456789abcdef"
PATH = "/v1/chat/completions"
LIBRARIES = ("httpx", "httpx2", "requests", "urllib3", "boto3", "aiohttp")


class Caller:
    """Sends a chat request and gives the answer's bytes; ``timed`` gives the seconds that each of some calls took."""

    def __init__(self, send: Callable[[Json], bytes]) -> None:
        self._send = send

    def __call__(self, payload: Json) -> bytes:
        return self._send(payload)

    def timed(self, payloads: Iterable[Json], seconds: float) -> list[float]:
        send, clock, times = self._send, time.perf_counter, []
        end = clock() + seconds
        for payload in payloads:
            start = clock()
            send(payload)
            now = clock()
            times.append(now - start)
            if now > end:
                break
        return times


def caller(library: str, url: str, *, floor: bool) -> Caller:
    """A client of a library, kept over its calls; ``url`` is where the server is, or was when it was recorded."""
    if library in ("httpx", "httpx2"):
        return _httpx(library, url, floor)
    make = {"requests": _requests, "urllib3": _urllib3, "boto3": _boto3, "aiohttp": _Aiohttp}[library]
    return make(url, floor)


def httpx_client(library: str, floor: bool, chunks: list[bytes] | None = None) -> Any:
    """``httpx.Client`` or ``httpx2.Client``; ``chunks``: the floor answers with a stream."""
    module: Any = importlib.import_module(library)
    headers = {"authorization": f"Bearer {KEY}"}
    if not floor:
        return module.Client(headers=headers)
    kind = "application/json" if chunks is None else "text/event-stream"
    fields = corpus.response_headers(kind)
    data = corpus.chat_answer(0)

    def answer(request: Any) -> Any:
        return module.Response(200, headers=fields, content=data if chunks is None else iter(chunks))

    return module.Client(transport=module.MockTransport(answer), headers=headers)


def _httpx(library: str, url: str, floor: bool) -> Caller:
    client = httpx_client(library, floor)
    return Caller(lambda payload: client.post(url + PATH, json=payload).content)


def _urllib3_response(data: bytes, preload: bool = False) -> Any:
    import urllib3

    fields = urllib3.HTTPHeaderDict(corpus.response_headers("application/json"))
    return urllib3.HTTPResponse(io.BytesIO(data), headers=fields, status=200, version=11, preload_content=preload)


def _requests(url: str, floor: bool) -> Caller:
    import requests
    from requests.adapters import HTTPAdapter

    data = corpus.chat_answer(0)

    class Constant(HTTPAdapter):  # type: ignore[misc]  # the libraries have no types here
        def send(self, request: Any, *arguments: Any, **named: Any) -> Any:
            return self.build_response(request, _urllib3_response(data))

    session = requests.Session()
    session.headers["authorization"] = f"Bearer {KEY}"
    session.trust_env = False
    if floor:
        session.mount("http://", Constant())
    return Caller(lambda payload: session.post(url + PATH, json=payload).content)


def _urllib3(url: str, floor: bool) -> Caller:
    import urllib3

    data = corpus.chat_answer(0)

    class Constant(urllib3.HTTPConnectionPool):  # type: ignore[misc]  # as above
        def _make_request(self, *arguments: Any, preload_content: bool = True, **named: Any) -> Any:
            return _urllib3_response(data, preload_content)

    pool = (Constant if floor else urllib3.HTTPConnectionPool)(urlsplit(url).hostname, urlsplit(url).port)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    def send(payload: Json) -> bytes:
        body = json.dumps(payload).encode()
        return bytes(pool.request("POST", PATH, body=body, headers=headers, retries=False).data)

    return Caller(send)


def _boto3(url: str, floor: bool) -> Caller:
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config

    client: Any = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIABENCHMARK0000000",
        aws_secret_access_key="benchmark/secret/0123456789abcdef0123456",
        config=Config(retries={"total_max_attempts": 1}),
    )
    if floor:
        data = corpus.bedrock_answer(0)
        fields = dict(corpus.response_headers("application/json"))

        def answer(request: Any, **named: Any) -> Any:
            return AWSResponse(request.url, 200, fields, _urllib3_response(data))

        client.meta.events.register("before-send.bedrock-runtime.Converse", answer)

    def send(payload: Json) -> bytes:
        text = payload["messages"][1]["content"]
        said = [{"role": "user", "content": [{"text": text}]}]
        message = client.converse(modelId=corpus.BEDROCK_MODEL, messages=said)["output"]["message"]
        return str(message["content"][0]["text"]).encode()

    return Caller(send)


class _Aiohttp(Caller):
    """One loop for all calls; they are timed inside it."""

    def __init__(self, url: str, floor: bool) -> None:
        import aiohttp

        self._loop = asyncio.new_event_loop()

        async def session() -> Any:
            connector = _constant_connector(self._loop) if floor else None
            return aiohttp.ClientSession(connector=connector, headers={"authorization": f"Bearer {KEY}"})

        self._session = self._loop.run_until_complete(session())
        self._url = url + PATH

    async def _post(self, payload: Json) -> bytes:
        async with self._session.post(self._url, json=payload) as response:
            return bytes(await response.read())

    def __call__(self, payload: Json) -> bytes:
        return self._loop.run_until_complete(self._post(payload))

    def timed(self, payloads: Iterable[Json], seconds: float) -> list[float]:
        async def run() -> list[float]:
            clock, times = time.perf_counter, []
            end = clock() + seconds
            for payload in payloads:
                start = clock()
                await self._post(payload)
                now = clock()
                times.append(now - start)
                if now > end:
                    break
            return times

        return self._loop.run_until_complete(run())


def _constant_connector(loop: asyncio.AbstractEventLoop) -> Any:
    """A connector whose connections are answered in process; the library pools them as usual."""
    from aiohttp import BaseConnector
    from aiohttp.client_proto import ResponseHandler

    body = corpus.chat_answer(0)
    fields = [*corpus.response_headers("application/json"), ("content-length", str(len(body)))]
    data = b"HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n" + body

    class Transport(asyncio.Transport):
        protocol: Any = None

        def write(self, sent: Any) -> None:
            loop.call_soon(self.protocol.data_received, data)

        def writelines(self, sent: Any) -> None:
            self.write(b"")

        def is_closing(self) -> bool:
            return False

        def close(self) -> None:
            pass

    class Connector(BaseConnector):  # type: ignore[misc]  # as above
        async def _create_connection(self, *arguments: Any, **named: Any) -> Any:
            transport = Transport()
            transport.protocol = ResponseHandler(loop=loop)
            transport.protocol.connection_made(transport)
            return transport.protocol

    return Connector(loop=loop)
