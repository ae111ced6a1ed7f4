"""A name in match_on or ignore that nothing has: an error if it looks mistyped, a line of the summary if not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptecho import backend, use_cassette
from promptecho._session import begun
from promptecho._telling import run
from promptecho.errors import CassetteWarning, UnknownFieldError

pytest_plugins = ["pytester"]

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def call(**more: Any) -> str:
    session = backend.session_for("httpx")
    assert session is not None
    body = json.dumps({**BODY, **more}).encode()
    headers = backend.Headers({"content-type": "application/json"})
    decision = session.decide(backend.Request("POST", "https://api.example/v1/chat/completions", headers, body))
    if isinstance(decision, backend.Replay):
        return "replayed"
    assert decision is not None
    decision.start(backend.ResponseHead(200, backend.Headers({"content-type": "text/plain"})))
    decision.feed(b"an answer")
    decision.finish()
    return "recorded"


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        ({"match_on": ["modle"]}, "'model'"),
        ({"match_on": ["mesages", "model"]}, "'messages'"),
        ({"match_on": ["model", "messages", "temprature"]}, "'temperature'"),
        ({"match_on": ["messges[0].content"]}, "'messages[0].content'"),
        ({"ignore": ["metdata.run"]}, "'metadata.run'"),
    ],
)
@pytest.mark.parametrize("mode", ["once", "none", "new_episodes", "all"])
@pytest.mark.filterwarnings("ignore:.*was recorded with match_on")
def test_a_mistyped_name_is_an_error_before_anything_is_answered(
    tmp_path: Path, settings: dict[str, Any], meant: str, mode: str
) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        call()
    begun.start_run()
    before = path.read_bytes()
    with pytest.raises(UnknownFieldError) as caught, use_cassette(path, mode, **settings):
        call(model="another")
    assert f"Did you mean {meant}?" in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_name_like_a_known_one_is_right_where_the_request_or_the_file_has_it(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path, match_on=["modes", "messages"]):
        assert call(modes=["x"]) == "recorded"
    with use_cassette(path, "none", match_on=["modes", "messages"]):
        assert call(modes=["x"]) == "replayed"
    with use_cassette(path, "new_episodes", match_on=["modes", "messages"]):
        assert call() == "recorded"


def test_a_name_that_no_request_of_a_run_had_is_told_at_its_end(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from tests.core.test_unseen_names import call

        @pytest.mark.promptecho(ignore=["tenant", "session"], match_on=["model", "messages", "colour"])
        def test_one():
            call(session=1)

        @pytest.mark.promptecho(match_on=["model", "messages", "flavour"])
        def test_two():
            call(flavour="x")
        """
    )
    root = Path(__file__).parents[2]
    pytester.syspathinsert(root)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "--promptecho-mode=once")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["ignore has 'tenant', a field that no request of this run had"])
    result.stdout.fnmatch_lines(["match_on has 'colour', a field that no request of this run had"])
    for seen in ("session", "flavour", "model"):
        result.stdout.no_fnmatch_line(f"*has '{seen}', a field*")


def test_outside_of_a_test_run_it_is_a_warning_when_the_cassette_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "watching", False)
    with pytest.warns(CassetteWarning, match="ignore has 'zebra', a field that no request here had") as told:
        with use_cassette(tmp_path / "c.yaml", ignore=["zebra", "metadata"]):
            call(metadata={"run": 1})
    assert len(told) == 1
    with use_cassette(tmp_path / "none.yaml", ignore=["zebra"]):
        pass


@pytest.mark.parametrize(
    ("redact", "said"),
    [
        ("emial", "redact has 'emial', .* did you mean 'email'"),
        ("custmer.email", "redact has 'custmer.email', .* did you mean 'customer'"),
        (["customer.email", "e-mial", "phone"], "redact has 'e-mial', .* did you mean 'e-mail'"),
    ],
)
def test_a_mistyped_name_in_redact_is_a_warning_as_it_masked_nothing(tmp_path: Path, redact: Any, said: str) -> None:
    with pytest.warns(CassetteWarning, match=said) as told, use_cassette(tmp_path / "c.yaml", redact=redact):
        call(metadata={"customer": {"email": "a@b.example", "e-mail": "x"}})
    assert len(told) == 1
    with use_cassette(tmp_path / "c.yaml", "none", redact=redact):  # whoever replays has been told
        call(metadata={"customer": {"email": "a@b.example", "e-mail": "x"}})


def test_a_name_in_redact_that_is_near_to_none_is_a_precaution(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", redact=["phone", "customer.email", r"\d{6}"], mode=None):
        call(metadata={"customer": {"email": "a@b.example"}})
