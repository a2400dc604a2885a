"""The recurrent encoder-decoder with every attention mechanism that its axes compose.

Letters: B batch, S source, T target, E embedding, M memory, D decoder state, R readout,
V vocabulary.
"""

from dataclasses import dataclass

from keras import ops

from nmtcli.config.attention import Mechanism
from nmtcli.layers.dense import affine, keep
from nmtcli.layers.recurrent import no_mask
from nmtcli.models.encoder_decoder import Translator
from nmtcli.models.rnn_decoder import RecurrentDecoder
from nmtcli.models.rnn_encoder import RecurrentEncoder
from nmtcli.text.special_tokens import PAD_ID


@dataclass(frozen=True)
class Sizes:
    """What a recurrent model is made of; see `ModelConfig` for the meaning of each."""

    source_vocabulary: int
    target_vocabulary: int
    embedding: int = 256
    encoder: int = 512
    decoder: int = 512
    attention: int = 256
    positions: int = 256
    readout: int = 256
    encoder_layers: int = 1
    decoder_layers: int = 1
    bidirectional: bool = True
    cell: str = "gru"
    tied_embeddings: str = "all"


@dataclass(frozen=True)
class Rates:
    """Of dropout.

    embedding: on embeddings.
    layer: between layers, on the memory and on the readout.
    attention: on source positions, as attention sees them; the same ones for a whole sentence.
    recurrent: on what a cell reads of its own state; the same units for a whole sentence (Gal and
        Ghahramani, 2016, arXiv:1512.05287, section 4).
    """

    embedding: float = 0.0
    layer: float = 0.0
    attention: float = 0.0
    recurrent: float = 0.0


class RecurrentTranslator(Translator):
    """Encoder-decoder of recurrent cells.

    1. The source embedding runs through the encoder: memory (B, S, M).
    2. A bridge, tanh(W summary + b), gives the decoder's first states.
    3. The decoder attends to the memory and reads out, (B, T, R), its weights are (B, T, S).
    4. The output layer may share its matrix with the embedding: logits (B, T, V).

    Args:
        sizes: dimensions.
        mechanism: the attention.
        rates: of dropout.
        seed: of the initial weights and of dropout.
        dtype: Keras policy, such as `float32` or `mixed_bfloat16`.

    Call arguments:
        source_ids: (B, S), padded with PAD.
        decoder_inputs: (B, T), begins with BOS.
        training: whether dropout acts.
        with_weights: whether the attention is returned too.

    Returns:
        logits: (B, T, V) in the compute type; with the weights, a pair of these and of the
            attention with which each target piece was predicted, float32, (B, T, S).

    Raises:
        ValueError: sizes that the mechanism or the shared embeddings cannot have.
    """

    room = None  # a state has room for any number of steps

    def __init__(self, sizes, mechanism: Mechanism, rates=Rates(), seed=1, dtype="float32"):
        super().__init__(seed, dtype)
        self.sizes, self.mechanism, self.rates = sizes, mechanism, rates
        z, policy = sizes, {"dtype": self.dtype_policy}
        self.encoder = RecurrentEncoder(
            z.encoder, z.encoder_layers, z.bidirectional, z.cell, name="encoder", **policy
        )
        self.encoder.build((None, None, z.embedding))
        self.decoder = RecurrentDecoder(
            z.decoder, mechanism, z.readout, z.decoder_layers, z.cell, z.attention, z.positions,
            name="decoder", **policy,
        )  # fmt: skip
        self.decoder.build((None, None, z.embedding), (None, None, z.encoder))
        self._build_embeddings()
        self._build_bridge_and_output()
        self.built = True

    def _build_embeddings(self):
        z = self.sizes
        if z.tied_embeddings != "none" and z.readout != z.embedding:
            raise ValueError(
                "An output layer tied to the embedding needs a readout of the embedding's size. "
                f"Received: readout={z.readout}, embedding={z.embedding}"
            )
        self.add_tables(z.embedding, z.source_vocabulary, z.target_vocabulary, z.tied_embeddings)

    def _build_bridge_and_output(self):
        z = self.sizes
        units = z.decoder_layers * self.decoder.cells[0].state_size * z.decoder
        self.bridge_kernel = self.add_weight(
            name="bridge_kernel", shape=(z.encoder, units), initializer="glorot_uniform"
        )
        self.bridge_bias = self.add_weight(name="bridge_bias", shape=(units,), initializer="zeros")
        is_tied = z.tied_embeddings != "none"
        self.add_output(z.readout, z.target_vocabulary, is_tied, "glorot_uniform")

    # -- training ----------------------------------------------------------------------------

    def read_out(self, source_ids, decoder_inputs, training=False):
        """What the output layer shall see, (B, T, R), and the attention, (B, T, S)."""
        rates = self.rates if training else Rates()
        drop, on_embedding = self.dropper(rates.layer), self.dropper(rates.embedding)
        on_states = self._state_masks(rates.recurrent)
        source, cells = self._read(source_ids, drop, on_embedding, on_states)
        if rates.attention and self.mechanism.score is not None:
            seen = ops.ones(ops.shape(source_ids), dtype="float32")
            source["seen"] = self.dropper(rates.attention)(seen)
        embedded = on_embedding(self._embed(self.target_embedding, decoder_inputs))
        hidden, weights = self.decoder(embedded, cells, source, drop=drop, on_states=on_states)
        return drop(hidden), weights

    def _state_masks(self, rate):
        """A function of a cell and a batch size that gives factors for its state, or None."""
        if not rate:
            return no_mask
        drop = self.dropper(rate)
        return lambda cell, batch: drop(ops.ones((batch, cell.units), dtype=self.compute_dtype))

    def _embed(self, table, ids):
        """(B, T) -> (B, T, E)."""
        return ops.cast(self.embed(table, ids), self.compute_dtype)

    def _read(self, source_ids, drop=keep, on_embedding=keep, on_states=no_mask):
        mask = ops.not_equal(source_ids, PAD_ID)
        embedded = on_embedding(self._embed(self.source_embedding, source_ids))
        memory, summary = self.encoder(embedded, mask, drop=drop, on_states=on_states)
        first = ops.tanh(affine(summary, self.bridge_kernel, self.bridge_bias))
        parts = iter(ops.split(first, first.shape[-1] // self.sizes.decoder, axis=-1))
        cells = [tuple(next(parts) for _ in range(c.state_size)) for c in self.decoder.cells]
        return self.decoder.read_source(memory, mask, summary), cells

    # -- decoding ----------------------------------------------------------------------------

    def start(self, source_ids, room=None):
        """Encode: (B, S) -> state, a structure of tensors whose first axis is the sentence.

        (`room`, for how many steps, is of models whose state grows.)
        """
        source, cells = self._read(source_ids)
        return {"source": source, "decoder": self.decoder.start(cells, source)}

    def advance(self, state, previous_ids):
        """A step, but for the output layer: what it reads, (B, W, R), instead of logits."""
        embedded = self._embed(self.target_embedding, previous_ids)
        hidden, weights, decoder = self.decoder.step(embedded, state["decoder"], state["source"])
        return hidden, weights, {"source": state["source"], "decoder": decoder}

    def follow(self, decoder, origins):
        """The decoder's state when hypothesis w goes on from what origins[b, w] was: (B, W)."""
        return self.decoder.follow(decoder, origins)
