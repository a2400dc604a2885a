"""What each epoch of a training is made of: its pairs and its batches.

With subword regularisation the pairs of an epoch are cut anew. A process of its own does that while
the epoch before is trained on, into a temporary folder, so that the training does not wait: at most
two epochs are on disk. What a killed training left there goes when the next one begins.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nmtcli.data.batching import Batch, plan_epoch
from nmtcli.data.sampled_epoch import SubwordSampling, task_of
from nmtcli.data.shards import Pairs
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.subword_regularization import SAMPLERS


class Epochs:
    """The pairs and batches of every epoch: a function of (seed, epoch).

    Args:
        pairs: the training pairs, as prepared.
        batch_tokens: budget of a batch, see `plan_epoch`.
        seed: of the run.
        sampling: how pairs are cut anew, or None.
        folder: for the epochs that are made ahead; what is in it is removed.
    """

    def __init__(
        self,
        pairs: Pairs,
        batch_tokens: int,
        seed: int,
        sampling: SubwordSampling | None = None,
        folder: Path | None = None,
    ):
        self._plain, self._batch_tokens, self._seed = pairs, batch_tokens, seed
        self._sampled = SampledPairs(pairs, sampling, folder) if sampling else None

    def pairs(self, epoch: int) -> Pairs:
        """The pairs of an epoch; those of another one may then be gone.

        Raises:
            NmtError: they could not be made; why is told.
        """
        return self._sampled(epoch) if self._sampled else self._plain

    def plan(self, epoch: int) -> list[Batch]:
        """The batches of an epoch, which count the pairs that `pairs` gives."""
        pairs = self.pairs(epoch)
        lengths = pairs.source_lengths, pairs.target_lengths
        shares = getattr(self._plain, "shares", ())
        return plan_epoch(*lengths, self._batch_tokens, self._seed, epoch, shares)

    def close(self) -> None:
        """Stop what is made ahead, and remove it."""
        if self._sampled:
            self._sampled.close()


class SampledPairs:
    """Pairs cut anew for each epoch, the next one made while one is used.

    Args:
        pairs: as prepared.
        sampling: how they are cut.
        folder: of the run; made if missing, emptied, and removed at the end.
    """

    def __init__(self, pairs: Pairs, sampling: SubwordSampling, folder: Path):
        self._plain, self._sampling, self._top = pairs, sampling, Path(folder)
        self._folder: Path | None = None
        self._children: dict[int, subprocess.Popen] = {}
        self._current: tuple[int, Pairs | None] = (-1, None)

    def __call__(self, epoch: int) -> Pairs:
        """The pairs of an epoch. Waits for them if need be, and has the next one begun."""
        if self._current[0] == epoch:
            return self._current[1]
        self._current = (-1, None)
        for other in [e for e in self._children if e != epoch]:
            self._drop(other)
        self._begin(epoch)
        self._wait(epoch)
        self._current = (epoch, Pairs(self._place(epoch)))
        self._begin(epoch + 1)
        return self._current[1]

    def close(self) -> None:
        """Remove everything."""
        self._current = (-1, None)
        for epoch in list(self._children):
            self._drop(epoch)
        shutil.rmtree(self._top, ignore_errors=True)
        self._folder = None

    def _place(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch}"

    def _begin(self, epoch: int) -> None:
        if epoch in self._children:
            return
        if self._folder is None:
            # A folder of its own: a child of a training that was killed may still write to its.
            shutil.rmtree(self._top, ignore_errors=True)
            self._top.mkdir(parents=True)
            self._folder = Path(tempfile.mkdtemp(dir=self._top))
        task = task_of(self._plain, self._sampling, epoch, self._place(epoch))
        self._children[epoch] = subprocess.Popen(
            [sys.executable, "-m", "nmtcli.data.sampled_epoch", task],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _search_path()},
            start_new_session=True,  # Ctrl-C is for the training, which ends its epoch's update
        )

    def _wait(self, epoch: int) -> None:
        child = self._children[epoch]
        complaint = b"" if child.stderr.closed else child.communicate()[1]
        if child.returncode != 0:
            said = complaint.decode("utf-8", errors="replace").strip().splitlines()
            raise NmtError(
                f"{self._place(epoch)}: cutting the pairs into other pieces stopped with status"
                f" {child.returncode} ({(said or ['no message'])[-1]}); make room on the disk or in"
                " memory, or use training.subword_sampling=0"
            )

    def _drop(self, epoch: int) -> None:
        child = self._children.pop(epoch)
        child.kill()
        if not child.stderr.closed:
            child.communicate()
        shutil.rmtree(self._place(epoch), ignore_errors=True)


def sampling_of(config, models) -> SubwordSampling | None:
    """How the options have pairs cut anew; None where they do not.

    Args:
        config: the whole `Config`, with the options of the prepared data.
        models: paths of the subword models of source and target.

    Raises:
        UsageError: pieces of this kind cannot be cut in more than one way.
    """
    alpha, sides = config.training.subword_sampling, config.training.subword_sampling_sides
    if not alpha:
        return None
    if config.subwords.type not in SAMPLERS:
        raise UsageError(
            f"training.subword_sampling needs pieces of kind unigram or bpe, but the prepared data"
            f" have {config.subwords.type}; leave it at 0, or run nmt preprocess again"
        )
    alphas = alpha if sides != "target" else 0.0, alpha if sides != "source" else 0.0
    tags = tuple(dict.fromkeys(tag for tag in config.data.tags if tag))
    kind, limit = config.subwords.type, config.subwords.max_pieces
    paths = str(models[0]), str(models[1])
    return SubwordSampling(kind, paths, alphas, limit, tags, config.training.seed)


def _search_path() -> str:
    """PYTHONPATH with which the child finds the package that this process uses."""
    package_parent = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")]))
