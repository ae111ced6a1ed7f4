"""``python -m benchmarks``: make the environments, run the scenarios, write ``benchmarks/RESULTS.md``."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import opening, recording, replay, starting, table
from benchmarks.contenders import DISTRIBUTION, REQUIREMENTS
from benchmarks.rounds import Bench
from benchmarks.scenario import CONTENDERS, OURS
from dev import ROOT, environment

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
CLIENTS = (
    "httpx",
    "httpx2; python_version >= '3.10'",
    "requests",
    "urllib3>=2",
    "aiohttp",
    "boto3",
    "openai",
    "pytest",
)
LIBRARIES = ("httpx", "httpx2", "requests", "urllib3", "aiohttp", "boto3", "openai", "pytest", "PyYAML")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short form of all scenarios; writes no file")
    parser.add_argument("--only", action="append", metavar="NAME", help="scenarios whose name holds this; no file")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each scenario instead of its own number")
    parser.add_argument("--list", action="store_true", help="name the scenarios and stop")
    return parser.parse_args()


def versions_in(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of some distributions in an environment."""
    program = (
        "import json, sys\nfrom importlib import metadata\nfound = {}\nfor name in sys.argv[1:]:\n"
        "    try: found[name] = metadata.version(name)\n    except metadata.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    found: dict[str, str] = json.loads(subprocess.check_output([str(python), "-c", program, *names], text=True))
    return found


def environments() -> dict[str, Path]:
    """The Python of each contender's own environment; the clients have the same versions in all of them."""
    ours = environment("bench-promptecho", [*REQUIREMENTS[OURS], *CLIENTS])
    same = [f"{name}=={version}" for name, version in versions_in(ours, LIBRARIES).items()]
    found = {OURS: ours}
    for name in CONTENDERS[1:]:
        found[name] = environment(f"bench-{name.replace(' ', '-')}", [*REQUIREMENTS[name], *same])
    return found


def surroundings(pythons: Mapping[str, Path]) -> str:
    """Date, machine and versions, as a list for the head of the results."""
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    peers = []
    for name, python in pythons.items():
        version = versions_in(python, (DISTRIBUTION[name],))[DISTRIBUTION[name]]
        peers.append(f"{DISTRIBUTION[name]} {version}" + (f" ({commit})" if name == OURS and commit else ""))
    libraries = ", ".join(f"{name} {version}" for name, version in versions_in(pythons[OURS], LIBRARIES).items())
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    return (
        f"- {today}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores\n- contenders: {', '.join(peers)}\n- clients, the same for all: {libraries}\n"
    )


def main() -> None:
    options = arguments()
    everything = [each for module in (replay, opening, recording, starting) for each in module.scenarios(options.quick)]
    chosen = [each for each in everything if not options.only or any(name in each.name for name in options.only)]
    if options.list or not chosen:
        print("\n".join(each.name for each in everything))
        raise SystemExit(0 if options.list else 2)
    pythons = environments()
    head, lines = surroundings(pythons), []
    with tempfile.TemporaryDirectory(prefix="promptecho-bench-") as folder:
        bench = Bench(pythons, Path(folder), budget=5 if options.quick else 90)
        for scenario in chosen:
            start = time.monotonic()
            outcomes = bench.run(scenario, options.rounds or (1 if options.quick else scenario.rounds))
            print(f"{scenario.name}, {time.monotonic() - start:.1f} s", file=sys.stderr)
            found = table.rows(scenario, outcomes)
            for row in found:
                print("   ", " | ".join(row), file=sys.stderr, flush=True)
            lines += found
            if not (options.quick or options.only):  # an interrupted run leaves what it has
                write(head, lines, len(chosen), chosen.index(scenario) + 1)
    if options.quick or options.only:
        print(head + "\n" + table.markdown(lines))
    else:
        print(f"written: {RESULTS.relative_to(ROOT)}")


def write(head: str, lines: list[list[str]], scenarios: int, done: int) -> None:
    """Write the results so far."""
    cut = "" if done == scenarios else f"Interrupted after {done} of {scenarios} scenarios.\n\n"
    intro = "Written by `python -m benchmarks`; how to read it: README.md."
    RESULTS.write_text(f"# Results\n\n{intro}\n\n{cut}{head}\n{table.markdown(lines)}", "utf-8")


if __name__ == "__main__":
    main()
