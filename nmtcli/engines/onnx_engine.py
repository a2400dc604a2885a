"""The engine of an export for ONNX Runtime; it needs no TensorFlow, Keras or JAX.

Letters: B sentences, W hypotheses of each, S source positions, T target positions, U tokens of a
shortlist, V vocabulary.
"""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from nmtcli.data.batching import shift_right
from nmtcli.data.shortlist import load_shortlist
from nmtcli.decoding.engine import StepResult, all_ids
from nmtcli.engines.grouping import group
from nmtcli.errors import NmtError
from nmtcli.runs.checkpoints import read_json
from nmtcli.runs.exports import DESCRIPTION, SHORTLIST
from nmtcli.runs.shape import misfit

CPU = ("CPUExecutionProvider",)
WEIGHTS = "weights.bin"  # the one file that graphs may name, see `exports.onnx_files`
MOST_PARTS = 1000  # arrays of a state
SHAPE = {  # of what the engine reads of `nmt.json`
    "vocabulary": int,
    "source_vocabulary": int,
    "has_attention": bool,
    "has_window": bool,
    "parts": {"source": int, "decoder": int},
}
# Before this version, ONNX Runtime reads weights from any file that a graph names.
SAFE_RUNTIME = (1, 24)
RUNTIME = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
# They have no common class but `Exception`.
RUNTIME_ERRORS = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
_REMEDY = "make the export again with nmt export"


class _State(NamedTuple):
    """The state of `batch` sentences with `width` hypotheses each, in the runtime's arrays.

    chosen: with a shortlist, the inputs of a step that describe its U tokens, by name. Which of
        them each sentence allows is the last array of the source.
    pieces: U; V without a shortlist.
    """

    batch: int
    width: int
    source: list
    decoder: list
    chosen: dict
    pieces: int


class OnnxEngine:
    """Runs an exported model; see `nmtcli.decoding.engine`.

    Several searches may run at once, each in its own thread: a graph runs in the calling thread.

    Args:
        folder: the folder of the export, with `nmt.json`.
        precision: `float32` or `int8`.
        threads: how many searches may run at once.
        has_shortlist: translate only with the tokens of the export's shortlist; the scores of given
            translations still use all tokens.
    """

    run_beam = None
    batch_tokens = 2048  # fits a thread's share of the cache

    def __init__(
        self, folder, precision: str = "float32", threads: int = 1, has_shortlist: bool = False
    ):
        self.folder = Path(folder)
        facts = _read_facts(self.folder / DESCRIPTION)
        self.precision, self.parallel = precision, threads
        self.vocabulary_size = facts["vocabulary"]
        self.has_attention, self.has_window = facts["has_attention"], facts["has_window"]
        self._names = {
            kind: [f"{kind}_{n}" for n in range(facts["parts"][part])]
            for kind, part in (("source", "source"), ("decoder", "decoder"), ("next", "decoder"))
        }
        self._shortlist = None
        if has_shortlist:
            sizes = facts.get("source_vocabulary"), self.vocabulary_size
            self._shortlist = load_shortlist(self.folder / SHORTLIST, *sizes)

    # The graphs; each is read when it is first used.
    _encode = cached_property(lambda self: self._session("encode"))
    _choose = cached_property(lambda self: self._session("choose"))
    _step = cached_property(lambda self: self._session("among" if self._shortlist else "step"))
    _forced = cached_property(lambda self: self._session("forced"))

    def _session(self, name: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = self.folder / self.precision / f"{name}.onnx"
        if RUNTIME < SAFE_RUNTIME:
            _check_paths(path)
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=CPU)
        except RUNTIME_ERRORS as error:
            raise NmtError(f"{path}: {_damage(error)}") from None

    def start(self, source_ids) -> _State:
        names = self._names["source"] + self._names["decoder"]
        found = _run(self._encode, names, {"source_ids": _ids(source_ids)})
        count = len(self._names["source"])
        source, decoder = found[:count], found[count:]
        chosen, pieces = {}, self.vocabulary_size
        if self._shortlist is not None:
            ids, allowed = self._shortlist.choose(np.asarray(source_ids))
            chosen = {"pieces": _value(ids)}
            layer = [output.name for output in self._choose.get_outputs()]
            chosen |= zip(layer, _run(self._choose, layer, chosen))
            source = [*source, _value(allowed + chosen.pop("bias").numpy())]
            pieces = len(ids)
        return _State(len(source_ids), 1, source, decoder, chosen, pieces)

    def step(self, state: _State, parents, previous_ids, k: int | None) -> StepResult:
        if k is None and self._shortlist is not None:
            raise ValueError("a shortlist has not all pieces")
        sentences, origins = group(parents, state.width)
        batch, width = origins.shape
        source, decoder = state.source, state.decoder
        if not np.array_equal(sentences, np.arange(state.batch)):
            source, decoder = _take(source, sentences), _take(decoder, sentences)
        inputs = {
            "k": _value(np.array([min(k or 1, state.pieces)], dtype=np.int64)),
            "origins": _ids(origins),
            "previous_ids": _ids(np.reshape(previous_ids, (batch, width))),
            **dict(zip([*self._names["source"], "allowed"], source)),
            **dict(zip(self._names["decoder"], decoder)),
            **state.chosen,
        }
        pieces = ["all_log_probs"] if k is None else ["log_probs", "ids"]
        names = ["attention", *pieces, *self._names["next"]]
        found = _run(self._step, names, inputs)
        count = 1 + len(pieces)
        attention, log_probs, *ids = (x.numpy().reshape(batch * width, -1) for x in found[:count])
        if not ids:
            ids = [all_ids(*log_probs.shape)]
        following = state._replace(batch=batch, width=width, source=source, decoder=found[count:])
        return StepResult(log_probs, *ids, attention, following)

    def score(self, source_ids, target_ids) -> np.ndarray:
        return self._of_targets("log_probs", source_ids, target_ids)

    def align(self, source_ids, target_ids) -> np.ndarray:
        return self._of_targets("attention", source_ids, target_ids)

    def _of_targets(self, name, source_ids, target_ids):
        target_ids = np.asarray(target_ids, dtype=np.int32)
        inputs = {
            "source_ids": _ids(source_ids),
            "decoder_inputs": _ids(shift_right(target_ids)),
            "target_ids": _ids(target_ids),
        }
        return _run(self._forced, [name], inputs)[0].numpy()


def _read_facts(path: Path) -> dict:
    """Read what the engine needs to know of an export.

    Raises:
        NmtError: the file is missing or damaged.
    """
    facts = read_json(path)
    found = misfit(facts, SHAPE, ("vocabulary", "has_attention", "has_window", "parts"))
    counts = [facts["parts"].get(name) for name in ("source", "decoder")] if not found else []
    if found or not all(count is not None and 0 <= count <= MOST_PARTS for count in counts):
        raise NmtError(f"{path}: the file is damaged ({found or 'parts'}); {_REMEDY}")
    return facts


def _check_paths(path: Path) -> None:
    """Check that the weights of a graph are in its own folder.

    Raises:
        NmtError: the file is damaged, or names another place.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise NmtError(f"{path}: {_damage(error)}") from None
    pending = [model]
    while pending:
        message = pending.pop()
        if isinstance(message, onnx.TensorProto):
            for entry in message.external_data:
                if entry.key == "location" and entry.value != WEIGHTS:
                    raise NmtError(
                        f"{path}: names weights outside of its folder ({entry.value}); {_REMEDY}"
                    )
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                is_list = hasattr(value, "__len__")
                pending.extend(value if is_list else [value])


def _run(session, names: list[str], inputs: dict) -> list:
    try:
        return session.run_with_ort_values(names, inputs)
    except RUNTIME_ERRORS as error:
        raise NmtError(f"the export failed: {_damage(error)}") from None


def _damage(error: Exception) -> str:
    return f"cannot be run ({' '.join(str(error).split())[:200]}); {_REMEDY}"


def _value(array):
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))


def _ids(array):
    return _value(np.asarray(array, dtype=np.int32))


def _take(parts, sentences) -> list:
    """Select the arrays' rows for some sentences."""
    return [_value(part.numpy()[sentences]) for part in parts]
