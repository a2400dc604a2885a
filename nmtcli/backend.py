"""What Keras backends do each in their own way: compiling, precision, devices, determinism.

TensorFlow is the default; `KERAS_BACKEND=jax` selects JAX, and then nothing imports TensorFlow.
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from nmtcli.errors import UsageError


def choose() -> str:
    """Settle and load the backend, before anything else imports Keras; returns its name."""
    if "keras" in sys.modules:
        import keras

        return keras.backend.backend()
    name = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if name not in ("tensorflow", "jax"):
        raise UsageError(f"KERAS_BACKEND={name}: nmt runs on tensorflow or jax")
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


@contextlib.contextmanager
def quiet_stderr():
    """Keep what native libraries print while they are loaded from the user, unless they fail.

    TensorFlow reports processors and missing GPUs before its own log level takes effect.
    """
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(real, kept.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)


def make_deterministic() -> None:
    """Let the same step on the same machine give the same bits."""
    if choose() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def device() -> str:
    """The kind and number of the devices that will be used, for people to read."""
    if choose() == "tensorflow":
        import tensorflow as tf

        for kind in ("TPU", "GPU"):
            found = tf.config.list_logical_devices(kind)
            if found:
                return f"{len(found)} {kind}"
    else:
        import jax

        if jax.default_backend() != "cpu":
            found = jax.devices()
            return f"{len(found)} {found[0].device_kind}"
    return f"CPU ({usable_processors()} threads)"


def usable_processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def version() -> str:
    """Name and version of the backend."""
    module = sys.modules.get("tensorflow" if choose() == "tensorflow" else "jax")
    if module is None:
        module = __import__(choose())
    return f"{choose()} {module.__version__}"


def resolve_precision(wanted: str) -> str:
    """`auto` -> `bfloat16` where matrix products in it are fast, else `float32`."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if _has_fast_bfloat16() else "float32"


def keras_policy(precision: str) -> str:
    """The Keras dtype policy: bfloat16 products, float32 weights."""
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
    return bool({"avx512_bf16", "amx_bf16"} & _processor_flags())


def _processor_flags() -> set[str]:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split())
    except OSError:
        pass
    return set()


def compiled(function, variables=(), is_fixed=False):
    """`function` of tensors as one compiled graph; sizes of axes may change from call to call.

    Args:
        function: takes and returns structures of tensors.
        variables: Keras variables that it reads; it sees the values they have at each call.
        is_fixed: it needs all sizes of axes as numbers, and is compiled for each anew.
    """
    if choose() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, reduce_retracing=not is_fixed)
    import jax
    import keras

    @jax.jit
    def with_values(values, *args):  # JAX would else keep the values of the first call for ever
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return function(*args)

    return lambda *args: with_values([variable.value for variable in variables], *args)
