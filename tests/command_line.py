"""The command line, started in a process of its own as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ("promptecho.pytest_plugin", "promptecho.snapshot._plugin")
_NOT_INHERITED = ("CI", "PROMPTECHO_", "PYTEST_", "FORCE_COLOR")


def environment(**more: str) -> dict[str, str]:
    """Variables for a process that finds this checkout and nothing of the run that starts it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    # Of pytest's plugins ours alone: those of others take seconds to start.
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": ",".join(PLUGINS)}
    fixed = {"PYTHONPATH": paths, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    return {**kept, **plugins, **fixed, **more}


def promptecho(folder: Path, *arguments: object, said: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``promptecho`` with arguments in a folder; ``said`` is typed. No user ever sees a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "promptecho", *map(str, arguments)],
        cwd=folder,
        env=environment(**more),
        input=said,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
