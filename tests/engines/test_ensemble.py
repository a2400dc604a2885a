"""Several models as one: means written out in NumPy, and searches over them."""

import shutil

import numpy as np
import pytest

from helpers.covering import others_are_slow
from helpers.fake_engine import FakeEngine, padded
from helpers.search_cases import SOURCES
from helpers.tiny_run import make_tiny_run, tiny_corpus
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search
from nmtcli.engines.ensemble import Ensemble, best_ids, combined
from nmtcli.errors import UsageError
from nmtcli.inference.loading import find_members
from nmtcli.text.special_tokens import BOS_ID, EOS_ID
from nmtcli.text.subwords import Subwords

LIMITS = np.array([9, 1, 12, 14, 2])
TARGETS = padded([[5, 6, EOS_ID], [EOS_ID], [4, 4, 7, EOS_ID], [8, EOS_ID], [9, EOS_ID]])


def mean(log_probs, kind):
    """Of (M, ...) log-probabilities, as the docstring of `Ensemble` has it."""
    log_probs = np.asarray(log_probs, dtype=np.float64)
    return log_probs.mean(axis=0) if kind == "log" else np.log(np.exp(log_probs).mean(axis=0))


class Averaged(FakeEngine):
    """The same as one model: the distribution of each step is the mean of the engines'."""

    def __init__(self, engines, kind):
        super().__init__(engines[0].vocabulary_size)
        self.engines, self.kind = engines, kind

    def distribution(self, source, prefix):
        both = [engine.distribution(source, prefix) for engine in self.engines]
        attention = np.mean([weights for _, weights in both], axis=0)
        return mean([p for p, _ in both], self.kind).astype(np.float32), attention


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_searches_over_an_ensemble_are_those_over_the_mean(kind):
    for seed in range(4):
        engines = [FakeEngine(seed=3 * seed + m) for m in range(3)]
        ensemble, one = Ensemble(engines, kind), Averaged(engines, kind)
        together = beam_search(ensemble, padded(SOURCES), 4, 0.8, LIMITS, 4)
        for ours, expected in zip(together, beam_search(one, padded(SOURCES), 4, 0.8, LIMITS, 4)):
            assert [h.ids for h in ours] == [h.ids for h in expected]
            for left, right in zip(ours, expected):
                assert left.score == pytest.approx(right.score, abs=1e-5)
                np.testing.assert_allclose(left.attention, right.attention, atol=1e-6)
        for ours, expected in zip(
            greedy_search(ensemble, padded(SOURCES), 1.0, LIMITS),
            greedy_search(one, padded(SOURCES), 1.0, LIMITS),
        ):
            assert ours.ids == expected.ids


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_the_score_of_a_hypothesis_is_its_log_probability(kind):
    ensemble = Ensemble([FakeEngine(seed=m) for m in range(2)], kind)
    for source, hypotheses in zip(
        SOURCES, beam_search(ensemble, padded(SOURCES), 3, 1.0, LIMITS, 3)
    ):
        for h in hypotheses:
            scores = ensemble.score(padded([source]), padded([[*h.ids, EOS_ID]]))
            assert h.log_prob == pytest.approx(scores.sum(dtype=np.float64), abs=1e-5)


def test_scores_are_means_and_zero_at_the_padding():
    engines = [FakeEngine(seed=m) for m in range(3)]
    own = [engine.score(padded(SOURCES), TARGETS) for engine in engines]
    for kind in ("log", "linear"):
        found = Ensemble(engines, kind).score(padded(SOURCES), TARGETS)
        np.testing.assert_allclose(found, mean(own, kind), atol=1e-6)
        assert (found[TARGETS == 0] == 0).all()


def test_what_is_impossible_to_one_is_impossible_to_the_product_and_not_to_the_mixture():
    class Certain(FakeEngine):
        def distribution(self, source, prefix):
            log_probs = np.full(self.vocabulary_size, -np.inf, dtype=np.float32)
            log_probs[5 if len(prefix) < 2 else EOS_ID] = 0.0
            return log_probs, np.ones(len(source)) / len(source)

    engines = [Certain(), FakeEngine(seed=1)]
    for kind, ids in (("log", [[5, 5]]), ("linear", [[5, 5]])):
        found = beam_search(Ensemble(engines, kind), padded(SOURCES[:1]), 3, 0.0, [6], 3)[0]
        assert [h.ids for h in found][:1] == ids
        assert (found[1].log_prob < -1e20) == (kind == "log")


def test_attention_is_the_mean_of_those_that_have_it():
    engines = [FakeEngine(seed=m) for m in range(3)]
    engines[1].has_attention = False
    own = [engine.align(padded(SOURCES), TARGETS) for engine in engines]
    ensemble = Ensemble(engines)
    np.testing.assert_allclose(
        ensemble.align(padded(SOURCES), TARGETS), (own[0] + own[2]) / 2, atol=1e-6
    )
    state = ensemble.start(padded(SOURCES))
    step = ensemble.step(state, np.arange(5), np.full(5, BOS_ID), 2)
    np.testing.assert_allclose(step.attention, (own[0][:, 0] + own[2][:, 0]) / 2, atol=1e-6)
    assert ensemble.has_attention and not ensemble.has_window
    for engine in engines:
        engine.has_attention = False
    assert not Ensemble(engines).has_attention
    assert not Ensemble(engines).align(padded(SOURCES), TARGETS).any()


def test_of_one_engine_there_is_no_ensemble():
    engine = FakeEngine()
    assert combined([engine]) is engine


def test_engines_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"sizes \[9, 12\]"):
        Ensemble([FakeEngine(12), FakeEngine(9)])
    with pytest.raises(ValueError, match="sizes"):
        Ensemble([])
    with pytest.raises(ValueError, match="one of log, linear, not mean"):
        Ensemble([FakeEngine()], "mean")


@pytest.mark.parametrize("k", [1, 3, 8, 9])
def test_the_best_ids_are_those_of_a_stable_sort_also_between_equals(k):
    random = np.random.default_rng(k)
    for values in (random.normal(size=(40, 9)), random.integers(0, 3, (40, 9)).astype(float)):
        values[0, :4] = -np.inf
        expected = np.argsort(-values, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(best_ids(values, k), expected)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two runs of other architectures with the same subwords, one with two checkpoints."""
    folder = tmp_path_factory.mktemp("runs")
    one = make_tiny_run(folder / "one", beam=3)
    make_tiny_run(folder / "other", attention="luong-dot", cell="lstm", layers=2, seed=2)
    later = make_tiny_run(folder / "later", seed=5, step=9)
    shutil.copytree(later.checkpoints / "step-9", one.checkpoints / "step-9")
    make_tiny_run(folder / "none", attention="none", seed=3)
    make_tiny_run(folder / "joint", joint=True)
    return folder


def engine_of(run, checkpoint="best"):
    from nmtcli.engines.load import load_engine
    from nmtcli.runs.directory import RunDirectory

    return load_engine(RunDirectory(run), checkpoint)


@pytest.mark.parametrize("kind", others_are_slow(["log", "linear"], ["linear"]))
def test_two_models_of_other_architectures_are_averaged_as_in_numpy(tiny, kind):
    engines = [engine_of(tiny / name) for name in ("one", "other", "none")]
    ensemble = Ensemble(engines, kind)
    subwords = Subwords(tiny / "one" / "subwords.source.model")
    source = padded([[*subwords.encode(line), EOS_ID] for line, _ in tiny_corpus(6, seed=3)])
    states, state = [engine.start(source) for engine in engines], ensemble.start(source)
    rows, previous = np.arange(6, dtype=np.int32), np.full(6, BOS_ID, dtype=np.int32)
    for _ in range(4):
        full = []
        for m, engine in enumerate(engines):
            step = engine.step(states[m], rows, previous, engine.vocabulary_size)
            states[m] = step.state
            log_probs = np.empty_like(step.log_probs)
            for r in range(len(rows)):
                log_probs[r, step.ids[r]] = step.log_probs[r]
            full.append(log_probs)
        expected = mean(full, kind)
        step = ensemble.step(state, rows, previous, 5)
        np.testing.assert_allclose(step.log_probs, -np.sort(-expected)[:, :5], atol=1e-5)
        chosen = np.take_along_axis(expected, step.ids, axis=1)
        np.testing.assert_allclose(step.log_probs, chosen, atol=1e-5)
        state, rows, previous = step.state, np.array([1, 0, 2, 2, 5, 4], np.int32), step.ids[:, 1]
    limits = np.full(6, 12)
    for b, hypotheses in enumerate(beam_search(ensemble, source, 3, 1.0, limits, 3)):
        for h in hypotheses:
            found = ensemble.score(source[b : b + 1], padded([[*h.ids, EOS_ID]]))
            assert h.log_prob == pytest.approx(found.sum(dtype=np.float64), abs=1e-3)


def test_several_runs_or_checkpoints_are_members(tiny):
    one, other = str(tiny / "one"), str(tiny / "other")

    def found(*arguments):
        return [(m.run.path.name, m.checkpoint) for m in find_members(*arguments)]

    assert found(one) == found([one], ["best"]) == [("one", "best")]
    assert found([one, other], "last") == [("one", "last"), ("other", "last")]
    assert found([one], ["step-7", "step-9"]) == [("one", "step-7"), ("one", "step-9")]
    assert found([one, other], ["best", "step-7"]) == [("one", "best"), ("other", "step-7")]


def test_runs_that_have_no_mean_are_refused_by_name(tiny):
    one, joint = str(tiny / "one"), str(tiny / "joint")
    with pytest.raises(UsageError, match=f"{one} and {joint} have different source subwords"):
        find_members([one, joint])
    with pytest.raises(UsageError, match="2 runs but 3 checkpoints"):
        find_members([one, one], ["best", "last", "step-7"])
    with pytest.raises(UsageError, match="give best, last or step-N"):
        find_members([one], ["best", "newest"])


@pytest.mark.slow
def test_the_commands_take_several_runs_and_checkpoints(tiny, tmp_path, capfd):
    from nmtcli.cli.main import run as nmt

    lines, target = tmp_path / "lines", tmp_path / "target"
    lines.write_text("".join(f"{line}\n" for line, _ in tiny_corpus(5, seed=9)))
    names = ["--run", str(tiny / "one"), "--run", str(tiny / "other")]

    def output(*arguments):
        assert nmt([str(argument) for argument in arguments]) == 0
        return capfd.readouterr().out

    both = output("translate", *names, "-i", lines, "-o", target, "--scores")
    assert both == "" and target.read_text().count("\n") == 5
    scored, texts = zip(*(line.split("\t") for line in target.read_text().splitlines()))
    target.write_text("".join(f"{text}\n" for text in texts))
    together = [float(x) for x in output("score", *names, lines, target).split()]
    own = [
        [float(x) for x in output("score", "--run", tiny / name, lines, target).split()]
        for name in ("one", "other")
    ]
    np.testing.assert_allclose(together, np.mean(own, axis=0), atol=2e-3)
    linear = [
        float(x) for x in output("score", *names, "--ensemble", "linear", lines, target).split()
    ]
    assert all(mixture >= product for mixture, product in zip(linear, together))
    run = ["--run", tiny / "one", "-i", lines, "--scores"]
    first, second = (output("translate", *run, "--checkpoint", c) for c in ("step-7", "step-9"))
    average = output("translate", *run, "--checkpoint", "step-7", "--checkpoint", "step-9")
    assert len({first, second, average}) == 3
    assert len(scored) == 5
