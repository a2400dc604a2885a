"""How exact each mechanism is, as a table: `python tests/mechanism_table.py [NAME...]`.

Each number is the largest absolute difference found, by the function that the test of the same
comparison calls. It takes some minutes.

    NumPy reference    logits and attention against the papers' loops in float64
    stepwise           logits and attention of single steps against all positions at once
    TensorFlow = JAX   logits, attention, and the weights after three updates
    searches           attention of hypotheses, greedy and the four best of a beam, against their
                       forced alignment
    export             scores of a SavedModel's translations; the texts are equal
"""

import sys
import tempfile
from pathlib import Path

COLUMNS = (
    "mechanism",
    "NumPy reference",
    "stepwise = teacher-forced",
    "TensorFlow = JAX",
    "greedy and beam weights",
    "export",
)


def row_of(name, sides) -> list[float]:
    """The differences of a mechanism, in the order of `COLUMNS`."""
    from helpers.backend_comparison import backend_difference, parts_after_updates
    from helpers.export_difference import export_difference
    from helpers.search_difference import search_difference

    parts = ["logits", "attention", *parts_after_updates(sides, name)]
    with tempfile.TemporaryDirectory() as folder:
        return [
            *(differences.max() for differences in _against_papers_and_steps(name)),
            max(backend_difference(sides, name, part) for part in parts),
            search_difference(name),
            export_difference(name, Path(folder)),
        ]


def _against_papers_and_steps(name):
    """The differences from the NumPy reference, and of single steps: of logits and of attention."""
    from helpers.mechanism_cases import MECHANISMS

    if name in MECHANISMS:
        from helpers import rnn_differences as tests

        return tests.reference_difference(MECHANISMS[name]), tests.stepwise_difference(name)
    from helpers import transformer_differences as tests
    from helpers.transformer_cases import shared_model

    return tests.reference_difference(shared_model(name)), tests.stepwise_difference(name)


def table_of(names) -> str:
    """The table in markdown."""
    from helpers.backend_comparison import compute_both

    sides = compute_both(names)
    lines = [COLUMNS, ["---"] + ["--:"] * (len(COLUMNS) - 1)]
    for name in names:
        row = row_of(name, sides)
        lines.append([name, *(f"{found:.0e}" if found else "0" for found in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(names) -> int:
    from helpers.mechanism_cases import MECHANISMS
    from helpers.transformer_cases import MEASURED

    models = [*MECHANISMS, *MEASURED]
    unknown = [name for name in names if name not in models]
    if unknown:
        print(f"no mechanism {unknown[0]!r}; there are: {'; '.join(models)}", file=sys.stderr)
        return 2
    print(f"# How exact each mechanism is\n\n{table_of(names or models)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
