"""Greedy search: it takes the most probable token at each step."""

from collections.abc import Sequence

import numpy as np

from nmtcli.decoding.constraints import make_constraints
from nmtcli.decoding.engine import Hypothesis, StepEngine
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.stepwise import decode_stepwise


def greedy_search(
    engine: StepEngine,
    source_ids: np.ndarray,
    scoring: Scoring | float,
    max_lengths: np.ndarray,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> list[Hypothesis]:
    """Find the greedy translation of each sentence, the same as `beam_search` with a beam of 1.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        scoring: how the result is scored; a number is the exponent of `average`.
        max_lengths: (B,) the most tokens of a translation, including EOS.
        prefixes, no_repeat_ngram: see `beam_search`.

    Raises:
        ValueError: `max_lengths` or `prefixes` do not fit the sentences.
        NmtError: the model's probabilities are not numbers.
    """
    constraints = make_constraints(source_ids, max_lengths, prefixes, no_repeat_ngram)

    def choose(step, hypotheses, length):
        return step.log_probs.argmax(axis=1)

    return decode_stepwise(engine, source_ids, constraints, Scoring.of(scoring), 1, choose)
