"""One update: loss, gradient, clipping, Adam. The same numbers on TensorFlow and JAX.

Everything random is a function of (seed, step), so a resumed training repeats it exactly.
"""

from dataclasses import dataclass

import keras
import numpy as np

from nmtcli.data.arrays import Arrays
from nmtcli.models.weights import arrays_of, optimizer_arrays, set_arrays, set_optimizer_arrays
from nmtcli.text.special_tokens import PAD_ID
from nmtcli.training.objective import Objective
from nmtcli.training.update import Numbers, make_update
from nmtcli.training.word_dropout import drop_words

DRAWS = 1024  # of dropout in one pass, at most
PARTS = 0x9E3779B1  # an odd number: the seeds of an update's batches are all different


@dataclass(frozen=True)
class StepResult:
    """loss and nll: sums over the batch; tokens: real targets; gradient_norm: before clipping."""

    loss: float
    nll: float
    tokens: int
    gradient_norm: float

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient_norm))


class TrainStep:
    """A compiled update of a model. An update whose gradient is not finite changes nothing.

    Args:
        model: its `decode` and `output_layer` are what is trained; it draws its dropout from
            `model.dropout_seed`. Weights that are not trainable stay.
        optimizer: a Keras optimizer; if it has a decay of weights, that is of matrices alone.
        smoothing: of the labels.
        clip_norm: largest norm of the whole gradient; 0 is none.
        seed: of dropout.
        coverage_weight: of the coverage loss, for a model with coverage.
        coverage_from, r_drop, guided_until: see `Objective`.
        guided_alignment: weight of the guided alignment; the arrays must have one then.
        word_dropout: rates of source and decoder inputs.
        average_decay: of the exponential average of the weights, which is kept beside them; 0 is
            none. At update t it is (1 + t) / (10 + t) where that is less, so that the first
            weights, which mean nothing, are soon forgotten.
    """

    def __init__(
        self, model, optimizer, *, smoothing, clip_norm, seed, coverage_weight=0.0, coverage_from=0,
        r_drop=0.0, guided_alignment=0.0, guided_until=0, word_dropout=(0.0, 0.0),
        average_decay=0.0,
    ):  # fmt: skip
        self.model, self.optimizer, self.seed = model, optimizer, seed
        self.word_dropout, self.average_decay = word_dropout, average_decay
        self.objective = Objective(
            smoothing=smoothing,
            coverage=coverage_weight if model.mechanism.coverage else 0.0,
            coverage_from=coverage_from,
            r_drop=r_drop,
            guided=guided_alignment,
            guided_until=guided_until,
        )
        trained = model.trainable_variables
        if optimizer.weight_decay:
            optimizer.exclude_from_weight_decay([v for v in trained if len(v.shape) < 2])
        optimizer.build(trained)
        self._averages = [
            keras.Variable(np.asarray(v.value), trainable=False, name="average", dtype=v.dtype)
            for v in (trained if average_decay else ())
        ]
        self._update = make_update(model, optimizer, self.objective, clip_norm, self._averages)

    def __call__(self, arrays, learning_rate, step) -> StepResult:
        """Update at number `step`.

        Args:
            arrays: `Arrays`; or a list of them, whose gradients are added up to that of one batch
                with all of their sentences.
            learning_rate: of this update.
            step: from 1.
        """
        batches = [arrays] if isinstance(arrays, Arrays) else list(arrays)
        tokens = sum(int(np.count_nonzero(batch.targets != PAD_ID)) for batch in batches)
        self.optimizer.learning_rate = learning_rate
        decay = min(self.average_decay, (1 + step) / (10 + step))
        numbers = Numbers(*map(np.float32, (*self.objective.weights_at(step), decay)))
        if len(batches) == 1:
            loss, nll, norm = self._update.whole(self._inputs(batches[0], step, 0), numbers)
            return StepResult(float(loss), float(nll), tokens, float(norm))
        self._update.begin()
        found = []
        for part, batch in enumerate(batches):
            loss, nll = self._update.add(self._inputs(batch, step, part), numbers)
            found.append((float(loss), float(nll)))
        loss, nll = np.sum(found, axis=0)
        norm = self._update.apply(np.float32(max(tokens, 1)), np.float32(loss), numbers)
        return StepResult(float(loss), float(nll), tokens, float(norm))

    def _inputs(self, arrays, step, part):
        """What the model shall see of batch `part` of update `step`; sets dropout's randomness."""
        seed = (self.seed + PARTS * part) % 2**32
        self.model.dropout_seed.state.assign(np.array([seed, step * DRAWS % 2**32], "uint32"))
        inputs = [arrays.source_ids, arrays.decoder_inputs, arrays.targets]
        if self.objective.guided:
            inputs.append(arrays.alignment)
        if self.objective.r_drop:
            inputs = [np.concatenate([array, array]) for array in inputs]
        if any(self.word_dropout):
            generator = np.random.default_rng((self.seed, step, part))
            for side, rate in enumerate(self.word_dropout):
                inputs[side] = drop_words(inputs[side], rate, generator)
        return tuple(inputs)

    # -- what a checkpoint holds -----------------------------------------------------------------

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of what `arrays` gives."""
        return ("model", "optimizer", *(["training"] if self._averages else []))

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """All that a training goes on from, by group and name.

        `model` are the weights to translate with: with an average that is what they are, and
        `training` are the weights that it is an average of.
        """
        weights, slots = arrays_of(self.model), optimizer_arrays(self.optimizer)
        if not self._averages:
            return {"model": weights, "optimizer": slots}
        return {"model": self._averaged(weights), "optimizer": slots, "training": weights}

    def set_arrays(self, arrays) -> None:
        """Go on from what `arrays` gave.

        Raises:
            NmtError: they are of another model.
        """
        set_arrays(self.model, arrays["training" if self._averages else "model"])
        set_optimizer_arrays(self.optimizer, arrays["optimizer"])
        for average, variable in zip(self._averages, self.model.trainable_variables):
            average.assign(arrays["model"][variable.path])

    def weights(self) -> dict[str, np.ndarray]:
        """The weights to translate with, by name: the averaged ones, where there is an average."""
        return self._averaged(arrays_of(self.model))

    def _averaged(self, weights):
        trained = zip(self.model.trainable_variables, self._averages)
        return {**weights, **{v.path: np.asarray(average.value) for v, average in trained}}


def make_train_step(model, options) -> TrainStep:
    """The update that the `training` section asks for; `options` is a `TrainingConfig`."""
    return TrainStep(
        model,
        make_optimizer(options),
        smoothing=options.label_smoothing,
        clip_norm=options.clip_norm,
        seed=options.seed,
        coverage_weight=options.coverage_loss,
        coverage_from=options.coverage_from,
        r_drop=options.r_drop,
        guided_alignment=options.guided_alignment,
        guided_until=options.guided_until,
        word_dropout=(options.source_word_dropout, options.target_word_dropout),
        average_decay=options.average_decay,
    )


def make_optimizer(options):
    """Adam (Kingma and Ba, 2015, arXiv:1412.6980) as the `training` section asks for it.

    With `weight_decay` it is AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101, algorithm 2), in
    which a matrix also loses learning rate times decay of itself; vectors, which are biases and
    scales, keep theirs.
    """
    return keras.optimizers.Adam(
        learning_rate=options.learning_rate,
        beta_1=options.adam_beta_1,
        beta_2=options.adam_beta_2,
        epsilon=1e-8,
        weight_decay=options.weight_decay or None,
    )
