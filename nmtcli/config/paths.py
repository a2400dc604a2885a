"""The type of a file or folder that a caller names."""

import os
from typing import TypeAlias

AnyPath: TypeAlias = str | os.PathLike[str]
