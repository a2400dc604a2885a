"""What can be composed, what cannot, and why."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.mechanism_cases import MECHANISMS, every_composition
from nmtcli.config.attention import PLACEMENTS, PRESET, PRESETS, SCOPES, SCORES, Mechanism, compose

# (preset, options) -> why not. Each refusal there is stands here once at least.
REFUSED = [
    ("none", {"coverage": True}, "attention none has no weights that a window, heads, input"),
    ("none", {"input_feeding": True}, "attention none has no weights that"),
    ("none", {"heads": 4}, "attention none has no weights that"),
    ("none", {"score": "dot"}, "attention none has no score to be dot; choose another attention"),
    ("none", {"scope": "local-p"}, "attention none has no scope to be local-p; choose another"),
    ("none", {"placement": "after"}, "attention none has no placement to be after; choose another"),
    ("luong-location", {"scope": "local-m"}, "scope local-m needs a score that sees the source"),
    ("luong-local-p", {"score": "location"}, "scope local-p needs a score that sees the source"),
    ("bahdanau", {"heads": 2}, "heads are defined for the score scaled-dot, not for additive"),
    ("multi-head", {"score": "dot"}, "heads are defined for the score scaled-dot, not for dot"),
    ("multi-head", {"scope": "local-m"}, "scope local-m has one window, which several heads"),
    ("luong-dot", {"coverage": True}, "coverage is a term inside .*; dot has no such place"),
    ("multi-head", {"coverage": True}, "coverage is a term .*; scaled-dot has no such place"),
    ("bahdanau", {"input_feeding": True}, "input feeding is for attention after the cell"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "options", "message"), REFUSED)
def test_what_cannot_be_composed_is_refused_with_the_reason(preset, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        compose(preset, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"score": "cosine"}, "score must be one of additive, dot, .*, location, not 'cosine'"),
        ({"scope": "local"}, "scope must be one of global, local-m, local-p, not 'local'"),
        ({"placement": "between"}, "placement must be one of before, after, not 'between'"),
        ({"window": 0}, "window and heads must be positive, not 0 and 1"),
        ({"heads": -1}, "window and heads must be positive, not 10 and -1"),
    ],
)
def test_a_value_that_no_axis_has_is_a_problem(wrong, message):
    assert re.fullmatch(message, replace(PRESETS["luong-dot"], **wrong).problem())


def test_the_presets_are_the_papers():
    """Bahdanau et al., 3.1; Luong et al., 3.1 and 3.2, with the best local score of their table 4;
    Vaswani et al., 3.2."""
    axes = {n: (m.score, m.scope, m.placement, m.readout) for n, m in PRESETS.items()}
    assert axes == {
        "none": (None, "global", "before", "maxout"),
        "bahdanau": ("additive", "global", "before", "maxout"),
        "luong-dot": ("dot", "global", "after", "tanh"),
        "scaled-dot": ("scaled-dot", "global", "after", "tanh"),
        "luong-general": ("general", "global", "after", "tanh"),
        "luong-concat": ("concat", "global", "after", "tanh"),
        "luong-location": ("location", "global", "after", "tanh"),
        "luong-local-m": ("general", "local-m", "after", "tanh"),
        "luong-local-p": ("general", "local-p", "after", "tanh"),
        "multi-head": ("scaled-dot", "global", "after", "tanh"),
    }
    assert {m.window for m in PRESETS.values()} == {10}  # D of Luong et al., section 4.1
    assert not any(m.input_feeding or m.coverage for m in PRESETS.values())
    assert {n for n, m in PRESETS.items() if m.heads > 1} == {"multi-head"}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_alone_is_itself(preset):
    assert compose(preset) == PRESETS[preset]
    assert PRESETS[preset].problem() is None


def test_an_axis_that_is_given_takes_the_place_of_the_presets():
    made = compose("bahdanau", score="general", scope="local-p", placement="after", window=3)
    assert made == Mechanism("general", "after", "local-p", window=3)
    fed = compose("luong-concat", input_feeding=True, coverage=True)
    assert fed == replace(PRESETS["luong-concat"], input_feeding=True, coverage=True)
    assert (compose("multi-head").heads, compose("multi-head", heads=8).heads) == (4, 8)
    assert compose("multi-head", heads=1) == PRESETS["scaled-dot"]


@given(
    st.sampled_from(list(PRESETS)),
    st.sampled_from([PRESET, *SCORES]),
    st.sampled_from([PRESET, *SCOPES]),
    st.sampled_from([PRESET, *PLACEMENTS]),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
)
def test_every_choice_is_one_of_the_compositions_or_refused(
    preset, score, scope, placement, heads, fed, covered
):
    try:
        made = compose(preset, score, scope, placement, 1, heads, fed, covered)
    except ValueError as error:
        assert re.match(r"attention none|scope|several heads|coverage|input feeding", str(error))
        return
    assert replace(made, heads=min(made.heads, 2)) in [
        replace(m, window=1) for m in every_composition()
    ]
    assert (made.input_feeding, made.coverage) == (fed, covered)


def test_the_compositions_are_counted():
    """One without attention. 16 pairs of score and scope, for location is global alone: each before
    the cell, after it, and after it and fed, 48. With coverage 2 x 3 x 3; with heads, 3."""
    found = every_composition()
    assert len(found) == len(set(found)) == 1 + 48 + 18 + 3


def test_the_cases_of_the_tests_have_every_axis():
    cases = MECHANISMS.values()
    assert {m.score for m in cases} == {None, *SCORES}
    for score in SCORES:
        assert any(m.score == score for m in cases)
    for placement in PLACEMENTS:
        assert {m.scope for m in cases if m.placement == placement} == set(SCOPES)
    for scope in SCOPES:
        assert any(m.scope == scope and m.input_feeding for m in cases)
    assert {m.placement for m in cases if m.coverage} == set(PLACEMENTS)
    assert {m.placement for m in cases if m.heads > 1} == set(PLACEMENTS)
