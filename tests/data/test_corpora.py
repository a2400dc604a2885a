"""Several corpora with weights and tags, links of words, and a vocabulary that is chosen."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.preprocess_case import SMALL, corpus_of, fails, write_lines
from nmtcli import config
from nmtcli.cli.main import run
from nmtcli.config.auto import choose_size
from nmtcli.data.batching import (
    Batch,
    CorpusShare,
    alignment_matrix,
    make_arrays,
    pairs_of_epoch,
    plan_epoch,
)
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords


@pytest.fixture
def two(here):
    """A second corpus `s2`, `t2` of 40 pairs, and links for both, word after word."""
    sources, targets = corpus_of(40, seed=5)
    write_lines(here / "s2", sources)
    write_lines(here / "t2", targets)
    for name, lines in (("l", corpus_of(100)[0]), ("l2", sources)):
        links = [" ".join(f"{i}-{i}" for i in range(len(line.split()))) for line in lines]
        write_lines(here / name, links)
    return here


TWO = ["--train", "s", "t", "--train=s2", "t2"]


def test_corpora_stand_one_after_the_other_with_their_tags_and_weights(two, capsys):
    assert run(["preprocess", *TWO, "--weights", "1,0.5", "--tags", ",<b>", *SMALL]) == 0
    data = PreparedData("prepared")
    source = Subwords(data.source_model)
    shown = [source.decode(data.train.source(i)) for i in range(140)]
    assert shown == corpus_of(100)[0] + [f"<b> {line}" for line in corpus_of(40, seed=5)[0]]
    assert data.train.shares == (CorpusShare(100, 1.0), CorpusShare(40, 0.5))
    assert source.tokens(data.train.source(120))[0] == "\u2581<b>"
    # What the user writes before a line to translate is the same piece.
    assert source.encode(shown[120]) == data.train.source(120).tolist()
    facts = json.loads(Path("prepared/prepared.json").read_text())
    assert [(c["source"], c["weight"], c["tag"]) for c in facts["corpora"]] == [
        ("s", 1.0, ""), ("s2", 0.5, "<b>")
    ]  # fmt: skip
    assert [c["counts"]["kept"] for c in facts["corpora"]] == [100, 40]
    assert facts["counts"]["train"]["kept"] == 140 and len(facts["inputs"]["train"]) == 4
    assert "s2, t2: 40 of 40 pairs, weight 0.5, tag <b>" in capsys.readouterr().err
    arguments = ["preprocess", *TWO, "--tags", ",<b>", *SMALL]
    assert run([*arguments, "--weights", "1,0.5"]) == 0
    assert "already prepared" in capsys.readouterr().err
    assert run([*arguments, "--weights", "1,2"]) == 2
    assert "data.weights: [1.0, 0.5] -> (1.0, 2.0)" in capsys.readouterr().err


def test_a_file_of_options_names_several_corpora(two):
    text = "data: {train_source: [s, s2], train_target: [t, t2], weights: [1, 3], tags: [<a>, <b>]}"
    Path("c.yaml").write_text(text)
    assert run(["preprocess", "--config", "c.yaml", *SMALL, "--out", "a"]) == 0
    more = ["--weights", "1,3", "--tags", "<a>,<b>"]
    assert run(["preprocess", *TWO, *more, *SMALL, "--out", "b"]) == 0
    for name in ("00000.source.tokens.npy", "shards.json"):
        assert Path("a/train", name).read_bytes() == Path("b/train", name).read_bytes()
    data = config.load("c.yaml").data
    assert config.load(overrides={"data": {"train_source": ["s", "s2"]}}).data.train_source == (
        data.train_source
    )


def test_a_rejected_pair_names_its_file_and_the_same_pair_twice_is_one(two):
    write_lines(two / "s2", corpus_of(100)[0][:3])
    write_lines(two / "t2", corpus_of(100)[1][:3])
    fewer = ["--set", "data.max_ratio=0"]
    assert run(["preprocess", *TWO, "--tags", "<a>,<b>", *SMALL, *fewer, "--out", "tagged"]) == 0
    assert len(PreparedData("tagged").train) == 103
    write_lines(two / "s2", [*corpus_of(100)[0][:3], "ab cd"])
    write_lines(two / "t2", [*corpus_of(100)[1][:3], "AB CD"])
    assert run(["preprocess", *TWO, *SMALL, "--keep-rejected"]) == 0
    lines = Path("prepared/rejected.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["duplicate", f"s2:{n}"] for n in (1, 2, 3)]
    counts = PreparedData("prepared").facts["counts"]["train"]
    assert counts["rejected"] == {"duplicate": 3} and counts["kept"] == 101


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weights", "1"], ["data.weights has 1 values, but there are 2 training texts"]),
        (["--weights", "1,0"], ["data.weights", "not 0"]),
        (["--weights", "1,x"], ["--weights: 'x'", "--weights 1,0.5"]),
        (["--weights", "1,nan"], ["data.weights", "not nan"]),
        (["--tags", "<a>"], ["data.tags has 1 values"]),
        (["--tags", "<a>,b"], ["invalid tag 'b'", "<2ko>"]),
        (["--tags", "<a>,<unk>"], ["invalid tag '<unk>'"]),
        (["--tags", "<a>,<b c>"], ["invalid tag '<b c>'"]),
        (["--alignments", "l"], ["data.alignments has 1 values"]),
        (["--train", "s"], ["--train needs two files"]),
        (["--alignments", "l", "--alignments", "l"], ["l has 100 lines, but s2 has 40"]),
        (["--alignments", "l", "--alignments", "none"], ["none: there is no such file"]),
        (["--set", "data.weights=heavy"], ["data.weights must be a list of numbers"]),
    ],
)
def test_what_does_not_fit_the_corpora_is_refused(two, capsys, arguments, words):
    fails(capsys, [*TWO, *SMALL, *arguments], 2, *words)


# -- weights in the plan -----------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0.05, 3.5)), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_after_any_epochs_the_pairs_of_a_corpus_were_seen_alike(shares, epochs):
    shares = [CorpusShare(*share) for share in shares]
    seen = np.zeros(sum(share.pairs for share in shares), int)
    for epoch in range(epochs):
        chosen = pairs_of_epoch(shares, 3, epoch)
        assert len(chosen) == sum(max(1, round(s.pairs * s.weight)) for s in shares)
        seen += np.bincount(chosen, minlength=len(seen))
    start = 0
    for share in shares:
        of_corpus = seen[start : start + share.pairs]
        assert of_corpus.max() - of_corpus.min() <= 1
        start += share.pairs


def test_a_half_is_another_half_and_a_function_of_seed_and_epoch():
    shares = [CorpusShare(100, 0.5), CorpusShare(10, 2.0)]
    first, second = (pairs_of_epoch(shares, 1, epoch) for epoch in (0, 1))
    assert not set(first[:50]) & set(second[:50])
    assert sorted(first[50:]) == sorted([*range(100, 110)] * 2)
    assert pairs_of_epoch(shares, 1, 0).tolist() == first.tolist()
    assert pairs_of_epoch(shares, 2, 0).tolist() != first.tolist()


def test_weights_of_one_change_no_plan():
    lengths = np.random.default_rng(0).integers(1, 40, (2, 500))
    plain = plan_epoch(*lengths, 600, 4, 2)
    shared = plan_epoch(*lengths, 600, 4, 2, (CorpusShare(300), CorpusShare(200)))
    assert [b.pairs.tolist() for b in plain] == [b.pairs.tolist() for b in shared]
    weighted = plan_epoch(*lengths, 600, 4, 2, (CorpusShare(300, 0.5), CorpusShare(200, 2.0)))
    counts = np.bincount(np.concatenate([b.pairs for b in weighted]), minlength=500)
    assert counts[:300].sum() == 150 and counts[:300].max() == 1 and (counts[300:] == 2).all()


# -- alignments --------------------------------------------------------------------------------


def test_links_of_words_become_links_of_pieces_and_follow_the_filters(two):
    write_lines(two / "s", ["same", *corpus_of(100)[0][1:]])
    write_lines(two / "t", ["same", *corpus_of(100)[1][1:]])
    lines = (two / "l").read_text().splitlines()
    write_lines(two / "l", ["0-0", "0-1 2-0", "", *lines[3:]])
    links = ["--alignments", "l", "--alignments", "l2"]
    assert run(["preprocess", *TWO, *links, "--tags", ",<b>", *SMALL]) == 0
    data = PreparedData("prepared")
    subwords = Subwords(data.source_model)
    assert len(data.train) == 139  # without the first pair, whose sides are the same

    def expected(i, words):
        # U+2581 begins each word, which says by other means than ours to which one a piece belongs.
        starts = [
            np.cumsum([piece.startswith("\u2581") for piece in subwords.tokens(ids)]) - 1
            for ids in (data.train.source(i), data.train.target(i))
        ]
        return sorted(
            [s, t]
            for w, v in words
            for s in np.flatnonzero(starts[0] == w)
            for t in np.flatnonzero(starts[1] == v)
        )

    assert data.train.links(0).tolist() == expected(0, [(0, 1), (2, 0)])
    assert data.train.links(1).shape == (0, 2)
    count = len(corpus_of(100)[0][3].split())
    assert data.train.links(2).tolist() == expected(2, [(j, j) for j in range(count)])
    count = len(corpus_of(40, seed=5)[0][0].split())  # here a tag stands before the words
    assert data.train.links(99).tolist() == expected(99, [(j + 1, j) for j in range(count)])
    assert data.train.links(99).dtype == np.int32


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0-0 x", ["l:7: 'x' is not a link; write 3-4"]),
        ("0-99", ["l:7: link 0-99 is outside the sentences"]),
        ("0?0", ["l:7: '0?0' is a possible link"]),
        ("\udcff", ["l:7: '\ufffd' is not a link"]),
    ],
)
def test_a_line_of_links_that_is_wrong_is_named(two, capsys, line, words):
    lines = (two / "l").read_text().splitlines()
    write_lines(two / "l", [*lines[:6], line, *lines[7:]])
    fails(capsys, ["--train", "s", "t", *SMALL, "--alignments", "l"], 2, *words)


def test_pairs_without_links_say_how_to_get_them(two):
    run(["preprocess", "--train", "s", "t", *SMALL])
    pairs = PreparedData("prepared").train
    assert not pairs.has_links
    with pytest.raises(NmtError, match="nmt preprocess --alignments FILE"):
        pairs.links(0)


def test_an_alignment_is_spread_evenly_and_eos_belongs_to_eos():
    links = [np.array([(0, 0), (2, 0), (1, 2)]), np.zeros((0, 2), np.int32)]
    alignment = alignment_matrix(links, [(3, 3), (1, 2)], rows=3, source_length=5, target_length=4)
    expected = np.zeros((3, 4, 5))
    expected[0, 0, [0, 2]] = 0.5
    expected[0, 2, 1] = expected[0, 3, 3] = expected[1, 2, 1] = 1.0
    assert alignment.dtype == np.float32
    np.testing.assert_array_equal(alignment, expected)


def test_arrays_hold_the_alignment_of_their_pairs_on_request(two):
    run(["preprocess", "--train", "s", "t", "--alignments", "l", *SMALL])
    pairs = PreparedData("prepared").train
    batch = Batch(np.array([5, 3]), 3, 128, 128)
    assert make_arrays(pairs, batch).alignment is None
    arrays = make_arrays(pairs, batch, with_alignment=True)
    sums = arrays.alignment.sum(axis=2)
    np.testing.assert_allclose(sums, arrays.targets != 0, atol=1e-6)  # each word is linked here
    for row in (0, 1):
        place = [ids[row].tolist().index(EOS_ID) for ids in (arrays.targets, arrays.source_ids)]
        assert arrays.alignment[row, place[0], place[1]] == 1.0


# -- the vocabulary ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
def test_a_small_text_gets_as_many_pieces_as_it_has(here, capsys, kind):
    assert run(["preprocess", "--train", "s", "t", "--subwords", kind]) == 0
    size = PreparedData("prepared").facts["vocabulary"]["source"]
    said = capsys.readouterr().err
    assert f"vocabulary {size}: " in said and "100 pairs" in said and "--vocab-size" in said
    assert 15 < size <= {"char": 16_000, "word": 32_000}.get(kind, 1000)
    assert PreparedData("prepared").facts["config"]["subwords"]["vocabulary_size"] == 0
    assert run(["preprocess", "--train", "s", "t", "--subwords", kind]) == 0
    assert "already prepared" in capsys.readouterr().err


def test_many_characters_enlarge_the_vocabulary(here, capsys):
    characters = [chr(0x4E00 + i) for i in range(1500)]
    write_lines(here / "c", ["".join(characters[i : i + 20]) for i in range(0, 1500, 10)])
    write_lines(here / "d", [f"line {i}" for i in range(150)])
    assert run(["preprocess", "--train", "c", "d", "--separate"]) == 0
    said = capsys.readouterr().err
    assert "source vocabulary" in said and "characters" in said and "target vocabulary" in said
    assert PreparedData("prepared").facts["vocabulary"]["source"] > 1500
    assert PreparedData("prepared").facts["counts"]["train"]["unknown"] == [0, 0]


def test_the_users_own_size_is_not_spoken_of(here, capsys):
    assert run(["preprocess", "--train", "s", "t", *SMALL]) == 0
    assert "vocabulary 60:" not in capsys.readouterr().err


def test_more_pairs_get_more_pieces():
    sizes = [choose_size(10**n, "unigram").pieces for n in range(1, 9)]
    assert sizes == sorted(sizes) and sizes[0] == 1000 and sizes[-1] == 32_000
    assert choose_size(29_000, "bpe") == (8000, "29,000 pairs")
