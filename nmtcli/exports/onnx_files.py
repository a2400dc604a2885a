"""Write the files of an export: graphs that share one file of weights, in float32 and in int8."""

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.external_data_helper import set_external_data
from onnxruntime.quantization import QuantType, quantize_dynamic

from nmtcli.exports.onnx_shapes import with_known_shapes

WEIGHTS = "weights.bin"
SCALE = "kernel_scale"  # the scale of each column of the chosen output layer in 8 bits
SMALLEST = 1024  # bytes; smaller weights stay in the graph
ALIGNMENT = 4096  # bytes, so that weights in the file can be mapped into memory


def write_float32(graphs: dict[str, onnx.ModelProto], folder: Path) -> None:
    """Write graphs with constants folded and known shapes filled in."""
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
            models[name] = with_known_shapes(onnx.load(folded))
            _write_squares_as_powers(models[name].graph)
    _write(models, folder)


def _write_squares_as_powers(graph: onnx.GraphProto) -> None:
    """Rewrite squares so that ONNX Runtime fuses a layer normalisation into one node."""
    two = onnx.numpy_helper.from_array(np.array(2.0, dtype=np.float32), "two")
    for node in graph.node:
        if node.op_type == "Mul" and node.input[0] == node.input[1]:
            node.op_type, node.input[1] = "Pow", two.name
            if two not in graph.initializer:
                graph.initializer.append(two)


def write_int8(names, float32: Path, folder: Path, output_layer, precise=()) -> None:
    """Write the graphs of a folder with their weight matrices in 8 bits.

    Each column has its own scale. The other factor of a product is quantised when the graph runs,
    with one scale for the whole array ("dynamic" quantisation).

    Args:
        names: the names of the graphs.
        output_layer: its matrix (R, V) and bias (V,), from which the graph `choose` selects.
        precise: the names of the graphs that stay in float32.
    """
    models = {}
    with _quiet_log(), tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "int8.onnx")
        for name in names:
            models[name] = onnx.load(float32 / f"{name}.onnx")
            if name in precise:
                continue
            quantize_dynamic(
                float32 / f"{name}.onnx",
                written,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "EnableSubgraph": True},
            )
            models[name] = onnx.load(written)
    if "choose" in models:
        models["choose"] = _choose_in_8_bits(*output_layer, models["choose"])
        _multiply_in_8_bits(models["among"].graph)
    _write(models, folder)


def _choose_in_8_bits(kernel, bias, model: onnx.ModelProto) -> onnx.ModelProto:
    """Make `choose` with an int8 matrix and its scales (U,)."""
    scales = np.maximum(np.abs(kernel).max(axis=0), 1e-12) / 127
    columns = np.rint(kernel / scales).astype(np.int8).T
    arrays = {"columns": columns, "scales": scales, "biases": bias}
    weights = [onnx.numpy_helper.from_array(x, name) for name, x in arrays.items()]
    nodes = [
        helper.make_node("Gather", ["columns", "pieces"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["kernel"], perm=[1, 0]),
        helper.make_node("Gather", ["biases", "pieces"], ["bias"]),
        helper.make_node("Gather", ["scales", "pieces"], [SCALE]),
    ]
    outputs = [
        helper.make_tensor_value_info("kernel", onnx.TensorProto.INT8, [None, None]),
        helper.make_tensor_value_info("bias", onnx.TensorProto.FLOAT, [None]),
        helper.make_tensor_value_info(SCALE, onnx.TensorProto.FLOAT, [None]),
    ]
    graph = helper.make_graph(nodes, "choose", model.graph.input, outputs, weights)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _multiply_in_8_bits(graph: onnx.GraphProto) -> None:
    """Make the product with the chosen output layer integer; ONNX Runtime fuses it to one node."""
    (place,) = (i for i, node in enumerate(graph.node) if "kernel" in node.input)
    product = graph.node[place]
    if product.op_type != "MatMul" or product.input[1] != "kernel":
        raise ValueError(f"the chosen output layer is read by {product.op_type}")
    parts = ["quantized", "one_scale", "zero"]
    nodes = [
        helper.make_node("DynamicQuantizeLinear", [product.input[0]], parts),
        helper.make_node("MatMulInteger", ["quantized", "kernel", "zero"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["floating"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["one_scale", SCALE], ["both_scales"]),
        helper.make_node("Mul", ["floating", "both_scales"], [product.output[0]]),
    ]
    for node in reversed(nodes):
        graph.node.insert(place, node)
    graph.node.remove(product)
    for found in graph.input:
        if found.name == "kernel":
            found.type.tensor_type.elem_type = onnx.TensorProto.INT8
    graph.input.append(helper.make_tensor_value_info(SCALE, onnx.TensorProto.FLOAT, [None]))


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Suppress the warnings that the quantiser writes to the root logger."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _write(models: dict[str, onnx.ModelProto], folder: Path) -> None:
    """Write models; a weight that several of them share is written once."""
    folder.mkdir(parents=True)
    places: dict[bytes, int] = {}
    with open(folder / WEIGHTS, "wb") as stream:
        for name, model in models.items():
            for tensor in _tensors(model.graph):
                _move(tensor, stream, places)
            onnx.save(model, folder / f"{name}.onnx")


def _tensors(graph):
    """Yield the weights of a graph and of the graphs inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)


def _move(tensor, stream, places: dict[bytes, int]) -> None:
    """Move a weight from a graph into the file."""
    data = onnx.numpy_helper.to_array(tensor).tobytes()
    if len(data) < SMALLEST:
        return
    key = hashlib.sha256(data).digest()
    if key not in places:
        stream.seek(-(-stream.tell() // ALIGNMENT) * ALIGNMENT)
        places[key] = stream.tell()
        stream.write(data)
    kept = {"data_type": tensor.data_type, "dims": tensor.dims, "name": tensor.name}
    moved = onnx.TensorProto(**kept, raw_data=b"")
    set_external_data(moved, WEIGHTS, places[key], len(data))
    moved.ClearField("raw_data")
    tensor.CopyFrom(moved)
