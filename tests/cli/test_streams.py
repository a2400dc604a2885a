"""Pipes, signals and imports: what needs a process of its own."""

import bz2
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from backports import zstd

from helpers.fake_engine import FakeSubwords, fake_engine, install, make_run
from nmtcli.cli import streams
from nmtcli.cli.main import COMMANDS, run
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


NAME = "실행/하나"


@pytest.fixture
def printed(tmp_path, monkeypatch):
    """Run a command with a stdout of an encoding: (status, bytes of stdout)."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / NAME)
    for name in ("참조", "번역하나", "번역둘"):
        (tmp_path / name).write_text("a small house by the lake\n" * 3)

    def command(encoding, *arguments):
        stdout = io.TextIOWrapper(io.BytesIO(), *encoding.split(":"))
        monkeypatch.setattr(sys, "stdout", stdout)
        return run(list(arguments)), stdout.buffer.getvalue()

    return command


ENCODINGS = ["cp1252:strict", "ascii:strict", "cp949:strict", "utf-8:strict"]
BLEU = ["bleu", "참조", "번역하나", "번역둘", "--references", "1", "--confidence"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", [["inspect", NAME], BLEU])
def test_names_are_printed_in_every_encoding(printed, encoding, arguments):
    status, output = printed(encoding, *arguments)
    assert status == 0 and output.count(b"\n") > 5


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_data_for_programs_say_the_same_in_every_encoding(printed, encoding):
    charset = encoding.partition(":")[0]
    status, output = printed(encoding, "inspect", NAME, "--json")
    assert status == 0 and json.loads(output.decode(charset))["run"] == NAME
    status, output = printed(encoding, *BLEU, "--json")
    systems = json.loads(output.decode(charset))["systems"]
    assert status == 0 and [one["system"] for one in systems] == ["번역하나", "번역둘"]
    status, output = printed(encoding, "preprocess", "--train", "참조", "😀", "--dump-config")
    values = yaml.safe_load(output.decode(charset))["data"]
    assert status == 0 and (values["train_source"], values["train_target"]) == ("참조", "😀")


def test_a_file_name_that_is_no_text_is_shown_escaped(printed, tmp_path):
    make_run(tmp_path / os.fsdecode(b"run\xff"))
    status, output = printed("utf-8:strict", "inspect", os.fsdecode(b"run\xff"))
    assert status == 0 and rb"run\udcff" in output  # escaped, as all that a terminal might obey


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_path_for_the_shell_is_printed_in_its_bytes(printed, encoding, monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), *encoding.split(":"))
    monkeypatch.setattr(sys, "stdout", stdout)
    streams.print_path(Path(NAME))
    assert stdout.buffer.getvalue() == f"{NAME}\n".encode()


CLOSED = [
    ("bleu REF REF <&-", 0, ""),
    ("bleu REF - <&-", 2, "nmt: standard input is closed; give a file, or < FILE\n"),
    ("bleu REF REF >&-", 2, "nmt: standard output is closed; give it a file or a pipe: > FILE\n"),
    ("--help >&-", 2, "nmt: standard output is closed; give it a file or a pipe: > FILE\n"),
    ("bleu REF REF <&- >&- 2>&-", 2, ""),
]


@pytest.mark.parametrize(("words", "status", "message"), CLOSED)
def test_a_closed_stream_is_one_line_where_it_is_needed(tmp_path, words, status, message):
    (tmp_path / "REF").write_text("a line\n")
    command = f"{sys.executable} -m nmtcli {words}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, message)


def test_a_full_disk_behind_stdout_is_one_line_and_status_1(tmp_path):
    (tmp_path / "REF").write_text("a line\n")
    command = f"{sys.executable} -m nmtcli bleu REF REF > /dev/full"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_translate_reads_and_writes_packed_text(tmp_path, monkeypatch):
    install(monkeypatch, fake_engine())
    make_run(tmp_path / "run")
    source = tmp_path / "in"
    source.write_bytes(gzip.compress(b"\xef\xbb\xbfabc\nde\n"))
    expected = "".join(f"{translated(line)}\n" for line in ("abc", "de")).encode()
    unpack = {".gz": gzip, ".bz2": bz2, ".xz": lzma, ".zst": zstd}
    for suffix, module in unpack.items():
        output = tmp_path / f"out{suffix}"
        words = ["--run", str(tmp_path / "run"), "-i", str(source), "-o", str(output)]
        assert run(["translate", *words]) == 0
        assert module.decompress(output.read_bytes()) == expected
