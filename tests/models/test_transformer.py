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
    one_step,
    stepwise,
)
from helpers.reference_transformer import translate
from helpers.transformer_cases import (
    ALIGNMENTS,
    SIZES,
    TRANSFORMERS,
    design_of,
    shared_model,
    shared_results,
    transformer_of,
)
from helpers.transformer_differences import reference_difference
from nmtcli.text.special_tokens import BOS_ID

H, D = SIZES["attention_heads"], SIZES["embedding_size"]


@pytest.fixture(params=TRANSFORMERS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return shared_model(name)


# -- the papers ------------------------------------------------------------------------------------


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
            return ops.sum(model((source, target))[0] * upstream)

    def of_papers(arrays):
        return np.sum(translate(design_of(model), arrays, SOURCE[0], TARGET[0])[0] * upstream)

    arrays = {v.path: np.asarray(v.value, np.float64) for v in variables}
    gradients = gradients_of(of_model, *arrays.values())
    for path, gradient in zip(arrays, gradients):
        size = np.linalg.norm(gradient)
        if path.endswith("cross_attention/key/bias"):
            assert size < 1e-5
            continue
        assert size > 1e-3, path
        there = [{**arrays, path: arrays[path] + way * gradient / size} for way in (1e-5, -1e-5)]
        slope = (of_papers(there[0]) - of_papers(there[1])) / 2e-5
        assert slope == pytest.approx(size, rel=1e-3), path
        if path.endswith("self_attention/projection/bias"):
            of_keys = np.abs(gradient[D : 2 * D]).max()
            assert (of_keys > 1e-5) == (model.config.positions == "rotary")


# -- what changes nothing --------------------------------------------------------------------------


# -- caches ----------------------------------------------------------------------------------------


def steps(model, state, columns):
    """Logits of each of the columns of previous pieces, and the state after them."""
    found = []
    for previous_ids in columns:
        logits, _, state = one_step(model, state, previous_ids)
        found.append(np.asarray(logits))
    return np.array(found), state


@pytest.mark.parametrize("capacity", [4, 40, None])
def test_the_capacity_of_the_caches_changes_nothing(model, name, capacity):
    logits, _ = steps(model, model.start(SOURCE, capacity), TARGET.T)
    np.testing.assert_allclose(logits.swapaxes(0, 1), shared_results(name)[0][0], atol=1e-5)


def test_growing_keeps_all_that_is_there(model, name):
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
    np.testing.assert_allclose(np.stack(logits, axis=1), shared_results(name)[0][0], atol=1e-5)


def test_rows_of_one_batch_may_stand_at_different_positions(model, name):
    """Each row has its own position, so hypotheses can be put together as a search likes."""
    _, ahead = steps(model, model.start(SOURCE, 5), TARGET.T[:2])
    mixed = keras.tree.map_structure(
        lambda one, other: ops.concatenate([one[:1], other[1:]]), ahead, model.start(SOURCE, 5)
    )
    logits, _, _ = one_step(model, mixed, np.array([TARGET[0, 2], TARGET[1, 0]]))
    np.testing.assert_allclose(logits[0], shared_results(name)[0][0][0, 2], atol=1e-5)
    np.testing.assert_allclose(logits[1], shared_results(name)[0][0][1, 0], atol=1e-5)


def test_the_state_is_batch_first_and_its_shapes_do_not_change_where_it_has_a_capacity():
    model = shared_model()
    state = model.start(SOURCE, model.cache_capacity)
    shapes = [tuple(x.shape) for x in keras.tree.flatten(state)]
    assert {shape[0] for shape in shapes} == {2}
    assert (2, H, model.cache_capacity, D // H) in shapes
    _, _, after = one_step(model, state, np.full(2, BOS_ID))
    assert [tuple(x.shape) for x in keras.tree.flatten(after)] == shapes
