"""Runs one measure for one contender, in the contender's environment.

Protocol: a line of JSON when it is set up (``{}``), then one with a sample for each line that comes in; the end of
input ends it. ``{"reason": ...}`` says what the contender could not do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

from benchmarks import contenders, opening, prepare, recording, replay, starting
from benchmarks.contenders import Samples, Task

ROOT = Path(__file__).resolve().parent.parent
# The checkout comes last on the path: what is installed in the environment wins over it.
_START = "import sys; sys.path.append(sys.argv.pop(1)); from benchmarks import worker; worker.main()"
MEASURES: dict[str, Callable[[Task], Samples]] = {
    **replay.MEASURES,
    **opening.MEASURES,
    **recording.MEASURES,
    **starting.MEASURES,
    **prepare.MEASURES,
}


def command(python: str, measure: str, contender: str, options: dict[str, Any]) -> list[str]:
    """The command line of a worker; it must not be started in the checkout."""
    task = json.dumps({"measure": measure, "contender": contender, "options": options})
    return [python, "-c", _START, str(ROOT), task]


def main() -> None:
    """Run the worker that the command line describes."""
    task = json.loads(sys.argv[1])
    contenders.be_quiet()
    samples = MEASURES[task["measure"]](Task(task["contender"], task["options"]))
    try:
        print(json.dumps(next(samples)), flush=True)
        for _ in sys.stdin:
            print(json.dumps(next(samples)), flush=True)
        samples.close()
    except BaseException as error:
        print(json.dumps({"reason": contenders.why(error, task["options"].get("folder", ""))}), flush=True)
