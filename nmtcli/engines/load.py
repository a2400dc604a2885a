"""Load the engine or the model of a run. Heavy packages are imported only when needed."""

import importlib.util
import logging
from dataclasses import replace
from pathlib import Path

from nmtcli import backend
from nmtcli.config.model import TRANSFORMER
from nmtcli.decoding.engine import Engine, SearchEngine
from nmtcli.engines.runtime import AUTOMATIC, PACKAGES, Runtime
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.atomic import restore
from nmtcli.runs.exports import GRAPHS, checkpoint_hash, file_sizes, read_description

logger = logging.getLogger(__name__)

# A model is built before its weights are set. `at_most_parameters` is a few times too high.
MOST_TIMES, SMALL_MODEL = 16, 1_000_000
ACCELERATORS = ("/dev/nvidia0", "/dev/kfd", "/dev/accel0", "/dev/vfio/0")


def load_engine(
    run, checkpoint: str = "best", layer=None, head=None, runtime: Runtime = AUTOMATIC
) -> Engine:
    """Load the engine of a trained run, from its export for ONNX Runtime or with Keras.

    Args:
        run: a `RunDirectory`.
        checkpoint: `best`, `last` or `step-N`.
        layer, head: the layer and head of a Transformer's decoder, from 1, whose attention the
            engine returns. None: the run's own choice, the only one in an export. Head 0: the mean.
        runtime: the user's choice of the engine.

    Raises:
        UsageError: the checkpoint, layer or head does not exist; the requested export cannot be
            used; or CTranslate2 is requested, which only searches.
    """
    runtime.check()
    if runtime.engine == "ctranslate2":
        raise UsageError(
            "CTranslate2 searches by itself, with one model, and scores nothing: use engine onnx"
        )
    if runtime.engine != "keras" and runtime.precision != "bfloat16":
        problem = _problem(run, "onnx", checkpoint, layer, head, runtime)
        if problem is None and (runtime.engine != "auto" or not _has_accelerator()):
            from nmtcli.engines.onnx_engine import OnnxEngine

            options = *_precision_and_threads(runtime), runtime.shortlist
            return OnnxEngine(run.export / "onnx", *options)
        if problem is not None and (
            runtime.engine != "auto" or runtime.precision == "int8" or runtime.shortlist
        ):
            raise UsageError(problem)
        if problem is not None and ((run.export / "onnx").exists() or run.had_export("onnx")):
            logger.warning("%s; Keras translates instead", problem)
    precision = "bfloat16" if runtime.precision == "bfloat16" else "float32"
    model = load_model(run, checkpoint, layer, head, precision)[1]
    from nmtcli.engines.keras_engine import KerasEngine

    return KerasEngine(model)


def load_ctranslate2(run, checkpoint: str, runtime: Runtime) -> SearchEngine:
    """Load the engine of a run's export for CTranslate2.

    Args:
        run: a `RunDirectory`.
        checkpoint: `best`, `last` or `step-N`.
        runtime: the precision and the threads.

    Raises:
        UsageError: the export cannot be used.
    """
    runtime.check()
    problem = _problem(run, "ctranslate2", checkpoint, None, None, runtime)
    if problem is not None:
        raise UsageError(problem)
    from nmtcli.engines.ctranslate2_engine import CTranslate2Engine

    sides = run.load_subwords()
    return CTranslate2Engine(run.export / "ctranslate2", *sides, *_precision_and_threads(runtime))


def _precision_and_threads(runtime: Runtime) -> tuple[str, int]:
    precision = "float32" if runtime.precision == "auto" else runtime.precision
    processors = backend.usable_processors()
    threads = runtime.threads or processors
    if threads > processors:
        logger.warning("threads %s: more than the %s there are, and no faster", threads, processors)
    return precision, threads


def has_export(run, checkpoint: str = "best") -> bool:
    """Return whether a complete export for ONNX Runtime of this checkpoint exists."""
    return _problem(run, "onnx", checkpoint, None, None, AUTOMATIC) is None


def _problem(run, kind: str, checkpoint: str, layer, head, runtime: Runtime) -> str | None:
    """Explain why an export cannot be used, and what would help; None if it can be used."""
    folder, package = Path(run.export, kind), PACKAGES[kind]
    option = "" if kind == "onnx" else f" --format {kind}"
    remedy = f"nmt export --run {run.path} --checkpoint {checkpoint}{option}"
    restore(folder)
    facts = read_description(folder)
    if not folder.exists() and run.had_export(kind):
        return f"{folder}: the export is missing; make it again: {remedy}"
    if not folder.exists():
        what = "no export" if kind == "onnx" else f"no export for {kind}"
        return f"{run.path}: has {what}; make one: {remedy}"
    if facts is None or facts.get("files") != file_sizes(folder):
        return f"{folder}: the export is damaged; make it again: {remedy}"
    if kind == "onnx" and facts.get("graphs") != GRAPHS:
        return f"{folder}: is of another version of nmt; make it again: {remedy}"
    if (weights := checkpoint_hash(run, checkpoint)) is None:
        missing = run.checkpoints / checkpoint
        return f"{missing} is missing or damaged, so {folder} cannot be compared with it"
    if facts.get("weights") != weights:
        return f"{folder}: is of other weights than {checkpoint}; make it again: {remedy}"
    if layer is not None or head is not None:
        return f"{folder}: the export shows the run's own layer and head; use engine keras"
    if runtime.precision == "int8" and not facts.get("int8", {}).get("accepted"):
        reason = facts.get("int8", {}).get("reason", "it was not made")
        return f"{folder}: there is no int8, since {reason}; use float32"
    if runtime.shortlist and not facts.get("shortlist", {}).get("accepted"):
        reason = facts.get("shortlist", {}).get("reason", f"it was not made; {remedy}")
        return f"{folder}: there is no shortlist, since {reason}; leave shortlist out"
    if importlib.util.find_spec(package) is None:
        return f"the export needs {package}: pip install {package}"
    return None


def _has_accelerator() -> bool:
    """Return whether there is a GPU or TPU, as far as this is known without a framework."""
    return any(Path(path).exists() for path in ACCELERATORS)


def load_model(
    run,
    checkpoint: str = "best",
    layer=None,
    head=None,
    precision: str = "float32",
    fall_back: bool = True,
):
    """Load a run's checkpoint: its step and its model. For other arguments see `load_engine`.

    Args:
        precision: the type of products, `float32` or `bfloat16`.
        fall_back: see `checkpoints.load`.
    """
    backend.choose()
    from nmtcli.models.factory import at_most_parameters, build_model
    from nmtcli.models.weights import set_arrays

    facts, config = run.read_facts(), run.read_config()
    options = _showing(config.model, layer, head, run.path)
    step, arrays, _ = checkpoints.load(run.checkpoints, checkpoint, fall_back=fall_back)
    sizes = _vocabulary_sizes(run, facts)
    stored = sum(array.size for array in arrays["model"].values())
    if at_most_parameters(options, *sizes) > MOST_TIMES * stored + SMALL_MODEL:
        raise NmtError(
            f"{run.path}: the model of its config.yaml is many times as large as its checkpoint;"
            " restore both from a copy"
        )
    dtype = backend.keras_policy(precision)
    model = build_model(options, *sizes, dtype=dtype)
    set_arrays(model, arrays["model"])
    return step, model


def _vocabulary_sizes(run, facts: dict) -> tuple[int, int]:
    """Return the sizes of the vocabularies of source and target that `run.json` has."""
    sizes = facts.get("vocabulary")
    sizes = [sizes.get(side) for side in ("source", "target")] if isinstance(sizes, dict) else []
    if not sizes or not all(type(size) is int and 0 < size <= 2**32 for size in sizes):
        raise NmtError(f"{run.facts}: the file is damaged (vocabulary); restore it from a copy")
    return sizes[0], sizes[1]


def _showing(options, layer: int | None, head: int | None, path):
    """Change a model's options to return the attention of a layer and head."""
    chosen = {"alignment_layer": layer, "alignment_head": head}
    chosen = {name: n for name, n in chosen.items() if n is not None}
    if chosen and options.architecture != TRANSFORMER:
        raise UsageError(f"{path}: a recurrent model has one attention: leave out layer and head")
    return replace(options, **chosen)
