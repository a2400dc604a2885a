"""What greedy search and sampling share: one hypothesis that grows by a piece at each step."""

from collections.abc import Callable

import numpy as np

from nmtcli.decoding.constraints import Space
from nmtcli.decoding.engine import Engine
from nmtcli.decoding.hypotheses import (
    Hypothesis,
    NextPieces,
    next_pieces,
    sentences_to_keep,
    start,
)
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


class _Path:
    """A hypothesis on its way."""

    def __init__(self):
        self.ids: list[int] = []
        self.log_prob = 0.0
        self.attention: list[np.ndarray] = []

    def add(self, piece: int, log_prob: float, attention: np.ndarray) -> None:
        self.ids.append(piece)
        self.log_prob += log_prob
        self.attention.append(attention)

    def finished(self, scoring: Scoring, source_length: int) -> Hypothesis:
        attention = np.stack(self.attention)
        score = scoring.score(self.log_prob, len(self.ids), [attention[:, :source_length]])
        return Hypothesis(self.ids[:-1], self.log_prob, score, attention)


def follow_one_path(
    engine: Engine,
    source_ids: np.ndarray,
    space: Space,
    scoring: Scoring,
    wanted: int,
    choose: Callable[[NextPieces, np.ndarray, int], np.ndarray],
    copies: int = 1,
) -> list[Hypothesis]:
    """`copies` hypotheses of each sentence, those of a sentence together.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        wanted: how many of the best pieces of a row `choose` must see.
        choose: (next pieces, paths (R,), length) -> (R,) the column of each row that is chosen.
            A path is a number below B * copies; the length counts the piece to be chosen.

    Raises:
        NmtError: the model's probabilities are not numbers.
    """
    batch = len(source_ids)
    paths = [_Path() for _ in range(batch * copies)]
    of_rows = np.arange(len(paths))  # which path each row of the running batch is
    parents, previous = np.repeat(np.arange(batch), copies), np.full(len(paths), BOS_ID)
    done = np.zeros(len(paths), dtype=bool)
    state = start(engine, source_ids, space.no_repeat_ngram)
    for length in range(1, space.longest + 1):
        forced = space.forced(of_rows // copies, length)
        step = next_pieces(engine, state, parents, previous, wanted, forced, space.no_repeat_ngram)
        chosen = choose(step, of_rows, length)[:, None]
        previous = np.take_along_axis(step.ids, chosen, axis=1)[:, 0]
        gains = np.take_along_axis(step.log_probs, chosen, axis=1)[:, 0]
        for row in np.flatnonzero(~done):
            paths[of_rows[row]].add(int(previous[row]), float(gains[row]), step.attention[row])
        done = done | (previous == EOS_ID)
        if done.all():
            break
        state, parents = step.state, np.arange(len(of_rows))
        kept = sentences_to_keep(done)
        if kept is not None:
            parents, previous, of_rows, done = kept, previous[kept], of_rows[kept], done[kept]
    source_lengths = np.repeat((source_ids != PAD_ID).sum(axis=1), copies)
    return [path.finished(scoring, length) for path, length in zip(paths, source_lengths)]
