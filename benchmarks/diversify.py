"""More training text from the same text: Nguyen et al. 2020, arXiv:1911.01986, section 3.

Models of both directions translate the training text; what they make of it stands beside it. No
other text is used.
"""

from dataclasses import replace
from pathlib import Path

from systems import Text, Training, nmt, prepare, train


def diversified(text: Text, forward: list[Path], backward: Training) -> Text:
    """The text and its translations, in the same pieces; what is there already is not made again.

    Args:
        forward: trained runs; each translates the source side once.
        backward: a training from the target to the source; done first, it translates the target.
    """
    folder = text.prepared.with_name(f"{text.prepared.name}-diversified")
    same_pieces = replace(text, preprocess={"subwords.taken_from": str(text.prepared)})
    reverse = replace(
        same_pieces,
        prepared=text.prepared.with_name(f"{text.prepared.name}-backward"),
        splits={name: (target, source) for name, (source, target) in text.splits.items()},
    )
    prepare(reverse)
    train(reverse, [backward])
    source, target = text.splits["train"]
    pairs = [(source, _translated(run, source, folder)) for run in forward]
    pairs.append((_translated(backward.run, target, folder), target))
    return replace(same_pieces, prepared=folder, more_training=tuple(pairs))


def _translated(run: Path, text: str, folder: Path) -> str:
    path = folder.with_name(f"{folder.name}-by-{run.name}.txt")
    if not path.exists():
        part = path.with_suffix(".part")
        nmt("translate", "--run", run, "--beam", 5, "--input", text, "--output", part)
        part.rename(path)
    return str(path)
