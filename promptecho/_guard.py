"""Notices calls to LLM providers that go around the cassette.

It listens to the interpreter's audit events (PEP 578) for name lookups and connections, below every HTTP library, so an
SDK that moves to a library that no backend knows is noticed on its first run. In mode ``none`` the call raises before
anything is sent; in the other modes it warns.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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

_lock = threading.Lock()
_allowed: Counter[str] = Counter()
_strictest: Callable[[], str | None] = lambda: None  # noqa: E731 - replaced when the first cassette opens
_listening = False


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


def listen(strictest: Callable[[], str | None]) -> None:
    """Start listening, once; ``strictest`` says the strictest mode of the open cassettes, ``None`` if none is open."""
    global _listening, _strictest
    _strictest = strictest
    with _lock:
        if not _listening:
            _listening = True
            sys.addaudithook(_hook)  # can't be taken away again, so it does nothing while no cassette is open


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo" or event == "socket.gethostbyname":
        host = arguments[0]
    elif event == "http.client.connect":
        host = arguments[1]
    else:
        return
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or not is_llm_host(host) or host.lower() in _allowed:
        return
    mode = _strictest()
    if mode is None:
        return
    library = _calling_library()
    text = (
        f"a call to {host} by {library} goes around the cassette: no chosen backend intercepts it. {_advice(library)}"
    )
    if mode == "none":
        raise UninterceptedCallError(text, host=host, library=library)
    warnings.warn(text + " It was sent, and is not recorded.", UninterceptedCallWarning, stacklevel=3)


def _calling_library() -> str:
    """The HTTP library in the call stack, the outermost of those known; else the module next to the socket."""
    found: set[str] = set()
    nearest = ""
    frame = sys._getframe(2)
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
