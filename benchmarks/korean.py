"""English and Korean, both ways: the Python documentation, by the command line alone.

    python benchmarks/korean.py [--directions en-ko ko-en] [--minutes M] [--jobs 2] [--samples N]
                                [--checkpoint best|last] [--pieces N] [--by-sentence]

Text is raw and cased, one joint vocabulary. Korean is scored with sacrebleu's ko-mecab, English
with 13a, and chrF stands beside both. How many names are kept is printed, and some lines of the
test with their reference and translation: as many as --samples, evenly through the text. With
--pieces longer lines are cut at ends of sentences, with --by-sentence all lines are. What is done
already is not done again.
"""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

import multi30k
from systems import Text, Training, evaluate, prepare, print_table, train_on

TOKENIZE = {"ko": "ko-mecab", "en": "13a"}
SETTINGS = {
    **multi30k.TRANSFORMER,
    "model.dropout": 0.2,
    "training.max_steps": 6000,
    "validation.every": 1000,
    "validation.max_lines": 500,
}
# With an underscore or a capital inside.
NAME = re.compile(r"[A-Za-z]*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*", re.ASCII)
SEEN = {"not in training": (0, 0), "1 to 9 times": (1, 9), "10 or more": (10, sys.maxsize)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/pydocs-en-ko"))
    parser.add_argument("--out", type=Path, default=Path("runs/korean"))
    parser.add_argument("--directions", nargs="+", default=["en-ko", "ko-en"])
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="directions trained at once")
    parser.add_argument("--checkpoint", default="best", choices=("best", "last"))
    parser.add_argument("--pieces", type=int, default=200, help="of a line that is not cut")
    parser.add_argument("--by-sentence", action="store_true", help="translate each one by itself")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--split", default="test", choices=("valid", "test"))
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give that of the parallel text with --data")
    trainings = []
    for direction in options.directions:
        text = corpus(options, direction)
        prepare(text)
        run = options.out / f"{direction}-{options.seed}"
        trainings.append((text, Training(run, SETTINGS, options.seed, options.minutes)))
    train_on(trainings, options.jobs)
    for direction, (text, training) in zip(options.directions, trainings):
        search = {"search.max_source_pieces": options.pieces}
        if options.by_sentence:
            search["search.by_sentence"] = "true"
        found = evaluate(text, [training.run], options.split, 5, options.checkpoint, search)
        title = f"Python documentation, {options.split}, {options.checkpoint}, beam 5"
        title += ", by sentence" if options.by_sentence else ""
        title += f", lines of over {options.pieces} pieces cut"
        print_table(title, {direction: [found]})
        print_names(options.data / "train.en", text.splits[options.split], found["hypotheses"])
        print_samples(text.splits[options.split], found["hypotheses"], options.samples)


def corpus(options, direction: str) -> Text:
    sides = direction.split("-")
    return Text(
        options.out / f"prepared-{direction}",
        {
            split: tuple(str(options.data / f"{split}.{side}") for side in sides)
            for split in ("train", "valid", "test")
        },
        TOKENIZE[sides[1]],
        {"subwords.vocabulary_size": 8000},
        buckets="10,20,30,50",
    )


def print_names(train: Path, files, hypotheses: Path) -> None:
    """How many of the names that source and reference share are in the translation, too."""
    seen = Counter(NAME.findall(train.read_text(encoding="utf-8")))
    all_of, kept = Counter(), Counter()
    for row in rows_of(*files, hypotheses):
        source, reference, translation = (Counter(NAME.findall(line)) for line in row)
        for name, count in (source & reference).items():
            group = next(group for group, (low, high) in SEEN.items() if low <= seen[name] <= high)
            all_of[group] += count
            kept[group] += min(count, translation[name])
    for group in SEEN:
        share = 100 * kept[group] / max(1, all_of[group])
        print(f"names {group:<16} {share:5.1f} % of {all_of[group]} are in the translation")


def rows_of(*files) -> list[tuple[str, ...]]:
    columns = [Path(file).read_text(encoding="utf-8").split("\n")[:-1] for file in files]
    return list(zip(*columns, strict=True))


def print_samples(files, hypotheses: Path, count: int) -> None:
    rows = rows_of(*files, hypotheses)
    for n in range(count):
        number = (2 * n + 1) * len(rows) // (2 * count)
        print(f"\nline {number + 1}")
        for name, line in zip(("source", "reference", "translation"), rows[number]):
            print(f"  {name:<12}{line}")


if __name__ == "__main__":
    main()
