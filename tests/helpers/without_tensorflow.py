"""Commands in a process in which TensorFlow is not installed, as far as Python can tell.

    python -m helpers.without_tensorflow '[["train", ...], ["translate", ...]]'

prints for each command its exit status and its stderr, as JSON.
"""

import contextlib
import importlib.machinery
import io
import json
import os
import subprocess
import sys
from pathlib import Path

CHEAP = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
MISSING = {"tensorflow", "tensorflow_text", "tf2onnx"}


def hide_tensorflow() -> None:
    """Let no finder of this process find TensorFlow and what needs it."""
    find = importlib.machinery.PathFinder.find_spec

    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in MISSING else find(name, path, target)

    importlib.machinery.PathFinder.find_spec = find_spec


def run_without_tensorflow(commands: list[list[str]], folder: Path, **environment) -> list[dict]:
    """Run commands one after the other in one process: `status`, `stdout`, `stderr` of each."""
    clean = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-m", "helpers.without_tensorflow", json.dumps(commands)],
        cwd=folder, env=clean | CHEAP | environment, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main() -> None:
    from nmtcli.cli.main import run

    results = []
    for command in json.loads(sys.argv[1]):
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(command)
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
        results.append(dict(zip(("status", "stdout", "stderr"), (status, *texts))))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    hide_tensorflow()
    main()
