"""The n-best lists of any number of sentences, batch after batch."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from nmtcli.decoding.batching import length_batches, pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.engine import Engine, searches_by_itself, steps_in_one_piece
from nmtcli.decoding.greedy import greedy_search
from nmtcli.decoding.hypotheses import Hypothesis
from nmtcli.decoding.sampling import Sampling, sample_search
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import EOS_ID


class Sentence(NamedTuple):
    """What is searched for as a whole.

    ids: its pieces, without EOS.
    prefix: the pieces that its translation begins with.
    place: numbers, 0 or more, that name its place in the input; samples are drawn by it.
    """

    ids: Sequence[int]
    prefix: Sequence[int] = ()
    place: Sequence[int] = ()


def scoring_of(options: Any) -> Scoring:
    """
    Args:
        options: a `SearchConfig`.
    """
    return Scoring(options.length_penalty, options.length_penalty_kind, options.coverage_penalty)


def longest_translation(options: Any, pieces: int) -> int:
    """Most pieces of the translation of a sentence of so many, EOS counted in the former alone."""
    return int(options.max_length_factor * pieces) + options.max_length_margin


NBests = list[list[Hypothesis]]


class SentenceSearch:
    """Searches for the translations of sentences, of more before the first ones are asked for.

    Use it in a `with` block, which ends its threads.

    Args:
        engine: runs the model.
        options: a `SearchConfig`.
    """

    def __init__(self, engine: Engine, options: Any):
        self.engine, self.options = engine, options
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "SentenceSearch":
        return self

    def __exit__(self, *error) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # after an error or an interrupt too

    def begin(self, sentences: Sequence[Sentence]) -> Callable[[], NBests]:
        """Begin a search; where the engine allows but one at a time, it begins with the call.

        Args:
            sentences: each has a piece at least.

        Returns:
            what waits for the n-best list of each sentence, in order; attention has no padding.
        """
        lengths = [len(sentence.ids) + 1 for sentence in sentences]
        rows = self.options.nbest if self.options.sample else self.options.beam
        budget = self.options.batch_tokens or self.engine.batch_tokens
        batches = list(length_batches(lengths, budget, rows))

        def search(batch: list[int]) -> NBests:
            results = _search_batch(self.engine, [sentences[n] for n in batch], self.options)
            return [
                # A copy, so that the padding and the batch can be freed.
                [h._replace(attention=h.attention[:, : lengths[n]].copy()) for h in hypotheses]
                for n, hypotheses in zip(batch, results)
            ]

        found = self._run(search, batches)

        def wait() -> NBests:
            of_sentence = {n: one for batch in batches for n, one in zip(batch, next(found))}
            return [of_sentence[n] for n in range(len(sentences))]

        return wait

    def _run(self, search, batches: list[list[int]]) -> Iterator[NBests]:
        """The results of the batches, in their order."""
        if self.engine.parallel < 2:
            return map(search, batches)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.engine.parallel)
        return self._pool.map(search, batches)


def search_sentences(engine: Engine, sentences: Sequence[Sentence], options: Any) -> NBests:
    """The n-best list of each sentence, in order; arguments as of `SentenceSearch`."""
    with SentenceSearch(engine, options) as search:
        return search.begin(sentences)()


def _search_batch(engine: Engine, batch: list[Sentence], options: Any) -> NBests:
    if searches_by_itself(engine):
        return engine.search(batch, options)
    source_ids = pad([[*sentence.ids, EOS_ID] for sentence in batch])
    limits = np.array([longest_translation(options, len(sentence.ids)) for sentence in batch])
    scoring = scoring_of(options)
    constraints = {
        "prefixes": [sentence.prefix for sentence in batch],
        "no_repeat_ngram": options.no_repeat_ngram,
    }
    if options.sample:
        sampling = Sampling(options.temperature, options.top_k, options.top_p, options.seed)
        places = [sentence.place for sentence in batch]
        return sample_search(
            engine, source_ids, sampling, scoring, limits, places, options.nbest, **constraints
        )
    if options.beam == 1 and steps_in_one_piece(engine) is None:
        best = greedy_search(engine, source_ids, scoring, limits, **constraints)
        return [[hypothesis] for hypothesis in best]
    return beam_search(
        engine, source_ids, options.beam, scoring, limits, options.nbest, **constraints
    )
