"""Options of the text: which pairs are kept, and how words are cut."""

from dataclasses import dataclass

from nmtcli.config.option import option


@dataclass(frozen=True)
class DataConfig:
    """Where the parallel text is, and which pairs are kept."""

    train_source: str | tuple[str, ...] | None = option(
        None, "Source side of the training text, or a list of several."
    )
    train_target: str | tuple[str, ...] | None = option(
        None, "Target side of the training text, or a list of several."
    )
    weights: tuple[float, ...] = option(
        (), "Share of each training text that an epoch sees: 2 is twice, 0.5 is another half of it."
    )
    tags: tuple[str, ...] = option(
        (), "A word such as <2ko> before each source line of each training text; '' is none."
    )
    alignments: tuple[str, ...] = option(
        (), "Links of words, 0-0 1-2, for each training text; for guided alignment."
    )
    valid_source: str | None = option(None, "Source side of the validation text.")
    valid_target: str | None = option(None, "Target side of the validation text.")
    by_sentence: bool = option(
        False, "Cut a pair into its sentences, where both sides have equally many."
    )
    max_words: int = option(200, "Longest side of a kept pair.", unit="words", minimum=1)
    max_characters: int = option(2000, "Longest side of a kept pair.", unit="chars", minimum=1)
    max_ratio: float = option(
        6.0, "Largest length ratio of the sides, in characters; 0 switches it off.", minimum=0
    )
    ratio_from: int = option(
        30, "The ratio is checked where a side is at least this long.", unit="chars", minimum=0
    )
    drop_identical: bool = option(True, "Drop pairs whose sides are the same.")
    drop_duplicates: bool = option(True, "Drop pairs seen before.")
    shard_pairs: int = option(500_000, "Pairs in one shard on disk.", unit="pairs", minimum=1)


@dataclass(frozen=True)
class SubwordConfig:
    """How words are cut into pieces."""

    type: str = option(
        "unigram", "Kind of subword model.", choices=("unigram", "bpe", "char", "word")
    )
    vocabulary_size: int = option(
        0, "V, pieces in a model; 0 chooses by the size of the text.", unit="pieces", minimum=0
    )
    joint: bool = option(True, "One model for both languages.")
    character_coverage: float = option(
        1.0, "Share of characters that get a piece.", minimum=0.5, maximum=1.0
    )
    byte_fallback: bool = option(False, "Cut unknown characters into bytes.")
    max_pieces: int = option(200, "Longest side of a kept training pair.", unit="pieces", minimum=2)
    taken_from: str | None = option(
        None, "Run or prepared data whose subword models are used; learn none."
    )
    sample_pairs: int = option(
        2_000_000, "Pairs that the subword model is learnt from.", unit="pairs", minimum=1
    )
