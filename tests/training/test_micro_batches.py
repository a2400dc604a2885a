"""Micro-batches when memory is not enough: nothing lost, nothing twice, and an end to it."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.config import TrainingConfig
from nmtcli.data.batching import Batch
from nmtcli.errors import NmtError
from nmtcli.training.micro_batches import (
    describe_memory_backoff,
    is_out_of_memory,
    run_with_memory_backoff,
    split_batch,
)


@given(st.integers(1, 60), st.integers(0, 15), st.integers(0, 6))
def test_the_parts_hold_each_pair_once_in_order_and_keep_the_shape(pairs, padding, halvings):
    batch = Batch(np.arange(100, 100 + pairs), pairs + padding, 12, 16)
    parts = split_batch(batch, 2**halvings)
    assert np.concatenate([part.pairs for part in parts]).tolist() == batch.pairs.tolist()
    assert len(parts) <= 2**halvings and len({part.rows for part in parts}) == 1
    assert parts[0].rows == -(-batch.rows // 2**halvings)
    for part in parts:
        assert 0 < len(part.pairs) <= part.rows
        assert (part.source_length, part.target_length) == (12, 16)


def short_of_memory(rows):
    """A computation that has memory for so many rows; it counts its attempts."""

    def compute(parts):
        compute.attempts += 1
        if max(part.rows for part in parts) > rows:
            raise MemoryError
        return [int(n) for part in parts for n in part.pairs]

    compute.attempts = 0
    return compute


@pytest.mark.parametrize(
    ("rows", "count", "attempts"), [(100, 1, 1), (16, 1, 1), (15, 2, 2), (3, 8, 4), (1, 16, 5)]
)
def test_batches_are_halved_as_often_as_needed(rows, count, attempts):
    batches = [Batch(np.arange(16), 16, 4, 4), Batch(np.arange(16, 20), 5, 8, 8)]
    compute = short_of_memory(rows)
    assert run_with_memory_backoff(compute, batches, 1) == (list(range(20)), count)
    assert compute.attempts == attempts
    run_with_memory_backoff(compute, batches, count)
    assert compute.attempts == attempts + 1  # what was learnt is not tried again


def test_one_sentence_that_is_too_long_is_an_error_and_no_endless_loop():
    compute = short_of_memory(0)
    with pytest.raises(NmtError, match="one sentence of 24 pieces at a time; choose a smaller"):
        run_with_memory_backoff(compute, [Batch(np.arange(9), 9, 24, 8)], 1)
    assert compute.attempts == 5


def test_another_error_is_passed_on_as_it_is():
    def compute(parts):
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        run_with_memory_backoff(compute, [Batch(np.arange(9), 9, 24, 8)], 1)


def test_what_to_write_into_the_configuration_keeps_the_tokens_of_an_update():
    text = describe_memory_backoff(TrainingConfig(batch_tokens=3000, accumulate=3), 4)
    assert "training.batch_tokens=750 training.accumulate=12" in text


def test_the_exception_of_tensorflow_is_known():
    errors = pytest.importorskip("tensorflow").errors
    assert is_out_of_memory(errors.ResourceExhaustedError(None, None, "OOM when allocating"))
    assert not is_out_of_memory(errors.InvalidArgumentError(None, None, "shapes"))


def test_the_exception_of_jax_is_known():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    from jax.errors import JaxRuntimeError

    assert is_out_of_memory(JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"))
    assert not is_out_of_memory(JaxRuntimeError("INTERNAL: something else"))
