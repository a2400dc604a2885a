"""AER of both directions together, and of what attention is compared with.

    pip install eflomal
    python benchmarks/study_aligners.py [--data DIR] [--eflomal COMMAND]

Ours: the `align` and `align-reverse` runs of the study, each with the rule for links, and both with
the symmetrisation, that are best on the validation gold.

The diagonal links target word j of T to the source word at the same share of S. eflomal (Östling
and Tiedemann, 2016) reads the training text and the test together, in both directions.
"""

import argparse
import functools
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from study_corpora import CORPORA, nmt
from study_measure import RULES, links_of, score_links

from nmtcli.alignment.links import LinkRule
from nmtcli.alignment.symmetrization import METHODS, symmetrize
from nmtcli.inference.aligner import Aligner, align_both_ways
from nmtcli.inference.translator import load_translator

AGREEMENT_RULE = "never", 0, "source"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=CORPORA["hansards"].data)
    parser.add_argument("--out", type=Path, default=Path("runs/study/aligners"))
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--eflomal", default="eflomal-align", help="the command")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the corpus with --data")
    options.out.mkdir(parents=True, exist_ok=True)
    rows = {"diagonal": score(options.data, diagonal(options))}
    rows |= both_ways(options)
    if shutil.which(options.eflomal):
        forward, reverse = eflomal(options)
        rows["eflomal, target to source"] = score(options.data, forward)
        rows["eflomal, source to target"] = score(options.data, reverse)
        for method in ("intersection", "grow-diag-final-and", "union"):
            rows[f"eflomal, {method}"] = score(options.data, forward, reverse, method)
    else:
        print(f"{options.eflomal}: not installed (pip install eflomal); left out", file=sys.stderr)
    (options.out / "aligners.json").write_text(json.dumps(rows, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:<32}" + "".join(f"{key} {value:.3f}  " for key, value in row.items()))


def diagonal(options) -> Path:
    path = options.out / "diagonal.pharaoh"
    sides = [read(options.data / f"test.{side}") for side in ("en", "fr")]
    with open(path, "w") as output:
        for source, target in zip(*sides):
            size, count = len(source.split()), len(target.split())
            links = [f"{(2 * j + 1) * size // (2 * count)}-{j}" for j in range(count)]
            print(*links, file=output)
    return path


def both_ways(options) -> dict[str, dict]:
    """The study's models of both directions, alone and together."""
    runs = [options.runs / f"{corpus}/scaled-dot-1" for corpus in ("align", "align-reverse")]
    if not all((run / "checkpoints").exists() for run in runs):
        print(f"{runs[0]}, {runs[1]}: not both trained; left out", file=sys.stderr)
        return {}
    corpus = CORPORA["align"]
    files = corpus.prepare(options.data, options.runs / "align")
    golds = {"valid": files.valid_gold, "test": files.gold}
    links = {}  # (direction, split, rule) -> links, source-target
    for direction, run in enumerate(runs):
        for (split, gold), rule in itertools.product(golds.items(), RULES):
            links[direction, split, rule] = directed_links(run, gold, rule, direction)
    rules = []
    for direction in (0, 1):
        found = {
            rule: score_links(links[direction, "valid", rule], golds["valid"]) for rule in RULES
        }
        rules.append(min(RULES, key=lambda rule: found[rule]["aer"]))

    def together(split, method):
        pairs = zip(*(links[direction, split, rules[direction]] for direction in (0, 1)))
        return score_links([symmetrize(*pair, method) for pair in pairs], golds[split])

    def agreed(split, method):
        gold, (forward, reverse) = golds[split], aligners
        found = align_both_ways(forward, reverse, read(gold[0]), read(gold[1]), method, agree=True)
        return score_links([one.links for one in found], gold)

    aligners = [
        Aligner(one.engine, one.source_subwords, one.target_subwords, LinkRule(*AGREEMENT_RULE))
        for one in map(translator_of, runs)
    ]
    best = min(METHODS, key=lambda method: together("valid", method)["aer"])
    best_agreed = min(METHODS, key=lambda method: agreed("valid", method)["aer"])
    names = "scaled-dot, short pairs, to French", "scaled-dot, short pairs, to English"
    rows = {
        name: score_links(links[direction, "test", rules[direction]], golds["test"])
        for direction, name in enumerate(names)
    }
    print("rules:", *rules, "symmetrisation:", best, file=sys.stderr)
    rows[f"scaled-dot, both, {best}"] = together("test", best)
    rows[f"scaled-dot, both, `--agree`, {best_agreed}"] = agreed("test", best_agreed)
    return rows


@functools.cache
def translator_of(run: Path):
    return load_translator(run, overrides={"beam": 1})


def directed_links(run: Path, gold, rule, direction: int) -> list:
    """Links as source-target, also of a model of the other direction."""
    sides = gold[1], gold[0]
    found = links_of(translator_of(run), sides if direction else gold[:2], rule)
    return [sorted((i, j) for j, i in links) for links in found] if direction else found


def eflomal(options) -> tuple[Path, Path]:
    """Links of the test in both directions, all written as source-target."""
    count = len(read(options.data / "test.en"))
    paths = options.out / "eflomal.forward", options.out / "eflomal.reverse"
    with tempfile.TemporaryDirectory() as folder:
        texts, found = [], [Path(folder) / name for name in ("forward", "reverse")]
        for side in ("en", "fr"):
            texts.append(Path(folder) / side)
            lines = [*read(options.data / f"test.{side}"), *read(options.data / f"train.{side}")]
            texts[-1].write_text("".join(line + "\n" for line in lines))
        command = [options.eflomal, "-s", texts[0], "-t", texts[1], "-f", found[0], "-r", found[1]]
        subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL)
        for path, whole in zip(paths, found):
            path.write_text("".join(line + "\n" for line in read(whole)[:count]))
    return paths


def score(data: Path, *files_and_method) -> dict:
    files, method = files_and_method[:2], files_and_method[2:]
    arguments = [part for path in files for part in ("--alignment", path)]
    arguments += ["--symmetrize", *method] if method else []
    report = nmt(
        "align", data / "test.en", data / "test.fr", *arguments,
        "--gold", data / "test.gold.pharaoh", "--summary-only", "--json",
    )  # fmt: skip
    return {key: json.loads(report)[key] for key in ("precision", "recall", "aer")}


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


if __name__ == "__main__":
    main()
