"""The pictures of the README show what the commands print today, and load nothing."""

from __future__ import annotations

import re

import pytest

from . import pictures
from .pages import ROOT
from .pictures import PICTURES, Picture
from .test_docs import needs_shell

_NAMES = [pytest.param(picture, id=picture.name) for picture in PICTURES]


@needs_shell
@pytest.mark.parametrize("picture", _NAMES)
def test_a_picture_shows_what_is_printed_today(picture: Picture) -> None:
    openai = pytest.importorskip("openai", reason="the pictures show it")
    pytest.importorskip("anthropic", reason="the pictures show it")
    pytest.importorskip("genai_prices", reason="the pictures show prices")
    if int(openai.__version__.partition(".")[0]) < 3:
        pytest.skip("the pictures show what openai 3 does")
    today = pictures.comparable(pictures.printed(picture.steps()))
    assert pictures.comparable(pictures.shown(picture)) == today
    assert len(today) > 5


@pytest.mark.parametrize("picture", _NAMES)
def test_a_picture_loads_nothing_and_says_what_it_is(picture: Picture) -> None:
    text = picture.file.read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?[^"')]*|@import|@font-face|<script""", text)
    assert addresses == []
    assert "<title>" in text
    assert f"docs/pictures/{picture.file.name}" in (ROOT / "README.md").read_text(encoding="utf-8")
