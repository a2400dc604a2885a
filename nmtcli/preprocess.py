"""The use case of `nmt preprocess`: from parallel text to ids on disk.

The text is streamed four times: count, filter, learn subwords (from a sample), encode. What stays
in memory is bounded by one shard, one byte a pair for the filter's verdict, and 12 to 36 bytes a
pair for duplicates.
"""

import hashlib
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from nmtcli import __version__
from nmtcli.batches import prepared
from nmtcli.batches.encoding import REPORT_EVERY, Counts, Encoder, Progress, normalised_pairs
from nmtcli.batches.prepared import PreparedData
from nmtcli.batches.whole_folder import whole_folder
from nmtcli.config import Config, DataConfig, SubwordConfig, as_dict, differences
from nmtcli.errors import UsageError
from nmtcli.run_directory import write_atomically
from nmtcli.text.corpus import FileSurvey, Pair, read_pairs, survey_pair
from nmtcli.text.filters import EMPTY, PairFilter, Rejected
from nmtcli.text.learn_subwords import learn_in_child
from nmtcli.text.subwords import Subwords

SAMPLE_SEED = 1
PATHS = ("train_source", "train_target", "valid_source", "valid_target")


@dataclass(frozen=True)
class Report:
    """What `preprocess` did.

    `already`: the folder was there and was kept as it is. `counts`: by corpus (`train` and, if
    there is validation text, `valid`). `vocabulary`: pieces by side (`source`, `target`).
    """

    out: Path
    already: bool
    counts: dict[str, Counts]
    vocabulary: dict[str, int]


def preprocess(
    config: Config,
    out: Path,
    keep_rejected: bool = False,
    force: bool = False,
    on_progress: Progress | None = None,
    command: Sequence[str] = (),
) -> Report:
    """Clean, filter and encode the training and validation text of `config` into folder `out`.

    The folder appears when all is done; on any error or interruption nothing is left. Prepared
    data of the same text and options are kept as they are.

    Args:
        keep_rejected: write `rejected.tsv`: rule, line, source, target.
        force: replace prepared data of other text or options.
        on_progress: called with stage (`count`, `filter`, `learn`, `encode`), done and total.
        command: the command line, to be remembered.

    Raises:
        UsageError: the text cannot be used, or `out` holds something else; it is named.
        NmtError: the disk is full, or memory.
    """
    out, progress = Path(out), on_progress or (lambda stage, done, total: None)
    corpora = _corpora(config.data)
    _check_destination(out, force)
    progress("count", 0, 0)
    surveys = {name: survey_pair(*paths) for name, paths in corpora.items()}
    identity = _identity(config, surveys)
    if (out / prepared.FACTS).exists() and not force:
        return _keep_as_is(out, identity, keep_rejected)
    with whole_folder(out, replace=force) as folder:
        facts = {"format": prepared.FORMAT, "version": __version__, "command": list(command)}
        facts |= identity | {"keep_rejected": keep_rejected}
        facts |= _build(folder, config, surveys, keep_rejected, progress)
        write_atomically(folder / prepared.FACTS, json.dumps(facts, indent=2) + "\n")
    return _report(out, facts, already=False)


def _corpora(data: DataConfig) -> dict[str, tuple[Path, Path]]:
    """Paths of the training text and, if given, the validation text."""
    corpora = {}
    for name in (prepared.TRAIN, prepared.VALID):
        paths = getattr(data, f"{name}_source"), getattr(data, f"{name}_target")
        if all(paths):
            corpora[name] = Path(paths[0]), Path(paths[1])
        elif any(paths):
            raise UsageError(f"only one side of the {name} text is given; use --{name} SRC TGT")
    if prepared.TRAIN not in corpora:
        raise UsageError("no training text; give it with --train SRC TGT")
    return corpora


def _check_destination(out: Path, force: bool) -> None:
    """Refuse a place that holds what this command did not make, whatever the options."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file; choose another --out")
    names = {entry.name for entry in out.iterdir()}
    if names and prepared.FACTS not in names:
        raise UsageError(f"{out}: exists and is not prepared data; choose another --out")
    if force and (foreign := sorted(names - prepared.CONTENTS)):
        raise UsageError(f"{out}: also holds {foreign[0]}; move that, or choose another --out")


def _identity(config: Config, surveys: dict[str, tuple[FileSurvey, FileSurvey]]) -> dict:
    """What decides the result: options and text, not where the text lies."""
    options = {name: as_dict(config)[name] for name in ("data", "subwords")}
    hashes = {name: [survey.sha256 for survey in pair] for name, pair in surveys.items()}
    return {"config": options, "inputs": hashes}


def _keep_as_is(out: Path, identity: dict, keep_rejected: bool) -> Report:
    old = PreparedData(out)
    changes = differences(old.facts["config"], identity["config"])
    changes = [line for line in changes if not line.startswith(tuple(f"data.{p}:" for p in PATHS))]
    before, after = old.facts["inputs"], identity["inputs"]
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            changes.append(f"other {name} text")
    if keep_rejected and not old.facts["keep_rejected"]:
        changes.append("--keep-rejected")
    if changes:
        raise UsageError(
            f"{out}: prepared before, otherwise ({'; '.join(changes)});"
            " use --force to replace it, or another --out"
        )
    old.check()
    return _report(out, old.facts, already=True)


def _report(out: Path, facts: dict, already: bool) -> Report:
    counts = {name: Counts(**fields) for name, fields in facts["counts"].items()}
    return Report(out, already, counts, facts["vocabulary"])


def _build(folder: Path, config: Config, surveys: dict, keep_rejected: bool, progress) -> dict:
    """Fill the folder; returns the facts that only the work tells."""
    corpora = _corpora(config.data)
    train = corpora[prepared.TRAIN]
    with ExitStack() as stack:
        log = None
        if keep_rejected:
            path = folder / prepared.REJECTED
            log = stack.enter_context(open(path, "w", encoding="utf-8", newline="\n"))
        rejected = Rejected(log)
        lines = surveys[prepared.TRAIN][0].lines
        verdicts = _filter(train, config.data, rejected, lines, progress)
        _require_pairs(rejected, lines, train)
        models = _learn(train, verdicts, config.subwords, progress)
        encoder = Encoder(models, config, on_progress=progress)
        kept = itertools.compress(normalised_pairs(train), verdicts)
        counts = encoder.write(kept, sum(verdicts), rejected, folder / prepared.TRAIN)
        _require_pairs(rejected, lines, train)
    all_counts = {prepared.TRAIN: asdict(counts)}
    if valid := corpora.get(prepared.VALID):
        all_counts[prepared.VALID] = asdict(_write_validation(folder, valid, surveys, encoder))
    hashes = []
    for name, model in zip((prepared.SOURCE_MODEL, prepared.TARGET_MODEL), models):
        write_atomically(folder / name, model.model_proto)
        hashes.append(hashlib.sha256(model.model_proto).hexdigest())
    vocabulary = {"source": models[0].size, "target": models[1].size}
    return {"counts": all_counts, "vocabulary": vocabulary, "models": hashes}


def _filter(paths, options: DataConfig, rejected: Rejected, lines: int, progress) -> bytearray:
    """One byte a pair: 1 keeps it."""
    pair_filter, verdicts = PairFilter(options), bytearray()
    for pair in normalised_pairs(paths):
        rule = pair.problem or pair_filter.problem(pair.source, pair.target)
        verdicts.append(rule is None)
        if rule is not None:
            rejected.add(rule, pair)
        if pair.line % REPORT_EVERY == 0:
            progress("filter", pair.line, lines)
    return verdicts


def _require_pairs(rejected: Rejected, lines: int, paths: tuple[Path, Path]) -> None:
    if rejected.total() == lines:
        rules = ", ".join(f"{rule} {count}" for rule, count in rejected.counts.items())
        raise UsageError(
            f"{paths[0]}, {paths[1]}: no pair of {lines} is left ({rules});"
            " mend the text, or loosen the limits in section 'data'"
        )


def _write_validation(folder: Path, paths, surveys: dict, encoder: Encoder) -> Counts:
    """All readable lines as text, and as ids those with text on both sides."""
    rejected = Rejected()

    def usable(sources: BinaryIO, targets: BinaryIO) -> Iterator[Pair]:
        for pair in read_pairs(*paths):
            if pair.problem:
                rejected.add(pair.problem, pair)
                continue
            # A reader drops one carriage return, so a second one keeps a line's own.
            sources.write(pair.source.encode() + (b"\r\n" if pair.source[-1:] == "\r" else b"\n"))
            targets.write(pair.target.encode() + (b"\r\n" if pair.target[-1:] == "\r" else b"\n"))
            if pair.source.strip() and pair.target.strip():
                yield pair
            else:
                rejected.add(EMPTY, pair)

    lines = surveys[prepared.VALID][0].lines
    source_path, target_path = folder / prepared.VALID_SOURCE, folder / prepared.VALID_TARGET
    with open(source_path, "wb") as sources, open(target_path, "wb") as targets:
        pairs = usable(sources, targets)
        counts = encoder.write(pairs, lines, rejected, folder / prepared.VALID)
    _require_pairs(rejected, lines, paths)
    return counts


def _learn(paths, verdicts: bytearray, options: SubwordConfig, progress) -> list[Subwords]:
    """The models of the source and the target; the same object twice when joint."""
    progress("learn", 0, 0)

    def sampled(*sides: int) -> Iterator[str]:
        pairs = itertools.compress(normalised_pairs(paths), verdicts)
        for pair in sample(pairs, sum(verdicts), options.sample_pairs):
            for side in sides:
                yield (pair.source, pair.target)[side]

    if options.joint:
        name = f"{paths[0]} and {paths[1]}"
        return [Subwords(learn_in_child(sampled(0, 1), options, name))] * 2
    return [Subwords(learn_in_child(sampled(side), options, str(paths[side]))) for side in (0, 1)]


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
