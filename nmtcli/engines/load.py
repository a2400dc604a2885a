"""From a run's folder to what runs its model. Nothing heavy is imported before it is needed."""

import importlib.util
from dataclasses import replace
from pathlib import Path

from nmtcli import backend
from nmtcli.config.model import TRANSFORMER
from nmtcli.decoding.engine import Engine
from nmtcli.engines.runtime import AUTOMATIC, PACKAGES, Runtime
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.exports import GRAPHS, checkpoint_hash, file_sizes, read_description

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
    if runtime.engine != "keras" and runtime.precision != "bfloat16":
        kind = "onnx" if runtime.engine == "auto" else runtime.engine
        problem = _problem(run, kind, checkpoint, layer, head, runtime)
        if problem is None and (runtime.engine != "auto" or not _has_accelerator()):
            return _exported(run, kind, runtime, on_warning)
        if problem is not None and (
            runtime.engine != "auto" or runtime.precision == "int8" or runtime.shortlist
        ):
            raise UsageError(problem)
        if problem is not None and (run.export / kind).exists():
            on_warning(f"{problem}; Keras translates instead")
    precision = "bfloat16" if runtime.precision == "bfloat16" else "float32"
    model = load_model(run, checkpoint, on_warning, layer, head, precision)[1]
    from nmtcli.engines.keras_engine import KerasEngine

    return KerasEngine(model)


def _exported(run, kind: str, runtime: Runtime, on_warning) -> Engine:
    precision = "float32" if runtime.precision == "auto" else runtime.precision
    processors = backend.usable_processors()
    threads = runtime.threads or processors
    if threads > processors:
        on_warning(f"--threads {threads}: more than the {processors} there are, and no faster")
    folder = run.export / kind
    if kind == "onnx":
        from nmtcli.engines.onnx_engine import OnnxEngine

        return OnnxEngine(folder, precision, threads, runtime.shortlist)
    from nmtcli.engines.ctranslate2_engine import CTranslate2Engine
    from nmtcli.text.subwords import load_sides

    sides = load_sides(run.source_subwords, run.target_subwords)
    return CTranslate2Engine(folder, *sides, precision, threads)


def has_export(run, checkpoint: str = "best") -> bool:
    """Is there an export for ONNX Runtime of a checkpoint, whole and of its weights?"""
    return _problem(run, "onnx", checkpoint, None, None, AUTOMATIC) is None


def _problem(run, kind: str, checkpoint: str, layer, head, runtime: Runtime) -> str | None:
    """Why an export cannot be used, and what would help; None if it can."""
    folder, package = Path(run.export, kind), PACKAGES[kind]
    option = "" if kind == "onnx" else f" --format {kind}"
    remedy = f"nmt export --run {run.path} --checkpoint {checkpoint}{option}"
    facts = read_description(folder)
    if not folder.exists():
        what = "no export" if kind == "onnx" else f"no export for {kind}"
        return f"{run.path}: has {what}; make one: {remedy}"
    if facts is None or facts.get("files") != file_sizes(folder):
        return f"{folder}: the export is damaged; make it again: {remedy}"
    if kind == "onnx" and facts.get("graphs") != GRAPHS:
        return f"{folder}: is of another version of nmt; make it again: {remedy}"
    if facts.get("weights") != checkpoint_hash(run, checkpoint):
        return f"{folder}: is of other weights than {checkpoint}; make it again: {remedy}"
    if layer is not None or head is not None:
        return f"{folder}: the export shows the run's own layer and head; use --engine keras"
    if runtime.precision == "int8" and not facts.get("int8", {}).get("accepted"):
        reason = facts.get("int8", {}).get("reason", "it was not made")
        return f"{folder}: there is no int8, since {reason}; use float32"
    if runtime.shortlist and not facts.get("shortlist", {}).get("accepted"):
        reason = facts.get("shortlist", {}).get("reason", f"it was not made; {remedy}")
        return f"{folder}: there is no shortlist, since {reason}; leave --shortlist out"
    if importlib.util.find_spec(package) is None:
        return f"the export needs {package}: pip install {package}"
    return None


def _has_accelerator() -> bool:
    """Is there a GPU or TPU, as far as can be told without a framework?"""
    return any(Path(path).exists() for path in ACCELERATORS)


def load_model(
    run,
    checkpoint: str = "best",
    on_warning=lambda message: None,
    layer=None,
    head=None,
    precision: str = "float32",
):
    """The step of a run's checkpoint and its model; arguments as of `load_engine`.

    Args:
        precision: of products, `float32` or `bfloat16`.
    """
    backend.choose()
    from nmtcli.models.factory import build_model
    from nmtcli.models.weights import set_arrays

    facts, config = run.read_facts(), run.read_config()
    options = _showing(config.model, layer, head, run.path)
    step, arrays, _ = checkpoints.load(run.checkpoints, checkpoint)
    vocabulary = facts["vocabulary"]
    dtype = backend.keras_policy(precision)
    model = build_model(options, vocabulary["source"], vocabulary["target"], dtype=dtype)
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
