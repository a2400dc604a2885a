"""The trainings of the comparison with Joey NMT: each by its own command line."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

RUNNER = Path(__file__).with_name("peer_joeynmt_run.py")
LOG_EVERY = 10  # updates of nmt between lines of its record; what `Place.updates` is a multiple of


@dataclass(frozen=True)
class Place:
    """What all systems share.

    Attributes:
        text: folder with train.SIDE and valid.SIDE.
        prepared: of `nmt preprocess`.
        source, target: sides, such as en and de.
        minutes: of training.
        every: minutes of training between validations of Joey NMT.
        updates: between validations of nmt.
        seed: of each training.
        processors: that each training may use.
    """

    text: Path
    prepared: Path
    source: str
    target: str
    minutes: float
    every: float
    updates: int
    seed: int
    processors: tuple[int, ...]

    @property
    def sides(self) -> tuple[str, str]:
        return self.source, self.target


def shares_of(processors: tuple[int, ...], jobs: int) -> list[tuple[int, ...]]:
    """Processors of each of several jobs; what cannot be shared evenly stays idle."""
    each = len(processors) // jobs
    return [processors[n * each : (n + 1) * each] for n in range(jobs)]


def train_joey(python: Path, settings: dict, run: Path, place: Place) -> None:
    """Train Joey NMT into the folder `run`; its clock's record goes to `run`.jsonl."""
    vocabulary = _vocabulary_file(place.prepared)
    config = Path(f"{run}.yaml")
    config.write_text(yaml.safe_dump(joey_config(settings, run, place, vocabulary)), "utf-8")
    command = [python, RUNNER, config, f"{run}.jsonl", place.minutes, place.every]
    process = _start(command, run, place)
    _end(process, run, ok=process.wait() == 0)


def joey_config(settings: dict, run: Path, place: Place, vocabulary: Path) -> dict:
    """Joey NMT's configuration: `settings`' model and training, and what all systems share."""

    def side(name):
        return {
            "lang": name,
            "max_length": 200,
            "lowercase": False,
            "normalize": False,
            "level": "bpe",  # its name of all subwords
            "tokenizer_type": "sentencepiece",
            "voc_file": str(vocabulary),
            "tokenizer_cfg": {"model_file": str(place.prepared / "subwords.source.model")},
        }

    return {
        "name": run.name,
        "joeynmt_version": "2.3.0",
        "model_dir": str(run.absolute()),
        "use_cuda": False,
        "fp16": False,
        "random_seed": place.seed,
        "data": {
            "train": str(place.text / "train"),
            "dev": str(place.text / "valid"),
            "dataset_type": "plain",
            "src": side(place.source),
            "trg": side(place.target),
        },
        "testing": {
            "batch_size": 64,
            "batch_type": "sentence",
            "eval_metrics": ["bleu"],
            "sacrebleu_cfg": {"tokenize": "none"},
        },
        "training": {
            **settings["training"],
            "early_stopping_metric": "bleu",
            "epochs": 100_000,
            "validation_freq": 100_000_000,  # the runner validates by the clock
            "logging_freq": 100,
            "keep_best_ckpts": 1,
            "overwrite": True,
            "print_valid_sents": [0],
        },
        "model": settings["model"],
    }


def _vocabulary_file(prepared: Path) -> Path:
    """The pieces of nmt's SentencePiece model, a line each, as Joey NMT reads them."""
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_file=str(prepared / "subwords.source.model"))
    path = prepared.with_name("vocabulary.txt")
    path.write_text("".join(f"{model.id_to_piece(n)}\n" for n in range(len(model))), "utf-8")
    return path


def train_nmt(config: Path, run: Path, place: Place, seconds_of: Callable[[Path], float]) -> None:
    """`nmt train` into the folder `run`, until `seconds_of(run)` say that the time is over."""
    command = [
        sys.executable, "-m", "nmtcli", "train", "--data", place.prepared, "--run", run,
        "--config", config, "--seed", place.seed, "--epochs", 0, "--precision", "float32",
        "--set", "validation.tokenize=none", "--set", "validation.early_stopping=none",
        "--set", f"validation.every={place.updates}", "--set", f"training.log_every={LOG_EVERY}",
        "--set", f"training.save_every={place.updates}", "--set", "training.sample_translations=1",
    ]  # fmt: skip
    process = _start(command, run, place)
    is_over = False
    while process.poll() is None and not is_over:
        time.sleep(2)
        is_over = seconds_of(run) >= 60 * place.minutes
    if is_over and process.poll() is None:
        process.send_signal(signal.SIGTERM)  # it saves, and exits with 128 + 15
    status = process.wait()
    _end(process, run, ok=status == 0 or (is_over and status == 128 + signal.SIGTERM))
    (run / "peer-done").touch()


def _start(command: list, run: Path, place: Place) -> subprocess.Popen:
    """Start a command on the place's processors; what it says goes to `run`.log."""
    command = [str(part) for part in command]
    print("$", *command, file=sys.stderr, flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": str(len(place.processors))}
    with open(f"{run}.log", "ab") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, place.processors),
        )


def _end(process: subprocess.Popen, run: Path, ok: bool) -> None:
    if not ok:
        sys.exit(f"{run}: failed with status {process.returncode}; see {run}.log")
