"""The training text: one parallel corpus or several, each with its weight, tag and links."""

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nmtcli.alignment.pharaoh import read_links
from nmtcli.config import DataConfig
from nmtcli.data.readers import FileSurvey, Pair, open_text, read_pairs, survey_file, survey_pair
from nmtcli.errors import UsageError
from nmtcli.text.lines import read_raw_lines
from nmtcli.text.sentences import split_sentences
from nmtcli.text.subwords import normalise
from nmtcli.text.words import split_words

RESERVED = frozenset(("<pad>", "<unk>", "<s>", "</s>"))  # pieces that stand for no text
LARGEST_WEIGHT = 1000.0


@dataclass(frozen=True)
class Corpus:
    """A parallel corpus.

    source, target: files, line by line.
    weight: how often an epoch sees each pair: 2 is twice, 0.5 is another half of them each time.
    tag: a word before each source line, such as `<2ko>` for the language to translate to (Johnson
        et al. 2017, arXiv:1611.04558) or `<BT>` for text that was translated back (Caswell et al.
        2019, arXiv:1906.06442); the empty text is none.
    alignments: file of links of words, or None.
    by_sentence: pairs with equally many sentences on both sides become a pair for each.
    """

    source: Path
    target: Path
    weight: float = 1.0
    tag: str = ""
    alignments: Path | None = None
    by_sentence: bool = False

    @property
    def name(self) -> str:
        return f"{self.source}, {self.target}"


def training_corpora(data: DataConfig) -> list[Corpus]:
    """The corpora that the options name, in order.

    Raises:
        UsageError: no text or one side alone; lists of different length; a weight or a tag that
            cannot be.
    """
    sources, targets = _as_list(data.train_source), _as_list(data.train_target)
    if not sources and not targets:
        raise UsageError("no training text; give it with --train SRC TGT")
    if not sources or not targets:
        raise UsageError("only one side of the train text is given; use --train SRC TGT")
    for name, values in (("train_target", targets), ("weights", data.weights),
                         ("tags", data.tags), ("alignments", data.alignments)):  # fmt: skip
        if values and len(values) != len(sources):
            raise UsageError(
                f"data.{name} has {len(values)} values, but there are {len(sources)} training"
                f" texts; give one for each, in the order of --train"
            )
    weights = data.weights or (1.0,) * len(sources)
    for weight in weights:
        if not 0 < weight <= LARGEST_WEIGHT:
            raise UsageError(f"a weight of {weight:g} cannot be; give more than 0, at most 1000")
    tags = [_checked_tag(tag) for tag in data.tags or ("",) * len(sources)]
    if data.by_sentence and data.alignments:
        raise UsageError("links are of whole lines: leave out --by-sentence, or --alignments")
    links = [Path(name) for name in data.alignments] or [None] * len(sources)
    paths = map(Path, sources), map(Path, targets)
    columns = zip(*paths, weights, tags, links)
    return [Corpus(*values, by_sentence=data.by_sentence) for values in columns]


class ParallelText(NamedTuple):
    """The corpora to prepare, and what a first reading of their files tells."""

    train: list[Corpus]
    valid: Corpus | None
    train_surveys: list[tuple[FileSurvey, ...]] = ()
    valid_surveys: tuple[FileSurvey, ...] = ()


def parallel_text_of(data: DataConfig) -> ParallelText:
    """The corpora that the options name.

    Raises:
        UsageError: as `training_corpora`; or one side alone of the validation text.
    """
    train, paths = training_corpora(data), (data.valid_source, data.valid_target)
    if any(paths) and not all(paths):
        raise UsageError("only one side of the valid text is given; use --valid SRC TGT")
    valid = Corpus(*map(Path, paths), by_sentence=data.by_sentence) if all(paths) else None
    return ParallelText(train, valid)


def surveyed(text: ParallelText) -> ParallelText:
    """With a first reading of every file; errors as of `survey_corpus`."""
    surveys = [survey_corpus(corpus) for corpus in text.train]
    of_valid = survey_corpus(text.valid) if text.valid else ()
    return text._replace(train_surveys=surveys, valid_surveys=of_valid)


def survey_corpus(corpus: Corpus) -> tuple[FileSurvey, ...]:
    """Surveys of source, target and, if there are any, links.

    Raises:
        UsageError: a file is missing, empty, unreadable or not text, or has other numbers of lines
            than the others.
    """
    surveys = survey_pair(corpus.source, corpus.target)
    if corpus.alignments is None:
        return surveys
    links = survey_file(corpus.alignments)
    if links.lines != surveys[0].lines:
        raise UsageError(
            f"{corpus.alignments}: {links.lines} lines, but {corpus.source}: {surveys[0].lines};"
            " give one line of links for each pair, an empty one for none"
        )
    return (*surveys, links)


def read_corpus(corpus: Corpus, with_links: bool = True) -> Iterator[Pair]:
    """The pairs in NFC, without their tag; with links of words, where there are any. Several of a
    line are in the order of the line.

    Raises:
        UsageError: something in the file of links is no link, or outside its pair.
    """
    pairs = read_pairs(corpus.source, corpus.target)
    if corpus.alignments is None or not with_links:
        for pair in map(_normalised, pairs):
            yield from sentence_pairs(pair) if corpus.by_sentence else [pair]
        return
    with open_text(corpus.alignments) as stream:
        for pair, raw in itertools.zip_longest(pairs, read_raw_lines(stream)):
            if pair is None or raw is None:
                raise UsageError(f"{corpus.alignments}: changed while read; run again")
            words = len(split_words(pair.source)), len(split_words(pair.target))
            where = f"{corpus.alignments}:{pair.line}"
            links = read_links(raw.decode("utf-8", errors="replace"), where, words)
            yield _normalised(pair)._replace(links=links)


def sentence_pairs(pair: Pair) -> list[Pair]:
    """A pair for each sentence, where both sides have equally many; else the pair as it is."""
    sides = split_sentences(pair.source), split_sentences(pair.target)
    if pair.problem or len(sides[0]) != len(sides[1]) or len(sides[0]) == 1:
        return [pair]
    return [pair._replace(source=one.strip(), target=other.strip()) for one, other in zip(*sides)]


def tagged(pair: Pair, tag: str) -> Pair:
    """The pair with the tag before its source, and links that count it."""
    if not tag:
        return pair
    links = pair.links and [(i + 1, j) for i, j in pair.links]
    return pair._replace(source=f"{tag} {pair.source}", links=links)


def _normalised(pair: Pair) -> Pair:
    return pair._replace(source=normalise(pair.source), target=normalise(pair.target))


def _as_list(paths: str | tuple[str, ...] | None) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths or ())


def _checked_tag(tag: str) -> str:
    is_word = len(tag) > 2 and tag[0] == "<" and tag[-1] == ">" and not set(tag) & set("\u2581,")
    is_word = is_word and all(c.isprintable() and not c.isspace() for c in tag)
    if tag and (not is_word or tag in RESERVED):
        raise UsageError(
            f"a tag '{tag}' cannot be; write a word such as <2ko>, or nothing for none"
        )
    return unicodedata.normalize("NFC", tag)
