"""One process at a time works in a run, and the system releases its lock when it ends."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from nmtcli.errors import UsageError
from nmtcli.runs.locks import check_unlocked, locked


def held_by_a_child(folder, then):
    """Start a process that locks the folder and then does something; return its pid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with locked(folder):
                os.write(write, b"locked")
                then()
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"locked"
    os.close(read)
    return pid


def test_a_second_process_is_refused_with_the_pid_and_the_host_of_the_first(tmp_path):
    pid = held_by_a_child(tmp_path, signal.pause)
    try:
        for attempt in (lambda: locked(tmp_path).__enter__(), lambda: check_unlocked(tmp_path)):
            with pytest.raises(UsageError) as refused:
                attempt()
            message = str(refused.value)
            assert f"process {pid} on {socket.gethostname()} is working in this run" in message
            assert str(tmp_path) in message and "\n" not in message
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_lock_ends_with_its_process_however_it_ends(tmp_path):
    pid = held_by_a_child(tmp_path, signal.pause)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    check_unlocked(tmp_path)
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_a_child_process_does_not_keep_the_lock_of_a_parent_that_was_killed(tmp_path):
    """Every child is started by `start_child`; this one outlives its parent."""
    script = (
        "import os, pathlib, signal, sys\n"
        "from nmtcli.data import child_process\n"
        "from nmtcli.runs.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    child = child_process.start_child('timeit', '-n1', stdin=-1, stdout=-3)\n"
        "    idle = child_process.subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3)\n"
        "    print(idle.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    idle = int(done.stdout)
    try:
        os.kill(idle, 0)  # it is alive
        with locked(tmp_path):
            pass
    finally:
        os.kill(idle, signal.SIGKILL)


def test_without_locks_in_the_file_system_there_is_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(*arguments):
        raise portalocker.LockException("No locks available")

    portalocker = pytest.importorskip("portalocker")
    monkeypatch.setattr(portalocker, "lock", refuse)
    with locked(tmp_path) as is_held:
        check_unlocked(tmp_path)
        (warning,) = caplog.messages
    assert not is_held
    assert str(tmp_path) in warning and "has no locks (No locks available)" in warning


def test_an_owner_that_cannot_be_read_is_another_process(tmp_path):
    with locked(tmp_path):
        (tmp_path / ".lock").write_bytes(b"\xff{")
        with pytest.raises(UsageError, match="another process is working"):
            check_unlocked(tmp_path)


def test_reading_a_run_makes_no_lock(tmp_path):
    check_unlocked(tmp_path)
    check_unlocked(tmp_path / "missing")
    assert not os.listdir(tmp_path)
