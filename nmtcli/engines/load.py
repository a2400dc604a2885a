"""From a run's folder to what runs its model. Nothing heavy is imported before it is needed."""

import importlib.util
from dataclasses import replace
from pathlib import Path

from nmtcli import backend
from nmtcli import checkpoint as checkpoints
from nmtcli.engines.export_folder import checkpoint_hash, file_sizes, read_description
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import UsageError
from nmtcli.options.model import TRANSFORMER
from nmtcli.search.interface import Engine

ACCELERATORS = ("/dev/nvidia0", "/dev/kfd", "/dev/accel0", "/dev/vfio/0")


def load_engine(
    run,
    checkpoint: str = "best",
    on_warning=lambda message: None,
    layer=None,
    head=None,
    runtime: Runtime = AUTOMATIC,
) -> Engine:
    """The engine of a trained run.

    Args:
        run: a `RunDirectory`.
        checkpoint: `best`, `last` or `step-N`.
        on_warning: called with one line when a damaged checkpoint or an export was passed over.
        layer, head: of a Transformer's decoder, from 1, whose attention the engine returns; None
            is the run's own choice, head 0 the mean of the layer's heads. An export has the run's.
        runtime: what runs it.

    Raises:
        UsageError: no such checkpoint, layer or head; or the export that is asked for cannot be
            used.
    """
    runtime.check()
    if runtime.engine != "keras":
        problem = _problem(run, checkpoint, layer, head, runtime.precision)
        if problem is None and (runtime.engine == "onnx" or not _has_accelerator()):
            return _exported(run, runtime)
        wanted = runtime.engine == "onnx" or runtime.precision == "int8"
        if problem is not None and wanted:
            raise UsageError(problem)
        if problem is not None and (run.export / "onnx").exists():
            on_warning(f"{problem}; Keras translates instead")
    model = load_model(run, checkpoint, on_warning, layer, head)[1]
    from nmtcli.engines.keras_engine import KerasEngine

    return KerasEngine(model)


def _exported(run, runtime: Runtime) -> Engine:
    from nmtcli.engines.onnx_engine import OnnxEngine

    precision = "float32" if runtime.precision == "auto" else runtime.precision
    threads = runtime.threads or backend.usable_processors()
    return OnnxEngine(run.export / "onnx", precision, threads)


def _problem(run, checkpoint: str, layer, head, precision: str) -> str | None:
    """Why the export cannot be used, and what would help; None if it can."""
    folder = Path(run.export, "onnx")
    remedy = f"nmt export --run {run.path} --checkpoint {checkpoint}"
    facts = read_description(folder)
    if not folder.exists():
        return f"{run.path}: has no export; make one: {remedy}"
    if facts is None or facts.get("files") != file_sizes(folder):
        return f"{folder}: the export is damaged; make it again: {remedy}"
    if facts.get("weights") != checkpoint_hash(run, checkpoint):
        return f"{folder}: is of other weights than {checkpoint}; make it again: {remedy}"
    if layer is not None or head is not None:
        return f"{folder}: the export shows the run's own layer and head; use --engine keras"
    if precision == "int8" and not facts.get("int8", {}).get("accepted"):
        reason = facts.get("int8", {}).get("reason", "it was not made")
        return f"{folder}: there is no int8, since {reason}; use float32"
    if importlib.util.find_spec("onnxruntime") is None:
        return "the export needs onnxruntime: pip install onnxruntime"
    return None


def _has_accelerator() -> bool:
    """Is there a GPU or TPU, as far as can be told without a framework?"""
    return any(Path(path).exists() for path in ACCELERATORS)


def load_model(
    run, checkpoint: str = "best", on_warning=lambda message: None, layer=None, head=None
):
    """The step of a run's checkpoint and its model, in float32; arguments as of `load_engine`."""
    backend.choose()
    from nmtcli.models.build import build_model
    from nmtcli.models.weights import set_arrays

    facts, config = run.read_facts(), run.read_config()
    options = _showing(config.model, layer, head, run.path)
    step, arrays, _ = checkpoints.load(run.checkpoints, checkpoint, on_warning=on_warning)
    vocabulary = facts["vocabulary"]
    model = build_model(options, vocabulary["source"], vocabulary["target"], dtype="float32")
    set_arrays(model, arrays["model"])
    return step, model


def _showing(options, layer: int | None, head: int | None, path):
    """The options of a model whose attention is that of a layer and head."""
    if layer is None and head is None:
        return options
    if options.architecture != TRANSFORMER:
        raise UsageError(
            f"{path}: a recurrent model has one attention: leave out --layer and --head"
        )
    chosen = {"alignment_layer": layer, "alignment_head": head}
    return replace(options, **{name: n for name, n in chosen.items() if n is not None})
