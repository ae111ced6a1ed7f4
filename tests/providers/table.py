"""The table of providers in SUPPORT.md, made from the registry: ``python -m tests.providers.table`` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from promptecho import providers

SUPPORT = Path(__file__).resolve().parents[2] / "SUPPORT.md"
_BEGIN, _END = "<!-- providers: begin -->\n", "<!-- providers: end -->\n"


def rows() -> Iterable[str]:
    """The rows: what is known of each provider, and of each tool between programs and providers."""
    yield "| provider | hosts | API of its own | SDKs | formats of keys | background traffic |"
    yield "|---|---|---|---|---|---|"
    for each in providers.all_providers():
        cells = (
            each.title,
            _listed(f"`{host}`" for host in [*each.hosts, *each.logins]),
            _listed(dict.fromkeys(shape.name for shape in each.shapes)),
            _listed(sdk.package for sdk in each.sdks),
            _listed(dict.fromkeys(rule.name for rule in each.keys)),
            _listed(dict.fromkeys(kind.why for kind in each.background)),
        )
        yield "| " + " | ".join(cells) + " |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "\u2013"


def with_table(page: str) -> str:
    """The page with the table of today."""
    table = "\n".join(rows()) + "\n"
    return re.sub(f"(?s)(?<={re.escape(_BEGIN)}).*?(?={re.escape(_END)})", lambda _: table, page)


if __name__ == "__main__":
    SUPPORT.write_text(with_table(SUPPORT.read_text("utf-8")), "utf-8")
