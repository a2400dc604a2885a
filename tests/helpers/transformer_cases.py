"""The Transformers that every test of equivalences goes through, and tiny models of them."""

import functools

import numpy as np

from helpers.mechanism_cases import SOURCE, TARGET, VOCABULARY, forced, stepwise
from helpers.reference_transformer import Design
from nmtcli.models.transformer import TransformerRates, TransformerSizes, TransformerTranslator
from nmtcli.models.weights import arrays_of, set_arrays

# Layers of the encoder and of the decoder differ, so that none is taken for the other.
SIZES = {
    "source_vocabulary": VOCABULARY,
    "target_vocabulary": VOCABULARY,
    "size": 8,
    "heads": 2,
    "feed_forward": 10,
    "encoder_layers": 1,
    "decoder_layers": 2,
}
TRANSFORMERS = {
    "transformer": {},
    "transformer, post-norm": {"normalization": "post"},
    "transformer, rotary and swiglu": {"positions": "rotary", "feed_forward_kind": "swiglu"},
    "transformer, post-norm, rotary and geglu": {
        "normalization": "post",
        "positions": "rotary",
        "feed_forward_kind": "geglu",
    },
    "transformer, gelu and deep": {
        "feed_forward_kind": "gelu",
        "encoder_layers": 2,
        "decoder_layers": 3,
        "tied_embeddings": "target",
    },
    "transformer, one head and untied": {"heads": 1, "tied_embeddings": "none"},
}
# Those that stand in the table of how exact each model is.
MEASURED = list(TRANSFORMERS)[:3]
# Which cross-attention is shown: all heads of the last layer but one, and single ones.
SHOWN = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 2)]


def transformer_of(rates=None, shown=(0, 0), seed=1, dtype="float32", **sizes):
    """A model whose weights, biases and gains included, are all of some size."""
    made = TransformerTranslator(
        TransformerSizes(**{**SIZES, **sizes}), rates or TransformerRates(), shown, seed, dtype
    )
    random = np.random.default_rng(seed)
    set_arrays(made, {p: random.normal(0, 0.4, w.shape) for p, w in arrays_of(made).items()})
    return made


def tiny_transformer(name="transformer", **options):
    """As `transformer_of`, by a name of `TRANSFORMERS`."""
    return transformer_of(**{**TRANSFORMERS[name], **options})


def options_of(name) -> dict:
    """The options of `ModelConfig` that make such a model."""
    sizes = {**SIZES, **TRANSFORMERS[name]}
    return {
        "architecture": "transformer",
        "embedding_size": sizes["size"],
        "attention_heads": sizes["heads"],
        "feed_forward_size": sizes["feed_forward"],
        "feed_forward": sizes.get("feed_forward_kind", "relu"),
        "encoder_layers": sizes["encoder_layers"],
        "decoder_layers": sizes["decoder_layers"],
        "normalization": sizes.get("normalization", "pre"),
        "positions": sizes.get("positions", "sinusoidal"),
    }


def design_of(model) -> Design:
    """What the reference must know beside the weights."""
    return Design(*(getattr(model.sizes, name) for name in Design._fields))


@functools.cache
def shared_transformer(name="transformer"):
    """One model for all tests that change nothing of it."""
    return tiny_transformer(name)


@functools.cache
def shared_results(name="transformer"):
    """What `forced` and `stepwise` give of a shared model for SOURCE and TARGET."""
    model = shared_transformer(name)
    return forced(model, SOURCE, TARGET), stepwise(model, SOURCE, TARGET)
