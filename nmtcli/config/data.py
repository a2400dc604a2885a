"""Options of the data: which pairs are kept, and how words are split into subwords."""

from collections.abc import Sequence
from dataclasses import dataclass

from nmtcli.config.option import Flag, option

TEXT, SUBWORDS = "Text", "Subwords"


@dataclass(frozen=True)
class DataConfig:
    """The options of the parallel text and its filters."""

    train_source: str | tuple[str, ...] | None = option(
        None, "Read the source side of the training text from this file, or from a list of files."
    )
    train_target: str | tuple[str, ...] | None = option(
        None, "Read the target side of the training text from this file, or from a list of files."
    )
    weights: tuple[float, ...] = option(
        (),
        "Show this share of each training text in an epoch: 2 is twice, 0.5 a different half each.",
        flag=Flag("--weights", TEXT, "W,..."),
        cli_help="Show this share of the text of each --train in an epoch: 2 shows it twice, 0.5"
        " another half of it each time.",
    )
    tags: tuple[str, ...] = option(
        (),
        "Put a word such as <2ko> before each source line of each training text; '' puts none.",
        flag=Flag("--tags", TEXT, "<TAG>,..."),
        cli_help="Put a word such as <2ko> before each source line of each --train; nothing between"
        " the commas puts none.",
    )
    alignments: tuple[str, ...] = option(
        (),
        "Read word alignments (0-0 1-2) of each training text from these files, for guidance.",
        flag=Flag("--alignments", TEXT, "FILE"),
        cli_help="Read word alignments, 0-0 1-2 on each line, for guided alignment; give one for"
        " each --train.",
    )
    valid_source: str | None = option(
        None, "Read the source side of the validation text from this file."
    )
    valid_target: str | None = option(
        None, "Read the target side of the validation text from this file."
    )
    valid_tag: str | None = option(
        None,
        "Put this tag before each validation source; null: the tag that all training text has.",
        flag=Flag("--valid-tag", TEXT, "<TAG>"),
        cli_help="Put this word before each source line of --valid; the default is the tag of the"
        " training text, if all of it has the same.",
    )
    by_sentence: bool = option(
        False,
        "Cut each pair into its sentences where both sides have equally many.",
        flag=Flag("--by-sentence/--no-by-sentence", TEXT),
        cli_help="Cut pairs of paragraphs into sentences where both sides have equally many; nmt"
        " translate then translates sentence by sentence.",
    )
    normalization: str = option(
        "clean",
        "Normalise white space, invisible characters and composition (clean), or only that (nfc).",
        choices=("clean", "nfc"),
    )
    max_words: int = option(
        200, "Drop pairs in which a side has more words than this.", unit="words", minimum=1
    )
    max_characters: int = option(
        2000, "Drop pairs in which a side has more characters than this.", unit="chars", minimum=1
    )
    max_ratio: float = option(
        6.0,
        "Drop pairs whose sides differ in characters by more than this factor; 0 keeps them.",
        minimum=0,
    )
    ratio_from: int = option(
        30, "Check the length ratio only where a side is at least this long.", unit="chars",
        minimum=0,
    )  # fmt: skip
    languages: tuple[str, ...] = option(
        (), "Drop pairs whose sides are in other languages than these two, such as ko and en."
    )
    drop_identical: bool = option(True, "Drop pairs whose two sides are the same.")
    drop_duplicates: bool = option(True, "Drop pairs that were seen before.")
    shard_pairs: int = option(
        500_000, "Store this many pairs in each shard on disk.", unit="pairs", minimum=1
    )


@dataclass(frozen=True)
class SubwordConfig:
    """The options of the subword models."""

    type: str = option(
        "unigram",
        "Learn subwords of this kind.",
        choices=("unigram", "bpe", "char", "word"),
        flag=Flag("--subwords", SUBWORDS),
    )
    vocabulary_size: int = option(
        0,
        "Learn a vocabulary of this many subwords; 0 chooses by the size of the text.",
        unit="subwords",
        minimum=0,
        flag=Flag("--vocab-size", SUBWORDS),
        cli_help="Learn a vocabulary of this many subwords; the default is chosen by the size of"
        " the text.",
    )
    joint: bool = option(
        True,
        "Learn one subword model for both languages; else learn one for each.",
        flag=Flag("--joint/--separate", SUBWORDS),
        cli_help="Learn one subword model for both languages, or one for each.",
    )
    character_coverage: float = option(
        1.0,
        "Cover this share of the text's characters with subwords of their own.",
        minimum=0.5,
        maximum=1.0,
    )
    byte_fallback: bool = option(False, "Cut unknown characters into bytes.")
    max_pieces: int = option(
        200, "Drop training pairs in which a side has more subwords than this.", unit="subwords",
        minimum=2,
    )  # fmt: skip
    taken_from: str | tuple[str, ...] | None = option(
        None,
        "Learn no subwords; use those of a run, prepared data, or one or two SentencePiece models.",
        flag=Flag("--subwords-from", SUBWORDS, "DIR|MODEL"),
        cli_help="Learn no subwords; use those of this run or prepared data, or a SentencePiece"
        " model of your own. Given twice, it names the models of source and target.",
    )
    sample_pairs: int = option(
        2_000_000, "Learn the subword model from at most this many pairs.", unit="pairs", minimum=1
    )
    sample_characters: int = option(
        10_000_000,
        "Learn the subword model from at most this many characters, of pairs drawn at random.",
        unit="chars",
        minimum=1,
    )


def text_files(train: Sequence[tuple[str, str]], valid: tuple[str, str] | None = None) -> dict:
    """Return files of text as options of the section `data`.

    Args:
        train: the files of sources and targets of each training text.
        valid: those of the validation text.
    """
    found: dict[str, object] = {}
    if train:
        sides = [tuple(side) if len(side) > 1 else side[0] for side in zip(*train)]
        found |= {"train_source": sides[0], "train_target": sides[1]}
    if valid is not None:
        found |= {"valid_source": valid[0], "valid_target": valid[1]}
    return found
