"""Content codings (RFC 9110 section 8.4): the bytes a server sent, chunk by chunk, without them.

The decoders of optional codings are imported when they are used; a server sends those only to a client that has them.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Sequence
from typing import Any, Callable


class ContentProblem(ValueError):
    """A body can't be decoded: unknown coding, missing decoder, or damaged data."""


class _Zlib:
    """gzip and zlib; a gzip body may have several members (RFC 1952 section 2.2)."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._decoder = zlib.decompressobj(bits)

    def decode(self, data: bytes) -> bytes:
        out = b""
        while data:
            out += self._decoder.decompress(data)
            data = self._decoder.unused_data
            if data:
                self._decoder = zlib.decompressobj(self._bits)
        return out

    def end(self, partial: bool) -> None:
        if not self._decoder.eof and not partial:
            raise ContentProblem("the compressed body ends too early")


class _Deflate:
    """zlib data, or raw deflate data, which some servers send against RFC 9110; the first two bytes tell."""

    def __init__(self) -> None:
        self._begin = b""
        self._inner: _Zlib | None = None

    def decode(self, data: bytes) -> bytes:
        if self._inner is None:
            self._begin += data
            if len(self._begin) < 2:
                return b""
            first, second = self._begin[:2]
            is_zlib = first & 0x0F == 8 and (first * 256 + second) % 31 == 0  # RFC 1950 section 2.2
            self._inner = _Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
            data = self._begin
        return self._inner.decode(data)

    def end(self, partial: bool) -> None:
        if self._inner is not None:
            self._inner.end(partial)
        elif self._begin and not partial:
            raise ContentProblem("the compressed body ends too early")


class _Optional:
    """br and zstd, by whichever library is installed."""

    def __init__(self, modules: Sequence[str], make: Callable[[Any], Any]) -> None:
        for name in modules:
            try:
                self._decoder = make(importlib.import_module(name))
                break
            except (ImportError, AttributeError):
                continue
        else:
            raise ContentProblem(f"decoding needs one of {', '.join(modules)}")

    def decode(self, data: bytes) -> bytes:
        for name in ("decompress", "process"):
            method = getattr(self._decoder, name, None)
            if method is not None:
                return bytes(method(data))
        raise ContentProblem("the decoder has no method that is known here")

    def end(self, partial: bool) -> None:
        finished = getattr(self._decoder, "eof", None)
        if finished is None and hasattr(self._decoder, "is_finished"):
            finished = self._decoder.is_finished()
        if finished is False and not partial:
            raise ContentProblem("the compressed body ends too early")


def _zstd(module: Any) -> Any:
    if hasattr(module, "ZstdDecompressor") and hasattr(module.ZstdDecompressor, "decompressobj"):
        return module.ZstdDecompressor().decompressobj()  # the package zstandard
    return module.ZstdDecompressor()  # compression.zstd and its backport


_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": _Deflate,
    "br": lambda: _Optional(("brotli", "brotlicffi"), lambda module: module.Decompressor()),
    "zstd": lambda: _Optional(("compression.zstd", "backports.zstd", "zstandard"), _zstd),
}


def decode_chunks(chunks: Sequence[bytes], encoding: str, *, partial: bool = False) -> tuple[bytes, ...]:
    """The decoded pieces, one for each chunk that gives any; ``encoding`` is the content-encoding field.

    Raises:
        ContentProblem: it can't be decoded; with ``partial`` a body that only ends too early is fine.
    """
    pieces = list(chunks)
    for coding in reversed([name.strip().lower() for name in encoding.split(",") if name.strip()]):
        if coding == "identity":
            continue
        if coding not in _DECODERS:
            raise ContentProblem(f"the content coding {coding!r} is not known here")
        decoder = _DECODERS[coding]()
        try:
            pieces = [decoder.decode(piece) for piece in pieces]
            decoder.end(partial)
        except ContentProblem:
            raise
        except Exception as problem:  # each decoder has an error type of its own
            raise ContentProblem(f"the body is no {coding} data: {problem}") from None
    return tuple(piece for piece in pieces if piece)
