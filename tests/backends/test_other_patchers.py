"""Others who patch HTTP libraries stand beside a cassette, in any order of starts and ends: tracers, spies, doubles.

A table: every legal order of the four events "cassette opens", "cassette closes", "the other starts", "the other ends";
after each event a call is made, and it must be live exactly if no cassette is open, and seen by the other exactly if that
one is active. At the end each attribute is the object that it was.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from promptecho import use_cassette
from tests.conformance.server import JSON_TEXT, ScriptedServer

EVENTS = ("open", "close", "start", "stop")
ORDERS = [
    order
    for order in itertools.permutations(EVENTS)
    if order.index("open") < order.index("close") and order.index("start") < order.index("stop")
]


def optional(name: str) -> Any:
    return pytest.importorskip(name, reason=f"needs {name}")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


# --- calls ------------------------------------------------------------------------------------------------------------


def via(name: str) -> Callable[[str], str]:
    def of_httpx(url: str) -> str:
        return str(optional(name).get(url, trust_env=False, verify=False).text)

    def of_async_httpx(url: str) -> str:
        module = optional(name.partition("-")[0])

        async def main() -> str:
            async with module.AsyncClient(trust_env=False, verify=False) as client:
                return str((await client.get(url)).text)

        return asyncio.run(main())

    def of_requests(url: str) -> str:
        return str(optional("requests").get(url, timeout=5).text)

    def of_urllib3(url: str) -> str:
        return str(optional("urllib3").PoolManager().request("GET", url).data.decode())

    def of_aiohttp(url: str) -> str:
        aiohttp = optional("aiohttp")

        async def main() -> str:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return str(await answer.text())

        return asyncio.run(main())

    return {
        "httpx": of_httpx, "httpx2": of_httpx, "httpx-async": of_async_httpx, "httpx2-async": of_async_httpx,
        "requests": of_requests, "urllib3": of_urllib3, "aiohttp": of_aiohttp,
    }[name]  # fmt: skip


# --- the others -------------------------------------------------------------------------------------------------------


class Tracer:
    """An instrumentor of OpenTelemetry; ``seen`` are its spans."""

    def __init__(self, module: str, instrumentor: str) -> None:
        export = optional("opentelemetry.sdk.trace.export")
        memory = optional("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        self._spans = memory.InMemorySpanExporter()
        self._provider = optional("opentelemetry.sdk.trace").TracerProvider()
        self._provider.add_span_processor(export.SimpleSpanProcessor(self._spans))
        found = getattr(optional(f"opentelemetry.instrumentation.{module}"), instrumentor, None)
        if found is None:
            pytest.skip(f"opentelemetry has no {instrumentor} yet")
        self._instrumentor = found()

    def start(self) -> None:
        self._instrumentor.instrument(tracer_provider=self._provider)

    def stop(self) -> None:
        self._instrumentor.uninstrument()

    @property
    def seen(self) -> list[Any]:
        keys = ("http.method", "http.request.method", "http.status_code", "http.response.status_code", "http.url")
        return [
            (each.name, {key: each.attributes[key] for key in keys if key in each.attributes})
            for each in self._spans.get_finished_spans()
        ]


class Spy:
    """A spy of unittest.mock, or (``wrapped``) of wrapt, that calls the original; ``seen`` are its calls."""

    def __init__(self, owner: str, name: str, wrapped: bool = False) -> None:
        module, _, attribute = owner.rpartition(".")
        self._owner = getattr(optional(module), attribute)
        self._name = name
        self._wrapped = wrapped
        self._patch: Any = None
        self.seen: list[Any] = []

    def start(self) -> None:
        original = vars(self._owner)[self._name]
        if self._wrapped:
            wrapt = optional("wrapt")
            wrapper = wrapt.FunctionWrapper(original, lambda f, instance, a, k: self.seen.append(1) or f(*a, **k))
            self._patch = mock.patch.object(self._owner, self._name, wrapper)
        else:

            def spy(*arguments: Any, **named: Any) -> Any:
                self.seen.append(1)
                return original(*arguments, **named)

            self._patch = mock.patch.object(self._owner, self._name, spy)
        self._patch.start()

    def stop(self) -> None:
        self._patch.stop()


OTHERS: list[Any] = [
    pytest.param(name, lambda module=module, kind=kind: Tracer(module, kind), id=f"opentelemetry-{name}")
    for name, module, kind in (
        ("httpx", "httpx", "HTTPXClientInstrumentor"),
        ("httpx-async", "httpx", "HTTPXClientInstrumentor"),
        ("httpx2", "httpx", "HTTPX2ClientInstrumentor"),
        ("httpx2-async", "httpx", "HTTPX2ClientInstrumentor"),
        ("requests", "requests", "RequestsInstrumentor"),
        ("urllib3", "urllib3", "URLLib3Instrumentor"),
        ("aiohttp", "aiohttp_client", "AioHttpClientInstrumentor"),
    )
]
POINTS = [
    ("httpx", "httpx.HTTPTransport", "handle_request"),
    ("httpx", "httpx.Client", "_transport_for_url"),
    ("httpx", "httpcore.HTTPConnection", "handle_request"),
    ("httpx-async", "httpcore.AsyncHTTPConnection", "handle_async_request"),
    ("httpx2-async", "httpx2.AsyncHTTPTransport", "handle_async_request"),
    ("requests", "requests.sessions.Session", "send"),
    ("requests", "requests.adapters.HTTPAdapter", "send"),
    ("urllib3", "urllib3.connectionpool.HTTPConnectionPool", "_make_request"),
    ("urllib3", "urllib3.connection.HTTPConnection", "request"),
    ("aiohttp", "aiohttp.connector.BaseConnector", "connect"),
]
OTHERS += [
    pytest.param(
        name,
        lambda owner=owner, method=method, wrapped=wrapped: Spy(owner, method, wrapped),
        id=f"{'wrapt' if wrapped else 'mock'}-{name}-{owner.rpartition('.')[2]}.{method}",
    )
    for name, owner, method in POINTS
    for wrapped in (False, True)
]


def attributes() -> list[Any]:
    """What libraries have at the places where anybody patches them, and what those functions are made of."""
    found = []
    for owner, name in {
        *((owner, name) for _, owner, name in POINTS),
        ("aiohttp.client.ClientSession", "__init__"),
        ("urllib3.connectionpool.HTTPConnectionPool", "urlopen"),
        ("urllib3.connection.HTTPConnection", "getresponse"),
    }:
        module, _, attribute = owner.rpartition(".")
        value = vars(getattr(optional(module), attribute))[name]
        found.append((owner, name, value, value.__code__, dict(vars(value))))
    return sorted(found, key=lambda each: each[:2])


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize(("name", "make"), OTHERS)
def test_any_order_of_starts_and_ends_is_exact(
    server: ScriptedServer, tmp_path: Path, name: str, make: Callable[[], Any], order: tuple[str, ...]
) -> None:
    call, url = via(name), f"{server.url}/json"
    backends = [name.partition("-")[0]]
    other = make()
    before = attributes()
    with use_cassette(tmp_path / "recorded.yaml", backends=backends):
        assert call(url) == JSON_TEXT
    for mode, path in (("none", tmp_path / "recorded.yaml"), ("all", tmp_path / "new.yaml")):
        cassette = use_cassette(path, mode, backends=backends)
        is_open = is_active = False
        for event in order:
            if event == "open":
                opened, is_open = cassette.__enter__(), True
            elif event == "close":
                cassette.__exit__(None, None, None)
                is_open = False
            else:
                getattr(other, event)()
                is_active = event == "start"
            hits, seen = server.hits, len(other.seen)
            assert call(url) == JSON_TEXT
            assert server.hits - hits == (0 if is_open and mode == "none" else 1), f"{mode}, after {event}"
            assert len(other.seen) - seen == is_active, f"{mode}, after {event}"
        assert len(opened.played if mode == "none" else opened.recorded) == order.index("close") - order.index("open")
    assert attributes() == before


@pytest.mark.parametrize(("name", "make"), OTHERS[:7])
def test_spans_say_on_replay_what_they_said_live(
    server: ScriptedServer, tmp_path: Path, name: str, make: Callable[[], Any]
) -> None:
    other, call = make(), via(name)
    other.start()
    try:
        for mode in ("once", "none"):
            with use_cassette(tmp_path / "c.yaml", mode, backends=[name.partition("-")[0]], on_record_error="record"):
                call(f"{server.url}/json")
                call(f"{server.url}/status/404")
    finally:
        other.stop()
    seen = other.seen
    assert len(seen) == 4
    assert seen[:2] == seen[2:]
    assert 404 in seen[1][1].values()


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", ["httpx", "httpx-async"])
def test_a_double_in_the_pool_answers_while_it_is_there(
    server: ScriptedServer, tmp_path: Path, name: str, order: tuple[str, ...]
) -> None:
    call, url = via(name), f"{server.url}/json"
    router = optional("respx").MockRouter(using="httpcore", assert_all_called=False)
    router.get(url).respond(text="double")
    with use_cassette(tmp_path / "c.yaml"):
        call(url)
    before = attributes()
    cassette = use_cassette(tmp_path / "c.yaml", "none")
    is_open = is_double = False
    for event in order:
        if event in ("open", "close"):
            cassette.__enter__() if event == "open" else cassette.__exit__(None, None, None)
            is_open = event == "open"
        else:
            getattr(router, event)()
            is_double = event == "start"
        hits = server.hits
        assert call(url) == ("double" if is_double else JSON_TEXT), event
        assert server.hits - hits == (0 if is_open or is_double else 1), event
    assert attributes() == before


def test_what_a_double_in_the_pool_lets_through_is_recorded_and_replayed(
    server: ScriptedServer, tmp_path: Path
) -> None:
    respx = optional("respx")
    for mode in ("once", "none"):
        for first in ("double", "cassette"):
            router = respx.MockRouter(using="httpcore", assert_all_called=False)
            router.route(host="127.0.0.1").pass_through()
            cassette = use_cassette(tmp_path / "c.yaml", mode)
            outer, inner = (cassette, router) if first == "cassette" else (router, cassette)
            with outer, inner:
                assert via("httpx")(f"{server.url}/json") == JSON_TEXT
    assert server.hits == 1


def test_a_spy_that_kept_the_original_from_before_a_cassette_is_no_way_around_it(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, owner, method in POINTS:
        module, _, attribute = owner.rpartition(".")
        target = getattr(optional(module), attribute)
        original = vars(target)[method]
        path = tmp_path / f"{name}-{attribute}-{method}.yaml"
        backends = [name.partition("-")[0]]
        with use_cassette(path, backends=backends):
            via(name)(f"{server.url}/json")
        hits = server.hits
        with use_cassette(path, "none", backends=backends), monkeypatch.context() as patched:
            patched.setattr(target, method, lambda *a, original=original, **k: original(*a, **k))
            assert via(name)(f"{server.url}/json") == JSON_TEXT
        assert server.hits == hits


DDTRACE = """
    import asyncio, json, os, sys
    os.environ.update(DD_INSTRUMENTATION_TELEMETRY_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="false",
                      DD_TRACE_STARTUP_LOGS="false")
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer
    from promptecho import use_cassette

    spans = []

    class Keep(TraceFilter):
        def process_trace(self, trace):
            spans.extend(
                (each.name, each.get_tag("http.method"), each.get_tag("http.status_code"), each.get_tag("http.url"))
                for each in trace
            )
            return None

    tracer.configure(trace_processors=[Keep()])
    ddtrace.patch(httpx=True, requests=True, urllib3=True, aiohttp=True)
    import aiohttp, httpx, requests, urllib3

    async def by_aiohttp(url):
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()

    async def by_async_httpx(url):
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            await client.get(url)

    def all_calls():
        del spans[:]
        url = sys.argv[1] + "/json"
        httpx.get(url, trust_env=False, verify=False)
        asyncio.run(by_async_httpx(url))
        requests.get(url, timeout=5)
        urllib3.PoolManager().request("GET", url)
        asyncio.run(by_aiohttp(url))
        return sorted(map(str, spans))

    backends = ["httpx", "requests", "urllib3", "aiohttp"]
    with use_cassette(sys.argv[2], backends=backends) as cassette:
        live = all_calls()
    assert len(cassette.recorded) == 5, cassette.recorded
    with use_cassette(sys.argv[2], "none", backends=backends) as cassette:
        replayed = all_calls()
    assert len(cassette.played) == 5
    assert replayed == live and len(live) >= 5, (live, replayed)
"""

SENTRY = """
    import sys
    import sentry_sdk
    from promptecho import use_cassette

    names = []

    class Keep(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            for event in (item.payload.json for item in envelope.items):
                names.extend(each["description"] for each in (event or {}).get("spans", ()))

    sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", transport=Keep, traces_sample_rate=1.0)
    import httpx, requests

    def calls():
        del names[:]
        with sentry_sdk.start_transaction(name="test"):
            httpx.get(sys.argv[1] + "/json", trust_env=False, verify=False)
            requests.get(sys.argv[1] + "/json", timeout=5)
        sentry_sdk.flush()
        return sorted(names)

    with use_cassette(sys.argv[2], backends=["httpx", "requests"]) as cassette:
        live = calls()
    assert len(cassette.recorded) == 2
    with use_cassette(sys.argv[2], "none", backends=["httpx", "requests"]) as cassette:
        assert calls() == live and len(live) == 2, (names, live)
    assert len(cassette.played) == 2
"""


@pytest.mark.parametrize(("library", "program", "hits"), [("ddtrace", DDTRACE, 5), ("sentry_sdk", SENTRY, 2)])
def test_tracers_that_stay_for_a_whole_process_see_on_replay_what_they_saw_live(
    server: ScriptedServer, tmp_path: Path, library: str, program: str, hits: int
) -> None:
    optional(library)
    path = str(tmp_path / "c.yaml")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), server.url, path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert server.hits == hits
