"""aiohttp."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from . import Call, Observed


class AiohttpDriver:
    name = backend = "aiohttp"

    def send(self, call: Call) -> Observed:
        return asyncio.run(self._send(call))

    async def _send(self, call: Call) -> Observed:
        content: Any = call.content
        if content is not None and not isinstance(content, (bytes, str)):
            content = _as_async(content)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=call.timeout)) as session:
            async with session.request(
                call.method,
                call.url,
                json=call.json,
                data=content,
                headers=call.headers,
                allow_redirects=call.follow_redirects,
            ) as response:
                chunks: list[bytes] = []
                if call.stream:
                    async for chunk in response.content.iter_any():
                        chunks.append(chunk)
                        if len(chunks) == call.read:
                            response.close()
                            break
                else:
                    chunks = [await response.read()]
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in response.raw_headers)
                return Observed(
                    response.status,
                    headers,
                    tuple(chunks),
                    response.reason or "",
                    tuple(each.status for each in response.history),
                )


async def _as_async(chunks: Any) -> Any:
    for chunk in chunks:
        yield chunk
