"""What the names of ``volatile`` mask, that order doesn't matter, and that it takes linear time."""

from __future__ import annotations

import itertools
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptecho._volatile import MASK, VOLATILE, mask_volatile, volatile_patterns

DATES = [
    "2026-01-02", "2026/01/02", "2026/1/2", "1/1/26", "12/31/2026", "31/12/2026", "1.2.2026", "01.12.26", "1-2-2026",
    "January 1, 2026", "November 27, 2026", "January 1st, 2026", "1st of January 2026", "1 January 2026", "01 Jan 2026",
    "01-Jan-2026", "Jan. 5, 2026", "Thu Jan 01 2026", "Thursday, January 1", "Thursday, 1 January 2026", "May 5",
    "November 2026", "2026-W01", "2026-W48-5", "2026W485", "20260102", "Sat 2026-11-28", "2026年1月2日",
]  # fmt: skip
MOMENTS = [
    "2026-01-02T03:04", "2026-01-02 03:04:05.678+0100", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05,6-05:00",
    "2026-11-28T07:00:00.000000+00:00", "Thu Jan  1 10:00:00 2026", "Sat Nov 28 07:00:00 UTC 2026",
    "Thu, 01 Jan 2026 10:00:00 GMT", "Fri, 27 Nov 2026 11:00:01 +0100", "27/Nov/2026:11:00:00 +0000",
    "Fri Nov 27 2026 11:00:00 GMT+0000 (Coordinated Universal Time)", "Friday, 27 November 2026 10:00:00.123456",
    "November 27, 2026 at 10:00 AM", "1/1/26, 10:00 AM", "11/27/2026 10:00:00 PM", "10:00 AM on January 1, 2026",
    "10:00, 28 November 2026", "2026-11-27_11-00-00", "20261127T110000Z", "20261127110000",
    "1764000000", "1764000000.123", "1764000000123", "1764000000123456", "1764000000123456789",
]  # fmt: skip
TIMES = [
    "3:04",
    "03:04:05",
    "03:04:05.6",
    "10:00 AM",
    "10:00 a.m.",
    "10 am",
    "10:00 UTC",
    "22:15 CET",
    "0.48213s",
    "12.123456 seconds",
]
TAKEN = {
    "uuid": ["7f0c1f4e-8f4e-4b4e-9d5e-00000000000A", "7f0c1f4e8f4e4b4e9d5e00000000000a"],
    "datetime": MOMENTS,
    "date": [*DATES, *MOMENTS],
    "time": TIMES,
    "tempfile": ["tmpab12cd34", "/tmp/tmpab12cd_4", "/tmp/pytest-of-root/pytest-12", "/var/folders/ab/cdef/T/tmpab12cd34"],
    "id": [
        "call_abc123XYZ", "call_aBcDeFgHiJkLmNoPqRsT", "chatcmpl-9abcDEF123", "file-abc123XY", "msg_01ABCdef", "toolu_01A09q90qw90lq91",
        "run-7f0c1f4e-8f4e-4b4e-9d5e-00000000000a", "resp_67cb61fa3a448190bcf2c42d96f0d1a8", "thread_abc1DEF23", "lc_run-12ab34cd",
    ],
    "hex": ["deadbeef", "12345678", "0xdeadbeef01", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
}  # fmt: skip
LEFT = {
    "uuid": ["7f0c1f4e-8f4e-4b4e-9d5e", "7f0c1f4e8f4e4b4e9d5e"],
    "datetime": ["2026-01-02", "03:04", "1234567890123456", "4155550100"],
    "date": [
        "12:30",
        "1.2.3",
        "v1.10.12",
        "3.14",
        "10/20",
        "555-1234",
        "maybe 5",
        "March on",
        "mayor 12",
        "Friday",
        "claude-3-5",
    ],
    "time": ["3.04", "103:045", "10 amps", "3:4", "1.5s"],
    "tempfile": ["tmp", "tmpdir", "/tmp/x", "template"],
    "id": [
        "call_center",
        "file-system",
        "run_everything",
        "thread_pool",
        "part-time",
        "event-driven",
        "call_me_maybe_later",
    ],
    "hex": ["deadbee", "feedbacks", "abc"],
}
RUNS = ["1", "a", "2026-", "Jan ", "10:", "1/", "tmp", "f", "call_", " ", "1.", "Mon, ", "\t", "January 1, "]


def masked(text: str, *names: Any) -> str:
    found: str = mask_volatile(text, volatile_patterns(names))
    return found


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_takes_each_of_its_spellings_whole(name: str) -> None:
    for value in TAKEN[name]:
        for around in ("<{}>", "Today is {}.", "at {}, now", '{{"when": "{}"}}'):
            assert masked(around.format(value), name) == around.format(MASK), value


@pytest.mark.parametrize("name", LEFT)
def test_a_name_leaves_other_text_alone(name: str) -> None:
    for value in LEFT[name]:
        assert masked(f"<{value}>", name) == f"<{value}>"


def test_a_pattern_of_the_user_is_taken_as_it_is() -> None:
    assert masked("run 1 and run 22", r"run \d+") == f"{MASK} and {MASK}"
    assert masked("ABC", re.compile("abc", re.IGNORECASE)) == MASK


def test_a_pattern_sees_the_text_before_the_names_do() -> None:
    assert masked("batch 2026-01-02 of 7", "date", r"batch \S+ of") == f"{MASK} 7"


@given(
    st.permutations(list(VOLATILE)),
    st.lists(st.sampled_from([each for values in TAKEN.values() for each in values]), max_size=4),
)
def test_the_order_of_the_names_makes_no_difference(names: list[str], values: list[str]) -> None:
    text = " | ".join(values)
    assert masked(text, *names) == masked(text, *VOLATILE)


@given(st.sampled_from(list(itertools.product(DATES, MOMENTS))))
def test_texts_that_differ_in_dates_alone_are_equal(pair: tuple[str, str]) -> None:
    one, other = pair
    assert masked(f"Today is {one}; answer.", "date") == masked(f"Today is {other}; answer.", "date")
    assert masked(f"Today is {one}; answer.", "date") != masked(f"Today is {other}; reply.", "date")


@pytest.mark.parametrize("name", VOLATILE)
def test_twice_the_text_takes_about_twice_the_time(name: str) -> None:
    patterns = volatile_patterns([name])

    def seconds(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            mask_volatile(text, patterns)
            best = min(best, time.process_time() - began)
        return best

    for run in RUNS:
        text = (run * 20_000)[:20_000]
        assert seconds(text * 2) < 8 * max(seconds(text), 0.002), run
