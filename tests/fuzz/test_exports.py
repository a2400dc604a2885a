"""Whatever an export has, it is loaded or refused with one line, and reads nothing outside."""

import json
import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import example, given
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from helpers.fuzzing import as_json, changed, damaged, fuzzed, is_read_or_refused, json_files
from nmtcli.engines import onnx_engine
from nmtcli.engines.ctranslate2_engine import CTranslate2Engine
from nmtcli.engines.onnx_engine import OnnxEngine
from nmtcli.errors import NmtError
from nmtcli.runs.exports import describe_checks, read_description
from nmtcli.text.subwords import Subwords

GOOD = {"accepted": True, "lines": 3, "bleu": {"float32": 1.5, "int8": 1.5, "shortlist": 1.5}}
FACTS = {
    "format": "onnx", "graphs": 2, "checkpoint": "best", "step": 3, "weights": "0" * 64,
    "vocabulary": 7, "source_vocabulary": 7, "has_attention": True, "has_window": False,
    "parts": {"source": 1, "decoder": 1}, "float32": GOOD, "int8": GOOD, "shortlist": GOOD,
    "files": {"float32/encode.onnx": 3}, "versions": {"nmtcli": "1"},
}  # fmt: skip
VALID = as_json(FACTS)


def graph(location: str = "", inside: bool = False) -> bytes:
    """A graph that adds four weights to its input; they are in a file if it has a location."""
    weights = numpy_helper.from_array(np.ones(4, dtype=np.float32), "w")
    if location:
        set_external_data(weights, location, 0, 16)
        weights.ClearField("raw_data")
    kinds = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    made = helper.make_graph(nodes, "g", kinds[:1], kinds[1:], [weights])
    if inside:
        branch = helper.make_graph(nodes, "b", [], kinds[1:], [weights])
        condition = numpy_helper.from_array(np.array(True), "c")
        node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
        made = helper.make_graph([node], "g", kinds[:1], kinds[1:], [condition])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of an export with one graph, and weights inside and outside of it."""
    folder = tmp_path_factory.mktemp("export") / "onnx"
    (folder / "float32").mkdir(parents=True)
    (folder / "nmt.json").write_bytes(VALID)
    for place in (folder / "float32" / "weights.bin", folder.parent / "secret.bin"):
        place.write_bytes(np.full(4, 7, dtype=np.float32).tobytes())
    return folder


def load(folder, data: bytes) -> None:
    """Load and run a graph."""
    (folder / "float32" / "encode.onnx").write_bytes(data)
    session = OnnxEngine(folder)._encode
    onnx_engine._run(session, ["y"], {"x": onnx_engine._value(np.ones(4, dtype=np.float32))})


@fuzzed
@given(json_files(VALID))
def test_a_description_of_any_bytes(folder, data):
    (folder / "nmt.json").write_bytes(data)
    facts = read_description(folder)
    assert facts is None or describe_checks(facts)
    is_read_or_refused(lambda: OnnxEngine(folder))
    (folder / "nmt.json").write_bytes(VALID)


@fuzzed
@given(changed(FACTS))
@example({**FACTS, "files": {"float32/encode.onnx": None}})
def test_a_description_of_other_values(folder, values):
    (folder / "nmt.json").write_bytes(as_json(values))
    facts = read_description(folder)
    assert facts is None or describe_checks(facts)
    is_read_or_refused(lambda: OnnxEngine(folder))
    (folder / "nmt.json").write_bytes(VALID)


@fuzzed
@given(damaged(graph()))
def test_a_graph_of_any_bytes(folder, data):
    try:
        load(folder, data)
    except NmtError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("checked_here", [False, True])
@pytest.mark.parametrize("location", ["../../secret.bin", "/etc/passwd", "x/../../../secret.bin"])
def test_a_graph_reads_no_weights_outside_of_its_folder(
    folder, location, checked_here, inside, monkeypatch
):
    if checked_here:  # as with an ONNX Runtime that does not check it
        monkeypatch.setattr(onnx_engine, "RUNTIME", (1, 20))
    elif onnx_engine.RUNTIME < onnx_engine.SAFE_RUNTIME:
        pytest.skip(f"ONNX Runtime {onnxruntime.__version__} does not check it")
    load(folder, graph("weights.bin", inside))
    with pytest.raises(NmtError, match=r"encode.onnx: .*make the export again"):
        load(folder, graph(location, inside))


def test_what_is_no_graph_is_refused_by_our_own_check_too(folder, monkeypatch):
    monkeypatch.setattr(onnx_engine, "RUNTIME", (1, 20))
    for data in (b"", b"\xff" * 100, onnx.__version__.encode()):
        with pytest.raises(NmtError, match="cannot be run"):
            load(folder, data)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"\x06\x00\x00\x00" + b"\xff" * 100])
def test_a_ctranslate2_model_that_is_none_is_refused(tmp_path, content, pytestconfig):
    model = pytestconfig.rootpath / "tests/end_to_end/runs/rnn/subwords.source.model"
    subwords = Subwords(model)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.bin").write_bytes(content)
    (tmp_path / "model" / "config.json").write_text(json.dumps({}))
    logging.getLogger("ctranslate2").setLevel(logging.CRITICAL)
    with pytest.raises(NmtError, match="CTranslate2 cannot read it"):
        CTranslate2Engine(tmp_path, subwords, subwords)
