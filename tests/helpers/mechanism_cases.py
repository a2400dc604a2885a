"""The mechanisms that every test of equivalences goes through, and tiny models of them.

Windows are narrow, so that they cut off something of the tests' short sentences.
"""

import functools
from dataclasses import replace

import numpy as np
from keras import ops

from nmtcli.config import ModelConfig
from nmtcli.config.attention import PLACEMENTS, PRESETS, SCOPES, SCORES, Mechanism, compose
from nmtcli.models.rnn import RNNTranslator
from nmtcli.models.weights import arrays_of, set_arrays
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

D = 1
MECHANISMS = {
    **{name: replace(preset, window=D) for name, preset in PRESETS.items()},
    "general, before the cell": compose("luong-general", placement="before"),
    "location, before the cell": compose("luong-location", placement="before"),
    "heads, before the cell": compose("multi-head", placement="before"),
    "additive, after the cell": compose("bahdanau", placement="after"),
    "local-m of dot": compose("luong-local-m", score="dot", window=D),
    "local-m of additive, before the cell": compose("bahdanau", scope="local-m", window=D),
    "local-p of concat": compose("luong-local-p", score="concat", window=D),
    "local-p, before the cell": compose("luong-local-p", placement="before", window=D),
    "input feeding": compose("luong-general", input_feeding=True),
    "input feeding, local-m": compose("luong-local-m", input_feeding=True, window=D),
    "input feeding, local-p": compose("luong-local-p", score="dot", input_feeding=True, window=D),
    "input feeding, heads": compose("multi-head", heads=2, input_feeding=True),
    "coverage": compose("bahdanau", coverage=True),
    "coverage, after the cell": compose("luong-concat", coverage=True),
    "coverage, input feeding": compose("luong-concat", coverage=True, input_feeding=True),
    "coverage, local-p": compose("bahdanau", scope="local-p", window=D, coverage=True),
}

VOCABULARY, EMBEDDING = 11, 6
SIZES = {
    "embedding_size": EMBEDDING,
    "encoder_size": 8,
    "decoder_size": 8,
    "attention_size": 8,
    "attention_positions": 4,
}
# The first sentence is longer than `attention_positions`; the second is shorter than its target.
SOURCE = np.array([[5, 7, 4, 9, EOS_ID], [8, 6, EOS_ID, PAD_ID, PAD_ID]], dtype="int32")
TARGET = np.array([[BOS_ID, 6, 4, 9], [BOS_ID, 10, 5, PAD_ID]], dtype="int32")


def every_composition() -> list[Mechanism]:
    """All that the axes and extras compose, but for what `Mechanism.problem` refuses."""
    flags = (False, True)
    made = [
        Mechanism(score, placement, scope, D, heads, fed, covered)
        for score in SCORES
        for scope in SCOPES
        for placement in PLACEMENTS
        for heads in (1, 2)
        for fed in flags
        for covered in flags
    ]
    return [PRESETS["none"], *(mechanism for mechanism in made if not mechanism.problem())]


def options_of(mechanism) -> dict:
    """The options of `ModelConfig` that compose a mechanism."""
    if mechanism.score is None:
        return {"attention": "none"}
    return {
        "attention": "bahdanau",
        "attention_score": mechanism.score,
        "attention_scope": mechanism.scope,
        "attention_placement": mechanism.placement,
        "attention_window": mechanism.window,
        "attention_heads": mechanism.heads,
        "input_feeding": mechanism.input_feeding,
        "coverage": mechanism.coverage,
    }


def config_of(mechanism, **options) -> ModelConfig:
    """A small model with a mechanism, without dropout unless the options say otherwise."""
    return ModelConfig(**{**SIZES, "dropout": 0.0, **options_of(mechanism), **options})


def model_of(mechanism, seed=1, dtype="float32", **options):
    """A model whose weights, biases included, are all of some size, so that each one matters."""
    config = config_of(mechanism, **options)
    made = RNNTranslator(config, VOCABULARY, VOCABULARY, seed=seed, dtype=dtype)
    random = np.random.default_rng(seed)
    set_arrays(made, {p: random.normal(0, 0.4, w.shape) for p, w in arrays_of(made).items()})
    return made


def tiny_model(name="bahdanau", **options):
    """As `model_of`, by a name of `MECHANISMS`."""
    return model_of(MECHANISMS[name], **options)


@functools.cache
def shared_model(name, cell="gru", layers=1):
    """One model for all tests that change nothing of it."""
    return tiny_model(name, cell=cell, encoder_layers=layers, decoder_layers=layers)


def logits_of(model, source_ids, decoder_inputs, **options):
    logits = model((np.asarray(source_ids), np.asarray(decoder_inputs)), **options)
    return np.asarray(ops.cast(logits, "float32"))


def forced(model, source_ids, decoder_inputs):
    """Logits (B, T, V) and attention (B, T, S), all positions at once."""
    logits, weights = model((source_ids, decoder_inputs), with_weights=True)
    return np.asarray(logits), np.asarray(weights)


def one_step(model, state, previous_ids):
    """A step of one hypothesis of each sentence: logits (B, V), attention (B, S), the new state."""
    logits, weights, state = model.step(state, np.asarray(previous_ids, "int32")[:, None])
    return logits[:, 0], weights[:, 0], state


def stepwise(model, source_ids, decoder_inputs):
    """The same, one position after the other."""
    state, logits, attention = model.start(source_ids), [], []
    for previous_ids in decoder_inputs.T:
        step, weights, state = one_step(model, state, previous_ids)
        logits.append(np.asarray(step))
        attention.append(np.asarray(weights))
    return np.stack(logits, axis=1), np.stack(attention, axis=1)


@functools.cache
def shared_results(name, cell="gru", layers=1):
    """What `forced` and `stepwise` give of a shared model for SOURCE and TARGET."""
    model = shared_model(name, cell, layers)
    return forced(model, SOURCE, TARGET), stepwise(model, SOURCE, TARGET)
