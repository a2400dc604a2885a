"""Both directions made one: hand-worked, and against the algorithm on matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.alignment.symmetrization import METHODS, symmetrize
from nmtcli.errors import UsageError

# Source i across, target j down:   0 1 2 3     f forward, r reverse, B both.
#                                 0 B . . .
#                                 1 r B . .
#                                 2 . f . .
#                                 3 . . . f
#                                 4 . r . .
FORWARD = [(0, 0), (1, 1), (1, 2), (3, 3)]
REVERSE = [(0, 0), (0, 1), (1, 1), (1, 4)]
EXPECTED = {
    "intersection": [(0, 0), (1, 1)],
    "union": [(0, 0), (0, 1), (1, 1), (1, 2), (1, 4), (3, 3)],
    # (1, 2) is below (1, 1) and its target word 2 is free; (0, 1) has no free word.
    "grow-diag": [(0, 0), (1, 1), (1, 2)],
    # (3, 3) has two free words, (1, 4) one; neither is a neighbour.
    "grow-diag-final": [(0, 0), (1, 1), (1, 2), (1, 4), (3, 3)],
    "grow-diag-final-and": [(0, 0), (1, 1), (1, 2), (3, 3)],
}


@pytest.mark.parametrize("method", METHODS)
def test_a_hand_worked_example(method):
    assert symmetrize(FORWARD, REVERSE, method) == EXPECTED[method]
    assert symmetrize([], [], method) == []


def test_growing_goes_on_from_what_was_added():
    forward = [(0, 0), (1, 1), (2, 2)]
    reverse = [(0, 0)]
    assert symmetrize(forward, reverse, "grow-diag") == forward
    assert symmetrize([(2, 2), (1, 1), (0, 0)], [(2, 2)], "grow-diag") == forward


def test_final_takes_the_forward_links_first():
    assert symmetrize([(0, 0)], [(0, 1)], "grow-diag-final-and") == [(0, 0)]
    assert symmetrize([(0, 1)], [(0, 0)], "grow-diag-final-and") == [(0, 1)]
    assert symmetrize([(0, 0)], [(0, 1)], "grow-diag-final") == [(0, 0), (0, 1)]


NEIGHBOURS = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def on_matrices(forward, reverse, method, size):
    """The published pseudo-code on (target, source) matrices of booleans."""
    there, back = (np.zeros((size, size), dtype=bool) for _ in range(2))
    for matrix, links in ((there, forward), (back, reverse)):
        for i, j in links:
            matrix[j, i] = True
    result, union = there & back, there | back
    if method == "union":
        result = union
    if method.startswith("grow-diag"):
        while True:
            before = result.copy()
            for e in range(size):
                for f in range(size):
                    if not result[e, f]:
                        continue
                    for a, b in [
                        (-1, 0),
                        (0, -1),
                        (1, 0),
                        (0, 1),
                        (-1, -1),
                        (-1, 1),
                        (1, -1),
                        (1, 1),
                    ]:
                        x, y = e + a, f + b
                        if not (0 <= x < size and 0 <= y < size):
                            continue
                        free = not result[x].any() or not result[:, y].any()
                        if free and union[x, y]:
                            result[x, y] = True
            if (before == result).all():
                break
    if "final" in method:
        for matrix in (there, back):
            for e in range(size):
                for f in range(size):
                    free = [not result[e].any(), not result[:, f].any()]
                    if matrix[e, f] and (all(free) if method.endswith("and") else any(free)):
                        result[e, f] = True
    return sorted((int(i), int(j)) for j, i in zip(*np.nonzero(result)))


LINKS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14)


@given(LINKS, LINKS, st.sampled_from(sorted(METHODS)))
def test_it_is_the_algorithm_on_matrices(forward, reverse, method):
    assert symmetrize(forward, reverse, method) == on_matrices(forward, reverse, method, 7)


@given(LINKS, LINKS)
def test_each_method_has_the_links_of_the_one_before(forward, reverse):
    found = [set(symmetrize(forward, reverse, method)) for method in METHODS]
    intersection, union, grown, final, final_and = found
    assert intersection <= grown <= final_and
    assert grown <= final <= union


def test_another_method_is_refused():
    with pytest.raises(UsageError, match="must be one of intersection, union, .*, not 'or'"):
        symmetrize([], [], "or")
