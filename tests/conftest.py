"""What every test module may use."""

import os
import signal
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two workers with a thread for each core would be in each other's way, and tensors are tiny here.
for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
# A job in the background ignores SIGINT, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# So that programs which tests start find `helpers`, and the package of this checkout.
PATHS = [Path(__file__).parent, Path(__file__).parents[1], os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(str(path) for path in PATHS if path)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from helpers import only_fast  # noqa: E402
from helpers.command import nmt  # noqa: E402, F401
from helpers.preprocess_case import here  # noqa: E402, F401
from helpers.training_case import prepared, whole  # noqa: E402, F401

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="skip what needs a framework")


def pytest_configure(config):
    if config.getoption("--fast"):
        only_fast.install()


def pytest_collection_finish(session):
    """Run TensorFlow's graphs as they are: optimising a tiny one takes longer than running it.

    The programs that tests start optimise theirs.
    """
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


@pytest.fixture(scope="module", autouse=True)
def graphs_of_the_module_are_freed():
    """Forget TensorFlow's custom gradients, which keep every graph that has one for ever.

    Without this a worker grows to 8 GB.
    """
    yield
    if "tensorflow" in sys.modules:
        from tensorflow.python.framework import ops

        gradients = ops.gradient_registry._registry
        for name in [name for name in gradients if name.startswith("CustomGradient-")]:
            del gradients[name]
