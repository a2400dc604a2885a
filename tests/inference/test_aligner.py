"""Forced alignments, and the alignments of what a search found: the same where they can be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.fake_engine import FakeSubwords, fake_engine
from helpers.tiny_run import make_tiny_run, tiny_corpus
from nmtcli.alignment.links import LinkRule
from nmtcli.config import SearchConfig
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.aligner import Aligner, align_both_ways, load_aligner
from nmtcli.inference.translator import Translator, load_translator
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

ENGINE = fake_engine()
SUBWORDS = FakeSubwords()


def aligner(engine=ENGINE, rule=LinkRule(), **options):  # noqa: B008 - it cannot be changed
    return Aligner(engine, SUBWORDS, SUBWORDS, rule, **options)


def aligned(source, target, **options):
    return next(aligner(**options).align_lines([source], [target]))


def words_by_hand(text):
    """(word, characters): a space between words is a piece of the word after it."""
    words = text.split()
    return [word for n, word in enumerate(words) for _ in range(len(word) + (n > 0))]


def test_the_weights_are_those_of_the_model_summed_and_averaged():
    source, target = "ab c", "de f"
    ids = (*SUBWORDS.encode(source), EOS_ID)
    forced = [*SUBWORDS.encode(target), EOS_ID]
    rows = np.array([ENGINE.distribution(ids, tuple(forced[:t]))[1] for t in range(5)])
    columns = np.stack([rows[:, :2].sum(axis=1), rows[:, 2:4].sum(axis=1)], axis=1)
    found = aligned(source, target)
    expected = [columns[:2].mean(axis=0), columns[2:4].mean(axis=0)]
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)
    np.testing.assert_allclose(
        found.end_weights, [rows[:2, 4].mean(), rows[2:4, 4].mean()], atol=1e-6
    )
    shifted = aligned(source, target, rule=LinkRule(shift=1)).weights
    expected = [columns[1:3].mean(axis=0), columns[3:5].mean(axis=0)]
    np.testing.assert_allclose(shifted, expected, atol=1e-6)
    assert (found.source_words, found.target_words) == (["ab", "c"], ["de", "f"])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab  ", max_size=15), st.text("cd  ", max_size=15)), max_size=9),
    st.integers(1, 200),
    st.integers(1, 5),
)
def test_batches_and_windows_change_nothing(pairs, batch_tokens, window):
    sources, targets = [s for s, _ in pairs], [t for _, t in pairs]
    options = {"batch_tokens": batch_tokens, "window": window}
    together = list(aligner(**options).align_lines(sources, targets))
    alone = [aligned(s, t) for s, t in pairs]
    assert [a.links for a in together] == [a.links for a in alone]
    for a, b in zip(together, alone):
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-6)
        assert a.weights.shape == (len(a.target_words), len(a.source_words))


def test_an_empty_side_has_no_links_and_asks_nothing_of_the_model():
    def refuse(*arguments):
        raise AssertionError("asked")

    engine = fake_engine()
    engine.align = refuse
    found = list(aligner(engine).align_lines(["", "ab", "  ", ""], ["c d", "", "x", ""]))
    assert [a.links for a in found] == [[]] * 4
    assert [a.weights.shape for a in found] == [(2, 0), (0, 1), (1, 0), (0, 0)]


def test_a_long_line_is_aligned_whole_and_warned_about(caplog):
    source, target = "ab " * 40, "cd " * 30
    found = list(aligner(longest=50).align_lines(["a", source], ["b", target]))
    assert found[1].weights.shape == (30, 40)
    assert {j for _, j in found[1].links} == set(range(30))
    assert len(caplog.messages) == 1
    assert "line 2 has 119 tokens, more than 50" in caplog.messages[0]


def test_both_ways_are_put_together_as_source_target():
    sources, targets = ["ab c d", ""], ["de f", "x"]
    reverse = aligner(fake_engine(seed=4))
    found = list(align_both_ways(aligner(), reverse, sources, targets, "union"))
    there = aligned(sources[0], targets[0]).links
    back = [(i, j) for j, i in aligned(targets[0], sources[0], engine=fake_engine(seed=4)).links]
    assert found[0].links == sorted({*there, *back})
    assert found[0].forward.links == there and found[0].reverse.links == sorted(back)
    assert found[0].reverse.weights.shape == found[0].forward.weights.shape
    assert found[1].links == []
    with pytest.raises(UsageError, match="symmetrize must be one of"):
        list(align_both_ways(aligner(), reverse, sources, targets, "or"))


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(UsageError, match="2 sources but 1 targets"):
        list(aligner().align_lines(["a", "b"], ["c"]))
    engine = fake_engine()
    engine.has_attention = False
    for make in (
        lambda: aligner(engine),
        lambda: Translator(StepwiseSearch(engine), SUBWORDS, SUBWORDS, SearchConfig(), LinkRule()),
    ):
        with pytest.raises(UsageError, match="without attention"):
            make()
    engine = fake_engine()
    engine.align = lambda s, t: np.full((*t.shape, s.shape[1]), np.nan)
    with pytest.raises(NmtError, match="NaN"):
        aligned("a", "b", engine=engine)


# Translations: the fake model writes control characters and the like.


def translated(*lines, rule=LinkRule(), **search):  # noqa: B008
    search = SearchConfig(**{"max_source_pieces": 9, **search})
    return list(
        Translator(StepwiseSearch(ENGINE), SUBWORDS, SUBWORDS, search, rule).translate_lines(lines)
    )


@pytest.mark.parametrize("beam", [1, 4])
def test_links_come_with_translations_and_change_nothing_of_them(beam):
    lines = ["ab cd", "", " ", "abc. def. ghij. klm", "a"]
    plain = translated(*lines, rule=None, beam=beam, nbest=beam)
    for with_links, without in zip(translated(*lines, beam=beam, nbest=beam), plain):
        for candidate, same in zip(with_links.nbest, without.nbest):
            assert same.alignment is None
            assert (candidate.text, candidate.score) == (same.text, same.score)
            words = candidate.alignment.target_words
            assert words == [word for word in candidate.text.split(" ") if word]
            assert {j for _, j in candidate.alignment.links} <= set(range(len(words)))


def test_a_line_in_parts_is_aligned_with_the_indices_of_the_whole_line():
    line = "abc def. ghi jkl! mno pqr"
    whole = translated("x", line, beam=2)[1]
    parts = translated("abc def. ", "ghi jkl! ", "mno pqr", beam=2)
    alignment = whole.nbest[0].alignment
    assert alignment.source_words == line.split()
    rows = [p.nbest[0].alignment.weights for p in parts]
    if sum(map(len, rows)) == len(alignment.weights):  # no part joined the next without a space
        place = 0
        for part, weights in enumerate(rows):
            block = alignment.weights[place : place + len(weights)]
            np.testing.assert_allclose(block[:, 2 * part : 2 * part + 2], weights, atol=1e-6)
            assert block.sum() == pytest.approx(weights.sum(), abs=1e-5)
            place += len(weights)
    linked = {(i, j) for i, j in alignment.links}
    assert len(linked) == len(alignment.target_words)


def test_a_word_that_is_cut_in_parts_is_one_word():
    alignment = translated("abcdefghijklmnopqrst u", beam=1)[0].nbest[0].alignment
    assert alignment.source_words == ["abcdefghijklmnopqrst", "u"]
    assert alignment.weights.shape == (len(alignment.target_words), 2)
    np.testing.assert_allclose(alignment.weights.sum(axis=1) + alignment.end_weights, 1, atol=1e-5)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_run(tmp_path_factory.mktemp("run") / "tiny", end_bias=6.0, seed=2).path


@pytest.mark.parametrize("beam, rule", [(1, LinkRule()), (3, LinkRule("eos", shift=1))], ids=str)
def test_a_real_model_gives_its_translation_the_links_of_its_search(tiny, beam, rule):
    lines = [source for source, _ in tiny_corpus(30, seed=9)]
    overrides = {"beam": beam, "nbest": beam}
    translator = load_translator(tiny, overrides=overrides, link_rule=rule)
    subwords = Subwords(tiny / "subwords.target.model")
    sources, candidates = [], []
    for line, translation in zip(lines, translator.translate_lines(lines)):
        for candidate in translation.nbest:
            if subwords.tokens(subwords.encode(candidate.text)) == candidate.tokens[:-1]:
                sources.append(line)
                candidates.append(candidate)
    assert len(candidates) >= 10  # else the test says little
    forced = load_aligner(tiny, rule=rule).align_lines(sources, [c.text for c in candidates])
    links = 0
    for candidate, found in zip(candidates, forced):
        np.testing.assert_allclose(found.weights, candidate.alignment.weights, atol=1e-5)
        assert found.links == candidate.alignment.links
        assert found.target_words == candidate.alignment.target_words
        links += len(found.links)
    assert links >= 10
