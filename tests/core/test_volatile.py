"""What the names of ``volatile`` mask, that order doesn't matter, and that it takes linear time."""

from __future__ import annotations

import itertools
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptecho._matching.dates import WRITTEN
from promptecho._matching.volatile import MASK, VOLATILE, mask_volatile, volatile_patterns

DATES = [each for entry in WRITTEN for each in entry.takes]
MOMENTS = [
    "2026-01-02T03:04", "2026-01-02 03:04:05.678+0100", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05,6-05:00",
    "2026-11-28T07:00:00.000000+00:00", "Thu Jan  1 10:00:00 2026", "Sat Nov 28 07:00:00 UTC 2026",
    "Thu, 01 Jan 2026 10:00:00 GMT", "Fri, 27 Nov 2026 11:00:01 +0100", "27/Nov/2026:11:00:00 +0000",
    "Fri Nov 27 2026 11:00:00 GMT+0000 (Coordinated Universal Time)", "Friday, 27 November 2026 10:00:00.123456",
    "November 27, 2026 at 10:00 AM", "1/1/26, 10:00 AM", "11/27/2026 10:00:00 PM", "10:00 AM on January 1, 2026",
    "10:00, 28 November 2026", "2026-11-27_11-00-00", "20261127T110000Z", "20261127110000",
    "datetime.datetime(2026, 1, 1, 10, 0)", "datetime(2026,1,1,10,0,5,123456)",
    "datetime.datetime(2026, 1, 1, 10, 0, tzinfo=datetime.timezone.utc)", "01JAN2026 10:00", "1. januára 2026 10:00",
    "datetime.datetime(2026, 1, 1, 10, 0, fold=1, tzinfo=zoneinfo.ZoneInfo(key='Europe/Rome'))", "2026-01-01 (Thu) 10:00:00",
    "datetime.datetime(2026, 1, 1, 10, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))", "2026년 1월 1일 10:00",
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
    "tempfile": ["tmpab12cd34", "/tmp/tmpab12cd_4", "/tmp/pytest-of-root/pytest-12", "/var/folders/ab/cdef/T/tmpab12cd34",
                 "/tmp/tmp.Ab12Cd34Ef", "tmp.aBcDeFgHiJ"],
    "id": [
        "call_abc123XYZ", "call_aBcDeFgHiJkLmNoPqRsT", "chatcmpl-9abcDEF123", "file-abc123XY", "msg_01ABCdef", "toolu_01A09q90qw90lq91",
        "run-7f0c1f4e-8f4e-4b4e-9d5e-00000000000a", "resp_67cb61fa3a448190bcf2c42d96f0d1a8", "thread_abc1DEF23", "lc_run-12ab34cd",
    ],
    "hex": ["deadbeef", "1234567a", "0xdeadbeef01", "0x12345678", "1234567890123456", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
}  # fmt: skip
LEFT = {
    "uuid": ["7f0c1f4e-8f4e-4b4e-9d5e", "7f0c1f4e8f4e4b4e9d5e"],
    "datetime": [
        "2026-01-02",
        "03:04",
        "1234567890123456",
        "4155550100",
        "1500000000",
        "2050000000",
        "1234567890",
        "update(2026, 1, 1, 10)",
    ],
    "date": ["12:30", *(each for entry in WRITTEN for each in entry.leaves)],
    "time": ["3.04", "103:045", "10 amps", "3:4", "1.5s"],
    "tempfile": ["tmp", "tmpdir", "/tmp/x", "template", "tmp.filesystem", "/tmp/my_settings", "prefix_ab12cd34"],
    "id": [
        "call_center",
        "file-system",
        "run_everything",
        "thread_pool",
        "part-time",
        "event-driven",
        "call_me_maybe_later",
    ],
    "hex": ["deadbee", "feedbacks", "abc", "12345678", "2026010210", "123456789012345"],
}
RUNS = [
    "1",
    "a",
    "2026-",
    "Jan ",
    "10:",
    "1/",
    "tmp",
    "f",
    "call_",
    " ",
    "1.",
    "Mon, ",
    "\t",
    "January 1, ",
    "1. ",
    "1 de ",
    "/tmp/a_",
    "datetime(1,",
    "MAY",
    "2026 ",
    "é",
    "年",
]


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


def test_the_name_that_a_program_gives_to_a_temporary_file_stays() -> None:
    names = ["/tmp/report_ab12cd34.csv", "/tmp/report_x9_kq2zz.csv", "/var/folders/ab/cdef/T/report_ab12cd34.csv"]
    assert {masked(name, "tempfile") for name in names} == {f"report_{MASK}.csv"}
    assert masked("/tmp/bill_ab12cd34.csv", "tempfile") == f"bill_{MASK}.csv"


def test_every_way_to_write_a_date_has_examples_that_it_takes_by_itself() -> None:
    for entry in WRITTEN:
        assert entry.takes
        assert entry.leaves
        for value in entry.takes:
            assert re.fullmatch(entry.pattern, value), value


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
        for _ in range(2):
            began = time.process_time()
            mask_volatile(text, patterns)
            best = min(best, time.process_time() - began)
        return best

    for run in RUNS:
        text = (run * 5_000)[:5_000]
        assert seconds(text * 2) < 8 * max(seconds(text), 0.002), run
