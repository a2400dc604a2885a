"""The metrics log of a training: metrics.jsonl for programs, event files for TensorBoard."""

import json
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmtcli.errors import NmtError
from nmtcli.runs.atomic import make_folder, reason, sync, write_atomically
from nmtcli.runs.reading import parse_json
from nmtcli.runs.shape import misfit

SHAPE = {  # of a line
    "kind": str, "step": int, "epoch": float, "seconds": float, "tokens_per_second": float,
    "bleu": float, "chrf": float, "perplexity": float, "made_of": [str],
    "signature": str, "chrf_signature": str,
}  # fmt: skip
LARGEST = 16 << 20  # bytes that are read of a log: at least 50,000 lines


class Metrics:
    """Writes the metrics of a run.

    Args:
        path: the file `metrics.jsonl`; event files go to the folder `tensorboard` beside it.
        step: the step from which the training resumes; metrics of later steps are removed.
    """

    def __init__(self, path, step: int):
        self.path = Path(path)
        with self._failures():
            self._forget_after(step)
            self._stream = self.path.open("a", encoding="utf-8")
            sync(self.path.parent)
            self._events = EventFile(self.path.parent / "tensorboard", step)

    def write(self, kind: str, step: int, **values) -> None:
        """Write one line {"kind", "step", ...}; numbers in `values` also become event scalars.

        Raises:
            NmtError: the system fails.
        """
        line = json.dumps({"kind": kind, "step": step, **values}, ensure_ascii=False)
        with self._failures():
            self._stream.write(line + "\n")
            self._stream.flush()
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._events.scalar(f"{kind}/{name}", step, value)
            self._events.stream.flush()

    def sync(self) -> None:
        """Flush the lines so far to the disk.

        Raises:
            NmtError: the system fails.
        """
        with self._failures():
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close both files. What could not be written has been reported before."""
        for stream in (self._stream, self._events.stream):
            with suppress(OSError):
                stream.close()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NmtError(
                f"{error.filename or self.path}: the file cannot be written {reason(error)}; the"
                " same command resumes from the last checkpoint"
            ) from None

    def _forget_after(self, step: int) -> None:
        if not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.split("\n")
        kept = [line for line in lines if _step_of(line) <= step]
        if (whole := "".join(line + "\n" for line in kept)) != text:
            write_atomically(self.path, whole)


def read_metrics(path) -> list[dict]:
    """Read the lines of a `metrics.jsonl`; a line that is only half written is skipped."""
    try:
        lines = _read_lines(Path(path))
    except OSError:
        return []
    return [values for line in lines if (values := _parse(line))]


def _read_lines(path: Path) -> list[str]:
    """Return the last lines of a log: as many as `LARGEST` bytes have."""
    with open(path, "rb") as stream:
        stream.seek(max(0, os.path.getsize(path) - LARGEST))
        return stream.read(LARGEST).decode("utf-8", errors="replace").split("\n")


def _step_of(line: str) -> float:
    """Return the step of a line, whatever else it says; infinity for one that a crash truncated."""
    try:
        values = parse_json(line)
    except ValueError:
        return math.inf
    step = values.get("step") if isinstance(values, dict) else None
    return step if isinstance(step, int | float) else math.inf


def _parse(line: str) -> dict:
    """Return the values of a line; nothing for one that a crash truncated or that is damaged."""
    try:
        values = parse_json(line)
    except ValueError:
        return {}
    is_damaged = misfit(values, SHAPE, ("kind", "step")) is not None
    return values if isinstance(values, dict) and not is_damaged else {}


class EventFile:
    """Writes scalars for TensorBoard without TensorFlow; its file is `stream`."""

    def __init__(self, folder: Path, step: int):
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        make_folder(folder)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self.stream = (folder / name).open("wb")
        self._writer = RecordWriter(self.stream)
        self._add(file_version="brain.Event:2")
        # TensorBoard then drops what an interrupted training wrote after this step.
        session = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(step=step + 1, session_log=session)

    def scalar(self, tag: str, step: int, value: float) -> None:
        """Write one scalar."""
        summary = self._summary(value=[self._summary.Value(tag=tag, simple_value=value)])
        self._add(step=step, summary=summary)

    def _add(self, **fields) -> None:
        event = self._event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())
