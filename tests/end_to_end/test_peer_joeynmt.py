"""The comparison with Joey NMT: whose time counts, what is read, and who is said to be above."""

import dataclasses
import json
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import peer_report as peer  # noqa: E402
from peer_training import Place, joey_config  # noqa: E402

NAMES = sorted(path.stem for path in (BENCHMARKS / "peer").glob("*.yaml"))


def place(folder, minutes=10.0):
    return Place(folder / "text", folder / "prepared", "en", "de", minutes, 1.0, 20, 1, (0,))


def trained(name, minutes, bleu):
    return peer.Trained(name, minutes, bleu, 100, 1000.0, None, "tok:none")


def line(kind, step, seconds, **more):
    return {"kind": kind, "step": step, "seconds": seconds, **more}


NMT_LINES = [
    line("train", 10, 60.0, tokens_per_second=500.0),
    line("train", 20, 120.0, tokens_per_second=900.0),
    line("validation", 20, 150.0, bleu=0.0),  # took 30 s
    line("train", 30, 210.0, tokens_per_second=1000.0),
    line("train", 40, 270.0, tokens_per_second=1100.0),
    line("validation", 40, 370.0, bleu=100.0),  # took 100 s
]


def write_nmt(run, lines, texts, parameters=7):
    (run / "samples").mkdir(parents=True)
    (run / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (run / "run.json").write_text(json.dumps({"parameters": parameters}))
    for step, text in texts.items():
        (run / "samples" / f"step-{step}.txt").write_text(text)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "valid.de").write_text("ein hund läuft im gras .\nzwei hunde .\n")
    return tmp_path


def test_validations_do_not_count_as_training():
    assert peer.validating_seconds(NMT_LINES) == [0, 0, 30, 30, 30, 130]


def test_training_time_is_what_the_clock_says_less_validations(folder):
    write_nmt(folder / "nmt-rnn", NMT_LINES, {})
    assert peer.training_seconds(folder / "nmt-rnn") == 370 - 130
    assert peer.training_seconds(folder / "nothing-yet") == 0


def test_a_validation_that_cannot_be_timed_is_refused():
    with pytest.raises(ValueError, match="step 20: no line of training"):
        peer.validating_seconds([NMT_LINES[0], NMT_LINES[2]])


def test_scores_of_both_sides_are_of_what_they_wrote(folder):
    right = (folder / "text" / "valid.de").read_text()
    wrong = "das\nist\n"
    write_nmt(folder / "nmt-rnn", NMT_LINES, {20: wrong, 40: right})
    ours = peer.read_nmt(folder / "nmt-rnn", place(folder))
    assert ours.minutes == [2.0, 4.0] and ours.bleu == [0.0, pytest.approx(100)]
    assert (ours.updates, ours.tokens_per_second, ours.parameters) == (40, 1000.0, 7)

    (folder / "joey-rnn").mkdir()
    (folder / "joey-rnn" / "90.hyps").write_text(right)
    lines = [line("validation", 90, 30.0, tokens=6000, bleu=100.0), line("done", 90, 30.0)]
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (folder / "joey-rnn.jsonl").write_text(text)
    joey = peer.read_joey(folder / "joey-rnn", place(folder))
    assert (joey.minutes, joey.bleu) == ([0.5], [pytest.approx(100)])
    assert joey.tokens_per_second == 200


def test_a_score_that_was_logged_otherwise_is_an_error(folder):
    write_nmt(folder / "nmt-rnn", NMT_LINES, {20: "das\nist\n", 40: "ein hund\nzwei\n"})
    with pytest.raises(SystemExit, match=r"step-40.txt: BLEU \d.*logged 100.00"):
        peer.read_nmt(folder / "nmt-rnn", place(folder))


def test_the_score_is_that_of_sacrebleus_own_command(folder):
    written = folder / "written.txt"
    written.write_text("ein hund läuft im hohen gras .\nzwei katzen .\n")
    score, _ = peer.score_of(written, place(folder))
    command = [sys.executable, "-m", "sacrebleu", folder / "text" / "valid.de", "-i", written]
    options = ["--tokenize", "none", "--force", "-b", "-w", "6"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert score == pytest.approx(float(done.stdout), abs=1e-5)


@given(
    st.lists(
        st.tuples(st.floats(0.5, 20), st.floats(0, 60)),
        min_size=1,
        max_size=8,
        unique_by=lambda p: p[0],
    ),
    st.floats(0, 30),
)
def test_between_validations_the_score_lies_on_a_line(points, minutes):
    times, scores = zip(*sorted(points))
    found = trained("nmt-rnn", list(times), list(scores)).at(minutes)
    assert found == pytest.approx(np.interp(minutes, [0, *times], [0, *scores]), abs=1e-9)


def test_ours_must_be_above_the_best_of_theirs_at_every_time():
    systems = [
        trained("nmt-rnn", [0.5, 5, 10], [1, 20, 30]),
        trained("joey-rnn", [0.5, 2, 10], [5, 10, 20]),
        trained("joey-rnn-other", [5, 10], [10, 31]),
        trained("joey-transformer", [10], [99]),
    ]
    # After minute 1: 2 (7.33 against 10), 5 (20 against 13.75) and 10 (30 against 31).
    assert peer.verdict(systems, "rnn", 10.0) == (
        "rnn: nmt is above Joey NMT at 1 of 3 times after the first tenth;"
        " least at 2.0 minutes, 7.3 against 10.0"
    )
    assert peer.verdict(systems, "transformer", 10.0) == "transformer: not yet on both sides"


def test_the_table_has_each_tenth_of_the_time(folder):
    rows = peer.table([trained("nmt-rnn", [5, 10], [20, 30])], place(folder)).splitlines()
    assert rows[2] == "| 1 | 4.0 |" and rows[6] == "| 5 | 20.0 |" and rows[11] == "| 10 | 30.0 |"


def test_the_picture_has_a_line_for_each_system(folder):
    names = ["nmt-rnn", "joey-rnn", "joey-transformer"]
    drawing = peer.figure([trained(name, [5, 10], [20, 30]) for name in names], place(folder))
    lines = drawing.axes[0].get_lines()
    assert [one.get_label() for one in lines] == names
    assert [list(one.get_ydata()) for one in lines] == [[0, 20, 30]] * 3
    assert len({(one.get_color(), str(one.get_linestyle())) for one in lines}) == 3


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("joey-")])
def test_both_sides_of_joey_nmt_have_our_pieces_and_it_never_validates_by_updates(name, folder):
    settings = yaml.safe_load((BENCHMARKS / "peer" / f"{name}.yaml").read_text())
    config = joey_config(settings, folder / name, place(folder), folder / "vocabulary.txt")
    config = yaml.safe_load(yaml.safe_dump(config))
    for side in config["data"]["src"], config["data"]["trg"]:
        assert side["voc_file"] == str(folder / "vocabulary.txt")
        assert side["tokenizer_cfg"]["model_file"].endswith("prepared/subwords.source.model")
    training = config["training"]
    assert training["validation_freq"] % training["logging_freq"] == 0  # its own rule
    assert training["validation_freq"] > 1_000_000
    assert all(isinstance(training[key], float) for key in ("learning_rate", "learning_rate_min"))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("nmt-")])
def test_our_settings_are_options_of_nmt(name):
    from nmtcli import config

    settings = config.load(BENCHMARKS / "peer" / f"{name}.yaml")
    assert settings.model.architecture == name.split("-")[1]


@pytest.fixture
def runner(monkeypatch):
    """The runner, with Joey NMT's training replaced by one whose batches take a second."""
    now = [0.0]

    class Manager:
        def __init__(self):
            self.stats = types.SimpleNamespace(steps=0, total_tokens=0, is_min_lr=False)
            self.model = types.SimpleNamespace(parameters=list)
            self.batches = 1000

        def train_and_validate(self, train_data, valid_data):
            try:
                for batch in range(self.batches):
                    self._train_step(batch)
                    self.stats.steps += 1
            except KeyboardInterrupt:
                pass

        def _train_step(self, batch):
            now[0] += 1.0
            self.stats.total_tokens += 10

        def _validate(self, valid_data):
            now[0] += 50.0
            self._add_report({"bleu": float(self.stats.steps)})

        def _add_report(self, valid_scores, new_best=False):
            pass

    package = types.ModuleType("joeynmt")
    package.training = types.SimpleNamespace(TrainManager=Manager)
    package.builders, package.__main__ = types.SimpleNamespace(), types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "joeynmt", package)
    monkeypatch.delitem(sys.modules, "peer_joeynmt_run", raising=False)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    import peer_joeynmt_run

    yield peer_joeynmt_run
    sys.modules.pop("peer_joeynmt_run")


def test_joey_nmt_is_stopped_by_a_clock_that_stands_while_it_validates(runner, tmp_path):
    training = runner.TimedTraining()
    training.record_path, training.budget, training.every = tmp_path / "record", 25.0, 10.0
    training.train_and_validate(None, None)
    lines = peer._lines(tmp_path / "record")
    assert [one["kind"] for one in lines] == ["validation"] * 3 + ["done"]
    assert [one["seconds"] for one in lines] == [10, 20, 25, 25]
    assert [one["step"] for one in lines] == [10, 20, 25, 25]
    assert [one.get("bleu") for one in lines[:3]] == [10, 20, 25]
    assert [one["tokens"] for one in lines[:3]] == [100, 200, 250]


def test_a_joey_nmt_that_was_interrupted_is_not_done(runner, tmp_path):
    training = runner.TimedTraining()
    training.record_path, training.budget, training.every = tmp_path / "r.jsonl", 25.0, 10.0
    training.batches = 12
    training.train_and_validate(None, None)
    assert len(peer._lines(tmp_path / "r.jsonl")) == 1
    assert not peer.joey_is_done(tmp_path / "r")


@pytest.mark.parametrize(
    ("jobs", "processors", "expected"),
    [
        (1, (0, 1), {"nmt-transformer": (0, 1), "joey-transformer": (0, 1),
                     "nmt-rnn": (0, 1), "joey-rnn": (0, 1)}),
        (2, (0, 1), {"nmt-transformer": (0,), "joey-transformer": (0,),
                     "nmt-rnn": (1,), "joey-rnn": (1,)}),
        (2, (3, 5, 6), {"nmt-transformer": (3,), "joey-transformer": (3,),
                        "nmt-rnn": (5,), "joey-rnn": (5,)}),
    ],
)  # fmt: skip
def test_systems_of_an_architecture_have_the_same_processors(
    jobs, processors, expected, folder, monkeypatch
):
    import peer_joeynmt

    trained_on = {}
    for name in ("train_nmt", "train_joey"):
        position = 1 if name == "train_nmt" else 2  # of the run among the arguments
        monkeypatch.setattr(
            peer_joeynmt,
            name,
            lambda *given, n=position: trained_on.update({given[n].name: given[n + 1].processors}),
        )
    options = types.SimpleNamespace(
        jobs=jobs, systems=peer_joeynmt.DEFAULT, only="", out=folder, joey_python="python"
    )
    shared = dataclasses.replace(place(folder), processors=processors)
    peer_joeynmt.train_all(options, shared)
    assert trained_on == expected


def test_a_training_that_fails_ends_the_comparison(folder, monkeypatch):
    import peer_joeynmt

    def fails(*given):
        raise SystemExit("failed with status 1")

    monkeypatch.setattr(peer_joeynmt, "train_nmt", fails)
    options = types.SimpleNamespace(jobs=1, systems=["nmt-rnn"], only="", out=folder)
    with pytest.raises(SystemExit, match="failed with status 1"):
        peer_joeynmt.train_all(options, place(folder))
