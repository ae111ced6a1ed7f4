"""Times in cassettes are real, whatever a test pretends the time to be."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from promptecho import _clock, backend, use_cassette
from promptecho._cassette.cassette import Cassette

freezegun = pytest.importorskip("freezegun", reason="freezes the clock")
time_machine = pytest.importorskip("time_machine", reason="freezes the clock in another way")

ASKED = backend.Request("POST", "https://api.example/ask", body=b'{"question": "hi"}')
CLOCKS = {
    "real": contextlib.nullcontext,
    "freezegun, past": lambda: freezegun.freeze_time("2001-01-01"),
    "freezegun, future": lambda: freezegun.freeze_time("2091-01-01", tick=True),
    "time-machine, past": lambda: time_machine.travel("2001-01-01"),
    "time-machine, standing still": lambda: time_machine.travel("2091-01-01", tick=False),
}


def record(path: Path) -> None:
    with use_cassette(path):
        session = backend.session_for("httpx")
        assert session is not None
        forward = session.decide(ASKED)
        assert isinstance(forward, backend.Forward)
        forward.start(backend.ResponseHead(200, backend.Headers({"content-type": "text/plain"})))
        began = _clock.monotonic()
        start = began()
        while began() == start:
            pass
        forward.feed(b"hello")
        forward.finish()


@pytest.mark.parametrize("recording", CLOCKS)
@pytest.mark.parametrize("replaying", CLOCKS)
def test_age_and_duration_are_told_by_the_real_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: str, replaying: str
) -> None:
    monkeypatch.setenv("CI", "true")
    before = datetime.now(timezone.utc)
    path = tmp_path / "c.yaml"
    with CLOCKS[recording]():
        record(path)
    text = path.read_text(encoding="utf-8")
    recorded_at = text.partition('recorded_at: "')[2].partition('"')[0]
    recorded = datetime.strptime(recorded_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(recorded - before) < timedelta(hours=1)
    assert 0 <= (Cassette.load(path).interactions[0].duration or 0) < 3600
    with CLOCKS[replaying](), use_cassette(path, mode="none", max_age="30d"):
        session = backend.session_for("httpx")
        assert session is not None
        assert isinstance(session.decide(ASKED), backend.Replay)
