from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .drivers import Driver, all_drivers
from .server import ScriptedServer

DRIVERS = all_drivers()


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    found: Driver = request.param
    return found


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "test.yaml"
