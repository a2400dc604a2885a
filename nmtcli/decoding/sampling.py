"""Sampling: each token is drawn by its probability, from all tokens or the best of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.decoding.constraints import make_constraints
from nmtcli.decoding.engine import Hypothesis, StepEngine
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.stepwise import decode_stepwise


class Sampling(NamedTuple):
    """What a token is drawn from: p(token)**(1 / temperature), cut down and normalised again.

    temperature: above 0; below 1 makes the probable tokens more so.
    top_k: draw from the k most probable tokens; 0 is all.
        Fan et al. (2018), arXiv:1805.04833, section 5.1.
    top_p: nucleus sampling: of these, draw from the fewest best ones that have this probability
        together; 1 is all. Holtzman et al. (2020), arXiv:1904.09751, section 3.1.
    seed: another seed draws other translations.
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
    """Translations of each sentence, drawn independently, in the order of the draw.

    (In this order the first n of many samples are what n samples would be, and each is fair; the
    best-scored first would not be.) A hypothesis's log-probability is the model's own, whatever
    the temperature.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        streams: for each sentence the numbers, 0 or more, that name its place in the whole input.
            The random numbers of a sample follow from the seed, these and the sample's rank alone,
            so they depend neither on the batch nor on the order.
        samples: of each sentence.
        scoring, max_lengths, prefixes, no_repeat_ngram: as of `beam_search`.

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
    """A column of each row, by the inverse of the cumulative distribution.

    Args:
        log_probs: (R, n) best first; -inf is never drawn. They need no sum of 1.
        uniform: (R,) in [0, 1).
    """
    possible = ~np.isneginf(log_probs)
    if sampling.top_k:
        possible &= possible.cumsum(axis=1) <= sampling.top_k
    logits = np.where(possible, log_probs, -np.inf)
    with np.errstate(over="ignore"):  # nearly no temperature: all but the best vanish
        logits = (logits - logits.max(axis=1, keepdims=True)) / sampling.temperature
    weights = np.exp(logits)
    # Sums from left to right: the same whatever impossible columns stand at the end.
    sums = weights.cumsum(axis=1)
    if sampling.top_p < 1.0:
        enough = sums[:, :-1] >= sampling.top_p * sums[:, -1:]
        weights[:, 1:][enough] = 0.0
        sums = weights.cumsum(axis=1)
    threshold = np.minimum(uniform * sums[:, -1], np.nextafter(sums[:, -1], 0.0))
    return (sums > threshold[:, None]).argmax(axis=1)
