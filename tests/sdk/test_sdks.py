"""Each SDK, each variant: recorded, the server shut down, replayed in a new process with equal results and no call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import promptecho

from .calls import ENTRIES, KEY, call, is_installed
from .provider_server import ProviderServer

VARIANTS = [
    pytest.param(
        name,
        variant,
        id=f"{name}-{variant}",
        marks=pytest.mark.skipif(
            not is_installed(entry), reason=f"the SDK {entry.module} is not installed here, or needs a newer Python"
        ),
    )
    for name, entry in ENTRIES.items()
    for variant in entry.variants()
]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_what_an_sdk_recorded_replays_in_a_new_process(tmp_path: Path, name: str, variant: str) -> None:
    path = tmp_path / "sdk.yaml"
    with ProviderServer() as server:
        with promptecho.use_cassette(path, on_record_error="raise", backends=ENTRIES[name].backends) as cassette:
            recorded = call(name, variant, server.url)
        hits = len(server.hits)
        asked = sum("/api/agent-harnesses" not in hit for hit in server.hits)  # not what huggingface_hub looks up
    assert asked == len(cassette.recorded) == ENTRIES[name].calls
    assert all(interaction.incomplete is None for interaction in cassette.recorded)
    assert KEY not in path.read_text(encoding="utf-8")

    replay = subprocess.run(
        [sys.executable, "-m", "tests.sdk.calls", name, variant, server.url],
        env={**os.environ, "CASSETTE": str(path), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert replay.returncode == 0, replay.stderr[-3000:]
    assert json.loads(replay.stdout) == json.loads(json.dumps(recorded))
    assert len(server.hits) == hits
