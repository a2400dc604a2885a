"""How far the attention of a search is from forced alignment."""

import functools

import numpy as np

from helpers.engine_cases import (
    LIMITS,
    SOURCE,
    engine_of,
)
from nmtcli.data.batching import pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search


@functools.cache
def four_best(name):
    """Four translations of each sentence."""
    return beam_search(engine_of(name), SOURCE, 4, 0.7, LIMITS, nbest=4)


@functools.cache
def greedy(name):
    return greedy_search(engine_of(name), SOURCE, 0.7, LIMITS)


def search_difference(name):
    """How far the attention of hypotheses, greedy and the four best of a beam, is from the one that
    the engine finds for their pieces when it is made to produce them; at most."""
    ranked = [greedy(name), *zip(*four_best(name))]
    worst = 0.0
    for hypotheses in ranked:
        targets = pad([h.ids for h in hypotheses], 4, 10)
        aligned = engine_of(name).align(SOURCE, targets)
        for hypothesis, weights in zip(hypotheses, aligned):
            rows = len(hypothesis.ids) + 1  # and EOS
            assert hypothesis.attention.shape == (rows, SOURCE.shape[1])
            worst = max(worst, np.abs(hypothesis.attention - weights[:rows]).max())
    return worst
