"""Lines of text: N lines of input give N lines of output.

Only `\\n` ends a line, and one `\\r` before it is dropped. U+0085, U+2028, U+2029, VT and FF are
ordinary text. A missing final newline does not add a line.
"""

from collections.abc import Callable, Iterable, Iterator

from nmtcli.errors import UsageError


def read_raw_lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a binary stream without their line endings."""
    for line in stream:  # a binary stream splits at b"\n" alone
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def read_lines(stream: Iterable[bytes], on_invalid: Callable[[int], None]) -> Iterator[str]:
    """Yield the lines of a binary stream as text; invalid UTF-8 is replaced by U+FFFD.

    Args:
        stream: a binary stream, for example `sys.stdin.buffer`, or its lines.
        on_invalid: called with the number (from 1) of each line that is not valid UTF-8.
    """
    for number, raw in enumerate(read_raw_lines(stream), start=1):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            on_invalid(number)
            yield raw.decode("utf-8", errors="replace")


def check_lines(name: str, lines: Iterable[str]) -> list[str]:
    """Return lines that a caller gives as texts, without the line ending that each may have.

    Args:
        name: what they are called in messages.
        lines: the texts.

    Raises:
        UsageError: it is one text instead of several, or one of them is no text or several lines.
    """
    if isinstance(lines, str):
        raise UsageError(f"{name} must be a list of lines, not one text; give [text]")
    checked = []
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, str):
            raise UsageError(f"{name}: line {number} must be a text, not {line!r}")
        checked.append(line.removesuffix("\n").removesuffix("\r"))
        if "\n" in checked[-1]:
            raise UsageError(f"{name}: line {number} has a line break; give each line by itself")
    return checked


def one_line(text: str) -> str:
    """Return `text` with every line ending replaced by a space."""
    return text.replace("\n", " ").replace("\r", " ")
