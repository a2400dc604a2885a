"""The Transformer against the papers in NumPy, and the equivalences that hold for each design."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.gradients import gradients_of, normal
from helpers.mechanism_cases import (
    SOURCE,
    TARGET,
    VOCABULARY,
    forced,
    logits_of,
    one_step,
    stepwise,
)
from helpers.reference_transformer import translate
from helpers.transformer_cases import (
    ALIGNMENTS,
    SIZES,
    TRANSFORMERS,
    design_of,
    shared_results,
    shared_transformer,
    transformer_of,
)
from helpers.transformer_differences import (
    reference_difference,
    stepwise_difference,
)
from nmtcli.text.special_tokens import BOS_ID, PAD_ID

H, D = SIZES["attention_heads"], SIZES["embedding_size"]


@pytest.fixture(params=TRANSFORMERS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return shared_transformer(name)


@pytest.fixture
def results(name):
    """Logits and attention of SOURCE and TARGET: all positions at once, and one after the other."""
    return shared_results(name)


# -- the papers, and one position after the other --------------------------------------------------


def test_every_design_is_the_papers_in_numpy(model):
    logits, attention = reference_difference(model)
    assert logits < 1e-5 and attention < 1e-6


def test_each_layer_and_head_is_returned_as_the_papers_compute_it():
    for options in ALIGNMENTS:
        _, attention = reference_difference(transformer_of(**options))
        assert attention < 1e-6
    apart = [forced(transformer_of(**options), SOURCE, TARGET)[1] for options in ALIGNMENTS[1:]]
    assert all(np.abs(apart[0] - other).max() > 1e-2 for other in apart[1:])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_layer_0_is_the_last_but_one_or_the_only_one(layers):
    makes = (
        transformer_of(alignment_layer=layer, decoder_layers=layers)
        for layer in (0, max(1, layers - 1))
    )
    one, other = (forced(model, SOURCE, TARGET)[1] for model in makes)
    np.testing.assert_array_equal(one, other)


def test_steps_are_the_teacher_forced_call(name):
    logits, attention = stepwise_difference(name)
    assert logits < 1e-5 and attention < 1e-6


@pytest.mark.parametrize("options", ALIGNMENTS[1:])
def test_steps_return_the_same_layer_and_head(options):
    model = transformer_of(**options)
    one, other = (way(model, SOURCE, TARGET)[1] for way in (forced, stepwise))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_gradient_by_every_weight_is_that_of_the_papers(model):
    """Along the gradient by one weight array, the papers' loops in float64 rise by its square.

    The bias of the keys adds the same to the scores of all positions, and has none; rotated keys,
    each with another rotation of it, have one.
    """
    variables, source, target = model.trainable_variables, SOURCE[:1], TARGET[:1]
    upstream = normal(TARGET.shape[1], VOCABULARY, seed=5)

    def of_model(*values):
        values = [1.0 * value for value in values]  # or TensorFlow gives sparse gradients of tables
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return ops.sum(model(source, target)[0] * upstream)

    def of_papers(arrays):
        return np.sum(translate(design_of(model), arrays, SOURCE[0], TARGET[0])[0] * upstream)

    arrays = {v.path: np.asarray(v.value, np.float64) for v in variables}
    gradients = gradients_of(of_model, *arrays.values())
    for path, gradient in zip(arrays, gradients):
        size = np.linalg.norm(gradient)
        if path.endswith("cross_attention/key_bias"):
            assert size < 1e-5
            continue
        assert size > 1e-3, path
        there = [{**arrays, path: arrays[path] + way * gradient / size} for way in (1e-5, -1e-5)]
        slope = (of_papers(there[0]) - of_papers(there[1])) / 2e-5
        assert slope == pytest.approx(size, rel=1e-3), path
        if path.endswith("self_attention/bias"):
            of_keys = np.abs(gradient[D : 2 * D]).max()
            assert (of_keys > 1e-5) == (model.config.positions == "rotary")


# -- what changes nothing --------------------------------------------------------------------------


def test_attention_sums_to_one_over_real_tokens(results):
    for _, attention in results:
        assert attention.dtype == np.float32 and attention.shape == (2, TARGET.shape[1], 5)
        assert (attention[1, :, 3:] == 0.0).all()
        np.testing.assert_allclose(attention.sum(axis=-1), 1.0, atol=1e-5)


def test_later_target_pieces_change_nothing_earlier(model, results):
    (logits, weights), changed = results[0], TARGET.copy()
    changed[:, 2] = 8
    after = forced(model, SOURCE, changed)
    np.testing.assert_array_equal(after[0][:, :2], logits[:, :2])
    np.testing.assert_array_equal(after[1][:, :2], weights[:, :2])
    assert np.abs(after[0][:, 2:] - logits[:, 2:]).max(axis=(1, 2)).min() > 1e-3


def test_padding_of_both_sides_and_a_row_of_it_change_nothing_and_give_no_nan(model, results):
    rows = np.concatenate([SOURCE, np.full((1, 5), PAD_ID, dtype="int32")])
    padded = np.concatenate([rows, np.full((3, 3), PAD_ID, dtype="int32")], axis=1)
    targets = np.concatenate([TARGET, np.full((2, 2), PAD_ID, dtype="int32")], axis=1)
    logits, weights = forced(model, padded, np.concatenate([targets, targets[:1]]))
    np.testing.assert_allclose(logits[:2, :4], results[0][0], atol=1e-5)
    np.testing.assert_allclose(weights[:2, :4, :5], results[0][1], atol=1e-6)
    assert (weights[:, :, 5:] == 0.0).all()
    assert np.isfinite(logits).all() and (weights[2] == 0.0).all()


def test_steps_of_a_row_of_padding_give_no_nan(model):
    logits, weights = stepwise(model, np.full((1, 3), PAD_ID, dtype="int32"), TARGET[:1])
    assert np.isfinite(logits).all() and (weights == 0.0).all()


def test_a_sentence_alone_is_what_it_is_among_others(model, results):
    words = SOURCE[1:][SOURCE[1:] != PAD_ID][None]
    logits, weights = forced(model, words, TARGET[1:])
    np.testing.assert_allclose(logits[0], results[0][0][1], atol=1e-5)
    np.testing.assert_allclose(weights[0], results[0][1][1, :, : words.shape[1]], atol=1e-6)


def test_every_source_piece_matters_and_so_does_its_place(model, results):
    """One batch with a changed piece in each row, and one with two pieces exchanged."""
    changed = np.repeat(SOURCE[:1], SOURCE.shape[1], axis=0)
    np.fill_diagonal(changed, 10)
    changed = np.concatenate([changed, SOURCE[:1, [0, 2, 1, 3, 4]]])
    logits = logits_of(model, changed, np.repeat(TARGET[:1], len(changed), axis=0))
    assert (np.abs(logits - results[0][0][:1]).max(axis=(1, 2)) > 1e-4).all()


# -- caches ----------------------------------------------------------------------------------------


def steps(model, state, columns):
    """Logits of each of the columns of previous pieces, and the state after them."""
    found = []
    for previous_ids in columns:
        logits, _, state = one_step(model, state, previous_ids)
        found.append(np.asarray(logits))
    return np.array(found), state


@pytest.mark.parametrize("capacity", [4, 5, 40, None])
def test_the_capacity_of_the_caches_changes_nothing(model, results, capacity):
    logits, _ = steps(model, model.start(SOURCE, capacity), TARGET.T)
    np.testing.assert_allclose(logits.swapaxes(0, 1), results[0][0], atol=1e-5)


def test_growing_keeps_all_that_is_there(model, results):
    """From a capacity for one step, which is doubled whenever it is full."""
    state, logits, capacity = model.start(SOURCE, cache_capacity=1), [], 1
    for t, previous_ids in enumerate(TARGET.T):
        if t == capacity:
            before = state["decoder"]
            state, capacity = {**state, "decoder": model.grow_cache(before)}, 2 * capacity
            for cache, old in zip(state["decoder"]["caches"], before["caches"]):
                for part, kept in zip(cache, old):
                    heads = model.mechanism.heads
                    assert part.shape == (2, heads, capacity, D // heads)
                    np.testing.assert_array_equal(part[:, :, : capacity // 2], kept)
                    assert not np.asarray(part[:, :, capacity // 2 :]).any()
        found, _, state = one_step(model, state, previous_ids)
        logits.append(np.asarray(found))
    assert capacity == 4
    np.testing.assert_allclose(np.stack(logits, axis=1), results[0][0], atol=1e-5)


def test_rows_of_one_batch_may_stand_at_different_positions(model, results):
    """Each row has its own position, so hypotheses can be put together as a search likes."""
    _, ahead = steps(model, model.start(SOURCE, 5), TARGET.T[:2])
    mixed = keras.tree.map_structure(
        lambda one, other: ops.concatenate([one[:1], other[1:]]), ahead, model.start(SOURCE, 5)
    )
    logits, _, _ = one_step(model, mixed, np.array([TARGET[0, 2], TARGET[1, 0]]))
    np.testing.assert_allclose(logits[0], results[0][0][0, 2], atol=1e-5)
    np.testing.assert_allclose(logits[1], results[0][0][1, 0], atol=1e-5)


def test_the_state_is_batch_first_and_its_shapes_do_not_change_where_it_has_a_capacity():
    model = shared_transformer()
    state = model.start(SOURCE, model.cache_capacity)
    shapes = [tuple(x.shape) for x in keras.tree.flatten(state)]
    assert {shape[0] for shape in shapes} == {2}
    assert (2, H, model.cache_capacity, D // H) in shapes
    _, _, after = one_step(model, state, np.full(2, BOS_ID))
    assert [tuple(x.shape) for x in keras.tree.flatten(after)] == shapes
