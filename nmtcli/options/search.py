"""Options of the search for translations."""

from dataclasses import dataclass

from nmtcli.options.declare import option


@dataclass(frozen=True)
class SearchConfig:
    """How translations are searched for."""

    beam: int = option(5, "K, width of the beam; 1 is greedy.", minimum=1, maximum=100)
    nbest: int = option(1, "Translations of a line; at most the beam.", minimum=1, maximum=100)
    length_penalty: float = option(
        1.0, "Exponent of the length by which a log-probability is divided.", minimum=0.0
    )
    max_length_factor: float = option(2.0, "Longest translation, in source pieces ...", minimum=0.1)
    max_length_margin: int = option(20, "... plus this.", unit="pieces", minimum=1)
    batch_tokens: int = option(
        4096, "Beam x source positions of a batch.", unit="tokens", minimum=1
    )
    window: int = option(
        2000, "Lines read before sorting into batches by length.", unit="lines", minimum=1
    )
    max_source_pieces: int = option(
        200, "Longer lines are split at sentence ends.", unit="pieces", minimum=2
    )
