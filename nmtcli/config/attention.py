"""Attention mechanisms as combinations of axes, and presets with the papers' names.

    score x scope x placement, and extras: input feeding, coverage, several heads

Nothing here computes; see `layers/scores.py`, `layers/attention.py` and `models/rnn_decoder.py`.
"""

from dataclasses import dataclass, replace

SCORES = ("additive", "dot", "scaled-dot", "general", "concat", "location")
SCOPES = ("global", "local-m", "local-p")
PLACEMENTS = ("before", "after")
PRESET = "preset"  # an axis with this value keeps the preset's value


@dataclass(frozen=True)
class Mechanism:
    """An attention mechanism as a combination of axes.

    score: the score function, one of `SCORES`; None: no attention, but one fixed vector for the
        whole sentence.
    placement: `before` the cell (query s(t-1); the context is an input of the cell) or `after` it
        (query s(t); the context joins the state on its way to the output layer).
    scope: `global`, or a window around position t (`local-m`) or a predicted one (`local-p`).
    window: D, source positions on each side of the window's centre.
    heads: the number of heads of multi-head attention; 1 means attention without heads.
    input_feeding: whether the attentional state of a step is an input of the next step.
    coverage: whether the score uses the sum of the weights so far.
    """

    score: str | None
    placement: str
    scope: str = "global"
    window: int = 10
    heads: int = 1
    input_feeding: bool = False
    coverage: bool = False

    @property
    def readout(self) -> str:
        """The kind of readout: `maxout` of state, embedding and context (Bahdanau et al., 2015,
        A.2), or `tanh` of state and context (Luong et al., 2015, equation 5)."""
        return "maxout" if self.placement == "before" else "tanh"

    @property
    def is_local(self) -> bool:
        return self.scope != "global"

    def problem(self) -> str | None:
        """Explain why this combination is impossible; return None if it is possible."""
        names = {"score": SCORES, "scope": SCOPES, "placement": PLACEMENTS}
        for axis, known in names.items():
            if getattr(self, axis) not in known and not (axis == "score" and self.score is None):
                return f"{axis} must be one of {', '.join(known)}, not {getattr(self, axis)!r}"
        if self.window < 1 or self.heads < 1:
            return f"window and heads must be positive, not {self.window} and {self.heads}"
        if self.score is None:
            if self.is_local or self.heads > 1 or self.input_feeding or self.coverage:
                return "attention none has no weights that a window, heads, input feeding or" + (
                    " coverage could change; choose another attention"
                )
            return None
        if self.is_local and self.score == "location":
            return (
                f"scope {self.scope} needs a score that sees the source: location scores positions"
                " by the query alone, and a window would be a second rule for the same positions"
            )
        if self.heads > 1 and self.score != "scaled-dot":
            return f"several heads are defined for the score scaled-dot, not for {self.score}"
        if self.heads > 1 and self.is_local:
            return f"scope {self.scope} has one window, which several heads cannot share"
        if self.coverage and self.score not in ("additive", "concat"):
            return (
                "coverage is a term inside the tanh of the scores additive and concat;"
                f" {self.score} has no such place"
            )
        if self.input_feeding and self.placement == "before":
            return (
                "input feeding is for attention after the cell: before it, the context is an input"
                " of the cell already"
            )
        return None


PRESETS = {
    # Cho et al. (2014), arXiv:1406.1078, section 2.2: the encoder's last state C is an input of the
    # cell and of the readout at every step. It also starts the decoder; in Sutskever et al. (2014),
    # arXiv:1409.3215, it does only that.
    "none": Mechanism(None, "before"),
    # Bahdanau et al. (2015), arXiv:1409.0473, section 3.1, A.1.2 and A.2.2.
    "bahdanau": Mechanism("additive", "before"),
    # Luong et al. (2015), arXiv:1508.04025, section 3.1.
    "luong-dot": Mechanism("dot", "after"),
    # Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, with a recurrent query.
    "scaled-dot": Mechanism("scaled-dot", "after"),
    "luong-general": Mechanism("general", "after"),
    "luong-concat": Mechanism("concat", "after"),
    "luong-location": Mechanism("location", "after"),
    # Luong et al. (2015), section 3.2, with the score that is best in their table 4.
    "luong-local-m": Mechanism("general", "after", scope="local-m"),
    "luong-local-p": Mechanism("general", "after", scope="local-p"),
    # Vaswani et al. (2017), section 3.2.2.
    "multi-head": Mechanism("scaled-dot", "after", heads=4),
}


def compose(
    preset: str,
    score: str = PRESET,
    scope: str = PRESET,
    placement: str = PRESET,
    window: int = 10,
    heads: int = 0,
    input_feeding: bool = False,
    coverage: bool = False,
) -> Mechanism:
    """Make the mechanism of a preset, with some axes changed.

    Args:
        preset: a name in `PRESETS`.
        score, scope, placement: `preset` keeps the preset's value.
        heads: 0 keeps the preset's value.

    Raises:
        ValueError: the combination is impossible; the message says why.
    """
    mechanism = PRESETS[preset]
    axes = {"score": score, "scope": scope, "placement": placement}
    chosen = {name: value for name, value in axes.items() if value != PRESET}
    if mechanism.score is None and chosen:
        name, value = next(iter(chosen.items()))
        raise ValueError(f"attention none has no {name} to be {value}; choose another attention")
    mechanism = replace(
        mechanism,
        **chosen,
        window=window,
        heads=heads or mechanism.heads,
        input_feeding=input_feeding,
        coverage=coverage,
    )
    problem = mechanism.problem()
    if problem:
        raise ValueError(problem)
    return mechanism


def describe(preset: str, mechanism: Mechanism) -> str:
    """Return a preset's name and each axis in which `mechanism` differs from the preset."""
    usual, parts = PRESETS[preset], [preset]
    for name in ("score", "scope", "placement"):
        value = getattr(mechanism, name)
        if value != getattr(usual, name):
            parts.append(f"{value} the cell" if name == "placement" else value)
    if mechanism.is_local:
        parts.append(f"window {mechanism.window}")
    if mechanism.heads > 1:
        parts.append(f"{mechanism.heads} heads")
    parts += ["input feeding"] * mechanism.input_feeding + ["coverage"] * mechanism.coverage
    return " + ".join(parts)
