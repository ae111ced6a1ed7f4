"""Content codings: what was sent coded comes back plain, in as many pieces, and damage is told."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho._bodies.content import ContentProblem, decode_chunks

TEXT = b"The cat sat on the mat. " * 20


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


def brotli(data: bytes) -> bytes:
    module = pytest.importorskip("brotli")
    return bytes(module.compress(data))


def zstd(data: bytes) -> bytes:
    module = pytest.importorskip("zstandard")
    return bytes(module.ZstdCompressor().compress(data))


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli,
    "zstd": zstd,
}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_coded_body_comes_back_whatever_its_pieces(coding: str, size: int) -> None:
    coded = CODERS[coding](TEXT)
    assert b"".join(decode_chunks(cut(coded, size), coding)) == TEXT
    assert decode_chunks([coded], coding) == (TEXT,)


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_that_ends_too_early_is_a_problem_unless_it_may(coding: str) -> None:
    coded = CODERS[coding](TEXT)[:-9]
    with pytest.raises(ContentProblem, match="the compressed body ends too early"):
        decode_chunks([coded], coding)
    assert TEXT.startswith(b"".join(decode_chunks([coded], coding, partial=True)))


@pytest.mark.parametrize("coding", CODERS)
def test_what_is_not_coded_as_it_says_is_a_problem(coding: str) -> None:
    CODERS[coding](TEXT)
    with pytest.raises(ContentProblem, match=f"the body is no {coding.lower()} data: ."):
        decode_chunks([b"plain text, and not a little of it"], coding)


def test_several_members_of_gzip_are_one_body() -> None:
    assert b"".join(decode_chunks([gzip.compress(b"a") + gzip.compress(b"b"), gzip.compress(b"c")], "gzip")) == b"abc"


@pytest.mark.parametrize(("data", "partial"), [(b"", False), (b"", True), (b"x", True)])
def test_deflate_of_less_than_two_bytes_is_nothing(data: bytes, partial: bool) -> None:
    assert decode_chunks([data] if data else [], "deflate", partial=partial) == ()


def test_one_byte_of_deflate_ends_too_early() -> None:
    with pytest.raises(ContentProblem, match="ends too early"):
        decode_chunks([b"x"], "deflate")


@pytest.mark.parametrize("encoding", [" gzip , x-gzip ,", "identity, gzip,IDENTITY, x-gzip"])
def test_codings_are_taken_off_in_the_reverse_order(encoding: str) -> None:
    assert decode_chunks([gzip.compress(gzip.compress(TEXT))], encoding) == (TEXT,)
    assert decode_chunks([zlib.compress(gzip.compress(TEXT))], "gzip, deflate") == (TEXT,)


def test_a_coding_that_is_not_known_is_a_problem_that_names_it() -> None:
    with pytest.raises(ContentProblem, match="the content coding 'lzma' is not known here"):
        decode_chunks([b"x"], "gzip, lzma")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40), st.sampled_from(["gzip", "deflate", "Deflate"]))
def test_any_bytes_come_back(data: bytes, size: int, coding: str) -> None:
    assert b"".join(decode_chunks(cut(CODERS[coding](data), size), coding)) == data
