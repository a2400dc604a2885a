"""Word alignments from attention: weights of pieces become weights of words, and those links.

Letters: T target pieces and S source pieces, each with EOS at its end; I source words and J target
words. Links are pairs (i, j) of a source and a target word, from 0, sorted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nmtcli.errors import UsageError

Link = tuple[int, int]
NULL_RULES = ("never", "eos")
NORMALIZATIONS = ("none", "source")


@dataclass(frozen=True)
class LinkRule:
    """How links are taken from attention.

    null: "never" links every target word to a source word; "eos" leaves out those that look at the
        end of the source more than at any of its words.
    shift: take for a piece what was attended so many steps after it was predicted. With 1 that is
        the step that has the piece as the decoder's input (Chen et al. (2020), arXiv:2004.14837,
        section 3, "Shift-Att"); the last piece then has the row of EOS.
    normalize: "source" first divides each weight by the sum of its source word's weights over all
        target words: a source word that many target words look at counts less for each of them.
        It changes the links alone, not the weights that are shown.

    Raises:
        UsageError: another null or normalize, or a negative shift.
    """

    null: str = "never"
    shift: int = 0
    normalize: str = "none"

    def __post_init__(self):
        if self.null not in NULL_RULES:
            raise UsageError(f"--null must be one of {', '.join(NULL_RULES)}, not '{self.null}'")
        if self.normalize not in NORMALIZATIONS:
            raise UsageError(
                f"--normalize must be one of {', '.join(NORMALIZATIONS)}, not '{self.normalize}'"
            )
        if self.shift < 0:
            raise UsageError(f"--shift must be at least 0, not {self.shift}")


DEFAULT_RULE = LinkRule()


@dataclass(frozen=True, eq=False)  # arrays are not simply equal or not
class WordAlignment:
    """A pair of lines, word by word.

    source_words, target_words: I and J words.
    weights: (J, I) float32, how much each target word attends to each source word.
    end_weights: (J,) float32, how much to the end of the source.
    links: from `weights`.
    """

    source_words: list[str]
    target_words: list[str]
    weights: np.ndarray
    end_weights: np.ndarray
    links: list[Link]


@dataclass(frozen=True, eq=False)  # arrays are not simply equal or not
class AlignedSegment:
    """The attention of a line, or of a part of it.

    attention: (T, S), the rows of the target's pieces and of EOS, the columns likewise.
    source_words: for each of the S - 1 pieces the words (first, last + 1) that it belongs to.
    target_words: the same of the T - 1 pieces.
    """

    attention: np.ndarray
    source_words: Sequence[tuple[int, int]]
    target_words: Sequence[tuple[int, int]]


def align_words(
    source_words: Sequence[str],
    target_words: Sequence[str],
    parts: Iterable[AlignedSegment],
    rule: LinkRule = DEFAULT_RULE,
) -> WordAlignment:
    """The alignment of a pair of lines; both were cut in the same `parts`."""
    weights, end_weights = merge_pieces(parts, len(source_words), len(target_words), rule.shift)
    links = hard_links(weights, end_weights, rule.null, rule.normalize)
    return WordAlignment(list(source_words), list(target_words), weights, end_weights, links)


def merge_pieces(
    parts: Iterable[AlignedSegment], sources: int, targets: int, shift: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of pieces -> weights of words.

    The weight of a target word and a source word is summed over the pieces of the source word and
    averaged over those of the target word. So what a target word gives to all source words and to
    the end of the source is 1, as it is of a piece. A piece that is part of several source words
    is divided among them evenly. A word without a piece has no weight.

    Args:
        parts: whatever has pieces of these words.
        sources: I.
        targets: J.
        shift: of `LinkRule`, within each part.

    Returns:
        weights of words (J, I), and of the source's end (J,), float32.
    """
    weights, end_weights = np.zeros((targets, sources)), np.zeros(targets)
    pieces = np.zeros(targets)  # of each target word
    for part in parts:
        rows = np.minimum(np.arange(len(part.target_words)) + shift, len(part.attention) - 1)
        attention = np.asarray(part.attention, dtype=np.float64)[rows]
        of_source = _membership(part.source_words, sources)  # (S - 1, I)
        of_source /= np.maximum(of_source.sum(axis=1, keepdims=True), 1)
        of_target = _membership(part.target_words, targets)  # (T - 1, J)
        weights += of_target.T @ (attention[:, :-1] @ of_source)
        end_weights += of_target.T @ attention[:, -1]
        pieces += of_target.sum(axis=0)
    pieces = np.maximum(pieces, 1)
    return (weights / pieces[:, None]).astype(np.float32), (end_weights / pieces).astype(np.float32)


def hard_links(
    weights: np.ndarray, end_weights: np.ndarray, null: str = "never", normalize: str = "none"
) -> list[Link]:
    """Each target word with the source word of its largest weight, the first of equal ones.

    Args:
        weights: (J, I).
        end_weights: (J,).
        null: of `LinkRule`. A target word whose weights are all 0 is never linked.
        normalize: of `LinkRule`.
    """
    if not weights.size:
        return []
    largest = weights.max(axis=1)
    best = normalized(weights, normalize).argmax(axis=1)
    linked = largest > 0
    if null == "eos":
        linked &= end_weights <= largest
    return sorted((int(best[j]), int(j)) for j in np.flatnonzero(linked))


def normalized(weights: np.ndarray, normalize: str) -> np.ndarray:
    """Weights (J, I) as `LinkRule.normalize` says; a source word without any keeps zeros."""
    if normalize == "none":
        return weights
    total = weights.sum(axis=0, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def agreed_weights(forward: np.ndarray, reverse: np.ndarray, normalize: str = "none") -> np.ndarray:
    """Where both directions agree: the geometric mean of their weights, (J, I).

    The idea, not the training, is that of Liang, Taskar and Klein (2006), "Alignment by Agreement",
    section 4: links are taken from the product of what both directions say.

    Args:
        forward: (J, I), of the model from source to target.
        reverse: (I, J), of the other one, for which the target words are the source.
        normalize: of `LinkRule`, for each in its own direction.
    """
    return np.sqrt(normalized(forward, normalize) * normalized(reverse, normalize).T)


def agreed_links(weights: np.ndarray) -> tuple[list[Link], list[Link]]:
    """Links of each direction from weights (J, I) that both agree on, all source-target."""
    targets, sources = weights.shape
    back = hard_links(weights.T, np.zeros(sources))
    return hard_links(weights, np.zeros(targets)), sorted((i, j) for j, i in back)


def turned(alignment: WordAlignment) -> WordAlignment:
    """What a model of the other direction says, as source-target; its end weights are dropped."""
    return WordAlignment(
        source_words=alignment.target_words,
        target_words=alignment.source_words,
        weights=alignment.weights.T,
        end_weights=np.zeros(len(alignment.source_words), dtype=np.float32),
        links=sorted((j, i) for i, j in alignment.links),
    )


def _membership(words: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """(pieces, count): 1 where the piece belongs to the word."""
    matrix = np.zeros((len(words), count))
    for piece, (first, last) in enumerate(words):
        matrix[piece, first:last] = 1.0
    return matrix
