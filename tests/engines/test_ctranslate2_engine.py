"""A Transformer in CTranslate2 answers as it does in Keras, by the command line too."""

import json
import subprocess
import sys

import numpy as np
import pytest

from helpers.covering import others_are_slow
from helpers.engine_cases import SENTENCES, large_transformer
from helpers.tiny_run import make_tiny_run, tiny_corpus
from helpers.transformer_cases import TRANSFORMERS
from nmtcli.cli.main import run as run_command
from nmtcli.config import SearchConfig
from nmtcli.decoding.engine import Sentence
from nmtcli.decoding.next_tokens import NEVER_PRODUCED
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.decoding.sentences import search_sentences
from nmtcli.engines.keras_engine import KerasEngine
from nmtcli.engines.load import load_ctranslate2
from nmtcli.engines.runtime import Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.translator import load_translator
from nmtcli.text.special_tokens import EOS_ID

ctranslate2 = pytest.importorskip("ctranslate2")

WRITTEN = [name for name, sizes in TRANSFORMERS.items() if "positions" not in sizes]
INPUTS = [Sentence(ids) for ids in SENTENCES]


def written(model, folder, **options):
    """A model in CTranslate2."""
    from nmtcli.engines.ctranslate2_engine import CTranslate2Engine
    from nmtcli.exports.ctranslate2_files import write_model

    subwords = Pieces(model.target_vocabulary_size)
    pieces = subwords.tokens(range(subwords.size))
    write_model(model, pieces, pieces, folder / "model")
    return CTranslate2Engine(folder, subwords, subwords, **options)


class Pieces:
    """So many pieces, as `Subwords` tells of them."""

    def __init__(self, size):
        self.size = size
        self._all = ["<pad>", "<unk>", "<s>", "</s>", *(f"▁{n}" for n in range(size - 4))]

    def tokens(self, ids):
        return [self._all[i] for i in ids]

    def token_ids(self, pieces):
        return [self._all.index(piece) for piece in pieces]


def decisive(model):
    """A model whose translations end by themselves, and to which PAD, UNK and BOS mean nothing."""
    bias = np.array(model.output_bias)
    bias[EOS_ID] += 4.0
    bias[list(NEVER_PRODUCED)] = -30.0
    model.output_bias.assign(bias)
    return model


@pytest.fixture(scope="module", params=others_are_slow(WRITTEN, WRITTEN[1:2]))
def engines(request, tmp_path_factory):
    model = large_transformer(request.param)
    decisive(model)
    return StepwiseSearch(KerasEngine(model)), written(
        model, tmp_path_factory.mktemp("ctranslate2"), threads=2
    )


def test_the_hypotheses_of_both_beams_and_their_probabilities_are_the_same(engines):
    options = SearchConfig(beam=4, nbest=2, length_penalty=0.7, max_length_margin=6)
    expected, found = (search_sentences(engine, INPUTS, options) for engine in engines)
    for ours, theirs in zip(expected, found, strict=True):
        assert [one.ids for one in ours] == [one.ids for one in theirs]
        for one, same in zip(ours, theirs):
            assert same.log_prob == pytest.approx(one.log_prob, abs=1e-3)
            assert same.score == pytest.approx(one.score, abs=1e-3)
            assert same.attention.shape == one.attention.shape


def test_greedy_translations_begin_as_they_are_told_to(engines):
    prefixed = [Sentence(s.ids, prefix=[7, 4][: n % 3]) for n, s in enumerate(INPUTS)]
    options = SearchConfig(beam=1, max_length_margin=6)
    for ours, theirs in zip(*(search_sentences(engine, prefixed, options) for engine in engines)):
        assert ours[0].ids == theirs[0].ids
        assert theirs[0].log_prob == pytest.approx(ours[0].log_prob, abs=1e-3)


def test_no_translation_is_longer_than_its_own_limit(engines):
    options = SearchConfig(beam=2, max_length_factor=0.5, max_length_margin=1)
    for sentence, found in zip(INPUTS, search_sentences(engines[1], INPUTS, options)):
        assert len(found[0].ids) <= 0.5 * len(sentence.ids) + 1


# -- the command line ------------------------------------------------------------------------------

MODEL = {"architecture": "transformer", "embedding_size": 16, "attention_heads": 2}
LINES = [korean for korean, _ in tiny_corpus(30, seed=5)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = make_tiny_run(tmp_path_factory.mktemp("run") / "run", beam=3, model=MODEL)
    assert run_command(["export", "--run", str(run.path), "--format", "ctranslate2"]) == 0
    return run


def test_a_run_translates_as_with_keras_and_imports_no_framework(run):
    code = """
import sys
from nmtcli.cli.main import run
status = run(["translate", "--run", sys.argv[1], "--engine", "ctranslate2", "--beam", "1"])
heavy = {"tensorflow", "keras", "jax"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else status)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(run.path)],
        input="".join(f"{line}\n" for line in [*LINES, ""]), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    keras = load_translator(run.path, overrides={"beam": 1}, runtime=Runtime("keras"))
    found = [found.text for found in keras.translate_lines([*LINES, ""])]
    assert done.stdout == "".join(f"{text}\n" for text in found)
    assert len(set(found)) > 5, "the test tests little"


def test_what_was_checked_is_written_down_and_int8_needs_text_to_be_measured_on(run):
    facts = json.loads((run.export / "ctranslate2" / "nmt.json").read_text())
    assert facts["float32"]["accepted"] and not facts["int8"]["accepted"]
    with pytest.raises(UsageError, match="there is no int8, since there is no validation text"):
        load_ctranslate2(run, "best", Runtime("ctranslate2", "int8"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["translate", "--sample"], "search.sample is not of CTranslate2"),
        (["translate", "--coverage-penalty", "0.2"], "search.coverage_penalty is not of"),
        (["translate", "--checkpoint", "best", "--checkpoint", "last"], "with one model"),
        (["translate", "--align"], "returns no attention; use engine onnx"),
        (["score", "SOURCE", "SOURCE"], "scores nothing: use engine onnx"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_remedy(run, command, message, tmp_path, capsys):
    source = tmp_path / "source.txt"
    source.write_text(f"{LINES[0]}\n")
    command = [str(source) if part == "SOURCE" else part for part in command]
    if command[0] == "translate":
        command += ["--input", str(source)]
    assert run_command([*command, "--run", str(run.path), "--engine", "ctranslate2"]) == 2
    out, errors = capsys.readouterr()
    assert message in errors and len(errors.splitlines()) == 1 and out == ""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, "CTranslate2 knows no recurrent models; export this one with --format onnx"),
        ({**MODEL, "positions": "rotary"}, "CTranslate2 knows no rotary positions"),
    ],
)
def test_models_that_it_does_not_know_are_refused(model, message, tmp_path, capsys):
    run = make_tiny_run(tmp_path / "run", model=model)
    assert run_command(["export", "--run", str(run.path), "--format", "ctranslate2"]) == 2
    assert message in capsys.readouterr().err and not run.export.exists()


def test_without_the_package_the_remedy_is_told(run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs ctranslate2: pip install ctranslate2"):
        load_ctranslate2(run, "best", Runtime("ctranslate2"))


def test_the_options_of_a_search_are_checked_before_anything_is_written(tmp_path, capsys):
    run = make_tiny_run(tmp_path / "run", model=MODEL)
    arguments = ["--format", "ctranslate2", "--set", "search.length_penalty_kind=gnmt"]
    assert run_command(["export", "--run", str(run.path), *arguments]) == 2
    assert "search.length_penalty_kind is not of CTranslate2" in capsys.readouterr().err
