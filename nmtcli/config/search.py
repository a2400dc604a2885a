"""Options of the search for translations."""

from dataclasses import dataclass

from nmtcli.config.option import option


@dataclass(frozen=True)
class SearchConfig:
    """How translations are searched for."""

    beam: int = option(5, "K, width of the beam; 1 is greedy.", minimum=1, maximum=100)
    nbest: int = option(
        1, "Translations of a line; at most the beam, or samples.", minimum=1, maximum=100
    )
    length_penalty: float = option(
        1.0, "Exponent of the length by which a log-probability is divided, or reward.", minimum=0.0
    )
    length_penalty_kind: str = option(
        "average",
        "What is raised to it: the length (average), or (5 + length) / 6 (gnmt);"
        " reward: each piece adds it instead.",
        choices=("average", "gnmt", "reward"),
    )
    coverage_penalty: float = option(
        0.0, "Weight of what the attention left out of the source; 0: off.", minimum=0.0
    )
    no_repeat_ngram: int = option(
        0, "No so many pieces stand twice in a translation; 0: off.", unit="pieces", minimum=0
    )
    sample: bool = option(False, "Draw translations by their probability, without a beam.")
    temperature: float = option(1.0, "Of sampling, above 0; below 1 the probable becomes more so.")
    top_k: int = option(0, "Draw from the best k pieces alone; 0: all.", minimum=0)
    top_p: float = option(
        1.0, "Draw from the fewest best pieces with this probability together, in (0, 1]."
    )
    seed: int = option(1, "Of sampling; another seed draws others.", minimum=0)
    ensemble: str = option(
        "log",
        "Of several models: the mean of log-probabilities (log) or of probabilities (linear).",
        choices=("log", "linear"),
    )
    rerank_weight: float = option(
        0.5, "Of the other model's score when reranking.", minimum=0.0, maximum=1.0
    )
    max_length_factor: float = option(2.0, "Longest translation, in source pieces ...", minimum=0.1)
    max_length_margin: int = option(20, "... plus this.", unit="pieces", minimum=1)
    batch_tokens: int = option(
        0,
        "Beam x source positions of a batch; 0: what suits the engine.",
        unit="tokens",
        minimum=0,
    )
    window: int = option(
        2000,
        "Lines read before sorting into batches by length; the first windows are smaller.",
        unit="lines",
        minimum=1,
    )
    max_source_pieces: int = option(
        200, "Longer lines are split at sentence ends.", unit="pieces", minimum=2
    )
    by_sentence: bool = option(
        False, "Translate each sentence of a line by itself, and put them together."
    )
