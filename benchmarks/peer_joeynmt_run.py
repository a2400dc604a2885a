"""Train with Joey NMT for a given time, validating at given moments. Runs in Joey NMT's own Python.

    PYTHON benchmarks/peer_joeynmt_run.py CONFIG RECORD MINUTES EVERY

Joey NMT counts updates, and a comparison over time needs seconds. So its training class is given a
clock, which stands still while it validates and saves. RECORD gets one JSON line for each
validation, and at the end one that says so. Nothing else of the training is changed.

Arguments:
    CONFIG: Joey NMT's YAML file, with a `validation_freq` that is never reached.
    RECORD: the file to write.
    MINUTES: of training, after which it validates once more and stops.
    EVERY: minutes of training between validations.
"""

import inspect
import json
import sys
import time

from joeynmt import __main__ as joeynmt_command
from joeynmt import builders, training


class TimedTraining(training.TrainManager):
    """Joey NMT's training with a clock.

    The clock starts with the first batch. Reading the data and building the model do not count.
    """

    record_path, budget, every = None, 0.0, 0.0  # seconds; set by main

    def train_and_validate(self, train_data, valid_data):
        """Train until the time is over; as if the user had pressed Ctrl-C, which it handles."""
        self._valid_data, self._due = valid_data, self.every
        self._scores, self._begun, self._paused = {}, None, 0.0
        with open(self.record_path, "w", encoding="utf-8") as self._record:
            super().train_and_validate(train_data, valid_data)
            if self.stats.is_min_lr or self._seconds() >= self.budget:  # and no real Ctrl-C
                parameters = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
                self._write(kind="done", seconds=self._seconds(), parameters=parameters)

    def _train_step(self, batch):
        if self._begun is None:
            self._begun = time.monotonic()
        seconds = self._seconds()
        if seconds >= min(self._due, self.budget):
            self._timed_validation(seconds)
            self._due += self.every
            if seconds >= self.budget:
                raise KeyboardInterrupt
        return super()._train_step(batch)

    def _timed_validation(self, seconds):
        begun = time.monotonic()
        self._validate(self._valid_data)
        took = time.monotonic() - begun
        self._paused += took
        tokens = self.stats.total_tokens
        self._write(
            kind="validation", seconds=seconds, took=took, tokens=int(tokens), **self._scores
        )

    def _add_report(self, valid_scores, new_best=False):
        self._scores = {name: float(score) for name, score in valid_scores.items()}
        super()._add_report(valid_scores, new_best)

    def _seconds(self):
        return time.monotonic() - self._begun - self._paused

    def _write(self, **values):
        self._record.write(json.dumps({"step": self.stats.steps, **values}) + "\n")
        self._record.flush()


def accept_verbose() -> None:
    """Joey NMT 2.3 gives the plateau schedule an argument that PyTorch has dropped since."""
    plateau = builders.ReduceLROnPlateau
    if "verbose" in inspect.signature(plateau).parameters:
        return

    class Plateau(plateau):
        def __init__(self, *arguments, verbose=False, **named):
            super().__init__(*arguments, **named)

    builders.ReduceLROnPlateau = Plateau


def main() -> None:
    config, TimedTraining.record_path, minutes, every = sys.argv[1:]
    TimedTraining.budget, TimedTraining.every = 60 * float(minutes), 60 * float(every)
    accept_verbose()
    training.TrainManager = TimedTraining
    sys.argv = ["joeynmt", "train", config, "--skip-test"]
    joeynmt_command.main()


if __name__ == "__main__":
    main()
