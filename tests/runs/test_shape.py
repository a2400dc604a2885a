"""The shapes of values of JSON."""

import pytest

from nmtcli.runs.shape import misfit

SHAPE = {"a": int, "b": {"c": [str], "d": (int, float)}, "e": {...: bool}}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": {"c": [], "d": [1, 2]}, "e": {"x": True}, "other": [None, {}]},
        {"a": None, "b": None},
        {"b": {"c": None, "d": [1, 2.5]}},
    ],
)
def test_what_fits(value):
    assert misfit(value, SHAPE) is None


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "the whole"),
        (None, "the whole"),
        ({"a": "1"}, "a"),
        ({"a": True}, "a"),
        ({"a": 1.5}, "a"),
        ({"a": 2**63}, "a"),
        ({"b": []}, "b"),
        ({"b": {"c": ["x", 1]}}, "b.c.1"),
        ({"b": {"c": ["x", None]}}, "b.c"),
        ({"b": {"d": [1]}}, "b.d"),
        ({"b": {"d": [1, "2"]}}, "b.d.1"),
        ({"e": {"x": 1}}, "e.x"),
        ({"e": {"x": None}}, "e.x"),
    ],
)
def test_what_does_not_fit_is_named(value, where):
    assert misfit(value, SHAPE) == where


def test_a_key_can_be_required():
    assert misfit({"a": None}, SHAPE, ("a",)) == "a"
    assert misfit({"b": {}}, SHAPE, ("a",)) == "a"
    assert misfit({"a": 1}, SHAPE, ("a",)) is None
