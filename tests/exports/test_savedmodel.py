"""`nmt export`: what is served by a process without this package is what `nmt translate` says."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers.covering import others_are_slow
from helpers.export_difference import (
    BROKEN,
    HARD,
    PLAIN,
    RUNS,
    SERVER,
    _answers,
    export_difference,
)
from helpers.mechanism_cases import MECHANISMS
from helpers.tiny_run import make_tiny_run, tiny_corpus
from helpers.transformer_cases import MEASURED
from nmtcli.cli.main import run as run_command
from nmtcli.config import SubwordConfig
from nmtcli.data.learn_subwords import learn
from nmtcli.decoding.engine import Hypothesis
from nmtcli.inference.translator import load_translator
from nmtcli.text.normalization import CLEAN, NFC, normalise
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import source_tags


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    made = {name: make_tiny_run(folder / name, **options) for name, options in RUNS.items()}
    for run in made.values():
        assert run_command(["export", "--format", "savedmodel", "--run", str(run.path)]) == 0
    return made


@pytest.fixture(scope="module")
def served(runs):
    """What a process of its own answers: for each run, the batches PLAIN, one line, HARD, ..."""
    batches = [PLAIN, PLAIN[3:4], HARD, [], ["", "\t \u3000"]]
    batches = [[text.encode() for text in batch] for batch in batches] + [BROKEN]
    task = {
        "folders": {name: str(run.export / "savedmodel") for name, run in runs.items()},
        "batches": [[text.decode("latin-1") for text in batch] for batch in batches],
    }
    done = subprocess.run(
        [sys.executable, "-c", SERVER],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        cwd=next(iter(runs.values())).path,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout)


# A step of every mechanism is traced and exported in `engines/test_onnx_engine.py`; what is left is
# its state in the loop of the search. RUNS and the Transformer have the other kinds of it.
WITH_STATE = ("coverage, input feeding",)


@pytest.mark.parametrize("name", others_are_slow([*MECHANISMS, *MEASURED], WITH_STATE))
def test_every_mechanism_is_exported_as_it_is(name, tmp_path):
    assert export_difference(name, tmp_path) < 1e-4


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """A run of a Transformer, exported."""
    folder = tmp_path_factory.mktemp("transformer")
    options = {"architecture": "transformer"}
    run = make_tiny_run(folder / "run", model=options, beam=4, end_bias=1.0)
    assert run_command(["export", "--format", "savedmodel", "--run", str(run.path)]) == 0
    return run


def test_a_transformer_is_served_as_nmt_translate_whatever_the_text(transformer):
    """Long searches too: the graph gives the caches their whole room at once."""
    served = _answers(transformer.export / "savedmodel", PLAIN + HARD)
    expected = list(load_translator(transformer.path).translate_lines(PLAIN + HARD))
    assert [text.decode() for text in served["translation"].tolist()] == [t.text for t in expected]
    np.testing.assert_allclose(served["score"], [t.score for t in expected], rtol=1e-4, atol=1e-5)
    lengths = {len(t.tokens) for t in expected}
    assert max(lengths) > 32 and len(lengths) > 5, "the test tests little"


def test_a_transformer_gives_no_translations_of_no_texts(transformer):
    served = _answers(transformer.export / "savedmodel", np.array([], dtype=bytes))
    assert {name: len(x) for name, x in served.items()} == {"translation": 0, "score": 0}


@pytest.mark.parametrize("name", RUNS)
def test_it_is_served_without_this_package_and_translates_as_nmt_translate(runs, served, name):
    expected = list(load_translator(runs[name].path).translate_lines(PLAIN + HARD))
    plain, hard = served[name][0], served[name][2]
    assert plain["translation"] + hard["translation"] == [t.text for t in expected]
    scores = [t.score for t in expected]
    np.testing.assert_allclose(plain["score"] + hard["score"], scores, rtol=1e-4)
    lengths = {len(t.tokens) for t in expected}
    assert len(set(plain["translation"])) >= 10 and len(lengths) > 5, "the test tests little"


def test_the_export_is_written_into_the_run_and_nothing_beside_it(runs):
    for run in runs.values():
        assert [path.name for path in run.export.iterdir()] == ["savedmodel"]


@pytest.mark.parametrize("name", RUNS)
def test_the_graph_cuts_text_into_the_ids_of_sentencepiece(runs, served, name):
    subwords = Subwords(runs[name].source_subwords)
    for texts, batch in ((PLAIN, 0), (HARD, 2), ([b.decode(errors="replace") for b in BROKEN], 5)):
        outputs = served[name][batch]
        ids = [row[:length] for row, length in zip(outputs["ids"], outputs["lengths"])]
        assert ids == subwords.encode_batch(texts)


def test_a_text_does_not_depend_on_the_others_in_its_batch(served):
    for batches in served.values():
        assert batches[1]["translation"] == batches[0]["translation"][3:4]
        np.testing.assert_allclose(batches[1]["score"], batches[0]["score"][3:4], rtol=1e-5)


def test_no_texts_give_no_translations_and_blank_ones_empty_ones(served):
    for batches in served.values():
        assert batches[3]["translation"] == batches[3]["score"] == batches[3]["lengths"] == []
        assert (batches[4]["translation"], batches[4]["score"]) == (["", ""], [0.0, 0.0])


@pytest.mark.slow
def test_options_become_part_of_the_graph_and_the_folder_tells_them(runs, tmp_path, capfd):
    run, folder = runs["luong-dot-deep"], tmp_path / "new" / "one"
    assignments = ["search.max_length_margin=3", "search.length_penalty_kind=gnmt"]
    options = ["--beam", "2", "--length-penalty", "2"]
    options += [option for text in assignments for option in ("--set", text)]
    command = [
        "export",
        "--format",
        "savedmodel",
        "--run",
        str(run.path),
        "--checkpoint",
        "step-7",
        "-o",
        str(folder),
    ]
    assert run_command([*command, *options]) == 0
    out, errors = capfd.readouterr()
    assert out == f"{folder}\n"
    assert errors.startswith("savedmodel of step 7: beam 2, length penalty 2, ")
    assert len(errors.splitlines()) == 1
    facts = json.loads((folder / "nmt.json").read_text())
    assert (facts["format"], facts["step"]) == ("savedmodel", 7)
    baked = {"beam": 2, "length_penalty": 2.0, "length_penalty_kind": "gnmt"}
    assert facts["search"] == {**baked, "max_length_factor": 2.0, "max_length_margin": 3}
    assert {"nmtcli", "tensorflow", "tensorflow-text"} <= set(facts["versions"])
    search = {"beam": 2, "length_penalty": 2.0}
    translator = load_translator(run.path, assignments=assignments, overrides=search)
    expected = [t.text for t in translator.translate_lines(PLAIN)]
    assert _serve_here(folder, PLAIN) == expected


def _serve_here(folder, texts):
    return [text.decode() for text in _answers(folder, texts)["translation"].tolist()]


# -- refusals ------------------------------------------------------------------------------------


@pytest.fixture
def refusal(runs, capfd):
    """Run an export that must fail: (status, the one line on stderr)."""

    def command(*arguments):
        status = run_command(
            ["export", "--format", "savedmodel", "--run", str(runs["none-lstm"].path), *arguments]
        )
        out, errors = capfd.readouterr()
        assert out == "" and len(errors.splitlines()) == 1
        return status, errors

    return command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "tflite"], "onnx, ctranslate2, savedmodel, not 'tflite'"),
        (["--checkpoint", "newest"], "checkpoint 'newest': give best, last or step-N"),
        (["--checkpoint", "step-8"], "no checkpoint 'step-8' (available: step-7)"),
        (["--beam", "0"], "search.beam must be between 1 and 100, not 0"),
        (["--set", "model.cell=gru"], "only search.* can be set"),
        (["--set", "search.sample=true"], "switch it off for the export"),
        (["--set", "search.coverage_penalty=0.1"], "search.coverage_penalty cannot be exported"),
        (["--set", "search.no_repeat_ngram=3"], "search.no_repeat_ngram=0"),
    ],
)
def test_a_wrong_option_is_refused(refusal, arguments, message):
    status, line = refusal(*arguments)
    assert status == 2 and message in line


def test_nothing_but_an_export_is_replaced(refusal, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    status, line = refusal("--output", str(tmp_path))
    assert status == 2 and "has files that are no export" in line
    status, line = refusal("--output", str(tmp_path / "letter.txt"))
    assert status == 2 and "a file is in the way" in line
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_export_that_translates_otherwise_leaves_the_older_one(refusal, monkeypatch, runs):
    folder = runs["none-lstm"].export
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    wrong = Hypothesis([7, 8], -246.0, -123.0, np.zeros((3, 1)))
    monkeypatch.setattr("nmtcli.exports.savedmodel._translate", lambda *arguments: wrong)
    status, line = refusal()
    assert status == 1 and "the run -123.0000; nothing was written" in line
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_without_tensorflow_text_it_says_what_to_install(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    monkeypatch.delitem(sys.modules, "nmtcli.exports.savedmodel_graph")
    monkeypatch.delattr("nmtcli.exports.savedmodel_graph")
    status, line = refusal()
    assert status == 2 and "pip install tensorflow-text" in line


def test_on_jax_it_says_how_to_export_instead(runs):
    command = [sys.executable, "-m", "nmtcli", "export", "--format", "savedmodel"]
    command += ["--run", str(runs["none-lstm"].path)]
    done = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 2 and done.stdout == ""
    assert "KERAS_BACKEND=tensorflow" in done.stderr and len(done.stderr.splitlines()) == 1


def test_asking_for_help_or_a_wrong_format_imports_no_tensorflow():
    code = "import sys; from nmtcli.cli.main import run; run(sys.argv[1:])\n"
    code += "assert not {'tensorflow', 'keras', 'tensorflow_text'} & set(sys.modules)"
    for arguments in (["export", "--help"], ["export", "--format", "x"]):
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("rule", [CLEAN, pytest.param(NFC, marks=pytest.mark.slow)])
def test_the_graph_normalises_every_character_as_nmt_translate(rule):
    import tensorflow as tf

    from nmtcli.exports.savedmodel_graph import normalised

    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    # "e" and a mark that it is composed with are on both sides of each.
    lines = ["".join(characters[start : start + 64]) for start in range(0, len(characters), 64)]
    lines = ["e" + "e\u0301".join(line) + "\u0301" for line in lines]
    alone = [c for c in characters if normalise(c) != c or not c.isprintable()]
    texts = [*lines, *alone, *(c * 2 + " " + c for c in alone[::50])]
    served = normalised(tf.constant([text.encode() for text in texts]), rule).numpy().tolist()
    wrong = [t for t, one in zip(texts, served) if one.decode() != normalise(t, rule)]
    assert wrong == []


@pytest.mark.slow
def test_the_graph_adds_the_tag_of_the_run_to_what_has_none(tmp_path):
    corpus = [korean for korean, _ in tiny_corpus()]
    tags = source_tags(["<2en>"])
    model = learn(corpus, SubwordConfig(vocabulary_size=80), symbols=tags.known)
    run = make_tiny_run(tmp_path / "run", subwords=(model, model), data={"tags": ["<2en>"]})
    assert run_command(["export", "--format", "savedmodel", "--run", str(run.path)]) == 0
    texts = [*PLAIN[:4], f"<2en> {PLAIN[4]}", f" <2en>{PLAIN[5]}", "", "<2en>", "\u200b \u3164"]
    expected = [one.text for one in load_translator(run.path).translate_lines(texts)]
    assert _serve_here(run.export / "savedmodel", texts) == expected
    plain = load_translator(run.path, tag="").translate_lines(texts)
    assert expected != [one.text for one in plain], "the test tests little"
