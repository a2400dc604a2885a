"""Beam search: at each step the K most probable beginnings of a translation."""

from typing import NamedTuple

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


class _Candidates(NamedTuple):
    """The best continuations of each sentence, best first; all (N, C), C at least 2K.

    log_probs: sums from the beginning, float64; -inf is no candidate.
    ids: the piece that is added.
    origins: which of the W hypotheses it is added to.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    origins: np.ndarray

    def take(self, columns: np.ndarray) -> "_Candidates":
        return _Candidates(*(np.take_along_axis(part, columns, axis=1) for part in self))


class _Step(NamedTuple):
    """What a step leaves behind, to be followed back from a finished hypothesis.

    place: (B,) the sentence's place in the batch of this step; meaningless once it is done.
    ids: (N, K) pieces that the live hypotheses were given.
    origins: (N, K) the hypotheses of the step before that they came from.
    attention: (N, W, S), of the step that chose these pieces, by origin.
    """

    place: np.ndarray
    ids: np.ndarray
    origins: np.ndarray
    attention: np.ndarray


class _Ending(NamedTuple):
    """A hypothesis that ended: its log-probability, its steps, and its hypothesis before EOS."""

    log_prob: float
    length: int
    origin: int


def beam_search(
    engine: Engine,
    source_ids: np.ndarray,
    beam: int,
    length_penalty: float,
    max_lengths: np.ndarray,
    nbest: int = 1,
) -> list[list[Hypothesis]]:
    """The best translations of each sentence, best first; `nbest` of them where so many exist.

    1. The engine gives the best pieces after each of the K live hypotheses; all continuations
       of a sentence are ranked together.
    2. Those among the best K that end with EOS are finished.
    3. The best K that do not end live on.
    4. A sentence is done when it has K finished ones, or at its last position, where every live
       hypothesis is ended with EOS at the price of EOS's probability.

    Equal candidates are ranked by their hypothesis, then as the engine ranks pieces; equal
    scores by the earlier end. What a sentence gets does not depend on the rest of the batch.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        beam: K.
        length_penalty: exponent of the length by which a finished log-probability is divided.
        max_lengths: (B,) most pieces of a translation, EOS counted.
        nbest: at most K.

    Raises:
        ValueError: `beam`, `nbest` or `max_lengths` is out of range.
        NmtError: the model's probabilities are not numbers.
    """
    if not 1 <= nbest <= beam:
        raise ValueError(f"1 <= nbest <= beam expected, received nbest {nbest}, beam {beam}")
    max_lengths = check_lengths(source_ids, max_lengths)
    endings, history = _run(engine, source_ids, beam, max_lengths)
    results = []
    for sentence, found in enumerate(endings):
        scores = [normalised(e.log_prob, e.length, length_penalty) for e in found]
        order = sorted(range(len(found)), key=lambda i: -scores[i])[:nbest]
        results.append(
            [_follow_back(history, sentence, found[i], scores[i]) for i in order],
        )
    return results


def _run(
    engine: Engine, source_ids: np.ndarray, beam: int, max_lengths: np.ndarray
) -> tuple[list[list[_Ending]], list[_Step]]:
    batch = len(source_ids)
    endings: list[list[_Ending]] = [[] for _ in range(batch)]
    history: list[_Step] = []
    sentences = np.arange(batch)  # (N,): which sentence each place of the running batch is
    sums = np.zeros((batch, 1))  # (N, W): W is 1 at the first step, then K; -inf: no hypothesis
    parents, previous = np.arange(batch), np.full(batch, BOS_ID)
    state = engine.start(source_ids)
    for length in range(1, int(max_lengths.max(initial=0)) + 1):
        width = sums.shape[1]
        last = np.repeat(max_lengths[sentences] <= length, width)
        step = next_pieces(engine, state, parents, previous, beam + 1, last)
        ranked = _rank(sums, step.log_probs, step.ids, beam)
        _collect(ranked, beam, length, sentences, endings)
        living = _best_living(ranked, beam)
        place = np.zeros(batch, dtype=np.int64)
        place[sentences] = np.arange(len(sentences))
        attention = step.attention.reshape(len(sentences), width, -1)
        history.append(_Step(place, living.ids, living.origins, attention))
        done = np.array([len(endings[s]) >= beam for s in sentences])
        done |= np.isneginf(living.log_probs).all(axis=1)
        if done.all():
            break
        sums = np.where(done[:, None], -np.inf, living.log_probs)
        parents = np.arange(len(sentences))[:, None] * width + living.origins
        previous, state = living.ids, step.state
        kept = sentences_to_keep(done)
        if kept is not None:
            sentences, sums = sentences[kept], sums[kept]
            parents, previous = parents[kept], previous[kept]
        parents, previous = parents.reshape(-1), previous.reshape(-1)
    return endings, history


def _rank(sums: np.ndarray, log_probs: np.ndarray, ids: np.ndarray, beam: int) -> _Candidates:
    """All continuations of a sentence, best first.

    The best 2K hold whatever is needed: at most K of them, one for each hypothesis, are EOS.

    Args:
        sums: (N, W).
        log_probs, ids: (N * W, k).
    """
    count, width = sums.shape
    totals = (sums[:, :, None] + log_probs.reshape(count, width, -1)).reshape(count, -1)
    origins = np.repeat(np.arange(width), log_probs.shape[1])
    flat = _Candidates(totals, ids.reshape(count, -1), np.tile(origins, (count, 1)))
    best = flat.take(np.argsort(-totals, axis=1, kind="stable")[:, : 2 * beam])
    missing = 2 * beam - best.ids.shape[1]  # a vocabulary smaller than the beam
    if missing <= 0:
        return best
    room = ((0, 0), (0, missing))
    return _Candidates(
        np.pad(best.log_probs, room, constant_values=-np.inf),
        np.pad(best.ids, room, constant_values=EOS_ID),
        np.pad(best.origins, room, constant_values=0),
    )


def _collect(
    ranked: _Candidates,
    beam: int,
    length: int,
    sentences: np.ndarray,
    endings: list[list[_Ending]],
) -> None:
    """Add to `endings` what ends among the best K of each sentence."""
    best = slice(None), slice(0, beam)
    ends = (ranked.ids[best] == EOS_ID) & np.isfinite(ranked.log_probs[best])
    for place, column in zip(*np.nonzero(ends)):
        ending = _Ending(
            float(ranked.log_probs[place, column]), length, int(ranked.origins[place, column])
        )
        endings[sentences[place]].append(ending)


def _best_living(ranked: _Candidates, beam: int) -> _Candidates:
    """The best K that do not end, (N, K); -inf where there are fewer."""
    ended = ranked.ids == EOS_ID
    living = ranked._replace(log_probs=np.where(ended, -np.inf, ranked.log_probs))
    return living.take(np.argsort(ended, axis=1, kind="stable")[:, :beam])


def _follow_back(history: list[_Step], sentence: int, ending: _Ending, score: float) -> Hypothesis:
    """The pieces and the attention of a hypothesis, from its end to its beginning."""
    ids, attention, slot = [], [], ending.origin
    final = history[ending.length - 1]
    attention.append(final.attention[final.place[sentence], slot])
    for step in reversed(history[: ending.length - 1]):
        place = step.place[sentence]
        ids.append(int(step.ids[place, slot]))
        slot = int(step.origins[place, slot])
        attention.append(step.attention[place, slot])
    return Hypothesis(ids[::-1], ending.log_prob, score, np.stack(attention[::-1]))
