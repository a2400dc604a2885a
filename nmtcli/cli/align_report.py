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
    if not as_json:
        return format_links(found.links) + "\n"
    forward = found if isinstance(found, WordAlignment) else found.forward
    values = _values(forward.source_words, forward.target_words, found.links)
    values["matrix"] = rounded(forward.weights)
    if isinstance(found, TwoWayAlignment):
        values["reverse_matrix"] = rounded(found.reverse.weights)
    return json.dumps(values, ensure_ascii=False) + "\n"


def line_of_links(source: str, target: str, links: Sequence[Link], as_json: bool) -> str:
    """Format one pair with given links as a line, with its end."""
    if not as_json:
        return format_links(links) + "\n"
    values = _values(split_words(source), split_words(target), links)
    return json.dumps(values, ensure_ascii=False) + "\n"


def summary_of(score: AlignmentScore, as_json: bool) -> str:
    """Format the scores against gold as one line."""
    if as_json:
        rates = {"precision": score.precision, "recall": score.recall, "aer": score.aer}
        return json.dumps(
            {
                "pairs": score.pairs,
                "links": score.found,
                "sure": score.sure,
                "possible": score.possible,
                **{name: None if math.isnan(rate) else rate for name, rate in rates.items()},
            }
        )
    return (
        f"{score.pairs:,} pairs, {score.found:,} links; precision {_shown(score.precision)},"
        f" recall {_shown(score.recall)}, AER {_shown(score.aer)}"
        f" (gold: {score.sure:,} sure of {score.possible:,} possible links)"
    )


def rounded(weights: np.ndarray) -> list[list[float]]:
    return np.round(weights.astype(np.float64), 4).tolist()


def _values(source_words: Sequence[str], target_words: Sequence[str], links) -> dict:
    return {
        "source_words": list(source_words),
        "target_words": list(target_words),
        "alignment": [list(link) for link in links],
    }


def _shown(rate: float) -> str:
    return "-" if math.isnan(rate) else f"{rate:.4f}"
