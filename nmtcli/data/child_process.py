"""Child processes that run a module of this package."""

import os
import subprocess
import sys
from pathlib import Path


def start_child(module: str, task: str, **options) -> subprocess.Popen:
    """Start `python -m module task`; the child imports the same package as this process.

    Args:
        module: the module to run.
        task: its argument.
        options: of `subprocess.Popen`; stderr is always a pipe.
    """
    package_parent = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")]))
    command, environment = [sys.executable, "-m", module, task], {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, **options)


def error_lines(stderr: bytes) -> list[str]:
    """Return the lines that a child wrote to stderr, at least one."""
    return stderr.decode("utf-8", errors="replace").strip().splitlines() or ["no message"]
