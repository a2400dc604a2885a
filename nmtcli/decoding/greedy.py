"""Greedy search: at each step the most probable piece."""

from collections.abc import Sequence

import numpy as np

from nmtcli.decoding.constraints import make_space
from nmtcli.decoding.engine import Engine
from nmtcli.decoding.hypotheses import Hypothesis
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.stepwise import follow_one_path


def greedy_search(
    engine: Engine,
    source_ids: np.ndarray,
    scoring: Scoring | float,
    max_lengths: np.ndarray,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> list[Hypothesis]:
    """The greedy translation of each sentence: what `beam_search` finds with a beam of 1.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        scoring: changes the score alone; a number is `average`'s exponent.
        max_lengths: (B,) most pieces of a translation, EOS counted.
        prefixes, no_repeat_ngram: as of `beam_search`.

    Raises:
        ValueError: `max_lengths` or `prefixes` do not fit the sentences.
        NmtError: the model's probabilities are not numbers.
    """
    space = make_space(source_ids, max_lengths, prefixes, no_repeat_ngram)

    def choose(step, paths, length):
        return step.log_probs.argmax(axis=1)

    return follow_one_path(engine, source_ids, space, Scoring.of(scoring), 1, choose)
