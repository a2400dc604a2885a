"""Initial weights of another run: what fits is taken, pieces by their text, the rest is named."""

import re

import numpy as np
import pytest

from helpers.tiny_run import make_tiny_run, tiny_corpus
from nmtcli.config import ModelConfig, SubwordConfig
from nmtcli.data.learn_subwords import learn
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.text.subwords import Subwords
from nmtcli.training.fine_tuning import find_initial, initialize_weights

SIZES = {"embedding_size": 16, "encoder_size": 24, "decoder_size": 24, "attention_size": 12}


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    run = make_tiny_run(tmp_path_factory.mktemp("parent") / "run")
    return run, checkpoints.load(run.checkpoints)[1]["model"]


def fresh_model(source, target, **options):
    from nmtcli.models.factory import build_model

    values = {**SIZES, "tied_embeddings": "target", **options}
    return build_model(ModelConfig(**values), source, target, dtype="float32", seed=9)


def weights(model):
    return {v.path: np.array(v.value) for v in model.weights}


def subwords_of(run):
    return {"source": run.source_subwords, "target": run.target_subwords}


@pytest.fixture(scope="module")
def other_subwords(tmp_path_factory):
    """Models of other sizes than the parent's, that share some of their pieces."""
    folder = tmp_path_factory.mktemp("subwords")
    korean, english = zip(*tiny_corpus(seed=5))
    found = {}
    for side, lines in (("source", korean), ("target", english)):
        found[side] = folder / side
        found[side].write_bytes(learn(lines, SubwordConfig(vocabulary_size=60, joint=False)))
    return found


def test_a_model_of_the_same_shape_takes_everything(parent):
    run, arrays = parent
    model = fresh_model(80, 80)
    taken = initialize_weights(model, str(run.path), subwords_of(run))
    assert sorted(taken.taken) == sorted(arrays) and not taken.fresh and not taken.pieces
    for name, array in weights(model).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_a_wider_decoder_keeps_its_fresh_weights_and_names_them(parent):
    run, arrays = parent
    model = fresh_model(80, 80, decoder_size=32)
    before = weights(model)
    taken = initialize_weights(model, str(run.path), subwords_of(run))
    after = weights(model)
    for name, array in after.items():
        expected = arrays[name] if name in taken.taken else before[name]
        np.testing.assert_array_equal(array, expected)
    assert any("decoder" in name for name in taken.fresh)
    assert any("encoder" in name for name in taken.taken)
    line = taken.describe()
    assert "\n" not in line and f"{len(taken.taken)} of {len(after)} weights" in line
    assert "; fresh: " in line and "decoder" in line


def test_embeddings_of_other_subwords_are_taken_by_the_text_of_the_piece(parent, other_subwords):
    run, arrays = parent
    model = fresh_model(60, 60)
    before = weights(model)
    taken = initialize_weights(model, str(run.path), other_subwords)
    after, shared = weights(model), 0
    for name, side in (("source_embedding", "source"), ("target_embedding", "target")):
        path = f"translator/{name}"
        old, new = Subwords(subwords_of(run)[side]), Subwords(other_subwords[side])
        places = {piece: n for n, piece in enumerate(old.tokens(range(old.size)))}
        for n, piece in enumerate(new.tokens(range(new.size))):
            row = arrays[path][places[piece]] if piece in places else before[path][n]
            np.testing.assert_array_equal(after[path][n], row)
            shared += piece in places
    assert sum(taken.pieces[f"translator/{s}_embedding"][0] for s in subwords_of(run)) == shared
    assert 8 < shared < 120, "the test needs pieces of both kinds"
    assert "translator/output_bias" in taken.pieces
    assert "target_embedding: the " in taken.describe()


def test_columns_of_an_output_layer_of_its_own_are_those_of_the_pieces(
    tmp_path_factory, other_subwords
):
    run = make_tiny_run(tmp_path_factory.mktemp("own") / "run", model={"tied_embeddings": "none"})
    kernel = checkpoints.load(run.checkpoints)[1]["model"]["translator/output_kernel"]
    model = fresh_model(60, 60, tied_embeddings="none")
    initialize_weights(model, str(run.path), other_subwords)
    new, old = Subwords(other_subwords["target"]), Subwords(run.target_subwords)
    places = {piece: n for n, piece in enumerate(old.tokens(range(80)))}
    columns = weights(model)["translator/output_kernel"]
    both = [(n, p) for n, p in enumerate(new.tokens(range(60))) if p in places]
    assert len(both) > 4  # more than PAD, UNK, BOS and EOS
    for number, piece in both:
        np.testing.assert_array_equal(columns[:, number], kernel[:, places[piece]])


@pytest.mark.parametrize(
    "model",
    [
        {"attention": "multi-head", "attention_heads": 2},
        {"architecture": "transformer", "attention_heads": 2, "feed_forward_size": 24},
    ],
    ids=["rnn", "transformer"],
)
def test_output_layers_of_heads_have_no_pieces_and_are_taken_whole(
    model, tmp_path_factory, other_subwords
):
    run = make_tiny_run(tmp_path_factory.mktemp("heads") / "run", model=model)
    arrays = checkpoints.load(run.checkpoints)[1]["model"]
    child = fresh_model(60, 60, **model)
    taken = initialize_weights(child, str(run.path), other_subwords)
    # Dense in a Transformer, a kernel of its own in the attention of a recurrent decoder.
    heads = [name for name in arrays if re.search("attention/output.kernel$", name)]
    assert heads and set(heads) < set(taken.taken) and not taken.fresh
    after = weights(child)
    for name in taken.taken:
        np.testing.assert_array_equal(after[name], arrays[name])
    assert {name.removeprefix("translator/") for name in taken.pieces} == {
        "source_embedding", "target_embedding", "output_bias",
    }  # fmt: skip


def test_a_source_table_begins_as_the_shared_one_that_served_it(tmp_path_factory):
    run = make_tiny_run(tmp_path_factory.mktemp("joint") / "run", joint=True)
    table = checkpoints.load(run.checkpoints)[1]["model"]["translator/target_embedding"]
    model = fresh_model(80, 80)
    initialize_weights(model, str(run.path), subwords_of(run))
    np.testing.assert_array_equal(weights(model)["translator/source_embedding"], table)


def test_when_nothing_fits_it_is_an_error_of_one_line(parent, other_subwords):
    run, _ = parent
    model = fresh_model(
        60, 60, embedding_size=10, encoder_size=14, decoder_size=14, attention_size=6,
        tied_embeddings="none", cell="lstm",
    )  # fmt: skip
    # The output bias alone would fit, by its pieces.
    left = [v for v in model.weights if not v.path.endswith("output_bias")]

    class Others:
        weights = left

    with pytest.raises(UsageError, match="nothing of .* fits") as caught:
        initialize_weights(Others, str(run.path), other_subwords)
    assert "\n" not in str(caught.value)


def test_run_and_checkpoint_are_told_apart(parent, tmp_path):
    run, _ = parent
    assert find_initial(str(run.path))[1] == "best"
    found, name = find_initial(f"{run.path}:step-7")
    assert found.path == run.path and name == "step-7"
    odd = make_tiny_run(tmp_path / "a:last")
    assert find_initial(str(odd.path))[0].path == odd.path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "nowhere",
            "training.init_from: nowhere: there is no such run; give RUN or RUN:CHECKPOINT",
        ),
        ("nowhere:best", "training.init_from: nowhere: there is no such run"),
        ("nowhere:newest", "checkpoint 'newest': give best, last or step-N"),
    ],
)
def test_no_such_run_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        find_initial(text)
