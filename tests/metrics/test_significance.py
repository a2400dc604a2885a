"""Bootstrap intervals and the paired test against sacrebleu's public results."""

import random

import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from nmtcli.errors import UsageError
from nmtcli.metrics.bootstrap import bootstrap_seed, count_statistics
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, TerOptions
from nmtcli.metrics.significance import paired_bootstrap

METRICS = [(BleuOptions(), BLEU), (ChrfOptions(), CHRF), (TerOptions(), TER)]
BLEU_ONLY = [BleuOptions()]


def texts(systems: int, lines: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    """Two references and some systems, each worse than the one before."""
    dice = random.Random(11)
    words = ["one", "two,", "three", "four", "five", "six", "seven.", "여덟"]

    def changed(sentences, share):
        return [
            " ".join(dice.choice(words) if dice.random() < share else word for word in line.split())
            for line in sentences
        ]

    reference = [" ".join(dice.choices(words, k=dice.randint(1, 20))) for _ in range(lines)]
    references = [reference, changed(reference, 0.1)]
    return references, [changed(reference, 0.15 + 0.03 * number) for number in range(systems)]


@pytest.mark.parametrize(("options", "theirs"), METRICS)
def test_the_interval_is_that_of_sacrebleu(options, theirs):
    references, systems = texts(2)
    for statistics, lines in zip(count_statistics(references, systems, options), systems):
        ours = statistics.score(samples=200)
        known = theirs()
        raw = known.corpus_score(lines, references, n_bootstrap=200)
        assert ours.value == raw.score
        assert ours.interval.mean == pytest.approx(raw._mean, rel=1e-6)  # TER counts in float32
        assert ours.interval.half_width == pytest.approx(raw._ci, rel=1e-6)
        assert ours.text() == raw.format(1, False, known.get_signature().format())
        assert "bs:200|seed:12345" in ours.signature


def test_without_samples_there_is_the_score_alone():
    references, systems = texts(1)
    (statistics,) = count_statistics(references, systems, BleuOptions())
    statistics.score(samples=50)
    score = statistics.score()
    assert score.interval is None and "bs:" not in score.signature
    assert len(statistics) == 60


def test_an_interval_that_can_be_worked_out_by_hand():
    """Of two sentences a resample has twice the first, twice the second, or both: 1/4, 1/4, 1/2.

    The first is right and the second has no right word, so that a resample scores 100, 0, or what
    the whole scores. More than 2.5 % of the resamples lie at each end.
    """
    statistics = count_statistics([["a b c d", "e f g h"]], [["a b c d", "i j k l"]], BleuOptions())
    score = statistics[0].score(samples=1000)
    assert (score.interval.low, score.interval.high) == (0, pytest.approx(100))
    assert score.interval.half_width == pytest.approx(50)
    assert score.interval.mean == pytest.approx(100 / 4 + score.value / 2, abs=3)
    assert score.value == pytest.approx(50)  # each precision is one half


@pytest.mark.parametrize("seed", ["12345", "3"])
def test_the_paired_test_is_that_of_sacrebleu(seed, monkeypatch):
    monkeypatch.setenv("SACREBLEU_SEED", seed)
    references, systems = texts(3)
    ours = paired_bootstrap(references, systems, [options for options, _ in METRICS], samples=300)
    named = [(f"system {number}", lines) for number, lines in enumerate(systems)]
    metrics = {theirs.__name__: theirs(references=references) for _, theirs in METRICS}
    signatures, known = PairedTest(named, metrics, None, test_type="bs", n_samples=300)()
    assert [score.name for score in ours[0]] == list(signatures) == ["BLEU", "chrF2", "TER"]
    for number, scores in enumerate(ours):
        for score in scores:
            result = known[score.name][number]
            assert (score.score, score.mean, score.half_width, score.p_value) == (
                result.score,
                result.mean,
                result.ci,
                result.p_value,
            )
            assert score.signature == signatures[score.name].format()
    assert ours[0][0].p_value is None


def test_a_system_that_is_the_baseline_does_not_differ():
    references, (lines, other) = texts(2)
    same, different = paired_bootstrap(references, [lines, list(lines), other], BLEU_ONLY, 100)[1:]
    assert same[0].p_value == 1
    assert different[0].p_value < 1


def test_a_paired_test_needs_two_systems_and_two_sentences():
    references, systems = texts(1)
    with pytest.raises(UsageError, match="at least two"):
        paired_bootstrap(references, systems, BLEU_ONLY)
    with pytest.raises(UsageError, match="only one"):
        paired_bootstrap([["a"]], [["a"], ["b"]], BLEU_ONLY)
    with pytest.raises(UsageError, match="reference 1 has 2 lines"):
        paired_bootstrap([["a", "b"]], [["a", "b"], ["b"]], BLEU_ONLY)


def test_the_seed_is_read_as_sacrebleu_reads_it(monkeypatch):
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    assert bootstrap_seed() == 12345
    for text, seed in ("0", 0), ("77", 77), ("none", None), ("None", None):
        monkeypatch.setenv("SACREBLEU_SEED", text)
        assert bootstrap_seed() == seed
    for text in "", "x", "-3", "1.5", "²":
        monkeypatch.setenv("SACREBLEU_SEED", text)
        with pytest.raises(UsageError, match="SACREBLEU_SEED must be a whole number or none"):
            bootstrap_seed()
