"""httpx and httpx2, sync and async."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from . import Call, Observed


def _arguments(call: Call) -> dict[str, Any]:
    arguments: dict[str, Any] = {"headers": list(call.headers)}
    if call.json is not None:
        arguments["json"] = call.json
    if call.content is not None:
        arguments["content"] = call.content
    return arguments


def _observed(response: Any, chunks: list[bytes]) -> Observed:
    return Observed(
        response.status_code,
        tuple(response.headers.multi_items()),
        tuple(chunks),
        response.reason_phrase,
        tuple(each.status_code for each in response.history),
    )


class HttpxDriver:
    def __init__(self, module: str) -> None:
        self.name = self.backend = module
        self._module = module

    def send(self, call: Call) -> Observed:
        module: Any = importlib.import_module(self._module)
        with module.Client(follow_redirects=call.follow_redirects, trust_env=False, timeout=call.timeout) as client:
            if not call.stream:
                response = client.request(call.method, call.url, **_arguments(call))
                assert response.elapsed.total_seconds() >= 0
                return _observed(response, [response.content])
            chunks: list[bytes] = []
            with client.stream(call.method, call.url, **_arguments(call)) as response:
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    if len(chunks) == call.read:
                        break
            return _observed(response, chunks)


class HttpxAsyncDriver:
    def __init__(self, module: str) -> None:
        self.name = f"{module}-async"
        self.backend = module
        self._module = module

    def send(self, call: Call) -> Observed:
        return asyncio.run(self._send(call))

    async def _send(self, call: Call) -> Observed:
        module: Any = importlib.import_module(self._module)
        arguments = _arguments(call)
        if "content" in arguments and not isinstance(arguments["content"], (bytes, str)):
            arguments["content"] = _as_async(arguments["content"])
        async with module.AsyncClient(
            follow_redirects=call.follow_redirects, trust_env=False, timeout=call.timeout
        ) as client:
            if not call.stream:
                response = await client.request(call.method, call.url, **arguments)
                return _observed(response, [response.content])
            chunks: list[bytes] = []
            async with client.stream(call.method, call.url, **arguments) as response:
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)
                    if len(chunks) == call.read:
                        break
            return _observed(response, chunks)


async def _as_async(chunks: Any) -> Any:
    for chunk in chunks:
        yield chunk
