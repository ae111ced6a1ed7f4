"""Names the cassettes about which something is to be said, and those that only look so."""

import promptecho
import pytest
from openai import OpenAI
from promptecho import use_cassette


def ask():
    return OpenAI().responses.create(model="gpt-5", input="hi")


NAMES = [
    "interrupted", "errors", "errors_ignored", "errors_in_words", "secrets", "secrets_masked", "wrong_status", "truncated",
    "foreign", "first_version", "by_0_1", "played", "changed_since", "sentence",
]


@pytest.mark.parametrize("name", NAMES)
def test_each(name):
    with use_cassette("tests/cassettes/" + name + ".yaml"):
        ask()


@use_cassette("tests/cassettes/errors_meant.yaml", on_record_error="record")
def test_an_error_that_is_meant():  # FINDING: live-call
    ask()


@use_cassette("tests/cassettes/shared.yaml")
def test_shared():
    ask()


def test_shared_too():
    with promptecho.use_cassette("tests/cassettes/shared.yaml"):  # FINDING: shared-cassette
        ask()


@pytest.mark.promptecho("cassettes/SHARED.yaml")  # FINDING: shared-cassette
def test_shared_on_some_systems():
    ask()


def test_shared_by_name(promptecho_cassette):
    ask()


@pytest.mark.promptecho(path="cassettes/test_shared_by_name.yaml")  # FINDING: shared-cassette
def test_twice_in_one():
    with pytest.raises(RuntimeError):
        ask()


def test_one_file_twice():
    with use_cassette("tests/cassettes/twice.yaml"):
        ask()
    with use_cassette("tests/cassettes/twice.yaml"):
        ask()


def test_nothing_to_ignore():
    assert NAMES  # promptecho: ignore[unrecorded-call]  # FINDING: stale-ignore
    assert ask  # promptecho: ignore  # FINDING: stale-ignore


@use_cassette("tests/cassettes/test_ignored_in_part.yaml")
def test_ignored_in_part():
    ask()  # promptecho: ignore[unrecorded-cal]  # FINDING: stale-ignore


@use_cassette("tests/cassettes/partly_played.yaml")
class TestPartly:
    def test_one(self):
        ask()

    def test_two(self):
        """Not in the last run."""
        ask()
