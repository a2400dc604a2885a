"""Search for the n-best lists of any number of sentences, batch after batch."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nmtcli.decoding.batching import batches_by_length
from nmtcli.decoding.engine import NBests, SearchEngine, Sentence


class SentenceSearch:
    """Searches for translations in the background, so that several requests can overlap.

    Use it in a `with` block, which ends its threads.

    Args:
        engine: the engine that finds the translations of a batch.
        options: a `SearchConfig`.
    """

    def __init__(self, engine: SearchEngine, options: Any):
        self.engine, self.options = engine, options
        self._pool = ThreadPoolExecutor(engine.parallel)  # it starts no thread before it is used

    def __enter__(self) -> "SentenceSearch":
        return self

    def __exit__(self, *error) -> None:
        self._pool.shutdown(cancel_futures=True)  # also after an error or an interrupt

    def begin(self, sentences: Sequence[Sentence]) -> Callable[[], NBests]:
        """Begin a search; if the engine allows only one at a time, calling the result begins it.

        Args:
            sentences: each has at least one token.

        Returns:
            a function that waits for the n-best list of each sentence, in order; the attention has
            no padding.
        """
        lengths = [len(sentence.ids) + 1 for sentence in sentences]
        rows = self.options.nbest if self.options.sample else self.options.beam
        budget = self.options.batch_tokens or self.engine.batch_tokens
        batches = list(batches_by_length(lengths, budget, rows))

        def search(batch: list[int]) -> NBests:
            results = self.engine.search([sentences[n] for n in batch], self.options)
            return [
                # This copies, so that the padding and the batch can be freed.
                [h._replace(attention=h.attention[:, : lengths[n]].copy()) for h in hypotheses]
                for n, hypotheses in zip(batch, results)
            ]

        run = self._pool.map if self.engine.parallel > 1 else map
        found = run(search, batches)

        def wait() -> NBests:
            of_sentence = {n: one for batch in batches for n, one in zip(batch, next(found))}
            return [of_sentence[n] for n in range(len(sentences))]

        return wait


def search_sentences(engine: SearchEngine, sentences: Sequence[Sentence], options: Any) -> NBests:
    """Return the n-best list of each sentence in order; for the arguments see `SentenceSearch`."""
    with SentenceSearch(engine, options) as search:
        return search.begin(sentences)()
