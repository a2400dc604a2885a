"""What `nmt bleu` reads: files, or standard input for one of them, that are equally long."""

import sys
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from nmtcli.errors import UsageError
from nmtcli.text.lines import read_lines


def read_parallel(
    files: Sequence[str], source: str | None
) -> tuple[list[list[str]], list[str], list[str] | None]:
    """References, hypotheses and source lines (None without a file), all equally long."""
    if len(files) < 2:
        raise UsageError("give at least two files: REF... HYP, the translation last")
    names = [*files] if source is None else [*files, source]
    if names.count("-") > 1:
        raise UsageError("only one file can be - (standard input)")
    texts = [_read(name) for name in names]
    hypotheses = texts[len(files) - 1]
    for name, lines in zip(names, texts):
        if len(lines) != len(hypotheses):
            raise UsageError(
                f"{_shown(name)} has {len(lines)} lines, {_shown(files[-1])} has "
                f"{len(hypotheses)}: line n of each must be the same sentence"
            )
    sources = None if source is None else texts[-1]
    return texts[: len(files) - 1], hypotheses, sources


def _read(name: str) -> list[str]:
    shown = _shown(name)

    def refuse(number: int) -> None:
        raise UsageError(f"{shown}: line {number} is not UTF-8: convert the file, or repair it")

    try:
        if name == "-":
            if sys.stdin is None:
                raise UsageError("standard input is closed")
            lines = list(read_lines(sys.stdin.buffer, refuse))
        else:
            with _open(name) as stream:
                lines = list(read_lines(stream, refuse))
    except FileNotFoundError:
        raise UsageError(f"{shown}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{shown}: is a directory; give a text file") from None
    except PermissionError:
        raise UsageError(f"{shown}: may not be read; check its permissions") from None
    except (OSError, EOFError, zlib.error) as error:
        if not name.endswith(".gz"):
            raise
        raise UsageError(f"{shown}: the compressed file is damaged or cut off") from error
    if not lines:
        raise UsageError(f"{shown}: is empty; there is nothing to score")
    return lines


def _open(name: str) -> BinaryIO:
    if not name.endswith(".gz"):
        return open(name, "rb")
    import gzip  # sacrebleu reads compressed files too

    return gzip.open(name, "rb")


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name
