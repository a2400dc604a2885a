"""The training loop: updates, progress, validation, checkpoints, recovery."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from nmtcli import checkpoint
from nmtcli.batches.feed import make_arrays
from nmtcli.batches.plan import plan_epoch
from nmtcli.errors import Interrupted, NmtError
from nmtcli.models.weights import (
    arrays_of,
    optimizer_arrays,
    set_arrays,
    set_optimizer_arrays,
)
from nmtcli.run_directory import write_atomically
from nmtcli.training.interrupt import StopRequest
from nmtcli.training.progress import Progress
from nmtcli.training.schedule import learning_rate


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
        self.pairs, self.update, self.validate = pairs, update, validate
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
            with StopRequest(self._tell_stopping) as stop:
                while not self._finished():
                    self._one_update()
                    if stop.signal_number:
                        self._stop(stop.signal_number)
                if self._last_saved != self.progress.step:
                    self._checkpoint(validated=True)
        finally:
            self.metrics.close()
        return self.progress

    # -- one update --------------------------------------------------------------------------

    def _one_update(self):
        progress, begun = self.progress, time.monotonic()
        plan = self._plan()
        batch = plan[progress.batch]
        step = progress.step + 1
        rate = self._rate(step)
        result = self.update(make_arrays(self.pairs, batch), rate, step)
        if not result.finite:
            self._recover(step, rate, result, batch)
            return
        progress.step = step
        progress.batch += 1
        if progress.batch == len(plan):
            progress.epoch, progress.batch = progress.epoch + 1, 0
        self._count(result, time.monotonic() - begun)
        if step % self.limits.log_every == 0:
            self._report(rate, result.gradient_norm, len(plan))
        due = self.validate is not None and step % self.config.validation.every == 0
        if due or step % self.limits.save_every == 0:
            self._checkpoint(validated=due)

    def _plan(self):
        epoch = self.progress.epoch
        if self._plan_of[0] != epoch:
            lengths = self.pairs.source_lengths, self.pairs.target_lengths
            self._plan_of = (
                epoch,
                plan_epoch(*lengths, self.limits.batch_tokens, self.limits.seed, epoch),
            )
        return self._plan_of[1]

    def _rate(self, step):
        limits = self.limits
        total = limits.max_steps or limits.max_epochs * len(self._plan())
        return self.progress.rate_scale * learning_rate(
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
            checkpoint.point(self.run.checkpoints, "best", self.progress.step)
        checkpoint.prune(self.run.checkpoints, self.limits.keep_checkpoints)

    def _validate(self) -> bool:
        """Score the model; returns whether it is the best so far."""
        p, begun = self.progress, time.monotonic()
        found = self.validate(self.update.model)
        translations = found.pop("translations")
        p.seconds += time.monotonic() - begun
        decider = self.config.validation.early_stopping
        name = "perplexity" if decider == "perplexity" or "bleu" not in found else "bleu"
        doubt = -(found["perplexity"] or math.inf)  # decides between equal BLEU
        value = [found["bleu"], doubt] if name == "bleu" else [doubt]
        is_best = p.best is None or value > p.best
        p.waited = 0 if is_best else p.waited + 1
        if is_best:
            p.best, p.best_step = value, p.step
        if decider != "none" and p.waited >= self.config.validation.patience:
            p.finished = f"no better {name} in {p.waited} validations"
        self.metrics.write("validation", p.step, epoch=p.epoch, seconds=p.seconds, **found)
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
        arrays = {
            "model": arrays_of(self.update.model),
            "optimizer": optimizer_arrays(self.update.optimizer),
        }
        checkpoint.save(self.run.checkpoints, self.progress.step, arrays, self.progress.as_dict())
        self._last_saved = self.progress.step

    def _resume(self):
        self._last_saved = -1
        if not checkpoint.steps(self.run.checkpoints):
            return
        step, arrays, state = checkpoint.load(
            self.run.checkpoints,
            groups=("model", "optimizer"),
            on_warning=lambda line: self.tell(Event("warning", {"text": line})),
        )
        set_arrays(self.update.model, arrays["model"])
        set_optimizer_arrays(self.update.optimizer, arrays["optimizer"])
        self.progress = Progress.from_dict(state)
        self._last_saved = step
        self.tell(Event("resumed", {"step": step, "finished": self.progress.finished}))

    # -- the ends ----------------------------------------------------------------------------

    def _finished(self) -> bool:
        p = self.progress
        p.finished = p.finished if p.finished.startswith("no better") else ""
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

    def _recover(self, step, rate, result, batch):
        """Go back to the last good checkpoint at half the learning rate, but not for ever."""
        lines = ", ".join(str(int(n) + 1) for n in sorted(batch.pairs)[:5])
        what = (
            f"step {step}: the loss is {result.loss:g} and the gradient's norm"
            f" {result.gradient_norm:g} at learning rate {rate:.2g}; the batch holds the kept"
            f" training pairs {lines}{' ...' if len(batch.pairs) > 5 else ''}"
        )
        scale, recoveries = self.progress.rate_scale / 2, self.progress.recoveries + 1
        if recoveries > self.limits.recoveries:
            raise NmtError(
                f"{what}. Gave up after {recoveries - 1} recoveries: lower"
                " training.learning_rate, or use training.precision=float32"
            )
        if checkpoint.steps(self.run.checkpoints):
            self.tell(Event("warning", {"text": f"{what}. Going back at half the rate"}))
            self._resume()
        else:
            self.tell(Event("warning", {"text": f"{what}. Left out; going on at half the rate"}))
            self.progress.batch = (self.progress.batch + 1) % len(self._plan())
        self.progress.rate_scale, self.progress.recoveries = scale, recoveries
