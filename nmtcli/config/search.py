"""Options of the search for translations."""

import math
from dataclasses import dataclass

from nmtcli.config.option import Flag, option
from nmtcli.errors import UsageError

SEARCH, SAMPLING, MODELS = "Search", "Sampling", "Several models"
OF_SAMPLING = ("temperature", "top_k", "top_p")


@dataclass(frozen=True)
class SearchConfig:
    """The options of the search for translations."""

    beam: int = option(
        5,
        "Use a beam of this width; 1 is greedy search.",
        minimum=1,
        maximum=100,
        flag=Flag("--beam", SEARCH, "K"),
    )
    nbest: int = option(
        1,
        "Return this many translations of each line: at most the beam width, or that many samples.",
        minimum=1,
        maximum=100,
        flag=Flag("--nbest", "Output", "N"),
        cli_help="Print an n-best list of N translations for each line, each in the form: line"
        " number from 0 ||| text ||| score.",
    )
    length_penalty: float = option(
        1.0,
        "Divide a log-probability by the length to this power; 0 favours short translations.",
        minimum=0.0,
        flag=Flag("--length-penalty", SEARCH, "X"),
    )
    length_penalty_kind: str = option(
        "average",
        "Normalise by the length (average), by (5 + length) / 6 (gnmt), or reward each token.",
        choices=("average", "gnmt", "reward"),
        flag=Flag("--length-penalty-kind", SEARCH, "KIND"),
    )
    coverage_penalty: float = option(
        0.0,
        "Penalise source tokens without attention by this weight, such as 0.2; 0 is none.",
        minimum=0.0,
        flag=Flag("--coverage-penalty", SEARCH, "X"),
    )
    no_repeat_ngram: int = option(
        0,
        "Forbid repeating any n-gram of this length; 0 allows it.",
        unit="tokens",
        minimum=0,
        flag=Flag("--no-repeat-ngram", SEARCH, "N"),
    )
    sample: bool = option(
        False,
        "Draw translations at random from the model instead of searching for the best.",
        flag=Flag("--sample/--no-sample", SAMPLING),
        cli_help="Draw translations at random from the model instead of searching for the best;"
        " with --nbest N, draw N of each line and print them in the order of the draw.",
    )
    temperature: float = option(
        1.0,
        "Divide the logits by this temperature when sampling; below 1 sharpens the distribution.",
        flag=Flag("--temperature", SAMPLING, "X"),
    )
    top_k: int = option(
        0,
        "Sample from the k most probable tokens only; 0 samples from all.",
        minimum=0,
        flag=Flag("--top-k", SAMPLING, "K"),
    )
    top_p: float = option(
        1.0,
        "Sample from the smallest set of tokens with this total probability (nucleus sampling).",
        flag=Flag("--top-p", SAMPLING, "P"),
    )
    seed: int = option(
        1,
        "Set the random seed of sampling; the same seed draws the same for a line in any batch.",
        minimum=0,
        flag=Flag("--seed", SAMPLING, "N"),
    )
    ensemble: str = option(
        "log",
        "Average the log-probabilities (log) or the probabilities (linear) of an ensemble.",
        choices=("log", "linear"),
        flag=Flag("--ensemble", MODELS, "MEAN"),
    )
    rerank_weight: float = option(
        0.5,
        "Weight the other model's score by this when reranking, from 0 to 1.",
        minimum=0.0,
        maximum=1.0,
        flag=Flag("--rerank-weight", MODELS, "W"),
        cli_help="Weight the other model's score by this when reranking, from 0 to 1; the default"
        " is 0.5.",
    )
    max_length_factor: float = option(
        2.0,
        "Limit a translation to this many times the source length, plus max_length_margin.",
        minimum=0.1,
    )
    max_length_margin: int = option(
        20, "Add this to the limit of a translation's length.", unit="tokens", minimum=1
    )
    batch_tokens: int = option(
        0,
        "Limit beam width x source positions of a batch to this; 0 uses what suits the engine.",
        unit="tokens",
        minimum=0,
        flag=Flag("--batch-tokens", SEARCH, "N"),
    )
    window: int = option(
        2000,
        "Read this many lines ahead and sort them by length into batches.",
        unit="lines",
        minimum=1,
        flag=Flag("--window", SEARCH, "N"),
    )
    max_source_pieces: int = option(
        200,
        "Split lines with more tokens than this at the ends of sentences.",
        unit="tokens",
        minimum=2,
    )
    by_sentence: bool = option(
        False,
        "Translate each sentence of a line by itself and join the translations.",
        flag=Flag("--by-sentence/--no-by-sentence", SEARCH),
        cli_help="Translate each sentence of a line by itself and join the translations. Use it for"
        " paragraphs and a model that was trained on sentences.",
    )

    def check(self) -> None:
        """Check that the options fit together.

        Raises:
            UsageError: options do not fit together, or are out of range.
        """
        if self.sample and self.beam > 1:
            raise UsageError(
                f"search.sample draws translations without a beam, but search.beam is {self.beam}:"
                " leave one of them out"
            )
        if not self.sample and self.nbest > self.beam:
            raise UsageError(
                f"search.nbest is {self.nbest}, which needs a beam of at least that width, but"
                f" search.beam is {self.beam}: raise search.beam or lower search.nbest"
            )
        if not 0.0 < self.temperature < math.inf:
            raise UsageError(
                f"search.temperature must be above 0, not {self.temperature:g}; for the most"
                " probable token at each step use search.beam 1 without search.sample"
            )
        if not 0.0 < self.top_p <= 1.0:
            raise UsageError(
                f"search.top_p must be above 0 and at most 1, not {self.top_p:g}; 1 samples from"
                " all tokens"
            )
        for name in OF_SAMPLING:
            if getattr(self, name) != getattr(SearchConfig, name) and not self.sample:
                raise UsageError(
                    f"search.{name} has an effect on sampling only: set search.sample too"
                )
