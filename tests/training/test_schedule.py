"""Learning rates against the formulas of the papers."""

import itertools
import math

import pytest

from nmtcli.training.schedule import learning_rate

SCHEDULES = ("constant", "inverse-sqrt", "linear", "cosine", "plateau")


def rate(step, schedule, highest=0.002, warmup=100, total=1100):
    return learning_rate(step, highest=highest, warmup=warmup, schedule=schedule, total=total)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_grows_in_a_line_to_the_highest(schedule):
    assert [rate(step, schedule) for step in (1, 50, 100)] == pytest.approx([2e-5, 1e-3, 2e-3])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_rate_is_above_the_highest_or_below_zero_and_none_jumps(schedule):
    rates = [rate(step, schedule) for step in range(1, 1300)]
    assert max(rates) == pytest.approx(0.002) and min(rates) >= 0.0
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) <= 2.001e-5


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_constant_and_plateau_stay_by_themselves(schedule):
    assert rate(101, schedule) == rate(10**9, schedule) == 0.002


@pytest.mark.parametrize("step", [101, 400, 4000, 10**6])
def test_inverse_sqrt_is_the_transformers_schedule(step):
    """Vaswani et al. (2017), equation 3, whose model size is just a factor."""
    size = 512
    paper = size**-0.5 * min(step**-0.5, step * 4000**-1.5)
    highest = size**-0.5 * 4000**-0.5
    assert rate(step, "inverse-sqrt", highest, warmup=4000) == pytest.approx(paper)


@pytest.mark.parametrize(("step", "left"), [(101, 0.999), (600, 0.5), (1000, 0.1), (1100, 0.0)])
def test_linear_falls_to_zero_at_the_total(step, left):
    assert rate(step, "linear") == pytest.approx(0.002 * left, abs=1e-12)


@pytest.mark.parametrize("step", [101, 350, 600, 1099, 1100])
def test_cosine_is_that_of_the_paper(step):
    """Loshchilov and Hutter (2017), equation 5, without restarts and to zero."""
    paper = 0.5 * 0.002 * (1 + math.cos(math.pi * (step - 100) / 1000))
    assert rate(step, "cosine") == pytest.approx(paper, abs=1e-12)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_rate_stays_zero_beyond_the_total(schedule):
    assert rate(1100, schedule) == rate(5000, schedule) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warm_up_the_first_rate_is_near_the_highest(schedule):
    assert rate(1, schedule, warmup=0) == pytest.approx(0.002, rel=2e-3)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="Unknown schedule. Received: 'step'"):
        rate(101, "step")


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_schedule_with_an_end_needs_a_total(schedule):
    with pytest.raises(ValueError, match=f"'{schedule}' needs a total number of steps"):
        rate(101, schedule, total=0)
