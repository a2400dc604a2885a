"""The plan of an epoch: every pair once, within the budget, the same again from the same seed."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.data.batching import (
    LENGTHS,
    Batch,
    make_arrays,
    pad,
    padded_length,
    plan_epoch,
    shift_right,
)
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


@st.composite
def corpora(draw):
    """Source lengths, target lengths, token budget, seed and epoch."""
    pairs = st.tuples(st.integers(0, 300), st.integers(0, 300))
    lengths = np.array(draw(st.lists(pairs, max_size=120)), dtype=np.int32).reshape(-1, 2)
    seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 1000))
    return lengths[:, 0], lengths[:, 1], draw(st.integers(1, 4000)), *draw(seeds)


@given(corpora())
@settings(max_examples=60, deadline=None)
def test_every_pair_comes_exactly_once(corpus):
    plan = plan_epoch(*corpus)
    order = [int(i) for batch in plan for i in batch.pairs]
    assert sorted(order) == list(range(len(corpus[0])))


@given(corpora())
@settings(max_examples=60, deadline=None)
def test_batches_hold_their_pairs_and_keep_to_the_target_budget(corpus):
    source_lengths, target_lengths, batch_tokens, *_ = corpus
    for batch in plan_epoch(*corpus):
        assert 1 <= len(batch.pairs) <= batch.rows
        assert source_lengths[batch.pairs].max() + 1 <= batch.source_length
        assert target_lengths[batch.pairs].max() + 1 <= batch.target_length
        assert batch.rows == 1 or batch.rows * batch.target_length <= batch_tokens


@given(corpora())
@settings(max_examples=60, deadline=None)
def test_batches_keep_to_the_source_budget_of_twice_the_target_one(corpus):
    for batch in plan_epoch(*corpus):
        assert batch.rows == 1 or batch.rows * batch.source_length <= 2 * corpus[2]


@given(corpora())
@settings(max_examples=30, deadline=None)
def test_the_same_seed_and_epoch_give_the_same_plan(corpus):
    for first, again in zip(plan_epoch(*corpus), plan_epoch(*corpus), strict=True):
        assert first.pairs.tolist() == again.pairs.tolist()
        assert _shape(first) == _shape(again)


def _shape(batch):
    return batch.rows, batch.source_length, batch.target_length


@pytest.fixture(scope="module")
def many():
    """20,000 lengths as text has them: most are short, and both sides are alike."""
    random = np.random.default_rng(3)
    source = np.clip(random.lognormal(3, 0.6, 20_000), 1, 199).astype(np.int32)
    return source, np.clip(source * random.uniform(0.7, 1.4, 20_000), 1, 199).astype(np.int32)


@pytest.mark.parametrize("seed_and_epoch", [(1, 1), (2, 0)])
def test_another_seed_or_epoch_gives_another_order_and_other_batches(many, seed_and_epoch):
    first, other = plan_epoch(*many, 3000, 1, 0), plan_epoch(*many, 3000, *seed_and_epoch)
    together = [{frozenset(batch.pairs.tolist()) for batch in plan} for plan in (first, other)]
    assert len(together[0] & together[1]) < 0.1 * len(first)
    assert [_shape(b) for b in first] != [_shape(b) for b in other]


def test_long_and_short_batches_are_mixed(many):
    lengths = [batch.target_length for batch in plan_epoch(*many, 3000, 1, 0)]
    assert np.mean(np.diff(lengths) != 0) > 0.5
    third = len(lengths) // 3
    assert np.mean(lengths[:third]) == pytest.approx(np.mean(lengths[-third:]), rel=0.2)


def test_many_pairs_come_in_few_shapes_with_little_padding(many):
    plans = [plan_epoch(*many, 3000, 1, epoch) for epoch in range(3)]
    shapes = [{_shape(batch) for batch in plan} for plan in plans]
    assert len(shapes[0]) <= 80 and len(set().union(*shapes)) <= 90
    positions = sum(batch.rows * (batch.source_length + batch.target_length) for batch in plans[0])
    assert (many[0] + 1).sum() + (many[1] + 1).sum() > 0.85 * positions


def test_even_unlike_sides_of_any_length_come_in_few_shapes():
    source, target = np.random.default_rng(4).integers(1, 200, (2, 20_000))
    shapes = {_shape(b) for epoch in range(3) for b in plan_epoch(source, target, 3000, 1, epoch)}
    assert len(shapes) <= 300


def test_padded_lengths_are_the_smallest_of_the_fixed_ones_that_hold():
    for length in range(1, 700):
        padded = int(padded_length(length))
        assert padded >= length
        assert padded in LENGTHS or (padded > LENGTHS[-1] and padded % 64 == 0)
        assert not any(length <= other < padded for other in (*LENGTHS, *range(320, 700, 64)))
    assert padded_length([1, 5, 256, 257]).tolist() == [4, 8, 256, 320]


def test_no_pairs_make_no_batches():
    empty = np.zeros(0, dtype=np.int32)
    assert plan_epoch(empty, empty, 3000, 1, 0) == []


class Listed(NamedTuple):
    """Pairs as the feed reads them, from memory."""

    sources: list
    targets: list

    def source(self, index):
        return np.array(self.sources[index], dtype=np.uint16)

    def target(self, index):
        return np.array(self.targets[index], dtype=np.uint16)


def test_arrays_end_with_eos_begin_with_bos_and_are_filled_with_pad():
    pairs = Listed([[5], [7, 8, 9], []], [[6, 60_000], [], [4, 4, 4]])
    arrays = make_arrays(pairs, Batch(np.array([2, 0]), 3, 4, 4))
    pad_row = [PAD_ID] * 4
    assert arrays.source_ids.tolist() == [[EOS_ID, 0, 0, 0], [5, EOS_ID, 0, 0], pad_row]
    assert arrays.targets.tolist() == [[4, 4, 4, EOS_ID], [6, 60_000, EOS_ID, 0], pad_row]
    inputs = [[BOS_ID, 4, 4, 4], [BOS_ID, 6, 60_000, EOS_ID], [BOS_ID, PAD_ID, PAD_ID, PAD_ID]]
    assert arrays.decoder_inputs.tolist() == inputs
    assert {array.dtype for array in arrays[:3]} == {np.dtype("int32")}
    assert arrays.alignment is None


ROWS = st.lists(st.lists(st.integers(4, 30), max_size=9), min_size=1, max_size=6)


@given(ROWS, st.integers(0, 3), st.integers(0, 3))
def test_padding_keeps_every_sequence(rows, more_rows, more_length):
    targets = pad(rows, len(rows) + more_rows, 10 + more_length)
    assert [row[row != PAD_ID].tolist() for row in targets] == [
        *([*row, EOS_ID] for row in rows),
        *([] for _ in range(more_rows)),
    ]
    inputs = shift_right(targets)
    assert (inputs[:, 0] == BOS_ID).all() and (inputs[:, 1:] == targets[:, :-1]).all()
