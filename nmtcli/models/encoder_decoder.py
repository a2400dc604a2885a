"""What both models are at their two ends: embeddings, the output layer, and dropout between.

Letters: B batch, T positions, D size of embeddings, R size of what is read out, V vocabulary.
"""

import random

import keras
from keras import ops

from nmtcli.layers.dense import affine, keep
from nmtcli.text.special_tokens import PAD_ID


class Translator(keras.Model):
    """The base of the models. One matrix may be the embedding of both sides and the output layer.

    Embeddings are multiplied by the square root of their size, so that a table that is also the
    output layer begins at a good scale for both: Vaswani et al. (2017), arXiv:1706.03762, section
    3.4.

    Args:
        seed: of the initial weights and of dropout.
        dtype: Keras policy, such as `float32` or `mixed_bfloat16`.
    """

    def __init__(self, seed, dtype):
        super().__init__(name="translator", dtype=dtype)
        # Keras draws the seeds of initial weights from here. Its own `set_random_seed` would import
        # TensorFlow on every backend.
        random.seed(seed)
        self.dropout_seed = keras.random.SeedGenerator(seed)

    def add_tables(self, size, source_vocabulary, target_vocabulary, tied_embeddings):
        """Add the embeddings, (V, D).

        Raises:
            ValueError: the sides cannot share one.
        """
        if tied_embeddings == "all" and source_vocabulary != target_vocabulary:
            raise ValueError("Embeddings shared by both sides need one joint vocabulary.")
        normal = keras.initializers.RandomNormal(stddev=size**-0.5)

        def table(name, vocabulary):
            return self.add_weight(name=name, shape=(vocabulary, size), initializer=normal)

        self.target_embedding = table("target_embedding", target_vocabulary)
        self.source_embedding = self.target_embedding
        if tied_embeddings != "all":
            self.source_embedding = table("source_embedding", source_vocabulary)

    def add_output(self, size, vocabulary, is_tied, initializer):
        """Add the output layer, whose matrix (R, V) is the target embedding's where it is tied."""
        self.output_kernel = None
        if not is_tied:
            self.output_kernel = self.add_weight(
                name="output_kernel", shape=(size, vocabulary), initializer=initializer
            )
        self.output_bias = self.add_weight(
            name="output_bias", shape=(vocabulary,), initializer="zeros"
        )

    def embed(self, table, ids):
        """(B, T) -> (B, T, D), in the type of the weights."""
        return ops.take(table, ids, axis=0) * float(table.shape[-1]) ** 0.5

    def call(self, source_ids, decoder_inputs, training=False, with_weights=False):
        hidden, weights = self.read_out(source_ids, decoder_inputs, training)
        logits = self.logits(hidden)
        return (logits, weights) if with_weights else logits

    def output_layer(self):
        """Its matrix (R, V) and bias (V,)."""
        kernel = self.output_kernel
        if kernel is None:
            kernel = ops.transpose(self.target_embedding)
        return ops.convert_to_tensor(kernel), ops.convert_to_tensor(self.output_bias)

    def output_columns(self, pieces):
        """The output layer of some pieces, int (U,): its matrix (R, U) and bias (U,)."""
        if self.output_kernel is None:
            kernel = ops.transpose(ops.take(self.target_embedding, pieces, axis=0))
        else:
            kernel = ops.take(self.output_kernel, pieces, axis=1)
        return kernel, ops.take(self.output_bias, pieces, axis=0)

    def step(self, state, previous_ids):
        """One target position of W hypotheses of each sentence, which share its source.

        Args:
            state: of `start`, which is that of one hypothesis; of the step before; or of `follow`.
            previous_ids: (B, W), BOS at first.

        Returns:
            logits: (B, W, V), attention: float32, (B, W, S), and the next state.
        """
        hidden, attention, state = self.advance(state, previous_ids)
        return self.logits(hidden), attention, state

    def logits(self, hidden):
        """(..., R) -> (..., V)."""
        return affine(hidden, *self.output_layer())

    def score_targets(self, source_ids, decoder_inputs, target_ids):
        """How probable given targets are.

        Args:
            source_ids, decoder_inputs: as of a call.
            target_ids: (B, T), padded with PAD.

        Returns:
            log p(target), float32, (B, T), 0 at PAD; and the attention of a call.
        """
        logits, attention = self(source_ids, decoder_inputs, with_weights=True)
        logits = ops.cast(logits, "float32")
        chosen = ops.take_along_axis(logits, target_ids[..., None], axis=-1)[..., 0]
        log_probs = chosen - ops.logsumexp(logits, axis=-1)
        return ops.where(ops.not_equal(target_ids, PAD_ID), log_probs, 0.0), attention

    def dropper(self, rate):
        """A function that drops units at this rate."""
        if not rate:
            return keep
        return lambda x: keras.random.dropout(x, rate, seed=self.dropout_seed)
