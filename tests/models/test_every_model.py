"""What holds for every translator, recurrent or Transformer, and each of its mechanisms."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers import mechanism_cases, transformer_cases
from helpers.covering import COVERING, others_are_slow
from helpers.mechanism_cases import (
    MECHANISMS,
    SOURCE,
    TARGET,
    VOCABULARY,
    forced,
    logits_of,
    stepwise,
)
from helpers.rnn_differences import KINDS
from helpers.transformer_cases import TRANSFORMERS
from nmtcli.engines.load import MOST_TIMES
from nmtcli.models.factory import at_most_parameters, count_parameters
from nmtcli.text.special_tokens import PAD_ID

# All as GRUs of one layer; of LSTMs of two, those of the covering set by `make test`.
CHOSEN = [(name, "gru", 1) for name in MECHANISMS] + [(name, "lstm", 2) for name in COVERING]
MODELS = [
    *others_are_slow(KINDS, CHOSEN, name=lambda kind: kind),
    *((name,) for name in TRANSFORMERS),
]
NAMES = [*MECHANISMS, *TRANSFORMERS]


def cases_of(name):
    return transformer_cases if name in TRANSFORMERS else mechanism_cases


@pytest.fixture(params=MODELS, ids=lambda kind: "-".join(map(str, kind[:2])))
def kind(request):
    """The name of a shared model; for recurrent ones, its cell and number of layers too."""
    return request.param


@pytest.fixture
def model(kind):
    return cases_of(kind[0]).shared_model(*kind)


@pytest.fixture
def results(kind):
    """Logits and attention of SOURCE and TARGET: all positions at once, and one after the other."""
    return cases_of(kind[0]).shared_results(*kind)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_the_parameters_are_bounded_before_a_model_is_built(model):
    sizes = model.source_vocabulary_size, model.target_vocabulary_size
    there = count_parameters(model)
    assert there <= at_most_parameters(model.config, *sizes) <= MOST_TIMES * there


def test_steps_are_the_teacher_forced_call(results):
    for together, stepped, largest in zip(*results, (1e-5, 1e-6)):
        assert np.abs(together - stepped).max() < largest


def test_attention_sums_to_one_over_real_tokens(model, results):
    for _, attention in results:
        assert attention.dtype == np.float32 and attention.shape == (2, TARGET.shape[1], 5)
        assert (attention[1, :, 3:] == 0.0).all()
        sums = attention.sum(axis=-1)
        if model.mechanism.scope == "local-p":  # the Gaussian takes its share, as in the paper
            assert (sums > 1e-3).all() and (sums < 1.0).all()
        else:
            total = 0.0 if model.mechanism.score is None else 1.0
            np.testing.assert_allclose(sums, total, atol=1e-5)


def test_later_target_tokens_change_nothing_earlier(model, results):
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


def test_every_source_token_matters_and_so_does_its_place(model, results):
    """One batch with a changed token in each row, and one with two tokens exchanged."""
    changed = np.repeat(SOURCE[:1], SOURCE.shape[1], axis=0)
    np.fill_diagonal(changed, 10)
    changed = np.concatenate([changed, SOURCE[:1, [0, 2, 1, 3, 4]]])
    logits = logits_of(model, changed, np.repeat(TARGET[:1], len(changed), axis=0))
    assert (np.abs(logits - results[0][0][:1]).max(axis=(1, 2)) > 1e-4).all()


def test_without_dropout_training_is_the_same_function(name):
    cases = cases_of(name)
    trained = logits_of(cases.shared_model(name), SOURCE, TARGET, training=True)
    np.testing.assert_array_equal(trained, cases.shared_results(name)[0][0])


def test_parameter_paths_are_unique_and_the_same_for_each_model(model):
    paths = [variable.path for variable in model.trainable_variables]
    assert len(set(paths)) == len(paths)
    again = type(model)(model.config, VOCABULARY, VOCABULARY)
    assert [variable.path for variable in again.trainable_variables] == paths


def test_bfloat16_is_close_to_float32_and_keeps_float32_weights(name):
    """All positions at once, and one after the other."""
    cases = cases_of(name)
    model = cases.tiny_model(name, dtype="mixed_bfloat16")
    logits, attention = model((SOURCE, TARGET), with_weights=True)
    assert keras.backend.standardize_dtype(attention.dtype) == "float32"
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    types = {keras.backend.standardize_dtype(v.dtype) for v in model.trainable_variables}
    assert types == {"float32"}
    precise = cases.shared_results(name)[0][0]
    stepped = stepwise(model, SOURCE, TARGET)[0].astype("float32")
    for found in (np.asarray(ops.cast(logits, "float32")), stepped):
        assert 0.0 < np.abs(found - precise).max() < 0.05 * np.abs(precise).max()
