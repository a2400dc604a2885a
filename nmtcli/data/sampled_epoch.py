"""Subword regularisation: sample new segmentations of the training pairs for one epoch.

The input is the token ids on disk, since prepared data do not keep the text. A word with an unknown
token keeps its ids, because its text is lost, and so does a pair that would get too many tokens.
The result is a function of (pairs, models, alphas, seed, epoch) alone.

    python -m nmtcli.data.sampled_epoch '{"pairs": "prepared/train", "epoch": 3, ...}'
"""

import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nmtcli.data.shards import Pairs, ShardWriter
from nmtcli.text.subword_regularization import SAMPLERS, WORD_START, Draw, WordSampler, make_draw
from nmtcli.text.subwords import Subwords
from nmtcli.text.token_alignment import token_links, word_links

CHUNK = 2000  # pairs that share one random generator
SHARD_PAIRS = 100_000  # bounds the memory


@dataclass(frozen=True)
class SubwordSampling:
    """The parameters of subword regularisation.

    kind: the type of the subword models, `unigram` or `bpe`.
    models: the paths of the subword models of source and target.
    alphas: the parameters for source and target, see `training.subword_sampling`; 0 leaves a side
        as it is.
    max_pieces: the limit of tokens on a side; a pair that would exceed it keeps its ids.
    tags: the tags before source lines, each of which is one token.
    seed: the seed of the run.
    """

    kind: str
    models: Sequence[str]
    alphas: Sequence[float]
    max_pieces: int
    tags: Sequence[str]
    seed: int


def sample_epoch(
    pairs: Pairs,
    sampling: SubwordSampling,
    epoch: int,
    folder: Path,
    is_needed: Callable[[], bool] = lambda: True,
) -> None:
    """Sample the pairs of an epoch and write them, in the order of `pairs`, into shards.

    Args:
        pairs: the prepared pairs.
        sampling: the parameters of the sampling.
        epoch: the number of the epoch.
        folder: the folder of the shards; their index is written last.
        is_needed: called before each chunk; if it returns False, the function stops without writing
            the index.
    """
    models = [Subwords(Path(path)) for path in sampling.models]
    samplers = [_sampler(model, sampling, side) for side, model in enumerate(models)]
    writer = ShardWriter(folder, SHARD_PAIRS, max(m.size for m in models), pairs.has_links)
    for begin in range(0, len(pairs), CHUNK):
        if not is_needed():
            return
        draw = make_draw(sampling.seed, epoch, begin)
        for i in range(begin, min(begin + CHUNK, len(pairs))):
            links = pairs.links(i).tolist() if pairs.has_links else []
            plain = pairs.source(i).tolist(), pairs.target(i).tolist(), links
            sampled = _sample_pair(samplers, *plain, draw)
            is_too_long = max(map(len, sampled[:2])) > sampling.max_pieces
            writer.append(*(plain if is_too_long else sampled))
    writer.close()


def _sampler(model: Subwords, sampling: SubwordSampling, side: int) -> WordSampler | None:
    alpha = sampling.alphas[side]
    if not alpha:
        return None
    tokens = model.tokens(range(model.size))
    tags = {f"{WORD_START}{tag}" for tag in sampling.tags}
    fixed = {i for i, token in enumerate(tokens) if token in tags} | model.indivisible_ids()
    return SAMPLERS[sampling.kind](tokens, model.scores(), frozenset(fixed), alpha)


def _sample_pair(samplers, source, target, links, draw: Draw) -> tuple[list, list, list]:
    """Sample the tokens of both sides, and return them with the links between them."""
    sides, before, after = [], [], []
    for sampler, ids in zip(samplers, (source, target)):
        words = sampler.words(ids) if sampler else [(i,) for i in ids]
        sampled = [sampler.sample(word, draw) for word in words] if sampler else words
        sides.append(list(itertools.chain.from_iterable(sampled)))
        if links:
            before.append(_word_ranges(words))
            after.append(_word_ranges(sampled))
    if links:
        links = token_links(word_links(links, *before), *after)
    return *sides, links


def _word_ranges(words: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the word of each token as a range."""
    return [(n, n + 1) for n, word in enumerate(words) for _ in word]


def child_task(pairs: Pairs, sampling: SubwordSampling, epoch: int, folder: Path) -> str:
    """Return the argument of the child process that samples an epoch, as JSON."""
    task = {"pairs": str(pairs.folder), "epoch": epoch, "folder": str(folder)}
    return json.dumps(task | {"parent": os.getpid(), "sampling": asdict(sampling)})


def _main() -> int:
    task = json.loads(sys.argv[1])
    if hasattr(os, "nice"):
        os.nice(5)  # the training goes first
    pairs, sampling = Pairs(Path(task["pairs"])), SubwordSampling(**task["sampling"])
    is_needed = lambda: os.getppid() == task["parent"]  # noqa: E731  False if the training died
    sample_epoch(pairs, sampling, task["epoch"], Path(task["folder"]), is_needed)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
