"""The use case of `nmt preprocess`: from parallel text to token ids on disk.

The text is streamed four times: to count it, to filter it, to learn subwords (from a sample), and
to encode it. Memory is bounded by two gigabytes, one byte a pair for the filter's verdict, and 12
to 36 bytes a pair for duplicates, see docs/design.md.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from nmtcli import __version__
from nmtcli.config import Config, DataConfig, as_dict, differences
from nmtcli.data import prepared, reused_subwords, vocabulary
from nmtcli.data.corpora import (
    Corpus,
    add_tag,
    normalised_pairs,
    parallel_text,
    read_corpus,
    sentence_pairs,
)
from nmtcli.data.corpus_checks import CorpusChecks
from nmtcli.data.encoding import CorpusPairs, Counts, Encoder, ProgressCallback, sum_counts
from nmtcli.data.filters import EMPTY, PairFilter, Rejected
from nmtcli.data.languages import LanguageFilter
from nmtcli.data.lexicon import learn_shortlist
from nmtcli.data.prepared import PreparedData
from nmtcli.data.readers import Pair
from nmtcli.data.shards import Pairs
from nmtcli.errors import UsageError
from nmtcli.runs.atomic import atomic_directory, restore, write_atomically
from nmtcli.text.subwords import Subwords

# Options that may differ, since the hashes of their files count.
PATHS = set("data.train_source data.train_target data.valid_source data.valid_target".split())
PATHS |= {"data.alignments", "subwords.taken_from"}
SUBWORDS = "subwords"
REPORT_EVERY = 2000  # lines, while the text is filtered


@dataclass(frozen=True)
class Report:
    """The result of `preprocess`.

    out: the folder of prepared data.
    already: whether the folder existed and was kept as it is.
    counts: the counts of `train` and, if there is validation text, of `valid`.
    vocabulary: the vocabulary size of `source` and `target`.
    corpora: the entries of `prepared.json` on each training text.
    lines: the number of training lines; more pairs than lines are possible with `by_sentence`.
    choice: a line with the chosen size of the vocabulary and the reason; None if the user set it.
    """

    out: Path
    already: bool
    counts: dict[str, Counts]
    vocabulary: dict[str, int]
    corpora: list[dict]
    lines: int
    choice: str | None


def preprocess(
    config: Config,
    out: Path,
    keep_rejected: bool = False,
    force: bool = False,
    on_progress: ProgressCallback | None = None,
    command: Sequence[str] = (),
) -> Report:
    """Clean, filter and encode the training and validation text of `config` into the folder `out`.

    The folder appears only when everything is done; an error or an interruption leaves nothing.
    Prepared data of the same text and options are kept as they are.

    Args:
        config: the options of the data and of the subwords.
        out: the folder to make.
        keep_rejected: whether to write `rejected.tsv` (rule, line, source, target).
        force: whether to replace prepared data of other text or options.
        on_progress: called with stage (`count`, `filter`, `learn`, `encode`, `shortlist`), done and
            total.
        command: the command line, which is recorded in `prepared.json`.

    Raises:
        UsageError: the text cannot be used, or `out` has other contents.
        NmtError: disk space or memory ran out.
    """
    out, progress = Path(out), on_progress or (lambda stage, done, total: None)
    train, valid = parallel_text(config.data)
    vocabulary.check_size(config.subwords)
    models = None
    if config.subwords.taken_from:
        tags = [corpus.tag for corpus in train]
        subwords, models = reused_subwords.reuse_subword_models(config.subwords, tags)
        config = replace(config, subwords=subwords)
    restore(out)
    _check_destination(out, force)
    progress("count", 0, 0)
    identity = _identity(config, train, valid, models)
    if (out / prepared.FACTS).exists() and not force:
        return _keep_as_is(out, identity, keep_rejected)
    with atomic_directory(out, replace=force) as folder:
        facts = {"format": prepared.FORMAT, "version": __version__, "command": list(command)}
        facts |= identity | {"keep_rejected": keep_rejected}
        facts |= _build(folder, config, train, valid, models, keep_rejected, progress)
        write_atomically(folder / prepared.FACTS, json.dumps(facts, indent=2) + "\n")
    return _report(out, facts, already=False)


def _check_destination(out: Path, force: bool) -> None:
    """Raise UsageError if `out` has contents that this command did not write."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file; choose another folder")
    names = {entry.name for entry in out.iterdir()}
    if names and prepared.FACTS not in names:
        raise UsageError(f"{out}: exists but is not prepared data; choose another folder")
    if force and (foreign := sorted(names - prepared.CONTENTS)):
        raise UsageError(f"{out}: also has {foreign[0]}; move it, or choose another folder")


def _identity(config: Config, train: list[Corpus], valid: Corpus | None, models) -> dict:
    """Return what decides the result: the options and the hashes of text and reused models."""
    options = {name: as_dict(config)[name] for name in ("data", "subwords")}
    hashes = {prepared.TRAIN: [survey.sha256 for corpus in train for survey in corpus.surveys]}
    if valid:
        hashes[prepared.VALID] = [survey.sha256 for survey in valid.surveys]
    if models is not None:
        hashes[SUBWORDS] = _hashes(models)
    return {"config": options, "inputs": hashes}


def _keep_as_is(out: Path, identity: dict, keep_rejected: bool) -> Report:
    old = PreparedData(out)
    found = differences(old.facts["config"], identity["config"])
    changes = [str(one) for one in found if f"{one.section}.{one.key}" not in PATHS]
    before, after = old.facts["inputs"], identity["inputs"]
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            changes.append("other subwords" if name == SUBWORDS else f"another {name} text")
    if keep_rejected and not old.facts["keep_rejected"]:
        changes.append("keep_rejected")
    if changes:
        raise UsageError(
            f"{out}: has been prepared with other options or text ({'; '.join(changes)});"
            " replace it with the option force, or choose another folder"
        )
    old.check()
    return _report(out, old.facts, already=True)


def _report(out: Path, facts: dict, already: bool) -> Report:
    counts = {name: Counts(**fields) for name, fields in facts["counts"].items()}
    lines = facts.get("lines", counts[prepared.TRAIN].read)  # missing in older prepared data
    more = facts.get("corpora", []), lines, facts.get("choice")
    return Report(out, already, counts, facts["vocabulary"], *more)


def _build(folder: Path, config, corpora, valid, models, keep_rejected: bool, progress) -> dict:
    """Fill the folder and return the resulting entries of `prepared.json`."""
    choice, lines = None, [corpus.surveys[0].lines for corpus in corpora]
    with ExitStack() as stack:
        log = None
        if keep_rejected:
            path = folder / prepared.REJECTED
            log = stack.enter_context(open(path, "w", encoding="utf-8", newline="\n"))
        several = len(corpora) > 1
        rejected = [Rejected(log, f"{c.source}:" if several else "") for c in corpora]
        checks = CorpusChecks(corpora, valid)
        verdicts, characters = _filter(corpora, config.data, rejected, lines, progress, checks)
        checks.warn()
        _require_pairs(map(sum, verdicts), rejected, corpora)
        if models is None:
            models, choice = vocabulary.learn_subword_models(
                corpora, verdicts, characters, config.subwords, progress
            )
        else:
            names = config.subwords.taken_from
            for corpus, kept in zip(corpora, verdicts):
                reused_subwords.check_alphabet(models, corpus, kept, names)
        encoder = Encoder(models, config, progress)
        corpus_pairs = [
            CorpusPairs(_tagged_pairs(corpus, kept), sum(kept), dropped)
            for corpus, kept, dropped in zip(corpora, verdicts, rejected)
        ]
        with_links = corpora[0].alignments is not None
        counts = encoder.write(corpus_pairs, folder / prepared.TRAIN, with_links)
        _require_pairs((corpus_counts.kept for corpus_counts in counts), rejected, corpora)
    all_counts = {prepared.TRAIN: asdict(sum_counts(counts))}
    if valid:
        all_counts[prepared.VALID] = asdict(_write_validation(folder, valid, encoder))
    for name, model in zip((prepared.SOURCE_MODEL, prepared.TARGET_MODEL), models):
        write_atomically(folder / name, model.model_proto)
    progress("shortlist", 0, 0)
    tokens = [model.tokens(range(model.size)) for model in models]
    learn_shortlist(Pairs(folder / prepared.TRAIN), *tokens).save(folder / prepared.SHORTLIST)
    sizes = {"source": models[0].size, "target": models[1].size}
    facts = {"counts": all_counts, "lines": sum(lines), "vocabulary": sizes, "choice": choice}
    facts["models"] = _hashes(models)
    return facts | {"corpora": [_corpus_facts(*values) for values in zip(corpora, counts)]}


def _hashes(models: list[Subwords]) -> list[str]:
    return [hashlib.sha256(model.model_proto).hexdigest() for model in models]


def _tagged_pairs(corpus: Corpus, verdicts: bytearray) -> Iterator[Pair]:
    pairs = vocabulary.kept_pairs(corpus, verdicts, with_links=True)
    return (add_tag(pair, corpus.tag) for pair in pairs)


def _corpus_facts(corpus: Corpus, counts: Counts) -> dict:
    links = corpus.alignments and str(corpus.alignments)
    facts = {"source": str(corpus.source), "target": str(corpus.target), "alignments": links}
    return facts | {"weight": corpus.weight, "tag": corpus.tag, "counts": asdict(counts)}


def _filter(
    corpora, options: DataConfig, rejected, lines, progress, checks: CorpusChecks
) -> tuple[list[bytearray], list[int]]:
    """Find the pairs to keep.

    Returns:
        for each corpus one byte a pair, which is 1 for a kept pair; the characters of the kept
        pairs, of source and target.
    """
    pair_filter, all_verdicts, done = PairFilter(options), [], 0
    languages = LanguageFilter(options.languages) if options.languages else None
    characters = [0, 0]
    for corpus, dropped, corpus_lines in zip(corpora, rejected, lines):
        verdicts = bytearray()
        for pair in checks.watched(corpus, read_corpus(corpus)):
            rule = pair.problem or pair_filter.problem(pair.source, pair.target, corpus.tag)
            if rule is None and languages is not None:
                rule = languages.problem(pair.source, pair.target)
            verdicts.append(rule is None)
            if rule is None:
                characters[0] += len(pair.source)
                characters[1] += len(pair.target)
            else:
                dropped.add(rule, pair)
            if pair.line % REPORT_EVERY == 0:
                progress("filter", done + pair.line, sum(lines))
        all_verdicts.append(verdicts)
        done += corpus_lines
    return all_verdicts, characters


def _require_pairs(kept, rejected, corpora) -> None:
    for left, dropped, corpus in zip(kept, rejected, corpora):
        if not left:
            rules = ", ".join(f"{rule} {number}" for rule, number in dropped.counts.items())
            raise UsageError(
                f"{corpus.name}: the filters dropped all {dropped.total()} pairs ({rules});"
                " correct the text, or relax the limits in section 'data'"
            )


def _write_validation(folder: Path, corpus: Corpus, encoder: Encoder) -> Counts:
    """Write all readable lines, normalised, and the ids of the pairs with text on both sides."""
    rejected = Rejected()

    def usable(sources: BinaryIO, targets: BinaryIO) -> Iterator[Pair]:
        for untagged in normalised_pairs(corpus):
            if untagged.problem:
                rejected.add(untagged.problem, untagged)
                continue
            pair = add_tag(untagged, corpus.tag)
            # Readers drop one carriage return, so a line that ends in one needs a second.
            sources.write(pair.source.encode() + (b"\r\n" if pair.source[-1:] == "\r" else b"\n"))
            targets.write(pair.target.encode() + (b"\r\n" if pair.target[-1:] == "\r" else b"\n"))
            for sentence in sentence_pairs(untagged) if corpus.by_sentence else [untagged]:
                if sentence.source.strip() and sentence.target.strip():
                    yield add_tag(sentence, corpus.tag)
                else:
                    rejected.add(EMPTY, sentence)

    source_path, target_path = folder / prepared.VALID_SOURCE, folder / prepared.VALID_TARGET
    with open(source_path, "wb") as sources, open(target_path, "wb") as targets:
        valid = CorpusPairs(usable(sources, targets), corpus.surveys[0].lines, rejected)
        (counts,) = encoder.write([valid], folder / prepared.VALID)
    _require_pairs([counts.kept], [rejected], [corpus])
    return counts
