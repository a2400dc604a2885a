"""Use each public layer as a user of Keras does; run as a program, print what works.

    python -m helpers.keras_contract [LAYER ...]      as JSON: layer -> check -> "" or the error
    python -m helpers.keras_contract --table          as a table

The backend is that of KERAS_BACKEND. Inputs are sequences, (batch, time, size).
"""

import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from nmtcli import layers

B, T, S, D = 2, 4, 5, 8
VOCABULARY = 9


class DoesNotApply(Exception):
    """A check does not apply to a layer."""


@dataclass(frozen=True)
class Case:
    """A layer and how it is used.

    make: makes it from keyword arguments of every layer.
    times: the length of each input.
    masked: which input's mask matters: padding of that input must change nothing. None: the mask
        of the first input is passed on.
    has_dropout: whether `make` sets a dropout.
    as_list: whether the inputs are one list.
    padded_axis: the axis of the output along which that padding lies, if it has one.
    """

    make: Callable
    times: tuple
    masked: int | None = None
    has_dropout: bool = False
    as_list: bool = False
    padded_axis: int | None = None

    def arrays(self):
        random = np.random.default_rng(1)
        return [random.normal(size=(B, t, D)).astype("float32") for t in self.times]

    def __call__(self, layer, inputs, **options):
        """Call the layer; the first result if there are several."""
        found = layer(list(inputs), **options) if self.as_list else layer(*inputs, **options)
        return found[-1] if isinstance(found, (list, tuple)) else found


def in_keras_order(**options):
    """Make attention that is called with a list, [query, value], as Keras's own."""
    return layers.Attention("additive", units=6, dropout=0.5, seed=1, **options)


def in_rnn(cell):
    return lambda **options: keras.layers.RNN(
        cell(6, recurrent_dropout=0.5, seed=1, **options), return_sequences=True, **options
    )


DROPPED = {"dropout": 0.5, "seed": 1}
CASES = {
    "AdditiveAttention": Case(
        lambda **o: layers.AdditiveAttention(6, **DROPPED, **o), (T, S), 1, True
    ),
    "AdditiveScore": Case(lambda **o: layers.AdditiveScore(6, **o), (T, S)),
    "Attention": Case(lambda **o: layers.Attention("scaled-dot", **DROPPED, **o), (T, S), 1, True),
    "Attention, general, local-m": Case(
        lambda **o: layers.Attention("general", "local-m", 1, **DROPPED, **o), (T, S), 1, True
    ),
    "Attention, concat, local-p": Case(
        lambda **o: layers.Attention("concat", "local-p", 9, 6, **DROPPED, **o), (T, S), 1, True
    ),
    "Attention, location": Case(
        lambda **o: layers.Attention("location", positions=9, **DROPPED, **o), (T, S), 1, True
    ),
    "Attention, in Keras's order": Case(in_keras_order, (T, S), 1, True, as_list=True),
    "ConcatScore": Case(lambda **o: layers.ConcatScore(6, **o), (T, S)),
    "CrossAttention": Case(lambda **o: layers.CrossAttention(2, **DROPPED, **o), (T, S), 1, True),
    "DecoderLayer": Case(lambda **o: layers.DecoderLayer(2, 6, **DROPPED, **o), (T, S), 1, True),
    "DotScore": Case(lambda **o: layers.DotScore(scaled=True, **o), (T, S)),
    "EncoderLayer": Case(
        lambda **o: layers.EncoderLayer(2, 6, **DROPPED, **o), (T,), 0, True, padded_axis=1
    ),
    "FeedForward": Case(lambda **o: layers.FeedForward(6, **DROPPED, **o), (T,), None, True),
    "GRUCell": Case(in_rnn(layers.GRUCell), (T,), 0, True, padded_axis=1),
    "GeneralScore": Case(lambda **o: layers.GeneralScore(**o), (T, S)),
    "LSTMCell": Case(in_rnn(layers.LSTMCell), (T,), 0, True, padded_axis=1),
    "LocationScore": Case(lambda **o: layers.LocationScore(9, **o), (T, S)),
    "MonotonicWindow": Case(lambda **o: layers.MonotonicWindow(1, **o), (T, S), 1, padded_axis=2),
    "MultiHeadAttention": Case(
        lambda **o: layers.MultiHeadAttention(2, 6, **DROPPED, **o), (T, S), 1, True
    ),
    "PositionalEncoding": Case(lambda **o: layers.PositionalEncoding(**o), (T,)),
    "PredictiveWindow": Case(
        lambda **o: layers.PredictiveWindow(2, 6, **o), (T, S), 1, padded_axis=2
    ),
    "Readout": Case(lambda **o: layers.Readout(6, "maxout", **o), (T, T, T)),
    "SelfAttention": Case(
        lambda **o: layers.SelfAttention(2, **DROPPED, **o), (T,), 0, True, padded_axis=1
    ),
}


# -- the checks ------------------------------------------------------------------------------------


def unbuilt_call(case: Case) -> None:
    """Called unbuilt, on arrays and on symbols: the same shape, and in a model the same numbers."""
    arrays, layer = case.arrays(), case.make()
    eager = case(layer, arrays)
    inputs = [keras.Input(array.shape[1:]) for array in arrays]
    symbolic = case(layer, inputs)
    assert len(symbolic.shape) == len(eager.shape) and symbolic.shape[-1] in (None, eager.shape[-1])
    model = keras.Model(inputs, symbolic)
    np.testing.assert_allclose(model(arrays), eager, atol=1e-6)
    again = case.make()
    case(again, inputs)  # now the first call is symbolic
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]


def saved_and_loaded(case: Case) -> None:
    """Made again from its configuration, and saved inside a functional model that was fitted."""
    arrays, layer = case.arrays(), case.make(name="layer")
    again = type(layer).from_config(layer.get_config())
    assert json.dumps(again.get_config()) == json.dumps(layer.get_config())
    inputs = [keras.Input((None, D)) for _ in arrays]
    outputs = keras.layers.Lambda(_mean, output_shape=())(case(layer, inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", jit_compile=False)
    before = [np.array(w.value) for w in layer.trainable_weights]
    targets = np.ones((B,), "float32")
    model.fit(arrays if len(arrays) > 1 else arrays[0], targets, epochs=1, verbose=0)
    moved = [np.abs(np.array(w.value) - b).max() for w, b in zip(layer.trainable_weights, before)]
    assert not moved or max(moved) > 0 or "Window" in type(layer).__name__
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path, safe_mode=False)
    given = arrays if len(arrays) > 1 else arrays[0]
    np.testing.assert_array_equal(np.asarray(loaded(given)), np.asarray(model(given)))


@keras.saving.register_keras_serializable(package="tests")
def _mean(x):
    return ops.mean(ops.reshape(ops.cast(x, "float32"), (ops.shape(x)[0], -1)), axis=-1)


def mask_from_embedding(case: Case) -> None:
    """Padding that `Embedding(mask_zero=True)` masks changes nothing, or the mask is passed on."""
    layer, embedding = case.make(), keras.layers.Embedding(VOCABULARY, D, mask_zero=True)
    random = np.random.default_rng(2)
    ids = [random.integers(1, VOCABULARY, size=(B, t)) for t in case.times]
    if case.masked is None:
        ids[0][0, -2:] = 0
        embedded = [embedding(part) for part in ids]
        found = case(layer, embedded)
        np.testing.assert_array_equal(np.asarray(found._keras_mask), ids[0] != 0)
        return
    short = case(layer, [embedding(part) for part in ids])
    ids[case.masked] = np.pad(ids[case.masked], [[0, 0], [0, 3]])
    padded = np.asarray(case(layer, [embedding(part) for part in ids]))
    if case.padded_axis is not None:
        length = case.times[case.masked]
        padded = np.take(padded, range(length), axis=case.padded_axis)
    np.testing.assert_allclose(padded, short, atol=1e-5)
    symbols = [keras.Input((None,), dtype="int32") for _ in ids]
    model = keras.Model(symbols, case(layer, [embedding(symbol) for symbol in symbols]))
    whole = np.asarray(model(ids if len(ids) > 1 else ids[0]))
    if case.padded_axis is not None:
        whole = np.take(whole, range(length), axis=case.padded_axis)
    np.testing.assert_allclose(whole, short, atol=1e-5)


def bfloat16(case: Case) -> None:
    """With the policy mixed_bfloat16: weights in float32, numbers near those of float32."""
    arrays, precise = case.arrays(), case.make()
    expected = np.asarray(case(precise, arrays))
    layer = case.make(dtype="mixed_bfloat16")
    case(layer, arrays)
    layer.set_weights(precise.get_weights())
    found = case(layer, arrays)
    types = {keras.backend.standardize_dtype(w.dtype) for w in layer.trainable_weights}
    assert types <= {"float32"}
    kind = keras.backend.standardize_dtype(found.dtype)
    as_float = "Score" in type(layer).__name__ or "Window" in type(layer).__name__
    assert kind == ("float32" if as_float else "bfloat16"), kind
    found = np.asarray(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, expected, atol=0.06 * max(1.0, np.abs(expected).max()))


def training_argument(case: Case) -> None:
    """Dropout acts with `training=True` alone, differs from call to call, and obeys the seed."""
    if not case.has_dropout:
        raise DoesNotApply
    arrays, layer = case.arrays(), case.make()
    plain = np.asarray(case(layer, arrays))
    np.testing.assert_array_equal(np.asarray(case(layer, arrays, training=False)), plain)
    one, other = (np.asarray(case(layer, arrays, training=True)) for _ in range(2))
    assert (one != plain).any() and (one != other).any()
    again = case.make()
    for _ in range(2):  # as often as above: `keras.layers.RNN` draws masks in every call
        case(again, arrays, training=False)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(case(again, arrays, training=True)), one)


def layer_test(case: Case) -> None:
    """Keras's own `run_layer_test`, for layers of one input."""
    if len(case.times) > 1 and not case.as_list:
        raise DoesNotApply
    from keras.src.testing import TestCase

    class Tested(TestCase):
        def runTest(self):
            config = case.make().get_config()
            kind = type(case.make())
            if kind is keras.layers.RNN:
                config = {"cell": case.make().cell, "return_sequences": True}
            for name in ("name", "dtype", "trainable"):
                config.pop(name, None)
            shapes = [(B, time, D) for time in case.times]
            shape = shapes if case.as_list else shapes[0]
            # Its training check cannot make batches of lists.
            check = {"run_training_check": not case.as_list}
            self.run_layer_test(kind, config, input_shape=shape, **check)

    test = Tested()
    test.setUp()
    test.runTest()


CHECKS = {
    "unbuilt call": unbuilt_call,
    "saved and loaded": saved_and_loaded,
    "mask": mask_from_embedding,
    "bfloat16": bfloat16,
    "training=": training_argument,
    "run_layer_test": layer_test,
}


def run(names) -> dict:
    """Run all checks; return layer -> check -> "" if it holds, None if it does not apply, or the
    error."""
    results = {}
    for name in names:
        results[name] = {}
        for check, function in CHECKS.items():
            try:
                function(CASES[name])
                results[name][check] = ""
            except DoesNotApply:
                results[name][check] = None
            except Exception:
                results[name][check] = traceback.format_exc(limit=-4)
    return results


def table(results: dict) -> str:
    """Return the results as a table in Markdown."""
    signs = {"": "yes", None: "-"}
    rows = [
        " | ".join([name, *(signs.get(found, "NO") for found in checks.values())])
        for name, checks in results.items()
    ]
    head = " | ".join([f"layer ({keras.backend.backend()})", *CHECKS])
    return "\n".join(f"| {row} |" for row in [head, "|".join("-" * (1 + len(CHECKS))), *rows])


if __name__ == "__main__":
    if keras.backend.backend() == "tensorflow":  # optimising tiny graphs takes longer than running
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": True}
        )
    arguments = sys.argv[1:]
    chosen = [name for name in arguments if name != "--table"] or list(CASES)
    found = run(chosen)
    print(table(found) if "--table" in arguments else json.dumps(found))
