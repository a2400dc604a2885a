"""The recurrent encoder-decoder, with every attention mechanism that its options can combine.

Letters: B batch, S source, T target, W hypotheses of a sentence, E embedding, M memory, D decoder
state, R readout, V vocabulary.
"""

import keras
from keras import ops

from nmtcli.layers.dropout import Dropout
from nmtcli.models.encoder_decoder import EncoderDecoder
from nmtcli.models.rnn_decoder import RNNDecoder
from nmtcli.models.rnn_encoder import RNNEncoder
from nmtcli.text.special_tokens import PAD_ID


@keras.saving.register_keras_serializable(package="nmtcli")
class RNNTranslator(EncoderDecoder):
    """Recurrent encoder-decoder model.

    1. The encoder turns the source embeddings into the memory (B, S, M).
    2. A bridge, tanh(W summary + b), computes the decoder's first states.
    3. The decoder attends to the memory, weights (B, T, S), and computes the readout (B, T, R).
    4. The output layer, which may share the embedding's matrix, computes logits (B, T, V).

    Dropout acts on embeddings; between layers, on the memory and on the readout. With one mask for
    a whole sentence (Gal and Ghahramani, 2016, arXiv:1512.05287, section 4), it also acts on source
    positions in the attention and on the state that a cell reads.

    For arguments and results see `EncoderDecoder`.
    """

    def add_layers(self):
        config = self.config
        if config.tied_embeddings != "none" and config.readout_units != config.embedding_size:
            raise ValueError(
                "An output layer tied to the embedding needs a readout of the embedding's size. "
                f"Received: readout_size={config.readout_units}, "
                f"embedding_size={config.embedding_size}"
            )
        policy = {"dtype": self.dtype_policy}
        embedded, memory = (None, None, config.embedding_size), (None, None, config.encoder_size)
        self.encoder = RNNEncoder(config, self.dropout_seed, name="encoder", **policy)
        self.encoder.build(embedded)
        self.decoder = RNNDecoder(config, self.dropout_seed, name="decoder", **policy)
        self.decoder.build(embedded, memory)
        self.dropout = Dropout(config.dropout, self.dropout_seed)
        self.attention_dropout = Dropout(config.attention_dropout, self.dropout_seed)
        self.add_embeddings()
        units = config.decoder_layers * self.decoder.cells[0].state_count * config.decoder_size
        self.bridge = keras.layers.Dense(units, "tanh", name="bridge", **policy)
        self.bridge.build((None, config.encoder_size))
        self.add_output(config.readout_units, "glorot_uniform")

    # -- training ----------------------------------------------------------------------------

    def encode(self, source_ids, training=False):
        """Encode the source, (B, S).

        Returns:
            source: a dictionary of the tensors that a step needs.
            cells: the decoder's first states, a tuple of (B, D) for each cell.
        """
        mask = ops.not_equal(source_ids, PAD_ID)
        embedded = self._embed(self.source_embedding, source_ids)
        embedded = self.embedding_dropout(embedded, training)
        memory, summary = self.encoder(embedded, mask, training=training)
        first = self.bridge(summary)
        parts = iter(ops.split(first, first.shape[-1] // self.config.decoder_size, axis=-1))
        cells = [tuple(next(parts) for _ in range(c.state_count)) for c in self.decoder.cells]
        return self.decoder.read_source(memory, mask, summary), cells

    def decode(self, source_ids, decoder_inputs, training=False):
        """Compute the output layer's input, (B, T, R), and the attention, (B, T, S)."""
        source, cells = self.encode(source_ids, training)
        if self.mechanism.score is not None:
            dropout_mask = self.attention_dropout.mask(ops.shape(source_ids), "float32", training)
            if dropout_mask is not None:
                source["dropout_mask"] = dropout_mask
        embedded = self._embed(self.target_embedding, decoder_inputs)
        embedded = self.embedding_dropout(embedded, training)
        hidden, weights = self.decoder(embedded, cells, source, training=training)
        return self.dropout(hidden, training), weights

    def _embed(self, table, ids):
        """Embed ids, (B, T) -> (B, T, E), in the compute type."""
        return ops.cast(self.embed(table, ids), self.compute_dtype)

    # -- decoding ----------------------------------------------------------------------------

    def start(self, source_ids, cache_capacity=None):
        """Encode (B, S) into a state, a structure of tensors whose first axis is the sentence.

        (`cache_capacity` is for models whose state grows.)
        """
        source, cells = self.encode(source_ids)
        return {"source": source, "decoder": self.decoder.start(cells, source)}

    def decode_step(self, state, previous_ids):
        """Compute a step like `step`, but return the output layer's input, (B, W, R)."""
        embedded = self._embed(self.target_embedding, previous_ids)
        hidden, weights, decoder = self.decoder.step(embedded, state["decoder"], state["source"])
        return hidden, weights, {"source": state["source"], "decoder": decoder}

    def reorder(self, decoder, origins):
        """Reorder the decoder's state: hypothesis w continues hypothesis origins[b, w], (B, W)."""
        return self.decoder.reorder(decoder, origins)
