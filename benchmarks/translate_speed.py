"""How fast `nmt translate` is: whole processes, start-up included, and CTranslate2 alone beside it.

    python benchmarks/translate_speed.py [--data DIR] [--transformer RUN] [--rnn RUN] [--long N]

Models: a Transformer of 3 + 3 layers of 256, feed-forward 1,024, and an RNN with a bidirectional
GRU encoder and a GRU decoder of 512, embedding 256, additive attention; both are trained for
--steps updates first where no run is given. Texts: a sentence, test2016 of Multi30k, N lines of its
training text. Every engine and precision that the run has is measured, beam 5, in turn, several
times (Keras once); medians are printed. `ctranslate2 alone` is a program of a few lines around that
library (`peer/ctranslate2_translate.py`) with the same model.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from multi30k import TOKENISED
from systems import NMT, Text, Training, nmt, prepare, train

PLAIN = {
    "model.dropout": 0.2,
    "training.batch_tokens": 3000,
    "training.learning_rate": 0.002,
    "training.schedule": "cosine",
    "validation.every": 300,
}
MODELS = {
    "transformer": {
        **PLAIN,
        "model.architecture": "transformer",
        "model.embedding_size": 256,
        "model.feed_forward_size": 1024,
        "model.attention_heads": 4,
        "model.encoder_layers": 3,
        "model.decoder_layers": 3,
    },
    "rnn": PLAIN,
}
# A program that is installed has its bytecode, a checkout too, unless it is forbidden.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ALONE = Path(__file__).parent / "peer" / "ctranslate2_translate.py"


class Measured(NamedTuple):
    """A process: seconds of the clock and of the processors, peak memory, what it printed."""

    wall: float
    cpu: float
    megabytes: float
    lines: list[str]


def main() -> None:
    options = parse()
    for name in options.models:
        run = getattr(options, name) or trained(options, name)
        ways = commands(run)
        print(f"{name}: {run}, {len(os.sched_getaffinity(0))} processors", flush=True)
        compare(options, run, ways)
        answer_on_a_pipe(run, options)
        stream(options, run, ways)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/translate-speed"))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--transformer", type=Path, help="a trained run, exported")
    parser.add_argument("--rnn", type=Path, help="a trained run, exported")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", type=int, default=20_000, help="lines of the long file")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    return options


def text_file(options, split: str, side: str) -> Path:
    return options.data / TOKENISED[0].format(split=split, side=side)


def trained(options, name: str) -> Path:
    splits = {
        split: tuple(str(text_file(options, file, side)) for side in ("en", "de"))
        for split, file in (("train", "train"), ("valid", "val"), ("test", "test_2016_flickr"))
    }
    text = Text(options.out / "data", splits, "none", {"subwords.vocabulary_size": 8000})
    prepare(text)
    run = options.out / name
    settings = {**MODELS[name], "training.max_steps": options.steps}
    train(text, [Training(run, settings, seed=1, minutes=90)])
    return run


def commands(run: Path) -> dict[str, list[str]]:
    """How a run can be translated with, by name; exports that are missing are made."""
    translate = [*NMT, "translate", "--run", str(run), "--beam", "5"]
    ways = {"keras": [*translate, "--engine", "keras"]}
    formats = ["onnx"]
    if json.loads((run / "run.json").read_text())["attention"] == "transformer":
        formats.append("ctranslate2")
    for format in formats:
        described = run / "export" / format / "nmt.json"
        if not described.exists():
            nmt("export", "--run", run, "--format", format)
        facts = json.loads(described.read_text())
        for precision in ("float32", "int8"):
            if facts[precision]["accepted"]:
                chosen = ["--engine", format, "--precision", precision]
                ways[f"{format} {precision}"] = [*translate, *chosen]
            if format == "ctranslate2":
                ways[f"ctranslate2 alone {precision}"] = [
                    sys.executable, str(ALONE), str(run), precision,
                ]  # fmt: skip
    return ways


def measure(command: list[str], lines: list[str]) -> Measured:
    """Run a filter on some lines."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write("".join(f"{line}\n" for line in lines).encode())
        source.seek(0)
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdin=source, stdout=target, env=ENVIRONMENT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status:
            sys.exit(f"{command[:4]} failed")
        target.seek(0)
        printed = target.read().decode().splitlines()
    if len(printed) != len(lines):
        sys.exit(f"{command[:4]}: {len(lines)} lines in, {len(printed)} out")
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, printed)


def compare(options, run: Path, ways: dict[str, list[str]]) -> None:
    """A sentence and the test, by each way in turn."""
    source = text_file(options, "test_2016_flickr", "en").read_text().splitlines()
    texts = {"one sentence": source[:1], f"{len(source):,} sentences": source}
    found = {text: {way: [] for way in ways} for text in texts}
    for text, lines in texts.items():
        for number in range(options.repeats):
            for way, command in ways.items():
                if number == 0 or way != "keras":
                    found[text][way].append(measure(command, lines))
    one, many = found.values()
    heads = "one, s", "MB", f"{len(source):,}, s", "cpu, s", "MB", "pieces/s", "BLEU"
    print(" " * 28 + "".join(f"{head:>10}" for head in heads))
    for way in ways:
        row = [median(one[way], "wall"), median(one[way], "megabytes")]
        row += [median(many[way], part) for part in ("wall", "cpu", "megabytes")]
        pieces = count_pieces(run, many[way][0].lines)
        row += [pieces / row[2], bleu(options, many[way][0].lines)]
        print(f"  {way:<26}" + "".join(f"{value:10.2f}" for value in row), flush=True)


def median(several: list[Measured], part: str) -> float:
    return statistics.median(getattr(one, part) for one in several)


def count_pieces(run: Path, lines: list[str]) -> int:
    """Pieces of translations, the end of each counted."""
    from nmtcli.runs.directory import RunDirectory
    from nmtcli.text.subwords import Subwords

    subwords = Subwords(RunDirectory(run).target_subwords)
    return sum(len(ids) + 1 for ids in subwords.encode_batch(lines))


def bleu(options, lines: list[str]) -> float:
    from nmtcli.metrics.sacrebleu_scores import BleuOptions, corpus_bleu

    reference = text_file(options, "test_2016_flickr", "de").read_text().splitlines()
    return corpus_bleu([reference], lines, BleuOptions(tokenize="none")).value


def answer_on_a_pipe(run: Path, options) -> None:
    """Milliseconds from a line to its translation, on a pipe that stays open."""
    lines = text_file(options, "test_2016_flickr", "en").read_text().splitlines()[:40]
    command = [*NMT, "translate", "--run", str(run), "--beam", "5"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, text=True, env=ENVIRONMENT)
    times = []
    for line in lines:
        begun = time.perf_counter()
        process.stdin.write(line + "\n")
        process.stdin.flush()
        process.stdout.readline()
        times.append(1000 * (time.perf_counter() - begun))
    process.stdin.close()
    process.wait()
    middle, worst = statistics.median(times[1:]), max(times[1:])
    print(f"  a line on an open pipe: median {middle:.0f} ms, longest {worst:.0f} ms", flush=True)


def stream(options, run: Path, ways: dict[str, list[str]]) -> None:
    """The long file: how fast it went in each window of lines, and the peak of memory."""
    lines = text_file(options, "train", "en").read_text().splitlines()[: options.long]
    for way, command in ways.items():
        if way == "keras" or "alone" in way:
            continue
        with tempfile.TemporaryFile() as source:
            source.write("".join(f"{line}\n" for line in lines).encode())
            source.seek(0)
            begun, came = time.perf_counter(), []
            pipes = {"stdin": source, "stdout": subprocess.PIPE}
            process = subprocess.Popen(command, **pipes, env=ENVIRONMENT)
            for _ in process.stdout:
                came.append(time.perf_counter() - begun)
            _, status, used = os.wait4(process.pid, 0)
        if status or len(came) != len(lines):
            sys.exit(f"{way}: {len(lines)} lines in, {len(came)} out, status {status}")
        ends = [0, *window_ends(len(came))]
        rates = [
            (end - start) / (came[end - 1] - (came[start - 1] if start else 0.0))
            for start, end in itertools.pairwise(ends)
        ]
        print(
            f"  {way}: {len(lines):,} lines in {came[-1]:.1f} s, the first after {came[0]:.1f} s,"
            f" {used.ru_maxrss / 1024:.0f} MB; lines/s up to line: "
            + ", ".join(f"{end:,} {rate:.0f}" for end, rate in zip(ends[1:], rates)),
            flush=True,
        )


def window_ends(count: int) -> list[int]:
    """After which lines the windows of `nmt translate` end; the lines of one come at once."""
    from nmtcli.config import SearchConfig
    from nmtcli.inference.translator import FIRST_WINDOW, WINDOW_GROWTH

    largest, ends = SearchConfig().window, [0]
    size = min(FIRST_WINDOW, largest)
    while ends[-1] < count:
        ends.append(min(count, ends[-1] + size))
        size = min(size * WINDOW_GROWTH, largest)
    return ends[1:]


if __name__ == "__main__":
    main()
