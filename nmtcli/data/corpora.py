"""Parallel corpora of the training text, each with its weight, tag and word alignment."""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nmtcli.alignment.pharaoh import read_links
from nmtcli.config import DataConfig
from nmtcli.data.readers import FileSurvey, Pair, read_pairs, survey_file, survey_pair
from nmtcli.errors import UsageError
from nmtcli.text.files import open_text
from nmtcli.text.lines import read_raw_lines
from nmtcli.text.normalization import CLEAN, normalise
from nmtcli.text.sentences import split_sentences
from nmtcli.text.tags import source_tags, with_tag
from nmtcli.text.words import split_words

logger = logging.getLogger(__name__)

RESERVED = frozenset(("<pad>", "<unk>", "<s>", "</s>"))  # the special tokens
LARGEST_WEIGHT = 1000.0


@dataclass(frozen=True)
class Corpus:
    """A parallel corpus.

    source, target: the two files; line i of one is the translation of line i of the other.
    weight: how often an epoch has each pair: 2 means twice, 0.5 means another half each time.
    tag: a word put before each source line, such as `<2ko>` for the target language (Johnson et al.
        2017, arXiv:1611.04558) or `<BT>` for back-translated text (Caswell et al. 2019,
        arXiv:1906.06442); empty for no tag.
    alignments: the file of word alignments, or None.
    by_sentence: whether a pair whose sides have equally many sentences is split into sentence
        pairs.
    rule: how the text is normalised, see `text.normalization`.
    """

    source: Path
    target: Path
    weight: float = 1.0
    tag: str = ""
    alignments: Path | None = None
    by_sentence: bool = False
    rule: str = CLEAN

    @property
    def name(self) -> str:
        return f"{self.source}, {self.target}"

    @cached_property
    def surveys(self) -> tuple[FileSurvey, ...]:
        """The surveys of the source, of the target and, if there is one, of the alignment file.

        The first use reads the files.

        Raises:
            UsageError: a file is missing, empty, unreadable or not text, or the files have
                different numbers of lines.
        """
        surveys = survey_pair(self.source, self.target)
        if self.alignments is None:
            return surveys
        links = survey_file(self.alignments)
        if links.lines != surveys[0].lines:
            raise UsageError(
                f"{self.alignments} has {links.lines} lines, but {self.source} has"
                f" {surveys[0].lines}; give one line of links for each pair, which may be empty"
            )
        return (*surveys, links)


def training_corpora(data: DataConfig) -> list[Corpus]:
    """Return the training corpora that the options name, in order.

    Raises:
        UsageError: there is no text or only one side of it, lists have different lengths, or a
            weight or a tag is invalid.
    """
    sources, targets = _as_list(data.train_source), _as_list(data.train_target)
    if not sources and not targets:
        raise UsageError("there is no training text; give a file of sources and a file of targets")
    if not sources or not targets:
        raise UsageError("the training text needs both source and target; give a file of each")
    for name in ("train_target", "weights", "tags", "alignments"):
        values = _as_list(getattr(data, name))
        if values and len(values) != len(sources):
            raise UsageError(
                f"data.{name} has {len(values)} values, but there are {len(sources)} training"
                " texts; give one value for each text, in the same order"
            )
    weights = data.weights or (1.0,) * len(sources)
    for weight in weights:
        if not 0 < weight <= LARGEST_WEIGHT:
            raise UsageError(
                f"data.weights must be more than 0 and at most {LARGEST_WEIGHT:g}, not {weight:g}"
            )
    tags = [_checked_tag("tags", tag) for tag in data.tags or ("",) * len(sources)]
    if data.by_sentence and data.alignments:
        raise UsageError(
            "data.by_sentence splits lines, but data.alignments links whole lines; leave out one"
        )
    links = [Path(name) for name in data.alignments] or [None] * len(sources)
    paths = map(Path, sources), map(Path, targets)
    columns = zip(*paths, weights, tags, links)
    shared = {"by_sentence": data.by_sentence, "rule": data.normalization}
    return [Corpus(*values, **shared) for values in columns]


def parallel_text(data: DataConfig) -> tuple[list[Corpus], Corpus | None]:
    """Return the training corpora and the validation corpus that the options name.

    Raises:
        UsageError: the training options are wrong, see `training_corpora`, or the validation text
            has only one side or an unknown tag.
    """
    train, paths = training_corpora(data), (data.valid_source, data.valid_target)
    if any(paths) and not all(paths):
        raise UsageError("the validation text needs both source and target; give a file of each")
    if not all(paths):
        return train, None
    shared = {"by_sentence": data.by_sentence, "rule": data.normalization}
    return train, Corpus(*map(Path, paths), tag=_validation_tag(data), **shared)


def read_corpus(corpus: Corpus, with_links: bool = True) -> Iterator[Pair]:
    """Yield the normalised pairs, without their tag.

    The links of a word alignment count the words of the normalised text.

    Args:
        corpus: the corpus to read.
        with_links: whether to read the word alignment too, if the corpus has one.

    Raises:
        UsageError: the alignment file has a malformed link, or one outside its pair.
    """
    pairs = normalised_pairs(corpus)
    if corpus.alignments is None or not with_links:
        for pair in pairs:
            yield from sentence_pairs(pair) if corpus.by_sentence else [pair]
        return
    with open_text(corpus.alignments) as stream:
        for pair, raw in itertools.zip_longest(pairs, read_raw_lines(stream)):
            if pair is None or raw is None:
                raise UsageError(
                    f"{corpus.alignments}: the file changed while it was read; run it again"
                )
            words = len(split_words(pair.source)), len(split_words(pair.target))
            where = f"{corpus.alignments}:{pair.line}"
            links = read_links(raw.decode("utf-8", errors="replace"), where, words)
            yield pair._replace(links=links)


def normalised_pairs(corpus: Corpus) -> Iterator[Pair]:
    """Yield the pair of each line, normalised."""
    rule = corpus.rule
    for pair in read_pairs(corpus.source, corpus.target):
        source, target = normalise(pair.source, rule), normalise(pair.target, rule)
        yield pair._replace(source=source, target=target)


def sentence_pairs(pair: Pair) -> list[Pair]:
    """Split a pair into sentence pairs if both sides have equally many sentences."""
    sides = split_sentences(pair.source), split_sentences(pair.target)
    if pair.problem or len(sides[0]) != len(sides[1]) or len(sides[0]) == 1:
        return [pair]
    return [pair._replace(source=one.strip(), target=other.strip()) for one, other in zip(*sides)]


def add_tag(pair: Pair, tag: str) -> Pair:
    """Return the pair with the tag before its source, and with its links shifted by that word.

    A source that begins with the tag gets no second one, and an empty one gets none.
    """
    source = with_tag(tag, pair.source)
    if source == pair.source or pair.source.lstrip(" ").startswith(tag):
        return pair
    links = pair.links and [(i + 1, j) for i, j in pair.links]
    return pair._replace(source=source, links=links)


def _as_list(values: str | tuple | None) -> list:
    return [values] if isinstance(values, str) else list(values or ())


def _validation_tag(data: DataConfig) -> str:
    """Return the tag of the validation text: the given one, or that of all training text."""
    tags = source_tags(data.tags)
    if data.valid_tag is None:
        if tags.are_missed:
            logger.warning(
                "each training text has a tag, but the validation text has none: give it the option"
                " valid_tag, one of %s",
                " ".join(tags.known),
            )
        return tags.default
    tag = _checked_tag("valid_tag", data.valid_tag)
    if tag and tag not in tags.known:
        raise UsageError(
            f"data.valid_tag is '{tag}', which no training text has; give one of data.tags"
        )
    return tag


def _checked_tag(option: str, tag: str) -> str:
    is_word = len(tag) > 2 and tag[0] == "<" and tag[-1] == ">" and not set(tag) & set("\u2581,")
    is_word = is_word and all(c.isprintable() and not c.isspace() for c in tag)
    if tag and (not is_word or tag in RESERVED):
        raise UsageError(
            f"data.{option} has the invalid tag '{tag}'; write a word such as <2ko>, or nothing for"
            " no tag"
        )
    return normalise(tag)
