"""The translators as the papers write them: one sentence, plain loops of NumPy in float64.

Nothing is taken from the package but the numbers that a model has learnt, by their paths, and the
description of its mechanism. A column vector of a paper is a one-dimensional array here, and its
matrix W is the transpose of the kernel that the package keeps.

    Bahdanau et al. (2015), arXiv:1409.0473;  Luong et al. (2015), arXiv:1508.04025;
    Cho et al. (2014), arXiv:1406.1078;  Vaswani et al. (2017), arXiv:1706.03762;
    See et al. (2017), arXiv:1704.04368

Letters: S source, T target, M memory, Q query, E embedding, D window, V vocabulary.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Weights:
    """The arrays under a path, in float64: `Weights(arrays, "decoder/readout")["kernel"]`."""

    def __init__(self, arrays, path):
        self.arrays, self.path = arrays, path

    def __getitem__(self, name):
        return np.asarray(self.arrays[f"{self.path}/{name}"], dtype=np.float64)

    def __contains__(self, name):
        return f"{self.path}/{name}" in self.arrays

    def under(self, name):
        return Weights(self.arrays, f"{self.path}/{name}")


# -- attention -------------------------------------------------------------------------------------


def score(kind, weights, query, annotation, s, covered=0.0):
    """How well source position s, of `annotation` (M,), fits `query` (Q,): a number.

    additive: Bahdanau, A.1.2; concat, general, dot, location: Luong, 3.1; scaled-dot: Vaswani,
    3.2.1; what the sum of earlier weights adds inside the tanh: See, equation 11.
    """
    if kind == "dot":
        return sum(q * h for q, h in zip(query, annotation))
    if kind == "scaled-dot":
        return sum(q * h for q, h in zip(query, annotation)) / np.sqrt(len(query))
    if kind == "general":
        return query @ weights["kernel"].T @ annotation
    if kind == "location":
        return weights["kernel"].T[s] @ query
    if kind == "concat":
        inner = weights["kernel"].T @ np.concatenate([query, annotation])
    else:
        inner = weights["query_kernel"].T @ query + weights["memory_kernel"].T @ annotation
        inner = inner + weights["bias"]
    if "coverage_vector" in weights:
        inner = inner + weights["coverage_vector"] * covered
    return weights["vector"][:, 0] @ np.tanh(inner)


def window(mechanism, weights, query, t, length):
    """Luong, 3.2: the source positions that may be seen, each with the factor of its weight."""
    positions, width = range(length), mechanism.window
    if mechanism.scope == "global":
        return dict.fromkeys(positions, 1.0)
    if mechanism.scope == "local-m":
        center = min(t, length - 1)  # the paper says nothing of t beyond the source
        return {s: 1.0 for s in positions if center - width <= s <= center + width}
    inner = np.tanh(weights["kernel"].T @ query)
    center = length * sigmoid(weights["vector"][:, 0] @ inner)
    sigma = width / 2
    return {
        s: np.exp(-((s - center) ** 2) / (2 * sigma**2))
        for s in positions
        if center - width <= s <= center + width
    }


def align(scores):
    """Luong, equation 7, and Bahdanau, equation 6: {position: score} -> {position: weight}."""
    total = sum(np.exp(score) for score in scores.values())
    return {s: np.exp(score) / total for s, score in scores.items()}


def attend(mechanism, weights, query, memory, t, covered):
    """Context (M,) and weights (S,) of one query; `covered` (S,) is the sum of earlier weights."""
    if mechanism.heads > 1:
        return attend_with_heads(mechanism.heads, weights, query, memory)
    visible = window(mechanism, weights.under("window"), query, t, len(memory))
    of_score = weights.under("score")
    if mechanism.score == "location":
        visible = {s: factor for s, factor in visible.items() if s < of_score["kernel"].shape[1]}
    scores = {s: score(mechanism.score, of_score, query, memory[s], s, covered[s]) for s in visible}
    alpha = np.zeros(len(memory))
    for s, weight in align(scores).items():
        alpha[s] = weight * visible[s]
    return sum(alpha[s] * memory[s] for s in range(len(memory))), alpha


def attend_with_heads(heads, weights, query, memory):
    """Vaswani, 3.2.2: context (M,), and the weights' mean over the heads (S,)."""
    size = weights["query_kernel"].shape[1] // heads
    outputs, alphas = [], []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        q = query @ weights["query_kernel"][:, own]
        keys = [h @ weights["key_kernel"][:, own] for h in memory]
        values = [h @ weights["value_kernel"][:, own] for h in memory]
        alpha = align({s: q @ key / np.sqrt(size) for s, key in enumerate(keys)})
        outputs.append(sum(alpha[s] * value for s, value in enumerate(values)))
        alphas.append([alpha[s] for s in range(len(memory))])
    return np.concatenate(outputs) @ weights["output_kernel"], np.mean(alphas, axis=0)


# -- the model -------------------------------------------------------------------------------------


def gru_step(weights, x, h):
    """Cho, 2.3, with the reset gate after the product with U, as in cuDNN."""
    wz, wr, wh = np.split(weights["kernel"].T, 3)
    uz, ur, uh = np.split(weights["recurrent_kernel"].T, 3)
    (bz, br, bh), (cz, cr, ch) = (np.split(bias, 3) for bias in weights["bias"])
    z = sigmoid(wz @ x + bz + uz @ h + cz)
    r = sigmoid(wr @ x + br + ur @ h + cr)
    candidate = np.tanh(wh @ x + bh + r * (uh @ h + ch))
    return z * h + (1 - z) * candidate


def read_out(kind, weights, state, context, embedded):
    """Luong, equation 5 (tanh), or Bahdanau, A.2.2 (maxout; of s(t), and of halves, not pairs)."""
    if kind == "tanh":
        return np.tanh(weights["kernel"].T @ np.concatenate([state, context]) + weights["bias"])
    inputs = np.concatenate([state, context, embedded])
    first, second = np.split(weights["kernel"].T @ inputs + weights["bias"], 2)
    return np.array([max(a, b) for a, b in zip(first, second)])


def encode(weights, embedded):
    """Bahdanau, 3.2: annotations (S, M), both readings side by side, and their last states (M,)."""
    forward, backward = weights.under("encoder_forward"), weights.under("encoder_backward")
    h = np.zeros(forward["recurrent_kernel"].shape[0])
    ahead, back = [], []
    for x in embedded:
        h = gru_step(forward, x, h)
        ahead.append(h)
    h = np.zeros_like(h)
    for x in reversed(embedded):
        h = gru_step(backward, x, h)
        back.insert(0, h)
    memory = [np.concatenate(pair) for pair in zip(ahead, back)]
    return memory, np.concatenate([ahead[-1], back[0]])


def translate(mechanism, arrays, source_ids, decoder_inputs):
    """Logits (T, V) and attention (T, S) of one sentence, for one layer of GRU on each side.

    The embeddings are shared by both sides and the output layer, and scaled by sqrt(E) when read.
    """
    model, decoder = Weights(arrays, "translator"), Weights(arrays, "decoder")
    table = model["target_embedding"]
    embed = [row * np.sqrt(table.shape[1]) for row in table].__getitem__
    memory, summary = encode(Weights(arrays, "encoder"), [embed(i) for i in source_ids])
    bridge = Weights(arrays, "bridge")
    state = np.tanh(bridge["kernel"].T @ summary + bridge["bias"])
    attention, covered = decoder.under("attention"), np.zeros(len(memory))
    readout = np.zeros(decoder["readout/bias"].shape[0])  # before the first step, for input feeding
    logits, alphas = [], []
    for t, i in enumerate(decoder_inputs):
        y, cell = embed(i), decoder.under("decoder_0")
        if mechanism.score is None:  # Cho, 2.2: the same vector at every step
            context, alpha = summary, np.zeros(len(memory))
            state = gru_step(cell, np.concatenate([y, context]), state)
        elif mechanism.placement == "before":  # Bahdanau, 3.1: the query is s(t-1)
            context, alpha = attend(mechanism, attention, state, memory, t, covered)
            state = gru_step(cell, np.concatenate([y, context]), state)
        else:  # Luong, 3: the query is s(t); 3.3: input feeding
            x = np.concatenate([y, readout]) if mechanism.input_feeding else y
            state = gru_step(cell, x, state)
            context, alpha = attend(mechanism, attention, state, memory, t, covered)
        covered = covered + alpha  # See, equation 10
        kind = "maxout" if mechanism.placement == "before" else "tanh"
        readout = read_out(kind, decoder.under("readout"), state, context, y)
        logits.append(table @ readout + model["output_bias"])
        alphas.append(alpha)
    return np.array(logits), np.array(alphas)
