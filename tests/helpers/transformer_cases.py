"""The Transformers that every test of equivalences goes through, and tiny models of them."""

import functools

import numpy as np

from helpers.mechanism_cases import SOURCE, TARGET, VOCABULARY, forced, stepwise
from helpers.reference_transformer import Design
from nmtcli.config import ModelConfig
from nmtcli.models.transformer import TransformerTranslator
from nmtcli.models.weights import arrays_of, set_arrays

# Layers of the encoder and of the decoder differ, so that none is taken for the other.
SIZES = {
    "embedding_size": 8,
    "attention_heads": 2,
    "feed_forward_size": 10,
    "encoder_layers": 1,
    "decoder_layers": 2,
}
TRANSFORMERS = {
    "transformer": {},
    "transformer, post-norm": {"normalization": "post"},
    "transformer, rotary and swiglu": {"positions": "rotary", "feed_forward": "swiglu"},
    "transformer, post-norm, rotary and geglu": {
        "normalization": "post",
        "positions": "rotary",
        "feed_forward": "geglu",
    },
    "transformer, gelu and deep": {
        "feed_forward": "gelu",
        "encoder_layers": 2,
        "decoder_layers": 3,
        "tied_embeddings": "target",
    },
    "transformer, one head and untied": {"attention_heads": 1, "tied_embeddings": "none"},
}
# Those that stand in the table of how exact each model is.
MEASURED = list(TRANSFORMERS)[:3]
# Which cross-attention is returned: all heads of the last layer but one, and single ones.
ALIGNMENTS = [
    {"alignment_layer": layer, "alignment_head": head}
    for layer, head in ((0, 0), (1, 0), (2, 0), (0, 1), (2, 2))
]


def config_of(**options) -> ModelConfig:
    """A small Transformer, without dropout unless the options say otherwise."""
    return ModelConfig(**{"architecture": "transformer", "dropout": 0.0, **SIZES, **options})


def transformer_of(seed=1, dtype="float32", **options):
    """A model whose weights, biases and gains included, are all of some size."""
    config = config_of(**options)
    made = TransformerTranslator(config, VOCABULARY, VOCABULARY, seed=seed, dtype=dtype)
    random = np.random.default_rng(seed)
    set_arrays(made, {p: random.normal(0, 0.4, w.shape) for p, w in arrays_of(made).items()})
    return made


def tiny_model(name="transformer", **options):
    """As `transformer_of`, by a name of `TRANSFORMERS`."""
    return transformer_of(**{**TRANSFORMERS[name], **options})


def options_of(name) -> dict:
    """The options of `ModelConfig` that make such a model."""
    return {"architecture": "transformer", **SIZES, **TRANSFORMERS[name]}


def design_of(model) -> Design:
    """What the reference must know beside the weights."""
    config = model.config
    heads = model.mechanism.heads
    return Design(heads, config.feed_forward, config.normalization, config.positions)


@functools.cache
def shared_model(name="transformer"):
    """One model for all tests that change nothing of it."""
    return tiny_model(name)


@functools.cache
def shared_results(name="transformer"):
    """What `forced` and `stepwise` give of a shared model for SOURCE and TARGET."""
    model = shared_model(name)
    return forced(model, SOURCE, TARGET), stepwise(model, SOURCE, TARGET)
