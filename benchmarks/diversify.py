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
    pairs = [(source, _translated([run], source, folder)) for run in forward]
    pairs.append((_translated([backward.run], target, folder), target))
    return replace(same_pieces, prepared=folder, more_training=tuple(pairs))


def once_more(text: Text, runs: list[Path], checkpoint: str) -> Text:
    """Beside the diversified text stands what several runs make of its source side together."""
    source, _ = text.splits["train"]
    folder = text.prepared.with_name(f"{text.prepared.name}-again")
    pair = source, _translated(runs, source, folder, checkpoint)
    return replace(text, prepared=folder, more_training=(*text.more_training, pair))


def _translated(runs: list[Path], text: str, folder: Path, checkpoint: str = "best") -> str:
    by = "together" if len(runs) > 1 else runs[0].name
    path = folder.with_name(f"{folder.name}-by-{by}.txt")
    if not path.exists():
        part = path.with_suffix(".part")
        chosen = [argument for run in runs for argument in ("--run", run)]
        chosen += ["--checkpoint", checkpoint, "--beam", 5]
        nmt("translate", *chosen, "--input", text, "--output", part)
        part.rename(path)
    return str(path)
