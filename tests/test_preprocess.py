"""`nmt preprocess`, as a user runs it."""

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nmtcli import preprocess as use_case
from nmtcli.batches.prepared import PreparedData
from nmtcli.batches.whole_folder import whole_folder
from nmtcli.cli.main import run
from nmtcli.config import from_dict
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.learn_subwords import learn
from nmtcli.text.subwords import Subwords

SMALL = ["--vocab-size", "60"]
NMT = [sys.executable, "-m", "nmtcli"]


def _corpus(count, seed=1):
    """Lines of invented words, and the same words written in capitals as their translation."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefg", k=draw.randint(2, 6))) for _ in range(200)]
    sources = [" ".join(draw.choices(words, k=draw.randint(4, 12))) for _ in range(count)]
    return sources, [line.upper() for line in sources]


def _write(path, lines):
    content = "".join(line + "\n" for line in lines)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a corpus `s`, `t` of 100 pairs and a validation corpus `vs`, `vt`."""
    monkeypatch.chdir(tmp_path)
    # In this process learning is faster; the tests that run the command itself use the child.
    monkeypatch.setattr(use_case, "learn_in_child", learn)
    monkeypatch.setenv("PYTHONPATH", str(Path(use_case.__file__).parents[1]))
    for names, corpus in ((("s", "t"), _corpus(100)), (("vs", "vt"), _corpus(10, seed=2))):
        for name, lines in zip(names, corpus):
            _write(tmp_path / name, lines)
    return tmp_path


def _listing():
    return sorted(os.listdir())


def _fails(capsys, arguments, status, *words):
    """Run; check the status, that one line explains it, and that nothing was left behind."""
    before = _listing()
    assert run(["preprocess", *arguments]) == status
    output = capsys.readouterr()
    errors = [line for line in output.err.splitlines() if line.startswith("nmt: ")]
    assert output.out == "" and len(errors) == 1 and output.err.endswith(errors[0] + "\n")
    for word in words:
        assert word in errors[0]
    assert _listing() == before


def test_prepared_data_hold_the_text_as_ids(here):
    assert run(["preprocess", "--train", "s", "t", "--valid", "vs", "vt", *SMALL]) == 0
    data = PreparedData("prepared")
    source, target = Subwords(data.source_model), Subwords(data.target_model)
    sources, targets = _corpus(100)
    assert [source.decode(data.train.source(i)) for i in range(100)] == sources
    assert [target.decode(data.train.target(i)) for i in range(100)] == targets
    valid = data.valid_source_lines(), data.valid_target_lines()
    assert valid == _corpus(10, seed=2)
    assert target.decode(data.valid.target(3)) == data.valid_target_lines()[3]
    assert data.joint and source.model_proto == target.model_proto and source.size == 60


def test_prepared_json_says_what_was_made_from_what(here):
    run(["preprocess", "--train", "s", "t", *SMALL])
    facts = json.loads(Path("prepared/prepared.json").read_text())
    assert facts["format"] == 1 and facts["config"]["subwords"]["vocabulary_size"] == 60
    hashes = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in "st"]
    assert facts["inputs"] == {"train": hashes}
    model = Path("prepared/subwords.source.model").read_bytes()
    assert facts["models"] == [hashlib.sha256(model).hexdigest()] * 2
    assert facts["vocabulary"] == {"source": 60, "target": 60}
    assert facts["counts"]["train"]["kept"] == 100
    assert facts["command"][0] == "nmt"
    assert PreparedData("prepared").valid is None
    assert PreparedData("prepared").valid_source_lines() == []


def test_separate_models_differ_and_see_one_side_each(here):
    assert run(["preprocess", "--train", "s", "t", "--separate", "--vocab-size", "40"]) == 0
    data = PreparedData("prepared")
    source, target = Subwords(data.source_model), Subwords(data.target_model)
    assert not data.joint
    assert 1 in source.encode("ABC") and 1 not in source.encode("abc")
    assert 1 in target.encode("abc") and 1 not in target.encode("ABC")


def test_the_same_text_gives_the_same_bytes(here):
    for out in ("a", "b"):
        assert run(["preprocess", "--train", "s", "t", *SMALL, "--out", out]) == 0
    for path in Path("a").rglob("*"):
        if path.is_file() and path.name != "prepared.json":
            assert path.read_bytes() == Path("b", path.relative_to("a")).read_bytes()


def test_every_rule_is_counted_and_its_pairs_are_kept_on_request(here, capsys):
    sources, targets = _corpus(50)
    bad = {
        "empty": ("", "X"),
        "invalid UTF-8": ("b\udcffad", "BAD"),
        "too long": ("x" * 1_000_000, "y"),
        "length ratio": ("ab" * 40, "A"),
        "identical": ("same text", "same text"),
        "duplicate": (sources[0], targets[0]),
        "too many pieces": ("a b c d e f g " * 9, "A B C D E F G " * 9),
    }
    _write(here / "bs", sources + [pair[0] for pair in bad.values()])
    _write(here / "bt", targets + [pair[1] for pair in bad.values()])
    arguments = ["--train", "bs", "bt", "--keep-rejected", "--set", "subwords.max_pieces=60"]
    assert run(["preprocess", *arguments, *SMALL]) == 0
    counts = PreparedData("prepared").facts["counts"]["train"]
    assert counts["rejected"] == dict.fromkeys(bad, 1)
    assert (counts["read"], counts["kept"]) == (57, 50)
    assert counts["characters"][0] == sum(map(len, sources))
    assert counts["pieces"][0] == PreparedData("prepared").train.source_lengths.sum()
    lines = Path("prepared/rejected.tsv").read_text().split("\n")
    rejected = [line.split("\t") for line in lines if line]
    assert {(rule, int(line)) for rule, line, _, _ in rejected} == set(zip(bad, range(51, 58)))
    shown = capsys.readouterr().err
    assert all(f"- {rule}" in shown for rule in bad)
    assert "50 of 57 training pairs" in shown


def test_tabs_in_rejected_pairs_are_escaped(here):
    sources, targets = _corpus(50)
    _write(here / "bs", [*sources, "a\tb\\c\rd"])
    _write(here / "bt", [*targets, "a\tb\\c\rd"])
    run(["preprocess", "--train", "bs", "bt", "--keep-rejected", *SMALL])
    line = Path("prepared/rejected.tsv").read_bytes()
    assert line == b"identical\t51" + b"\ta\\tb\\\\c\\rd" * 2 + b"\n"


def test_all_readable_validation_lines_are_kept_as_they_came(here):
    _write(here / "vs", ["a\u2028b", "", "bad\udcff", "  c\r", "가".encode().decode()])
    _write(here / "vt", ["A", "B", "C", "C\x85c", "\u1100\u1161"])
    assert run(["preprocess", "--train", "s", "t", "--valid", "vs", "vt", *SMALL]) == 0
    data = PreparedData("prepared")
    assert data.valid_source_lines() == ["a\u2028b", "", "  c", "가"]
    assert data.valid_target_lines() == ["A", "B", "C\x85c", "\u1100\u1161"]
    assert len(data.valid) == 3
    counts = data.facts["counts"]["valid"]
    assert counts["rejected"] == {"invalid UTF-8": 1, "empty": 1}


def test_shards_are_cut_as_asked(here):
    run(["preprocess", "--train", "s", "t", "--set", "data.shard_pairs=30", *SMALL])
    assert len(list(Path("prepared/train").glob("*.source.tokens.npy"))) == 4
    assert len(PreparedData("prepared").train) == 100


def test_subwords_are_learnt_from_a_sample_of_the_asked_size(monkeypatch, here):
    seen = []

    def remember(lines, options, name):
        seen.extend(lines)
        return Subwords(model).model_proto

    run(["preprocess", "--train", "s", "t", *SMALL, "--out", "first"])
    model = Path("first/subwords.source.model")
    monkeypatch.setattr(use_case, "learn_in_child", remember)
    run(["preprocess", "--train", "s", "t", *SMALL, "--set", "subwords.sample_pairs=25"])
    assert len(seen) == 50 and len(set(seen)) == 50
    assert seen[1::2] == [line.upper() for line in seen[::2]]


def test_a_sample_is_in_order_the_same_every_time_and_fair():
    taken = list(use_case.sample(range(10_000), 10_000, 1000))
    assert len(taken) == 1000 and taken == sorted(taken)
    assert taken == list(use_case.sample(range(10_000), 10_000, 1000))
    assert abs(np.mean(taken) - 5000) < 400
    assert list(use_case.sample(range(5), 5, 9)) == [0, 1, 2, 3, 4]


def test_the_merged_options_are_printed_and_nothing_is_done(here, capsys):
    before = _listing()
    assert run(["preprocess", "--train", "s", "t", *SMALL, "--dump-config"]) == 0
    output = capsys.readouterr().out
    assert "train_source: s\n" in output and "vocabulary_size: 60\n" in output
    assert _listing() == before


def test_a_config_file_gives_the_paths_and_options_win(here):
    text = "data: {train_source: s, train_target: t}\nsubwords: {vocabulary_size: 50}\n"
    Path("c.yaml").write_text(text)
    assert run(["preprocess", "--config", "c.yaml", "--out", "a"]) == 0
    assert run(["preprocess", "--config", "c.yaml", "--out", "b", *SMALL]) == 0
    sizes = [PreparedData(out).facts["vocabulary"]["source"] for out in "ab"]
    assert sizes == [50, 60]


def test_nothing_goes_to_stdout_and_plain_text_to_a_pipe(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    output = capsys.readouterr()
    assert output.out == "" and "\x1b" not in output.err
    assert "learning subwords\n" in output.err


BAD_INPUTS = {
    "a missing file": (["none", "t"], {}, ["none: no such file"]),
    "a directory": (["s", "."], {}, [".: is a directory; give"]),
    "an empty file": (["s", "e"], {"e": []}, ["e: is empty; give"]),
    "unequal files": (["s", "u"], {"u": ["x"] * 99}, ["s: 100 lines", "u: 99"]),
    "a device": (["/dev/zero", "t"], {}, ["/dev/zero: is a pipe or device", "give a file"]),
    "no pair left": (["s", "s"], {}, ["s, s: no pair of 100 is left (identical 100)"]),
    "only blank lines": (["b", "b"], {"b": [""] * 9}, ["no pair of 9 is left (empty 9)"]),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_training_text_is_refused_in_one_line_and_nothing_is_left(here, capsys, case):
    paths, files, words = BAD_INPUTS[case]
    for name, lines in files.items():
        _write(here / name, lines)
    _fails(capsys, ["--train", *paths, *SMALL], 2, *words)


def test_bad_validation_text_is_refused_before_the_work(here, capsys):
    _fails(capsys, ["--train", "s", "t", "--valid", "vs", "t", *SMALL], 2, "vs: 10 lines", "t: 100")
    _fails(capsys, ["--train", "s", "t", "--valid", "vs", "none", *SMALL], 2, "none: no such file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--train SRC TGT"]),
        (["--train", "s"], ["--train", "2 arguments"]),
        (["--set", "data.train_source=s"], ["only one side", "--train SRC TGT"]),
        (["--train", "s", "t"], ["s and t: too little text for 8000 pieces", "--vocab-size"]),
        (["--train", "s", "t", "--separate"], ["s: too little text for 8000 pieces"]),
        (["--train", "s", "t", "--vocab-size", "16"], ["cannot hold every character"]),
        (["--train", "s", "t", "--subwords", "bert"], ["unigram, bpe, char, word", "'bert'"]),
        (["--train", "s", "t", "--set", "data.max_word=3"], ["did you mean 'max_words'"]),
        (["--train", "s", "t", "--config", "none.yaml"], ["none.yaml: no such"]),
        (["--train", "s", "t", *SMALL, "--out", "s"], ["s: is a file; choose another --out"]),
        (["--train", "s", "t", *SMALL, "--out", "s/x"], ["a file is in the way"]),
    ],
)
def test_wrong_options_are_refused_in_one_line_and_nothing_is_left(here, capsys, arguments, words):
    _fails(capsys, arguments, 2, *words)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_of_something_else_is_never_touched(here, capsys, force):
    Path("mine").mkdir()
    Path("mine/thesis").write_text("years of work")
    arguments = ["--train", "s", "t", *SMALL, "--out", "mine", *force]
    _fails(capsys, arguments, 2, "mine: exists and is not prepared data; choose another --out")
    assert Path("mine/thesis").read_text() == "years of work"


def test_an_empty_folder_is_filled_and_parents_are_made(here):
    Path("empty").mkdir()
    for out in ("empty", "a/b/c"):
        assert run(["preprocess", "--train", "s", "t", *SMALL, "--out", out]) == 0
        assert len(PreparedData(out).train) == 100
    assert not [name for name in _listing() if name.startswith(".")]


def test_the_same_command_again_keeps_the_folder_as_it_is(here, capsys):
    command = ["preprocess", "--train", "s", "t", *SMALL]
    run(command)
    before = os.stat("prepared/prepared.json")
    Path("s").rename("s2")  # the same text in another place
    capsys.readouterr()
    assert run(["preprocess", "--train", "s2", "t", *SMALL]) == 0
    assert "prepared: already prepared" in capsys.readouterr().err
    assert os.stat("prepared/prepared.json") == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--vocab-size", "50"], "subwords.vocabulary_size: 60 -> 50"),
        (["--train", "s", "t2"], "other train text"),
        (["--valid", "vs", "vt"], "other valid text"),
        (["--keep-rejected"], "--keep-rejected"),
    ],
)
def test_other_text_or_options_are_refused_and_force_replaces(here, capsys, change, words):
    run(["preprocess", "--train", "s", "t", *SMALL])
    _write(here / "t2", [line + "X" for line in _corpus(100)[1]])
    capsys.readouterr()
    command = ["--train", "s", "t", *SMALL, *change]
    _fails(capsys, command, 2, "prepared: prepared before", words, "--force")
    assert run(["preprocess", *command, "--force"]) == 0
    assert run(["preprocess", *command]) == 0
    assert not [name for name in _listing() if name.startswith(".")]


def test_force_spares_what_preprocess_did_not_write(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    Path("prepared/notes.txt").write_text("mine")
    capsys.readouterr()
    _fails(capsys, ["--train", "s", "t", *SMALL, "--force"], 2, "also holds notes.txt")
    assert Path("prepared/notes.txt").exists()


def test_a_failed_replacement_leaves_the_old_data(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    capsys.readouterr()
    _fails(capsys, ["--train", "s", "t", "--vocab-size", "9999", "--force"], 2, "too little text")
    assert PreparedData("prepared").facts["vocabulary"]["source"] == 60


def test_a_damaged_folder_is_named_and_not_called_prepared(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    Path("prepared/train/00000.target.tokens.npy").write_bytes(b"")
    capsys.readouterr()
    _fails(capsys, ["--train", "s", "t", *SMALL], 1, "00000.target.tokens.npy", "--force")
    assert run(["preprocess", "--train", "s", "t", *SMALL, "--force"]) == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: p.rename("elsewhere"), "no such folder; nmt preprocess makes"),
        (lambda p: (p / "prepared.json").unlink(), "only half there"),
        (lambda p: (p / "subwords.target.model").unlink(), "only half there"),
        (lambda p: (p / "prepared.json").write_text("{"), "damaged; remove"),
        (lambda p: (p / "prepared.json").write_text('{"format": 1, "version": "0"}'), "damaged"),
        (lambda p: (p / "prepared.json").write_text('{"format": 9, "version": "7"}'), "format 9"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_by_its_readers(here, spoil, words):
    run(["preprocess", "--train", "s", "t", *SMALL])
    spoil(Path("prepared"))
    with pytest.raises(UsageError, match=f"prepared.*{words}"):
        PreparedData("prepared")


def test_a_folder_of_other_things_and_a_file_are_not_prepared_data(here):
    with pytest.raises(UsageError, match="not prepared data"):
        PreparedData(here)
    with pytest.raises(UsageError, match="is a file"):
        PreparedData(here / "s")


def test_a_full_disk_is_one_line_and_nothing_is_left(here):
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    before = _listing()
    command = [*NMT, "preprocess", "--train", "s", "t", *SMALL]
    done = subprocess.run(command, preexec_fn=small_files, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot be written (File too large)" in done.stderr.splitlines()[-1]
    assert _listing() == before


def test_a_folder_without_permission_is_one_line(here, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    refused = pytest.raises(UsageError, match="no permission to write; choose another folder")
    with refused, whole_folder(here / "out"):
        pass


def test_a_replacement_that_fails_at_the_last_step_is_undone(here, monkeypatch):
    Path("out").mkdir()
    Path("out/old").touch()
    rename, calls = os.rename, []

    def fail_second(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail_second)
    refused = pytest.raises(NmtError, match="No space left")
    with refused, whole_folder(Path("out"), replace=True) as folder:
        (folder / "new").touch()
    assert os.listdir("out") == ["old"]
    assert not [name for name in _listing() if name.startswith(".")]


@pytest.mark.parametrize(
    ("number", "status", "stage"),
    [
        (signal.SIGINT, 130, "filtering"),
        (signal.SIGINT, 130, "learning subwords"),
        (signal.SIGTERM, 143, "learning subwords"),
    ],
)
def test_an_interruption_at_any_stage_leaves_nothing(here, number, status, stage):
    sources, targets = _corpus(30_000)
    _write(here / "big", sources)
    _write(here / "BIG", targets)
    before = _listing()
    command = [*NMT, "preprocess", "--train", "big", "BIG", "--vocab-size", "200"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while stage not in child.stderr.readline():
        assert child.poll() is None
    time.sleep(0.1)  # into the stage, in which the temporary folder is there
    assert any(name.startswith(".prepared.") for name in _listing())
    child.send_signal(number)
    _, rest = child.communicate(timeout=10)
    assert child.returncode == status
    assert rest.splitlines()[-1].endswith("ed; nothing was written")
    assert _listing() == before


def test_an_interruption_between_steps_of_the_library_leaves_nothing(here):
    def interrupt(stage, done, total):
        if stage == "encode":
            raise KeyboardInterrupt

    data = {"train_source": "s", "train_target": "t"}
    config = from_dict({"data": data, "subwords": {"vocabulary_size": 60}})
    before = _listing()
    with pytest.raises(KeyboardInterrupt):
        use_case.preprocess(config, Path("out"), on_progress=interrupt)
    assert _listing() == before
    report = use_case.preprocess(config, Path("out"))
    assert not report.already and report.counts["train"].kept == 100
    assert use_case.preprocess(config, Path("out")).already


def test_no_deep_learning_framework_is_imported(here):
    program = (
        "import sys; from nmtcli.cli.main import run;"
        "status = run(['preprocess', '--train', 's', 't', '--vocab-size', '60']);"
        "bad = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules);"
        "sys.exit(f'imported {bad}' if bad else status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(PreparedData("prepared").train) == 100


def test_help_needs_no_heavy_import(here):
    program = (
        "import sys; from nmtcli.cli.main import run; status = run(['preprocess', '--help']);"
        "bad = {'numpy', 'sentencepiece', 'yaml'} & set(sys.modules);"
        "sys.exit(f'imported {bad}' if bad else status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--keep-rejected" in done.stdout
