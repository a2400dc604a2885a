"""What validations decide: the best one, the end, and a lower learning rate."""

from hypothesis import given
from hypothesis import strategies as st

from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.training.early_stopping import NO_BETTER, record_validation
from nmtcli.training.state import TrainerState

PLATEAU = {"schedule": "plateau", "warmup_steps": 0, "plateau_patience": 2}


def run(scores, stopping="bleu", patience=100, **training):
    """The `TrainerState` after validations with these scores, and which of them were the best."""
    state, best = TrainerState(), []
    options = TrainingConfig(**training)
    validation = ValidationConfig(early_stopping=stopping, patience=patience)
    for step, score in enumerate(scores, start=1):
        state.step = step
        found = score if isinstance(score, dict) else {"bleu": score, "perplexity": 5.0}
        best.append(record_validation(state, found, options, validation))
    return state, best


def test_chrf_and_bleu_may_choose_different_ones():
    scores = [{"bleu": b, "chrf": c, "perplexity": 5.0} for b, c in ((20, 50), (19, 52), (21, 51))]
    assert run(scores, "bleu")[0].best_step == 3
    assert run(scores, "chrf")[0].best_step == 2


def test_patience_ends_the_training_and_says_by_which_score():
    scores = [{"bleu": 1.0 * n, "chrf": 9.0, "perplexity": 5.0} for n in range(4)]
    state, _ = run(scores, "chrf", patience=3)
    assert state.finished == "no better chrF in 3 validations"
    assert run(scores, "none", patience=3)[0].finished == ""


def test_plateau_halves_after_its_patience_and_waits_again():
    state, _ = run([10, 9, 9], **PLATEAU)
    assert state.plateau_scale == 0.5 and state.plateau_bad_validations == 0
    assert run([10, 9, 9, 9], **PLATEAU)[0].plateau_scale == 0.5
    assert run([10, 9, 9, 9, 9], **PLATEAU)[0].plateau_scale == 0.25


def test_a_gain_lets_plateau_wait_anew():
    assert run([10, 9, 11, 9], **PLATEAU)[0].plateau_scale == 1.0


def test_validations_of_the_warm_up_lower_nothing():
    assert run([10, 9, 9, 9], **{**PLATEAU, "warmup_steps": 3})[0].plateau_scale == 1.0


def test_at_its_floor_plateau_ends_the_training():
    state, _ = run([10] + [9] * 6, **PLATEAU, plateau_floor=0.25)
    assert state.plateau_scale == 0.25
    assert state.finished == "no better BLEU at the lowest learning rate"
    assert state.finished.startswith(NO_BETTER)  # so that a resumed training stays ended


def test_other_schedules_have_no_plateau():
    assert run([10] + [9] * 9, schedule="constant", warmup_steps=0)[0].plateau_scale == 1.0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 4))
def test_plateau_is_that_of_a_plain_count(scores, patience):
    """As in PyTorch's ReduceLROnPlateau, but that ours lowers at, and not after, its patience."""
    state, best = run(scores, **{**PLATEAU, "plateau_patience": patience, "plateau_floor": 0.0})
    scale, waited = 1.0, 0
    for number, score in enumerate(scores):
        gained = score > max(scores[:number], default=-1)
        assert best[number] == gained
        waited = 0 if gained else waited + 1
        if waited == patience:
            scale, waited = scale / 2, 0
    assert (state.plateau_scale, state.plateau_bad_validations) == (scale, waited)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=20), st.data())
def test_a_state_that_was_saved_and_read_goes_on_alike(scores, data):
    cut = data.draw(st.integers(1, len(scores) - 1))
    training, validation = TrainingConfig(**PLATEAU), ValidationConfig()
    whole, parts = TrainerState(), TrainerState()
    for number, score in enumerate(scores):
        if number == cut:
            parts = TrainerState.from_dict(parts.as_dict())
        for state in (whole, parts):
            state.step = number + 1
            record_validation(state, {"bleu": score, "perplexity": 5.0}, training, validation)
    assert whole == parts
