"""Pipes, signals and imports: what needs a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.fake_engine import FakeSubwords, fake_engine, make_run
from nmtcli.cli.main import COMMANDS
from nmtcli.config import SearchConfig
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.inference.translator import Translator

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "helpers" / "fake_nmt.py")]


def translated(line):
    translator = Translator(
        StepwiseSearch(fake_engine()), FakeSubwords(), FakeSubwords(), SearchConfig()
    )
    return next(translator.translate_lines([line])).text


def start(tmp_path, seconds, *arguments, **streams):
    make_run(tmp_path / "run")
    return subprocess.Popen(
        [*PROGRAM, str(seconds), "translate", "--run", str(tmp_path / "run"), *arguments],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        **streams,
    )


def test_a_line_is_answered_before_the_next_is_written(tmp_path):
    with start(
        tmp_path, 0, "--line-by-line", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for line in ("abc", "", "de"):
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"{translated(line)}\n".encode()
        process.stdin.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_what_a_pipe_holds_is_answered_when_it_pauses(tmp_path):
    with start(tmp_path, 0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for lines in (["abc", "de"], [""], ["f", "gh", "i"]):
            process.stdin.write("".join(f"{line}\n" for line in lines).encode())
            process.stdin.flush()
            for line in lines:
                assert process.stdout.readline() == f"{translated(line)}\n".encode()
        process.stdin.write(b"no end")
        process.stdin.close()
        assert process.stdout.read() == f"{translated('no end')}\n".encode()
        assert process.wait(20) == 0


def test_an_interrupt_ends_with_one_line_and_keeps_what_was_printed(tmp_path):
    source = tmp_path / "source"
    source.write_text("abc\n" * 5000)
    with start(
        tmp_path, 0.01, "--window", "1", "-i", str(source), stdout=subprocess.PIPE
    ) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 130
        assert errors == b"nmt: interrupted; the lines printed so far are complete\n"
        assert (line + rest).endswith(b"\n") and set((line + rest).split(b"\n")[:-1]) == {line[:-1]}


def test_each_window_is_printed_before_the_next_is_translated(tmp_path):
    source = tmp_path / "source"
    source.write_text("abc\n" * 400)
    with start(tmp_path, 0.2, "-i", str(source), stdout=subprocess.PIPE) as process:
        first = [process.stdout.readline() for _ in range(64)]
        assert process.poll() is None  # 336 lines are still to come
        assert len(first + process.stdout.readlines()) == 400
        assert process.wait(20) == 0


def test_a_closed_pipe_ends_quietly(tmp_path):
    source = tmp_path / "source"
    source.write_text("abc\n" * 5000)
    with start(tmp_path, 0, "--window", "10", "-i", str(source), stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        began = time.monotonic()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("named", ["score", None])
def test_no_other_command_is_imported_than_the_one_that_is_named(named):
    program = (
        "import sys; from nmtcli.cli import main; assert main.run(sys.argv[1:]) == 0;"
        "print([n for n in main.COMMANDS if f'nmtcli.cli.{n}' in sys.modules], file=sys.stderr)"
    )
    words = ["--debug", named, "--help"] if named else ["--help"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    assert eval(done.stderr) == ([named] if named else list(COMMANDS))


def test_help_and_inspect_import_nothing_heavy(tmp_path):
    make_run(tmp_path / "run")
    program = (
        "import sys; from nmtcli.cli.main import run; assert run(sys.argv[1:]) == 0;"
        "print([m for m in ('numpy', 'sentencepiece', 'keras', 'tensorflow', 'jax')"
        " if m in sys.modules], file=sys.stderr)"
    )
    for arguments, heavy in (
        (["translate", "--help"], "[]"),
        (["score", "--help"], "[]"),
        (["inspect", str(tmp_path / "run")], None),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        found = done.stderr.strip()
        assert found == heavy if heavy else not {"keras", "tensorflow"} & set(eval(found))
