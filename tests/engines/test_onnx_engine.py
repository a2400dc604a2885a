"""The exported engine: every model answers as it does in Keras, and nothing heavy is imported."""

import json
import subprocess
import sys

import numpy as np
import pytest

from helpers.covering import others_are_slow
from helpers.engine_cases import LIMITS, MODELS, SOURCE, UncompiledEngine, large_model
from nmtcli.data.batching import pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search
from nmtcli.engines.onnx_engine import OnnxEngine
from nmtcli.runs.exports import DESCRIPTION
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

TARGETS = pad([[6, 4], [9, 5, 7], [], [4]], 4, 5)
FULL_SOURCE = pad([[5, 7, 4], [8, 6, 9]], 2, 4)  # no padding


@pytest.fixture(scope="module", params=others_are_slow(MODELS))
def engines(request, tmp_path_factory):
    """A model in Keras and exported."""
    keras = UncompiledEngine(large_model(request.param))
    return keras, exported(keras, tmp_path_factory.mktemp("export"))


def exported(keras, folder):
    from nmtcli.exports.onnx_files import write_float32
    from nmtcli.exports.onnx_graphs import build_graphs, count_parts

    graphs = build_graphs(keras.model)
    write_float32(graphs, folder / "float32")
    facts = {
        "vocabulary": keras.vocabulary_size,
        "has_attention": keras.has_attention,
        "has_window": keras.has_window,
        "parts": {name: count_parts(graphs["encode"], name) for name in ("source", "decoder")},
    }
    (folder / DESCRIPTION).write_text(json.dumps(facts))
    return OnnxEngine(folder)


@pytest.mark.parametrize("source", [SOURCE, FULL_SOURCE])
def test_searches_find_what_they_find_in_keras(engines, source):
    limits = LIMITS[: len(source)]
    for search in (
        lambda engine: beam_search(engine, source, 4, 0.7, limits, nbest=4),
        lambda engine: [[best] for best in greedy_search(engine, source, 0.7, limits)],
    ):
        for expected, found in zip(*map(search, engines), strict=True):
            for one, same in zip(expected, found, strict=True):
                assert one.ids == same.ids
                assert one.log_prob == pytest.approx(same.log_prob, abs=1e-3)
                np.testing.assert_allclose(one.attention, same.attention, atol=1e-4)


def test_given_translations_are_scored_and_aligned_as_in_keras(engines):
    keras, onnx = engines
    for way in ("score", "align"):
        expected, found = (getattr(engine, way)(SOURCE, TARGETS) for engine in (keras, onnx))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (onnx.has_attention, onnx.has_window) == (keras.has_attention, keras.has_window)


@pytest.mark.parametrize("parents", [[2, 0, 0, 3, 2], [1], [3, 2, 1, 0]])
def test_rows_are_repeated_dropped_and_reordered_with_their_sentence(engines, parents):
    parents, begin = np.array(parents), np.array([6, 9, 4, 5])

    def steps(engine):
        first = engine.step(engine.start(SOURCE), np.arange(4), np.full(4, BOS_ID), 3)
        moved = engine.step(first.state, parents, begin[parents], 3)
        return moved, engine.step(moved.state, np.array([0, 0]), np.array([7, EOS_ID]), 3)

    for expected, found in zip(*map(steps, engines)):
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-3)
        np.testing.assert_allclose(found.attention, expected.attention, atol=1e-4)


def test_all_pieces_come_in_the_order_of_their_ids(engines):
    size = engines[0].vocabulary_size
    arguments = np.arange(4), np.full(4, BOS_ID)
    for engine in engines:
        ranked, unranked = (engine.step(engine.start(SOURCE), *arguments, k) for k in (size, None))
        np.testing.assert_array_equal(unranked.ids, [np.arange(size)] * 4)
        by_id = np.take_along_axis(unranked.log_probs, ranked.ids, axis=1)
        np.testing.assert_allclose(by_id, ranked.log_probs, rtol=1e-6, atol=1e-4)
        np.testing.assert_allclose(unranked.attention, ranked.attention, atol=1e-4)
        following = (
            engine.step(step.state, *arguments, 3).log_probs for step in (ranked, unranked)
        )
        np.testing.assert_allclose(*following, rtol=1e-6, atol=1e-4)


def test_the_engine_imports_no_framework(engines):
    code = f"""
import sys, numpy as np
from nmtcli.engines.onnx_engine import OnnxEngine
from nmtcli.decoding.beam import beam_search
source = np.array([[5, 7, {EOS_ID}, {PAD_ID}]], np.int32)
beam_search(OnnxEngine({str(engines[1].folder)!r}), source, 2, 1.0, np.array([4]))
heavy = {{"tensorflow", "keras", "jax", "onnx", "tf2onnx"}} & set(sys.modules)
sys.exit(", ".join(heavy) or 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
