"""After a fault at any file operation, the same command finds the old or the new state.

Here are a few operations of each command; `make faults` breaks all of them.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.file_operations import Event
from helpers.power_loss import Disk

PROGRAM = Path(__file__).with_name("every_fault.py")


def test_after_a_fault_the_same_command_finds_old_or_new_and_goes_on():
    """In a process of its own, because it forks, and replaces parts of the package."""
    names = "preprocess", "train", "export", "translate -o"
    command = [sys.executable, str(PROGRAM), "--jobs", "1", "--of", "1", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tried, right = map(int, done.stdout.splitlines()[-1].split()[0:3:2])
    assert tried == right >= 20


def crashed(folder, variant, *events):
    """Return the names and contents that a loss of power leaves after these operations."""
    (folder / "disk").mkdir()
    (folder / "disk" / "old").write_text("old")
    disk = Disk(folder / "disk")
    for event in events:
        disk.apply(event)
    disk.write_crashed(folder / "crashed", variant, random.Random(1))
    return {path.name: path.read_text() for path in (folder / "crashed").iterdir()}


WRITTEN = Event("create", "new"), Event("write", "new", data=b"new")
SYNCED = (*WRITTEN, Event("fsync", "new"))
MOVED = (*SYNCED, Event("rename", "new", "old"))


@pytest.mark.parametrize(
    ("events", "variant", "found"),
    [
        (WRITTEN, "lost", {"old": "old"}),
        (WRITTEN, "names", {"old": "old", "new": ""}),
        (SYNCED, "lost", {"old": "old"}),
        (SYNCED, "names", {"old": "old", "new": "new"}),
        (MOVED, "lost", {"old": "old"}),
        (MOVED, "names", {"old": "new"}),
        ((*MOVED, Event("fsync", ".")), "lost", {"old": "new"}),
        ((*WRITTEN, Event("rename", "new", "old")), "names", {"old": ""}),
        ((Event("unlink", "old"),), "lost", {"old": "old"}),
        ((Event("unlink", "old"), Event("fsync", ".")), "lost", {}),
        ((*SYNCED, Event("exchange", "new", "old")), "names", {"old": "new", "new": "old"}),
    ],
)
def test_the_model_of_a_loss_of_power_knows_what_was_synced(tmp_path, events, variant, found):
    assert crashed(tmp_path, variant, *events) == found
