"""Systems that a benchmark trains and scores by the command line alone, as a user would.

What is done already is not done again: `nmt` itself sees a finished folder.
"""

import json
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from side_by_side import run_all

NMT = [sys.executable, "-m", "nmtcli"]


@dataclass(frozen=True)
class Text:
    """Parallel text and how it is scored.

    prepared: the folder of the prepared data.
    splits: train, valid and test, each (source, target).
    tokenize: of sacrebleu, for the target.
    preprocess: settings of `nmt preprocess`.
    more_training: (source, target) of more training texts.
    buckets: of BLEU by source length, as of `nmt bleu --by-length`; empty: not asked for.
    """

    prepared: Path
    splits: dict[str, tuple[str, str]]
    tokenize: str
    preprocess: dict
    buckets: str = ""
    more_training: tuple[tuple[str, str], ...] = ()


def nmt(*arguments) -> str:
    """Run `nmt`, say so, and return what it printed; a failure ends the benchmark."""
    command = [*NMT, *map(str, arguments)]
    print("$ nmt", shlex.join(command[3:]), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"nmt {arguments[0]} failed with status {done.returncode}")
    return done.stdout


def prepare(text: Text) -> None:
    text.prepared.parent.mkdir(parents=True, exist_ok=True)
    texts = [text.splits["train"], *text.more_training]
    sides = [argument for pair in texts for argument in ("--train", *pair)]
    sides += ["--valid", *text.splits["valid"]]
    nmt("preprocess", *sides, "--out", text.prepared, *assignments(text.preprocess))


@dataclass(frozen=True)
class Training:
    """A training of some minutes at most; its best checkpoint is that of the validation BLEU."""

    run: Path
    settings: dict
    seed: int
    minutes: float


def train(text: Text, trainings: list[Training], jobs: int = 1) -> None:
    train_on([(text, training) for training in trainings], jobs)


def train_on(texts: list[tuple[Text, Training]], jobs: int = 1) -> None:
    """Train, several at once where there are several jobs; their logs are beside the runs."""
    commands = {}
    for text, training in texts:
        settings = {**training.settings, "validation.tokenize": text.tokenize}
        settings["validation.patience"] = 100
        commands[training.run] = [[
            *NMT, "train", "--data", text.prepared, "--run", training.run,
            "--seed", training.seed, "--epochs", 0, "--minutes", training.minutes,
            *assignments(settings),
        ]]  # fmt: skip
    run_all(commands, jobs)


def assignments(settings: dict) -> list[str]:
    return [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]


def evaluate(
    text: Text,
    runs: list[Path],
    split: str,
    beam: int = 5,
    checkpoint: str = "best",
    search: dict | None = None,
) -> dict:
    """Translate a text with a run, or with several together, and score it.

    Args:
        search: further settings of `nmt translate`.

    Returns:
        bleu, chrf: scores and signatures as `nmt bleu --json` prints them; by_length; minutes of
        training; device; hypotheses, the file.
    """
    source, reference = text.splits[split]
    options = assignments(search or {})
    name = "-".join([split, str(len(runs)), checkpoint, *options[1::2]])
    hypotheses = runs[0] / f"{name}.txt"
    chosen = [argument for run in runs for argument in ("--run", run)]
    chosen += ["--checkpoint", checkpoint, "--beam", beam, *options]
    nmt("translate", *chosen, "--input", source, "--output", hypotheses)
    scored = "bleu", reference, hypotheses, "--json"
    buckets = ["--by-length", text.buckets, "--source", source] if text.buckets else []
    bleu = json.loads(nmt(*scored, "--tokenize", text.tokenize, *buckets))
    chrf = json.loads(nmt(*scored, "--metrics", "chrf"))
    return {
        "bleu": bleu["scores"][0],
        "chrf": chrf["scores"][0],
        "by_length": bleu.get("by_length", []),
        "minutes": sum(map(training_minutes, runs)),
        "device": json.loads((runs[0] / "run.json").read_text())["device"],
        "hypotheses": hypotheses,
    }


def training_minutes(run: Path) -> float:
    """Of the run, and of the one whose weights it began with."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    begun = json.loads((run / "run.json").read_text()).get("init_from")
    before = training_minutes(Path(begun["run"])) if begun else 0.0
    return json.loads(lines[-1])["seconds"] / 60 + before


def print_table(title: str, results: dict[str, list[dict]]) -> None:
    """
    Args:
        results: of `evaluate`, one for each seed, by name.
    """
    first = next(iter(results.values()))[0]
    labels = [bucket_label(bucket) for bucket in first["by_length"]]
    width = max(14, *(len(name) + 2 for name in results))
    print(f"{title}, {first['device']}")
    heads = ("BLEU", "sd", "chrF", *labels, "minutes")
    print(" " * width + "".join(f"{head:>8}" for head in heads))
    for name, several in results.items():
        bleu = [found["bleu"]["score"] for found in several]
        columns = [statistics.mean(bleu), statistics.stdev(bleu) if len(bleu) > 1 else 0.0]
        columns.append(_mean(found["chrf"]["score"] for found in several))
        columns += [
            _mean(found["by_length"][n]["score"] or 0.0 for found in several)
            for n in range(len(labels))
        ]
        columns.append(_mean(found["minutes"] for found in several))
        print(f"{name:<{width}}" + "".join(f"{column:8.2f}" for column in columns))
    print(first["bleu"]["signature"])
    print(first["chrf"]["signature"])


def _mean(values) -> float:
    return statistics.mean(values)


def bucket_label(bucket: dict) -> str:
    """The lengths a bucket holds, both ends included."""
    if bucket["high"] is None:
        return f">{bucket['low'] - 1}"
    return f"{bucket['low']}-{bucket['high']}"
