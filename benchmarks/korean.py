"""English and Korean, both ways: the Python documentation, by the command line alone.

    python benchmarks/korean.py [--directions en-ko ko-en] [--minutes M] [--jobs 2] [--samples N]
                                [--checkpoint best|last] [--pieces N]

Text is raw and cased, one joint vocabulary. Korean is scored with sacrebleu's ko-mecab, English
with 13a, and chrF stands beside both. Some lines of the test are printed with their reference and
translation: as many as --samples, evenly through the text. With --pieces longer lines are cut at
ends of sentences. What is done already is not done again.
"""

import argparse
import sys
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
        found = evaluate(text, [training.run], options.split, 5, options.checkpoint, search)
        title = f"Python documentation, {options.split}, {options.checkpoint}, beam 5"
        title += f", lines of over {options.pieces} pieces cut"
        print_table(title, {direction: [found]})
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


def print_samples(files, hypotheses: Path, count: int) -> None:
    columns = [Path(file).read_text(encoding="utf-8").splitlines() for file in (*files, hypotheses)]
    rows = list(zip(*columns, strict=True))
    for n in range(count):
        number = (2 * n + 1) * len(rows) // (2 * count)
        print(f"\nline {number + 1}")
        for name, line in zip(("source", "reference", "translation"), rows[number]):
            print(f"  {name:<12}{line}")


if __name__ == "__main__":
    main()
