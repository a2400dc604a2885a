"""Sampling: at each step a piece drawn by its probability, from all pieces or the best of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.decoding.constraints import make_space
from nmtcli.decoding.engine import Engine
from nmtcli.decoding.hypotheses import Hypothesis
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.stepwise import follow_one_path


class Sampling(NamedTuple):
    """From what a piece is drawn: p(piece)**(1 / temperature), cut down and normalised again.

    temperature: above 0; below 1 the probable pieces become more so.
    top_k: only the best k pieces; 0 is all. Fan et al. (2018), arXiv:1805.04833, section 5.1.
    top_p: of these, only the fewest best ones that have this probability together; 1 is all.
        Holtzman et al. (2020), arXiv:1904.09751, section 3.1.
    seed: another seed draws other translations.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 1


def sample_search(
    engine: Engine,
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
    space = make_space(source_ids, max_lengths, prefixes, no_repeat_ngram)
    if len(streams) != len(source_ids):
        raise ValueError(f"{len(source_ids)} streams expected, received {len(streams)}")
    uniform = [
        np.random.default_rng([sampling.seed, *stream, rank]).random(space.longest)
        for stream in streams
        for rank in range(samples)
    ]

    def choose(step, paths, length):
        draws = np.array([uniform[path][length - 1] for path in paths])
        return draw(step.log_probs, draws, sampling)

    wanted = sampling.top_k or engine.vocabulary_size
    found = follow_one_path(
        engine, source_ids, space, Scoring.of(scoring), wanted, choose, copies=samples
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
