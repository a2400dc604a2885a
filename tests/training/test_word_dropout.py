"""Word dropout: which pieces it takes, and which never."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from nmtcli.training.word_dropout import drop_words

IDS = st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=6)


@given(IDS, st.floats(0.01, 0.95), st.integers(0, 99))
def test_only_pieces_of_text_become_unknown_and_nothing_else_changes(rows, rate, seed):
    ids = np.array(rows, dtype="int32")
    dropped = drop_words(ids, rate, np.random.default_rng(seed))
    changed = dropped != ids
    assert dropped.dtype == ids.dtype and (dropped[changed] == UNK_ID).all()
    assert not np.isin(ids[changed], (PAD_ID, BOS_ID, EOS_ID)).any()


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_the_share_of_dropped_pieces_is_the_rate_at_every_position(rate):
    ids = np.full((20_000, 5), 7, dtype="int32")
    share = (drop_words(ids, rate, np.random.default_rng(1)) == UNK_ID).mean(axis=0)
    np.testing.assert_allclose(share, rate, atol=0.015)  # over four standard deviations


def test_a_rate_of_zero_draws_nothing_and_copies_nothing():
    ids, generator = np.array([[5, 6]]), np.random.default_rng(1)
    assert drop_words(ids, 0.0, generator) is ids
    assert generator.random() == np.random.default_rng(1).random()
