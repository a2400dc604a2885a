"""What every test module may use."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from preprocess_case import here  # noqa: F401
