"""Ensembles: several models translate as one.

Letters: R rows, V vocabulary, k best tokens, S source and T target positions, M engines.
"""

from collections.abc import Sequence

import numpy as np

from nmtcli.decoding.engine import Engine, StepResult, all_ids

KINDS = ("log", "linear")


def combined(engines: Sequence[Engine], kind: str = "log") -> Engine:
    """Combine several engines into one; a single engine is returned as is. See `Ensemble`."""
    return engines[0] if len(engines) == 1 else Ensemble(engines, kind)


class Ensemble:
    """An `Engine` that averages the probabilities of other engines.

        log     log p(y) = 1/M sum_m log p_m(y)
        linear  log p(y) = log(1/M sum_m p_m(y))

    `log` is a product of experts (Hinton 2002, "Training products of experts by minimizing
    contrastive divergence", section 1): a token that one model finds impossible is not produced. It
    is not normalised again, so the log-probability of a translation is the mean of the models'
    log-probabilities. `linear` is a mixture: a token that one model is sure of stays likely.

    Attention is the mean over the engines that have attention.

    Args:
        engines: engines of any architectures, with the same source and target vocabularies.
        kind: one of `KINDS`.

    Raises:
        ValueError: there is no engine, the vocabularies differ in size, or the kind is unknown.
    """

    run_beam = None

    def __init__(self, engines: Sequence[Engine], kind: str = "log"):
        sizes = {engine.vocabulary_size for engine in engines}
        if len(sizes) != 1:
            raise ValueError(f"engines of one vocabulary expected, received sizes {sorted(sizes)}")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind}")
        self.engines, self.kind = list(engines), kind
        (self.vocabulary_size,) = sizes
        self.parallel = min(engine.parallel for engine in engines)
        self.batch_tokens = min(engine.batch_tokens for engine in engines)
        self._attentive = [m for m, engine in enumerate(self.engines) if engine.has_attention]
        self.has_attention = bool(self._attentive)
        windows = [self.engines[m].has_window for m in self._attentive]
        self.has_window = self.has_attention and all(windows)

    def start(self, source_ids: np.ndarray) -> list:
        return [engine.start(source_ids) for engine in self.engines]

    def step(self, state: list, parents: np.ndarray, previous_ids: np.ndarray, k: int | None):
        """Run a step of every engine with all V tokens, which a mean needs; see `Engine`."""
        pairs = zip(self.engines, state)
        steps = [engine.step(own, parents, previous_ids, None) for engine, own in pairs]
        log_probs = self._mean(step.log_probs for step in steps)  # (R, V)
        if k is None:
            ids = all_ids(*log_probs.shape)
        else:
            ids = best_ids(log_probs, k)
            log_probs = np.take_along_axis(log_probs, ids, axis=1)
        attention = self._mean_attention([step.attention for step in steps])
        return StepResult(log_probs, ids, attention, [step.state for step in steps])

    def score(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        return self._mean(engine.score(source_ids, target_ids) for engine in self.engines)

    def align(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        attentions = [engine.align(source_ids, target_ids) for engine in self.engines]
        return self._mean_attention(attentions)

    def _mean(self, log_probs) -> np.ndarray:
        stacked = np.stack([np.asarray(values, dtype=np.float32) for values in log_probs])
        if self.kind == "log":
            return stacked.mean(axis=0)
        with np.errstate(divide="ignore"):  # impossible for all engines
            return np.logaddexp.reduce(stacked, axis=0) - np.float32(np.log(len(stacked)))

    def _mean_attention(self, attentions: Sequence[np.ndarray]) -> np.ndarray:
        used = [np.asarray(attentions[m]) for m in self._attentive]
        return np.mean(used, axis=0) if used else np.zeros_like(np.asarray(attentions[0]))


def best_ids(log_probs: np.ndarray, k: int) -> np.ndarray:
    """Find the k most probable tokens of each row, best first; of equal ones the lower id.

    Args:
        log_probs: (R, V).

    Returns:
        (R, k) int32.
    """
    rows, size = log_probs.shape
    if k < size:  # sorting the whole vocabulary would take most of a step
        least = np.partition(log_probs, size - k, axis=1)[:, size - k, None]
        kept = log_probs >= least
        if (kept.sum(axis=1) == k).all():  # otherwise several are equal to the k-th
            ids = kept.nonzero()[1].reshape(rows, k)
            order = np.argsort(-np.take_along_axis(log_probs, ids, axis=1), axis=1, kind="stable")
            return np.take_along_axis(ids, order, axis=1).astype(np.int32)
    return np.argsort(-log_probs, axis=1, kind="stable")[:, :k].astype(np.int32)
