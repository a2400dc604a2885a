"""Micro-batches: a batch is split if memory is not enough for all of it at once.

The gradients of the micro-batches add up to the gradient of the batch, so the plan of the epoch,
the place in it and the result of an update do not change; only dropout is drawn anew.
"""

from dataclasses import replace

from nmtcli.data.batching import Batch
from nmtcli.errors import NmtError


def split_batch(batch: Batch, count: int) -> list[Batch]:
    """Split a batch in order into at most `count` micro-batches of the same shape."""
    rows = -(-batch.rows // count)
    begins = range(0, len(batch.pairs), rows)
    return [replace(batch, pairs=batch.pairs[i : i + rows], rows=rows) for i in begins]


def run_with_memory_backoff(compute, batches: list[Batch], micro_batches_per_batch: int):
    """Compute batches in micro-batches, and double their number whenever memory is not enough.

    Args:
        compute: a function of the micro-batches of all batches, a list of `Batch`; if it raises, it
            must leave everything unchanged.
        batches: the batches of one update.
        micro_batches_per_batch: the first number to try, a power of two.

    Returns:
        the result of `compute`, and the number of micro-batches per batch that fitted into
        memory.

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
        # The memory of the failed attempt is free only here, after the handler.
        if all(batch.rows <= count for batch in batches):
            longest = max(max(batch.source_length, batch.target_length) for batch in batches)
            raise NmtError(
                f"out of memory with one sentence of {longest} pieces at a time; choose a smaller"
                " model, or shorter sentences by subwords.max_pieces"
            )
        count *= 2


def describe_memory_backoff(options, micro_batches_per_batch: int) -> str:
    """Describe what happened, and which options of `TrainingConfig` would avoid it."""
    count = micro_batches_per_batch
    return (
        f"out of memory; each batch is from now on computed in {count} parts, for the same updates."
        f" For another run: training.batch_tokens={max(1, options.batch_tokens // count)}"
        f" training.accumulate={options.accumulate * count}"
    )


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error of Python, TensorFlow or JAX means that memory was not enough.

    The frameworks' exceptions are recognised by name, so that no framework must be imported.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError"}:
        return True
    of_jax = names & {"XlaRuntimeError", "JaxRuntimeError"}
    return bool(of_jax) and "RESOURCE_EXHAUSTED" in str(error)
