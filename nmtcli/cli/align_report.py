"""The output of `nmt align`: links in Pharaoh format or JSON, and scores against gold."""

import json
import math
from collections.abc import Sequence

import numpy as np

from nmtcli.alignment.error_rate import AlignmentScore
from nmtcli.alignment.links import Link, WordAlignment
from nmtcli.alignment.pharaoh import format_links
from nmtcli.inference.aligner import TwoWayAlignment
from nmtcli.text.words import split_words


def line_of(found: WordAlignment | TwoWayAlignment, as_json: bool) -> str:
    """Format one aligned pair as a line, with its end."""
    forward = found if isinstance(found, WordAlignment) else found.forward
    matrices = {"matrix": forward.weights}
    if isinstance(found, TwoWayAlignment):
        matrices["reverse_matrix"] = found.reverse.weights
    return _line(forward.source_words, forward.target_words, found.links, as_json, matrices)


def line_of_links(source: str, target: str, links: Sequence[Link], as_json: bool) -> str:
    """Format one pair with given links as a line, with its end."""
    return _line(split_words(source), split_words(target), links, as_json, {})


def summary_of(score: AlignmentScore, as_json: bool) -> str:
    """Format the scores against gold as one line."""
    if as_json:
        rates = {"precision": score.precision, "recall": score.recall, "aer": score.aer}
        values = {"pairs": score.pairs, "links": score.found}
        values |= {"sure": score.sure, "possible": score.possible}
        values |= {name: None if math.isnan(rate) else rate for name, rate in rates.items()}
        return json.dumps(values)
    return (
        f"{score.pairs:,} pairs, {score.found:,} links; precision {_shown(score.precision)},"
        f" recall {_shown(score.recall)}, AER {_shown(score.aer)}"
        f" (gold: {score.sure:,} sure of {score.possible:,} possible links)"
    )


def _line(
    source: Sequence[str],
    target: Sequence[str],
    links: Sequence[Link],
    as_json: bool,
    matrices: dict[str, np.ndarray],
) -> str:
    if not as_json:
        return format_links(links) + "\n"
    values = {"source_words": list(source), "target_words": list(target)}
    values["alignment"] = [list(link) for link in links]
    for name, weights in matrices.items():
        values[name] = np.round(weights.astype(np.float64), 4).tolist()
    return json.dumps(values, ensure_ascii=False) + "\n"


def _shown(rate: float) -> str:
    return "-" if math.isnan(rate) else f"{rate:.4f}"
