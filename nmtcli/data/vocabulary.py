"""Learn the subword models of prepared data from the kept pairs."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from nmtcli.config import SubwordConfig
from nmtcli.config.auto import VocabularySize, choose_size, enlarge
from nmtcli.data.corpora import Corpus, read_corpus
from nmtcli.data.learn_subwords import SMALLEST_SIZE, VocabularyTooSmall, learn_in_child
from nmtcli.data.readers import Pair
from nmtcli.errors import UsageError
from nmtcli.text.subwords import Subwords

SAMPLE_SEED = 1


def check_size(options: SubwordConfig) -> None:
    """Check the size of the vocabulary.

    Raises:
        UsageError: the size is neither 0 nor large enough.
    """
    if 0 < options.vocabulary_size < SMALLEST_SIZE:
        raise UsageError(
            f"config: subwords.vocabulary_size must be at least {SMALLEST_SIZE}, or 0 for an"
            f" automatic size, not {options.vocabulary_size}"
        )


def learn_subword_models(
    corpora: Sequence[Corpus],
    verdicts: Sequence[bytearray],
    characters: Sequence[int],
    options: SubwordConfig,
    progress,
) -> tuple[list[Subwords], str | None]:
    """Learn the subword models of source and target.

    The memory of SentencePiece grows with the characters that it reads, not with the pairs, by up
    to 140 bytes for each of them. So both are limited.

    Args:
        corpora: the training text.
        verdicts: for each corpus one byte a pair, which is 1 for a kept pair.
        characters: the characters of the kept pairs, of source and target.
        options: the options of the subwords; a size of 0 is replaced by that of `choose_size`.
        progress: called with `("learn", 0, 0)`.

    Returns:
        the models of source and target (the same one twice if they are joint); a line that explains
        the chosen size, or None if the user set it.
    """
    progress("learn", 0, 0)
    kept = sum(map(sum, verdicts))

    def sampled(*sides: int) -> Iterator[str]:
        pairs = itertools.chain.from_iterable(map(kept_pairs, corpora, verdicts))
        left, there = options.sample_characters, sum(characters[side] for side in sides)
        size = kept if there <= left else max(1, kept * left // there)
        for pair in sample(pairs, kept, min(size, options.sample_pairs)):
            texts = [(pair.source, pair.target)[side] for side in sides]
            yield from texts
            left -= sum(map(len, texts))
            if left <= 0:  # chance drew more of the long pairs
                return

    tags = list(dict.fromkeys(corpus.tag for corpus in corpora if corpus.tag))
    sides_of_models = {"": (0, 1)} if options.joint else {"source ": (0,), "target ": (1,)}
    models, choices = [], []
    for label, model_sides in sides_of_models.items():
        paths = [str((c.source, c.target)[side]) for c in corpora for side in model_sides]
        symbols = tags if 0 in model_sides else []
        name = " and ".join(paths)
        model, size = _learn(lambda s=model_sides: sampled(*s), options, name, symbols, kept)
        models.append(Subwords(model))
        choices.append(_explain_size(label, models[-1], size))
    return (models * 2)[:2], None if options.vocabulary_size else "; ".join(choices)


def kept_pairs(corpus: Corpus, verdicts: bytearray, with_links: bool = False) -> Iterator[Pair]:
    """Yield the pairs that the filters kept, normalised."""
    return itertools.compress(read_corpus(corpus, with_links), verdicts)


def sample(items: Iterable, count: int, size: int) -> Iterator:
    """Sample `size` of `count` items uniformly, in their order and always the same ones.

    Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S) needs no memory.
    """
    draw = random.Random(SAMPLE_SEED)
    for item in items:
        if size >= count or draw.random() * count < size:
            yield item
            size -= 1
        count -= 1


def _learn(
    lines: Callable[[], Iterator[str]], options: SubwordConfig, name: str, symbols, pairs: int
) -> tuple[bytes, VocabularySize]:
    """Learn a model from the lines that `lines()` returns; return it and its size."""
    if options.vocabulary_size:
        size = VocabularySize(options.vocabulary_size, "set")
        return learn_in_child(lines(), options, name, symbols), size
    size = choose_size(pairs, options.type)
    try:
        chosen = replace(options, vocabulary_size=size.pieces)
        return learn_in_child(lines(), chosen, name, symbols, at_most=True), size
    except VocabularyTooSmall as error:
        size = enlarge(size, error.required)
        chosen = replace(options, vocabulary_size=size.pieces)
        return learn_in_child(lines(), chosen, name, symbols, at_most=True), size


def _explain_size(side: str, model: Subwords, size: VocabularySize) -> str:
    """Return a line such as `vocabulary 8000: 29,000 pairs`, which explains the chosen size."""
    fewer = "" if model.size >= size.pieces else f"; the text yields fewer than {size.pieces}"
    return f"{side}vocabulary {model.size}: {size.reason}{fewer}"
