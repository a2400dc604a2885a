"""The folders and files that callers give."""

import os
from collections.abc import Sequence
from typing import TypeAlias

Path: TypeAlias = str | os.PathLike[str]
Runs: TypeAlias = Path | Sequence[Path] | None
