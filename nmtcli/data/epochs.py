"""The pairs and the batches of each epoch.

With subword regularisation, the pairs of an epoch get new segmentations. A child process samples
them into a temporary folder during the epoch before, so that the training does not wait; at most
two epochs are on disk. The next training removes what a killed one left in the folder.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from nmtcli.data.batching import Batch, plan_epoch
from nmtcli.data.child_process import error_lines, start_child
from nmtcli.data.sampled_epoch import SubwordSampling, child_task
from nmtcli.data.shards import Pairs
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.subword_regularization import SAMPLERS


class Epochs:
    """The pairs and batches of every epoch: a function of (seed, epoch).

    Args:
        pairs: the prepared training pairs.
        batch_tokens: the token budget of a batch, see `plan_epoch`.
        seed: the seed of the run.
        sampling: the subword regularisation, or None.
        folder: the folder for sampled epochs; its contents are removed.
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
        """Return the pairs of an epoch; this may remove the pairs of other epochs.

        Raises:
            NmtError: the epoch could not be sampled.
        """
        return self._sampled(epoch) if self._sampled else self._plain

    def plan(self, epoch: int) -> list[Batch]:
        """Return the batches of an epoch; their indices refer to `pairs(epoch)`."""
        pairs = self.pairs(epoch)
        lengths = pairs.source_lengths, pairs.target_lengths
        return plan_epoch(*lengths, self._batch_tokens, self._seed, epoch, self._plain.shares)

    def close(self) -> None:
        """Stop the child processes and remove the sampled epochs."""
        if self._sampled:
            self._sampled.close()


class SampledPairs:
    """Pairs with new segmentations for each epoch; the next epoch is sampled in advance.

    Args:
        pairs: the prepared pairs.
        sampling: the subword regularisation.
        folder: a folder in the run; it is made if missing, emptied, and removed at the end.
    """

    def __init__(self, pairs: Pairs, sampling: SubwordSampling, folder: Path):
        self._plain, self._sampling, self._top = pairs, sampling, Path(folder)
        self._folder: Path | None = None
        self._children: dict[int, subprocess.Popen] = {}
        self._current: tuple[int, Pairs | None] = (-1, None)

    def __call__(self, epoch: int) -> Pairs:
        """Return the pairs of an epoch, waiting if necessary, and start sampling the next one."""
        if self._current[0] == epoch:
            return self._current[1]
        self._current = (-1, None)
        for other in [e for e in self._children if e != epoch]:
            self._drop(other)
        self._begin(epoch)
        self._wait(epoch)
        self._current = (epoch, Pairs(self._epoch_folder(epoch)))
        self._begin(epoch + 1)
        return self._current[1]

    def close(self) -> None:
        """Stop the child processes and remove all sampled epochs."""
        self._current = (-1, None)
        for epoch in list(self._children):
            self._drop(epoch)
        shutil.rmtree(self._top, ignore_errors=True)
        self._folder = None

    def _epoch_folder(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch}"

    def _begin(self, epoch: int) -> None:
        if epoch in self._children:
            return
        if self._folder is None:
            # The name is new each time: the child of a killed training may still write to the old.
            shutil.rmtree(self._top, ignore_errors=True)
            self._top.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=self._top))
        task = child_task(self._plain, self._sampling, epoch, self._epoch_folder(epoch))
        self._children[epoch] = start_child(
            "nmtcli.data.sampled_epoch",
            task,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # only the training handles Ctrl-C
        )

    def _wait(self, epoch: int) -> None:
        child = self._children[epoch]
        stderr = b"" if child.stderr.closed else child.communicate()[1]
        if child.returncode != 0:
            raise NmtError(
                f"{self._epoch_folder(epoch)}: subword sampling stopped with status"
                f" {child.returncode} ({error_lines(stderr)[-1]}); free disk space or memory,"
                " or set training.subword_sampling=0"
            )

    def _drop(self, epoch: int) -> None:
        child = self._children.pop(epoch)
        child.kill()
        if not child.stderr.closed:
            child.communicate()
        shutil.rmtree(self._epoch_folder(epoch), ignore_errors=True)


def subword_sampling(config, models) -> SubwordSampling | None:
    """Return the subword regularisation that the options ask for, or None.

    Args:
        config: the whole `Config`, with the options of the prepared data.
        models: the paths of the subword models of source and target.

    Raises:
        UsageError: the subword models are of a type that cannot be sampled.
    """
    alpha, sides = config.training.subword_sampling, config.training.subword_sampling_sides
    if not alpha:
        return None
    if config.subwords.type not in SAMPLERS:
        raise UsageError(
            f"training.subword_sampling needs subwords.type unigram or bpe, but the prepared data"
            f" have {config.subwords.type}; set it to 0, or run nmt preprocess again"
        )
    alphas = alpha if sides != "target" else 0.0, alpha if sides != "source" else 0.0
    tags = tuple(dict.fromkeys(tag for tag in config.data.tags if tag))
    kind, limit = config.subwords.type, config.subwords.max_pieces
    paths = str(models[0]), str(models[1])
    return SubwordSampling(kind, paths, alphas, limit, tags, config.training.seed)
