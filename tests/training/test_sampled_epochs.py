"""Training on pairs that are cut anew each epoch, by weighted corpora: stopped and gone on."""

import pytest

from helpers.training_case import (
    assert_same_bits,
    killed_after,
    options,
    run_training,
    write_corpus,
)
from nmtcli import config as configuration
from nmtcli.data.epochs import Epochs
from nmtcli.data.prepared import PreparedData
from nmtcli.data.preprocess import preprocess
from nmtcli.errors import UsageError


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two corpora, one with a tag and half its weight."""
    folder = tmp_path_factory.mktemp("sampled")
    write_corpus(folder)
    sides = {}
    for side, language in (("source", "ko"), ("target", "en")):
        lines = (folder / f"train.{language}").read_text().splitlines(keepends=True)
        for name, part in (("a", lines[:130]), ("b", lines[130:])):
            (folder / f"{name}.{language}").write_text("".join(part))
        sides[f"train_{side}"] = tuple(str(folder / f"{name}.{language}") for name in "ab")
        sides[f"valid_{side}"] = str(folder / f"valid.{language}")
    data = sides | {"weights": (1.0, 0.5), "tags": ("", "<b>")}
    for kind, size in (("unigram", 70), ("char", 0)):
        values = {"data": data, "subwords": {"type": kind, "vocabulary_size": size}}
        preprocess(configuration.from_dict(values), folder / kind)
    return folder


@pytest.mark.slow
def test_a_stopped_training_on_sampled_pairs_goes_on_to_the_same_bits(prepared, tmp_path):
    config, data = options(18, subword_sampling=0.2, keep_checkpoints=9), prepared / "unigram"
    run_training(config, data, tmp_path / "whole")
    assert not (tmp_path / "whole" / "sampled").exists()
    killed_after(8, tmp_path / "whole", tmp_path / "stopped")
    state, _ = run_training(config, data, tmp_path / "stopped")
    assert state.epoch >= 1  # so that pairs made ahead were used, before and after
    assert_same_bits(tmp_path / "whole", tmp_path / "stopped")
    pairs = PreparedData(data).train
    plain = Epochs(pairs, config.training.batch_tokens, config.training.seed, None, tmp_path)
    batches = [batch for epoch in range(4) for batch in plain.plan(epoch)][:18]
    tokens = sum(pairs.target_lengths[one.pairs].sum() + len(one.pairs) for one in batches)
    assert state.total_tokens != tokens  # for they are cut into other tokens


def test_characters_cannot_be_cut_in_more_than_one_way(prepared, tmp_path):
    with pytest.raises(UsageError, match="needs subwords.type unigram or bpe"):
        run_training(options(4, subword_sampling=0.2), prepared / "char", tmp_path / "run")
