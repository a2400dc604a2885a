"""Replace shapes that a graph computes while it runs by shapes that are known before.

A traced model computes the sizes of its arrays over and over: these are half of the nodes of a
decoding step, and every node costs a few microseconds, however small its result.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

SAME, REST = 0, -1  # in the shape of a `Reshape`: the input's size, and the remaining size


def with_known_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let a model's reshapes take their shapes from constants and input sizes where possible.

    Args:
        model: a model in which input axes of the same name have the same size.
    """
    model = shape_inference.infer_shapes(model, data_prop=True)
    graph = model.graph
    shapes = {v.name: _axes(v) for v in (*graph.input, *graph.value_info, *graph.output)}
    sizes = _Sizes(graph, shapes)
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] in sizes.constants:
            continue
        if any(attribute.name == "allowzero" and attribute.i for attribute in node.attribute):
            continue
        old, new = (shapes.get(name) for name in (node.input[0], node.output[0]))
        if old and new and (known := _known(old, new, sizes.inputs)):
            node.input[1] = sizes.shape(known)
    graph.node.extend(sizes.nodes.values())
    _sort_and_prune(graph)
    del graph.value_info[:]
    return model


def _axes(value) -> list | None:
    """Return a number, a name or None for each axis."""
    shape = value.type.tensor_type.shape
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in shape.dim]


def _known(old: list, new: list, names) -> tuple | None:
    """Find a reshape's value for each axis: a number, `SAME`, `REST`, or the name of a size."""
    found, rest = [], 0
    for place, axis in enumerate(new):
        if isinstance(axis, int):
            found.append(axis if axis > 0 else None)
        elif axis is not None and place < len(old) and old[place] == axis:
            found.append(SAME)
        elif axis in names:
            found.append(axis)
        else:
            found.append(REST)
            rest += 1
    return None if rest > 1 or None in found else tuple(found)


class _Sizes:
    """Makes shapes from constants and from sizes of a graph's inputs, each shape once.

    constants: the names of the graph's constants.
    inputs: for each name of an axis an input that has it, and its place there.
    nodes: the new nodes by their output.
    """

    def __init__(self, graph: onnx.GraphProto, shapes: dict):
        self.graph = graph
        self.constants = {tensor.name for tensor in graph.initializer}
        self.inputs = {
            axis: (value.name, place)
            for value in reversed(graph.input)
            for place, axis in enumerate(shapes[value.name])
            if isinstance(axis, str)
        }
        self.nodes: dict[str, onnx.NodeProto] = {}

    def shape(self, axes: tuple) -> str:
        """Return the name of a shape, (n,) int64."""
        if not any(isinstance(axis, str) for axis in axes):
            return self._constant(axes)
        parts = [self._size(a) if isinstance(a, str) else self._constant((a,)) for a in axes]
        return self._node(f"shape_{'_'.join(map(str, axes))}", "Concat", parts, axis=0)

    def _size(self, axis: str) -> str:
        name, place = self.inputs[axis]
        return self._node(f"size_of_{axis}", "Shape", [name], start=place, end=place + 1)

    def _node(self, name: str, kind: str, inputs: list[str], **attributes) -> str:
        if name not in self.nodes:
            self.nodes[name] = helper.make_node(kind, inputs, [name], **attributes)
        return name

    def _constant(self, values: tuple) -> str:
        name = f"known_{'_'.join(map(str, values))}"
        if name not in self.constants:
            self.constants.add(name)
            array = np.array(values, dtype=np.int64)
            self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name


def _sort_and_prune(graph: onnx.GraphProto) -> None:
    """Sort nodes so that each comes after its inputs, and remove the unused ones."""
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output}
    order: list[int] = []
    done: set[int] = set()
    waiting = [makers[output.name] for output in reversed(graph.output) if output.name in makers]
    while waiting:
        place = waiting[-1]
        needed = {makers[name] for name in _reads(graph.node[place]) if name in makers} - done
        if place in done:
            waiting.pop()
        elif needed:
            waiting.extend(sorted(needed, reverse=True))
        else:
            done.add(place)
            order.append(place)
    nodes = [graph.node[place] for place in order]
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in _reads(node)}
    read |= {output.name for output in graph.output}
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """Return the inputs of a node, and those that the graphs inside it read from outside."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _reads(inner)
            yield from (output.name for output in attribute.g.output)
