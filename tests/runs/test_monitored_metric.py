"""The monitored metric: which score decides, and which validation of a run is the best."""

import math

import pytest

from nmtcli.runs.monitored_metric import best_validation, is_better, monitored_metric


@pytest.mark.parametrize(
    ("early_stopping", "name", "value"),
    [
        ("bleu", "bleu", [30.0, -4.0]),
        ("chrf", "chrf", [55.0, -4.0]),
        ("perplexity", "perplexity", [-4.0]),
        ("none", "bleu", [30.0, -4.0]),
    ],
)
def test_the_chosen_score_decides_and_perplexity_between_equals(early_stopping, name, value):
    scores = {"bleu": 30.0, "chrf": 55.0, "perplexity": 4.0}
    assert monitored_metric(scores, early_stopping) == (name, value)


@pytest.mark.parametrize("early_stopping", ["bleu", "chrf", "none"])
def test_perplexity_decides_where_nothing_was_translated(early_stopping):
    assert monitored_metric({"perplexity": 4.0}, early_stopping) == ("perplexity", [-4.0])


def test_without_any_perplexity_the_score_still_decides():
    assert monitored_metric({"bleu": 1.0, "perplexity": None}, "bleu") == ("bleu", [1.0, -math.inf])


def test_any_value_is_better_than_none_and_an_equal_one_is_not():
    assert is_better([-9.0], None)
    assert is_better([20.0, -4.0], [20.0, -5.0])
    assert not is_better([20.0, -4.0], [20.0, -4.0])


def line(step, bleu, perplexity, kind="validation", **more):
    return {"kind": kind, "step": step, "bleu": bleu, "perplexity": perplexity, **more}


@pytest.mark.parametrize(
    ("early_stopping", "step"), [("bleu", 30), ("none", 30), ("perplexity", 10), ("chrf", 10)]
)
def test_the_best_validation_is_that_of_the_monitored_metric(early_stopping, step):
    lines = [line(10, 20.0, 4.0), line(20, 30.0, 6.0), line(30, 30.0, 5.0), line(40, 30.0, 5.0)]
    assert best_validation(lines, early_stopping)["step"] == step


def test_an_average_is_the_best_only_where_the_training_said_so():
    lines = [line(10, 20.0, 4.0), {"kind": "train", "step": 20, "perplexity": 1.0}]
    for best in (False, True):
        average = line(20, 30.0, 4.0, kind="average", best=best)
        assert best_validation([*lines, average], "bleu")["step"] == (20 if best else 10)


@pytest.mark.parametrize("bleu", [None, "?"])
def test_a_validation_whose_score_cannot_be_read_is_behind_the_others(bleu):
    assert best_validation([line(10, bleu, 4.0), line(20, 1.0, 9.0)], "bleu")["step"] == 20


def test_without_validations_there_is_no_best_one():
    assert best_validation([{"kind": "train", "step": 20, "perplexity": 1.0}], "bleu") is None
