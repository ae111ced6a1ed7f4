from __future__ import annotations

from tests.providers.table import SUPPORT, with_table


def test_the_table_of_providers_is_as_the_registry_says() -> None:
    page = SUPPORT.read_text("utf-8")
    assert with_table(page) == page, "write it anew: python -m tests.providers.table"
