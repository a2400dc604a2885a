"""The corpora of the attention study: where they are, how they are split, and the settings."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

NMT = [sys.executable, "-m", "nmtcli"]


@dataclass(frozen=True)
class Files:
    """What a study reads. `tests` name pairs of source and reference; `gold` is source, target and
    links of the alignment test, and `valid_gold` of what the rule for links is chosen on."""

    prepared: Path
    tests: dict[str, tuple[Path, Path]]
    gold: tuple[Path, Path, Path] | None = None
    valid_gold: tuple[Path, Path, Path] | None = None


@dataclass(frozen=True)
class Corpus:
    """Settings of a study; `edges` are the words of the source that part the buckets of `test`."""

    data: Path
    steps: int
    seeds: tuple[int, ...]
    test: str
    edges: str
    tokenize: str
    beam: int
    options: tuple[str, ...]
    prepare: Callable[[Path, Path], Files]


def nmt(*arguments, **kwargs) -> str:
    """Run a command of nmt; returns what it printed, and stops the study if it failed."""
    command = [*NMT, *map(str, arguments)]
    print("$ nmt", *command[3:], file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **kwargs)
    if done.returncode:
        sys.exit(f"nmt {arguments[0]} failed with status {done.returncode}")
    return done.stdout


def _prepare_sample(data: Path, out: Path) -> Files:
    """Korean to English, with the settings of data/sample.yaml."""
    prepared = out / "prepared"
    if not prepared.exists():
        out.mkdir(parents=True, exist_ok=True)
        train, valid = (
            [data / f"{split}.{side}" for side in ("ko", "en")] for split in ("train", "valid")
        )
        nmt(
            "preprocess", "--train", *train, "--valid", *valid, "--out", prepared,
            "--set", "subwords.vocabulary_size=2000",
        )  # fmt: skip
    tests = {split: (data / f"{split}.ko", data / f"{split}.en") for split in ("test", "long")}
    return Files(prepared, tests)


def _prepare_hansards(data: Path, out: Path, sides=("en", "fr"), max_words=200) -> Files:
    """English to French; the gold test has no long sentence, so some of the training text is held
    out: every 20th pair for the test by length, every 40th for validation."""
    prepared, texts = out / "prepared", {}
    for split in ("train", "valid", "test"):
        texts[split] = [out / f"{split}.{side}" for side in sides]
    if not prepared.exists():
        out.mkdir(parents=True, exist_ok=True)
        for column, side in enumerate(sides):
            lines = (data / f"train.{side}").read_text(encoding="utf-8").split("\n")[:-1]
            parts = {"train": [], "valid": [], "test": []}
            for number, line in enumerate(lines):
                held_out = {0: "test", 20: "test", 10: "valid"}.get(number % 40, "train")
                parts[held_out].append(line + "\n")
            for split, kept in parts.items():
                texts[split][column].write_text("".join(kept), encoding="utf-8")
        nmt(
            "preprocess", "--train", *texts["train"], "--valid", *texts["valid"],
            "--out", prepared, "--set", "subwords.vocabulary_size=6000",
            "--set", f"data.max_words={max_words}",
        )  # fmt: skip
    if sides != ("en", "fr"):  # the gold links are English-French
        return Files(prepared, {"test": tuple(texts["test"])})
    gold, valid_gold = (
        (data / f"{split}.en", data / f"{split}.fr", data / f"{split}.gold.pharaoh")
        for split in ("test", "valid")
    )
    return Files(prepared, {"test": tuple(texts["test"])}, gold, valid_gold)


def _prepare_short(data: Path, out: Path) -> Files:
    """The pairs of at most 30 words, like those of the gold test."""
    return _prepare_hansards(data, out, max_words=30)


def _prepare_short_reverse(data: Path, out: Path) -> Files:
    """The same, French to English, for alignments of both directions."""
    return _prepare_hansards(data, out, ("fr", "en"), max_words=30)


_COMMON = (
    "--set", "validation.bleu=false", "--set", "validation.early_stopping=perplexity",
    "--set", "validation.patience=1000", "--set", "training.schedule=cosine",
)  # fmt: skip
SIZES = (
    "--set", "model.embedding_size=128", "--set", "model.encoder_size=256",
    "--set", "model.decoder_size=256", "--set", "model.attention_size=128",
)  # fmt: skip
RECURRENT = ("encoder_size", "decoder_size", "attention_size")  # sizes that a Transformer has not
CORPORA = {
    "sample": Corpus(
        Path("data"), 500, (1, 2, 3), "long", "8,16,24,32", "13a", 1,
        (
            *_COMMON, *SIZES, "--set", "model.dropout=0.1", "--set", "training.batch_tokens=2000",
            "--set", "training.learning_rate=0.003", "--set", "training.warmup_steps=100",
            "--set", "training.label_smoothing=0.05", "--set", "validation.every=250",
        ),
        _prepare_sample,
    ),
    "hansards": Corpus(
        Path("../shared/data/hansards-en-fr-gold"), 1300, (1,), "test", "10,20,30", "none", 5,
        (
            *_COMMON, *SIZES, "--set", "model.dropout=0.2", "--set", "training.batch_tokens=3000",
            "--set", "training.learning_rate=0.003", "--set", "training.warmup_steps=200",
            "--set", "validation.every=260",
        ),
        _prepare_hansards,
    ),
}  # fmt: skip
# Longer, on short pairs, for the best alignments of both directions.
CORPORA["align"] = replace(CORPORA["hansards"], prepare=_prepare_short, steps=2600)
CORPORA["align-reverse"] = replace(CORPORA["align"], prepare=_prepare_short_reverse)


def options_for(name: str, options: tuple[str, ...]) -> list[str]:
    """The options of a corpus or of `SIZES` that the model called `name` has."""
    if name != "transformer":
        return list(options)
    pairs = zip(options[::2], options[1::2])
    kept = [pair for pair in pairs if not any(f"model.{size}=" in pair[1] for size in RECURRENT)]
    return [text for pair in kept for text in pair]
