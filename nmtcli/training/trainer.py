"""The training loop: updates, progress, validation, checkpoints, recovery."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from nmtcli.data.batching import make_arrays
from nmtcli.data.epochs import Epochs, subword_sampling
from nmtcli.errors import Interrupted, NmtError
from nmtcli.runs import checkpoints
from nmtcli.runs.atomic import write_atomically
from nmtcli.training.early_stopping import NO_BETTER, judge
from nmtcli.training.interrupt import StopRequest
from nmtcli.training.micro_batches import compute_in_parts, describe_halvings
from nmtcli.training.schedule import learning_rate
from nmtcli.training.state import Progress

SAMPLED = "sampled"  # folder of the epochs that are made ahead, in the run's


@dataclass
class Event:
    """Something to tell the user: `kind` is train, validation, saved, warning or done."""

    kind: str
    values: dict = field(default_factory=dict)


class Training:
    """Trains a model in a run's folder, from its last checkpoint if there is one.

    Args:
        run: the `RunDirectory`.
        config: the whole `Config`.
        pairs: training ids on disk.
        update: a `TrainStep`.
        validate: a `Validator`, or None.
        metrics: function (step) -> `Metrics`.
        tell: called with an `Event`.
    """

    def __init__(self, run, config, pairs, update, validate, metrics, tell):
        self.run, self.config, self.limits = run, config, config.training
        self.update, self.validate = update, validate
        sampling = subword_sampling(config, (run.source_subwords, run.target_subwords))
        folder = run.path / SAMPLED
        self.epochs = Epochs(pairs, self.limits.batch_tokens, self.limits.seed, sampling, folder)
        self.open_metrics, self.tell = metrics, tell
        self.progress = Progress()
        self._plan_of: tuple[int, list] = (-1, [])

    def __call__(self) -> Progress:
        """Train until a limit, early stopping or a signal; returns where it stands.

        Raises:
            Interrupted: a signal came; the work so far is saved.
            NmtError: the loss stayed not finite, or a checkpoint could not be written.
        """
        self._resume()
        self.metrics = self.open_metrics(self.progress.step)
        try:
            if not self._finished():
                self._forget_average()
            with StopRequest(self._tell_stopping) as stop:
                while not self._finished():
                    self._one_update()
                    if stop.signal_number:
                        self._stop(stop.signal_number)
                if self._last_saved != self.progress.step:
                    self._checkpoint(validated=True)
        finally:
            self.epochs.close()
            self.metrics.close()
        return self.progress

    # -- one update --------------------------------------------------------------------------

    def _one_update(self):
        progress, begun = self.progress, time.monotonic()
        plan = self._plan()
        batches = plan[progress.batch : progress.batch + self.limits.accumulate]
        step = progress.step + 1
        rate = self._rate(step)
        result = self._updated(batches, rate, step)
        if not result.finite:
            self._recover(step, rate, result, batches)
            return
        progress.step = step
        progress.advance(len(batches), len(plan))
        self._count(result, time.monotonic() - begun)
        if step % self.limits.log_every == 0:
            self._report(rate, result.gradient_norm, len(plan))
        due = self.validate is not None and step % self.config.validation.every == 0
        if due or step % self.limits.save_every == 0:
            self._checkpoint(validated=due)

    def _updated(self, batches, rate, step):
        """The result of an update; where memory is not enough, in smaller parts from now on."""
        before = self.progress.halvings
        result, self.progress.halvings = compute_in_parts(
            lambda parts: self.update([self._arrays(part) for part in parts], rate, step),
            batches,
            before,
        )
        if self.progress.halvings > before:
            text = f"step {step}: {describe_halvings(self.limits, self.progress.halvings)}"
            self.tell(Event("warning", {"text": text}))
        return result

    def _arrays(self, batch):
        pairs = self.epochs.pairs(self.progress.epoch)
        return make_arrays(pairs, batch, with_alignment=self.limits.guided_alignment > 0)

    def _plan(self):
        epoch = self.progress.epoch
        if self._plan_of[0] != epoch:
            self._plan_of = epoch, self.epochs.plan(epoch)
        return self._plan_of[1]

    def _rate(self, step):
        limits = self.limits
        updates = -(-len(self._plan()) // limits.accumulate)  # in an epoch
        total = limits.max_steps or limits.max_epochs * updates
        scale = self.progress.rate_scale * self.progress.plateau_scale
        return scale * learning_rate(
            step,
            highest=limits.learning_rate,
            warmup=limits.warmup_steps,
            schedule=limits.schedule,
            total=total,
        )

    def _count(self, result, seconds):
        progress = self.progress
        progress.loss += result.loss
        progress.nll += result.nll
        progress.tokens += result.tokens
        progress.total_tokens += result.tokens
        progress.seconds += seconds
        progress.rate_seconds += seconds

    def _report(self, rate, norm, batches):
        p = self.progress
        values = {
            "epoch": round(p.epoch + p.batch / batches, 3),
            "loss": p.loss / p.tokens,
            "perplexity": math.exp(min(p.nll / p.tokens, 700.0)),
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens_per_second": p.tokens / max(p.rate_seconds, 1e-9),
            "seconds": p.seconds,
            "tokens": p.total_tokens,
        }
        self.metrics.write("train", p.step, **values)
        left = p.seconds_left(self.limits, batches)
        self.tell(Event("train", {"step": p.step, "left": left, **values}))
        p.reset_sums()

    # -- validation and checkpoints ----------------------------------------------------------

    def _checkpoint(self, validated: bool):
        """Validate where it is due, then save, so that a resumed run need not validate again."""
        is_best = validated and self.validate is not None and self._validate()
        self._save()
        if is_best:
            checkpoints.point(self.run.checkpoints, "best", self.progress.step)
        checkpoints.prune(self.run.checkpoints, self.limits.keep_checkpoints)

    def _validate(self) -> bool:
        """Score the model; returns whether it is the best so far."""
        p, begun = self.progress, time.monotonic()
        found = self.validate(self.update.weights())
        translations = found.pop("translations")
        p.seconds += time.monotonic() - begun
        is_best = judge(p, found, self.limits, self.config.validation)
        times = {"epoch": p.epoch, "seconds": p.seconds, "tokens": p.total_tokens}
        self.metrics.write("validation", p.step, **times, **found)
        shown = self._samples(translations)
        self.tell(Event("validation", {"step": p.step, "best": is_best, "samples": shown, **found}))
        return is_best

    def _samples(self, translations):
        if not translations:
            return []
        text = "".join(line + "\n" for line in translations)
        write_atomically(Path(self.run.samples) / f"step-{self.progress.step}.txt", text)
        count = min(self.limits.sample_translations, len(translations))
        chosen = [n * len(translations) // count for n in range(count)]
        sides = self.validate.sources, self.validate.references, translations
        return [tuple(side[n] for side in sides) for n in chosen]

    def _save(self):
        state = self.progress.as_dict()
        checkpoints.save(self.run.checkpoints, self.progress.step, self.update.arrays(), state)
        self._last_saved = self.progress.step

    def _resume(self):
        self._last_saved = -1
        if not checkpoints.steps(self.run.checkpoints):
            return
        step, arrays, state = checkpoints.load(
            self.run.checkpoints,
            groups=self.update.groups,
        )
        self.update.set_arrays(arrays)
        self.progress = Progress.from_dict(state)
        self._last_saved = step
        self.tell(Event("resumed", {"step": step, "finished": self.progress.finished}))

    def _forget_average(self):
        """An average may be `best` at the end of a training, but not while it goes on: the best
        validation is what the next ones are compared with."""
        name = checkpoints.target(self.run.checkpoints, "best")
        if name in checkpoints.averages(self.run.checkpoints):
            checkpoints.point(self.run.checkpoints, "best", self.progress.best_step)

    # -- the ends ----------------------------------------------------------------------------

    def _finished(self) -> bool:
        p = self.progress
        p.finished = p.finished if p.finished.startswith(NO_BETTER) else ""
        reason = p.finished or p.limit_reached(self.limits)
        if reason:
            p.finished = reason
        return bool(reason)

    def _stop(self, number):
        self._save()
        raise Interrupted(
            f"interrupted: saved at step {self.progress.step}; the same command goes on from there",
            number,
        )

    def _tell_stopping(self, number):
        text = "stopping after this step and saving; once more to stop at once"
        self.tell(Event("warning", {"text": text}))

    def _recover(self, step, rate, result, batches):
        """Go back to the last good checkpoint at half the learning rate, but not for ever."""
        pairs = sorted(int(n) + 1 for batch in batches for n in batch.pairs)
        lines = ", ".join(str(n) for n in pairs[:5])
        what = (
            f"step {step}: the loss is {result.loss:g} and the gradient's norm"
            f" {result.gradient_norm:g} at learning rate {rate:.2g}; the batch holds the kept"
            f" training pairs {lines}{' ...' if len(pairs) > 5 else ''}"
        )
        scale, recoveries = self.progress.rate_scale / 2, self.progress.recoveries + 1
        halvings = self.progress.halvings
        if recoveries > self.limits.recoveries:
            raise NmtError(
                f"{what}. Gave up after {recoveries - 1} recoveries: lower"
                " training.learning_rate, or use training.precision=float32"
            )
        if checkpoints.steps(self.run.checkpoints):
            self.tell(Event("warning", {"text": f"{what}. Going back at half the rate"}))
            self._resume()
        else:
            self.tell(Event("warning", {"text": f"{what}. Left out; going on at half the rate"}))
            self.progress.advance(len(batches), len(self._plan()))
        self.progress.rate_scale, self.progress.recoveries = scale, recoveries
        self.progress.halvings = halvings
