"""Each SDK: all its variants recorded, the server shut down, replayed in a new process with equal results and no call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import promptecho

from .calls import ENTRIES, KEY, call, is_installed
from .provider_server import ProviderServer

SDKS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            not is_installed(entry), reason=f"the SDK {entry.module} is not installed here, or needs a newer Python"
        ),
    )
    for name, entry in ENTRIES.items()
]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", SDKS)
def test_what_an_sdk_recorded_replays_in_a_new_process(tmp_path: Path, name: str) -> None:
    entry = ENTRIES[name]
    recorded: dict[str, Any] = {}
    servers: dict[str, ProviderServer] = {}  # one for each: SDKs keep clients by address, with the loop of the first
    for variant in entry.variants():
        path = tmp_path / f"{variant}.yaml"
        with ProviderServer() as server:
            with promptecho.use_cassette(path, on_record_error="raise", backends=entry.backends) as cassette:
                recorded[variant] = call(name, variant, server.url)
        servers[variant] = server
        asked = sum("/api/agent-harnesses" not in hit for hit in server.hits)  # not what huggingface_hub looks up
        assert asked == len(cassette.recorded) == entry.calls, variant
        assert all(interaction.incomplete is None for interaction in cassette.recorded), variant
        assert KEY not in path.read_text(encoding="utf-8"), variant
    hits = {variant: len(server.hits) for variant, server in servers.items()}

    addresses = [f"{variant}={server.url}" for variant, server in servers.items()]
    replay = subprocess.run(
        [sys.executable, "-m", "tests.sdk.calls", name, *addresses],
        env={
            **os.environ,
            "CASSETTES": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert replay.returncode == 0, replay.stderr[-3000:]
    assert json.loads(replay.stdout) == json.loads(json.dumps(recorded))
    assert {variant: len(server.hits) for variant, server in servers.items()} == hits
