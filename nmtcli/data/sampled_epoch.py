"""Cut the training pairs into other pieces, for one epoch: subword regularisation.

What is cut are the words of the ids on disk, which are all that prepared data hold. A word with an
unknown piece keeps its ids, since its text is lost; so does a pair that would get too many pieces.
The ids are a function of (pairs, models, rates, seed, epoch) alone.

    python -m nmtcli.data.sampled_epoch '{"pairs": "prepared/train", "epoch": 3, ...}'
"""

import dataclasses
import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nmtcli.data.shards import Pairs, ShardWriter
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subword_regularization import SAMPLERS, WORD_START, Draw, WordSampler, make_draw
from nmtcli.text.subwords import CONTROL_IDS, Subwords
from nmtcli.text.token_alignment import token_links, word_links

CHUNK = 2000  # pairs cut together
SHARD_PAIRS = 100_000  # bounds the memory


@dataclass(frozen=True)
class SubwordSampling:
    """How pairs are cut at random.

    kind: of the models, `unigram` or `bpe`.
    models: paths of the subword models of source and target.
    alphas: of source and target, see `subword_sampling`; 0 leaves the side as it is.
    max_pieces: of a side; a pair that would get more keeps its ids.
    tags: that stand before sources, each a piece of its own.
    seed: of the run.
    """

    kind: str
    models: tuple[str, str]
    alphas: tuple[float, float]
    max_pieces: int
    tags: tuple[str, ...]
    seed: int


def sample_epoch(
    pairs: Pairs,
    sampling: SubwordSampling,
    epoch: int,
    folder: Path,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Write the pairs of an epoch, in the order of `pairs`, into shards.

    Args:
        pairs: as they were prepared.
        sampling: how they are cut.
        epoch: its number.
        folder: for the shards; their index is written last.
        is_wanted: asked now and then; no leaves the folder without an index.
    """
    models = [Subwords(Path(path)) for path in sampling.models]
    samplers = [_sampler(model, sampling, side) for side, model in enumerate(models)]
    writer = ShardWriter(folder, SHARD_PAIRS, max(m.size for m in models), pairs.has_links)
    for begin in range(0, len(pairs), CHUNK):
        if not is_wanted():
            return
        draw = make_draw(sampling.seed, epoch, begin)
        for i in range(begin, min(begin + CHUNK, len(pairs))):
            links = pairs.links(i).tolist() if pairs.has_links else []
            plain = pairs.source(i).tolist(), pairs.target(i).tolist()
            sampled, links = _cut(samplers, plain, links, draw)
            if max(map(len, sampled)) > sampling.max_pieces:
                writer.append(*plain, pairs.links(i).tolist() if pairs.has_links else [])
            else:
                writer.append(*sampled, links)
    writer.close()


def _sampler(model: Subwords, sampling: SubwordSampling, side: int) -> WordSampler | None:
    alpha = sampling.alphas[side]
    if not alpha:
        return None
    pieces = model.tokens(range(model.size))
    tags = {f"{WORD_START}{tag}" for tag in sampling.tags}
    fixed = {i for i, piece in enumerate(pieces) if piece in tags} | model.byte_ids()
    fixed |= {UNK_ID, *CONTROL_IDS}
    return SAMPLERS[sampling.kind](pieces, model.scores(), frozenset(fixed), alpha)


def _cut(samplers, plain, links, draw: Draw) -> tuple[list[list[int]], list]:
    """Both sides in other pieces, and the links between these."""
    sides, before, after = [], [], []
    for sampler, ids in zip(samplers, plain):
        words = sampler.words(ids) if sampler else [(i,) for i in ids]
        sampled = [sampler.sample(word, draw) for word in words] if sampler else words
        sides.append(list(itertools.chain.from_iterable(sampled)))
        if links:
            before.append(_words_of(words))
            after.append(_words_of(sampled))
    if links:
        links = token_links(word_links(links, *before), *after)
    return sides, links


def _words_of(words: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The word of each piece, as a range."""
    return [(n, n + 1) for n, word in enumerate(words) for _ in word]


def task_of(pairs: Pairs, sampling: SubwordSampling, epoch: int, folder: Path) -> str:
    """What a child process is told."""
    task = {"pairs": str(pairs.folder), "epoch": epoch, "folder": str(folder)}
    return json.dumps(task | {"parent": os.getpid(), "sampling": dataclasses.asdict(sampling)})


def _main() -> int:
    task = json.loads(sys.argv[1])
    if hasattr(os, "nice"):
        os.nice(5)  # the training goes first
    sampling = SubwordSampling(**{k: tuple(v) if isinstance(v, list) else v
                           for k, v in task["sampling"].items()})  # fmt: skip
    is_wanted = lambda: os.getppid() == task["parent"]  # noqa: E731  a killed training needs none
    pairs, folder = Pairs(Path(task["pairs"])), Path(task["folder"])
    sample_epoch(pairs, sampling, task["epoch"], folder, is_wanted)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
