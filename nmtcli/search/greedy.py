"""Greedy search: at each step the most probable piece."""

import numpy as np

from nmtcli.search.hypothesis import (
    Hypothesis,
    check_lengths,
    next_pieces,
    normalised,
    sentences_to_keep,
)
from nmtcli.search.interface import Engine
from nmtcli.text.piece_ids import BOS_ID, EOS_ID


def greedy_search(
    engine: Engine, source_ids: np.ndarray, length_penalty: float, max_lengths: np.ndarray
) -> list[Hypothesis]:
    """The greedy translation of each sentence: what `beam_search` finds with a beam of 1.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        length_penalty: changes the score alone.
        max_lengths: (B,) most pieces of a translation, EOS counted.

    Raises:
        ValueError: `max_lengths` is not one positive number for each sentence.
        NmtError: the model's probabilities are not numbers.
    """
    batch, source_length = source_ids.shape
    max_lengths = check_lengths(source_ids, max_lengths)
    ids: list[list[int]] = [[] for _ in range(batch)]
    rows_of_attention: list[list[np.ndarray]] = [[] for _ in range(batch)]
    log_probs = np.zeros(batch)
    sentences = np.arange(batch)  # which sentence each row of the running batch is
    parents, previous = np.arange(batch), np.full(batch, BOS_ID)
    done = np.zeros(batch, dtype=bool)
    state = engine.start(source_ids)
    for length in range(1, int(max_lengths.max(initial=0)) + 1):
        step = next_pieces(engine, state, parents, previous, 1, max_lengths[sentences] <= length)
        best = step.log_probs.argmax(axis=1)[:, None]
        previous = np.take_along_axis(step.ids, best, axis=1)[:, 0]
        gains = np.take_along_axis(step.log_probs, best, axis=1)[:, 0]
        for row in np.flatnonzero(~done):
            sentence = sentences[row]
            log_probs[sentence] += gains[row]
            ids[sentence].append(int(previous[row]))
            rows_of_attention[sentence].append(step.attention[row])
        done = done | (previous == EOS_ID)
        if done.all():
            break
        state, parents = step.state, np.arange(len(sentences))
        kept = sentences_to_keep(done)
        if kept is not None:
            parents, previous, sentences, done = kept, previous[kept], sentences[kept], done[kept]
    return [
        Hypothesis(
            ids[b][:-1],
            float(log_probs[b]),
            normalised(float(log_probs[b]), len(ids[b]), length_penalty),
            np.stack(rows_of_attention[b]).reshape(-1, source_length),
        )
        for b in range(batch)
    ]
