"""The files of an exported model: graphs that share one file of weights, in float32 and in int8."""

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnxruntime
from onnx.external_data_helper import set_external_data
from onnxruntime.quantization import QuantType, quantize_dynamic

WEIGHTS = "weights.bin"
SMALLEST = 1024  # bytes; what is smaller stays in the graph
ALIGNMENT = 4096  # of a weight in the file, so that it can be mapped into memory


def write_float32(graphs: dict[str, onnx.ModelProto], folder: Path) -> None:
    """Write graphs, with what is constant in them computed."""
    with tempfile.TemporaryDirectory() as scratch:
        raw, folded = Path(scratch, "raw.onnx"), Path(scratch, "folded.onnx")
        models = {}
        for name, graph in graphs.items():
            onnx.save(graph, raw)
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = str(folded)
            options.log_severity_level = 3
            onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
            models[name] = onnx.load(folded)
    _write(models, folder)


def write_int8(names, float32: Path, folder: Path) -> None:
    """Write the graphs of a folder with their weight matrices in 8 bits.

    Each column has a scale of its own; what a matrix is multiplied with is quantised when the graph
    runs, one scale for all of it ("dynamic" quantisation).
    """
    models = {}
    with _quiet_log(), tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "int8.onnx")
        for name in names:
            quantize_dynamic(
                float32 / f"{name}.onnx",
                written,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "EnableSubgraph": True},
            )
            models[name] = onnx.load(written)
    _write(models, folder)


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Without the warnings that the quantiser writes to the root logger."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _write(models: dict[str, onnx.ModelProto], folder: Path) -> None:
    """Write models, and each weight that several of them have once."""
    folder.mkdir(parents=True)
    places: dict[bytes, int] = {}
    with open(folder / WEIGHTS, "wb") as stream:
        for name, model in models.items():
            for tensor in _tensors(model.graph):
                _move(tensor, stream, places)
            onnx.save(model, folder / f"{name}.onnx")


def _tensors(graph):
    """The weights of a graph and of those inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)


def _move(tensor, stream, places: dict[bytes, int]) -> None:
    """A weight from a graph into the file."""
    data = onnx.numpy_helper.to_array(tensor).tobytes()
    if len(data) < SMALLEST:
        return
    key = hashlib.sha256(data).digest()
    if key not in places:
        stream.seek(-(-stream.tell() // ALIGNMENT) * ALIGNMENT)
        places[key] = stream.tell()
        stream.write(data)
    kind, shape, name = tensor.data_type, list(tensor.dims), tensor.name
    tensor.Clear()
    tensor.data_type, tensor.name = kind, name
    tensor.dims.extend(shape)
    tensor.raw_data = b""
    set_external_data(tensor, WEIGHTS, places[key], len(data))
    tensor.ClearField("raw_data")
