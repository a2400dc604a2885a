"""The loop over positions, the only code in the layers that depends on the backend.

On TensorFlow, `keras.ops.scan` requires outputs shaped like the carry and copies the carry through
arrays; but a decoder's outputs (state, context, weights) are not shaped like its state.
"""

import keras
from keras import tree


def scan(function, carry, positions, reverse=False):
    """Loop over the first axis of `positions`.

    Args:
        function: (carry, position) -> (carry, outputs); structures of tensors of fixed shapes.
        carry: structure of tensors before the first position.
        positions: structure of tensors (T, ...), one slice for each turn.
        reverse: run from the last position to the first; outputs keep the order of the positions.

    Returns:
        the carry after the last turn, and the outputs stacked to (T, ...).
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.scan(function, carry, positions, reverse=reverse)
    return _tensorflow_scan(function, carry, positions, reverse)


def _tensorflow_scan(function, carry, positions, reverse):
    import tensorflow as tf

    arrays = [tf.convert_to_tensor(x) for x in tree.flatten(positions)]
    length = tf.shape(arrays[0])[0]
    inputs = [
        tf.TensorArray(x.dtype, size=length, element_shape=x.shape[1:]).unstack(x) for x in arrays
    ]
    carry = tree.map_structure(tf.convert_to_tensor, carry)
    outputs_like, signature = _output_signature(function, carry, positions, arrays)
    collected = [tf.TensorArray(s.dtype, size=length, element_shape=s.shape) for s in signature]

    def turn(index, flat_carry, collected):
        place = length - 1 - index if reverse else index
        position = tree.pack_sequence_as(positions, [x.read(place) for x in inputs])
        new, outputs = function(tree.pack_sequence_as(carry, flat_carry), position)
        written = [c.write(index, y) for c, y in zip(collected, tree.flatten(outputs))]
        return index + 1, tree.flatten(new), written

    _, flat_carry, collected = tf.while_loop(
        lambda index, *_: index < length,
        turn,
        (0, tree.flatten(carry), collected),
        parallel_iterations=1,
    )
    stacked = []
    for array in collected:
        # Reversed here, because an ONNX loop collects its outputs in the order of its turns.
        output = tf.reverse(array.stack(), [0]) if reverse else array.stack()
        output.set_shape([arrays[0].shape[0], *output.shape[1:]])
        stacked.append(output)
    return tree.pack_sequence_as(carry, flat_carry), tree.pack_sequence_as(outputs_like, stacked)


def _output_signature(function, carry, positions, arrays):
    """Find types and shapes of the outputs of a turn; a graph does so without running it."""
    import tensorflow as tf

    def first(flat_carry, flat_position):
        _, outputs = function(
            tree.pack_sequence_as(carry, flat_carry),
            tree.pack_sequence_as(positions, flat_position),
        )
        return outputs

    if tf.executing_eagerly():  # a turn on zeros is much quicker than its trace
        outputs = first(tree.flatten(carry), [tf.zeros(x.shape[1:], x.dtype) for x in arrays])
        return outputs, tree.flatten(outputs)
    graph = tf.function(first, autograph=False)
    carry_specs = [tf.TensorSpec(x.shape, x.dtype) for x in tree.flatten(carry)]
    position_specs = [tf.TensorSpec(x.shape[1:], x.dtype) for x in arrays]
    structure = graph.get_concrete_function(carry_specs, position_specs).structured_outputs
    return structure, tree.flatten(structure)
