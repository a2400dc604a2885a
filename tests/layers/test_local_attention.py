"""The windows of local attention: where they stand, and where they are cut off."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from helpers.attention_cases import arrays_of, fill
from helpers.gradients import normal
from nmtcli.layers.local_attention import MonotonicWindow, PredictiveWindow, make_window

Q, A = 4, 3


def mask_of(lengths, width=None):
    lengths = np.asarray(lengths)
    return np.arange(width or lengths.max())[None, :] < lengths[:, None]


def monotonic(width, lengths, times, padded=None):
    """What each target position may see: a list of source positions for each (b, t)."""
    mask, times = mask_of(lengths, padded), ops.convert_to_tensor(np.asarray(times), "int32")
    query = np.zeros((len(lengths), times.shape[-1], Q), "float32")
    key = np.zeros((*mask.shape, 1), "float32")
    inside, scale = MonotonicWindow(width)(query, key, key_mask=mask, positions=times)
    assert (np.asarray(scale) == 1.0).all()
    return [[np.flatnonzero(row).tolist() for row in rows] for rows in np.asarray(inside)]


@functools.cache
def predictive(width, size=1.0):
    """A window whose weights are of a size: large ones predict the ends of the sentence."""
    window = PredictiveWindow(width, A, name="window")
    window.build((None, None, Q), (None, None, 1))
    fill(window)
    for variable in window.trainable_variables:
        variable.assign(size * variable.value)
    return window


def centers(window, query, lengths):
    """Luong et al. (2015), equation 9, in float64: (B, T)."""
    kernel, vector = arrays_of(window).values()
    inner = np.tanh(query.astype(np.float64) @ kernel) @ vector[:, 0]
    return np.asarray(lengths)[:, None] / (1 + np.exp(-inner))


# -- local-m ---------------------------------------------------------------------------------------


def test_a_monotonic_window_stands_at_t_and_is_cut_off_at_both_ends():
    (rows,) = monotonic(2, [6], range(6))
    assert rows == [
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4],
        [1, 2, 3, 4, 5],
        [2, 3, 4, 5],
        [3, 4, 5],
    ]


def test_a_target_longer_than_its_source_stays_at_the_last_real_position():
    long, short = monotonic(1, [5, 2], range(5), padded=7)
    assert long == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4]]
    assert short == [[0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]
    assert monotonic(1, [3], [2, 3, 900]) == [[[1, 2], [1, 2], [1, 2]]]


def test_each_sentence_may_be_at_a_target_position_of_its_own():
    assert monotonic(1, [5, 5], [[0], [3]]) == [[[0, 1]], [[2, 3, 4]]]


def test_a_window_wider_than_the_sentence_is_the_sentence():
    assert monotonic(50, [3, 1], [0, 2]) == [[[0, 1, 2]] * 2, [[0]] * 2]


@given(
    st.integers(1, 4),
    st.lists(st.integers(0, 7), min_size=1, max_size=3),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_a_monotonic_window_is_empty_for_a_sentence_without_a_token_alone(width, lengths, times):
    found = monotonic(width, lengths, times, padded=8)
    for length, rows in zip(lengths, found):
        for t, row in zip(times, rows):
            assert bool(row) == (length > 0)
            expected = [s for s in range(length) if abs(s - min(t, length - 1)) <= width]
            assert row == expected


# -- local-p ---------------------------------------------------------------------------------------


def test_a_predicted_window_is_the_papers():
    """Luong et al. (2015), equations 9 and 10: a Gaussian of D/2 around L sigmoid(v tanh(W q))."""
    width, lengths = 2, [9, 4, 1]
    window, query = predictive(width), normal(3, 5, Q)
    inside, scale = (np.asarray(x) for x in window.step(query, mask_of(lengths)))
    p = centers(window, query, lengths)
    for b, t, s in np.ndindex(inside.shape):
        distance = abs(s - p[b, t])
        assert inside[b, t, s] == (s < lengths[b] and distance <= width)
        expected = np.exp(-(distance**2) / (2 * (width / 2) ** 2))
        assert scale[b, t, s] == pytest.approx(expected, abs=1e-5)
    assert scale.dtype == np.float32


def test_the_standard_deviation_is_half_of_the_width():
    """Where nothing is predicted, p is the middle. At D = 10 the factor at a distance of 5 is that
    of one standard deviation, exp(-1/2), and that of the edge is exp(-2)."""
    window = PredictiveWindow(10, A)
    window.build((None, None, Q), (None, None, 1))
    window.vector.assign(np.zeros((A, 1)))
    inside, scale = (
        np.asarray(x) for x in window.step(np.ones((1, 1, Q), "float32"), mask_of([40]))
    )
    assert np.flatnonzero(inside[0, 0]).tolist() == list(range(10, 31))
    places = [20, 15, 25, 10, 30]
    expected = [1.0, np.exp(-0.5), np.exp(-0.5), np.exp(-2), np.exp(-2)]
    np.testing.assert_allclose(scale[0, 0, places], expected, rtol=1e-5)


@given(
    st.integers(1, 4),
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
    st.sampled_from([0.1, 1.0, 30.0]),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_predicted_window_is_never_empty_and_never_outside(width, lengths, size, seed):
    query = normal(len(lengths), 4, Q, seed=seed)
    window = predictive(width, size)
    inside, scale = (np.asarray(x) for x in window.step(query, mask_of(lengths, 11)))
    assert (inside.any(axis=-1) == (np.array(lengths) > 0)[:, None]).all()
    assert not inside[~np.broadcast_to(mask_of(lengths, 11)[:, None], inside.shape)].any()
    assert np.isfinite(scale).all() and (scale[inside] >= np.exp(-2) - 1e-6).all()
    assert (scale <= 1.0).all()


@pytest.mark.parametrize(("sign", "expected"), [(-1, [0, 1]), (1, [4])])
def test_at_the_ends_of_a_sentence_a_predicted_window_is_cut_off(sign, expected):
    """A sure prediction is position 0, or L, which is one place after the last of them."""
    window = PredictiveWindow(1, 1)
    window.build((None, None, 1), (None, None, 1))
    window.kernel.assign([[50.0]])
    window.vector.assign([[100.0 * sign]])
    inside, scale = (
        np.asarray(x) for x in window.step(np.ones((1, 1, 1), "float32"), mask_of([5], 7))
    )
    assert np.flatnonzero(inside[0, 0]).tolist() == expected
    distances = np.arange(7) - (5 if sign > 0 else 0)
    np.testing.assert_allclose(scale[0, 0], np.exp(-2.0 * distances**2), atol=1e-6)


def test_padding_moves_no_predicted_window():
    window, query = predictive(2), normal(2, 3, Q)
    short = window.step(query, mask_of([6, 3]))
    long = window.step(query, mask_of([6, 3], 12))
    np.testing.assert_array_equal(np.asarray(long[0])[..., :6], short[0])
    np.testing.assert_array_equal(np.asarray(long[1])[..., :6], short[1])
    assert not np.asarray(long[0])[..., 6:].any()


# -- both ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "size"), [("local-m", 0), ("local-p", 2)])
def test_a_window_is_made_again_from_its_configuration(scope, size):
    window = make_window(scope, 3, A, name="window")
    again = type(window).from_config(window.get_config())
    again.build((None, None, Q), (None, None, 1))
    assert again.get_config() == window.get_config()
    assert (again.width, again.name) == (3, "window")
    assert len(again.trainable_variables) == size


def test_the_global_scope_has_no_window():
    assert make_window("global", 3, A) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MonotonicWindow(0), "`width` must be a positive integer. Received: width=0"),
        (lambda: PredictiveWindow(-1, A), "`width` must be a positive integer. Received: width=-1"),
        (lambda: PredictiveWindow(1, 0), "`units` must be a positive integer. Received: units=0"),
        (
            lambda: make_window("local", 1, A),
            "one of global, local-m, local-p. Received: scope='local'",
        ),
    ],
)
def test_a_window_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
