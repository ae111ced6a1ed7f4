"""How a worker is started, in the environment of its contender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The checkout comes last on the path: what is installed in the environment wins over it.
_START = "import sys; sys.path.append(sys.argv.pop(1)); from benchmarks import worker; worker.main()"


def command(python: str, measure: str, contender: str, options: dict[str, Any]) -> list[str]:
    """The command line of a worker; it must not be started in the checkout."""
    task = json.dumps({"measure": measure, "contender": contender, "options": options})
    return [python, "-c", _START, str(ROOT), task]
