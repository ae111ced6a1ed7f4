"""Background traffic: what SDKs send and look up on their own, and no test asked for.

Traces, usage counters and look-ups go out when a timer says so, once a day or at import, so a recording would have them
or not by chance. Each kind is told by host and path, never by its query. While recording they pass through; where no
call may go out they are answered on the spot, with what their sender takes calmly. What a test needs of the same hosts
(a prompt, a dataset, a flag) is an ordinary call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from promptecho._hosts import pattern
from promptecho._models import Headers, Request, Response, ResponseHead

ANY = ("*",)


@dataclass(frozen=True)
class Background:
    """One kind. ``hosts``: names and patterns; ``path``: an expression for the path behind its first slash, or behind
    any where the host is ``ANY``. ``status`` and ``body`` are the answer; that to protobuf has no body. ``senders``:
    how names of modules begin that send it, for connections of which no path is known.
    """

    vendor: str
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


_WRITES = ("POST", "PATCH", "PUT")
_ALL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

BACKGROUND = (
    Background(
        "openai-agents", ANY, "traces/ingest", status=204, senders=("agents.tracing",)
    ),  # on the provider's own host
    Background("OpenTelemetry", ANY, "v1/(?:traces|metrics|logs)", senders=("opentelemetry.exporter",)),
    Background(
        "LangSmith",
        ("api.smith.langchain.com",),
        r"(?:(?:api/)?v1/)?runs(?:/batch|/multipart|/[0-9a-fA-F-]{32,36})?",
        methods=("POST", "PATCH"),
        status=202,
        senders=("langsmith._internal._background_thread",),
    ),
    # Self-hosted; "/runs/batch" alone is a call of LangGraph's server.
    Background("LangSmith", ANY, "api/(?:v1/)?runs/batch|(?:[^?#]*/)?runs/multipart", status=202),
    Background(
        "LangSmith",
        ("api.smith.langchain.com",),
        "(?:(?:api/)?v1/)?info",
        methods=("GET",),
        body='{"instance_flags":{"zstd_compression_enabled":true}}',
        why="what the server can",
    ),
    Background(
        "Langfuse",
        ANY,
        "api/public/ingestion",
        status=207,
        body='{"successes":[],"errors":[]}',
        senders=("langfuse._task_manager", "langfuse._utils.request"),
    ),
    Background("Logfire", ("logfire-*.pydantic.dev", "logfire-api.pydantic.dev"), "v1/(?:traces|metrics|logs)"),
    Background(
        "Logfire",
        ("logfire-*.pydantic.dev", "logfire-api.pydantic.dev"),
        "v1/info",
        methods=("GET",),
        body='{"project_name":"","project_url":""}',
        why="the name of the project",
    ),
    Background("Braintrust", ("api.braintrust.dev", "api.braintrustdata.com"), "logs3(?:/overflow)?"),
    Background("Arize", ("otlp.arize.com", "otlp.*.arize.com"), ".*", methods=_ALL),
    Background(
        "Weights & Biases Weave",
        ("trace.wandb.ai",),
        r"(?:traces/)?(?:call/(?:start|end|update|upsert_batch)|v2/.+/calls?/(?:start|end|complete))",
        body='{"id":"","trace_id":"","res":[]}',
    ),
    Background("Weights & Biases", ("api.wandb.ai",), "files/.+/file_stream"),
    Background(
        "Opik",
        ANY,
        "v1/private/(?:traces|spans)(?:/batch|/[0-9a-fA-F-]{36}|/feedback-scores)?",
        methods=_WRITES,
        status=204,
        senders=("opik.message_processing",),
    ),
    Background("Comet", ("stats.comet.com",), "notify/.*", why="usage counters"),
    Background(
        "Datadog agent",
        ANY,
        r"v0\.\d/(?:traces|stats)|telemetry/proxy/.*|evp_proxy/v\d/api/v2/llmobs",
        methods=("POST", "PUT"),
        senders=("ddtrace.internal.writer", "ddtrace.internal.telemetry", "ddtrace.llmobs._writer"),
    ),
    # Not the results of tests, which ddtrace's pytest plugin sends.
    Background(
        "Datadog",
        ("datadoghq.com", "datadoghq.eu", "ddog-gov.com"),
        r"api/v2/(?:llmobs|apmtelemetry|logs)|api/v0\.\d/(?:traces|stats)|v1/input",
        methods=("POST", "PUT"),
    ),
    Background("Sentry", ANY, r"api/\d+/(?:envelope|store|minidump)", senders=("sentry_sdk.transport",), why="errors"),
    Background(
        "PostHog",
        ("posthog.com",),
        "(?:batch|capture|track|engage|e|i/v0/e|i/v0/ai|i/v0/ai/batch|i/v0/ai/otel)",
        body='{"status":1}',
        senders=("posthog.consumer",),
        why="usage counters",
    ),
    Background(
        "Segment",
        ("api.segment.io", "*.segmentapis.com"),
        "v1/(?:batch|b|track|t|identify|i|page|p|screen|s|group|g|alias|a|import)",
        body='{"success":true}',
        senders=("segment.analytics.consumer", "analytics.consumer"),
        why="usage counters",
    ),
    Background(
        "Mixpanel",
        ("api.mixpanel.com", "api-*.mixpanel.com"),
        "(?:track|engage|groups|import)",
        body='{"error":null,"status":1}',
        senders=("mixpanel",),
        why="usage counters",
    ),
    Background(
        "Amplitude",
        ("amplitude.com",),
        "(?:2/httpapi|batch|identify|groupidentify)",
        body='{"code":200}',
        senders=("amplitude.worker",),
        why="usage counters",
    ),
    Background("CrewAI", ("telemetry.crewai.com",), ".*", methods=_ALL, why="usage counters"),
    Background("Composio", ("telemetry.composio.dev",), ".*", methods=_ALL, why="usage counters"),
    Background("Vercel", ("telemetry.vercel.com",), ".*", methods=_ALL, why="usage counters"),
    Background("Hugging Face", ("huggingface.co",), "api/telemetry/.*", methods=("HEAD", "GET"), why="usage counters"),
    # Look-ups with a fallback, which they take for a 404.
    Background(
        "Hugging Face", ("huggingface.co",), "api/agent-harnesses", methods=("GET",), status=404, why="names of agents"
    ),
    Background(
        "LiteLLM",
        ("raw.githubusercontent.com",),
        "BerriAI/litellm/.*",
        methods=("GET", "HEAD"),
        status=404,
        senders=("litellm.litellm_core_utils.get_model_cost_map",),
        why="prices and headers",
    ),
    Background(
        "Braintrust", ("api.braintrust.dev",), "version", methods=("GET",), status=404, why="what the server can"
    ),
)

_SENDERS = tuple(sender for kind in BACKGROUND for sender in kind.senders)


def find(method: str, url: str) -> Background | None:
    """The kind of background traffic that a call is; ``None`` for an ordinary call."""
    return _find(method.upper(), url.partition("?")[0].partition("#")[0])


@lru_cache(maxsize=1024)
def _find(method: str, url: str) -> Background | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    return next((kind for kind in BACKGROUND if kind.fits(method, host, parts.path)), None)


def is_sender(module: str) -> bool:
    """Whether a module of this name sends background traffic and nothing else."""
    return module.startswith(_SENDERS)
