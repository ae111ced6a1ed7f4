"""Real exporters in mode ``none``: nothing leaves the machine, no exporter minds, and no miss comes of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

# Every name and address of the outside that is asked for is noted, and none is reached.
_WATCH = """
import logging, socket, sys, warnings
import promptecho

outside = []
def note(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname()):
        outside.append(host)
        raise ConnectionRefusedError(111, "no way out of this test")
sys.addaudithook(note)
complaints = []
class Complaints(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())
logging.getLogger().addHandler(Complaints(logging.WARNING))
warnings.filterwarnings("error", category=promptecho.PromptechoWarning)
"""
_END = """
assert cassette.background >= 1, cassette.background
assert (outside, complaints, cassette.misses, len(cassette)) == ([], [], [], 0), (outside, complaints)
"""
_EXPORTERS = {
    "agents": """
from agents import set_tracing_export_api_key, trace, custom_span, flush_traces
with promptecho.use_cassette("c.yaml", "none") as cassette:
    set_tracing_export_api_key("sk-0123456789abcdefghij")
    with trace("t"), custom_span("s"):
        pass
    flush_traces()
""",
    "opentelemetry.exporter.otlp.proto.http": """
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
with promptecho.use_cassette("c.yaml", "none") as cassette:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="https://collector.example/v1/traces")))
    with provider.get_tracer("t").start_as_current_span("s"):
        pass
    assert provider.force_flush()
""",
    "langfuse": """
from langfuse import Langfuse
with promptecho.use_cassette("c.yaml", "none") as cassette:
    client = Langfuse(public_key="pk-lf-1", secret_key="sk-lf-1", base_url="https://cloud.langfuse.com")
    with client.start_as_current_observation(name="s"):
        pass
    client.flush()
""",
    "langsmith": """
import datetime, uuid
from langsmith import Client
with promptecho.use_cassette("c.yaml", "none") as cassette:
    client = Client(api_url="https://api.smith.langchain.com", api_key="lsv2_pt_1")
    now = datetime.datetime.now(datetime.timezone.utc)
    run = uuid.uuid4()
    order = now.strftime("%Y%m%dT%H%M%S%fZ") + str(run)
    client.create_run("s", {}, "chain", id=run, trace_id=run, dotted_order=order, start_time=now)
    client.flush()
""",
    "sentry_sdk": """
import sentry_sdk
with promptecho.use_cassette("c.yaml", "none") as cassette:
    sentry_sdk.init("https://0123456789abcdef@o1.ingest.sentry.io/42", default_integrations=False)
    sentry_sdk.capture_message("hi")
    sentry_sdk.flush()
""",
}


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # not even what it would be a part of
        return False


@pytest.mark.parametrize("library", _EXPORTERS)
def test_an_exporter_in_none_reaches_nothing_and_does_not_mind(tmp_path: Path, library: str) -> None:
    if not _is_installed(library):
        pytest.skip(f"needs {library}")
    script = tmp_path / "export.py"
    script.write_text(_WATCH + _EXPORTERS[library] + _END)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
