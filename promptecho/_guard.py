"""Notices calls to LLM providers that go around the cassette.

It listens to the interpreter's audit events (PEP 578) for name lookups and connections, below every HTTP library, so an
SDK that moves to a library that no backend knows is noticed on its first run. In mode ``none`` the call raises before
anything is sent; in the other modes it warns. ``block_network`` widens this to every host but loopback, and raises in
every mode.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from promptecho import _forks, _probe
from promptecho.errors import UninterceptedCallError, UninterceptedCallWarning

# Hosts (and the hosts below them) at which providers answer.
LLM_HOSTS = (
    "api.openai.com", "openai.azure.com", "services.ai.azure.com", "models.inference.ai.azure.com", "models.github.ai",
    "api.anthropic.com", "generativelanguage.googleapis.com", "aiplatform.googleapis.com", "api.mistral.ai",
    "api.cohere.com", "api.cohere.ai", "api.groq.com", "openrouter.ai", "api.together.xyz", "api.together.ai",
    "api.fireworks.ai", "api.deepseek.com", "api.perplexity.ai", "router.huggingface.co",
    "api-inference.huggingface.co", "api.x.ai", "api.cerebras.ai", "api.deepinfra.com", "api.replicate.com",
    "api.voyageai.com", "integrate.api.nvidia.com", "ollama.com", "api.ai21.com", "api.sambanova.ai",
    "api.moonshot.ai", "dashscope.aliyuncs.com", "open.bigmodel.cn", "api.jina.ai", "api.stability.ai",
)  # fmt: skip
_LIBRARIES = ("botocore", "requests", "aiohttp", "httpx2", "httpx", "urllib3", "tornado", "pycurl", "urllib", "http")

_lock = _forks.new_lock()
_allowed: Counter[str] = Counter()
_listening = False


@dataclass(frozen=True)
class Watch:
    """What the open cassettes ask for: the strictest mode, whether the network is blocked; ``note`` keeps an error."""

    mode: str
    block_network: bool
    note: Callable[[BaseException], None]


def _nobody() -> Watch | None:
    return None


_watch: Callable[[], Watch | None] = _nobody  # replaced when the first cassette opens


def is_llm_host(host: str) -> bool:
    """Whether a host is a known provider's; Bedrock's carry the region in the middle of their names."""
    host = host.lower().rstrip(".")
    if any(host == known or host.endswith("." + known) for known in LLM_HOSTS):
        return True
    return host.endswith(("-aiplatform.googleapis.com",)) or (
        host.startswith("bedrock") and host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
    )


@contextmanager
def allowed(host: str) -> Iterator[None]:
    """Around a call that a cassette lets out. By host, not by context: name lookups run in worker threads."""
    with _lock:
        _allowed[host] += 1
    try:
        yield
    finally:
        with _lock:
            _allowed[host] -= 1
            if not _allowed[host]:
                del _allowed[host]


def is_loopback(host: str) -> bool:
    """Whether a name or an address stays on this machine."""
    host = host.lower().rstrip(".").strip("[]").partition("%")[0]
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def listen(watch: Callable[[], Watch | None]) -> None:
    """Start listening, once; ``watch`` says what the open cassettes ask for, ``None`` if none is open."""
    global _listening, _watch
    _watch = watch
    with _lock:
        if not _listening:
            _listening = True
            sys.addaudithook(_hook)  # can't be taken away again, so it does nothing while no cassette is open


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _EVENTS:
        return
    _probe.notice(event, arguments, _allowed)
    watch = _watch()
    if watch is None:
        return
    host = _EVENTS[event](arguments)
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host.lower() in _allowed:
        return
    if is_llm_host(host):
        _alarm(watch, host, "goes around the cassette: no chosen backend intercepts it.")
    elif watch.block_network and not _is_harmless(event, host):
        _alarm(watch, host, "goes around the cassette, and the network is blocked (block_network).")


def _address(arguments: tuple[object, ...]) -> object:
    """The host of ``socket.connect`` and ``socket.sendto``; ``None`` for a socket that is none of the internet."""
    address = arguments[1]
    return address[0] if isinstance(address, tuple) and len(address) in (2, 4) else None


_EVENTS: dict[str, Callable[[tuple[object, ...]], object]] = {
    "socket.getaddrinfo": lambda arguments: arguments[0],
    "socket.gethostbyname": lambda arguments: arguments[0],
    "http.client.connect": lambda arguments: arguments[1],
    "socket.connect": _address,
    "socket.sendto": _address,
}


def _is_harmless(event: str, host: str) -> bool:
    if is_loopback(host):
        return True
    if event == "socket.connect" and _allowed:
        return True  # the connection of a call that a cassette lets out, whose host was looked up before
    return event == "socket.getaddrinfo" and host == socket.gethostname()


def _alarm(watch: Watch, host: str, what: str) -> None:
    library = _calling_library()
    text = f"a call to {host} by {library} {what} {_advice(library)}"
    if watch.mode == "none" or watch.block_network:
        problem = UninterceptedCallError(text, host=host, library=library)
        watch.note(problem)
        raise problem
    warnings.warn(text + " It was sent, and is not recorded.", UninterceptedCallWarning, stacklevel=4)


def _calling_library() -> str:
    """The HTTP library in the call stack, the outermost of those known; else the module next to the socket."""
    found: set[str] = set()
    nearest = ""
    frame = sys._getframe(3)
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        found.add(package)
        if not nearest and package not in ("socket", "http", "asyncio", "concurrent", "threading", "promptecho"):
            nearest = package
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    for library in _LIBRARIES:
        if library in found:
            return {"http": "http.client", "urllib": "urllib.request"}.get(library, library)
    return nearest or "an unknown library"


def _advice(library: str) -> str:
    from promptecho._backend import known_backends

    backend = {"botocore": "urllib3"}.get(library, library)
    if backend in known_backends():
        return f"Add it: use_cassette(..., backends=[..., {backend!r}]), or PROMPTECHO_BACKENDS={backend}."
    return "promptecho has no backend for it; use a client on a library it knows (see SUPPORT.md)."
