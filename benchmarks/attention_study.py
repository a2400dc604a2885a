"""Every attention mechanism with equal size and budget: tables and figures of docs/results.md.

    python benchmarks/attention_study.py sample              # the embedded corpus, three seeds
    python benchmarks/attention_study.py hansards --data DIR # long real sentences, gold alignments
    python benchmarks/attention_study.py report              # docs/study/*.md and *.svg from both

Trains by the command line (`--jobs` models at once, each on its share of the processors),
translates, scores, aligns, and leaves the numbers of a model in its run's `study.json`. What is
done already is not done again, so an interrupted study goes on.
"""

import argparse
import sys
from pathlib import Path

from side_by_side import run_all
from study_corpora import CORPORA, NMT, options_for
from study_report import report

# Name in the tables -> options of `nmt train`.
MECHANISMS = {
    "none": ["--attention", "none"],
    "bahdanau": ["--attention", "bahdanau"],
    "luong-general": ["--attention", "luong-general"],
    "luong-dot": ["--attention", "luong-dot"],
    "scaled-dot": ["--attention", "scaled-dot"],
    "luong-concat": ["--attention", "luong-concat"],
    "luong-location": ["--attention", "luong-location"],
    "luong-local-m": ["--attention", "luong-local-m"],
    "luong-local-p": ["--attention", "luong-local-p"],
    "multi-head": ["--attention", "multi-head"],
    "input-feeding": ["--attention", "luong-general", "--set", "model.input_feeding=true"],
    "coverage": ["--attention", "bahdanau", "--set", "model.coverage=true"],
    "transformer": [
        "--set", "model.architecture=transformer", "--set", "model.attention_heads=4",
        "--set", "model.encoder_layers=2", "--set", "model.decoder_layers=2",
        "--set", "model.feed_forward_size=512",
    ],
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=[*CORPORA, "report"])
    parser.add_argument("--data", type=Path, help="folder of the corpus, else ../shared/data's")
    parser.add_argument("--out", type=Path, default=Path("runs/study"))
    parser.add_argument("--mechanisms", nargs="+", default=list(MECHANISMS), choices=MECHANISMS)
    parser.add_argument("--seeds", nargs="+", type=int, help="else those of the corpus")
    parser.add_argument("--steps", type=int, help="updates of each model, else the corpus's")
    parser.add_argument("--jobs", type=int, default=1, help="models trained at once")
    parser.add_argument("--docs", type=Path, default=Path("docs/study"))
    options = parser.parse_args()
    if options.study == "report":
        report(options.out, list(MECHANISMS), options.docs)
        return
    corpus = CORPORA[options.study]
    data = options.data or corpus.data
    if not data.is_dir():
        sys.exit(f"{data}: no such folder; give the corpus with --data")
    files = corpus.prepare(data, options.out / options.study)
    commands = {}
    for seed in options.seeds or corpus.seeds:
        for name in options.mechanisms:
            run = options.out / options.study / f"{name}-{seed}"
            if (run / "study.json").exists():
                continue
            steps = options.steps or corpus.steps
            its_own = [*MECHANISMS[name], "--seed", seed, "--steps", steps]
            if name == "coverage":  # its loss acts in the last quarter; the paper adds it late too
                its_own += ["--set", f"training.coverage_from={steps * 3 // 4}"]
            commands[run] = [
                [
                    *NMT, "train", "--data", files.prepared, "--run", run, *its_own, "--epochs", 0,
                    *options_for(name, corpus.options),
                ],
                [
                    sys.executable, Path(__file__).with_name("study_measure.py"), name, seed, run,
                    options.study, "--data", data, "--out", options.out / options.study,
                ],
            ]  # fmt: skip
    run_all(commands, options.jobs)


if __name__ == "__main__":
    main()
