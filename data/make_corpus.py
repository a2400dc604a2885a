"""Writes the embedded Korean-English sample corpus.

    python data/make_corpus.py [--out DIR] [--seed 1]

The same seed gives the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from grammar import speak_english, speak_korean  # noqa: E402
from grammar.compose import compose  # noqa: E402
from grammar.dice import Dice  # noqa: E402

Pair = tuple[str, str]

SHORTEST, LONGEST = 4, 60
LONG_TEST_LENGTHS, LONG_TEST_EACH = range(5, 61), 11
TRAIN, VALID, TEST = 20_000, 500, 500
# Shares of the lengths in train, valid and test; inside a band every length is equally likely.
BANDS = ((4, 4, 0.08), (5, 8, 0.48), (9, 12, 0.18), (13, 20, 0.12), (21, 60, 0.14))


def length_of(pair: Pair) -> int:
    return len(pair[1].split())


def common_lengths(count: int) -> list[int]:
    """How long each of ``count`` sentences is to be, following ``BANDS``."""
    lengths: list[int] = []
    for shortest, longest, share in BANDS:
        wanted, width = round(count * share), longest - shortest + 1
        lengths += [shortest + index * width // wanted for index in range(wanted)]
    return (lengths + [BANDS[0][0]] * count)[:count]


def raw_pairs(dice: Dice, targets: list[int]) -> Iterator[tuple[int, Pair]]:
    """Endless pairs aimed at the lengths that are still in ``targets``."""
    while True:
        target = dice.pick(targets)
        plan = compose(dice, target)
        yield target, (speak_korean.speak(plan), speak_english.speak(plan))


def collect(dice: Dice, quota: dict[int, int]) -> dict[int, list[Pair]]:
    """Pairs of every length; no source and no target occurs twice anywhere."""
    found: dict[int, list[Pair]] = {length: [] for length in quota}
    seen_ko: dict[str, None] = {}
    seen_en: dict[str, None] = {}
    open_lengths = [length for length, wanted in quota.items() if wanted]
    for _, pair in raw_pairs(dice, open_lengths):
        length = length_of(pair)
        if length not in open_lengths or pair[0] in seen_ko or pair[1] in seen_en:
            continue
        seen_ko[pair[0]] = seen_en[pair[1]] = None
        found[length].append(pair)
        if len(found[length]) == quota[length]:
            open_lengths.remove(length)
            if not open_lengths:
                return found
    raise AssertionError("raw_pairs never ends")


def make_splits(seed: int) -> dict[str, list[Pair]]:
    lengths = {
        "train": common_lengths(TRAIN),
        "valid": common_lengths(VALID),
        "test": common_lengths(TEST),
        "long": [length for length in LONG_TEST_LENGTHS for _ in range(LONG_TEST_EACH)],
    }
    quota = dict.fromkeys(range(SHORTEST, LONGEST + 1), 0)
    for wanted in lengths.values():
        for length in wanted:
            quota[length] += 1
    dice = Dice(seed)
    found = collect(dice, quota)
    for pairs in found.values():
        dice.shuffle(pairs)
    splits: dict[str, list[Pair]] = {}
    for name, wanted in lengths.items():
        splits[name] = [found[length].pop() for length in wanted]
        if name != "long":
            dice.shuffle(splits[name])
    return splits


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a finished file next to its place and move it there in one step."""
    unfinished = path.with_name(path.name + ".part")
    with open(unfinished, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)
    os.replace(unfinished, path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="write the Korean-English sample corpus")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the files")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, pairs in make_splits(options.seed).items():
        write_lines(options.out / f"{name}.ko", [ko for ko, _ in pairs])
        write_lines(options.out / f"{name}.en", [en for _, en in pairs])


if __name__ == "__main__":
    main()
