"""Tracing, usage counters and error reports: what is sent beside the calls of a program."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, ANY, WRITES, Background
from promptecho.providers._provider import Provider

PROVIDERS = (
    Provider(
        "opentelemetry",
        "OpenTelemetry",
        background=(Background(ANY, "v1/(?:traces|metrics|logs)", senders=("opentelemetry.exporter",)),),
    ),
    Provider(
        "langsmith",
        "LangSmith",
        background=(
            Background(
                ("api.smith.langchain.com",),
                r"(?:(?:api/)?v1/)?runs(?:/batch|/multipart|/[0-9a-fA-F-]{32,36})?",
                methods=("POST", "PATCH"),
                status=202,
                senders=("langsmith._internal._background_thread",),
            ),
            Background(ANY, "api/(?:v1/)?runs/batch|(?:[^?#]*/)?runs/multipart", status=202),
            Background(
                ("api.smith.langchain.com",),
                "(?:(?:api/)?v1/)?info",
                methods=("GET",),
                body='{"instance_flags":{"zstd_compression_enabled":true}}',
                why="what the server can",
            ),
        ),
    ),
    Provider(
        "langfuse",
        "Langfuse",
        background=(
            Background(
                ANY,
                "api/public/ingestion",
                status=207,
                body='{"successes":[],"errors":[]}',
                senders=("langfuse._task_manager", "langfuse._utils.request"),
            ),
        ),
    ),
    Provider(
        "logfire",
        "Logfire",
        background=(
            Background(("logfire-*.pydantic.dev", "logfire-api.pydantic.dev"), "v1/(?:traces|metrics|logs)"),
            Background(
                ("logfire-*.pydantic.dev", "logfire-api.pydantic.dev"),
                "v1/info",
                methods=("GET",),
                body='{"project_name":"","project_url":""}',
                why="the name of the project",
            ),
        ),
    ),
    Provider(
        "braintrust",
        "Braintrust",
        background=(
            Background(("api.braintrust.dev", "api.braintrustdata.com"), "logs3(?:/overflow)?"),
            Background(("api.braintrust.dev",), "version", methods=("GET",), status=404, why="what the server can"),
        ),
    ),
    Provider(
        "arize",
        "Arize",
        background=(Background(("otlp.arize.com", "otlp.*.arize.com"), ".*", methods=ALL_METHODS),),
    ),
    Provider(
        "wandb",
        "Weights & Biases",
        background=(
            Background(
                ("trace.wandb.ai",),
                r"(?:traces/)?(?:call/(?:start|end|update|upsert_batch)|v2/.+/calls?/(?:start|end|complete))",
                body='{"id":"","trace_id":"","res":[]}',
            ),
            Background(("api.wandb.ai",), "files/.+/file_stream"),
        ),
    ),
    Provider(
        "opik",
        "Opik",
        background=(
            Background(
                ANY,
                "v1/private/(?:traces|spans)(?:/batch|/[0-9a-fA-F-]{36}|/feedback-scores)?",
                methods=WRITES,
                status=204,
                senders=("opik.message_processing",),
            ),
        ),
    ),
    Provider(
        "comet",
        "Comet",
        background=(Background(("stats.comet.com",), "notify/.*", why="usage counters"),),
    ),
    Provider(
        "datadog",
        "Datadog",
        background=(
            Background(
                ANY,
                r"v0\.\d/(?:traces|stats)|telemetry/proxy/.*|evp_proxy/v\d/api/v2/llmobs",
                methods=("POST", "PUT"),
                senders=("ddtrace.internal.writer", "ddtrace.internal.telemetry", "ddtrace.llmobs._writer"),
            ),
            Background(
                ("datadoghq.com", "datadoghq.eu", "ddog-gov.com"),
                r"api/v2/(?:llmobs|apmtelemetry|logs)|api/v0\.\d/(?:traces|stats)|v1/input",
                methods=("POST", "PUT"),
            ),
        ),
    ),
    Provider(
        "sentry",
        "Sentry",
        background=(
            Background(ANY, r"api/\d+/(?:envelope|store|minidump)", senders=("sentry_sdk.transport",), why="errors"),
        ),
    ),
    Provider(
        "posthog",
        "PostHog",
        background=(
            Background(
                ("posthog.com",),
                "(?:batch|capture|track|engage|e|i/v0/e|i/v0/ai|i/v0/ai/batch|i/v0/ai/otel)",
                body='{"status":1}',
                senders=("posthog.consumer",),
                why="usage counters",
            ),
        ),
    ),
    Provider(
        "segment",
        "Segment",
        background=(
            Background(
                ("api.segment.io", "*.segmentapis.com"),
                "v1/(?:batch|b|track|t|identify|i|page|p|screen|s|group|g|alias|a|import)",
                body='{"success":true}',
                senders=("segment.analytics.consumer", "analytics.consumer"),
                why="usage counters",
            ),
        ),
    ),
    Provider(
        "mixpanel",
        "Mixpanel",
        background=(
            Background(
                ("api.mixpanel.com", "api-*.mixpanel.com"),
                "(?:track|engage|groups|import)",
                body='{"error":null,"status":1}',
                senders=("mixpanel",),
                why="usage counters",
            ),
        ),
    ),
    Provider(
        "amplitude",
        "Amplitude",
        background=(
            Background(
                ("amplitude.com",),
                "(?:2/httpapi|batch|identify|groupidentify)",
                body='{"code":200}',
                senders=("amplitude.worker",),
                why="usage counters",
            ),
        ),
    ),
)
