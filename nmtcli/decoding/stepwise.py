"""Stepwise decoding of single hypotheses, which greedy search and sampling share."""

from collections.abc import Callable

import numpy as np

from nmtcli.decoding.constraints import Constraints
from nmtcli.decoding.engine import Hypothesis, StepEngine, StepResult
from nmtcli.decoding.next_tokens import next_tokens, sentences_to_keep, start
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


class PartialHypothesis:
    """A hypothesis that grows by a token at each step."""

    def __init__(self):
        self.ids: list[int] = []
        self.log_prob = 0.0
        self.attention: list[np.ndarray] = []

    def add(self, token: int, log_prob: float, attention: np.ndarray) -> None:
        self.ids.append(token)
        self.log_prob += log_prob
        self.attention.append(attention)

    def finished(self, scoring: Scoring, source_length: int) -> Hypothesis:
        attention = np.stack(self.attention)
        score = scoring.score(self.log_prob, len(self.ids), [attention[:, :source_length]])
        return Hypothesis(self.ids[:-1], self.log_prob, score, attention)


def decode_stepwise(
    engine: StepEngine,
    source_ids: np.ndarray,
    constraints: Constraints,
    scoring: Scoring,
    k: int,
    choose: Callable[[StepResult, np.ndarray, int], np.ndarray],
    copies: int = 1,
) -> list[Hypothesis]:
    """Decode `copies` hypotheses of each sentence; those of a sentence are adjacent.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        k: how many of the best tokens of each row `choose` needs.
        choose: (next tokens, hypotheses (R,), length) -> (R,), the chosen column of each row. A
            hypothesis is a number below B * copies; the length includes the token to be chosen.

    Raises:
        NmtError: the model's probabilities are not numbers.
    """
    batch = len(source_ids)
    partial = [PartialHypothesis() for _ in range(batch * copies)]
    of_rows = np.arange(len(partial))  # the hypothesis of each row of the running batch
    parents, previous = np.repeat(np.arange(batch), copies), np.full(len(partial), BOS_ID)
    done = np.zeros(len(partial), dtype=bool)
    ngram = constraints.no_repeat_ngram
    state = start(engine, source_ids, ngram)
    for length in range(1, constraints.longest + 1):
        forced = constraints.forced(of_rows // copies, length)
        step = next_tokens(engine, state, parents, previous, k, forced, ngram)
        chosen = choose(step, of_rows, length)[:, None]
        previous = np.take_along_axis(step.ids, chosen, axis=1)[:, 0]
        gains = np.take_along_axis(step.log_probs, chosen, axis=1)[:, 0]
        for row in np.flatnonzero(~done):
            partial[of_rows[row]].add(int(previous[row]), float(gains[row]), step.attention[row])
        done = done | (previous == EOS_ID)
        if done.all():
            break
        state, parents = step.state, np.arange(len(of_rows))
        kept = sentences_to_keep(done)
        if kept is not None:
            parents, previous, of_rows, done = kept, previous[kept], of_rows[kept], done[kept]
    source_lengths = np.repeat((source_ids != PAD_ID).sum(axis=1), copies)
    return [one.finished(scoring, length) for one, length in zip(partial, source_lengths)]
