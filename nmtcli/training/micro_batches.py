"""Micro-batches: a batch is computed in smaller ones where memory is not enough for it at once.

The gradients of the micro-batches add up to that of the batch, so that the plan of the epoch, the
place in it and what an update learns stay what they were; only dropout is drawn anew.
"""

from dataclasses import replace

from nmtcli.data.batching import Batch
from nmtcli.errors import NmtError


def split_batch(batch: Batch, count: int) -> list[Batch]:
    """Micro-batches of one shape with the pairs of `batch` in order, at most `count` of them."""
    rows = -(-batch.rows // count)
    begins = range(0, len(batch.pairs), rows)
    return [replace(batch, pairs=batch.pairs[i : i + rows], rows=rows) for i in begins]


def run_with_memory_backoff(compute, batches: list[Batch], micro_batches_per_batch: int):
    """Compute batches in micro-batches, of which there are twice as many after each lack of memory.

    Args:
        compute: function of the micro-batches of all batches, a list of `Batch`; it leaves
            everything as it was when it raises.
        batches: of one update.
        micro_batches_per_batch: how many to begin with, a power of two.

    Returns:
        the result of `compute`, and the number of micro-batches per batch that memory was enough
        for.

    Raises:
        NmtError: memory is not enough for a single sentence.
    """
    count = micro_batches_per_batch
    while True:
        try:
            return compute([part for batch in batches for part in split_batch(batch, count)]), count
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Only here, behind the handler, is free what the failed attempt held.
        if all(batch.rows <= count for batch in batches):
            longest = max(max(batch.source_length, batch.target_length) for batch in batches)
            raise NmtError(
                f"out of memory with one sentence of {longest} pieces at a time; choose a smaller"
                " model, or shorter sentences by subwords.max_pieces"
            )
        count *= 2


def describe_memory_backoff(options, micro_batches_per_batch: int) -> str:
    """What happened, and what to set in the `TrainingConfig` of another run."""
    count = micro_batches_per_batch
    return (
        f"out of memory; each batch is from now on computed in {count} parts, for the same updates."
        f" For another run: training.batch_tokens={max(1, options.batch_tokens // count)}"
        f" training.accumulate={options.accumulate * count}"
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python, TensorFlow or JAX says that memory was not enough.

    The frameworks' own exceptions are known by name, so that neither is imported for the other.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError"}:
        return True
    of_jax = names & {"XlaRuntimeError", "JaxRuntimeError"}
    return bool(of_jax) and "RESOURCE_EXHAUSTED" in str(error)
