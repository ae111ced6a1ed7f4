"""Similarity is the same on every run, machine and Python: a table of pairs with fixed scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptecho.errors import SnapshotError
from promptecho.snapshot import _file, similar
from promptecho.snapshot import _similarity as similarity
from promptecho.snapshot._expected import Match, Matcher, blessed, encoded

pytest.importorskip("rapidfuzz", reason="needs rapidfuzz")

# Two texts, and their scores by ratio, partial_ratio, token_sort_ratio and token_set_ratio, made with rapidfuzz 3.14.6
# and 3.13.0.
PAIRS = [
    ("", "", (1.0, 1.0, 1.0, 0.0)),
    ("", "a", (0.0, 0.0, 0.0, 0.0)),
    ("a", "a", (1.0, 1.0, 1.0, 1.0)),
    ("a", "b", (0.0, 0.0, 0.0, 0.0)),
    ("ab", "ba", (0.5, 0.6667, 0.5, 0.5)),
    ("It is sunny in Paris.", "It is sunny in Paris.", (1.0, 1.0, 1.0, 1.0)),
    ("It is sunny in Paris.", "It is sunny in London.", (0.7442, 0.8333, 0.7442, 0.8)),
    ("It is sunny in Paris.", "In Paris it is sunny.", (0.5714, 0.6875, 0.8095, 0.8571)),
    ("It is sunny in Paris.", "it is sunny in paris", (0.878, 0.9, 0.6829, 0.878)),
    ("It is safe.", "It is not safe.", (0.8462, 0.7778, 0.8462, 1.0)),
    ("The price is 10 euros.", "The price is 100 euros.", (0.9778, 0.9545, 0.9778, 0.9778)),
    ("The price is 10 euros.", "The price is ten euros.", (0.8889, 0.8636, 0.8444, 0.9268)),
    ("Yes", "No", (0.0, 0.0, 0.0, 0.0)),
    ("Yes.", "Yes, of course.", (0.4211, 0.8571, 0.4211, 0.4211)),
    ("yes yes yes", "yes", (0.4286, 1.0, 0.4286, 1.0)),
    ("one two three", "three two one", (0.5385, 0.6364, 1.0, 1.0)),
    ("one two three", "one  two\tthree\n", (0.8571, 0.8462, 1.0, 1.0)),
    ("one two three", "onetwothree", (0.9167, 0.8182, 0.6667, 0.6667)),
    ("a b c d e f", "a b c", (0.625, 1.0, 0.625, 1.0)),
    ("a b c d e f", "f e d", (0.375, 0.6667, 0.625, 1.0)),
    ("kitten", "sitting", (0.6154, 0.6667, 0.6154, 0.6154)),
    ("Saturday", "Sunday", (0.7143, 0.7273, 0.7143, 0.7143)),
    ("flaw", "lawn", (0.75, 0.8571, 0.75, 0.75)),
    ("gumbo", "gambol", (0.7273, 0.8, 0.7273, 0.7273)),
    ("book", "back", (0.5, 0.5, 0.5, 0.5)),
    ("caf\xe9", "cafe\u0301", (0.6667, 0.8571, 0.6667, 0.6667)),
    ("caf\xe9", "cafe", (0.75, 0.8571, 0.75, 0.75)),
    ("na\xefve r\xe9sum\xe9", "naive resume", (0.75, 0.7826, 0.75, 0.75)),
    ("stra\xdfe", "strasse", (0.7692, 0.8, 0.7692, 0.7692)),
    ("\u0130stanbul", "Istanbul", (0.875, 0.9333, 0.875, 0.875)),
    (
        "\u6771\u4eac\u306f\u6674\u308c\u3067\u3059",
        "\u6771\u4eac\u306f\u96e8\u3067\u3059",
        (0.7692, 0.6667, 0.7692, 0.7692),
    ),
    (
        "\u4eca\u5929 \u5929\u6c14 \u5f88 \u597d",
        "\u4eca\u5929 \u5929\u6c14 \u4e0d \u597d",
        (0.8889, 0.8889, 0.7778, 0.8889),
    ),
    ("\U0001f600 fine", "\U0001f601 fine", (0.8333, 0.9091, 0.8333, 0.8333)),
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469", (0.75, 1.0, 0.75, 0.75)),
    (
        "\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442",
        "\u0442\u0435\u043a\u0441\u0442 \u043f\u043e-\u0440\u0443\u0441\u0441\u043a\u0438",
        (0.4286, 0.6316, 0.8571, 0.8571),
    ),
    ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", (0.6154, 1.0, 0.6154, 1.0)),
    ("a\xa0b\u2003c", "a b c", (0.6, 0.6, 1.0, 1.0)),
    ("x" * 64, "x" * 65, (0.9922, 1.0, 0.9922, 0.9922)),
    ("x" * 200, "y" * 200, (0.0, 0.0, 0.0, 0.0)),
    ("ab" * 100, "ba" * 100, (0.995, 0.9975, 0.995, 0.995)),
    ("word " * 40, "word " * 39 + "other ", (0.9875, 0.9899, 0.9875, 1.0)),
    (
        "The quick brown fox jumps over the lazy dog.",
        "A quick brown dog jumps over the lazy fox.",
        (0.8605, 0.8916, 0.9302, 0.9302),
    ),
    (
        "I booked a table for two at seven.",
        "A table for two is booked, at seven o'clock.",
        (0.6154, 0.6765, 0.7692, 0.7692),
    ),
    (
        "Your order 4711 has shipped and arrives on Monday.",
        "Order 4711 was shipped; it will arrive on Tuesday.",
        (0.72, 0.766, 0.56, 0.56),
    ),
    ('{"city": "Paris", "days": 3}', '{"days": 3, "city": "Paris"}', (0.6071, 0.7273, 0.7143, 0.7143)),
    ("def add(a, b):\n    return a + b\n", "def add(x, y):\n    return x + y\n", (0.875, 0.875, 0.6667, 0.8148)),
    ("1, 2, 3, 4, 5", "1, 2, 3, 5, 4", (0.8462, 0.88, 0.9231, 0.9231)),
    ("# Title\n\n- one\n- two\n", "# Title\n\n* one\n* two\n", (0.9048, 0.9048, 0.8947, 0.9412)),
    ("UPPER CASE TEXT", "upper case text", (0.1333, 0.16, 0.1333, 0.1333)),
    (
        "I'm sorry, I can't help with that.",
        "I am sorry, but I can not help you with that.",
        (0.8101, 0.7188, 0.7848, 0.8276),
    ),
]


def test_the_table_has_fifty_pairs_and_a_score_for_each_metric() -> None:
    assert len(PAIRS) == 50
    assert {len(scores) for _, _, scores in PAIRS} == {len(similarity.METRICS)}


@pytest.mark.parametrize(("one", "other", "scores"), PAIRS, ids=range(len(PAIRS)))
def test_a_pair_has_its_score_whichever_comes_first(one: str, other: str, scores: tuple[float, ...]) -> None:
    assert tuple(similarity.score(metric, one, other) for metric in similarity.METRICS) == scores
    assert tuple(similarity.score(metric, other, one) for metric in similarity.METRICS) == scores


def stored(text: str, **more: object) -> Matcher:
    spec = {"similar": text, "metric": similarity.DEFAULT, "version": similarity.installed_version(), "at_least": 0.9}
    found: Match = _file.read({"match": {**spec, **more}}, Path("x.yaml"), "test_a")
    return found.matcher


@pytest.mark.parametrize(("one", "other", "scores"), PAIRS, ids=range(len(PAIRS)))
def test_the_verdict_follows_the_score(one: str, other: str, scores: tuple[float, ...]) -> None:
    for metric, score in zip(similarity.METRICS, scores):
        if score > 0:
            assert stored(one, metric=metric, at_least=score).problems(other) == ()
        if score < 0.9999:
            said = stored(one, metric=metric, at_least=round(score + 0.0001, 4)).problems(other)
            assert said[0] == f"{metric} {score} is less than {round(score + 0.0001, 4)}"


def test_another_version_of_the_library_asks_for_a_blessing_and_gets_it() -> None:
    old = stored("It is sunny.", version="1.0.0")
    assert "blessed with rapidfuzz 1.0.0" in old.problems("It is sunny.")[0]
    renewed = blessed(Match(old), "It is sunny!", [])
    assert encoded(renewed) == {
        "match": {
            "similar": "It is sunny.",
            "metric": similarity.DEFAULT,
            "version": similarity.installed_version(),
            "at_least": 0.9,
        },
        "was": "It is sunny!",
    }
    assert renewed.matcher.problems("It is sunny!") == ()
    far = blessed(Match(old), "Snow in the north.", [])
    assert far.matcher.spec()["similar"] == "Snow in the north."
    assert "blessed with rapidfuzz (no version)" in stored("x", version=None).problems("x")[0]


def test_what_is_no_text_is_not_similar() -> None:
    assert stored("5").problems(5) == ("expected a text, got 5",)
    assert stored("5").problems(None) == ("expected a text, got null",)


def test_a_wrong_metric_or_threshold_lists_what_is_right() -> None:
    with pytest.raises(SnapshotError, match=r"no metric 'cosine'; known are rapidfuzz\.ratio"):
        similar(metric="cosine")
    for wrong in (0, 1.5, -1, True):
        with pytest.raises(SnapshotError, match="expected a number above 0, up to 1"):
            similar(at_least=wrong)
