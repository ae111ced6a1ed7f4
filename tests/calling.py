"""Calls that child processes of the tests make; run as a program it makes one: ``python calling.py URL PROMPT [LIBRARY]``."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def ask(url: str, prompt: str, library: str = "httpx") -> str:
    """Ask through a library, and give the answer as text."""
    body = {"prompt": prompt}
    if library == "aiohttp":
        import asyncio

        import aiohttp

        async def one() -> str:
            async with aiohttp.ClientSession() as session, session.post(f"{url}/echo", json=body) as response:
                return await response.text()

        return asyncio.run(one())
    if library == "urllib3":
        import json

        import urllib3

        with urllib3.PoolManager() as pool:
            headers = {"content-type": "application/json"}
            return pool.request("POST", f"{url}/echo", body=json.dumps(body), headers=headers).data.decode()
    module: Any = __import__(library)
    return str(module.post(f"{url}/echo", json=body).text)


def ask_all(calls: tuple[str, list[str], str]) -> list[str]:
    url, prompts, library = calls
    return [ask(url, prompt, library) for prompt in prompts]


def swallow(url: str, prompt: str) -> str:
    """Ask, and tell of an error by its name alone."""
    try:
        return ask(url, prompt)
    except BaseException as error:
        return type(error).__name__


def ask_below(url: str, prompt: str) -> str:
    """Ask by a program that this process starts."""
    return subprocess.run([sys.executable, __file__, url, prompt], stdout=subprocess.PIPE, text=True, check=True).stdout


def masked(text: str) -> str:
    return text.replace("a-word-that-is-secret", "MASKED")


if __name__ == "__main__":
    sys.stdout.write(ask(*sys.argv[1:]))
