# ruff: noqa: E501 - texts
"""How much of ordinary text is taken for a credential: 10 MB of prose, code, logs, base64 and ids, masked place by place.

Run: ``python -m benchmarks.ordinary_text [--show]``. It prints by kind of text what was masked, by rule; ``--show`` adds
each place. Nothing in these texts is a credential but the examples that documents and tests of libraries have.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import hashlib
import json
import random
import site
import sys
import sysconfig
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from promptecho._secrets.passes import Redactor

PART = 2_000  # characters: about a message


def files(root: Path, pattern: str, most: int) -> Iterator[str]:
    """The texts of files below a folder, shuffled, up to a number of characters."""
    paths = sorted(root.rglob(pattern))
    random.Random(7).shuffle(paths)
    for path in paths:
        if most <= 0:
            return
        try:
            text = path.read_text(encoding="utf-8")[:60_000]
        except (OSError, UnicodeDecodeError):
            continue
        most -= len(text)
        yield text


def made(kind: str, count: int) -> Iterator[str]:
    """Texts made up: ids, hashes, base64 and what models and sites write."""
    dice = random.Random(11)
    words = [
        "ako",
        "si",
        "vybrat",
        "najlepsi",
        "notebook",
        "pre",
        "studentov",
        "sk",
        "button",
        "active",
        "hover",
        "link",
        "state",
        "card",
        "user",
        "order",
        "page",
    ]
    for _ in range(count):
        data = dice.randbytes(300)
        number = uuid.UUID(bytes=data[:16])
        yield {
            "base64": base64.b64encode(data).decode(),
            "base64url": base64.urlsafe_b64encode(data).decode(),
            "data URLs": "data:image/png;base64," + base64.b64encode(data).decode(),
            "hashes": f"{hashlib.sha256(data).hexdigest()} {hashlib.md5(data).hexdigest()} sha1:{data[:20].hex()}",
            "ids": f"{number} chatcmpl-{number.hex} msg_{base64.b32encode(data[:15]).decode()} call_{data[:12].hex()} "
            f"resp_{data[:25].hex()} toolu_{base64.b64encode(data[:18], altchars=b'ab').decode()} req_{number.hex} "
            f"asst_{data[:12].hex()} fp_{data[:5].hex()} file-{base64.b64encode(data[:15], altchars=b'ab').decode()}",
            "slugs": "https://www.example.sk/blog/sk-" + "-".join(dice.choices(words, k=8)),
            "class names": " ".join("sk-" + "-".join(dice.choices(words, k=5)) for _ in range(3)),
            "logs": f"2026-11-28T10:00:{dice.randrange(60):02d}.{dice.randrange(999)}Z INFO [worker-{dice.randrange(9)}] "
            f"GET /v1/items/{dice.randrange(10**9)}?page={dice.randrange(99)}&sort=name trace={data[:16].hex()} 200 "
            f"{dice.randrange(999)}ms user-agent=Mozilla/5.0 etag=W/\"{data[:8].hex()}\"",
            "reasoning": json.dumps({"encrypted_content": "gAAAAA" + base64.urlsafe_b64encode(data).decode()}),
            "errors": json.dumps({"errors": {"password": dice.choice(["is too short", "can't be blank", "must differ"])}}),
        }[kind]  # fmt: skip


def corpus() -> dict[str, Iterator[str]]:
    """The texts by kind; together more than 10 MB."""
    library = Path(sysconfig.get_paths()["stdlib"])
    packages = Path(site.getsitepackages()[0])
    return {
        "the standard library": files(library, "*.py", 3_000_000),
        "packages": files(packages, "*.py", 3_000_000),
        "documents": files(packages, "*.md", 600_000),
        "metadata": files(packages, "METADATA", 1_000_000),
        "JSON files": files(packages, "*.json", 600_000),
        **{kind: made(kind, 1500) for kind in
           ("base64", "base64url", "data URLs", "hashes", "ids", "slugs", "class names", "logs", "reasoning", "errors")},
    }  # fmt: skip


def main() -> None:
    """Mask everything and count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--show", action="store_true", help="print each masked place")
    show = options.parse_args().show
    size = places = 0
    began = time.process_time()
    for kind, texts in corpus().items():
        found: Counter[str] = Counter()
        for text in texts:
            for at in range(0, len(text), PART):
                part = text[at : at + PART]
                size += len(part)
                redactor = Redactor({})
                # As in an answer of a model, where this version tells them apart.
                masked = redactor.mask_bytes(part.encode("utf-8", "surrogatepass"), *ANSWER).decode(
                    "utf-8", "surrogatepass"
                )
                if masked == part:
                    continue
                for tag, a, b, c, d in difflib.SequenceMatcher(None, part, masked, autojunk=False).get_opcodes():
                    if tag == "equal" or "RED" not in masked[max(0, c - 8) : d + 8]:
                        continue
                    if show:
                        sys.stdout.write(f"  {kind}: {part[max(0, a - 30) : b + 30]!r} -> {masked[c:d]!r}\n")
                found.update(redactor.found or ["a field or a URL"])
        places += sum(found.values())
        sys.stdout.write(f"{kind}: {sum(found.values())} {dict(found)}\n")
    sys.stdout.write(f"{size:,} characters, {places} masked parts, {time.process_time() - began:.0f} s\n")


try:
    from promptecho._secrets.passes import Fields

    ANSWER: tuple[object, ...] = (Fields.IF_IT_LOOKS_LIKE_ONE,)
except ImportError:  # an earlier version
    ANSWER = ()

if __name__ == "__main__":
    main()
