"""The Transformer: attention alone, in the encoder, in the decoder and between them.

Letters: B batch, S source, T target, W hypotheses of a sentence, L slots of the caches, D model
size, H heads, P head size (D / H), V vocabulary.
"""

from dataclasses import dataclass

import keras
from keras import ops

from nmtcli.config.attention import Mechanism
from nmtcli.layers.dense import keep
from nmtcli.layers.feed_forward import LayerNorm
from nmtcli.layers.key_value_cache import add_slots, follow
from nmtcli.layers.positions import rotator, sinusoids
from nmtcli.layers.transformer import NO_DROPPING, DecoderLayer, Dropping, EncoderLayer
from nmtcli.models.encoder_decoder import Translator
from nmtcli.text.special_tokens import PAD_ID


@dataclass(frozen=True)
class TransformerSizes:
    """What a Transformer is made of; see `ModelConfig` for the meaning of each."""

    source_vocabulary: int
    target_vocabulary: int
    size: int = 256
    heads: int = 4
    feed_forward: int = 1024
    encoder_layers: int = 3
    decoder_layers: int = 3
    feed_forward_kind: str = "relu"
    normalization: str = "pre"
    positions: str = "sinusoidal"
    tied_embeddings: str = "all"


@dataclass(frozen=True)
class TransformerRates:
    """Of dropout: on embeddings, behind each sub-layer, on weights, inside the feed-forward."""

    embedding: float = 0.0
    residual: float = 0.0
    attention: float = 0.0
    feed_forward: float = 0.0


class TransformerTranslator(Translator):
    """Encoder-decoder of attention and feed-forward layers.

    1. Source embeddings times sqrt(D), with positions, through the encoder: memory (B, S, D).
    2. Target embeddings likewise, through the decoder: (B, T, D).
    3. The output layer may share its matrix with the embedding: logits (B, T, V).

    When decoding, keys and values of earlier target positions are kept in caches, so a step costs
    one position, whatever stands before it; see `layers.key_value_cache`. A cache grows, or has
    L slots from the beginning and `lengthen` doubles them. (Fixed shapes, so that a backend that
    compiles each shape sees few of them.)

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.

    Args:
        sizes: dimensions.
        rates: of dropout.
        shown: layer and head, both from 1, whose weights over the source are returned; layer 0 is
            the last but one, head 0 the mean of all heads.
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
        ValueError: sizes that do not go together, or a layer or head that is not there.
    """

    room = 64  # L at the beginning of a search, where shapes are fixed

    def __init__(self, sizes, rates=TransformerRates(), shown=(0, 0), seed=1, dtype="float32"):
        super().__init__(seed, dtype)
        _check(sizes, shown)
        self.sizes, self.rates, self.shown = sizes, rates, shown
        self.mechanism = Mechanism("scaled-dot", "after", heads=sizes.heads)
        self._build_ends()
        self.encoder_layers = self._build_layers("encoder", EncoderLayer, sizes.encoder_layers)
        self.decoder_layers = self._build_layers("decoder", DecoderLayer, sizes.decoder_layers)
        self.encoder_norm, self.decoder_norm = keep, keep
        if sizes.normalization == "pre":  # nothing else would normalise the last sum
            self.encoder_norm, self.decoder_norm = (
                self._built(LayerNorm(name=f"{side}_norm", dtype=self.dtype_policy))
                for side in ("encoder", "decoder")
            )
        self.built = True

    def _build_ends(self):
        z = self.sizes
        self.add_tables(z.size, z.source_vocabulary, z.target_vocabulary, z.tied_embeddings)
        normal = keras.initializers.RandomNormal(stddev=z.size**-0.5)
        self.add_output(z.size, z.target_vocabulary, z.tied_embeddings != "none", normal)

    def _build_layers(self, side, kind, count):
        z = self.sizes
        return [
            self._built(
                kind(
                    z.heads, z.feed_forward, z.feed_forward_kind, z.normalization,
                    name=f"{side}_{n}", dtype=self.dtype_policy,
                )
            )
            for n in range(1, count + 1)
        ]  # fmt: skip

    def _built(self, layer):
        layer.build((None, None, self.sizes.size))
        return layer

    # -- training ----------------------------------------------------------------------------

    def read_out(self, source_ids, decoder_inputs, training=False):
        """What the output layer shall see, (B, T, D), and the attention, (B, T, S)."""
        drop_embedding, drop = self._droppers(training)
        source = self._read(source_ids, drop_embedding, drop)
        time = ops.arange(ops.shape(decoder_inputs)[1], dtype="int32")
        x = drop_embedding(self._embed(self.target_embedding, decoder_inputs, time))
        rotate = self._rotator(time)
        causal = ops.greater_equal(time[:, None], time)[None, None]  # (1, 1, T, T)
        all_weights = []
        for layer, (keys, values) in zip(self.decoder_layers, source["layers"]):
            x, weights = layer(x, causal, keys, values, source["mask"], rotate=rotate, drop=drop)
            all_weights.append(weights)
        return self.decoder_norm(x), self._chosen(all_weights)

    def _droppers(self, training):
        """The function for embeddings, and a `Dropping`."""
        r = self.rates if training else TransformerRates()
        rates = (r.residual, r.attention, r.feed_forward)
        return self.dropper(r.embedding), Dropping(*map(self.dropper, rates))

    def _embed(self, table, ids, positions):
        """(B, T) -> (B, T, D)."""
        embedded = self.embed(table, ids)
        if self.sizes.positions == "sinusoidal":
            found = sinusoids(positions, self.sizes.size)
            embedded = embedded + ops.cast(found, embedded.dtype)
        return ops.cast(embedded, self.compute_dtype)

    def _rotator(self, positions):
        if self.sizes.positions != "rotary":
            return keep
        return rotator(positions, self.sizes.size // self.sizes.heads)

    def _read(self, source_ids, drop_embedding=keep, drop=NO_DROPPING):
        """What the steps need of the source: its mask, (B, 1, 1, S), and for each decoder layer
        its keys and values, (B, H, S, P)."""
        mask = ops.not_equal(source_ids, PAD_ID)[:, None, None, :]
        time = ops.arange(ops.shape(source_ids)[1], dtype="int32")
        x = drop_embedding(self._embed(self.source_embedding, source_ids, time))
        rotate = self._rotator(time)
        for layer in self.encoder_layers:
            x = layer(x, mask, rotate=rotate, drop=drop)
        memory = self.encoder_norm(x)
        layers = [layer.cross_attention.read(memory) for layer in self.decoder_layers]
        return {"mask": mask, "layers": layers}

    def _chosen(self, all_weights):
        """Of the weights of each layer, (B, H, T, S), those that are shown: (B, T, S)."""
        layer, head = self.shown
        weights = all_weights[layer - 1 if layer else max(0, len(all_weights) - 2)]
        return weights[:, head - 1] if head else ops.mean(weights, axis=1)

    # -- decoding ----------------------------------------------------------------------------

    def start(self, source_ids, room=None):
        """Encode: (B, S) -> state, a structure of tensors whose first axis is the sentence.

        Args:
            source_ids: padded with PAD.
            room: L, how many slots there are before `lengthen`, one for each position of each
                hypothesis; None: the caches grow with every step, from one slot that nobody sees,
                since not every runtime takes empty arrays.
        """
        batch, z = ops.shape(source_ids)[0], self.sizes
        slots = 1 if room is None else room
        empty = ops.zeros((batch, z.heads, slots, z.size // z.heads), self.compute_dtype)
        nothing = ops.zeros((batch,), dtype="int32")
        decoder = {
            "caches": [(empty, empty) for _ in self.decoder_layers],
            "seen": ops.zeros((batch, 1, slots), dtype="bool"),
            "position": nothing,
        }
        used = {} if room is None else {"used": nothing}
        return {"source": self._read(source_ids), "decoder": {**decoder, **used}}

    def lengthen(self, decoder):
        """The decoder's state with twice as many slots."""

        def double(slots):
            return ops.concatenate([slots, ops.zeros_like(slots)], axis=2)

        caches = [tuple(double(part) for part in cache) for cache in decoder["caches"]]
        return {**decoder, "caches": caches, "seen": double(decoder["seen"])}

    def follow(self, decoder, origins):
        """The decoder's state when hypothesis w goes on from what origins[b, w] was: (B, W)."""
        return {**decoder, "seen": follow(decoder["seen"], origins)}

    def advance(self, state, previous_ids):
        """A step, but for the output layer: what it reads, (B, W, R), instead of logits."""
        source, decoder = state["source"], state["decoder"]
        width, used = ops.shape(previous_ids)[1], decoder.get("used")
        position = decoder["position"][:, None]
        x = self._embed(self.target_embedding, previous_ids, position)
        rotate = self._rotator(position)
        seen = add_slots(decoder["seen"], width, used)
        caches, all_weights = [], []
        for layer, cache, read in zip(self.decoder_layers, decoder["caches"], source["layers"]):
            x, weights, cache = layer.step(x, cache, seen, used, *read, source["mask"], rotate)
            caches.append(cache)
            all_weights.append(weights)
        hidden = self.decoder_norm(x)
        decoder = {"caches": caches, "seen": seen, "position": decoder["position"] + 1}
        if used is not None:
            decoder["used"] = used + width
        return hidden, self._chosen(all_weights), {"source": source, "decoder": decoder}


def _check(z, shown):
    """
    Raises:
        ValueError: see `TransformerTranslator`.
    """
    if z.size % z.heads:
        raise ValueError(
            f"The size must be a multiple of the heads. Received: size={z.size}, heads={z.heads}"
        )
    if z.size % 2 or (z.positions == "rotary" and z.size // z.heads % 2):
        raise ValueError(
            "Positions go by pairs of units, so the size (of a head, when rotary) must be even. "
            f"Received: size={z.size}, heads={z.heads}"
        )
    layer, head = shown
    if not (0 <= layer <= z.decoder_layers and 0 <= head <= z.heads):
        raise ValueError(
            f"There are {z.decoder_layers} decoder layers of {z.heads} heads. "
            f"Received: layer={layer}, head={head}"
        )
