"""Traces, counters and look-ups that SDKs send on their own are told by host and path, and never recorded or matched."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptecho import CassetteMiss, providers, use_cassette
from promptecho._guard.background import find
from promptecho._guard.hosts import is_llm_host, is_login_host
from promptecho._models import Headers, Request
from promptecho.backend import Replay, session_for
from tests.conformance.drivers import Call, Driver, all_drivers
from tests.conformance.server import ScriptedServer

SENT = [
    ("POST", "https://api.openai.com/v1/traces/ingest", "OpenAI"),
    ("POST", "http://127.0.0.1:8080/v1/traces/ingest", "OpenAI"),
    ("POST", "http://localhost:4318/v1/traces", "OpenTelemetry"),
    ("POST", "https://collector.example:4318/v1/metrics", "OpenTelemetry"),
    ("POST", "https://gateway.example/otlp/v1/logs", "OpenTelemetry"),
    ("POST", "https://cloud.langfuse.com/api/public/otel/v1/traces", "OpenTelemetry"),
    ("POST", "https://langfuse.example/api/public/ingestion", "Langfuse"),
    ("POST", "https://api.smith.langchain.com/runs", "LangSmith"),
    ("POST", "https://eu.api.smith.langchain.com/runs/batch", "LangSmith"),
    ("PATCH", "https://api.smith.langchain.com/runs/3fa85f64-5717-4562-b3fc-2c963f66afa6", "LangSmith"),
    ("POST", "https://langsmith.example/api/v1/runs/multipart", "LangSmith"),
    ("POST", "https://logfire-us.pydantic.dev/v1/traces", "OpenTelemetry"),
    ("POST", "https://api.braintrust.dev/logs3", "Braintrust"),
    ("POST", "https://otlp.arize.com/v1/traces", "OpenTelemetry"),
    ("POST", "https://trace.wandb.ai/call/upsert_batch", "Weights & Biases"),
    ("POST", "https://www.comet.com/opik/api/v1/private/traces/batch", "Opik"),
    ("PUT", "http://localhost:8126/v0.5/traces", "Datadog"),
    ("POST", "https://llmobs-intake.datadoghq.eu/api/v2/llmobs", "Datadog"),
    ("POST", "https://o1.ingest.us.sentry.io/api/42/envelope/", "Sentry"),
    ("POST", "https://us.i.posthog.com/batch/", "PostHog"),
    ("POST", "https://api.segment.io/v1/batch", "Segment"),
    ("POST", "https://api-eu.mixpanel.com/track", "Mixpanel"),
    ("POST", "https://api2.amplitude.com/2/httpapi", "Amplitude"),
    ("POST", "https://telemetry.crewai.com:4319/v1/traces", "CrewAI"),
    ("GET", "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json", "LiteLLM"),
    ("GET", "https://huggingface.co/api/agent-harnesses", "Hugging Face"),
]
ORDINARY = [
    ("POST", "https://api.openai.com/v1/chat/completions"),
    ("POST", "https://api.openai.com/v1/threads/thread_1/runs"),
    ("POST", "https://api.openai.com/v1/batches"),
    ("POST", "https://langgraph.example/runs/batch"),
    ("GET", "https://api.smith.langchain.com/runs/3fa85f64-5717-4562-b3fc-2c963f66afa6"),
    ("GET", "https://api.smith.langchain.com/commits/-/prompt/latest"),
    ("GET", "https://cloud.langfuse.com/api/public/v2/prompts/greeting"),
    ("POST", "https://us.i.posthog.com/flags/"),
    ("POST", "https://api.example/v1/logs/search"),
    ("GET", "https://api.example/v1/metrics"),
    ("POST", "https://citestcycle-intake.datadoghq.com/api/v2/citestcycle"),
    ("POST", "https://posthog.com.example/batch/"),
    ("POST", "https://notposthog.com/batch/"),
    ("GET", "https://raw.githubusercontent.com/someone/else/main/prices.json"),
]


@pytest.mark.parametrize(("method", "url", "vendor"), SENT)
def test_background_traffic_is_told_by_host_and_path(method: str, url: str, vendor: str) -> None:
    found = find(method, url)
    assert found is not None
    assert [each.title for each in providers.all_providers() if found in each.background] == [vendor]


@pytest.mark.parametrize(("method", "url"), ORDINARY)
def test_what_a_test_may_need_of_the_same_hosts_is_an_ordinary_call(method: str, url: str) -> None:
    assert find(method, url) is None


@given(st.sampled_from(SENT), st.sampled_from(ORDINARY), st.text(max_size=5))
def test_a_query_says_nothing(sent: tuple[str, str, str], ordinary: tuple[str, str], text: str) -> None:
    method, url = ordinary
    for query in (sent[1], quote(sent[1], safe=""), f"{text}={sent[1]}"):
        assert find(method, f"{url}?{query}") is None
        assert find(method, f"{url}#{query}") is None
    assert find(sent[0], f"{sent[1]}?{text}") is not None


def test_each_answer_is_one_that_its_library_can_read() -> None:
    for kind in providers.background():
        for content_type in ("application/json", "application/x-protobuf"):
            answer = kind.answer(Request("POST", "https://x.example/", Headers({"content-type": content_type}), b""))
            assert 200 <= answer.head.status_code < 300 or kind.status == 404
            assert not (answer.head.status_code == 204 and answer.body)


@pytest.mark.parametrize(
    ("host", "provider", "login"),
    [
        ("my-resource.cognitiveservices.azure.com", True, False),
        ("aiplatform.eu.rep.googleapis.com", True, False),
        ("runtime.sagemaker.eu-west-1.amazonaws.com", True, False),
        ("ark.cn-beijing.volces.com", True, False),
        ("us-south.ml.cloud.ibm.com", True, False),
        ("API.Tavily.com.", True, False),
        ("api.openai.com.example", False, False),
        ("sagemaker.eu-west-1.amazonaws.com", False, False),
        ("sts.eu-west-1.amazonaws.com", False, True),
        ("login.microsoftonline.com", False, True),
    ],
)
def test_hosts_are_told_by_patterns(host: str, provider: bool, login: bool) -> None:
    assert (is_llm_host(host), is_login_host(host)) == (provider, login)


# --- over every backend ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.mark.parametrize("driver", all_drivers(), ids=lambda driver: driver.name)
@pytest.mark.parametrize("is_chosen", [True, False])
def test_traces_pass_while_recording_and_stay_here_on_replay(
    tmp_path: Path, server: ScriptedServer, driver: Driver, is_chosen: bool
) -> None:
    if driver.backend == "http.client" and not is_chosen:
        pytest.skip("an unchosen http.client has nothing to answer with: test_a_library_that_can_not_answer_is_refused")
    other = "httpx" if driver.backend == "httpx2" else "httpx2"
    backends = [driver.backend] if is_chosen else [other]
    call = Call("POST", f"{server.url}/v1/traces", json={})
    with use_cassette(tmp_path / "c.yaml", backends=backends) as recording:
        driver.send(call)
    hits = server.hits
    with use_cassette(tmp_path / "c.yaml", "none", backends=backends) as cassette:
        observed = driver.send(call)
    assert hits == server.hits >= 1
    assert (observed.status, observed.body) == (200, b"{}")
    assert (len(recording.recorded), cassette.background, cassette.misses) == (0, 1, [])


def test_a_library_that_can_not_answer_is_refused(tmp_path: Path, server: ScriptedServer) -> None:
    hits = server.hits
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
    with use_cassette(tmp_path / "c.yaml", "none"), pytest.raises(ConnectionRefusedError, match="background"):
        connection.request("POST", "/v1/traces", b"")
    assert server.hits == hits


def test_an_exporter_is_answered_while_several_cassettes_are_open(tmp_path: Path) -> None:
    barrier, answers = threading.Barrier(3), []

    def replay(name: str) -> None:
        with use_cassette(tmp_path / name, "none"):
            barrier.wait()
            barrier.wait()

    def export() -> None:
        barrier.wait()
        session = session_for("httpx", "POST", "http://localhost:4318/v1/traces")
        assert session is not None
        answers.append(session.decide(Request("POST", "http://localhost:4318/v1/traces")))
        barrier.wait()

    threads = [threading.Thread(target=replay, args=("a.yaml",)), threading.Thread(target=replay, args=("b.yaml",))]
    for thread in (*threads, threading.Thread(target=export)):
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(answers[0], Replay)


def test_hosts_that_are_ignored_get_their_traces(tmp_path: Path, server: ScriptedServer) -> None:
    hits = server.hits
    with use_cassette(tmp_path / "c.yaml", "none", ignore_hosts=["127.0.0.1"]) as cassette:
        assert httpx.post(f"{server.url}/v1/traces", trust_env=False).status_code
    assert (server.hits, cassette.passed_through, cassette.background) == (hits + 1, 1, 0)


def test_an_ordinary_call_to_the_same_host_is_a_miss(tmp_path: Path, server: ScriptedServer) -> None:
    with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none"):
        httpx.post(f"{server.url}/v1/chat/completions?ref=/v1/traces", json={}, trust_env=False)
