"""Bedrock through boto3, which rides on urllib3: recorded, the server gone, replayed without any AWS credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptecho import CassetteMiss, use_cassette
from promptecho.errors import CassetteFormatError

from .bedrock import MODELS, Bedrock, call, client

boto3: Any = pytest.importorskip("boto3", reason="needs boto3")

ROOT = Path(__file__).resolve().parents[2]
CLAUDE = "anthropic.claude-v2:1"
KEYS = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws_session_token": "session-token-0123456789",
}
CALLS = [("converse", CLAUDE), ("converse_stream", CLAUDE)]
CALLS += [(operation, model) for operation in ("invoke_model", "invoke_model_with_response_stream") for model in MODELS]


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with Bedrock() as server:
        yield server


@pytest.mark.parametrize(("operation", "model"), CALLS)
def test_an_operation_replays_in_a_process_without_credentials(
    bedrock: Bedrock, tmp_path: Path, operation: str, model: str
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=["urllib3"]) as cassette:
        live = call(client(bedrock.url, **KEYS), operation, model)
    bedrock.stop()
    assert bedrock.hits == len(cassette.recorded) == 1
    assert cassette.recorded[0].incomplete is None
    text = path.read_text(encoding="utf-8")
    for secret in (*KEYS.values(), "AWS4-HMAC-SHA256", "Signature=", "base64"):
        assert secret not in text
    assert "answer 1" in text  # the answer can be read, in event streams too

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    replay = subprocess.run(
        [sys.executable, "-m", "tests.backends.bedrock", operation, model, bedrock.url],
        env={
            **environment,
            "CASSETTE": str(path),
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert replay.returncode == 0, replay.stderr[-3000:]
    assert json.loads(replay.stdout) == live
    assert bedrock.hits == 1


@pytest.mark.parametrize(("operation", "model"), CALLS)
def test_another_prompt_is_a_miss_and_other_keys_are_not(
    bedrock: Bedrock, tmp_path: Path, operation: str, model: str
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=["urllib3"]):
        live = call(client(bedrock.url, **KEYS), operation, model)
    other = client(bedrock.url, aws_access_key_id="other", aws_secret_access_key="other-secret")
    with pytest.raises(CassetteMiss) as caught, use_cassette(path, "none", backends=["urllib3"]):
        assert call(other, operation, model) == live
        call(other, operation, model, "another prompt")
    assert "messages[0].content:" in str(caught.value)
    assert "'another prompt'" in str(caught.value)
    assert bedrock.hits == 1


def test_a_client_made_in_a_replay_asks_for_real_credentials_when_it_makes_real_calls(
    bedrock: Bedrock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import botocore.exceptions

    path = tmp_path / "c.yaml"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with use_cassette(path, backends=["urllib3"]):
        call(client(bedrock.url, **KEYS), "converse", CLAUDE)
    session = boto3.Session()
    with use_cassette(path, "none", backends=["urllib3"]):
        made = session.client("bedrock-runtime", region_name="us-east-1", endpoint_url=bedrock.url)
        call(made, "converse", CLAUDE)
    with pytest.raises(botocore.exceptions.NoCredentialsError):
        call(made, "converse", CLAUDE)
    assert bedrock.hits == 1


def test_a_frame_damaged_on_its_way_reaches_the_program_as_it_came_and_replays_so(
    bedrock: Bedrock, tmp_path: Path
) -> None:
    from botocore.eventstream import ChecksumMismatch

    path = tmp_path / "c.yaml"
    bedrock.damaged = True
    with use_cassette(path, backends=["urllib3"]), pytest.raises(ChecksumMismatch):
        call(client(bedrock.url, **KEYS), "converse_stream", CLAUDE)
    with use_cassette(path, "none", backends=["urllib3"]), pytest.raises(ChecksumMismatch):
        call(client(bedrock.url, **KEYS), "converse_stream", CLAUDE)
    assert bedrock.hits == 1


def test_a_frame_damaged_in_the_file_is_refused_with_its_place(bedrock: Bedrock, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, backends=["urllib3"]):
        call(client(bedrock.url, **KEYS), "converse_stream", CLAUDE)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("- event: messageStop", "- evnt: messageStop"), encoding="utf-8")
    with pytest.raises(CassetteFormatError, match=r"interactions\[0\]\.response\.events\[2\]"):
        use_cassette(path, "none", backends=["urllib3"]).__enter__()
