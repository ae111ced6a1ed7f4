"""Tracing, usage counters and error reports: what is sent beside the calls of a program."""

from __future__ import annotations

from promptecho.providers._background import ALL_METHODS, ANY, WRITES, Background
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, HEX, HEX_SIGNS, WORD, key_rule, sample
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
        keys=(
            key_rule(
                "LANGSMITH_KEY",
                "lsv2_",
                r"(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",
                "pt_" + sample(32, HEX_SIGNS) + "_" + sample(10, HEX_SIGNS),
            ),
            key_rule("LANGSMITH_KEY", "ls__", HEX + "{32}", 32, hex=True),
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
        keys=(
            key_rule(
                "LANGFUSE_KEY",
                "sk-lf-",
                HEX + r"{8}-(?:" + HEX + "{4}-){3}" + HEX + "{12}",
                "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9",
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
        headers=(Selecting(("x-bt-use-gateway", "x-bt-endpoint-name"), "the provider"),),
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
        keys=(key_rule("WANDB_KEY", "wandb_v1_", WORD + "{40,}", 77),),
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
        keys=(key_rule("SENTRY_TOKEN", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_]{40,}", 64),),
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
        keys=(key_rule("POSTHOG_KEY", "phx_ phs_", ALNUM + "{40,}", 43),),
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
