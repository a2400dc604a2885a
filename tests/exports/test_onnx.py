"""`nmt export --format onnx`, and the commands that run on it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from helpers.tiny_run import make_tiny_run, tiny_corpus
from nmtcli.cli.main import run as run_command
from nmtcli.data.prepared import PreparedData
from nmtcli.data.shortlist import Shortlist
from nmtcli.decoding.batching import pad
from nmtcli.engines.load import load_engine
from nmtcli.engines.runtime import Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.translator import load_translator
from nmtcli.runs import checkpoints
from nmtcli.text.special_tokens import BOS_ID, EOS_ID

LINES = [korean for korean, _ in tiny_corpus(30, seed=5)]
QUIET = """
import sys
from nmtcli.cli.main import run
status = run({arguments!r})
heavy = {{"tensorflow", "keras", "jax"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else status)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Parallel text, and the folder that `nmt preprocess` makes of it."""
    folder = tmp_path_factory.mktemp("text")
    pairs = tiny_corpus(60, seed=5)
    for side, lines in zip(("ko", "en"), zip(*pairs)):
        (folder / f"text.{side}").write_text("".join(f"{line}\n" for line in lines))
    sides = [str(folder / f"text.{side}") for side in ("ko", "en")]
    command = ["preprocess", "--train", *sides, "--valid", *sides, "--out", str(folder / "data")]
    assert run_command([*command, "--set", "subwords.vocabulary_size=80"]) == 0
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """A run with validation text, exported."""
    run = make_tiny_run(tmp_path_factory.mktemp("run") / "run", beam=3, end_bias=1.0)
    text = PreparedData(files / "data").facts["inputs"]
    data = {"prepared": str(files / "data"), "sha256": {"text": text}}
    run.write_facts({**run.read_facts(), "data": data})
    make_shortlist().save(run.shortlist)
    assert run_command(["export", "--run", str(run.path)]) == 0
    return run


def make_shortlist(pieces=80):
    """By which half of the pieces, other ones each time, may translate a piece."""
    random = np.random.default_rng(1)
    rows = [np.flatnonzero(random.random(pieces) < 0.1) for _ in range(pieces)]
    rows[EOS_ID] = np.append(rows[EOS_ID], EOS_ID)
    return Shortlist(np.cumsum([0, *map(len, rows)]), np.concatenate(rows), pieces)


@pytest.fixture
def again(run, tmp_path):
    """A copy of the run that a test may damage."""
    import shutil

    from nmtcli.runs.directory import RunDirectory

    shutil.copytree(run.path, tmp_path / "run", symlinks=True)
    return RunDirectory(tmp_path / "run")


def translated(run, lines=LINES, **runtime):
    translator = load_translator(run.path, runtime=Runtime(**runtime))
    texts = [found.text for found in translator.translate_lines(lines)]
    return texts, translator.engine.engine


def test_translate_score_and_align_run_on_the_export_and_import_no_framework(run, files, capfd):
    """And print what they print with Keras."""
    sides = [str(files / f"text.{side}") for side in ("ko", "en")]
    for arguments in (
        ["translate", "--run", str(run.path), "-i", sides[0]],
        ["score", *sides, "--run", str(run.path)],
        ["align", *sides, "--run", str(run.path)],
    ):
        command = [sys.executable, "-c", QUIET.format(arguments=arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert run_command([*arguments, "--engine", "keras"]) == 0
        printed = done.stdout, capfd.readouterr().out
        if arguments[0] == "score":
            numbers = [[float(line) for line in text.split()] for text in printed]
            assert numbers[0] == pytest.approx(numbers[1], abs=2e-3)
        else:
            assert printed[0] == printed[1] and printed[0].count("\n") == 60


def test_the_number_of_threads_and_the_batches_change_no_translation(run):
    one, engine = translated(run, threads=1)
    assert engine.parallel == 1 and len(set(one)) > 10, "the test tests little"
    many, engine = translated(run, threads=3)
    assert engine.parallel == 3 and many == one
    small = load_translator(run.path, overrides={"batch_tokens": 64}, runtime=Runtime(threads=3))
    assert [found.text for found in small.translate_lines(LINES)] == one


def test_int8_is_there_if_it_is_good_enough_and_is_described(run):
    facts = json.loads((run.export / "onnx" / "nmt.json").read_text())
    assert facts["float32"] == {"accepted": True, "lines": 60} and facts["int8"]["lines"] == 60
    assert set(facts["int8"]["bleu"]) == {"float32", "int8"} and facts["opset"] == 18
    assert facts["int8"]["accepted"] == (run.export / "onnx" / "int8").is_dir()


def test_a_sentence_is_translated_by_pieces_of_its_shortlist_alone(run):
    """And as with all pieces, if those that it does not allow had no probability."""
    facts = json.loads((run.export / "onnx" / "nmt.json").read_text())
    assert facts["shortlist"]["accepted"] and facts["shortlist"]["lines"] == 60
    assert set(facts["shortlist"]["bleu"]) == {"float32", "shortlist"}
    translator = load_translator(run.path, runtime=Runtime(shortlist=True))
    engine, full = translator.engine.engine, load_engine(run)
    ids = pad([[*translator.source_subwords.encode(line), EOS_ID] for line in LINES[:4]])
    pieces, allowed = make_shortlist().choose(ids)
    state, full_state = engine.start(ids), full.start(ids)
    rows, previous = np.arange(4), np.full(4, BOS_ID)
    for _ in range(3):
        step, all_of_them = (
            engine.step(state, rows, previous, 80),
            full.step(full_state, rows, previous, 80),
        )
        expected = np.full((4, 80), -np.inf)
        np.put_along_axis(expected, all_of_them.ids, all_of_them.log_probs, axis=1)
        expected = expected[:, pieces] + allowed
        expected -= np.log(np.exp(expected).sum(axis=1, keepdims=True))
        assert step.ids.shape == (4, len(pieces)) and len(pieces) < 80
        found = np.take_along_axis(expected, np.searchsorted(pieces, step.ids), axis=1)
        np.testing.assert_allclose(step.log_probs, found, atol=1e-3)
        assert (np.sort(step.ids) == pieces).all()
        state, full_state, previous = step.state, all_of_them.state, step.ids[:, 0]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_with_a_shortlist_too_the_other_lines_change_no_translation(run, precision):
    runtime = Runtime(precision=precision, shortlist=True)
    together = load_translator(run.path, runtime=runtime)
    found = [translation.text for translation in together.translate_lines(LINES)]
    usual, _ = translated(run, precision=precision)
    assert found != usual, "the test tests little"
    if precision == "float32":  # one scale for a whole batch is what int8 has
        alone = [next(together.translate_lines([line])).text for line in LINES]
        assert alone == found


def test_a_shortlist_of_another_vocabulary_is_refused(again, capsys):
    make_shortlist(90).save(again.shortlist)
    assert run_command(["export", "--run", str(again.path)]) == 1
    assert "90 source and 90 target tokens, but the model has 80 and 80" in capsys.readouterr().err


def test_where_int8_is_not_good_enough_the_encoder_stays_in_float32(again, monkeypatch, capsys):
    from nmtcli.exports import onnx as exports

    tried = []

    def compare(validation, name, *texts):
        tried.append(name)
        bleu = {"float32": 9.0, name: 9.0}
        return {"accepted": tried.count("int8") > 1, "reason": "it is bad", "bleu": bleu}

    monkeypatch.setattr(exports, "compare_bleu", compare)
    assert run_command(["export", "--run", str(again.path)]) == 0
    assert tried == ["int8", "int8", "shortlist"]
    assert "int8 with its encoder in float32, " in capsys.readouterr().err
    folder = again.export / "onnx"
    assert json.loads((folder / "nmt.json").read_text())["int8"]["in_float32"] == ["encode"]
    encoder, step = ((folder / "int8" / f"{name}.onnx").read_bytes() for name in ("encode", "step"))
    assert b"MatMulInteger" not in encoder and b"MatMulInteger" in step
    assert translated(again, precision="int8")[1].precision == "int8"


def test_bfloat16_is_of_keras_and_translates_nearly_as_float32(run):
    texts, engine = translated(run, precision="bfloat16")
    assert type(engine).__name__ == "KerasEngine" and engine.model.compute_dtype == "bfloat16"
    usual, _ = translated(run, engine="keras")
    assert sum(one == other for one, other in zip(texts, usual)) > 10


@pytest.mark.slow
def test_without_validation_text_and_shortlist_it_says_what_is_missing(tmp_path, capsys):
    run = make_tiny_run(tmp_path / "run", beam=2, end_bias=1.0)
    assert run_command(["export", "--run", str(run.path)]) == 0
    out, errors = capsys.readouterr()
    assert out == f"{run.export / 'onnx'}\n"
    assert "no int8, since there is no validation text to measure it on" in errors
    assert "no shortlist, since the run has none: nmt preprocess" in errors
    for wanted, message in (
        (Runtime(precision="int8"), "there is no int8, since there is no validation text"),
        (Runtime(shortlist=True), "there is no shortlist, since the run has none"),
    ):
        with pytest.raises(UsageError, match=message):
            load_engine(run, runtime=wanted)


def test_an_export_of_other_weights_is_not_used(again, caplog):
    """Keras is, and one line says why; who insists on the export is told how to renew it."""
    _, arrays, _ = checkpoints.load(again.checkpoints, "best")
    checkpoints.save(again.checkpoints, 9, arrays, {})
    checkpoints.point(again.checkpoints, "best", 9)
    engine = load_engine(again)
    assert type(engine).__name__ == "KerasEngine" and len(caplog.messages) == 1
    assert (
        "is of other weights than best" in caplog.messages[0]
        and "Keras translates instead" in caplog.messages[0]
    )
    with pytest.raises(UsageError, match="nmt export --run .* --checkpoint best"):
        load_engine(again, runtime=Runtime("onnx"))
    assert type(load_engine(again, "step-7")).__name__ == "OnnxEngine"


def test_more_threads_than_processors_are_allowed_and_told(again, monkeypatch, caplog):
    monkeypatch.setattr("nmtcli.backend.usable_processors", lambda: 2)
    for threads in (0, 2, 3):
        load_engine(again, runtime=Runtime(threads=threads))
    assert caplog.messages == ["threads 3: more than the 2 there are, and no faster"]


def test_an_export_of_another_version_is_not_used(again, caplog):
    path = again.export / "onnx" / "nmt.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "graphs": facts["graphs"] - 1}))
    assert type(load_engine(again)).__name__ == "KerasEngine"
    assert (
        len(caplog.messages) == 1
        and "is of another version of nmt; make it again" in caplog.messages[0]
    )


@pytest.mark.parametrize("damage", ["missing", "short", "description"])
def test_a_damaged_export_is_not_used(again, damage, caplog):
    folder = again.export / "onnx"
    if damage == "missing":
        (folder / "float32" / "step.onnx").unlink()
    elif damage == "short":
        with open(folder / "float32" / "weights.bin", "r+b") as stream:
            stream.truncate(1000)
    else:
        (folder / "nmt.json").write_text("{")
    assert type(load_engine(again)).__name__ == "KerasEngine"
    assert len(caplog.messages) == 1 and "the export is damaged" in caplog.messages[0]
    with pytest.raises(UsageError, match="is damaged; make it again: nmt export"):
        load_engine(again, runtime=Runtime("onnx"))


def test_a_damaged_checkpoint_is_not_exported(again, capsys):
    """Nor the one before it in its place, since an export says whose weights it has."""
    _, arrays, _ = checkpoints.load(again.checkpoints, "best")
    checkpoints.save(again.checkpoints, 9, arrays, {})
    checkpoints.point(again.checkpoints, "best", 9)
    (again.checkpoints / "step-9" / "model.npz").write_bytes(b"x")
    assert run_command(["export", "--run", str(again.path)]) == 1
    out, errors = capsys.readouterr()
    assert out == "" and "step-9 is damaged" in errors and "name another checkpoint" in errors


def test_a_run_without_an_export_is_quiet_unless_one_is_asked_for(tmp_path, caplog):
    run = make_tiny_run(tmp_path / "run")
    assert type(load_engine(run)).__name__ == "KerasEngine" and not caplog.messages
    with pytest.raises(UsageError, match="has no export; make one: nmt export"):
        load_engine(run, runtime=Runtime("onnx"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "torch"], "engine torch: give auto, onnx, ctranslate2, keras"),
        (["--precision", "int4"], "precision int4: give auto, float32, int8, bfloat16"),
        (["--engine", "keras", "--precision", "int8"], "Keras has no int8"),
        (["--engine", "onnx", "--precision", "bfloat16"], "onnx has no bfloat16"),
        (["--threads", "-1"], "threads -1: give 1 or more"),
        (["--shortlist", "--engine", "keras"], "a shortlist is of engine onnx"),
        (["--shortlist", "--checkpoint", "best", "--checkpoint", "last"], "for an ensemble"),
        (["--shortlist", "--prefix", "x"], "--prefix may have tokens that the shortlist lacks"),
    ],
)
def test_wrong_options_are_refused_at_once(run, arguments, message, capsys):
    assert run_command(["translate", "--run", str(run.path), *arguments]) == 2
    out, errors = capsys.readouterr()
    assert out == "" and message in errors and len(errors.splitlines()) == 1
