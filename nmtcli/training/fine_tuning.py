"""Fine-tuning: start with another run's weights, and freeze weights that must not change.

Weights of the same name and shape are copied. If the subword models differ, the rows of embedding
tables are matched by the text of their tokens; see Zoph et al. (2016), arXiv:1604.02201, who start
with a parent model's weights.
"""

import difflib
import fnmatch
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import RunDirectory

# The weights that have a row or column for each token: the side of the tokens, and the axis.
OF_PIECES = {
    "source_embedding": ("source", 0),
    "target_embedding": ("target", 0),
    "output_kernel": ("target", 1),
    "output_bias": ("target", 0),
}


@dataclass(frozen=True)
class InitialWeights:
    """The origin of a model's first weights.

    run, step: the run and the step that the weights come from.
    taken: names of the weights that were copied.
    pieces: names of tables with other tokens -> (tokens copied, all tokens).
    fresh: names of the weights that are new.
    """

    run: str
    step: int
    taken: list[str]
    pieces: dict[str, tuple[int, int]]
    fresh: list[str]

    def describe(self) -> str:
        """Say in one line where weights come from, how many were copied, and which are new."""
        count = len(self.taken) + len(self.pieces)
        line = f"began with {count} of {count + len(self.fresh)} weights of {self.run}"
        line += f", step {self.step}"
        for name, (rows, all_rows) in self.pieces.items():
            line += f"; {_short(name)}: the {rows:,} of {all_rows:,} pieces that both have"
        if self.fresh:
            line += f"; fresh: {', '.join(map(_short, self.fresh))}"
        return line

    def facts(self) -> dict:
        """Return the same facts for `run.json`."""
        return {**asdict(self), "taken": len(self.taken)}


def find_initial(text: str) -> tuple[RunDirectory, str]:
    """Find the run and the checkpoint that RUN or RUN:CHECKPOINT names; `best` if none is named.

    Raises:
        UsageError: there is no such run.
    """
    path, name = text, "best"
    if not Path(text).exists() and ":" in text:
        path, _, name = text.rpartition(":")
        check_checkpoint_name(name)
    run = RunDirectory(path)
    try:
        run.read_facts()
    except UsageError as error:
        what = str(error).partition("; make one with")[0]
        raise UsageError(f"training.init_from: {what}; give RUN or RUN:CHECKPOINT") from None
    return run, name


def initialize_weights(model, text: str, subwords: dict[str, Path]) -> InitialWeights:
    """Copy those weights of another run that fit into a fresh model.

    Args:
        model: a model with fresh weights; weights without a counterpart stay.
        text: RUN or RUN:CHECKPOINT.
        subwords: the paths of the model's subword models for `source` and `target`.

    Raises:
        UsageError: the run or checkpoint does not exist, or none of its weights fits.
    """
    run, name = find_initial(text)
    step, arrays, _ = checkpoints.load(run.checkpoints, name)
    sides = {
        side: _common_pieces(getattr(run, f"{side}_subwords"), path)
        for side, path in subwords.items()
    }
    found = InitialWeights(str(run.path), step, [], {}, [])
    for variable in model.weights:
        _take(variable, arrays["model"], sides, found)
    if not found.taken and not found.pieces:
        raise UsageError(
            f"training.init_from: nothing of {run.path} fits: no weight has the name and shape of"
            f" one of this model ({_short(model.weights[0].path)} and so on); give a run of the"
            " same architecture and sizes"
        )
    return found


def _take(variable, arrays: dict, sides: dict, found: InitialWeights) -> None:
    """Set one variable from the arrays, or leave it; note the choice in `found`."""
    path, short = variable.path, _short(variable.path)
    array = arrays.get(path)
    if array is None and short == "source_embedding":  # one table served both sides there
        array = arrays.get(path.removesuffix(short) + "target_embedding")
    side, axis = OF_PIECES.get(short, (None, 0))
    shape = tuple(variable.shape)
    if array is not None and side is not None and sides[side] is not None:
        here, there = sides[side]
        others = [n for n in range(len(shape)) if n != axis]
        if len(here) and all(array.shape[n] == shape[n] for n in others):
            values = np.moveaxis(np.array(variable.value), axis, 0).copy()
            values[here] = np.moveaxis(array, axis, 0)[there]
            variable.assign(np.moveaxis(values, 0, axis))
            found.pieces[path] = (len(here), shape[axis])
            return
    elif array is not None and array.shape == shape:
        variable.assign(array)
        found.taken.append(path)
        return
    found.fresh.append(path)


def _common_pieces(old: Path, new: Path) -> tuple[list[int], list[int]] | None:
    """Find the tokens of the same text: their ids in the new and in the old model.

    The result is None if the subword models, and so all ids, are the same.
    """
    from nmtcli.text.subwords import Subwords

    if old.is_file() and old.read_bytes() == Path(new).read_bytes():
        return None
    before, after = Subwords(old), Subwords(new)
    ids = {piece: number for number, piece in enumerate(before.tokens(range(before.size)))}
    pieces = after.tokens(range(after.size))
    here = [number for number, piece in enumerate(pieces) if piece in ids]
    return here, [ids[pieces[number]] for number in here]


def _short(path: str) -> str:
    return path.removeprefix("translator/")


def freeze(model, patterns) -> list[str]:
    """Exclude the weights with matching names from the training.

    Args:
        model: a model; paths such as `translator/source_embedding` name its variables.
        patterns: shell patterns, in which `*` also matches `/`.

    Returns:
        the names of the frozen weights.

    Raises:
        UsageError: a pattern matches nothing, or all weights would be frozen.
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
