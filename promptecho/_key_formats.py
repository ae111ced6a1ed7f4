"""The formats of vendors' keys: where one stands in a text, or in base64 inside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from itertools import accumulate

from promptecho._named_fields import REDACTED

Mask = Callable[[re.Match[str]], str]

# Key formats of LLM and cloud vendors, as their documents and issued keys show them.
RULES: tuple[tuple[str, str], ...] = (
    ("ANTHROPIC_KEY", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("OPENROUTER_KEY", r"sk-or-(?:v1-)?[A-Za-z0-9]{32,}"),
    ("OPENAI_KEY", r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{32,}"),
    ("OPENAI_CLIENT_SECRET", r"ek_[A-Za-z0-9]{20,}"),
    ("GOOGLE_KEY", r"AIza[0-9A-Za-z_-]{35}"),
    ("GOOGLE_AUTH_KEY", r"AQ\.[A-Za-z0-9_-]{40,}"),
    ("GOOGLE_CLIENT_TOKEN", r"auth_tokens/[A-Za-z0-9_-]{16,}"),
    ("GOOGLE_CLIENT_SECRET", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    ("GOOGLE_TOKEN", r"ya29\.[0-9A-Za-z_-]{20,}"),
    ("GROQ_KEY", r"gsk_[A-Za-z0-9]{32,}"),
    ("HUGGINGFACE_TOKEN", r"hf_[A-Za-z0-9]{30,}"),
    ("XAI_KEY", r"xai-[A-Za-z0-9]{40,}"),
    ("REPLICATE_TOKEN", r"r8_[A-Za-z0-9]{30,}"),
    ("PERPLEXITY_KEY", r"pplx-[A-Za-z0-9]{40,}"),
    ("NVIDIA_KEY", r"nvapi-[A-Za-z0-9_-]{40,}"),
    ("FIREWORKS_KEY", r"fw_[A-Za-z0-9]{20,}"),
    ("CEREBRAS_KEY", r"csk-[a-z0-9]{40,}"),
    ("TOGETHER_KEY", r"tgp_v1_[A-Za-z0-9_-]{30,}"),
    ("DATABRICKS_TOKEN", r"dapi[a-f0-9]{32}"),
    ("LANGSMITH_KEY", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("PINECONE_KEY", r"pcsk_[A-Za-z0-9]{5,}_[A-Za-z0-9]{40,}"),
    ("TAVILY_KEY", r"tvly-(?:dev-|prod-)?[A-Za-z0-9_-]{28,}"),
    ("AWS_KEY_ID", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    ("GITHUB_TOKEN", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ("GITLAB_TOKEN", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("SLACK_TOKEN", r"xox[abposr]-[A-Za-z0-9-]{10,}"),
    ("STRIPE_KEY", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("JWT", r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("PRIVATE_KEY", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\w+/=\s\\]*-----END (?:[A-Z]+ )?PRIVATE KEY-----"),
)  # fmt: skip
# A key begins where a word begins, or after what ends in a letter or a digit and is no part of a word: an escape of
# JSON, of other languages or of a URL, and a colour of a terminal (ECMA-48, section 8.3.117).
_BEFORE = (
    r"(?<![A-Za-z0-9_])", r"(?<=\\[nrtbf])", r"(?<=\\u[0-9a-fA-F]{4})", r"(?<=\\x[0-9a-fA-F]{2})",
    r"(?<=%[0-9a-fA-F]{2})", r"(?<=[\[;0-9]m)",
)  # fmt: skip
# The first letters of all rules come first, as they rule most places out at once.
_START = "(?=[-AGacdefghlnprstxy])(?:" + "|".join(_BEFORE) + ")"
KEY = re.compile(_START + "(?:" + "|".join(f"(?P<{name}>{pattern})" for name, pattern in RULES) + r")")

HIDING_LENGTH = 40  # of a base64 text that is looked into
# Base64 may be cut in lines (RFC 2045, section 6.8), whose ends are escapes in JSON, as three of its signs may be.
_CUT = re.compile(r"(?:\\r)?\\n|\r?\n")
BASE64 = re.compile(
    rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{HIDING_LENGTH},}}(?:(?:{_CUT.pattern})[A-Za-z0-9+/_-]+)*={{0,2}}"
)
_ESCAPE = re.compile(r"(?:\\\\)|\\/|\\u00(?:2b|2f|3d)", re.IGNORECASE)
_ESCAPED = {"\\/": "/", "\\u002b": "+", "\\u002f": "/", "\\u003d": "="}

# A key, a base64 text that could hide one, and a signature are each such a run; most texts have none.
RUN = 15
_RUN_TABLE = bytes(97 if re.match(r"[A-Za-z0-9_.+/-]", chr(code)) else 32 for code in range(256))
_HINT = re.compile(
    rb"sk-|ek_|auth_tokens/|AIza|AQ\.|GOCSPX|ya29|gsk_|hf_|xai-|r8_|pplx-|nvapi-|fw_|tgp_|dapi|lsv2_|pcsk_|tvly-|AKIA|ASIA"
    rb"|gh[pousr]_|github_pat_|glpat-|xox|[sr]k_(?:live|test)|eyJ"
)


def runs(data: bytes) -> list[bytes]:
    """The runs of at least 15 characters that could be part of a key, or of base64."""
    found = []
    table = data.translate(_RUN_TABLE)
    start = table.find(b"a" * RUN)
    while start >= 0:
        end = table.find(b" ", start)
        end = len(data) if end < 0 else end
        found.append(data[start:end])
        start = table.find(b"a" * RUN, end)
    return found


def may_hold_key(data: bytes, among: list[bytes] | None = None) -> bool:
    """Whether a key may be in a text: quick, and never wrongly no. ``among``: its runs, where they are known."""
    return b"PRIVATE KEY" in data or _HINT.search(b" ".join(runs(data) if among is None else among)) is not None


def mask_in_base64(text: str, mask: Mask, known: re.Pattern[str] | None) -> str:
    """A text with the keys masked that stand in the content of base64, and known credentials in base64 that is cut."""

    def look(text: str) -> str:
        return BASE64.sub(lambda found: masked_base64(found.group(), mask, known), text)

    text = look(text)
    plain = _ESCAPE.sub(lambda found: _ESCAPED.get(found[0].lower(), found[0]), text) if "\\" in text else text
    if plain == text:
        return text
    masked = look(plain)
    return text if masked == plain else masked


def masked_base64(text: str, mask: Mask, known: re.Pattern[str] | None) -> str:
    """A base64 text with the keys in its content masked; images and the like pass quickly."""
    cuts = _CUT.findall(text) if "\\" in text or "\n" in text else []
    pieces = _CUT.split(text) if cuts else [text]
    whole = "".join(pieces)
    masked = known.sub(REDACTED, whole) if known and cuts else whole
    for skipped in range(4):  # right before it may stand what looks like a part of it: the n of an escape
        masked = masked[:skipped] + _masked_content(masked[skipped:], mask)
    if masked == whole:
        return text
    lines, at = [], 0
    for end, cut in zip(accumulate(map(len, pieces)), cuts):
        lines += [masked[at:end], cut]
        at = end
    return "".join([*lines, masked[at:]])


def _masked_content(text: str, mask: Mask) -> str:
    def mask_in_place(found: re.Match[str]) -> str:
        masked = mask(found)
        return masked + "_" * ((len(found.group()) - len(masked)) % 3)  # so that what follows stays sign by sign

    digits = text.rstrip("=")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    data = base64.b64decode(digits.replace("-", "+").replace("_", "/") + "=" * (-len(digits) % 4))
    if not may_hold_key(data):
        return text
    plain = data.decode("latin-1")
    masked = KEY.sub(mask_in_place, plain)
    if masked == plain:
        return text
    encode = base64.urlsafe_b64encode if re.search("[-_]", digits) else base64.b64encode
    fresh = encode(masked.encode("latin-1")).decode("ascii").rstrip("=")
    if len(digits) % 4 and masked[-1] == plain[-1]:  # the last sign may say more than the last byte
        fresh = fresh[:-1] + digits[-1]
    return fresh + text[len(digits) :]
