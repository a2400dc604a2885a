"""BLEU against time: nmt and Joey NMT on the same text, pieces, processors and time.

    python benchmarks/peer_joeynmt.py --joey-python PYTHON [--minutes M] [--jobs 2] [--data DIR]
    python benchmarks/peer_joeynmt.py --report        # table on stdout, docs/study/peer-joeynmt.svg

Joey NMT needs a Python of its own, 3.11, as it wants an old protobuf:

    python3.11 -m venv joey
    joey/bin/pip install "torch==2.13.0+cpu" "joeynmt==2.3.0"
    joey/bin/pip install "sentencepiece==0.2.0" importlib_metadata

where an index has no CPU build of PyTorch, `torch==2.13.0` does the same and is larger. A newer
sentencepiece lacks a method that Joey NMT calls. With these came sacrebleu 2.6.0, protobuf 3.20.3,
tensorboard 2.20.0, numpy 2.4.6 and importlib_metadata 10.2.0.

Both learn from the tokenised, lower-cased Multi30k with the SentencePiece model that `nmt
preprocess` learns, in float32, with the same seed number, one after the other on the same
processors; with --jobs each architecture has a share of the processors, on which its systems are
trained one after the other, beside the others. The settings are in `benchmarks/peer/`, a YAML file
for each system; a file that is added there is a further system. A system is trained for M minutes
in which it makes updates: starting, validating and saving do not count, for neither side. Both
translate all of the validation text greedily; the report scores what both wrote with sacrebleu,
tokenize none, and checks that each side had logged the same. What is done is not done again; of a
training that was interrupted, nmt goes on and Joey NMT begins anew.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import yaml
from peer_report import architecture_of, joey_is_done, nmt_is_done, report, training_seconds
from peer_training import Place, shares_of, train_joey, train_nmt

SETTINGS = Path(__file__).with_name("peer")
DEFAULT = ["nmt-transformer", "joey-transformer", "nmt-rnn", "joey-rnn"]
CONDITIONS = (
    "minutes", "validations", "updates", "pairs", "valid_pairs", "vocabulary", "source", "target",
    "seed", "jobs",
)  # fmt: skip
TOKENISED = "tok/{split}.lc.norm.tok.{side}"


def main() -> None:
    options = parse()
    fix_conditions(options)
    place = prepare(options)
    if not options.report:
        train_all(options, place)
    report(options.out, place, options.docs, options.jobs)


def train_all(options, place: Place) -> None:
    """Each architecture's systems in turn, as many architectures at once as there are jobs."""
    lanes = [[] for _ in range(options.jobs)]
    architectures = list(dict.fromkeys(map(architecture_of, options.systems)))
    for name in options.systems:
        if name.startswith(options.only):
            lanes[architectures.index(architecture_of(name)) % options.jobs].append(name)
    with ThreadPoolExecutor(options.jobs) as workers:
        for done in [
            workers.submit(train_in_turn, lane, options, replace(place, processors=share))
            for lane, share in zip(lanes, shares_of(place.processors, options.jobs))
        ]:
            done.result()


def train_in_turn(systems: list[str], options, place: Place) -> None:
    for name in systems:
        settings = yaml.safe_load((SETTINGS / f"{name}.yaml").read_text(encoding="utf-8"))
        run = options.out / name
        if name.startswith("joey-"):
            if not joey_is_done(run):
                train_joey(options.joey_python, settings, run, place)
        elif not nmt_is_done(run):
            train_nmt(SETTINGS / f"{name}.yaml", run, place, training_seconds)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted(path.stem for path in SETTINGS.glob("*.yaml"))
    parser.add_argument("--joey-python", type=Path, help="the Python that has joeynmt")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/peer"))
    parser.add_argument("--docs", type=Path, default=Path("docs/study"), help="for the picture")
    parser.add_argument("--minutes", type=float, default=30, help="of training, for each system")
    parser.add_argument("--validations", type=int, default=20, help="of Joey NMT in that time")
    parser.add_argument("--updates", type=int, default=100, help="of nmt between validations")
    parser.add_argument("--pairs", type=int, default=0, help="train on the first ones; 0 is all")
    parser.add_argument("--valid-pairs", type=int, default=0, help="validate on the first ones")
    parser.add_argument("--vocabulary", type=int, default=8000, help="pieces")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processors", help="numbers such as 0,1; all that there are by default")
    parser.add_argument("--jobs", type=int, default=1, help="architectures at once")
    parser.add_argument("--systems", nargs="+", default=DEFAULT, choices=names, metavar="NAME")
    parser.add_argument("--only", choices=["ours", "joey"], help="train one side alone")
    parser.add_argument("--report", action="store_true", help="train nothing")
    options = parser.parse_args()
    options.only = {None: "", "ours": "nmt-", "joey": "joey-"}[options.only]
    if not options.report and not options.data.is_dir():
        parser.error(f"{options.data}: no such folder; give the Multi30k folder with --data")
    trains_joey = options.only != "nmt-" and not options.report
    if trains_joey and any(name.startswith("joey-") for name in options.systems):
        if options.joey_python is None:
            parser.error("give the Python that has joeynmt with --joey-python; see the file's top")
        if not options.joey_python.exists():
            parser.error(f"--joey-python {options.joey_python}: no such file")
    if options.updates % 10:
        parser.error("--updates must be a multiple of 10")
    if not 1 <= options.jobs <= len(processors_of(options)):
        parser.error("--jobs must be 1 to the number of processors")
    if options.minutes <= 0 or options.validations < 1:
        parser.error("--minutes and --validations must be positive")
    return options


def fix_conditions(options) -> None:
    """Keep to the conditions under which a folder was begun: results of others do not compare."""
    now = {name: getattr(options, name) for name in CONDITIONS}
    now["processors"] = ",".join(map(str, processors_of(options)))
    path = options.out / "conditions.json"
    if options.report:
        if not path.exists():
            sys.exit(f"{path}: not found; train first, or give the folder with --out")
        begun = json.loads(path.read_text())
    elif path.exists():
        begun = json.loads(path.read_text())
        other = [
            f"{name} {begun.get(name)}, not {now[name]}"
            for name in now
            if begun.get(name) != now[name]
        ]
        if other:
            sys.exit(
                f"{options.out}: begun with {'; '.join(other)}; choose another folder by --out"
            )
    else:
        begun = now
        options.out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(now, indent=1) + "\n")
    vars(options).update(begun)


def processors_of(options) -> list[int]:
    if options.processors:
        return [int(number) for number in options.processors.split(",")]
    return sorted(os.sched_getaffinity(0))


def prepare(options) -> Place:
    """Text of both sides in files that Joey NMT can name, and nmt's prepared data of it."""
    text, prepared = options.out / "text", options.out / "prepared"
    place = Place(
        text, prepared, options.source, options.target, options.minutes,
        options.minutes / options.validations, options.updates, options.seed,
        tuple(processors_of(options)),
    )  # fmt: skip
    if options.report:
        return place
    text.mkdir(exist_ok=True)
    counts = ("train", "train", options.pairs), ("val", "valid", options.valid_pairs)
    for split, name, count in counts:
        for side in place.sides:
            path = options.data / TOKENISED.format(split=split, side=side)
            lines = path.read_text(encoding="utf-8").split("\n")[:-1][: count or None]
            (text / f"{name}.{side}").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    files = {name: [text / f"{name}.{side}" for side in place.sides] for name in ("train", "valid")}
    command = [
        sys.executable, "-m", "nmtcli", "preprocess", "--train", *files["train"],
        "--valid", *files["valid"], "--out", prepared,
        "--set", f"subwords.vocabulary_size={options.vocabulary}",
    ]  # fmt: skip
    if subprocess.run([str(part) for part in command]).returncode:
        sys.exit("nmt preprocess failed")
    return place


if __name__ == "__main__":
    main()
