"""The subword models of prepared data: from the kept pairs, in a size that suits them."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from nmtcli.config import SubwordConfig, from_dict
from nmtcli.config.auto import VocabularySize, choose_size, enlarge
from nmtcli.data import prepared
from nmtcli.data.corpora import Corpus, read_corpus
from nmtcli.data.learn_subwords import SMALLEST_SIZE, TooFewPieces, learn_in_child
from nmtcli.data.readers import Pair
from nmtcli.errors import UsageError
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords, load_sides

SAMPLE_SEED = 1
NOT_TAKEN = frozenset(("taken_from", "max_pieces", "sample_pairs"))  # do not shape the models


def reuse_subword_models(
    options: SubwordConfig, tags: Sequence[str] = ()
) -> tuple[SubwordConfig, list[Subwords]]:
    """The models of the run or prepared data that `options.taken_from` names, and how they cut.

    Args:
        tags: of the training texts; each must be a piece of the source, and '' is none.

    Returns:
        the options with what is told of the models, so that they are those of the data to make;
        the models of source and target.

    Raises:
        UsageError: no such folder, or an option is set or a tag given that these models do not
            have.
    """
    folder = Path(options.taken_from)
    if (folder / prepared.FACTS).exists():
        values = prepared.PreparedData(folder).facts["config"]["subwords"]
        known = from_dict({"subwords": values}, str(folder)).subwords
    else:
        run = RunDirectory(folder)
        run.read_facts()
        known = run.read_config().subwords
    for spec in fields(options):
        wanted, there = getattr(options, spec.name), getattr(known, spec.name)
        if spec.name not in NOT_TAKEN and wanted not in (spec.default, there):
            raise UsageError(
                f"subwords.{spec.name} is {wanted}, but the subwords of {folder} have {there};"
                " leave it out, or learn others"
            )
    taken = {name: getattr(options, name) for name in NOT_TAKEN}
    models = list(load_sides(folder / prepared.SOURCE_MODEL, folder / prepared.TARGET_MODEL))
    for tag in filter(None, tags):
        if len(pieces := models[0].encode(tag)) > 1 or pieces == [UNK_ID]:
            raise UsageError(
                f"the tag {tag} is no piece of {folder}: leave it out, or learn other subwords"
            )
    return replace(known, **taken), models


def check_size(options: SubwordConfig) -> None:
    """
    Raises:
        UsageError: a size that is neither 0 nor large enough.
    """
    if 0 < options.vocabulary_size < SMALLEST_SIZE:
        raise UsageError(
            f"config: subwords.vocabulary_size must be at least {SMALLEST_SIZE}, or 0 to have it"
            f" chosen, not {options.vocabulary_size}"
        )


def learn_subword_models(
    corpora: Sequence[Corpus],
    verdicts: Sequence[bytearray],
    options: SubwordConfig,
    progress,
) -> tuple[list[Subwords], str | None]:
    """The models of the source and the target, and a line that tells a choice.

    Args:
        corpora: the training text.
        verdicts: for each corpus, which pairs are kept.
        options: of the subwords; where no size is set, it is chosen by `vocabulary_choice`.
        progress: called as `("learn", 0, 0)`.

    Returns:
        the same model twice when joint; the line is None where the user set the size.
    """
    progress("learn", 0, 0)
    kept = sum(map(sum, verdicts))

    def sampled(*sides: int) -> Iterator[str]:
        pairs = itertools.chain.from_iterable(map(kept_pairs, corpora, verdicts))
        for pair in sample(pairs, kept, options.sample_pairs):
            for side in sides:
                yield (pair.source, pair.target)[side]

    tags = list(dict.fromkeys(corpus.tag for corpus in corpora if corpus.tag))
    sides = [(0, 1)] if options.joint else [(0,), (1,)]
    models, sizes = [], []
    for of_model in sides:
        paths = [str((c.source, c.target)[side]) for c in corpora for side in of_model]
        symbols = tags if 0 in of_model else []
        name = " and ".join(paths)
        model, size = _learn(lambda s=of_model: sampled(*s), options, name, symbols, kept)
        models.append(Subwords(model))
        sizes.append(size)
    if options.vocabulary_size:
        return (models * 2)[:2], None
    names = [""] if options.joint else ["source ", "target "]
    return (models * 2)[:2], "; ".join(map(_say, names, models, sizes))


def kept_pairs(corpus: Corpus, verdicts: bytearray, with_links: bool = False) -> Iterator[Pair]:
    """The pairs that the filters kept, in NFC."""
    return itertools.compress(read_corpus(corpus, with_links), verdicts)


def sample(items: Iterable, count: int, wanted: int) -> Iterator:
    """`wanted` of `count` items in their order, each as likely; the same ones every time.

    Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): needs no memory.
    """
    draw = random.Random(SAMPLE_SEED)
    for item in items:
        if wanted >= count or draw.random() * count < wanted:
            yield item
            wanted -= 1
        count -= 1


def _learn(
    lines: Callable[[], Iterator[str]], options: SubwordConfig, name: str, symbols, pairs: int
) -> tuple[bytes, VocabularySize]:
    """A model of the lines that a call of `lines` gives, and why it has its size."""
    if options.vocabulary_size:
        size = VocabularySize(options.vocabulary_size, "set")
        return learn_in_child(lines(), options, name, symbols), size
    size = choose_size(pairs, options.type)
    try:
        chosen = replace(options, vocabulary_size=size.pieces)
        return learn_in_child(lines(), chosen, name, symbols, at_most=True), size
    except TooFewPieces as error:
        size = enlarge(size, error.required)
        chosen = replace(options, vocabulary_size=size.pieces)
        return learn_in_child(lines(), chosen, name, symbols, at_most=True), size


def _say(side: str, model: Subwords, size: VocabularySize) -> str:
    """`vocabulary 8000: 29,000 pairs`, and if the text has no more, that."""
    fewer = "" if model.size >= size.pieces else f", which have no more (of {size.pieces} at most)"
    return f"{side}vocabulary {model.size}: {size.reason}{fewer}"
