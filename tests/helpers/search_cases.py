"""Sources, and exhaustive search, for the tests of search."""

import itertools

import pytest

from helpers.fake_engine import FakeEngine
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID

SOURCES = [[5, 6, 7, EOS_ID], [4, EOS_ID], [8, 8, 5, 4, 9, EOS_ID], [7, 6, EOS_ID], [9, EOS_ID]]


def exhaustive(engine, source, max_length, length_penalty):
    """(score, log_prob, ids) of every translation of at most `max_length` pieces, best first."""
    pieces = [i for i in range(engine.vocabulary_size) if i not in (PAD_ID, UNK_ID, BOS_ID, EOS_ID)]
    found = []
    for length in range(max_length):
        for ids in itertools.product(pieces, repeat=length):
            log_prob = sum(
                float(engine.distribution(tuple(source), ids[:t])[0][piece])
                for t, piece in enumerate([*ids, EOS_ID])
            )
            found.append((log_prob / (length + 1) ** length_penalty, log_prob, list(ids)))
    return sorted(found, key=lambda entry: -entry[0])


def assert_same(left, right):
    assert left.ids == right.ids
    assert left.log_prob == pytest.approx(right.log_prob, abs=1e-9)
    assert left.score == pytest.approx(right.score, abs=1e-9)


class Insistent(FakeEngine):
    """Finds PAD, UNK and BOS more probable than anything, and EOS least of all."""

    def distribution(self, source, prefix):
        log_probs, weights = super().distribution(source, prefix)
        log_probs = log_probs.copy()
        log_probs[[PAD_ID, UNK_ID, BOS_ID]] = -0.01
        log_probs[EOS_ID] = -50.0
        return log_probs, weights
