"""The Transformer as the papers write it: one sentence, plain loops of NumPy in float64.

Nothing is taken from the package but the numbers that a model has learnt, by their paths. A matrix
W of a paper multiplies row vectors here, x W, as in the Transformer's own paper.

    Vaswani et al. (2017), arXiv:1706.03762;  Ba et al. (2016), arXiv:1607.06450 (norm);
    Xiong et al. (2020), arXiv:2002.04745 (pre-norm);  Su et al. (2021), arXiv:2104.09864 (rotary);
    Hendrycks and Gimpel (2016), arXiv:1606.08415 (gelu);  Shazeer (2020), arXiv:2002.05202 (gates)

Letters: S source, T target, D model size, H heads, P head size, V vocabulary.
"""

import math
from typing import NamedTuple

import numpy as np


class Design(NamedTuple):
    """What the numbers of a model do not tell."""

    heads: int = 2
    feed_forward: str = "relu"
    normalization: str = "pre"
    positions: str = "sinusoidal"


class Weights:
    """The arrays under a path, in float64: `Weights(arrays, "encoder_1/norm_0")["gamma"]`."""

    def __init__(self, arrays, path):
        self.arrays, self.path = arrays, path

    def __getitem__(self, name):
        return np.asarray(self.arrays[f"{self.path}/{name}"], dtype=np.float64)

    def get(self, name, other):
        return self[name] if f"{self.path}/{name}" in self.arrays else other

    def under(self, name):
        return Weights(self.arrays, f"{self.path}/{name}")

    def affine(self, name, x):
        return x @ self[f"{name}/kernel"] + self[f"{name}/bias"]


# -- positions -------------------------------------------------------------------------------------


def sinusoid(t, size):
    """Vaswani, 3.5: PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos of the same."""
    encoding = np.zeros(size)
    for i in range(size // 2):
        angle = t / 10000 ** (2 * i / size)
        encoding[2 * i], encoding[2 * i + 1] = math.sin(angle), math.cos(angle)
    return encoding


def sines_first(encoding):
    """The columns of `sinusoid` in the package's order: those of sines, then those of cosines."""
    return np.concatenate([encoding[0::2], encoding[1::2]])


def rotated(x, t):
    """Su, 3.2.2: unit i and its partner, read as a complex number, times e^(j t theta_i).

    The paper pairs 2i with 2i + 1, the package i with i + P/2.
    """
    half = len(x) // 2
    pairs = x[:half] + 1j * x[half:]
    turned = [z * np.exp(1j * t * 10000 ** (-2 * i / len(x))) for i, z in enumerate(pairs)]
    return np.concatenate([np.real(turned), np.imag(turned)])


# -- sub-layers ------------------------------------------------------------------------------------


def layer_norm(weights, x):
    """Ba, equation 4, of a vector, with 1e-6 beside the variance."""
    mean = sum(x) / len(x)
    variance = sum((unit - mean) ** 2 for unit in x) / len(x)
    return weights["gamma"] * (x - mean) / math.sqrt(variance + 1e-6) + weights["beta"]


def softmax(scores):
    exponentials = [math.exp(score - max(scores)) for score in scores]
    return np.array(exponentials) / sum(exponentials)


def attend(heads, query, keys, values):
    """Vaswani, 3.2.1 and 3.2.2 before Wo: of one query (D,), the heads (D,) and weights (H, S)."""
    size = len(query) // heads
    outputs, weights = [], []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        alpha = softmax([query[own] @ key[own] / math.sqrt(size) for key in keys])
        outputs.append(sum(a * value[own] for a, value in zip(alpha, values)))
        weights.append(alpha)
    return np.concatenate(outputs), np.array(weights)


def self_attention(design, weights, sequence, causal):
    """Vaswani, 3.2.3: each position attends to all, or (causal) to none after itself."""
    own = weights.under("projection")
    maps = zip(np.split(own["kernel"], 3, axis=1), np.split(own["bias"], 3))
    queries, keys, values = ([x @ kernel + bias for x in sequence] for kernel, bias in maps)
    if design.positions == "rotary":
        queries, keys = (
            [
                np.concatenate([rotated(part, t) for part in np.split(x, design.heads)])
                for t, x in enumerate(side)
            ]
            for side in (queries, keys)
        )
    found = []
    for t, query in enumerate(queries):
        seen = t + 1 if causal else len(keys)
        joined, _ = attend(design.heads, query, keys[:seen], values[:seen])
        found.append(weights.affine("output", joined))
    return found


def gelu(x):
    """x times the probability that a standard normal number is below x."""
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def swish(x):
    return x / (1 + math.exp(-x))


def feed_forward(kind, weights, x):
    """Vaswani, 3.3 (relu), and Shazeer, equation 6 (the gated ones), of one position."""
    inner = weights.affine("inner", x)
    if kind == "relu":
        inner = np.array([max(0.0, unit) for unit in inner])
    elif kind == "gelu":
        inner = np.array([gelu(unit) for unit in inner])
    else:
        activation = {"geglu": gelu, "swiglu": swish}[kind]
        gate = weights.affine("gate", x)
        inner = np.array([activation(g) * unit for g, unit in zip(gate, inner)])
    return weights.affine("outer", inner)


# -- the model -------------------------------------------------------------------------------------


def around(design, norm, sequence, function):
    """A sub-layer with its residual connection: Vaswani, 3.1 (post), or Xiong, table 1 (pre)."""
    if design.normalization == "post":
        return [layer_norm(norm, x + y) for x, y in zip(sequence, function(sequence))]
    normed = [layer_norm(norm, x) for x in sequence]
    return [x + y for x, y in zip(sequence, function(normed))]


def last_norm(design, weights, sequence):
    """Xiong, table 1: pre-norm has one more at the end of each stack."""
    if design.normalization == "post":
        return sequence
    return [layer_norm(weights, x) for x in sequence]


def embedded(design, table, ids):
    """Vaswani, 3.4 and 3.5."""
    size = table.shape[1]
    found = [table[i] * math.sqrt(size) for i in ids]
    if design.positions == "rotary":
        return found
    return [x + sines_first(sinusoid(t, size)) for t, x in enumerate(found)]


def encode_layer(design, layer, sequence):
    """One layer of the encoder."""
    own, feed = layer.under("self_attention"), layer.under("feed_forward")

    def attend_to_all(xs):
        return self_attention(design, own, xs, causal=False)

    def feed_each(xs):
        return [feed_forward(design.feed_forward, feed, x) for x in xs]

    sequence = around(design, layer.under("norm_0"), sequence, attend_to_all)
    return around(design, layer.under("norm_1"), sequence, feed_each)


def decode_layer(design, layer, sequence, memory):
    """One layer of the decoder: the sequence, and its weights over the source (T, H, S)."""
    own, cross = layer.under("self_attention"), layer.under("cross_attention")
    feed, alphas = layer.under("feed_forward"), []
    keys, values = ([cross.affine(name, h) for h in memory] for name in ("key", "value"))

    def attend_to_earlier(xs):
        return self_attention(design, own, xs, causal=True)

    def attend_to_source(xs):
        found = []
        for x in xs:
            joined, alpha = attend(design.heads, cross.affine("query", x), keys, values)
            found.append(cross.affine("output", joined))
            alphas.append(alpha)
        return found

    def feed_each(xs):
        return [feed_forward(design.feed_forward, feed, x) for x in xs]

    sequence = around(design, layer.under("norm_0"), sequence, attend_to_earlier)
    sequence = around(design, layer.under("norm_1"), sequence, attend_to_source)
    return around(design, layer.under("norm_2"), sequence, feed_each), np.array(alphas)


def layers_of(arrays, side):
    """The weights of each layer of the encoder or decoder, from the first on."""
    n = 1
    while f"{side}_{n}/self_attention/projection/kernel" in arrays:
        yield Weights(arrays, f"{side}_{n}")
        n += 1


def encode(design, arrays, sequence):
    for layer in layers_of(arrays, "encoder"):
        sequence = encode_layer(design, layer, sequence)
    return last_norm(design, Weights(arrays, "encoder_norm"), sequence)


def translate(design, arrays, source_ids, decoder_inputs):
    """Of one sentence without padding: logits (T, V), and the weights over the source of each
    decoder layer, a list of (T, H, S)."""
    model = Weights(arrays, "translator")
    targets = model["target_embedding"]
    sources = model.get("source_embedding", targets)
    output = model.get("output_kernel", targets.T)
    memory = encode(design, arrays, embedded(design, sources, source_ids))
    sequence, weights = embedded(design, targets, decoder_inputs), []
    for layer in layers_of(arrays, "decoder"):
        sequence, alphas = decode_layer(design, layer, sequence, memory)
        weights.append(alphas)
    sequence = last_norm(design, Weights(arrays, "decoder_norm"), sequence)
    return np.array([x @ output + model["output_bias"] for x in sequence]), weights
