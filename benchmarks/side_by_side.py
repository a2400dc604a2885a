"""Commands that run at once, each on processors of its own."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path


def run_all(commands: dict[Path, list[list]], jobs: int) -> None:
    """Run the commands of each run one after the other, and several runs at once.

    Args:
        commands: of each run; what they print on stderr goes to RUN.log.
        jobs: how many runs at once.
    """
    waiting, failed = queue.Queue(), []
    for run, its_own in commands.items():
        waiting.put((run, its_own))
    processors = sorted(os.sched_getaffinity(0))
    shares = [set(processors[n::jobs]) or set(processors) for n in range(jobs)]

    def work(share):
        while not failed:
            try:
                run, its_own = waiting.get_nowait()
            except queue.Empty:
                return
            if not all(_run(command, f"{run}.log", share) for command in its_own):
                failed.append(run)

    workers = [threading.Thread(target=work, args=[share]) for share in shares]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        sys.exit(f"{failed[0]}: failed; see {failed[0]}.log")


def _run(command: list, log: str, share: set) -> bool:
    command = [str(part) for part in command]
    print("$", *command[1:], file=sys.stderr, flush=True)
    with open(log, "ab") as stream:
        done = subprocess.run(
            command, stderr=stream, preexec_fn=lambda: os.sched_setaffinity(0, share)
        )
    return done.returncode == 0
