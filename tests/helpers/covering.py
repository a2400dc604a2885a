"""Models that together have every part of what the others are composed of.

What takes seconds for each model is tested with these by `make test`, and with all by
`make test-all`.
"""

import pytest

# No attention, no state of its own, each kind of state that is carried from step to step, and the
# Transformer. Each score and scope is compared with the papers by tests of the layers.
COVERING = (
    *("none", "bahdanau", "input feeding, local-p", "coverage, local-p"),
    "transformer, post-norm, rotary and geglu",
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
