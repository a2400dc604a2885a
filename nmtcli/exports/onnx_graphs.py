"""Build a model's ONNX graphs: encoding, a step of the search, and scoring of given targets.

TensorFlow traces the model's own code, which is then converted, so every mechanism is exported
unchanged. The graphs have these inputs and outputs:

    encode  source_ids (B, S) -> source_N, decoder_N: the arrays of the state, in their order
    step    k (1,), origins (B, W), previous_ids (B, W), source_N, decoder_N
            -> log_probs (B, W, k), ids (B, W, k), all_log_probs (B, W, V), attention (B, W, S),
            next_N
    forced  source_ids (B, S), decoder_inputs (B, T), target_ids (B, T)
            -> log_probs (B, T), attention (B, T, S)

and for a vocabulary shortlist, of U tokens:

    choose  pieces (U,) -> kernel (R, U), bias (U,): the output layer of these tokens
    among   a step with pieces (U,), kernel (R, U), allowed (B, U): added to the logits, with bias

Ids are int32, all other numbers float32.
"""

import logging
import warnings

import onnx
import tensorflow as tf
from keras import tree
from onnx import helper

from nmtcli.text.special_tokens import BOS_ID, EOS_ID

OPSET = 18
LETTERS = {  # names of the axes; the state's arrays and `allowed` begin with B
    "source_ids": "BS",
    "origins": "BW",
    "previous_ids": "BW",
    "decoder_inputs": "BT",
    "target_ids": "BT",
    "pieces": "U",
    "kernel": "RU",
}
IDS = tf.TensorSpec([None, None], tf.int32)


def build_graphs(model, has_shortlist: bool = False) -> dict[str, onnx.ModelProto]:
    """Build the graphs of a model by name; none of them is optimised yet.

    Args:
        model: a model in float32, on TensorFlow.
        has_shortlist: whether to build the graphs for a shortlist too.
    """
    source, decoder = _state_specs(model)
    graphs = {
        "encode": _encode(model),
        "step": _step(model, source, decoder),
        "forced": _forced(model),
    }
    if has_shortlist:
        graphs |= {"choose": _choose(model), "among": _among(model, source, decoder)}
    return graphs


def _encode(model):
    def encode(source_ids):
        state = model.start(source_ids)
        return {**_named("source", state["source"]), **_named("decoder", state["decoder"])}

    return _converted(encode, {"source_ids": IDS})


def _step(model, source, decoder):
    def step(state, previous_ids):
        return model.step(state, previous_ids)

    return _with_best_pieces(_of_state(step, model, source, decoder))


def _choose(model):
    def choose(pieces):
        return dict(zip(("kernel", "bias"), model.output_columns(pieces)))

    return _converted(choose, {"pieces": tf.TensorSpec([None], tf.int32)})


def _among(model, source, decoder):
    size = model.output_layer()[0].shape[0]
    shapes = {"kernel": [size, None], "allowed": [None, None]}

    def among(state, previous_ids, kernel, allowed):
        hidden, attention, state = model.decode_step(state, previous_ids)
        return tf.matmul(hidden, kernel) + allowed[:, None], attention, state

    more = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
    return _with_best_pieces(_of_state(among, model, source, decoder, more), of="pieces")


def _of_state(function, model, source, decoder, more=()):
    """Convert a step to a graph of a state, the previous tokens and more inputs."""
    more = dict(more)
    state = {**_named("source", source), **_named("decoder", decoder)}

    def step(origins, previous_ids, **parts):
        further = {name: parts.pop(name) for name in more}
        state = {
            "source": _packed(source, "source", parts),
            "decoder": model.reorder(_packed(decoder, "decoder", parts), origins),
        }
        logits, attention, state = function(state, previous_ids, **further)
        return {"logits": logits, "attention": attention, **_named("next", state["decoder"])}

    return _converted(step, {"origins": IDS, "previous_ids": IDS, **state, **more})


def _forced(model):
    def forced(source_ids, decoder_inputs, target_ids):
        log_probs, attention = model.score_targets(source_ids, decoder_inputs, target_ids)
        return {"log_probs": log_probs, "attention": attention}

    return _converted(forced, {"source_ids": IDS, "decoder_inputs": IDS, "target_ids": IDS})


# -- the state -----------------------------------------------------------------------------------


def _state_specs(model):
    """Describe source and decoder of a state by specs; an axis that may change is None."""
    small = model.start(tf.constant([[4, EOS_ID]] * 2))
    large = model.start(tf.constant([[4, 5, 6, 7, EOS_ID]] * 3))
    for width in (1, 4):
        origins = tf.zeros([3, width], tf.int32)
        large["decoder"] = model.reorder(large["decoder"], origins)
        large = model.step(large, tf.fill([3, width], BOS_ID))[2]

    def spec(one, other):
        axes = [n if n == m else None for n, m in zip(one.shape, other.shape)]
        return tf.TensorSpec(axes, one.dtype)

    specs = tree.map_structure(spec, small, large)
    return specs["source"], specs["decoder"]


def _named(prefix, structure) -> dict:
    return {f"{prefix}_{n}": x for n, x in enumerate(tree.flatten(structure))}


def _packed(structure, prefix, parts):
    count = len(tree.flatten(structure))
    return tree.pack_sequence_as(structure, [parts[f"{prefix}_{n}"] for n in range(count)])


# -- conversion ----------------------------------------------------------------------------------


def _converted(function, inputs: dict) -> onnx.ModelProto:
    """Convert a function from named tensors to a dictionary of them to ONNX, with these names."""
    from tf2onnx import tf_loader
    from tf2onnx.optimizer import IdentityOptimizer, LoopOptimizer, optimize_graph
    from tf2onnx.tfonnx import process_tf_graph

    specs = {name: tf.TensorSpec(x.shape, x.dtype, name=name) for name, x in inputs.items()}
    concrete = tf.function(function, autograph=False).get_concrete_function(**specs)
    found = [x.name for x in concrete.inputs if x.dtype != tf.resource]
    outputs = concrete.structured_outputs
    names = {f"{name}:0": name for name in inputs}
    for name, tensor in zip(sorted(outputs), concrete.outputs):  # the order in a dictionary
        names[tensor.name] = name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        graph_def = tf_loader.from_function(concrete, found, [x.name for x in concrete.outputs])
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
            converted = process_tf_graph(
                graph,
                opset=OPSET,
                input_names=found,
                output_names=[x.name for x in concrete.outputs],
                tensors_to_rename=names,
            )
        # Only the optimisers that make a graph valid: one in version 1.17 joins two reshapes even
        # if the shape between them is used. ONNX Runtime's optimisers do the same work.
        needed = {"loops": LoopOptimizer, "identities": IdentityOptimizer}
        converted = optimize_graph(converted, catch_errors=False, optimizers=needed)
    model = converted.make_model("nmt")
    for value in model.graph.input:
        _name_axes(value)
    return model


def _name_axes(value: onnx.ValueInfoProto) -> None:
    """Name the variable sizes of an input; axes of one name have one size."""
    sizes = value.type.tensor_type.shape.dim
    letters = LETTERS.get(value.name, "B")
    for n, size in enumerate(sizes):
        if not size.HasField("dim_value"):
            size.dim_param = letters[n] if n < len(letters) else f"{value.name}_{n}"


def _with_best_pieces(model: onnx.ModelProto, of: str | None = None) -> onnx.ModelProto:
    """Replace a step's logits by the log-probabilities and the k best tokens.

    Args:
        of: the name of a new input, the token ids of the logits; None: all token ids.

    ONNX Runtime's LogSoftmax is vectorised, its ReduceLogSumExp is not: computing all V logarithms
    is several times as fast as the sum and k logarithms.
    """
    graph = model.graph
    k = helper.make_tensor_value_info("k", onnx.TensorProto.INT64, [1])
    number = onnx.TensorProto.FLOAT
    numbers = {"log_probs": number, "ids": onnx.TensorProto.INT32, "all_log_probs": number}
    if of is not None:
        graph.input.append(helper.make_tensor_value_info(of, onnx.TensorProto.INT32, [None]))
    graph.node.extend(
        [
            helper.make_node("LogSoftmax", ["logits"], ["all_log_probs"], axis=-1),
            helper.make_node("TopK", ["all_log_probs", "k"], ["log_probs", "places"], axis=-1),
            helper.make_node("Cast", ["places"], ["ids"], to=onnx.TensorProto.INT32)
            if of is None
            else helper.make_node("Gather", [of, "places"], ["ids"]),
        ]
    )
    kept = [output for output in graph.output if output.name != "logits"]
    del graph.output[:]
    axes = [None, None, None]
    graph.output.extend(
        [helper.make_tensor_value_info(name, kind, axes) for name, kind in numbers.items()] + kept
    )
    graph.input.append(k)
    return model


def count_parts(model: onnx.ModelProto, prefix: str) -> int:
    """Count the arrays of the state that an encoder returns under a prefix."""
    return sum(output.name.startswith(f"{prefix}_") for output in model.graph.output)
