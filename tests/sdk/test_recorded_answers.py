"""What real SDKs recorded is read as an answer, streamed or not, whatever the provider."""

from __future__ import annotations

from pathlib import Path

import pytest

import promptecho
from promptecho._telling.answers import Answer, read_answer

from .calls import ENTRIES, call, is_installed
from .provider_server import ProviderServer

# Entries whose answer is no text of a model: its place in the list says what is expected instead.
NO_TEXT = {"openai-embeddings": "usage", "hf-text-to-image": "attachments", "openai-tools": "tool_calls",
           "anthropic-tools": "tool_calls"}  # fmt: skip
UNKNOWN = ("openai-file", "hf-feature-extraction")
CASES = [
    pytest.param(
        name, variant, id=f"{name}-{variant}",
        marks=pytest.mark.skipif(not is_installed(entry), reason=f"the SDK {entry.module} is not installed here"),
    )
    for name, entry in ENTRIES.items()
    for variant in entry.variants()
    if not variant.startswith("a_") or "stream" not in entry.variants()
]  # fmt: skip


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_an_answer_is_read_from_what_an_sdk_recorded(tmp_path: Path, name: str, variant: str) -> None:
    path = tmp_path / "sdk.yaml"
    with ProviderServer() as server, promptecho.use_cassette(path, backends=ENTRIES[name].backends):
        call(name, variant, server.url)
    answer = read_answer(promptecho.Cassette.load(path).interactions[-1])
    if name in UNKNOWN:
        assert answer is None
        return
    assert isinstance(answer, Answer)
    assert answer.error is None
    if name in NO_TEXT:
        assert getattr(answer, NO_TEXT[name])
    else:
        assert "six times" in answer.text or "heard it" in answer.text
