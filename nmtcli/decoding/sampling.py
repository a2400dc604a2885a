"""Sampling: it draws each token by its probability, from all tokens or from the best ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.decoding.constraints import make_constraints
from nmtcli.decoding.engine import Hypothesis, StepEngine
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.stepwise import decode_stepwise


class Sampling(NamedTuple):
    """The distribution of a draw: p(token)**(1 / temperature), truncated and renormalised.

    temperature: above 0; a value below 1 makes probable tokens more probable.
    top_k: draw from the k most probable tokens; 0 means all.
        Fan et al. (2018), arXiv:1805.04833, section 5.1.
    top_p: nucleus sampling: of these, draw from the smallest set of best tokens with this total
        probability; 1 means all. Holtzman et al. (2020), arXiv:1904.09751, section 3.1.
    seed: seed of the random numbers.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 1


def sample_search(
    engine: StepEngine,
    source_ids: np.ndarray,
    sampling: Sampling,
    scoring: Scoring | float,
    max_lengths: np.ndarray,
    streams: Sequence[Sequence[int]],
    samples: int = 1,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> list[list[Hypothesis]]:
    """Draw translations of each sentence independently; return them in the order of drawing.

    In this order the first n of many samples equal n samples, and each is a fair draw; sorting by
    score would break this. A hypothesis's log-probability is the model's own, whatever the
    temperature.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        streams: for each sentence, numbers, 0 or more, that name its place in the whole input. The
            random numbers of a sample depend only on the seed, on these numbers and on the rank of
            the sample, not on the batch or its order.
        samples: how many translations to draw for each sentence.
        scoring, max_lengths, prefixes, no_repeat_ngram: see `beam_search`.

    Raises:
        ValueError: `max_lengths`, `streams` or `prefixes` do not fit the sentences.
        NmtError: the model's probabilities are not numbers.
    """
    constraints = make_constraints(source_ids, max_lengths, prefixes, no_repeat_ngram)
    if len(streams) != len(source_ids):
        raise ValueError(f"{len(source_ids)} streams expected, received {len(streams)}")
    uniform = [
        np.random.default_rng([sampling.seed, *stream, rank]).random(constraints.longest)
        for stream in streams
        for rank in range(samples)
    ]

    def choose(step, hypotheses, length):
        draws = np.array([uniform[number][length - 1] for number in hypotheses])
        return draw(step.log_probs, draws, sampling)

    k = sampling.top_k or engine.vocabulary_size
    found = decode_stepwise(
        engine, source_ids, constraints, Scoring.of(scoring), k, choose, copies=samples
    )
    return [found[start : start + samples] for start in range(0, len(found), samples)]


def draw(log_probs: np.ndarray, uniform: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Draw a column of each row with the inverse of the cumulative distribution.

    Args:
        log_probs: (R, n) best first; -inf is never drawn. Their probabilities need not sum to 1.
        uniform: (R,) in [0, 1).
    """
    possible = ~np.isneginf(log_probs)
    if sampling.top_k:
        possible &= possible.cumsum(axis=1) <= sampling.top_k
    logits = np.where(possible, log_probs, -np.inf)
    with np.errstate(over="ignore"):  # near temperature 0 all but the best vanish
        logits = (logits - logits.max(axis=1, keepdims=True)) / sampling.temperature
    weights = np.exp(logits)
    # Sums from left to right do not depend on impossible columns at the end.
    sums = weights.cumsum(axis=1)
    if sampling.top_p < 1.0:
        enough = sums[:, :-1] >= sampling.top_p * sums[:, -1:]
        weights[:, 1:][enough] = 0.0
        sums = weights.cumsum(axis=1)
    threshold = np.minimum(uniform * sums[:, -1], np.nextafter(sums[:, -1], 0.0))
    return (sums > threshold[:, None]).argmax(axis=1)
