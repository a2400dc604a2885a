"""Subword models that are not learned: those of a run, of prepared data, or of the user."""

import itertools
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from nmtcli.config import SubwordConfig, from_dict
from nmtcli.data import prepared
from nmtcli.data.corpora import Corpus
from nmtcli.data.vocabulary import kept_pairs
from nmtcli.errors import UsageError
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.own_models import read_own_models
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords, load_sides

NOT_REUSED = frozenset(
    ("taken_from", "max_pieces", "sample_pairs", "sample_characters")
)  # do not shape the models
ALPHABET_PAIRS = 1000  # of each corpus, by which the alphabet of the models is checked
LARGEST_UNKNOWN = 0.5  # share of characters without a token
SPACE = "\u2581"  # SentencePiece's mark of a space


def reuse_subword_models(
    options: SubwordConfig, tags: Sequence[str] = ()
) -> tuple[SubwordConfig, list[Subwords]]:
    """Load the subword models that `options.taken_from` names, and learn none.

    They are those of a run or of prepared data, or one or two SentencePiece models of the user: one
    for both sides, or one for each. See `text.own_models` for what happens to the latter.

    Args:
        options: the options of the new data.
        tags: the tags of the training texts; each must be a token of the source model, and '' means
            no tag.

    Returns:
        the options, completed by those with which the models were learned; the models of source and
        target.

    Raises:
        UsageError: the models do not exist or cannot be read, an option contradicts them, or a tag
            is not one of their tokens.
    """
    paths = [Path(name) for name in _names(options.taken_from)]
    if len(paths) > 2:
        raise UsageError(
            f"subwords.taken_from has {len(paths)} models; give one for both sides, or those of"
            " source and target"
        )
    where = " and ".join(map(str, paths))
    is_folder = len(paths) == 1 and not (paths[0].is_file() or paths[0].suffix == ".model")
    known, models, sizes = _load_folder(paths[0]) if is_folder else _load_own(paths)
    if len(paths) == 1 and not is_folder and not options.joint:
        raise UsageError(
            f"subwords.joint is False, but {where} is one model for both sides; give a second"
            " model, or leave the option out"
        )
    for spec in fields(options):
        value, reused = getattr(options, spec.name), {getattr(known, spec.name)}
        reused = sizes if spec.name == "vocabulary_size" else reused
        if spec.name not in NOT_REUSED and value not in {spec.default, *reused}:
            raise UsageError(
                f"subwords.{spec.name} is {value}, but the subwords of {where} have"
                f" {' and '.join(map(str, sorted(reused)))}; leave the option out, or learn new"
                " subwords"
            )
    own = {name: getattr(options, name) for name in NOT_REUSED}
    for tag in filter(None, tags):
        tokens = [i for i in models[0].encode(tag) if models[0].tokens([i]) != [SPACE]]
        if len(tokens) != 1 or tokens == [UNK_ID]:
            raise UsageError(
                f"the tag {tag} is not a token of the subwords of {where}; leave it out, or learn"
                " new subwords"
            )
    return replace(known, **own), models


def _load_folder(folder: Path) -> tuple[SubwordConfig, list[Subwords], set[int]]:
    """Load the options, the models and the sizes set for them, of a run or of prepared data."""
    if (folder / prepared.FACTS).exists():
        values = prepared.PreparedData(folder).facts["config"]["subwords"]
        known = from_dict({"subwords": values}, str(folder)).subwords
    else:
        run = RunDirectory(folder)
        run.read_facts()
        known = run.read_config().subwords
    models = load_sides(folder / prepared.SOURCE_MODEL, folder / prepared.TARGET_MODEL)
    return known, list(models), {known.vocabulary_size}


def _load_own(paths: Sequence[Path]) -> tuple[SubwordConfig, list[Subwords], set[int]]:
    """Load the options, the models and the sizes of one or two SentencePiece models of the user."""
    for path in paths:
        if path.is_dir():
            raise UsageError(
                f"{path}: is a folder, which has the models of both sides; give it alone, or two"
                " SentencePiece models"
            )
    own = read_own_models(paths)
    first, last = own[0], own[-1]
    if first.kind != last.kind:
        raise UsageError(
            f"{first.path} is a {first.kind} model, but {last.path} is a {last.kind} model; give"
            " two models of the same kind"
        )
    joint = first.model == last.model
    models = [Subwords(first.model)] * 2 if joint else [Subwords(one.model) for one in own]
    sizes = {one.size for one in own}
    known = SubwordConfig(
        type=first.kind,
        vocabulary_size=first.size if len(sizes) == 1 else 0,
        joint=joint,
        character_coverage=first.character_coverage,
        byte_fallback=first.byte_fallback,
    )
    return known, models, sizes


def check_alphabet(
    models: Sequence[Subwords], corpus: Corpus, verdicts: bytearray, taken_from: str | Sequence[str]
) -> None:
    """Check on the first kept pairs that reused models know the characters of each side.

    Args:
        models: the models of source and target.
        corpus: the training text.
        verdicts: one byte a pair, which is 1 for a kept pair.
        taken_from: the option that names the models, for messages.

    Raises:
        UsageError: most characters of a side have no token.
    """
    pairs = list(itertools.islice(kept_pairs(corpus, verdicts), ALPHABET_PAIRS))
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    names = [*_names(taken_from)] * 2  # one for both sides, or one for each
    for path, model, name, lines in zip((corpus.source, corpus.target), models, names, sides):
        characters = unknown = 0
        for tokens in model.encode_batch_with_spans(lines):
            characters += len(tokens.text) - tokens.text.count(" ")
            unknown += sum(
                len(tokens.text[begin:end].strip())
                for i, (begin, end) in zip(tokens.ids, tokens.spans)
                if i == UNK_ID
            )
        if unknown > LARGEST_UNKNOWN * characters:
            raise UsageError(
                f"{path}: {unknown / characters:.0%} of the characters have no token in {name};"
                " give the models of source and target in this order, each learned from such text"
            )


def _names(taken_from: str | Sequence[str]) -> Sequence[str]:
    return [taken_from] if isinstance(taken_from, str) else taken_from
