"""The search in the graph finds what the search in NumPy finds, whatever the model."""

import numpy as np
import pytest

from nmtcli import backend
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.engine import StepResult
from nmtcli.decoding.scoring import Scoring


class TableEngine:
    """Logits from a table: by what was produced before (a number below M) and the last piece.

    The numbers come from TensorFlow, so that equal ones are equal in both searches.
    """

    def __init__(self, pieces, contexts=5, ties=False, seed=1):
        random = np.random.default_rng(seed)
        size = (contexts, pieces, pieces)
        self.table = random.integers(0, 3, size) if ties else random.normal(size=size) * 2
        self.table = self.table.astype(np.float32)
        self.vocabulary_size = pieces

    def next_context(self, context, previous):
        return (context * 3 + previous) % len(self.table)

    def start(self, source_ids):
        return source_ids[:, 0] % len(self.table)

    def step(self, state, parents, previous_ids, k):
        import tensorflow as tf

        context = state[parents]
        logits = tf.constant(self.table[context, previous_ids])
        best, ids = tf.math.top_k(logits, k)
        log_probs = best - tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
        attention = np.zeros((len(parents), 1), np.float32)
        state = self.next_context(context, previous_ids)
        return StepResult(log_probs.numpy(), ids.numpy(), attention, state)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("scoring", [0.0, 1.0, Scoring(0.7, "reward")])
@pytest.mark.parametrize(("beam", "pieces"), [(1, 9), (2, 9), (5, 12), (7, 6), (3, 5)])
def test_the_graph_finds_what_the_search_in_numpy_finds(beam, pieces, scoring, ties):
    backend.choose()
    import tensorflow as tf

    from nmtcli.exports.graph_beam import graph_beam_search

    engine = TableEngine(pieces, ties=ties)
    first = np.arange(6, dtype=np.int32)[:, None]  # of each sentence, what its first context is
    limits = np.array([1, 2, 9, 12, 30, 4], np.int32)

    def step(context, previous):
        logits = tf.gather_nd(engine.table, tf.stack([context, previous], axis=2))
        return logits, engine.next_context(context, previous)

    def follow(context, origins):
        return tf.gather(context, origins, batch_dims=1)

    state = tf.repeat(tf.constant(engine.start(first))[:, None], beam, axis=1)
    search = tf.function(graph_beam_search, autograph=False)
    found = search(step, follow, state, beam, scoring, tf.constant([*limits[:-1], 0]))
    expected = beam_search(engine, first, beam, scoring, limits)
    for b in range(5):
        best = expected[b][0]
        assert found.ids.numpy()[b, : found.lengths[b]].tolist() == best.ids
        assert float(found.scores[b]) == pytest.approx(best.score, abs=1e-5)
    assert (int(found.lengths[5]), float(found.scores[5])) == (0, 0.0)


def test_probabilities_that_are_not_numbers_stop_the_search():
    backend.choose()
    import tensorflow as tf

    from nmtcli.exports.graph_beam import graph_beam_search

    def step(state, previous):
        return tf.fill([1, 2, 9], np.float32("nan")), state

    with pytest.raises(tf.errors.InvalidArgumentError, match="probabilities are not numbers"):
        graph_beam_search(step, lambda state, _: state, tf.zeros([1]), 2, 1.0, tf.constant([5]))
