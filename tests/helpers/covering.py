"""Models that together have every part of what the others are composed of.

What takes seconds for each model is tested with these by `make test`, and with all by
`make test-all`.
"""

import pytest

# No attention, no state of its own, and each kind of state that is carried from step to step.
TELLING = (
    *("none", "bahdanau", "input feeding, local-p", "coverage, local-p"),
    "transformer, post-norm, rotary and geglu",
)
# Each score, scope, placement and extra, and the Transformer.
COVERING = (
    *(*TELLING, "multi-head", "luong-location", "input feeding, local-m"),
    "coverage, input feeding",
)


def others_are_slow(cases, covering=COVERING, name=lambda case: case) -> list:
    """Parameters of a test, of which those outside of `covering` are slow.

    Args:
        cases: the parameters.
        covering: names of models.
        name: gives the name of a parameter's model.
    """
    return [
        pytest.param(case, marks=() if name(case) in covering else pytest.mark.slow)
        for case in cases
    ]
