"""Write a Transformer's weights as a CTranslate2 model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from keras import ops

from nmtcli.config.model import TRANSFORMER
from nmtcli.decoding.next_tokens import NEVER_PRODUCED
from nmtcli.errors import UsageError
from nmtcli.layers.positions import sinusoids
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, UNK_ID

POSITIONS = 4096  # the most source and target positions, more than any search uses
NEVER = -1e9  # the bias of tokens that no translation may have
EPSILON = 1e-6  # of layer normalisation, see `nmtcli.layers.transformer.make_norm`
ACTIVATIONS = {
    "relu": (common_spec.Activation.RELU, False),
    "gelu": (common_spec.Activation.GELU, False),
    "geglu": (common_spec.Activation.GELU, True),
    "swiglu": (common_spec.Activation.SWISH, True),
}


def check_model(options) -> None:
    """Check that CTranslate2 supports a model.

    Args:
        options: a `ModelConfig`.

    Raises:
        UsageError: it does not.
    """
    if options.architecture != TRANSFORMER:
        raise UsageError(
            "CTranslate2 knows no recurrent models; export this one with --format onnx"
        )
    if options.positions != "sinusoidal":
        raise UsageError(
            f"CTranslate2 knows no {options.positions} positions in an encoder-decoder; export"
            " this model with --format onnx"
        )


def write_model(
    model, source_pieces: Sequence[str], target_pieces: Sequence[str], folder: Path
) -> None:
    """Write a model in the format of CTranslate2.

    Args:
        model: a `TransformerTranslator` that passes `check_model`.
        source_pieces, target_pieces: the token of every id.
        folder: the folder to make.
    """
    config = model.config
    activation, glu = ACTIVATIONS[config.feed_forward]
    spec = transformer_spec.TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        model.mechanism.heads,
        pre_norm=config.normalization == "pre",
        activation=activation,
        ffn_glu=glu,
    )
    spec.config.layer_norm_epsilon = EPSILON
    pieces = {"bos_token": BOS_ID, "eos_token": EOS_ID, "unk_token": UNK_ID}
    for name, piece in pieces.items():
        setattr(spec.config, name, target_pieces[piece])
    spec.config.add_source_bos, spec.config.add_source_eos = False, True
    spec.config.decoder_start_token = target_pieces[BOS_ID]
    spec.register_source_vocabulary(list(source_pieces))
    spec.register_target_vocabulary(list(target_pieces))
    _set_side(spec.encoder, spec.encoder.embeddings[0], model.source_embedding, model.encoder_norm)
    _set_side(spec.decoder, spec.decoder.embeddings, model.target_embedding, model.decoder_norm)
    kernel, bias = (np.array(x) for x in model.output_layer())
    bias[list(NEVER_PRODUCED)] = NEVER
    _set_linear(spec.decoder.projection, [kernel], [bias])
    for found, layer in zip(spec.encoder.layer, model.encoder_layers):
        _set_layer(found, layer)
    for found, layer in zip(spec.decoder.layer, model.decoder_layers):
        _set_layer(found, layer)
        _set_cross_attention(found.attention, layer)
    spec.validate()
    folder.mkdir(parents=True)
    spec.save(str(folder))


def _set_side(side, embeddings, table, norm) -> None:
    embeddings.weight = _array(table)
    side.scale_embeddings = True
    size = embeddings.weight.shape[1]
    side.position_encodings.encodings = _array(sinusoids(np.arange(POSITIONS, dtype="int32"), size))
    if norm is not None:
        _set_norm(side.layer_norm, norm)


def _set_layer(spec, layer) -> None:
    """Set self-attention and feed-forward; the last norm belongs to the feed-forward."""
    attention = layer.self_attention
    _set_norm(spec.self_attention.layer_norm, layer.norms[0])
    _set_dense(spec.self_attention.linear[0], attention.projection)
    _set_dense(spec.self_attention.linear[1], attention.output_dense)
    feed = layer.feed_forward
    _set_norm(spec.ffn.layer_norm, layer.norms[-1])
    if feed.gate is None:
        _set_dense(spec.ffn.linear_0, feed.inner)
    else:
        _set_dense(spec.ffn.linear_0, feed.gate)
        _set_dense(spec.ffn.linear_0_noact, feed.inner)
    _set_dense(spec.ffn.linear_1, feed.outer)


def _set_cross_attention(spec, layer) -> None:
    attention = layer.cross_attention
    _set_norm(spec.layer_norm, layer.norms[1])
    read = attention.key_dense, attention.value_dense
    _set_dense(spec.linear[0], attention.query_dense)
    _set_linear(spec.linear[1], [part.kernel for part in read], [part.bias for part in read])
    _set_dense(spec.linear[2], attention.output_dense)


def _set_dense(spec, part) -> None:
    _set_linear(spec, [part.kernel], [part.bias])


def _set_linear(spec, kernels, biases) -> None:
    """Join several maps into one, with shape (outputs, inputs) as in CTranslate2."""
    kernel = np.concatenate([_array(kernel) for kernel in kernels], axis=1)
    spec.weight = np.ascontiguousarray(kernel.T)
    spec.bias = np.concatenate([_array(bias) for bias in biases])


def _set_norm(spec, norm) -> None:
    spec.gamma, spec.beta = _array(norm.gamma), _array(norm.beta)


def _array(value) -> np.ndarray:
    return np.array(ops.convert_to_numpy(value), dtype=np.float32)
