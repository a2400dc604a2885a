"""What the attention study measures of one trained model.

    python benchmarks/study_measure.py NAME SEED RUN CORPUS --data DIR --out DIR

Writes `study.json` into the run: perplexity and translations of each test, and AER with the rule
for links that is best on the validation gold (see `RULES`).
"""

import argparse
import json
import sys
import time
from pathlib import Path

from study_corpora import CORPORA, Corpus, Files

# How links are taken from attention, chosen for each model on the validation gold.
RULES = [
    (null, shift, normalize)
    for normalize in ("none", "source")
    for null in ("never", "eos")
    for shift in (0, 1)
]


def measure(name: str, seed: int, run: Path, corpus: Corpus, files: Files) -> dict:
    """Measure a run, if it is not measured yet."""
    path = run / "study.json"
    if path.exists():
        return json.loads(path.read_text())
    from nmtcli.inference.translator import load_translator

    print(f"measuring {run}", file=sys.stderr, flush=True)
    translator = load_translator(run, overrides={"beam": corpus.beam})
    found = {"name": name, "seed": seed, **training_of(run)}
    found["tests"] = {}
    for test, paths in files.tests.items():
        output = translations_of(run.parent, test, seed) / name
        found["tests"][test] = _test(translator, output, *paths)
    if files.gold is not None and translator.engine.has_attention:
        found["alignment"] = _align(translator, files)
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def translations_of(folder: Path, test: str, seed: int) -> Path:
    """Where the translations of a test are, a file for each mechanism."""
    return folder / f"{test}-{seed}"


def training_of(run: Path) -> dict:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    facts = json.loads((run / "run.json").read_text())
    valid = [line["perplexity"] for line in lines if line["kind"] == "validation"]
    return {
        "parameters": facts["parameters"],
        "precision": facts["precision"],
        "minutes": max(line["seconds"] for line in lines if "seconds" in line) / 60,
        "valid_perplexity": min(valid),
    }


def _test(translator, output: Path, source: Path, reference: Path) -> dict:
    from nmtcli.inference.scorer import Scorer, Summary

    sources, references = read(source), read(reference)
    begun = time.monotonic()
    translations = [one.text for one in translator.translate_lines(sources)]
    seconds = time.monotonic() - begun
    output.parent.mkdir(exist_ok=True)
    output.write_text("".join(line + "\n" for line in translations), encoding="utf-8")
    scorer = Scorer(translator.engine, translator.source_subwords, translator.target_subwords)
    summary = Summary()
    for line in scorer.score_lines(sources, references):
        summary = summary.plus(line)
    return {"perplexity": summary.perplexity_per_piece, "translating_seconds": seconds}


def _align(translator, files: Files) -> dict:
    """AER on the gold test by the rule that is best on the validation gold, and the plain rule."""
    rule, _ = min(
        ((rule, aer_of(translator, files.valid_gold, rule)["aer"]) for rule in RULES),
        key=lambda pair: pair[1],
    )
    found = aer_of(translator, files.gold, rule)
    return {
        "rule": dict(zip(("null", "shift", "normalize"), rule)),
        **found,
        "aer_plain": aer_of(translator, files.gold, RULES[0])["aer"],
    }


def aer_of(translator, gold_files, rule) -> dict:
    links = links_of(translator, gold_files, rule)
    return score_links(links, gold_files)


def links_of(translator, gold_files, rule) -> list:
    from nmtcli.alignment.links import LinkRule
    from nmtcli.inference.aligner import Aligner

    aligner = Aligner(
        translator.engine, translator.source_subwords, translator.target_subwords, LinkRule(*rule)
    )
    return [one.links for one in aligner.align_lines(read(gold_files[0]), read(gold_files[1]))]


def score_links(links: list, gold_files) -> dict:
    from nmtcli.alignment.error_rate import AlignmentScore
    from nmtcli.cli.parallel_input import read_gold_file

    gold = read_gold_file(str(gold_files[2]), read(gold_files[0]), read(gold_files[1]))
    score = AlignmentScore()
    for found, right in zip(links, gold):
        score = score.plus(found, right)
    return {"precision": score.precision, "recall": score.recall, "aer": score.aer}


def read(path: Path) -> list[str]:
    return Path(path).read_text(encoding="utf-8").split("\n")[:-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("seed", type=int)
    parser.add_argument("run", type=Path)
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    corpus = CORPORA[options.corpus]
    files = corpus.prepare(options.data, options.out)
    measure(options.name, options.seed, options.run, corpus, files)


if __name__ == "__main__":
    main()
