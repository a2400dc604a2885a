"""The training loop: updates, progress, validation, checkpoints and recovery."""

import logging
import math
import time

from nmtcli.data.batching import make_arrays
from nmtcli.data.epochs import Epochs, subword_sampling
from nmtcli.errors import Interrupted, NmtError
from nmtcli.runs import checkpoints
from nmtcli.runs.atomic import write_atomically
from nmtcli.runs.metrics_log import Metrics
from nmtcli.training.early_stopping import NO_BETTER, record_validation
from nmtcli.training.events import Resumed, SampleTranslation, StepLogged, Validated
from nmtcli.training.interrupt import StopRequest
from nmtcli.training.micro_batches import describe_memory_backoff, run_with_memory_backoff
from nmtcli.training.schedule import learning_rate
from nmtcli.training.state import TrainerState
from nmtcli.training.validation import ValidationResult

logger = logging.getLogger(__name__)

SAMPLED = "sampled"  # the folder of epochs prepared in advance, inside the run's


class Trainer:
    """Trains a model in a run's folder, from its last checkpoint if there is one.

    Args:
        run: the `RunDirectory`.
        config: the whole `Config`.
        pairs: the token ids of the training data on disk.
        train_step: a `TrainStep`.
        validator: a `Validator`, or None.
        on_event: a function that is called with each event of `nmtcli.training.events`.
    """

    def __init__(self, run, config, pairs, train_step, validator, on_event):
        self.run, self.config, self.options = run, config, config.training
        self.train_step, self.validator = train_step, validator
        sampling = subword_sampling(config, (run.source_subwords, run.target_subwords))
        folder = run.path / SAMPLED
        self.epochs = Epochs(pairs, self.options.batch_tokens, self.options.seed, sampling, folder)
        self.on_event, self.state = on_event, TrainerState()
        self._plan_of: tuple[int, list] = (-1, [])

    def train(self) -> TrainerState:
        """Train until a limit, early stopping or a signal; return the state at the end.

        Raises:
            Interrupted: a signal came; the work so far is saved.
            NmtError: the loss was not finite again and again, or a checkpoint could not be written.
        """
        self._resume()
        self.metrics = Metrics(self.run.metrics, self.state.step)
        try:
            if not self._finished():
                self._forget_average()
            with StopRequest() as stop:
                while not self._finished():
                    self._one_update()
                    if stop.signal_number:
                        self._save()
                        raise Interrupted(
                            f"interrupted: saved at step {self.state.step}; the same command goes"
                            " on from there",
                            stop.signal_number,
                        )
                if self._last_saved != self.state.step:
                    self._checkpoint(validated=True)
        finally:
            self.epochs.close()
            self.metrics.close()
        return self.state

    # -- one update --------------------------------------------------------------------------

    def _one_update(self):
        state, begun = self.state, time.monotonic()
        plan = self._plan()
        batches = plan[state.batch : state.batch + self.options.accumulate]
        step = state.step + 1
        rate = self._learning_rate(step)
        result = self._update(batches, rate, step)
        if not result.finite:
            self._recover(step, rate, result, batches)
            return
        state.step = step
        state.advance(len(batches), len(plan))
        self._count(result, time.monotonic() - begun)
        if step % self.options.log_every == 0:
            self._log_step(rate, result.gradient_norm, len(plan))
        due = self.validator is not None and step % self.config.validation.every == 0
        if due or step % self.options.save_every == 0:
            self._checkpoint(validated=due)

    def _update(self, batches, rate, step):
        """Run an update; if memory is not enough, use smaller micro-batches."""
        before = self.state.micro_batches_per_batch
        result, count = run_with_memory_backoff(
            lambda micro: self.train_step([self._arrays(batch) for batch in micro], rate, step),
            batches,
            before,
        )
        if count > before:
            logger.warning(f"step {step}: {describe_memory_backoff(self.options, count)}")
        self.state.micro_batches_per_batch = count
        return result

    def _arrays(self, batch):
        pairs = self.epochs.pairs(self.state.epoch)
        return make_arrays(pairs, batch, with_alignment=self.options.guided_alignment > 0)

    def _plan(self):
        epoch = self.state.epoch
        if self._plan_of[0] != epoch:
            self._plan_of = epoch, self.epochs.plan(epoch)
        return self._plan_of[1]

    def _learning_rate(self, step):
        options = self.options
        updates = -(-len(self._plan()) // options.accumulate)  # in an epoch
        total = options.max_steps or options.max_epochs * updates
        scale = self.state.rate_scale * self.state.plateau_scale
        return scale * learning_rate(
            step,
            highest=options.learning_rate,
            warmup=options.warmup_steps,
            schedule=options.schedule,
            total=total,
        )

    def _count(self, result, seconds):
        state = self.state
        state.loss += result.loss
        state.nll += result.nll
        state.tokens += result.tokens
        state.total_tokens += result.tokens
        state.seconds += seconds
        state.rate_seconds += seconds

    def _log_step(self, rate, norm, batches):
        state = self.state
        measured = {
            "epoch": round(state.epoch + state.batch / batches, 3),
            "loss": state.loss / state.tokens,
            "perplexity": math.exp(min(state.nll / state.tokens, 700.0)),
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens_per_second": state.tokens / max(state.rate_seconds, 1e-9),
            "seconds": state.seconds,
            "tokens": state.total_tokens,
        }
        self.metrics.write("train", state.step, **measured)
        left = state.seconds_left(self.options, batches)
        self.on_event(StepLogged(step=state.step, seconds_left=left, **measured))
        state.reset_sums()

    # -- validation and checkpoints ----------------------------------------------------------

    def _checkpoint(self, validated: bool):
        """Validate if it is due, then save, so that a resumed run need not validate again."""
        is_best = validated and self.validator is not None and self._validate()
        self._save()
        if is_best:
            checkpoints.point(self.run.checkpoints, "best", self.state.step)
        checkpoints.prune(self.run.checkpoints, self.options.keep_checkpoints)

    def _validate(self) -> bool:
        """Score the model; return whether it is the best so far."""
        state, begun = self.state, time.monotonic()
        result = self.validator(self.train_step.weights())
        state.seconds += time.monotonic() - begun
        scores = result.scores()
        is_best = record_validation(state, scores, self.options, self.config.validation)
        times = {"epoch": state.epoch, "seconds": state.seconds, "tokens": state.total_tokens}
        self.metrics.write("validation", state.step, **times, **scores)
        self.on_event(Validated(state.step, result, is_best, self._samples(result)))
        return is_best

    def _samples(self, result: ValidationResult) -> list[SampleTranslation]:
        """Write the translations to a file; return some of them."""
        translations = result.translations
        if not translations:
            return []
        text = "".join(line + "\n" for line in translations)
        write_atomically(self.run.samples / f"step-{self.state.step}.txt", text)
        count = min(self.options.sample_translations, len(translations))
        chosen = [n * len(translations) // count for n in range(count)]
        sides = self.validator.sources, self.validator.references, translations
        return [SampleTranslation(*(side[n] for side in sides)) for n in chosen]

    def _save(self):
        self.metrics.sync()  # after a loss of power, no line before the checkpoint may be missing
        state = self.state.as_dict()
        checkpoints.save(self.run.checkpoints, self.state.step, self.train_step.arrays(), state)
        self._last_saved = self.state.step

    def _resume(self):
        self._last_saved = -1
        if not checkpoints.steps(self.run.checkpoints):
            return
        step, arrays, state = checkpoints.load(self.run.checkpoints, groups=self.train_step.groups)
        self.train_step.set_arrays(arrays)
        self.state = TrainerState.from_dict(state)
        self._last_saved = step
        self._finish_checkpoint()
        self.on_event(Resumed(step, self.state.finished))

    def _finish_checkpoint(self):
        """Do what `_checkpoint` does after the save, in case the training was killed there."""
        folder, state = self.run.checkpoints, self.state
        best = checkpoints.target(folder, "best")
        is_there = state.best_step in checkpoints.steps(folder)
        if is_there and best != f"step-{state.best_step}" and not checkpoints.is_average(best):
            checkpoints.point(folder, "best", state.best_step)
        if state.step == checkpoints.steps(folder)[-1]:
            checkpoints.prune(folder, self.options.keep_checkpoints)

    def _forget_average(self):
        """Point `best` to a step again. An average may be `best` at the end of a training, but a
        resumed training compares its validations with the best step."""
        if checkpoints.is_average(checkpoints.target(self.run.checkpoints, "best")):
            checkpoints.point(self.run.checkpoints, "best", self.state.best_step)

    # -- the ends ----------------------------------------------------------------------------

    def _finished(self) -> bool:
        state = self.state
        if not state.finished.startswith(NO_BETTER):  # the limit may have changed since
            state.finished = state.limit_reached(self.options)
        return bool(state.finished)

    def _recover(self, step, rate, result, batches):
        """Return to the last good checkpoint with half the learning rate; finally give up."""
        pairs = sorted(int(n) + 1 for batch in batches for n in batch.pairs)
        lines = ", ".join(str(n) for n in pairs[:5])
        what = (
            f"step {step}: the loss is {result.loss:g} and the gradient's norm"
            f" {result.gradient_norm:g} at learning rate {rate:.2g}; the batch holds the kept"
            f" training pairs {lines}{' ...' if len(pairs) > 5 else ''}"
        )
        scale, recoveries = self.state.rate_scale / 2, self.state.recoveries + 1
        micro_batches = self.state.micro_batches_per_batch
        if recoveries > self.options.recoveries:
            raise NmtError(
                f"{what}. Gave up after {recoveries - 1} recoveries: lower"
                " training.learning_rate, or use training.precision=float32"
            )
        if checkpoints.steps(self.run.checkpoints):
            logger.warning(f"{what}. Going back at half the rate")
            self._resume()
        else:
            logger.warning(f"{what}. Left out; going on at half the rate")
            self.state.advance(len(batches), len(self._plan()))
        self.state.rate_scale, self.state.recoveries = scale, recoveries
        self.state.micro_batches_per_batch = micro_batches
