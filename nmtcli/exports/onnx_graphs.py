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

    def encode(source_ids):
        return _named_state(model.start(source_ids))

    def forced(source_ids, decoder_inputs, target_ids):
        log_probs, attention = model.score_targets(source_ids, decoder_inputs, target_ids)
        return {"log_probs": log_probs, "attention": attention}

    def choose(pieces):
        return dict(zip(("kernel", "bias"), model.output_columns(pieces)))

    def among(state, previous_ids, kernel, allowed):
        hidden, attention, state = model.decode_step(state, previous_ids)
        return tf.matmul(hidden, kernel) + allowed[:, None], attention, state

    specs = _state_specs(model)
    targets = {"decoder_inputs": IDS, "target_ids": IDS}
    graphs = {
        "encode": _converted(encode, {"source_ids": IDS}),
        "step": _with_best_pieces(_of_state(model.step, model, specs)),
        "forced": _converted(forced, {"source_ids": IDS, **targets}),
    }
    if has_shortlist:
        kernel = tf.TensorSpec([model.output_layer()[0].shape[0], None], tf.float32)
        allowed = tf.TensorSpec([None, None], tf.float32)
        graph = _of_state(among, model, specs, kernel=kernel, allowed=allowed)
        graphs["choose"] = _converted(choose, {"pieces": tf.TensorSpec([None], tf.int32)})
        graphs["among"] = _with_best_pieces(graph, of="pieces")
    return graphs


def _of_state(function, model, specs, **more):
    """Convert a step to a graph of a state, the previous tokens and more inputs."""

    def step(origins, previous_ids, **parts):
        further = {name: parts.pop(name) for name in more}
        state = {
            "source": _packed(specs["source"], "source", parts),
            "decoder": model.reorder(_packed(specs["decoder"], "decoder", parts), origins),
        }
        logits, attention, state = function(state, previous_ids, **further)
        return {"logits": logits, "attention": attention, **_named("next", state["decoder"])}

    inputs = {"origins": IDS, "previous_ids": IDS, **_named_state(specs), **more}
    return _converted(step, inputs)


# -- the state -----------------------------------------------------------------------------------


def _state_specs(model):
    """Describe the tensors of a state by specs; an axis that may change is None."""
    small = model.start(tf.constant([[4, EOS_ID]] * 2))
    large = model.start(tf.constant([[4, 5, 6, 7, EOS_ID]] * 3))
    for width in (1, 4):
        origins = tf.zeros([3, width], tf.int32)
        large["decoder"] = model.reorder(large["decoder"], origins)
        large = model.step(large, tf.fill([3, width], BOS_ID))[2]

    def spec(one, other):
        axes = [n if n == m else None for n, m in zip(one.shape, other.shape)]
        return tf.TensorSpec(axes, one.dtype)

    return tree.map_structure(spec, small, large)


def _named_state(state) -> dict:
    return {**_named("source", state["source"]), **_named("decoder", state["decoder"])}


def _named(prefix, structure) -> dict:
    return {f"{prefix}_{n}": x for n, x in enumerate(tree.flatten(structure))}


def _packed(structure, prefix, parts):
    return tree.pack_sequence_as(structure, [parts[name] for name in _named(prefix, structure)])


# -- conversion ----------------------------------------------------------------------------------


def _converted(function, inputs: dict) -> onnx.ModelProto:
    """Convert a function from named tensors to a dictionary of them to ONNX, with these names."""
    from tf2onnx import tf_loader
    from tf2onnx.optimizer import IdentityOptimizer, LoopOptimizer, optimize_graph
    from tf2onnx.tfonnx import process_tf_graph

    specs = {name: tf.TensorSpec(x.shape, x.dtype, name=name) for name, x in inputs.items()}
    concrete = tf.function(function, autograph=False).get_concrete_function(**specs)
    found = [x.name for x in concrete.inputs if x.dtype != tf.resource]
    made = [x.name for x in concrete.outputs]
    names = {f"{name}:0": name for name in inputs}
    names |= zip(made, sorted(concrete.structured_outputs))  # a dictionary's outputs are sorted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        graph_def = tf_loader.from_function(concrete, found, made)
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
            names_of_sides = {"input_names": found, "output_names": made}
            converted = process_tf_graph(
                graph, opset=OPSET, tensors_to_rename=names, **names_of_sides
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
    graph, number, whole = model.graph, onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    if of is None:
        ids = helper.make_node("Cast", ["places"], ["ids"], to=whole)
    else:
        ids = helper.make_node("Gather", [of, "places"], ["ids"])
        graph.input.append(helper.make_tensor_value_info(of, whole, [None]))
    log_softmax = helper.make_node("LogSoftmax", ["logits"], ["all_log_probs"], axis=-1)
    top_k = helper.make_node("TopK", ["all_log_probs", "k"], ["log_probs", "places"], axis=-1)
    graph.node.extend([log_softmax, top_k, ids])
    graph.input.append(helper.make_tensor_value_info("k", onnx.TensorProto.INT64, [1]))
    outputs = [output for output in graph.output if output.name != "logits"]
    for name, kind in (("all_log_probs", number), ("ids", whole), ("log_probs", number)):
        outputs.insert(0, helper.make_tensor_value_info(name, kind, [None, None, None]))
    del graph.output[:]
    graph.output.extend(outputs)
    return model


def count_parts(model: onnx.ModelProto, prefix: str) -> int:
    """Count the arrays of the state that an encoder returns under a prefix."""
    return sum(output.name.startswith(f"{prefix}_") for output in model.graph.output)
