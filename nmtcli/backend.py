"""Differences between the Keras backends: compilation, precision, devices and determinism.

TensorFlow is the default, or JAX where TensorFlow is not installed. `KERAS_BACKEND=jax` selects
JAX. On JAX nothing imports TensorFlow, so it need not be installed.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from nmtcli.errors import UsageError

BACKENDS = ("tensorflow", "jax")  # the first one that is installed is the default


def choose() -> str:
    """Load the backend before anything else imports Keras, and return its name.

    Raises:
        UsageError: KERAS_BACKEND names another backend, or the backend is not installed.
    """
    if "keras" in sys.modules:
        import keras

        return keras.backend.backend()
    name = os.environ.get("KERAS_BACKEND") or _default()
    os.environ["KERAS_BACKEND"] = name
    if name not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND is {name}, but nmt runs on tensorflow or jax only")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import keras

            if name == "tensorflow":
                import tensorflow as tf

                tf.config.list_logical_devices()
                tf.get_logger().setLevel("ERROR")
    except ImportError as error:
        raise UsageError(f"{error}; install it, or set KERAS_BACKEND to another backend") from None
    return keras.backend.backend()


def is_installed(name: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def _default() -> str:
    for name in BACKENDS:
        if is_installed(name):
            return name
    raise UsageError("neither TensorFlow nor JAX is installed: pip install tensorflow, or jax")


@contextlib.contextmanager
def quiet_stderr():
    """Hide what native libraries print to stderr while they load; show it only if they fail.

    TensorFlow reports processors and missing GPUs before its own log level takes effect.
    """
    with tempfile.TemporaryFile() as captured:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except Exception:
            captured.seek(0)
            os.write(stderr, captured.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def make_deterministic() -> None:
    """Make every operation deterministic: the same step on the same machine gives the same bits."""
    if choose() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def deterministic():
    """Make every operation in this context deterministic, and leave the backend as it was.

    Random operations of other code need a seed while TensorFlow is deterministic, so `fit` after a
    training would fail otherwise. TensorFlow has no public function that ends this mode.
    """
    if choose() != "tensorflow":
        yield
        return
    from tensorflow.python.framework import config

    before = config.is_op_determinism_enabled()
    make_deterministic()
    try:
        yield
    finally:
        if not before:
            config.disable_op_determinism()


def device() -> str:
    """Return the number and kind of the devices in use, such as `1 GPU`, for people to read."""
    if choose() == "tensorflow":
        import tensorflow as tf

        for kind in ("TPU", "GPU"):
            devices = tf.config.list_logical_devices(kind)
            if devices:
                return f"{len(devices)} {kind}"
    else:
        import jax

        if jax.default_backend() != "cpu":
            devices = jax.devices()
            return f"{len(devices)} {devices[0].device_kind}"
    return f"CPU ({usable_processors()} threads)"


def usable_processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # some systems lack it
        return os.cpu_count() or 1


def version() -> str:
    """Return the name and the version of the backend."""
    name = choose()
    return f"{name} {importlib.import_module(name).__version__}"


def resolve_precision(precision: str) -> str:
    """Return `precision`; `auto` becomes `bfloat16` where that is fast, else `float32`."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_fast_bfloat16() else "float32"


def keras_policy(precision: str) -> str:
    """Return the name of the Keras dtype policy; in `bfloat16`, the weights stay float32."""
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


def _has_fast_bfloat16() -> bool:
    if choose() == "jax":
        import jax

        return jax.default_backend() in ("tpu", "gpu")
    import tensorflow as tf

    if tf.config.list_logical_devices("TPU"):
        return True
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0))[0] >= 8
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words


def compiled(function, variables=(), is_fixed=False, id_arguments=0):
    """Return `function` compiled as one graph; the sizes of axes may change from call to call.

    Args:
        function: takes and returns structures of tensors.
        variables: Keras variables that the function reads; each call sees their current values.
        is_fixed: the function needs every size as a number, and is compiled again for new sizes.
        id_arguments: the number of arguments if each is a matrix of token ids, (B, T); TensorFlow
            then compiles once for all sizes, and not first for those of the first call.
    """
    if choose() == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec([None, None], tf.int32)] * id_arguments or None
        return tf.function(
            function, signature, autograph=False, reduce_retracing=not (is_fixed or signature)
        )
    import jax
    import keras

    @jax.jit
    def with_values(values, *args):  # otherwise JAX would keep the values of the first call
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return function(*args)

    return lambda *args: with_values([variable.value for variable in variables], *args)
