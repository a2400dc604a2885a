"""Weights that a training leaves as they are."""

import difflib
import fnmatch

from nmtcli.errors import UsageError


def freeze(model, patterns) -> list[str]:
    """Take the weights with matching names out of the training.

    Args:
        model: whose variables are named by paths such as `translator/source_embedding`.
        patterns: as of a shell, where `*` also stands for `/`.

    Returns:
        the names of the weights taken out.

    Raises:
        UsageError: a pattern that matches nothing, or all weights taken out.
    """
    named = {variable.path: variable for variable in model.weights}
    frozen = set()
    for pattern in patterns:
        matching = fnmatch.filter(named, pattern)
        if not matching:
            raise UsageError(
                f"training.freeze: no weight is called '{pattern}'; {_nearest(pattern, named)}"
            )
        frozen.update(matching)
    if frozen and len(frozen) == len(named):
        raise UsageError("training.freeze: nothing would be left to train; freeze fewer weights")
    for name in frozen:
        named[name].trainable = False
    return sorted(frozen)


def _nearest(pattern, names) -> str:
    close = difflib.get_close_matches(pattern.replace("*", ""), list(names), n=3, cutoff=0.4)
    return f"near it are {', '.join(close)}" if close else f"there are {', '.join(sorted(names))}"
