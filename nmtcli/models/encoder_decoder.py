"""The base class of both models, with the embeddings, the output layer and scoring.

Letters: B batch, S source, T target, W hypotheses of a sentence, E embedding, R readout (E in a
Transformer), V vocabulary.
"""

import contextlib
import dataclasses
import random

import keras
import numpy as np
from keras import ops

from nmtcli import backend
from nmtcli.config import ModelConfig, mechanism_of
from nmtcli.decoding.scoring import Scoring
from nmtcli.layers.checks import check_positive
from nmtcli.layers.dense import affine
from nmtcli.layers.dropout import Dropout
from nmtcli.models.beam_search import best_translations, run_beam
from nmtcli.models.cross_entropy import MaskedCrossEntropy
from nmtcli.text.special_tokens import PAD_ID


class EncoderDecoder(keras.Model):
    """The base class of the models. Embeddings and output layer may share one matrix.

    Embeddings are multiplied by the square root of their size, so that a shared matrix starts at a
    good scale for both uses: Vaswani et al. (2017), arXiv:1706.03762, section 3.4.

    A model defines its layers in `add_layers`, and `encode` and `decode` for training (a call runs
    both); for decoding it defines `start`, `decode_step` and `reorder`.

    It is a `keras.Model`: `compile`, `fit` on `((source_ids, decoder_inputs), targets)`, `save` and
    `keras.saving.load_model` work. A model is built when it is made, and this leaves the global
    random generators as they were.

    Args:
        config: the `model` section; `config`, `mechanism` and the sizes become attributes.
        source_vocabulary_size, target_vocabulary_size: V of each side.
        seed: seed of the initial weights and of dropout.
        dtype: a Keras policy, such as `float32` or `mixed_bfloat16`.

    Call arguments:
        inputs: a pair: source_ids, (B, S), padded with PAD; and decoder_inputs, (B, T), of which
            each row begins with BOS.
        training: whether dropout acts.
        with_weights: whether to return the attention weights too.

    Returns:
        logits: (B, T, V) in the compute type. With `with_weights`, a pair: the logits, and the
            attention weights that predicted each target token, float32, (B, T, S).

    Raises:
        ValueError: the sizes, the mechanism or the shared embeddings do not fit together.
    """

    cache_capacity = None  # how many positions a state has places for at first; None: any number

    def __init__(
        self, config: ModelConfig, source_vocabulary_size, target_vocabulary_size, *, seed=1,
        dtype="float32",
    ):  # fmt: skip
        super().__init__(name="translator", dtype=dtype)
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA compiles each length anew
        self.config, self.mechanism = config, mechanism_of(config)
        self.source_vocabulary_size = source_vocabulary_size
        self.target_vocabulary_size = target_vocabulary_size
        self.seed = seed
        self.dropout_seed = keras.random.SeedGenerator(seed)
        self.embedding_dropout = Dropout(config.embedding_dropout_rate, self.dropout_seed)
        with _seeded_initializers(seed):
            self.add_layers()
        self.built = True
        self._searches = {}

    def add_layers(self):
        """Add and build all layers and weights.

        Raises:
            ValueError: the sizes do not fit together.
        """

    def add_embeddings(self):
        """Add the embeddings, (V, E).

        Raises:
            ValueError: source and target cannot share one matrix.
        """
        tied, size = self.config.tied_embeddings, self.config.embedding_size
        if tied == "all" and self.source_vocabulary_size != self.target_vocabulary_size:
            raise ValueError("Embeddings shared by both sides need one joint vocabulary.")
        normal = keras.initializers.RandomNormal(stddev=size**-0.5)

        def table(name, vocabulary):
            return self.add_weight(name=name, shape=(vocabulary, size), initializer=normal)

        self.target_embedding = table("target_embedding", self.target_vocabulary_size)
        self.source_embedding = self.target_embedding
        if tied != "all":
            self.source_embedding = table("source_embedding", self.source_vocabulary_size)

    def add_output(self, size, initializer):
        """Add the output layer; if tied, its matrix (R, V) is the target embedding."""
        self.output_kernel, vocabulary = None, self.target_vocabulary_size
        if self.config.tied_embeddings == "none":
            self.output_kernel = self.add_weight(
                name="output_kernel", shape=(size, vocabulary), initializer=initializer
            )
        self.output_bias = self.add_weight(
            name="output_bias", shape=(vocabulary,), initializer="zeros"
        )

    def embed(self, table, ids):
        """Look up the embeddings of ids: (B, T) -> (B, T, E), in the type of the weights."""
        return ops.take(table, ids, axis=0) * float(table.shape[-1]) ** 0.5

    def call(self, inputs, training=False, with_weights=False):
        source_ids, decoder_inputs = (ops.cast(ids, "int32") for ids in inputs)
        hidden, weights = self.decode(source_ids, decoder_inputs, training)
        logits = self.logits(hidden)
        return (logits, weights) if with_weights else logits

    def output_layer(self):
        """Return the matrix (R, V) and the bias (V,) of the output layer."""
        kernel = self.output_kernel
        if kernel is None:
            kernel = ops.transpose(self.target_embedding)
        return ops.convert_to_tensor(kernel), ops.convert_to_tensor(self.output_bias)

    def output_columns(self, pieces):
        """Return the output layer for some token ids, int (U,): matrix (R, U) and bias (U,)."""
        if self.output_kernel is None:
            kernel = ops.transpose(ops.take(self.target_embedding, pieces, axis=0))
        else:
            kernel = ops.take(self.output_kernel, pieces, axis=1)
        return kernel, ops.take(self.output_bias, pieces, axis=0)

    def step(self, state, previous_ids):
        """Predict one target position for the W hypotheses of each sentence.

        Args:
            state: from `start` (for one hypothesis), from the previous step or from `reorder`.
            previous_ids: (B, W), BOS at the first step.

        Returns:
            logits: (B, W, V), attention: float32, (B, W, S), and the next state.
        """
        hidden, attention, state = self.decode_step(state, previous_ids)
        return self.logits(hidden), attention, state

    def logits(self, hidden):
        """Apply the output layer: (..., R) -> (..., V)."""
        return affine(hidden, *self.output_layer())

    def score_targets(self, source_ids, decoder_inputs, target_ids):
        """Compute the log-probabilities of given targets.

        Args:
            source_ids, decoder_inputs: as in a call.
            target_ids: (B, T), padded with PAD.

        Returns:
            log p(target), float32, (B, T), 0 at PAD; and the attention weights, as in a call.
        """
        logits, attention = self((source_ids, decoder_inputs), with_weights=True)
        logits = ops.cast(logits, "float32")
        chosen = ops.take_along_axis(logits, target_ids[..., None], axis=-1)[..., 0]
        log_probs = chosen - ops.logsumexp(logits, axis=-1)
        return ops.where(ops.not_equal(target_ids, PAD_ID), log_probs, 0.0), attention

    def generate(self, source_ids, beam=5, max_length=None, length_penalty=1.0) -> np.ndarray:
        """Translate token ids with a beam search that is compiled as one loop.

        `nmtcli.load` gives a translator of text, with all options of the search.

        Args:
            source_ids: (B, S), each row ends with EOS and is padded with PAD.
            beam: the number of hypotheses of each sentence; 1 is greedy search.
            max_length: the most tokens of a translation, EOS included; None: twice the source
                length plus 10.
            length_penalty: the exponent of the length by which scores are divided.

        Returns:
            the best translations, int32, (B, T), without BOS and EOS, padded with PAD.

        Raises:
            ValueError: `source_ids` is not a matrix, or a number is not positive.
        """
        source_ids = np.asarray(source_ids)
        if source_ids.ndim != 2 or source_ids.dtype.kind not in "iu" or not source_ids.size:
            raise ValueError(
                "`source_ids` must be a matrix of token ids, (batch, time). Received: shape"
                f" {source_ids.shape}, type {source_ids.dtype}"
            )
        most = 2 * source_ids.shape[1] + 10 if max_length is None else max_length
        check_positive(beam=beam, max_length=most)
        options = beam, most, length_penalty
        if options not in self._searches:

            def search(source_ids, limits):
                steps = run_beam(self, source_ids, limits, beam, most, has_attention=False)
                return best_translations(steps, Scoring(length_penalty))

            self._searches[options] = backend.compiled(search, self.variables, is_fixed=True)
        limits = np.full(len(source_ids), most, dtype="int32")
        arrays = (ops.convert_to_tensor(array, "int32") for array in (source_ids, limits))
        found = self._searches[options](*arrays)
        return np.asarray(found.ids)[:, : max(1, int(np.max(found.lengths)))]

    # -- the contract of Keras -------------------------------------------------------------------

    def compile(self, optimizer="adam", loss=None, **kwargs):
        """Prepare `fit` as `keras.Model.compile` does; the usual loss is `MaskedCrossEntropy`."""
        super().compile(optimizer, loss=MaskedCrossEntropy() if loss is None else loss, **kwargs)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_config(self):
        return {
            "config": dataclasses.asdict(self.config),
            "source_vocabulary_size": self.source_vocabulary_size,
            "target_vocabulary_size": self.target_vocabulary_size,
            "seed": self.seed,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**{**config, "config": ModelConfig(**config["config"])})


@contextlib.contextmanager
def _seeded_initializers(seed):
    """Draw initial weights from `seed`, and leave the global generator as it was.

    Keras draws the seeds of its initializers from Python's generator. Its own `set_random_seed`
    changes all global generators, and imports TensorFlow on every backend.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
