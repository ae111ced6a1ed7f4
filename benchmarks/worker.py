"""Runs one measure for one contender, in the contender's environment.

Protocol: a line of JSON when it is set up (``{}``), then one with a sample for each line that comes in; the end of
input ends it. ``{"reason": ...}`` says what the contender could not do.
"""

from __future__ import annotations

import json
import sys
from typing import Callable

from benchmarks import contenders, opening, prepare, recording, replay, starting
from benchmarks.contenders import Samples, Task

MEASURES: dict[str, Callable[[Task], Samples]] = {
    **replay.MEASURES,
    **opening.MEASURES,
    **recording.MEASURES,
    **starting.MEASURES,
    **prepare.MEASURES,
}


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
