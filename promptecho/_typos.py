"""Whether a name is a known one with a slip of the finger in it."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 2  # letters
_PER_LETTER = 3  # a word needs as many letters for each that is off, or any short word is near to any other


def mistyped(word: str, known: Iterable[str]) -> str | None:
    """The known name that a word is one or two letters away from, ``None`` if there is none or it is known itself.

    >>> from promptecho._typos import mistyped
    >>> mistyped("modle", ["messages", "model"])
    'model'
    """
    names = list(known)
    if word in names:
        return None
    near = [(_letters_apart(word, name), name) for name in names if abs(len(name) - len(word)) <= _MOST]
    letters, best = min(near, default=(_MOST + 1, ""))
    return best if letters <= _MOST and letters * _PER_LETTER <= len(word) else None


def _letters_apart(one: str, other: str) -> int:
    """Letters added, left out, changed or swapped with the next (optimal string alignment distance)."""
    two_above: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != wanted)))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                row[j] = min(row[j], two_above[j - 2] + 1)
        two_above, above = above, row
    return above[-1]
