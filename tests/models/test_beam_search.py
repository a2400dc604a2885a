"""The compiled beam search finds what the search in NumPy finds, whatever the model."""

import numpy as np
import pytest

from nmtcli import backend
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.engine import StepResult
from nmtcli.decoding.scoring import Scoring


class TableEngine:
    """Logits from a table: by what was produced before (a number below M) and the last token.

    The numbers come from TensorFlow, so that equal ones are equal in both searches.
    """

    run_beam = None

    def __init__(self, tokens, contexts=5, ties=False, seed=1):
        random = np.random.default_rng(seed)
        size = (contexts, tokens, tokens)
        self.table = random.integers(0, 3, size) if ties else random.normal(size=size) * 2
        self.table = self.table.astype(np.float32)
        self.vocabulary_size = tokens

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
@pytest.mark.parametrize(("beam", "tokens"), [(1, 9), (5, 12), (3, 5)])
def test_the_compiled_search_finds_what_the_search_in_numpy_finds(beam, tokens, scoring, ties):
    """In a graph that knows neither the number of sentences nor the longest translation."""
    backend.choose()
    import tensorflow as tf

    from nmtcli.models.beam_search import best_translations, search_steps

    engine = TableEngine(tokens, ties=ties)
    first = np.arange(6, dtype=np.int32)[:, None]  # of each sentence, what its first context is
    limits = np.array([1, 2, 9, 12, 30, 4], np.int32)

    def step(context, previous):
        logits = tf.gather_nd(engine.table, tf.stack([context, previous], axis=2))
        return logits, None, engine.next_context(context, previous)

    def reorder(context, origins):
        return tf.gather(context, origins, batch_dims=1)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.int32)] * 2)
    def search(context, limits):
        state = tf.repeat(context[:, None], beam, axis=1)
        steps = search_steps(step, reorder, state, limits, beam, tf.reduce_max(limits))
        return best_translations(steps, Scoring.of(scoring))

    found = search(engine.start(first), [*limits[:-1], 0])
    expected = beam_search(engine, first, beam, scoring, limits)
    for b in range(5):
        best = expected[b][0]
        assert found.ids.numpy()[b, : found.lengths[b]].tolist() == best.ids
        assert float(found.scores[b]) == pytest.approx(best.score, abs=1e-5)
    assert (int(found.lengths[5]), float(found.scores[5])) == (0, 0.0)


def test_in_a_graph_probabilities_that_are_not_numbers_stop_the_search():
    backend.choose()
    import tensorflow as tf

    pytest.importorskip("tensorflow_text")
    from nmtcli.exports.savedmodel_graph import check_numbers
    from nmtcli.models.beam_search import search_steps

    def step(state, previous):
        return tf.fill([1, 2, 9], np.float32("nan")), None, state

    steps = search_steps(
        step, lambda state, _: state, tf.zeros([1]), tf.constant([5]), beam=2, most=5
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="probabilities are not numbers"):
        check_numbers(steps.sums)
