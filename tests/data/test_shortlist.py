"""The vocabulary shortlist: IBM model 1 against plain loops, and what a sentence may choose."""

from collections import defaultdict
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.data import lexicon
from nmtcli.data.lexicon import learn_lexicon, learn_shortlist
from nmtcli.data.shards import Pairs, ShardWriter
from nmtcli.data.shortlist import FORBIDDEN, Shortlist, load_shortlist
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import EOS_ID, PAD_ID

V = 12
SEQUENCE = st.lists(st.integers(4, V - 1), min_size=1, max_size=5)
CORPUS = st.lists(st.tuples(SEQUENCE, SEQUENCE), min_size=1, max_size=8)
PIECES = [f"piece{n}" for n in range(V)]


def model_1(corpus, rounds):
    """Brown et al. (1993), section 4.2, with dictionaries."""
    translation = {}
    for source, target in corpus:
        for s in [*source, EOS_ID]:
            for t in target:
                translation[s, t] = 1.0
    for _ in range(rounds):
        counts, totals = defaultdict(float), defaultdict(float)
        for source, target in corpus:
            source = [*source, EOS_ID]
            for t in target:
                whole = sum(translation[s, t] for s in source)
                for s in source:
                    counts[s, t] += translation[s, t] / whole
                    totals[s] += translation[s, t] / whole
        translation = {(s, t): counts[s, t] / totals[s] for s, t in translation}
    return translation


def written(folder, corpus):
    writer = ShardWriter(folder, 3, V)
    for source, target in corpus:
        writer.append(source, target)
    writer.close()
    return Pairs(folder)


def allowed_by(shortlist, piece):
    return set(shortlist.pieces[shortlist.offsets[piece] : shortlist.offsets[piece + 1]].tolist())


@settings(deadline=None)
@given(CORPUS)
def test_the_lexicon_is_model_1(corpus):
    sides = [[np.array(sequence) for sequence in side] for side in zip(*corpus)]
    found = learn_lexicon(*sides, V)
    expected = model_1(corpus, lexicon.ITERATIONS)
    types = list(zip(found.source.tolist(), found.target.tolist()))
    assert types == sorted(expected)
    np.testing.assert_allclose(found.probability, [expected[pair] for pair in types], atol=1e-12)


def test_a_piece_allows_its_translations_and_what_is_spelled_alike(tmp_path):
    corpus = [([4, 5], [8, 9]), ([4, 6], [8, 10]), ([5, 6], [9, 10]), ([4], [8])] * 5
    target = [f"other{n}" for n in range(V)]
    target[11] = PIECES[7]
    found = learn_shortlist(written(tmp_path, corpus), PIECES, target, frequent=1, best=1)
    allowed = [allowed_by(found, piece) for piece in range(V)]
    assert allowed[4:8] == [{8}, {9}, {10}, {11}]
    assert allowed[EOS_ID] == {8, EOS_ID}  # the most frequent piece and the end


def test_a_long_text_is_learned_from_by_every_nth_pair(tmp_path, monkeypatch):
    corpus = [([4, 5], [8, 9])] * 6 + [([6], [10])] * 6
    monkeypatch.setattr(lexicon, "LARGEST_SAMPLE", 20)
    found = learn_shortlist(written(tmp_path, corpus), PIECES, PIECES)
    assert {8, 9} <= allowed_by(found, 4) and 10 in allowed_by(found, 6)


@settings(deadline=None)
@given(st.integers(0, 100), st.lists(SEQUENCE, min_size=1, max_size=4))
def test_a_sentence_allows_what_its_pieces_do_in_any_batch(seed, sentences):
    random = np.random.default_rng(seed)
    rows = [sorted(set(random.integers(3, V, size=random.integers(4)).tolist())) for _ in range(V)]
    offsets = np.cumsum([0, *map(len, rows)])
    shortlist = Shortlist(offsets, np.array([*chain(*rows)], dtype=np.int32), V)
    width = max(map(len, sentences)) + 2
    ids = np.full((len(sentences), width), PAD_ID)
    for row, sentence in enumerate(sentences):
        ids[row, : len(sentence) + 1] = [*sentence, EOS_ID]
    pieces, allowed = shortlist.choose(ids)
    assert allowed.shape == (len(sentences), len(pieces)) and allowed.dtype == np.float32
    expected = [set().union(*(rows[p] for p in [*s, EOS_ID])) for s in sentences]
    assert pieces.tolist() == sorted(set().union(*expected)) and pieces.dtype == np.int32
    for row, one in zip(allowed, expected):
        assert set(pieces[row == 0].tolist()) == one
        assert set(np.unique(row).tolist()) <= {0.0, float(FORBIDDEN)}


def test_a_shortlist_comes_back_from_its_file_or_says_why_not(tmp_path):
    path = tmp_path / "shortlist.npz"
    with pytest.raises(NmtError, match="there is no such shortlist"):
        load_shortlist(path, V, V)
    shortlist = Shortlist(np.arange(V + 1), np.arange(V, dtype=np.int32), V)
    shortlist.save(path)
    found = load_shortlist(path, V, V)
    assert all(np.array_equal(one, other) for one, other in zip(found, shortlist))
    with pytest.raises(NmtError, match="12 source and 12 target tokens, .* 12 and 13"):
        load_shortlist(path, V, V + 1)
    shortlist._replace(pieces=shortlist.pieces[1:]).save(path)
    with pytest.raises(NmtError, match="is damaged"):
        load_shortlist(path, V, V)
    path.write_bytes(b"rubbish")
    with pytest.raises(NmtError, match="is damaged"):
        load_shortlist(path, V, V)
