"""Hostile inputs for the readers, and what must hold for each of them.

`make test` tries 50 inputs for each reader, the same ones each time. `make fuzz` tries as many as
`FUZZ_EXAMPLES` says, other ones each time.
"""

import copy
import json
import os
import resource
import signal
from collections.abc import Callable
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from nmtcli.errors import NmtError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
LONGEST_SECONDS = 10  # of processor time for one input
LARGEST_MEGABYTES = 1000  # that a reader may ask for beyond what the process has

fuzzed = settings(
    max_examples=EXAMPLES or 50,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# What a value of JSON may be replaced by.
VALUES = [
    None, True, False, 0, -1, 1, 3, 2**31, 2**70, 1.5, -0.0, float("nan"), float("inf"),
    "", "x", "step-3", "../../etc/passwd", "/dev/zero", "\x1b[31m\n", "\ud800", "9" * 5000,
    [], [1], ["x"], [[]], {}, {"x": 1}, {"": None},
]  # fmt: skip


def is_read_or_refused(read: Callable[[], object]) -> bool:
    """Return whether `read` works; fail if it neither works nor is refused with one line.

    A reader that takes seconds, or hundreds of megabytes, fails too.
    """
    with limited():
        try:
            read()
        except NmtError as error:
            message = str(error)
            assert message and message.isprintable(), message
            return False
    return True


@contextmanager
def limited():
    """Let the block run for seconds and with a bounded memory only."""

    def stop(number, frame):
        raise AssertionError(f"the reader took more than {LONGEST_SECONDS} s")

    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as stream:
        pages = int(stream.read().split()[0])
    largest = pages * resource.getpagesize() + (LARGEST_MEGABYTES << 20)
    handler = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)


@st.composite
def damaged(draw, *valid: bytes):
    """Bytes of a valid file after up to four changes, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(1, 40))
        change = draw(st.sampled_from(("flip", "cut", "repeat", "insert", "end")))
        if change == "flip" and place < len(data):
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del data[place : place + length]
        elif change == "repeat":
            times = draw(st.sampled_from((1, 2, 100)))
            data[place:place] = data[place : place + length] * times
        elif change == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif change == "end":
            del data[place:]
    return bytes(data)


@st.composite
def changed(draw, valid):
    """A JSON value of which one to three parts are another value, or gone."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(draw(st.sampled_from(VALUES)))
        parent, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            parent[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            del parent[key]
    return value


def _places(value):
    """Yield (container, key) for everything inside a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys) if isinstance(value, dict | list) else []:
        yield value, key
        yield from _places(value[key]) if isinstance(value[key], dict | list) else []


def as_json(value) -> bytes:
    """A JSON value as a file has it, whatever is in it."""
    return json.dumps(value).encode("utf-8")


def json_files(valid: bytes):
    """JSON files like a valid one: with other values, or with other bytes."""
    return st.one_of(changed(json.loads(valid)).map(as_json), damaged(valid))
