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
    from mechanism_cases import MECHANISMS
    from test_backends import backend_difference, parts_after_updates
    from test_export import export_difference
    from test_keras_engine import search_difference
    from test_mechanism_models import reference_difference, stepwise_difference

    parts = ["logits", "attention", *parts_after_updates(sides, name)]
    with tempfile.TemporaryDirectory() as folder:
        return [
            reference_difference(MECHANISMS[name]).max(),
            stepwise_difference(name).max(),
            max(backend_difference(sides, name, part) for part in parts),
            search_difference(name),
            export_difference(name, Path(folder)),
        ]


def table_of(names) -> str:
    """The table in markdown."""
    from test_backends import compute_both

    sides = compute_both()
    lines = [COLUMNS, ["---"] + ["--:"] * (len(COLUMNS) - 1)]
    for name in names:
        row = row_of(name, sides)
        lines.append([name, *(f"{found:.0e}" if found else "0" for found in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(names) -> int:
    from mechanism_cases import MECHANISMS

    unknown = [name for name in names if name not in MECHANISMS]
    if unknown:
        print(f"no mechanism {unknown[0]!r}; there are: {'; '.join(MECHANISMS)}", file=sys.stderr)
        return 2
    print(table_of(names or MECHANISMS))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
