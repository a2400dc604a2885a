"""What every test module may use."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hypothesis import settings
from preprocess_case import here  # noqa: F401

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")
