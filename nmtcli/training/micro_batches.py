"""Batches computed in parts, where memory is not enough for them at once.

The gradients of the parts add up to that of the batch, so that the plan of the epoch, the place in
it and what an update learns stay what they were; only dropout is drawn anew.
"""

from dataclasses import replace

from nmtcli.data.batching import Batch
from nmtcli.errors import NmtError


def split(batch: Batch, parts: int) -> list[Batch]:
    """Batches of the same shape with the pairs of `batch` in order, at most `parts` of them."""
    rows = -(-batch.rows // parts)
    begins = range(0, len(batch.pairs), rows)
    return [replace(batch, pairs=batch.pairs[i : i + rows], rows=rows) for i in begins]


def compute_in_parts(compute, batches: list[Batch], halvings: int):
    """What `compute` makes of batches, cut into twice as many parts as often as memory is short.

    Args:
        compute: function of the parts of all batches, a list of `Batch`; it leaves everything as
            it was when it raises.
        batches: of one update.
        halvings: how often each batch is cut in two to begin with.

    Returns:
        the result, and the halvings with which it came out.

    Raises:
        NmtError: memory is not enough for a single sentence.
    """
    while True:
        try:
            return compute([part for b in batches for part in split(b, 2**halvings)]), halvings
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Only here, behind the handler, is free what the failed attempt held.
        if all(batch.rows <= 2**halvings for batch in batches):
            longest = max(max(batch.source_length, batch.target_length) for batch in batches)
            raise NmtError(
                f"out of memory with one sentence of {longest} pieces at a time; choose a smaller"
                " model, or shorter sentences by subwords.max_pieces"
            )
        halvings += 1


def describe_halvings(options, halvings: int) -> str:
    """What happened, and what to write for another run into its options, a `TrainingConfig`."""
    parts = 2**halvings
    return (
        f"out of memory; each batch is from now on computed in {parts} parts, for the same updates."
        f" For another run: training.batch_tokens={max(1, options.batch_tokens // parts)}"
        f" training.accumulate={options.accumulate * parts}"
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
