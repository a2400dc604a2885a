"""The Transformer: an encoder-decoder built from attention and feed-forward layers.

Letters: B batch, S source, T target, W hypotheses of a sentence, L places of the key-value caches,
D model size, H heads, P head size (D / H), V vocabulary.
"""

import keras
from keras import ops

from nmtcli.config import ModelConfig
from nmtcli.layers import key_value_cache
from nmtcli.layers.positions import sinusoids
from nmtcli.layers.transformer import DecoderLayer, EncoderLayer, make_norm
from nmtcli.models.encoder_decoder import EncoderDecoder
from nmtcli.text.special_tokens import PAD_ID


@keras.saving.register_keras_serializable(package="nmtcli")
class TransformerTranslator(EncoderDecoder):
    """Transformer encoder-decoder model.

    1. The encoder turns source embeddings, times sqrt(D), with positions, into memory (B, S, D).
    2. The decoder does the same with the target embeddings: (B, T, D).
    3. The output layer, which may share the embedding's matrix, computes logits (B, T, V).

    In decoding, caches keep the keys and values of earlier positions, so a step computes only one
    position; see `layers.key_value_cache`. A cache grows with every step, or it starts with a
    capacity that `grow_cache` doubles; then a backend that compiles each shape sees few of them.

    The returned attention belongs to `alignment_layer` and `alignment_head`, both counted from 1.
    Layer 0 is the last layer but one; head 0 is the mean of all heads.

    For arguments and results see `EncoderDecoder`.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.
    """

    cache_capacity = 64  # L at the beginning of a search with fixed shapes

    def add_layers(self):
        config = self.config
        _check(config, self.mechanism.heads)
        self.add_embeddings()
        normal = keras.initializers.RandomNormal(stddev=config.embedding_size**-0.5)
        self.add_output(config.embedding_size, normal)
        self.encoder_layers = self._make_layers(EncoderLayer, "encoder", config.encoder_layers)
        self.decoder_layers = self._make_layers(DecoderLayer, "decoder", config.decoder_layers)
        self.encoder_norm, self.decoder_norm = None, None
        if config.normalization == "pre":  # otherwise the last sum stays unnormalised
            self.encoder_norm, self.decoder_norm = (
                self._built(make_norm(f"{side}_norm", self.dtype_policy))
                for side in ("encoder", "decoder")
            )

    def _make_layers(self, kind, side, count):
        config, policy = self.config, {"dtype": self.dtype_policy}
        sizes = self.mechanism.heads, config.feed_forward_units
        kinds = config.feed_forward, config.normalization, config.positions == "rotary"
        rates = config.dropout, config.attention_dropout, config.feed_forward_dropout
        options = *sizes, *kinds, *rates, self.dropout_seed
        names = [f"{side}_{n}" for n in range(1, count + 1)]
        return [self._built(kind(*options, name=name, **policy)) for name in names]

    def _built(self, layer):
        shape = None, None, self.config.embedding_size
        layer.build(*[shape] * (2 if isinstance(layer, DecoderLayer) else 1))
        return layer

    # -- training ----------------------------------------------------------------------------

    def encode(self, source_ids, training=False):
        """Encode the source, (B, S).

        Returns:
            the tensors that a step needs: the mask, (B, 1, 1, S), and the keys and values for each
            decoder layer, (B, H, S, P).
        """
        memory, mask = self._encode(source_ids, training)
        layers = [layer.cross_attention.read(memory) for layer in self.decoder_layers]
        return {"mask": mask[:, None, None, :], "layers": layers}

    def _encode(self, source_ids, training=False):
        """Encode the source, (B, S): memory (B, S, D) and mask (B, S)."""
        mask = ops.not_equal(source_ids, PAD_ID)
        positions = ops.arange(ops.shape(source_ids)[1], dtype="int32")
        x = self._embed(self.source_embedding, source_ids, positions)
        x = self.embedding_dropout(x, training)
        for layer in self.encoder_layers:
            x = layer(x, mask=mask, training=training)
        return x if self.encoder_norm is None else self.encoder_norm(x), mask

    def decode(self, source_ids, decoder_inputs, training=False):
        """Compute the output layer's input, (B, T, D), and the attention, (B, T, S)."""
        memory, mask = self._encode(source_ids, training)
        positions = ops.arange(ops.shape(decoder_inputs)[1], dtype="int32")
        x = self._embed(self.target_embedding, decoder_inputs, positions)
        x = self.embedding_dropout(x, training)
        all_weights = []
        for layer in self.decoder_layers:
            x, weights = layer(
                x, memory, memory_mask=mask, training=training, return_attention_scores=True
            )
            all_weights.append(weights)
        return self._normalized(x), self._alignment(all_weights)

    def _embed(self, table, ids, positions):
        """Embed ids, (B, T) -> (B, T, D), in the compute type."""
        embedded = self.embed(table, ids)
        if self.config.positions == "sinusoidal":
            added = sinusoids(positions, self.config.embedding_size)
            embedded = embedded + ops.cast(added, embedded.dtype)
        return ops.cast(embedded, self.compute_dtype)

    def _normalized(self, x):
        """Normalise the last decoder layer's output, if needed, for the output layer."""
        return x if self.decoder_norm is None else self.decoder_norm(x)

    def _alignment(self, all_weights):
        """Select the attention to return, (B, T, S), from all layers' weights, (B, H, T, S)."""
        layer, head = self.config.alignment_layer, self.config.alignment_head
        weights = all_weights[layer - 1 if layer else max(0, len(all_weights) - 2)]
        return weights[:, head - 1] if head else ops.mean(weights, axis=1)

    # -- decoding ----------------------------------------------------------------------------

    def start(self, source_ids, cache_capacity=None):
        """Encode (B, S) into a state, a structure of tensors whose first axis is the sentence.

        Args:
            source_ids: padded with PAD.
            cache_capacity: L, for how many positions of all hypotheses there are places before
                `grow_cache`. None: the caches grow with every step, from one masked place, because
                not every runtime accepts empty arrays.
        """
        batch, heads = ops.shape(source_ids)[0], self.mechanism.heads
        capacity = 1 if cache_capacity is None else cache_capacity
        shape = (batch, heads, capacity, self.config.embedding_size // heads)
        empty = ops.zeros(shape, self.compute_dtype)
        zero = ops.zeros((batch,), dtype="int32")
        decoder = {
            "caches": [(empty, empty) for _ in self.decoder_layers],
            "cache_mask": ops.zeros((batch, 1, capacity), dtype="bool"),
            "position": zero,
        }
        if cache_capacity is not None:
            decoder["length"] = zero
        return {"source": self.encode(source_ids), "decoder": decoder}

    def grow_cache(self, decoder):
        """Return the decoder's state with the capacity of the caches doubled."""
        grow = key_value_cache.grow
        caches = [tuple(grow(part) for part in cache) for cache in decoder["caches"]]
        return {**decoder, "caches": caches, "cache_mask": grow(decoder["cache_mask"])}

    def reorder(self, decoder, origins):
        """Reorder the decoder's state: hypothesis w continues hypothesis origins[b, w], (B, W)."""
        cache_mask = key_value_cache.reorder(decoder["cache_mask"], origins)
        return {**decoder, "cache_mask": cache_mask}

    def decode_step(self, state, previous_ids):
        """Compute a step like `step`, but return the output layer's input, (B, W, D)."""
        source, decoder = state["source"], state["decoder"]
        width, length = ops.shape(previous_ids)[1], decoder.get("length")
        position = decoder["position"][:, None]
        x = self._embed(self.target_embedding, previous_ids, position)
        cache_mask = key_value_cache.append_to_mask(decoder["cache_mask"], width, length)
        caches, all_weights = [], []
        for layer, cache, read in zip(self.decoder_layers, decoder["caches"], source["layers"]):
            x, weights, cache = layer.step(
                x, cache, cache_mask, length, *read, source["mask"], position
            )
            caches.append(cache)
            all_weights.append(weights)
        decoder = {"caches": caches, "cache_mask": cache_mask, "position": decoder["position"] + 1}
        if length is not None:
            decoder["length"] = length + width
        state = {"source": source, "decoder": decoder}
        return self._normalized(x), self._alignment(all_weights), state


def _check(config: ModelConfig, heads):
    """Check that sizes, alignment layer and alignment head fit together.

    Raises:
        ValueError: the sizes do not fit together, or a layer or head does not exist.
    """
    size, layer, head = config.embedding_size, config.alignment_layer, config.alignment_head
    received = f"Received: embedding_size={size}, heads={heads}"
    if size % heads:
        raise ValueError(f"The size must be a multiple of the heads. {received}")
    if size % 2 or (config.positions == "rotary" and size // heads % 2):
        raise ValueError(
            "Positions go by pairs of units, so the size (of a head, when rotary) must be even. "
            f"{received}"
        )
    if not (0 <= layer <= config.decoder_layers and 0 <= head <= heads):
        raise ValueError(
            f"There are {config.decoder_layers} decoder layers of {heads} heads. "
            f"Received: alignment_layer={layer}, alignment_head={head}"
        )
