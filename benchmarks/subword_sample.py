"""What subwords lose when they are learned from a part of the text.

    python benchmarks/subword_sample.py --train SRC TGT --test SRC TGT [--sizes 8000 16000]
        [--shares 1 0.5 0.25 0.1 0.05] [--type unigram]

For each share a joint model is learned from pairs drawn at random. The table shows the characters
that it saw, the tokens a word of the test text of each side, how many of its tokens the model of
the whole text lacks, and the share of test words that are split otherwise than by that model.
"""

import argparse
from pathlib import Path

from nmtcli.config import SubwordConfig
from nmtcli.data.learn_subwords import learn
from nmtcli.data.vocabulary import sample
from nmtcli.text.subwords import Subwords


def main() -> None:
    """Learn the models and print the table."""
    parser = argparse.ArgumentParser(description="Subwords learned from a part of the text.")
    parser.add_argument("--train", nargs=2, type=Path, required=True)
    parser.add_argument("--test", nargs=2, type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8000])
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 0.5, 0.25, 0.1, 0.05])
    parser.add_argument("--type", default="unigram", choices=("unigram", "bpe"))
    arguments = parser.parse_args()
    pairs = list(zip(*map(lines_of, arguments.train)))
    tests = list(map(lines_of, arguments.test))
    print(
        "| vocabulary | share | characters | tokens a word | other tokens | words split otherwise |"
    )
    print("|---|---|---|---|---|---|")
    for size in arguments.sizes:
        whole = None
        for share in arguments.shares:
            chosen = list(sample(pairs, len(pairs), round(share * len(pairs))))
            texts = [text for pair in chosen for text in pair]
            options = SubwordConfig(type=arguments.type, vocabulary_size=size)
            model = Subwords(learn(texts, options, at_most=True))
            whole = whole or model
            print(f"| {size:,} | {share:g} | {sum(map(len, texts)):,} |", end=" ")
            print(" and ".join(f"{tokens_a_word(model, lines):.3f}" for lines in tests), end=" | ")
            mine, its = (set(one.tokens(range(one.size))) for one in (model, whole))
            print(f"{len(mine - its) / size:.1%} |", end=" ")
            parts = (f"{split_otherwise(model, whole, lines):.1%}" for lines in tests)
            print(" and ".join(parts), "|", flush=True)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def tokens_a_word(model: Subwords, lines: list[str]) -> float:
    words = sum(len(line.split()) for line in lines)
    return sum(map(len, model.encode_batch(lines))) / words


def split_otherwise(model: Subwords, whole: Subwords, lines: list[str]) -> float:
    """Return the share of the words that two models do not split in the same way."""
    words = [word for line in lines for word in line.split()]
    kinds = sorted(set(words))
    same = {
        word: model.tokens(ours) == whole.tokens(theirs)
        for word, ours, theirs in zip(kinds, model.encode_batch(kinds), whole.encode_batch(kinds))
    }
    return sum(not same[word] for word in words) / len(words)


if __name__ == "__main__":
    main()
