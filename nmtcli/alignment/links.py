"""Word alignments from attention: token weights are merged into word weights, then into links.

Letters: T target tokens and S source tokens, both with EOS at the end; I source words and J target
words. Links are sorted pairs (i, j) of a source word and a target word, counted from 0.
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

    null: "never" links every target word to a source word; "eos" leaves a target word unlinked if
        it attends to the source's EOS more than to any source word.
    shift: use the attention of this many steps after a token was predicted. With 1, this is the
        step at which the token is the decoder's input (Chen et al. (2020), arXiv:2004.14837,
        section 3, "Shift-Att"); the last token then has the row of EOS.
    normalize: "source" first divides each weight by the sum of its source word's weights over all
        target words, so that a source word to which many target words attend counts less for each
        of them. It changes only the links, not the weights that are shown.

    Raises:
        UsageError: `null` or `normalize` has another value, or `shift` is negative.
    """

    null: str = "never"
    shift: int = 0
    normalize: str = "none"

    def __post_init__(self) -> None:
        for option, values in (("null", NULL_RULES), ("normalize", NORMALIZATIONS)):
            if (value := getattr(self, option)) not in values:
                raise UsageError(f"{option} must be one of {', '.join(values)}, not '{value}'")
        if self.shift < 0:
            raise UsageError(f"shift must be at least 0, not {self.shift}")


DEFAULT_RULE = LinkRule()


@dataclass(frozen=True, eq=False)  # arrays are not simply equal or not
class WordAlignment:
    """The word alignment of a pair of lines.

    source_words, target_words: the I source words and the J target words.
    weights: (J, I) float32, the weight of each target word on each source word.
    end_weights: (J,) float32, the weight of each target word on the source's EOS.
    links: the links, taken from `weights`.
    """

    source_words: list[str]
    target_words: list[str]
    weights: np.ndarray
    end_weights: np.ndarray
    links: list[Link]

    def __str__(self) -> str:
        from nmtcli.alignment.pharaoh import format_links

        return format_links(self.links)

    def __repr__(self) -> str:
        return f"WordAlignment('{self}')"


@dataclass(frozen=True, eq=False)  # arrays are not simply equal or not
class AlignedSegment:
    """The attention of a line, or of a segment of it.

    attention: (T, S), a row for each target token and a column for each source token, with EOS.
    source_words: the words (first, last + 1) of each of the S - 1 source tokens without EOS.
    target_words: the words (first, last + 1) of each of the T - 1 target tokens without EOS.
    """

    attention: np.ndarray
    source_words: Sequence[tuple[int, int]]
    target_words: Sequence[tuple[int, int]]


def align_words(
    source_words: Sequence[str],
    target_words: Sequence[str],
    segments: Iterable[AlignedSegment],
    rule: LinkRule = DEFAULT_RULE,
) -> WordAlignment:
    """Return the alignment of a pair of lines from the attention of its segments."""
    weights, end_weights = merge_tokens(segments, len(source_words), len(target_words), rule.shift)
    links = hard_links(weights, end_weights, rule.null, rule.normalize)
    return WordAlignment(list(source_words), list(target_words), weights, end_weights, links)


def merge_tokens(
    segments: Iterable[AlignedSegment], sources: int, targets: int, shift: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the weights of tokens into weights of words.

    The weight of a target word on a source word is summed over the tokens of the source word and
    averaged over the tokens of the target word. So the weights of a target word on all source words
    and on EOS sum to 1, as those of a token do. A token of several source words is divided evenly
    among them. A word without tokens has no weight.

    Args:
        segments: the segments of the line.
        sources: I, the number of source words.
        targets: J, the number of target words.
        shift: the shift of `LinkRule`, applied within each segment.

    Returns:
        the weights on source words (J, I), and on the source's EOS (J,), float32.
    """
    weights, end_weights = np.zeros((targets, sources)), np.zeros(targets)
    counts = np.zeros(targets)  # tokens of each target word
    for segment in segments:
        rows = np.minimum(np.arange(len(segment.target_words)) + shift, len(segment.attention) - 1)
        attention = np.asarray(segment.attention, dtype=np.float64)[rows]
        source = _membership(segment.source_words, sources)  # (S - 1, I)
        source /= np.maximum(source.sum(axis=1, keepdims=True), 1)
        target = _membership(segment.target_words, targets)  # (T - 1, J)
        weights += target.T @ (attention[:, :-1] @ source)
        end_weights += target.T @ attention[:, -1]
        counts += target.sum(axis=0)
    counts = np.maximum(counts, 1)
    return (weights / counts[:, None]).astype(np.float32), (end_weights / counts).astype(np.float32)


def hard_links(
    weights: np.ndarray, end_weights: np.ndarray, null: str = "never", normalize: str = "none"
) -> list[Link]:
    """Link each target word to the source word of its largest weight, the first in a tie.

    Args:
        weights: (J, I).
        end_weights: (J,).
        null: see `LinkRule`. A target word whose weights are all 0 is never linked.
        normalize: see `LinkRule`.
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
    """Normalise weights (J, I) as in `LinkRule`; a source word without weight keeps zeros."""
    if normalize == "none":
        return weights
    total = weights.sum(axis=0, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def agreed_weights(forward: np.ndarray, reverse: np.ndarray, normalize: str = "none") -> np.ndarray:
    """Return the geometric mean of the weights of both directions, (J, I).

    As in Liang, Taskar and Klein (2006), "Alignment by Agreement", section 4, links are taken from
    the product of both directions; the training of that paper is not used.

    Args:
        forward: (J, I), the weights of the model from source to target.
        reverse: (I, J), the weights of the model from target to source.
        normalize: see `LinkRule`; applied to each in its own direction.
    """
    return np.sqrt(normalized(forward, normalize) * normalized(reverse, normalize).T)


def agreed_links(weights: np.ndarray) -> tuple[list[Link], list[Link]]:
    """Return the links of both directions from agreed weights (J, I), all as source-target."""
    targets, sources = weights.shape
    reverse = hard_links(weights.T, np.zeros(sources))
    return hard_links(weights, np.zeros(targets)), sorted((i, j) for j, i in reverse)


def transposed(alignment: WordAlignment) -> WordAlignment:
    """Return a target-source alignment as source-target; its end weights become 0."""
    return WordAlignment(
        source_words=alignment.target_words,
        target_words=alignment.source_words,
        weights=alignment.weights.T,
        end_weights=np.zeros(len(alignment.source_words), dtype=np.float32),
        links=sorted((j, i) for i, j in alignment.links),
    )


def _membership(words: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """Return a matrix (tokens, count) that is 1 where the token belongs to the word."""
    matrix = np.zeros((len(words), count))
    for token, (first, last) in enumerate(words):
        matrix[token, first:last] = 1.0
    return matrix
