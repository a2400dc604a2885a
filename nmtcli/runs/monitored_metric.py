"""The monitored metric: the score of a validation that says which checkpoint is the best."""

import math

TITLES = {"bleu": "BLEU", "chrf": "chrF", "perplexity": "perplexity"}


def deciding_score(found: dict, wanted: str) -> tuple[str, list[float]]:
    """The name of the score that decides, and its value; higher is better.

    Args:
        found: what a `Validator` returned.
        wanted: `validation.early_stopping`. Where it is not there, since nothing was translated,
            the perplexity decides; where it is `none`, BLEU still says which is the best.

    Returns:
        name, and value followed by what decides between equal ones.
    """
    doubt = -(found.get("perplexity") or math.inf)
    name = "bleu" if wanted == "none" else wanted
    if name == "perplexity" or found.get(name) is None:
        return "perplexity", [doubt]
    return name, [found[name], doubt]
