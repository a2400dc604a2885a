"""`nmt score`: compute the log-probabilities of given translations."""

import json as json_module
import math
import sys

from nmtcli.cli.options import switch, with_options
from nmtcli.cli.run_options import EnsembleOptions, RuntimeOptions
from nmtcli.cli.streams import STANDARD, Source, Target, open_output, quiet_ends


@with_options(search=("ensemble",))
def score(
    source: Source,
    target: Target,
    models: EnsembleOptions,
    overrides: dict,
    runtime_options: RuntimeOptions,
    json: bool = switch("Print a JSON object for each line."),
    summary_only: bool = switch("Print only the summary, on stdout."),
) -> None:
    """Score translations by teacher forcing: print ln p(translation | source) for each line.

    The summary on stderr has the perplexity per token and per word; the one per word compares
    models with different subwords. The end of a line counts as one token and one word. No line is
    split, and an empty translation has the probability of ending at once.
    """
    with quiet_ends("the lines printed so far are complete"):
        from nmtcli.cli.parallel_input import read_pair

        sources, targets = read_pair(source, target)
        runtime = runtime_options.runtime()
        from nmtcli.config import Settings
        from nmtcli.inference.scorer import Summary, load_scorer

        ensemble = Settings().update(overrides).get("search", "ensemble")
        checkpoints = models.checkpoints or "best"
        scorer = load_scorer(models.runs, checkpoints, ensemble, runtime, models.tag)
        summary = Summary()
        with open_output(STANDARD) as output:
            for line in scorer.score_lines(sources, targets):
                summary = summary.plus(line)
                if not summary_only:
                    output.write(_line(line, json).encode("utf-8"))
        print(_summary(summary, json), file=sys.stdout if summary_only else sys.stderr)


def _line(line, json: bool) -> str:
    if json:
        return json_module.dumps({"log_prob": line.log_prob, "pieces": line.pieces}) + "\n"
    return f"{line.log_prob:.4f}\n"


def _summary(summary, json: bool) -> str:
    if json:
        per_piece, per_word = summary.perplexity_per_piece, summary.perplexity_per_word
        values = {"lines": summary.lines, "pieces": summary.pieces, "words": summary.words}
        values["log_prob"] = summary.log_prob
        rates = {"perplexity_per_piece": per_piece, "perplexity_per_word": per_word}
        values |= {name: rate if math.isfinite(rate) else None for name, rate in rates.items()}
        return json_module.dumps(values)
    return str(summary)
