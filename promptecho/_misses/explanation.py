"""Why a request has no recording: the nearest one, and where the two part."""

from __future__ import annotations

import hashlib
import heapq
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from promptecho._cassette.index import Index
from promptecho._defaults import is_ci
from promptecho._harmless import harmless
from promptecho._matching import older_keys
from promptecho._matching.bodies import RAW_BODY
from promptecho._matching.identity import Identity, address, canonical_json
from promptecho._misses.hints import hints

if TYPE_CHECKING:
    from promptecho._cassette.cassette import Cassette
    from promptecho._cassette.interaction import Interaction

Json = Any
_SHOWN_LEAVES = 12
_CONTEXT = 60
_ATTACHMENT = 100
_PROBES = 12
_PHRASE, _PHRASES = 24, 8
_CANDIDATES = 12


def leaf_differences(recorded: Json, incoming: Json, path: str = "") -> Iterator[tuple[str, Json, Json]]:
    """Per differing leaf: its path such as ``messages[1].content``, the recorded and the incoming value.

    A side that lacks the leaf gives ``MISSING``.
    """
    if isinstance(recorded, dict) and isinstance(incoming, dict):
        for key in [*recorded, *(key for key in incoming if key not in recorded)]:
            below = f"{path}.{key}" if path else str(key)
            yield from leaf_differences(recorded.get(key, MISSING), incoming.get(key, MISSING), below)
    elif isinstance(recorded, list) and isinstance(incoming, list):
        for index in range(max(len(recorded), len(incoming))):
            yield from leaf_differences(
                recorded[index] if index < len(recorded) else MISSING,
                incoming[index] if index < len(incoming) else MISSING,
                f"{path}[{index}]",
            )
    elif type(recorded) is not type(incoming) or recorded != incoming:
        yield path, recorded, incoming


class _Missing:
    def __repr__(self) -> str:
        return "(absent)"


MISSING = _Missing()


def _texts(tree: Json) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(value)
    elif tree is not None:
        yield str(tree)


def _text(identity: Identity) -> str:
    return "\n".join(_texts(identity.matched))


def _probes(text: str) -> list[str]:
    """What to look for of a text: phrases from all over it, which tell texts of one vocabulary apart, and long words.

    A phrase has nothing in it that a file could spell in another way.
    """
    lines = [line for line in re.split(r"[^\w .,:;!?()-]+", text, flags=re.ASCII) if len(line) >= _PHRASE]
    spread = [lines[len(lines) * place // _PHRASES] for place in range(_PHRASES)] if lines else []
    phrases = [line[(len(line) - _PHRASE) // 2 :][:_PHRASE] for line in dict.fromkeys(spread)]
    if len(lines) == 1:  # one long line: phrases from all over it
        step = max(1, (len(text) - _PHRASE) // _PHRASES)
        phrases = [lines[0][start : start + _PHRASE] for start in range(0, len(lines[0]) - _PHRASE + 1, step)][
            :_PHRASES
        ]
    words = sorted(set(re.findall(r"\w+", text)), key=lambda word: (-len(word), word))
    return [*phrases, *words[: _PROBES - len(phrases)]]


def nearest(cassette: Cassette, identity: Identity) -> Interaction | None:
    """The recording most like a request: same method and path first, then by the phrases and words they share.

    Every recording is looked through for some of the request's phrases and words, which costs a substring search each;
    only those that hold the most of them are compared in full.
    """
    text = _text(identity)
    probes = _probes(text)
    pairs = _pairs(text)

    def place(method: str, path: str) -> float:
        return 4.0 * (path == identity.path) + 2.0 * (method == identity.method)

    def rough(entry: tuple[int, Interaction | Index]) -> float:
        number, found = entry
        if isinstance(found, Index):
            method, url = found.place(number)
            raw = found.request_text(number)
            return place(method, address(url)[1]) + 4.0 * sum(probe in raw for probe in encoded) / (len(encoded) or 1)
        theirs = _text(found.identity)
        known = place(found.method, found.identity.path)
        return known + 4.0 * sum(probe in theirs for probe in probes) / (len(probes) or 1)

    def full(interaction: Interaction) -> float:
        other = interaction.identity
        theirs = _pairs(_text(other))
        shared = 2 * len(pairs & theirs) / (len(pairs) + len(theirs) or 1)
        return place(other.method, other.path) + (other.stream == identity.stream) + 4.0 * shared

    encoded = [probe.encode("utf-8") for probe in probes]
    numbers = [number for number, _ in heapq.nlargest(_CANDIDATES, cassette.look_through(), key=rough)]
    candidates = [*(cassette.interaction(number) for number in numbers), *cassette.recorded]
    return max(candidates, key=full, default=None)


def _pairs(text: str) -> set[tuple[str, str]]:
    """The words of a text, each with the one before it: like texts share most of them, whatever their vocabulary."""
    words = re.findall(r"\w+", text)
    return set(zip(["", *words], words))


def _attachment(value: Json) -> str | None:
    """What to show of an image or a document that stands in a body as base64, or ``None`` if it is none."""
    if not isinstance(value, str) or len(value) < _ATTACHMENT:
        return None
    kind, separator, data = value.partition(";base64,")
    data = data if separator else value
    if re.fullmatch(r"[A-Za-z0-9+/_=-]+", data) is None:
        return None
    name = kind[5:] if separator and kind.startswith("data:") else "base64"
    return f"<{name}, {len(data) * 3 // 4} bytes, sha256 {hashlib.sha256(data.encode('ascii')).hexdigest()[:12]}>"


def _shown(value: Json) -> str:
    attachment = _attachment(value)
    if attachment is not None:
        return attachment
    text = repr(value) if isinstance(value, (str, _Missing)) else canonical_json(value)
    return text if len(text) <= 4 * _CONTEXT else text[: 4 * _CONTEXT - 3] + "..."


def _parting(recorded: Json, incoming: Json) -> tuple[str, str]:
    """Two values, long texts cut to the place where they part."""
    if not (isinstance(recorded, str) and isinstance(incoming, str)):
        return _shown(recorded), _shown(incoming)
    attachments = _attachment(recorded), _attachment(incoming)
    if None not in attachments:
        return _shown(recorded), _shown(incoming)
    if max(len(recorded), len(incoming)) <= 3 * _CONTEXT:
        return repr(recorded), repr(incoming)
    start = _common_start(recorded, incoming)
    begin = max(0, start - _CONTEXT // 2)

    def cut(text: str) -> str:
        end = min(len(text), start + _CONTEXT)
        return ("..." if begin else "") + repr(text[begin:end]) + ("..." if end < len(text) else "")

    return f"{cut(recorded)} (from character {start})", cut(incoming)


def _common_start(one: str, other: str) -> int:
    """How many characters two texts share at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # by halves: comparing slices costs far less than comparing characters
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class _Paint:
    """Colour on a terminal, plain text in CI and files (https://no-color.org)."""

    def __init__(self) -> None:
        environ = os.environ
        wanted = environ.get("FORCE_COLOR") not in (None, "", "0")
        barred = "NO_COLOR" in environ or is_ci()
        self.on = wanted or (not barred and sys.stderr is not None and sys.stderr.isatty())

    def red(self, text: str) -> str:
        return f"\033[31m{text}\033[0m" if self.on else text

    def green(self, text: str) -> str:
        return f"\033[32m{text}\033[0m" if self.on else text

    def bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self.on else text


class Explanation(NamedTuple):
    """Why a request has no recording: in full, and in one line."""

    text: str
    summary: str


def explain_miss(
    cassette: Cassette,
    identity: Identity,
    url: str,
    *,
    mode: str,
    used_up: int = 0,
    ambiguous: Sequence[Interaction] = (),
) -> Explanation:
    """What was asked, the nearest recording, each difference, and what to do."""
    paint = _Paint()
    lines = [paint.bold(f"no recording answers {identity.method} {url}")]
    if os.environ.get("PROMPTECHO_MODE", "").strip():
        mode += " (PROMPTECHO_MODE)"
    count = f"{len(cassette)} recording{'' if len(cassette) == 1 else 's'}"
    lines.append(f"  cassette: {cassette.path} ({count}), mode: {mode}, key: {identity.short_key}")
    if used_up:
        lines.append(
            f"  its {used_up} recording(s) are already used {used_up} time(s), and repeats='strict' plays each once"
        )
        summary = f"one call more than recorded in {_short(cassette.file)}"
    elif ambiguous:
        hosts = sorted({entry.identity.host for entry in ambiguous})
        lines.append(
            f"  recordings of several hosts share this key ({', '.join(hosts)}), and none is of {identity.host}"
        )
        summary = f"several hosts, and not {identity.host}, are recorded in {_short(cassette.file)}"
    else:
        more, differing = _nearest_lines(cassette, identity, paint)
        lines.extend(more)
        summary = f"{differing} {_short(cassette.file)}"
    lines.append("  to record it: run once with PROMPTECHO_MODE=new_episodes (adds it) or all (records the file again)")
    return Explanation(harmless("\n".join(lines), coloured=paint.on), harmless(summary))


def _short(path: Path) -> str:
    """A path as seen from the current folder, if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _nearest_lines(cassette: Cassette, identity: Identity, paint: _Paint) -> tuple[list[str], str]:
    candidate = nearest(cassette, identity)
    if candidate is None:
        return [
            "  the cassette holds no recordings; was it ever recorded, and is this its path?"
        ], "nothing is recorded in"
    other = candidate.identity
    lines = [f"  nearest recording: interactions[{candidate.number}], {other.method} {candidate.url}"]
    facts: list[tuple[str, Json, Json]] = [
        (name, was, now)
        for name, was, now in (
            ("method", other.method, identity.method),
            ("path", other.path, identity.path),
            ("stream", other.stream, identity.stream),
        )
        if was != now
    ]
    if isinstance(other.query, str) and older_keys.query_digest(address(identity.url)[2]) != other.query:
        facts.append(("query", "(other values or names)", "(see the URL above)"))
    facts += beside_the_body(other, identity)
    differences = [*facts, *leaf_differences(other.matched, identity.matched)]
    for path, was, now in differences[:_SHOWN_LEAVES]:
        recorded, incoming = _parting(was, now)
        lines.append(f"    {path.rstrip(':')}:")
        lines.append("      recorded " + paint.red(recorded))
        lines.append("      incoming " + paint.green(incoming))
    if len(differences) > _SHOWN_LEAVES:
        lines.append(f"    and {len(differences) - _SHOWN_LEAVES} more differences")
    if RAW_BODY in identity.body:
        lines.append("    (the body is no readable text; it is compared by its hash)")
    places = [path for path, _, _ in differences]
    lines.extend(f"  hint: {hint}" for hint in hints(other, identity, cassette.options, places))
    free = [name for name in other.body if name not in other.matched and other.body[name] != identity.body.get(name)]
    if free and not identity.whole:
        lines.append(f"  differs too, but is not matched: {', '.join(free)}")
    if not differences:
        return lines, "no recording answers this call in"
    count = len(differences)
    first = differences[0][0].rstrip(":")
    return lines, f"{first} differs from" if count == 1 else f"{first} and {count - 1} more differ from"


def beside_the_body(recorded: Identity, incoming: Identity) -> Iterator[tuple[str, Json, Json]]:
    """The parameters of the query and the headers in which two requests differ, as ``ignore`` names them."""
    for name in [*recorded.selected, *(name for name in incoming.selected if name not in recorded.selected)]:
        if recorded.headers is None and not name.startswith("?"):
            continue  # it was not kept which headers it had, so any will do
        if isinstance(recorded.query, str) and name.startswith("?"):
            continue
        was, now = recorded.selected.get(name, MISSING), incoming.selected.get(name, MISSING)
        if was != now:
            yield name, was, now
