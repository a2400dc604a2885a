"""Whatever the files of a run have, each command's reader works or refuses it with one line."""

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.fuzzing import EXAMPLES, as_json, changed, damaged, fuzzed, is_read_or_refused
from nmtcli import config
from nmtcli.inference.loading import find_members, search_options, translates_back
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.info import describe
from nmtcli.runs.metrics_log import Metrics, read_metrics
from nmtcli.runs.model_card import model_card
from nmtcli.training.averaging import choose, made_of, mean_of
from nmtcli.training.state import TrainerState

RUN = Path(__file__).parents[1] / "end_to_end" / "runs" / "rnn"
STEP = "checkpoints/step-300"
FILES = {
    name: (RUN / name).read_bytes()
    for name in ("run.json", "config.yaml", "metrics.jsonl", f"{STEP}/manifest.json",
                 f"{STEP}/state.json", f"{STEP}/model.npz")
}  # fmt: skip
DEEP = b"[" * 100_000
LINE = json.loads(FILES["metrics.jsonl"].split(b"\n")[0])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A copy of a run."""
    copy = tmp_path_factory.mktemp("run") / "run"
    shutil.copytree(RUN, copy, symlinks=True)
    return RunDirectory(copy)


def write(run, name: str, data: bytes) -> None:
    """Put a file into the run, and its right checksum into the checkpoint's manifest."""
    for other, content in FILES.items():
        (run.path / other).write_bytes(content)
    (run.path / name).write_bytes(data)
    if name.endswith(("state.json", "model.npz")):
        manifest = json.loads(FILES[f"{STEP}/manifest.json"])
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        manifest["files"][Path(name).name] = facts
        (run.path / STEP / "manifest.json").write_bytes(as_json(manifest))


READERS = {
    "inspect": describe,
    "card": model_card,
    "translate": lambda run: (find_members([run.path]), search_options(run)),
    "rerank": lambda run: translates_back(run, run),
    "checkpoint": lambda run: checkpoints.load(run.checkpoints, "best"),
    "average": lambda run: (choose(run, best=1), made_of(run, "step-300")),
    "mean": lambda run: mean_of(run, ["step-300"]),
    "resume": lambda run: TrainerState.from_dict(checkpoints.load(run.checkpoints)[2]),
}


def read_all(run) -> None:
    """Try every reader; a run is read in a tenth of a second by all together."""
    for read in READERS.values():
        is_read_or_refused(lambda read=read: read(run))


# In `make test` an input meets one of the readers, in `make fuzz` all.
readers = st.sampled_from([[name] for name in READERS] if not EXAMPLES else [list(READERS)])


@fuzzed
@given(st.data())
def test_a_run_of_other_values(run, data):
    name = data.draw(st.sampled_from([n for n in FILES if n.endswith(".json")]))
    write(run, name, as_json(data.draw(changed(json.loads(FILES[name])))))
    for reader in data.draw(readers):
        is_read_or_refused(lambda reader=reader: READERS[reader](run))


@fuzzed
@given(st.data())
def test_a_run_of_any_bytes(run, data):
    name = data.draw(st.sampled_from(list(FILES)))
    write(run, name, data.draw(damaged(FILES[name])))
    for reader in data.draw(readers):
        is_read_or_refused(lambda reader=reader: READERS[reader](run))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", DEEP, b"null", b"\xff", b"9" * 5000])
def test_a_run_with_a_file_that_says_nothing(run, name, content):
    write(run, name, content)
    read_all(run)


@fuzzed
@given(st.lists(changed(LINE), max_size=3), st.integers(0, 3))
@example([{"kind": "validation", "step": "3"}], 1)
@example([{"kind": "validation", "step": 3, "bleu": [[]]}], 1)
def test_metrics_of_any_values(tmp_path_factory, lines, step):
    path = tmp_path_factory.getbasetemp() / "metrics.jsonl"
    path.write_bytes(b"\n".join(map(as_json, lines)) + b"\n" + DEEP)

    def read():
        read_metrics(path)
        Metrics._forget_after(type("Log", (), {"path": path}), step)

    is_read_or_refused(read)


@fuzzed
@given(damaged(FILES["config.yaml"]))
def test_a_config_of_any_bytes_is_a_configuration_or_refused(run, data):
    write(run, "config.yaml", data)
    is_read_or_refused(lambda: config.dump(run.read_config()))


def npz(header: bytes, packed: bool = False, values: bytes = b"") -> bytes:
    """An `.npz` file with one array of this header."""
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", kind) as archive:
        text = header.ljust(118) + b"\n"
        start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
        archive.writestr("x.npy", start + values)
    return stream.getvalue()


HOSTILE_ARRAYS = {
    "a header that promises terabytes": npz(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    ),
    "sizes whose product overflows": npz(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"
    ),
    "a zip bomb": npz(
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (50000000,), }", True, bytes(50_000_000)
    ),
    "pickled objects": npz(
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        values=b"cos\nsystem\n(S'touch pwned'\ntR.",
    ),
    "a header that is nested": npz(
        b"{'descr': " + b"(" * 9000 + b")" * 9000 + b", 'fortran_order': False, 'shape': (), }"
    ),
    "a header that computes": npz(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (9**9**9,), }"
    ),
    "no zip": b"PK\x05\x06" + b"\xff" * 18,
}


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_a_hostile_checkpoint_is_refused_before_it_takes_memory(run, name):
    write(run, f"{STEP}/model.npz", HOSTILE_ARRAYS[name])
    assert not is_read_or_refused(lambda: checkpoints.load(run.checkpoints))


def test_the_run_itself_is_read(run):
    write(run, "run.json", FILES["run.json"])
    for name in ("inspect", "card", "translate", "rerank", "checkpoint", "mean", "resume"):
        assert is_read_or_refused(lambda name=name: READERS[name](run)), name
