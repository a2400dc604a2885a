"""From a run's folder to what runs its model. Nothing heavy is imported before it is needed."""

from dataclasses import replace

from nmtcli import backend
from nmtcli import checkpoint as checkpoints
from nmtcli.errors import UsageError
from nmtcli.options.model import TRANSFORMER
from nmtcli.search.interface import Engine


def load_engine(
    run, checkpoint: str = "best", on_warning=lambda message: None, layer=None, head=None
) -> Engine:
    """The engine of a trained run.

    Args:
        run: a `RunDirectory`.
        checkpoint: `best`, `last` or `step-N`.
        on_warning: called with one line when a damaged checkpoint was passed over.
        layer, head: of a Transformer's decoder, from 1, whose attention the engine returns; None
            is the run's own choice, head 0 the mean of the layer's heads.

    Raises:
        UsageError: no such checkpoint, layer or head.
    """
    model = load_model(run, checkpoint, on_warning, layer, head)[1]
    from nmtcli.engines.keras_engine import KerasEngine

    return KerasEngine(model)


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
