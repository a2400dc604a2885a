"""What every test module may use."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# So that programs which tests start find `helpers`, and the package of this checkout.
PATHS = [Path(__file__).parent, Path(__file__).parents[1], os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(str(path) for path in PATHS if path)

from hypothesis import settings  # noqa: E402

from helpers.command import nmt  # noqa: E402, F401
from helpers.preprocess_case import here  # noqa: E402, F401
from helpers.training_case import prepared, whole  # noqa: E402, F401

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")
