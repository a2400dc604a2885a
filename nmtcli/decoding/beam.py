"""Beam search: it keeps the K most probable partial translations at each step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.decoding.constraints import Constraints, make_constraints
from nmtcli.decoding.engine import BeamSteps, Hypothesis, StepEngine
from nmtcli.decoding.next_tokens import check_numbers, next_tokens, sentences_to_keep, start
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


class _Candidates(NamedTuple):
    """The best continuations of each sentence, best first; all (N, C), C at least 2K.

    log_probs: sums from the beginning, float64; -inf marks an empty place.
    ids: the tokens that are added.
    origins: which of the W hypotheses each token is added to.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    origins: np.ndarray

    def take(self, columns: np.ndarray) -> "_Candidates":
        return _Candidates(*(np.take_along_axis(part, columns, axis=1) for part in self))


class _Step(NamedTuple):
    """The record of a step, from which a finished hypothesis is followed back.

    place: (B,) each sentence's place in the batch of this step; meaningless once it is done.
    ids: (N, K) the tokens that were added to the live hypotheses.
    origins: (N, K) the hypotheses of the previous step that they continue.
    attention: (N, W, S), the attention of the step that chose these tokens, by origin.
    """

    place: np.ndarray
    ids: np.ndarray
    origins: np.ndarray
    attention: np.ndarray


class _Ending(NamedTuple):
    """A finished hypothesis: log-probability, number of steps, and the hypothesis before EOS."""

    log_prob: float
    length: int
    origin: int


def beam_search(
    engine: StepEngine,
    source_ids: np.ndarray,
    beam: int,
    scoring: Scoring | float,
    max_lengths: np.ndarray,
    nbest: int = 1,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> list[list[Hypothesis]]:
    """Find the `nbest` best translations of each sentence, or fewer if fewer exist, best first.

    1. The engine returns the best next tokens for each of the K live hypotheses; all
       continuations of a sentence are ranked together.
    2. Those continuations among the best K that end with EOS are finished.
    3. The best K that do not end with EOS stay live.
    4. A sentence is done when it has K finished hypotheses, or at its last position. There,
       every live hypothesis ends with EOS, and EOS's probability counts.

    Equal candidates are ranked by their hypothesis, then by the engine's order of tokens; of equal
    scores the earlier end is better. The result does not depend on the rest of the batch.

    Args:
        source_ids: (B, S) int32, each row ends with EOS and is padded with PAD.
        beam: K.
        scoring: how finished hypotheses are scored; a number is the exponent of `average`.
        max_lengths: (B,) the most tokens of a translation, including EOS.
        nbest: at most K.
        prefixes: the tokens that each translation must begin with, whatever their probability.
        no_repeat_ngram: n; a token that would repeat an n-gram of the hypothesis is never chosen
            (only a prefix may repeat n-grams). 0 allows repetitions.

    Raises:
        ValueError: `beam`, `nbest`, `max_lengths` or `prefixes` are out of range.
        NmtError: the model's probabilities are not numbers.
    """
    if not 1 <= nbest <= beam:
        raise ValueError(f"1 <= nbest <= beam expected, received nbest {nbest}, beam {beam}")
    constraints = make_constraints(source_ids, max_lengths, prefixes, no_repeat_ngram)
    if engine.run_beam is not None and constraints.only_lengths:
        steps = engine.run_beam(source_ids, beam, constraints.max_lengths)
        endings, history = _read_steps(steps)
    else:
        endings, history = _run(engine, source_ids, beam, constraints)
    scoring, source_lengths = Scoring.of(scoring), (source_ids != PAD_ID).sum(axis=1)
    return [
        _best(history, sentence, found, scoring, nbest, source_lengths[sentence])
        for sentence, found in enumerate(endings)
    ]


def _run(
    engine: StepEngine, source_ids: np.ndarray, beam: int, constraints: Constraints
) -> tuple[list[list[_Ending]], list[_Step]]:
    batch, ngram = len(source_ids), constraints.no_repeat_ngram
    endings: list[list[_Ending]] = [[] for _ in range(batch)]
    history: list[_Step] = []
    sentences = np.arange(batch)  # (N,): the sentence at each place of the running batch
    sums = np.zeros((batch, 1))  # (N, W): W is 1 at the first step, then K; -inf: no hypothesis
    parents, previous = np.arange(batch), np.full(batch, BOS_ID)
    state = start(engine, source_ids, ngram)
    for length in range(1, constraints.longest + 1):
        width = sums.shape[1]
        forced = np.repeat(constraints.forced(sentences, length), width)
        step = next_tokens(engine, state, parents, previous, beam + 1, forced, ngram)
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


def _read_steps(steps: BeamSteps) -> tuple[list[list[_Ending]], list[_Step]]:
    """Turn a search that the engine ran in one call into the result of `_run`."""
    check_numbers(steps.sums)
    _, batch, beam = steps.sums.shape
    sentences = np.arange(batch)
    endings: list[list[_Ending]] = [[] for _ in range(batch)]
    for length, ranked in enumerate(zip(steps.sums, steps.ids, steps.origins), start=1):
        _collect(_Candidates(*ranked), beam, length, sentences, endings)
    chosen = zip(steps.living_ids, steps.living_origins, steps.attention)
    return endings, [_Step(sentences, *parts) for parts in chosen]


def _rank(sums: np.ndarray, log_probs: np.ndarray, ids: np.ndarray, beam: int) -> _Candidates:
    """Rank all continuations of a sentence, best first.

    The best 2K are enough: at most K of them, one for each hypothesis, end with EOS.

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
    room, values = ((0, 0), (0, missing)), (-np.inf, EOS_ID, 0)
    return _Candidates(*(np.pad(x, room, constant_values=v) for x, v in zip(best, values)))


def _collect(
    ranked: _Candidates, beam: int, length: int, sentences: np.ndarray, endings: list[list[_Ending]]
) -> None:
    """Add to `endings` the hypotheses that end among the best K of each sentence."""
    best = slice(None), slice(0, beam)
    ends = (ranked.ids[best] == EOS_ID) & np.isfinite(ranked.log_probs[best])
    for at in zip(*np.nonzero(ends)):
        ending = _Ending(float(ranked.log_probs[at]), length, int(ranked.origins[at]))
        endings[sentences[at[0]]].append(ending)


def _best_living(ranked: _Candidates, beam: int) -> _Candidates:
    """Select the best K candidates that do not end, (N, K); -inf if there are fewer."""
    ended = ranked.ids == EOS_ID
    living = ranked._replace(log_probs=np.where(ended, -np.inf, ranked.log_probs))
    return living.take(np.argsort(ended, axis=1, kind="stable")[:, :beam])


def _best(
    history: list[_Step],
    sentence: int,
    found: list[_Ending],
    scoring: Scoring,
    nbest: int,
    source_length: int,
) -> list[Hypothesis]:
    """Return the best of a sentence's finished hypotheses; follow back only those needed."""
    if not scoring.coverage_penalty:  # the penalty needs the attention of all
        found = sorted(found, key=lambda end: -scoring.score(end.log_prob, end.length))[:nbest]
    hypotheses = [_follow_back(history, sentence, end, scoring, source_length) for end in found]
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)[:nbest]


def _follow_back(
    history: list[_Step], sentence: int, ending: _Ending, scoring: Scoring, source_length: int
) -> Hypothesis:
    """Collect the tokens and the attention of a hypothesis from its end to its beginning."""
    ids, rows, slot = [], [], ending.origin
    final = history[ending.length - 1]
    rows.append(final.attention[final.place[sentence], slot])
    for step in reversed(history[: ending.length - 1]):
        place = step.place[sentence]
        ids.append(int(step.ids[place, slot]))
        slot = int(step.origins[place, slot])
        rows.append(step.attention[place, slot])
    attention = np.stack(rows[::-1])
    score = scoring.score(ending.log_prob, ending.length, [attention[:, :source_length]])
    return Hypothesis(ids[::-1], ending.log_prob, score, attention)
