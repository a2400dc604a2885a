"""Let the disk run full while native code writes an export, and show what is left.

    sudo python tests/faults/native_writers.py      (it mounts a small file system in memory)

`every_fault.py` sees only what Python writes. TensorFlow writes a SavedModel in C++, so here the
run lies on a file system that has only so many bytes left. (strace could make a call fail, but it
chooses calls by their number or by an exact path. The names of temporary files are not known.)
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402, F401
import tensorflow  # noqa: E402, F401
from faults.kills import start  # noqa: E402

from helpers.tiny_run import make_tiny_run  # noqa: E402
from nmtcli.cli.main import run as nmt  # noqa: E402

FORMATS = ("savedmodel", "onnx")


def done(work, log: str) -> tuple[int, str]:
    """Do something in a copy of this process; return its status and what it said."""
    Path(log).unlink(missing_ok=True)
    status = os.waitstatus_to_exitcode(os.waitpid(start(work, log), 0)[1])
    return status, Path(log).read_text(errors="replace")


def content(folder: Path) -> dict:
    """Return what is in a run, but for its lock, which names the last process."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def tried(format: str, run: Path, disk: Path, left: int, log: str) -> str | None:
    """Export again with so many bytes left on the disk; return what is wrong, or nothing."""
    folder = run / "export" / format
    before = content(run)
    filling = disk / "filling"
    free = shutil.disk_usage(disk).free
    filling.write_bytes(bytes(max(free - left, 0)))
    status, said = done(lambda: nmt(["export", "--run", str(run), "--format", format]), log)
    filling.unlink()
    lines = [line for line in said.splitlines() if line.startswith("nmt: ")]
    hidden = [path.name for path in run.rglob(".*.partial")]
    if status != 0 and (len(lines) != 1 or "No space left" not in lines[0]):
        return f"status {status}: {said[-700:]}"
    if hidden:
        return f"left: {hidden}"
    if status != 0 and content(run) != before:
        return "the old export is not what it was"
    json.loads((folder / "nmt.json").read_text())
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--of", type=int, default=8, help="sizes of the disk for each format")
    chosen = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as place:
        disk, log = Path(place, "disk"), str(Path(place, "log"))
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
        try:
            run = disk / "run"
            status, said = done(lambda: 0 if make_tiny_run(run, beam=2) else 1, log)
            for format in FORMATS:
                export = ["export", "--run", str(run), "--format", format]
                status, said = done(lambda export=export: nmt(export), log)
                if status != 0:
                    raise SystemExit(said)
                folder = run / "export" / format
                size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                right = 0
                for number in range(chosen.of):
                    left = int(size * 1.3 * number / chosen.of)
                    problem = tried(format, run, disk, left, log)
                    right += problem is None
                    if problem:
                        print(f"  {format} with {left} bytes: {problem}", flush=True)
                failures += chosen.of - right
                print(f"{format:12} {size} bytes, full disk {right}/{chosen.of}", flush=True)
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
