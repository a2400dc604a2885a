"""Words cut at random: the probabilities of the papers, and what SentencePiece draws."""

import itertools
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.config.data import SubwordConfig
from nmtcli.data.learn_subwords import learn
from nmtcli.text.subword_regularization import SAMPLERS, make_draw
from nmtcli.text.subwords import Subwords

DRAWS = 20_000
KINDS = sorted(SAMPLERS)


def text_lines():
    draw = random.Random(3)
    words = [
        "".join(draw.choices("abcde", [5, 4, 3, 2, 1], k=draw.randint(1, 6))) for _ in range(60)
    ]
    return [" ".join(draw.choices(words, k=8)) for _ in range(400)]


# Sorted twice: the order of a set differs from one process to the next.
TEXT = " ".join(sorted(sorted(set(text_lines()[0].split())), key=len)[-2:])
MODELS = {
    kind: Subwords(learn(text_lines(), SubwordConfig(type=kind, vocabulary_size=60)))
    for kind in KINDS
}


def sampler_of(kind, alpha, model=None):
    model = model or MODELS[kind]
    fixed = model.indivisible_ids()
    return SAMPLERS[kind](model.tokens(range(model.size)), model.scores(), fixed, alpha)


def sample(sampler, ids, draw):
    words = sampler.words(ids)
    assert list(itertools.chain.from_iterable(words)) == list(ids)
    return [i for word in words for i in sampler.sample(word, draw)]


# The small unigram model is sure of itself: at a greater alpha one way takes all the draws.
@pytest.mark.parametrize(
    ("kind", "alpha"),
    [
        *itertools.product(["bpe"], [0.05, 0.3, 0.7]),
        *itertools.product(["unigram"], [0, 0.05, 0.1]),
    ],
)
def test_ways_to_cut_are_as_frequent_as_those_that_sentencepiece_draws(kind, alpha):
    model, text, draw = MODELS[kind], TEXT, make_draw(1)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.model_proto)
    drawn = theirs.encode([text] * DRAWS, enable_sampling=True, alpha=alpha, nbest_size=-1)
    sampler, ids = sampler_of(kind, alpha), model.encode(text)
    ours = Counter(tuple(sample(sampler, ids, draw)) for _ in range(DRAWS))
    theirs = Counter(map(tuple, drawn))
    assert len(theirs) > 4
    distance = sum(abs(ours[way] - theirs[way]) for way in {*ours, *theirs}) / (2 * DRAWS)
    # Two samples of one distribution over k ways are near sqrt(k / (pi n)) apart.
    assert distance < 2 * np.sqrt(len(theirs) / (np.pi * DRAWS)), (ours, theirs)


def test_a_unigram_sample_follows_the_smoothed_probabilities_of_the_paper():
    model, alpha, text = MODELS["unigram"], 0.4, f" {TEXT}".replace(" ", "\u2581")
    log_p = dict(zip(model.tokens(range(4, model.size)), model.scores()[4:]))
    ways = []
    for count in range(len(text)):
        for inner in itertools.combinations(range(1, len(text)), count):
            ends = (0, *inner, len(text))
            way = tuple(text[a:b] for a, b in itertools.pairwise(ends))
            if all(piece in log_p for piece in way):
                ways.append(way)
    assert len(ways) > 3
    # Kudo (2018), section 3.2: P(x)^alpha over the sum of that of all ways to cut the text.
    weights = np.exp([alpha * sum(log_p[piece] for piece in way) for way in ways])
    sampler, ids, draw = sampler_of("unigram", alpha), model.encode(TEXT), make_draw(2)
    found = Counter(tuple(model.tokens(sample(sampler, ids, draw))) for _ in range(DRAWS))
    for way, share in zip(ways, weights / weights.sum(), strict=True):
        assert abs(found[way] / DRAWS - share) < 0.015, way
    assert set(found) <= set(ways)


def test_the_alpha_of_bpe_is_the_probability_of_leaving_out_a_merge():
    model = Subwords(
        learn(["ab"] * 50, SubwordConfig(type="bpe", vocabulary_size=16), at_most=True)
    )
    merges = [name for name in model.tokens(range(4, model.size)) if len(name) == 2]
    sampler, ids, draw = sampler_of("bpe", 0.3, model), model.encode("ab"), make_draw(5)
    assert model.tokens(ids) == ["\u2581ab"]
    found = Counter(tuple(model.tokens(sample(sampler, ids, draw))) for _ in range(DRAWS))
    # Two merges make the word, each kept with probability 0.7; where the first one is left out,
    # another first one may stand in for it.
    expected = (1 - 0.3 ** len(merges)) * 0.7
    assert abs(found["\u2581ab",] / DRAWS - expected) < 0.015
    everything = sample(sampler_of("bpe", 1.0, model), ids, draw)
    assert model.tokens(everything) == ["\u2581", "a", "b"]


@pytest.mark.parametrize(("kind", "alpha"), [("unigram", 1000.0), ("bpe", 1e-9)])
def test_without_chance_the_pieces_are_those_of_sentencepiece(kind, alpha):
    sampler, draw = sampler_of(kind, alpha), make_draw(0)
    for line in text_lines()[:100]:
        ids = MODELS[kind].encode(line)
        assert sample(sampler, ids, draw) == ids


@pytest.mark.parametrize("kind", KINDS)
@given(st.text("abcde ", max_size=40), st.floats(0.01, 1.0), st.integers(0, 99))
def test_the_text_of_a_line_stays(kind, text, alpha, seed):
    model = MODELS[kind]
    ids = sample(sampler_of(kind, alpha), model.encode(text), make_draw(seed))
    assert model.decode(ids) == model.decode(model.encode(text)) == " ".join(text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_words_with_unknown_characters_and_bytes_stay(kind):
    lines, draw = text_lines(), make_draw(1)
    options = SubwordConfig(type=kind, vocabulary_size=310, byte_fallback=True)
    with_bytes = Subwords(learn(lines, options))
    for model, text in ((MODELS[kind], "ab漢 abc"), (with_bytes, "ab漢 abc")):
        sampler, ids = (
            sampler_of(kind, 0.2 if kind == "unigram" else 0.9, model),
            model.encode(text),
        )
        word = len(sampler.words(ids)[0])
        drawn = [sample(sampler, ids, draw) for _ in range(50)]
        assert all(new[:word] == ids[:word] for new in drawn)
        assert len({tuple(new) for new in drawn}) > 1


def test_draws_belong_to_their_seed():
    first, again, other = ([draw() for _ in range(9000)] for draw in map(make_draw, (1, 1, 2)))
    assert first == again != other
    assert first == np.random.default_rng((1,)).random(9000).tolist()


DRAWN_BY_SENTENCEPIECE = """
import sys
import sentencepiece

sentencepiece.set_random_generator_seed(7)
pieces = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
draw = {"enable_sampling": True, "alpha": 0.1, "nbest_size": -1, "out_type": int}
print([pieces.encode("kanadarabamasaa banana karada mosa", **draw) for _ in range(20)])
"""


def test_sentencepiece_draws_differently_in_each_process_whatever_its_seed():
    """Why there are samplers of our own. When this test fails, they are no longer needed."""
    model = Path(__file__).parents[1] / "end_to_end" / "runs" / "rnn" / "subwords.target.model"
    command = [sys.executable, "-c", DRAWN_BY_SENTENCEPIECE, str(model)]
    printed = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(3)}
    assert len(printed) > 1 and all(printed)
