"""The n-best lists of any number of sentences, batch after batch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from nmtcli.search.beam import beam_search
from nmtcli.search.greedy import greedy_search
from nmtcli.search.hypothesis import Hypothesis
from nmtcli.search.interface import Engine
from nmtcli.search.length_batches import length_batches, pad
from nmtcli.search.sampling import Sampling, sample_search
from nmtcli.search.scoring import Scoring
from nmtcli.text.piece_ids import EOS_ID


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


def search_sentences(
    engine: Engine, sentences: Sequence[Sentence], options: Any
) -> list[list[Hypothesis]]:
    """The n-best list of each sentence, in order; attention has no padding.

    Args:
        engine: runs the model; one that has a `search` of its own is asked for all sentences.
        sentences: each has a piece at least.
        options: a `SearchConfig`.
    """
    if hasattr(engine, "search"):
        return engine.search(sentences, options)
    found: list[list[Hypothesis]] = [[] for _ in sentences]
    lengths = [len(sentence.ids) + 1 for sentence in sentences]
    rows = options.nbest if options.sample else options.beam

    def search(batch: list[int]) -> None:
        results = _search_batch(engine, [sentences[index] for index in batch], options)
        for index, hypotheses in zip(batch, results):
            found[index] = [
                # A copy, so that the padding and the batch can be freed.
                h._replace(attention=h.attention[:, : lengths[index]].copy())
                for h in hypotheses
            ]

    batches = list(length_batches(lengths, options.batch_tokens, rows))
    threads = min(engine.parallel, len(batches))
    if threads < 2:
        for batch in batches:
            search(batch)
    else:
        pool = ThreadPoolExecutor(threads)
        try:
            list(pool.map(search, batches))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or an interrupt too
    return found


def _search_batch(engine: Engine, batch: list[Sentence], options: Any) -> list[list[Hypothesis]]:
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
    if options.beam == 1 and getattr(engine, "run_beam", None) is None:
        best = greedy_search(engine, source_ids, scoring, limits, **constraints)
        return [[hypothesis] for hypothesis in best]
    return beam_search(
        engine, source_ids, options.beam, scoring, limits, options.nbest, **constraints
    )
